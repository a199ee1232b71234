/*
 * export_features.c - one backbone's features of one split as an .npz that NumPy loads.
 *
 * Only images that have features: X float32 [n, D], y int64 [n], row int64 [n] (in the split)
 * and image_id u1 [n, 16], so that `spur features --features` takes the file back.
 */
#include <string.h>

#include "base/memory.h"
#include "io/npy.h"
#include "pipeline/features.h"
#include "pipeline/run.h"

typedef struct label_list {
    const unsigned char *valid;
    int64_t *labels, *rows;
    size_t count;
} label_list;

static spur_status keep_label(void *context, const store_row *row, spur_error *error)
{
    label_list *into = context;
    (void)error;
    if (into->valid[row->row] != 0) {
        into->labels[into->count] = (int64_t)row->class_index;
        into->rows[into->count++] = (int64_t)row->row;
    }
    return SPUR_OK;
}

/* The asked backbone, or the run's only one. */
static spur_status choose_backbone(const spur_run *run, const char *asked, const char **out,
                                   spur_error *error)
{
    spur_status status;
    const store_backbone *all;
    size_t count;
    TRY(store_get_backbones(run->db, &all, &count));
    if (asked == NULL && count == 0) {
        FAIL(SPUR_DATASET,
             "%s: has no features; `spur features %s --backbone MODEL` makes them", run->folder,
             run->folder);
    }
    if (asked == NULL && count > 1) {
        FAIL(SPUR_USAGE, "the run has features of %zu backbones; choose one with --backbone",
             count);
    }
    *out = asked == NULL ? all[0].name : asked;
done:
    return status;
}

/* Moves the rows that hold features to the front; their number is count. */
static void drop_failed(feature_matrix *from)
{
    size_t kept = 0;
    for (size_t i = 0; i < from->rows; i++) {
        if (from->valid[i] != 0) {
            memmove(from->values + kept * from->width, from->values + i * from->width,
                    from->width * sizeof *from->values);
            memmove(from->ids + kept * STORE_ID_SIZE, from->ids + i * STORE_ID_SIZE,
                    STORE_ID_SIZE);
            kept++;
        }
    }
}

static spur_status write_arrays(const char *path, const feature_matrix *from,
                                const label_list *labels, spur_error *error)
{
    const size_t values[] = {labels->count, from->width};
    const size_t ids[] = {labels->count, STORE_ID_SIZE};
    const tensor_out arrays[] = {{"X", TENSOR_F32, 2, values, from->values},
                                 {"y", TENSOR_I64, 1, values, labels->labels},
                                 {"row", TENSOR_I64, 1, values, labels->rows},
                                 {"image_id", TENSOR_U8, 2, ids, from->ids}};
    return npz_write(path, arrays, sizeof arrays / sizeof arrays[0], error);
}

spur_status spur_export_npz(spur_run *run, const char *path, const spur_export_options *options,
                            spur_error *error)
{
    spur_status status;
    feature_matrix found = {.rows = 0};
    label_list labels = {NULL, NULL, NULL, 0};
    const char *backbone = NULL;
    const char *split = options != NULL && options->split != NULL ? options->split
                        : run->split_count == 1                   ? run->splits[0].name
                                                                  : "train";
    TRY(choose_backbone(run, options == NULL ? NULL : options->backbone, &backbone, error));
    TRY(features_load(run, backbone, split, &found, error));
    TRY(memory_new(found.rows, sizeof *labels.labels, &labels.labels, error));
    TRY(memory_new(found.rows, sizeof *labels.rows, &labels.rows, error));
    labels.valid = found.valid;
    TRY(store_each_row(run->db, split, keep_label, &labels, error));
    drop_failed(&found);
    TRY(write_arrays(path, &found, &labels, error));
done:
    feature_matrix_free(&found);
    memory_free(labels.labels);
    memory_free(labels.rows);
    return status;
}
