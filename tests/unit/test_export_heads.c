/*
 * test_export_heads.c - heads under the names of other libraries, as arrays and as C: the same
 * numbers everywhere, and nothing under a name that would be passed over.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/store.h"
#include "io/store_features.h"
#include "io/tensor.h"
#include "models/head_file.h"

enum {
    CLASSES = 3,
    FEATURES = 4
};

static const float weight[CLASSES * FEATURES] = {0.1F,    -2.0F, 3e-20F, 1.0F,  0.0F,  1e30F,
                                                 -0.125F, 7.0F,  0.3F,   -0.7F, 1e-5F, 2.5F};
static const float bias[CLASSES] = {0.25F, -1e30F, 1.0F / 3.0F};

static void make_run(const char *folder)
{
    static const float query[1] = {1.0F};
    static const store_backbone backbones[] = {
        {"r", "resnet50", "d1", "p", "s", FEATURES, CLASSES},
        {"v", "vit_tiny_patch16_224", "d2", "p", "s", FEATURES, CLASSES},
        {"t", "deit_tiny_distilled_patch16_224", "d3", "p", "s", FEATURES, CLASSES}};
    const store_class classes[] = {{"cat", "cat", "a photo of a cat.", 7, false, query}};
    const store_split split = {"train", "", "d", 1};
    spur_error error;
    store *into = NULL;
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &into, &error), error);
    assert_ok(store_put_run(into, NULL, 0, classes, 1, 1, &error), error);
    assert_ok(store_put_split(into, &split, &error), error);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(store_put_backbone(into, &backbones[i], &error), error);
    }
    store_close(into);
}

static void put_head(const char *run, const char *backbone, const char *name,
                     const char *prefix, const char *sum)
{
    spur_error error;
    char folder[600], path[700];
    head own = {0};
    const char *const notes[] = {"backbone_digest", sum, "comment", "ends */ here\n"};
    assert_ok(head_make(CLASSES, FEATURES, &own, &error), error);
    memcpy(own.weight, weight, sizeof weight);
    memcpy(own.bias, bias, sizeof bias);
    (void)snprintf(folder, sizeof folder, "%s/heads/%s", run, backbone);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_make_folder(folder, &error), error);
    assert_ok(head_file_write(path, &own, prefix, notes, 2, &error), error);
    head_free(&own);
}

static spur_run *open_run(void *state)
{
    spur_error error;
    spur_run *run = NULL;
    const char *folder = temp_in(state, "run");
    make_run(folder);
    put_head(folder, "r", "clear-50.safetensors", "fc", "d1");
    put_head(folder, "v", "rnd-2.5pct-s3.safetensors", "W", "d2");
    put_head(folder, "t", "hidden-50.safetensors", "head_dist", "d3");
    put_head(folder, "x", "mid-50.safetensors", "W", "d4"); /* features from elsewhere */
    assert_ok(spur_run_open(folder, &run, &error), error);
    return run;
}

static void check_head(const char *path, const char *prefix)
{
    spur_error error;
    head_file *from = NULL;
    assert_ok(head_file_open(path, &from, &error), error);
    assert_string_equal(head_file_prefix(from), prefix);
    assert_memory_equal(head_file_head(from)->weight, weight, sizeof weight);
    assert_memory_equal(head_file_head(from)->bias, bias, sizeof bias);
    assert_string_equal(head_file_note(from, "comment"), "ends */ here\n");
    head_file_close(from);
}

/* What comes back through the names of each library is the head to the bit. */
static void names_of_libraries(void **state)
{
    static const struct {
        const char *folder;
        spur_head_format format;
        const char *prefixes[4]; /* of r, v, t, x */
    } cases[] = {
        {"timm", SPUR_HEAD_TIMM, {"fc", "head", "head_dist", "head"}},
        {"hf", SPUR_HEAD_HF, {"classifier.1", "classifier", "cls_classifier", "classifier"}},
    };
    static const char *const files[] = {"r/clear-50.safetensors", "v/rnd-2.5pct-s3.safetensors",
                                        "t/hidden-50.safetensors", "x/mid-50.safetensors"};
    spur_error error;
    spur_run *run = open_run(*state);
    for (size_t i = 0; i < 2; i++) {
        uint64_t count = 0;
        const char *folder = temp_in(*state, cases[i].folder);
        assert_ok(spur_export_heads(run, folder, cases[i].format, &count, &error), error);
        assert_int_equal(count, 4);
        for (size_t j = 0; j < 4; j++) {
            char path[700];
            (void)snprintf(path, sizeof path, "%s/%s", folder, files[j]);
            check_head(path, cases[i].prefixes[j]);
        }
    }
    spur_run_close(run);
}

/* timm averages the two layers of a distilled model; each is twice its half of ours. */
static void two_layers(void **state)
{
    spur_error error;
    tensor_file *written = NULL;
    float first[CLASSES * FEATURES / 2], second[CLASSES * FEATURES / 2];
    spur_run *run = open_run(*state);
    assert_ok(spur_export_heads(run, temp_in(*state, "out"), SPUR_HEAD_TIMM, NULL, &error),
              error);
    assert_ok(
        tensor_file_open(temp_in(*state, "out/t/hidden-50.safetensors"), &written, &error),
        error);
    assert_int_equal(tensor_file_count(written), 4);
    assert_ok(
        tensor_file_read(written, tensor_file_find(written, "head.weight"), first, &error),
        error);
    assert_ok(tensor_file_read(written, tensor_file_find(written, "head_dist.weight"), second,
                               &error),
              error);
    for (size_t k = 0; k < CLASSES; k++) {
        for (size_t j = 0; j < FEATURES / 2; j++) {
            assert_true(first[k * 2 + j] == 2.0F * weight[k * FEATURES + j]);
            assert_true(second[k * 2 + j] == 2.0F * weight[k * FEATURES + 2 + j]);
        }
    }
    tensor_file_close(written);
    spur_run_close(run);
}

