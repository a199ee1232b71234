/*
 * test_retrain_matrix.c - a head from a bare matrix: read back it gives the same predictions
 * and certificate, and bad matrices are refused by name.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"
#include "models/head_file.h"

enum {
    ROWS = 12,
    FEATURES = 3
};

static float features_of[ROWS * FEATURES];
static int64_t labels_of[ROWS];
static const size_t x_shape[] = {ROWS, FEATURES}, y_shape[] = {ROWS}, short_shape[] = {3};

static void fill(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        labels_of[i] = (int64_t)(i % 3);
        for (size_t j = 0; j < FEATURES; j++) {
            features_of[i * FEATURES + j] =
                (float)((i * 7 + j * 5) % 11) + (i % 3 == j ? 4 : 0);
        }
    }
}

static spur_status retrain(const char *path, const char *out, spur_retrain_summary **summary,
                           spur_error *error)
{
    spur_retrain_options options;
    spur_retrain_options_defaults(&options);
    options.threads = 1;
    return spur_retrain_matrix(path, out, &options, NULL, summary, error);
}

static const char *write_matrix(void **state, const tensor_out *tensors, size_t count)
{
    const char *path = temp_in(*state, "in.safetensors");
    spur_error error;
    assert_ok(safetensors_write(path, tensors, count, NULL, 0, &error), error);
    return path;
}

static void test_round_trip(void **state)
{
    spur_error error;
    spur_retrain_summary *summary = NULL;
    head_file *from = NULL;
    float logits[ROWS * 3];
    fill();
    const tensor_out tensors[] = {{"X", TENSOR_F32, 2, x_shape, features_of},
                                  {"y", TENSOR_I64, 1, y_shape, labels_of}};
    const char *out = temp_in(*state, "out.safetensors");
    assert_ok(retrain(write_matrix(state, tensors, 2), out, &summary, &error), error);
    assert_ok(head_file_open(out, &from, &error), error);
    assert_string_equal(head_file_prefix(from), "W");
    assert_string_equal(head_file_note(from, "certified"), "yes");
    assert_ok(head_run(head_file_head(from), features_of, ROWS, 1, logits, &error), error);
    uint64_t correct = 0;
    for (size_t i = 0; i < ROWS; i++) {
        size_t best = 0;
        for (size_t k = 1; k < 3; k++) {
            best = logits[3 * i + k] > logits[3 * i + best] ? k : best;
        }
        correct += (int64_t)best == labels_of[i] ? 1 : 0;
    }
    assert_int_equal(summary->count, 1);
    assert_int_equal(summary->heads[0].splits[0].correct, correct);
    assert_true(summary->heads[0].is_certified && summary->heads[0].gap < 1e-9);
    head_file_close(from);
    spur_retrain_summary_free(summary);
}

static void refuse(void **state, const tensor_out *tensors, size_t count, const char *message)
{
    spur_error error;
    assert_int_equal(retrain(write_matrix(state, tensors, count),
                             temp_in(*state, "out.safetensors"), NULL, &error),
                     SPUR_DATASET);
    if (strstr(error.message, message) == NULL ||
        strstr(error.message, "in.safetensors") == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, message);
    }
}

static void test_bad_matrices(void **state)
{
    fill();
    static float bad[ROWS * FEATURES];
    static int64_t stray[ROWS], same[ROWS];
    memcpy(bad, features_of, sizeof bad);
    bad[7] = INFINITY;
    stray[4] = -1;
    const tensor_out x = {"X", TENSOR_F32, 2, x_shape, features_of};
    const tensor_out y = {"y", TENSOR_I64, 1, y_shape, labels_of};
    refuse(state, (tensor_out[]){x}, 1, "no tensor 'y'");
    refuse(state, (tensor_out[]){y}, 1, "no tensor 'X'");
    refuse(state, (tensor_out[]){{"X", TENSOR_F32, 1, y_shape, features_of}, y}, 2,
           "'X' has 1 dimensions, expected 2");
    refuse(state, (tensor_out[]){x, {"y", TENSOR_I64, 1, short_shape, labels_of}}, 2,
           "'y' has 3 elements, X has 12 rows");
    refuse(state, (tensor_out[]){x, {"y", TENSOR_F32, 1, y_shape, features_of}}, 2,
           "'y' holds F32");
    refuse(state, (tensor_out[]){x, {"y", TENSOR_I64, 1, y_shape, stray}}, 2, "y[4] is -1");
    refuse(state, (tensor_out[]){x, {"y", TENSOR_I64, 1, y_shape, same}}, 2,
           "at least two classes");
    refuse(state, (tensor_out[]){{"X", TENSOR_F32, 2, x_shape, bad}, y}, 2,
           "row 2 holds inf in column 1");
    refuse(state,
           (tensor_out[]){x, y, {"sample_weight", TENSOR_F32, 1, short_shape, features_of}}, 3,
           "'sample_weight' has 3 elements");
}

/* ---- stopped on the way ------------------------------------------------------------------ */

