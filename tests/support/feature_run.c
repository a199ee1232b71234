/*
 * feature_run.c - features through the import of matrices.
 */
#include "feature_run.h"

#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/tensor.h"

enum {
    CLASSES = 3,
    ROWS_MOST = 64
};

void fill_class_rows(run_row *rows, float *features, size_t count, size_t width, bool is_rising,
                     uint64_t seed)
{
    static char names[ROWS_MOST][32];
    random_key key = random_key_make(seed, "test");
    assert_in_range(count, 0, ROWS_MOST);
    for (size_t i = 0; i < count; i++) {
        double signal = is_rising ? (double)i / 30.0 : 1.0;
        (void)snprintf(names[i], sizeof names[i], "%02zu.png", i);
        rows[i] = (run_row){
            .file_name = names[i], .class_index = i % CLASSES, .logit = (float)i / 8.0F};
        for (size_t j = 0; j < width; j++) {
            double own = i % CLASSES == j ? signal : 0.0;
            features[i * width + j] = (float)(random_normal(key, i, j) + own);
        }
    }
}

/* NOLINTNEXTLINE(readability-function-size): rows and features with their sizes */
void make_feature_split(const char *folder, const char *split, const run_row *rows,
                        size_t count, const float *features, size_t width, const char *matrix)
{
    spur_error error;
    spur_import_options options;
    const size_t shape[] = {count, width}, id_shape[] = {count, STORE_ID_SIZE};
    unsigned char *ids = NULL;
    make_split(folder, split, "max", 3, rows, count);
    assert_ok(memory_new(count, STORE_ID_SIZE, &ids, &error), error);
    for (size_t i = 0; i < count; i++) {
        memset(ids + i * STORE_ID_SIZE, (int)i, STORE_ID_SIZE); /* as make_split */
    }
    const tensor_out tensors[] = {{"X", TENSOR_F32, 2, shape, features},
                                  {"image_id", TENSOR_U8, 2, id_shape, ids}};
    assert_ok(safetensors_write(matrix, tensors, 2, NULL, 0, &error), error);
    spur_import_options_defaults(&options);
    options.split = split;
    options.name = "made";
    assert_ok(spur_features_import(folder, matrix, &options, NULL, &error), error);
    memory_free(ids);
}
