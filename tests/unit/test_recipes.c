/*
 * test_recipes.c - every recipe against what PyTorch, scikit-learn and SciPy make of the same
 * small problem (tests/data/recipes.safetensors, made by tools/parity/recipes.py).
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/tensor.h"
#include "pipeline/recipes.h"

enum {
    ROWS = 200,
    FEATURES = 6,
    CLASSES = 4,
    VAL = 64,
    SEED = 5,
    SIZE = CLASSES * FEATURES
};

static tensor_file *reference;
static float x[ROWS * FEATURES], clear_x[VAL * FEATURES], hidden_x[VAL * FEATURES];
static uint32_t y[ROWS], clear_y[VAL], hidden_y[VAL];
static head old;

static void read_tensor(const char *name, void *dst, size_t bytes)
{
    spur_error error;
    const tensor_info *info = tensor_file_find(reference, name);
    assert_non_null(info);
    assert_int_equal(info->bytes, bytes);
    assert_ok(tensor_file_read(reference, info, dst, &error), error);
}

static double read_number(const char *name)
{
    double value;
    read_tensor(name, &value, sizeof value);
    return value;
}

static int open_reference(void **state)
{
    spur_error error;
    (void)state;
    assert_ok(tensor_file_open(data_path("recipes.safetensors"), &reference, &error), error);
    assert_ok(head_make(CLASSES, FEATURES, &old, &error), error);
    read_tensor("X", x, sizeof x);
    read_tensor("y", y, sizeof y);
    read_tensor("clear_x", clear_x, sizeof clear_x);
    read_tensor("clear_y", clear_y, sizeof clear_y);
    read_tensor("hidden_x", hidden_x, sizeof hidden_x);
    read_tensor("hidden_y", hidden_y, sizeof hidden_y);
    read_tensor("old_w", old.weight, SIZE * sizeof(float));
    read_tensor("old_b", old.bias, CLASSES * sizeof(float));
    return 0;
}

static int close_reference(void **state)
{
    (void)state;
    head_free(&old);
    tensor_file_close(reference);
    return 0;
}

static recipe_job job_make(void)
{
    recipe_job job = {
        .rows = {.rows = {x, FEATURES, ROWS, NULL}, .labels = y, .classes = CLASSES},
        .original = &old,
        .folds = 5,
        .seed = SEED,
        .threads = 1};
    return job;
}

/* Largest difference from tensors PREFIX_w and PREFIX_b, against the largest weight. Biases
 * are compared with their means taken out where only differences matter. */
static double difference(const recipe_result *made, const char *prefix, bool centres)
{
    char name[32];
    double w[SIZE], b[CLASSES], most = 0.0, scale = 0.0, shift = 0.0;
    (void)snprintf(name, sizeof name, "%s_w", prefix);
    read_tensor(name, w, sizeof w);
    (void)snprintf(name, sizeof name, "%s_b", prefix);
    read_tensor(name, b, sizeof b);
    for (size_t k = 0; centres && k < CLASSES; k++) {
        shift += ((double)made->own.bias[k] - b[k]) / CLASSES;
    }
    for (size_t i = 0; i < SIZE; i++) {
        scale = fmax(scale, fabs(w[i]));
        most = fmax(most, fabs((double)made->own.weight[i] - w[i]));
    }
    for (size_t k = 0; k < CLASSES; k++) {
        scale = fmax(scale, fabs(b[k]));
        most = fmax(most, fabs((double)made->own.bias[k] - b[k] - shift));
    }
    return most / scale;
}

static void test_dfr(void **state)
{
    (void)state;
    spur_error error;
    recipe_job job = job_make();
    recipe_result made;
    double grid[5], top1[5];
    read_tensor("dfr_grid", grid, sizeof grid);
    read_tensor("dfr_top1", top1, sizeof top1);
    job.C = grid;
    job.C_count = 5;
    assert_ok(recipe_dfr.fit(&job, &made, &error), error);
    assert_int_equal(made.tried_count, 5);
    for (size_t c = 0; c < 5; c++) {
        /* accuracies of the same predictions; observed 1.2e-16 */
        assert_true(fabs(made.tried_top1[c] - top1[c]) <= 1e-12);
    }
    assert_true(fabs(made.C - read_number("dfr_C")) <= 0.0);
    assert_true(made.is_certified);
    assert_true(difference(&made, "dfr", true) <= 1e-5); /* observed 2.7e-8 */
    recipe_result_free(&made);
}

static void test_dfr_l1(void **state)
{
    (void)state;
    spur_error error;
    recipe_job job = job_make();
    recipe_result made;
    double top1[7];
    read_tensor("dfr-l1_top1", top1, sizeof top1);
    assert_ok(recipe_dfr_l1.fit(&job, &made, &error), error);
    assert_int_equal(made.tried_count, 7);
    for (size_t c = 0; c < 7; c++) {
        assert_true(fabs(made.tried_top1[c] - top1[c]) <= 1e-12); /* observed 1.2e-16 */
    }
    assert_true(fabs(made.C - read_number("dfr-l1_C")) <= 0.0);
    assert_true(difference(&made, "dfr-l1", false) <= 1e-5); /* observed 6.6e-8 */
    recipe_result_free(&made);
}

static void test_afr(void **state)
{
    (void)state;
    spur_error error;
    const recipe_job job = job_make();
    recipe_result made;
    assert_ok(recipe_afr.fit(&job, &made, &error), error);
    assert_true(made.is_certified);
    double least = read_number("afr_objective");
    /* the old head's probabilities come from logits in single precision; observed 8.8e-9 */
    assert_true(fabs(made.proof.objective - least) <= 1e-7 * least);
    assert_true(difference(&made, "afr", true) <= 1e-5); /* observed 2.1e-8 */
    recipe_result_free(&made);
}

static void test_moayeri(void **state)
{
    (void)state;
    spur_error error;
    const recipe_job job = job_make();
    recipe_result made;
    assert_ok(recipe_moayeri.fit(&job, &made, &error), error);
    assert_int_equal(made.epochs, 20);
    assert_false(made.is_certified);
    /* 40 steps in single precision against double; observed 2.6e-7 */
    assert_true(difference(&made, "moayeri", false) <= 1e-4);
    recipe_result_free(&made);
}

static void test_finetune_gap(void **state)
{
    (void)state;
    spur_error error;
    recipe_job job = job_make();
    const recipe_gap gap = {.clear = {clear_x, FEATURES, VAL, NULL},
                            .hidden = {hidden_x, FEATURES, VAL, NULL},
                            .clear_labels = clear_y,
                            .hidden_labels = hidden_y};
    recipe_result made;
    job.gap = &gap;
    assert_ok(recipe_finetune_gap.fit(&job, &made, &error), error);
    assert_true(fabs((double)made.epochs - read_number("finetune-gap_epochs")) <= 0.0);
    assert_true(made.epochs < 20); /* it is the gap that stops */
    assert_true(difference(&made, "finetune-gap", false) <= 1e-4); /* observed 2.4e-7 */
    recipe_result_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dfr), cmocka_unit_test(test_dfr_l1), cmocka_unit_test(test_afr),
        cmocka_unit_test(test_moayeri), cmocka_unit_test(test_finetune_gap)};
    return cmocka_run_group_tests(tests, open_reference, close_reference);
}