static void what_torchvision_does_not_have(void **state)
{
    spur_error error;
    spur_run *run = open_run(*state);
    const char *folder = temp_in(*state, "out");
    assert_int_equal(spur_export_heads(run, folder, SPUR_HEAD_TORCHVISION, NULL, &error),
                     SPUR_USAGE);
    assert_non_null(strstr(error.message, "deit_tiny_distilled_patch16_224"));
    assert_int_equal(
        spur_export_heads(run, temp_in(*state, "run/heads"), SPUR_HEAD_TIMM, NULL, &error),
        SPUR_USAGE);
    spur_run_close(run);
}

static void wrong_heads_are_refused(void **state)
{
    spur_error error;
    const char *folder = temp_in(*state, "run");
    spur_run *run = NULL;
    make_run(folder);
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_int_equal(spur_export_heads(run, temp_in(*state, "o"), SPUR_HEAD_TIMM, NULL, &error),
                     SPUR_DATASET);
    assert_non_null(strstr(error.message, "no heads in this run"));
    put_head(folder, "r", "clear-50.safetensors", "fc", "another");
    assert_int_equal(spur_export_heads(run, temp_in(*state, "o"), SPUR_HEAD_TIMM, NULL, &error),
                     SPUR_DATASET);
    assert_non_null(strstr(error.message, "another"));
    assert_ok(file_replace(temp_in(*state, "run/heads/r/clear-50.safetensors"), "x", 1, &error),
              error);
    assert_int_equal(spur_export_heads(run, temp_in(*state, "o"), SPUR_HEAD_NPZ, NULL, &error),
                     SPUR_MODEL);
    spur_run_close(run);
}

static void arrays_for_numpy(void **state)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    spur_run *run = open_run(*state);
    assert_ok(spur_export_heads(run, temp_in(*state, "out"), SPUR_HEAD_NPZ, NULL, &error),
              error);
    assert_ok(file_load(temp_in(*state, "out/v/rnd-2.5pct-s3.npz"), 1 << 20, SPUR_DATASET,
                        &bytes, &size, &error),
              error);
    bool has_weight = false, has_bias = false;
    for (size_t i = 0; i + sizeof weight <= size; i++) {
        /* NOLINTBEGIN(bugprone-suspicious-memory-comparison): the very bits are meant */
        has_weight = has_weight || memcmp(bytes + i, weight, sizeof weight) == 0;
        has_bias = has_bias || memcmp(bytes + i, bias, sizeof bias) == 0;
        /* NOLINTEND(bugprone-suspicious-memory-comparison) */
    }
    assert_true(has_weight && has_bias);
    memory_free(bytes);
    spur_run_close(run);
}

/* Every number of the text, in order, is the head's to the bit. */
static void text_for_c(void **state)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    spur_run *run = open_run(*state);
    assert_ok(spur_export_heads(run, temp_in(*state, "out"), SPUR_HEAD_C, NULL, &error), error);
    assert_ok(file_load(temp_in(*state, "out/v/rnd-2.5pct-s3.h"), 1 << 20, SPUR_DATASET, &bytes,
                        &size, &error),
              error);
    const char *text = (const char *)bytes;
    assert_non_null(strstr(text, " * comment: ends *| here\\x0a\n */\n"));
    const char *at = strstr(text, "static const float rnd_2_5pct_s3_weight[3][4] = {\n");
    assert_non_null(at);
    at = strchr(at, '=');
    for (size_t i = 0; i < CLASSES * FEATURES + CLASSES; i++) {
        if (i == CLASSES * FEATURES) {
            at = strstr(at, "static const float rnd_2_5pct_s3_bias[3] = {\n");
            assert_non_null(at);
            at = strchr(at, '=');
        }
        char *end;
        at += strcspn(at, "-0123456789");
        float value = strtof(at, &end);
        assert_int_equal(*end, 'F');
        assert_true(value ==
                    (i < CLASSES * FEATURES ? weight[i] : bias[i - CLASSES * FEATURES]));
        at = end + 1;
    }
    memory_free(bytes);
    spur_run_close(run);
}

static void failing_allocations_are_clean(void **state)
{
    spur_run *run = open_run(*state);
    const char *folder = temp_in(*state, "out");
    static const spur_head_format formats[] = {SPUR_HEAD_TIMM, SPUR_HEAD_NPZ, SPUR_HEAD_C};
    for (size_t i = 0; i < 3; i++) {
        bool was_reached = true;
        for (size_t n = 1; was_reached; n += 1 + n / 50) {
            spur_error error;
            (void)memory_fail_at(n, false);
            spur_status status = spur_export_heads(run, folder, formats[i], NULL, &error);
            was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
            assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        }
    }
    spur_run_close(run);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(names_of_libraries),
        WITH_FOLDER(two_layers),
        WITH_FOLDER(wrong_heads_are_refused),
        WITH_FOLDER(what_torchvision_does_not_have),
        WITH_FOLDER(arrays_for_numpy),
        WITH_FOLDER(text_for_c),
        WITH_FOLDER(failing_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