typedef struct stop {
    size_t reports, after; /* progress reports until the stop */
    char logged[256];
} stop;

static int stop_progress(void *context, const spur_progress *progress)
{
    stop *at = context;
    assert_string_equal(progress->stage, "retrain");
    return ++at->reports > at->after;
}

static void stop_log(void *context, spur_log_level level, const char *message)
{
    stop *at = context;
    assert_int_equal(level, SPUR_LOG_WARNING);
    (void)snprintf(at->logged, sizeof at->logged, "%s", message);
}

static spur_status retrain_stopped(void **state, const char *out, const double *C,
                                   size_t C_count, stop *at, spur_error *error)
{
    spur_retrain_options options;
    fill();
    const tensor_out tensors[] = {{"X", TENSOR_F32, 2, x_shape, features_of},
                                  {"y", TENSOR_I64, 1, y_shape, labels_of}};
    spur_monitor monitor = {.context = at, .progress = stop_progress, .log = stop_log};
    spur_retrain_options_defaults(&options);
    options.C = C;
    options.C_count = C_count;
    options.threads = 1;
    return spur_retrain_matrix(write_matrix(state, tensors, 2), out, &options, &monitor, NULL,
                               error);
}

/* The best so far is kept and says that it is not certified. */
static void test_stopped(void **state)
{
    spur_error error;
    head_file *from = NULL;
    stop at = {.after = 2};
    double largest = 0.0;
    const char *out = temp_in(*state, "stopped.safetensors");
    assert_int_equal(retrain_stopped(state, out, NULL, 0, &at, &error), SPUR_INTERRUPTED);
    assert_int_equal(at.reports, 3);
    assert_non_null(strstr(at.logged, "stopped.safetensors holds the best head so far"));
    assert_ok(head_file_open(out, &from, &error), error);
    assert_string_equal(head_file_note(from, "certified"), "no");
    assert_string_equal(head_file_note(from, "cancelled"), "yes");
    for (size_t i = 0; i < 3 * FEATURES; i++) {
        largest = fmax(largest, fabs((double)head_file_head(from)->weight[i]));
    }
    assert_true(largest > 0.0); /* two steps were made */
    head_file_close(from);
}

/* While C is being chosen there is nothing to keep. */
static void test_stopped_choosing(void **state)
{
    static const double C[] = {0.01, 0.1};
    spur_error error;
    stop at = {.after = 2};
    const char *out = temp_in(*state, "none.safetensors");
    assert_int_equal(retrain_stopped(state, out, C, 2, &at, &error), SPUR_INTERRUPTED);
    assert_int_equal(file_kind_of(out), FILE_MISSING);
}

/* Every allocation that fails is reported and leaks nothing. */
static void test_memory(void **state)
{
    spur_error error;
    fill();
    const tensor_out tensors[] = {{"X", TENSOR_F32, 2, x_shape, features_of},
                                  {"y", TENSOR_I64, 1, y_shape, labels_of}};
    const char *path = write_matrix(state, tensors, 2);
    const char *out = temp_in(*state, "out.safetensors");
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n++) {
        (void)memory_fail_at(n, false);
        status = retrain(path, out, NULL, &error);
        (void)memory_fail_at(0, false);
    }
    assert_int_equal(status, SPUR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_bad_matrices, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_stopped, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_choosing, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_memory, temp_setup, temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
