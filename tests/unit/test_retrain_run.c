/*
 * test_retrain_run.c - heads of a run: what counts as the same head, what stops on the way, and
 * the choice of training images.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "feature_run.h"
#include "io/file.h"
#include "io/store_results.h"
#include "models/head_file.h"

enum {
    CLASSES = 3,
    IMAGES = 24,
    WIDTH = 4,
    SWEEP_STEP = 5
};

/* Two splits with features; subsets clear-2 and rnd-2-s0. */
static const char *make_world(void **state)
{
    spur_error error;
    spur_select_options options;
    static run_row rows[IMAGES];
    static float features[IMAGES * WIDTH];
    const char *run = temp_in(*state, "run");
    fill_class_rows(rows, features, IMAGES, WIDTH, false, 1);
    make_feature_split(run, "train", rows, IMAGES, features, WIDTH,
                       temp_in(*state, "train.safetensors"));
    fill_class_rows(rows, features, IMAGES, WIDTH, false, 2);
    make_feature_split(run, "val", rows, IMAGES, features, WIDTH,
                       temp_in(*state, "val.safetensors"));
    spur_select_options_defaults(&options);
    options.subsets = "clear,rnd";
    options.amounts = "2";
    options.seeds = 1;
    assert_ok(spur_select(run, &options, NULL, NULL, &error), error);
    return run;
}

static spur_retrain_options options_make(void)
{
    spur_retrain_options options;
    spur_retrain_options_defaults(&options);
    options.threads = 1;
    return options;
}

/* ---- the digest of settings -------------------------------------------------------------- */

static void expect_refusal(const char *run, const spur_retrain_options *options)
{
    spur_error error;
    assert_int_equal(spur_retrain(run, options, NULL, NULL, &error), SPUR_DATASET);
    if (strstr(error.message, "trained with other settings") == NULL ||
        strstr(error.message, "--restart") == NULL) {
        fail_msg("refused otherwise: %s", error.message);
    }
}

/* Heads that were there, of those asked for. */
static size_t count_there(const char *run, const spur_retrain_options *options)
{
    spur_error error;
    spur_retrain_summary *summary = NULL;
    size_t there = 0;
    assert_ok(spur_retrain(run, options, NULL, &summary, &error), error);
    for (size_t i = 0; i < summary->count; i++) {
        there += summary->heads[i].was_there ? 1 : 0;
    }
    spur_retrain_summary_free(summary);
    return there;
}

static head_file *open_head(void **state, const char *name)
{
    spur_error error;
    head_file *from = NULL;
    char path[64];
    (void)snprintf(path, sizeof path, "run/heads/made/%s.safetensors", name);
    assert_ok(head_file_open(temp_in(*state, path), &from, &error), error);
    return from;
}

static void test_same_settings(void **state)
{
    static const double usual = 0.01;
    const char *run = make_world(state);
    spur_retrain_options options = options_make();
    assert_int_equal(count_there(run, &options), 0);
    assert_int_equal(count_there(run, &options), 2);
    options.C = &usual; /* the recipe's own, said aloud */
    options.C_count = 1;
    options.recipe = "dfr";
    options.folds = 7; /* one C: no folds */
    options.threads = 3;
    options.backbone = "made";
    assert_int_equal(count_there(run, &options), 2);
    options.subsets = "rnd-2-s0";
    assert_int_equal(count_there(run, &options), 1);
    options.restart = true; /* what is the same is trained again when asked for */
    assert_int_equal(count_there(run, &options), 0);
}

static void test_other_settings(void **state)
{
    static const double other[] = {0.1}, several[] = {0.01, 0.1};
    const char *run = make_world(state);
    spur_retrain_options options = options_make();
    assert_int_equal(count_there(run, &options), 0);
    head_file *before = open_head(state, "clear-2");

    options.C = other;
    options.C_count = 1;
    expect_refusal(run, &options);
    options.C = several;
    options.C_count = 2;
    expect_refusal(run, &options);
    options = options_make();
    options.recipe = "moayeri";
    expect_refusal(run, &options);
    options = options_make();
    options.balanced = true;
    expect_refusal(run, &options);
    options = options_make();
    options.raw_features = true;
    expect_refusal(run, &options);
    options = options_make();
    options.seed = 1;
    expect_refusal(run, &options);
    options = options_make();
    options.tolerance = 1e-6;
    expect_refusal(run, &options);
    options = options_make();
    options.original = temp_in(*state, "run/heads/made/rnd-2-s0.safetensors");
    expect_refusal(run, &options);
    options.interpolate = 2;
    expect_refusal(run, &options);

    /* Refused means that nothing was touched; asked for, it is trained again. */
    head_file *after = open_head(state, "clear-2");
    assert_string_equal(head_file_note(before, "settings"), head_file_note(after, "settings"));
    head_file_close(after);
    options = options_make();
    options.C = other;
    options.C_count = 1;
    options.restart = true;
    assert_int_equal(count_there(run, &options), 0);
    after = open_head(state, "clear-2");
    assert_string_not_equal(head_file_note(before, "settings"),
                            head_file_note(after, "settings"));
    options.restart = false;
    assert_int_equal(count_there(run, &options), 2);
    head_file_close(before);
    head_file_close(after);
}

/* A subset of other members is another head, whatever its name. */
static void test_other_members(void **state)
{
    spur_error error;
    spur_select_options select;
    const char *run = make_world(state);
    const char *exclude = temp_in(*state, "exclude.txt");
    spur_retrain_options options = options_make();
    assert_int_equal(count_there(run, &options), 0);
    assert_ok(file_replace(exclude, "23.png\n", 7, &error), error);
    spur_select_options_defaults(&select);
    select.subsets = "clear";
    select.amounts = "2";
    select.exclude = exclude;
    select.restart = true;
    assert_ok(spur_select(run, &select, NULL, NULL, &error), error);
    options.subsets = "clear-2";
    expect_refusal(run, &options);
}

/* ---- the model's own head ------------------------------------------------------------------
 */

/* Output o stands for class order[o], and the note says so. */
static void put_original(void **state, const size_t order[CLASSES], const char *names)
{
    spur_error error;
    head own = {0};
    const char *const notes[] = {"class_names", names};
    assert_ok(head_make(CLASSES, WIDTH, &own, &error), error);
    for (size_t o = 0; o < CLASSES; o++) {
        own.weight[o * WIDTH + order[o]] = 1.0F + (float)order[o];
        own.bias[o] = 0.25F * (float)order[o];
    }
    assert_ok(file_make_folder(temp_in(*state, "run/heads/made"), &error), error);
    assert_ok(head_file_write(temp_in(*state, "run/heads/made/original.safetensors"), &own,
                              "fc", notes, 1, &error),
              error);
    head_free(&own);
}

static spur_retrain_summary *train_afr(void **state, const char *run, unsigned char **bytes,
                                       size_t *size)
{
    spur_error error;
    spur_retrain_summary *summary = NULL;
    spur_retrain_options options = options_make();
    options.recipe = "afr";
    options.subsets = "clear-2";
    options.interpolate = 2;
    options.restart = true;
    assert_ok(spur_retrain(run, &options, NULL, &summary, &error), error);
    assert_ok(file_load(temp_in(*state, "run/heads/made/clear-2.safetensors"), 1 << 20,
                        SPUR_MODEL, bytes, size, &error),
              error);
    return summary;
}

/* A model whose outputs stand in another order than the run's classes is the same model. */
static void test_original_order(void **state)
{
    static const size_t straight[] = {0, 1, 2}, turned[] = {2, 0, 1};
    const char *run = make_world(state);
    unsigned char *one, *other;
    size_t one_size, other_size;
    put_original(state, straight, "[\"a\", \"b\", \"c\"]");
    spur_retrain_summary *first = train_afr(state, run, &one, &one_size);
    put_original(state, turned, "[\"c\", \"a\", \"b\"]");
    spur_retrain_summary *second = train_afr(state, run, &other, &other_size);
    assert_int_equal(one_size, other_size);
    assert_memory_equal(one, other, one_size);
    /* It knows something: 14 of 24 or more, where chance is 8. */
    assert_true(first->heads->splits[1].original_correct >= 14);
    assert_int_equal(first->heads->splits[1].original_correct,
                     second->heads->splits[1].original_correct);
    spur_retrain_summary_free(first);
    spur_retrain_summary_free(second);
    memory_free(one);
    memory_free(other);
}

/* ---- stopping -----------------------------------------------------------------------------
 */

static int stop_at_first(void *context, const spur_head_summary *row)
{
    size_t *seen = context;
    assert_string_equal(row->backbone, "made");
    assert_true(row->is_certified && !row->is_cancelled);
    assert_int_equal(file_kind_of(row->path), FILE_REGULAR);
    return ++*seen == 1;
}

static void test_visit(void **state)
{
    spur_error error;
    const char *run = make_world(state);
    spur_retrain_options options = options_make();
    size_t seen = 0;
    options.visit = stop_at_first;
    options.context = &seen;
    assert_int_equal(spur_retrain(run, &options, NULL, NULL, &error), SPUR_INTERRUPTED);
    assert_int_equal(seen, 1);
    assert_int_equal(count_there(run, &options), 1); /* the other one is made now */
    assert_int_equal(seen, 3);
}

static int stop_while_solving(void *context, const spur_progress *progress)
{
    (void)context;
    /* clear-2 is finished, of rnd-2-s0 the second report stops. */
    return progress->done == 1 && strstr(progress->detail, "rnd-2-s0  objective") != NULL;
}

/* What is stopped in the middle leaves no file that a later stage would take for a head. */
static void test_stopped(void **state)
{
    spur_error error;
    const char *run = make_world(state);
    spur_retrain_options options = options_make();
    const spur_monitor monitor = {.progress = stop_while_solving};
    assert_int_equal(spur_retrain(run, &options, &monitor, NULL, &error), SPUR_INTERRUPTED);
    assert_string_equal(error.message, "interrupted after 1 of 2 heads");
    assert_int_equal(file_kind_of(temp_in(*state, "run/heads/made/clear-2.safetensors")),
                     FILE_REGULAR);
    assert_int_equal(file_kind_of(temp_in(*state, "run/heads/made/rnd-2-s0.safetensors")),
                     FILE_MISSING);
    assert_int_equal(count_there(run, &options), 1);
}

/* ---- the choice of images -----------------------------------------------------------------
 */

static spur_retrain_options auto_options(void)
{
    spur_retrain_options options = options_make();
    options.automatic = true;
    options.auto_amounts = "2,50%,100%";
    options.auto_clear = "0,100";
    options.folds = 3;
    return options;
}

/* The chosen trial keeps the rule of spur.h, stated here without auto_choose. */
static void check_choice(const spur_head_summary *row, double drop)
{
    const spur_auto_trial *chosen = &row->trials[row->chosen];
    double best_mean = 0.0;
    for (size_t i = 0; i < row->trial_count; i++) {
        best_mean = fmax(best_mean, row->trials[i].mean);
    }
    assert_true(chosen->mean >= best_mean - drop / 100.0 - 1e-12);
    for (size_t i = 0; i < row->trial_count; i++) {
        const spur_auto_trial *trial = &row->trials[i];
        assert_true(trial->mean < best_mean - drop / 100.0 - 1e-12 ||
                    trial->worst <= chosen->worst + 1e-12);
        assert_true(trial->worst <= trial->mean + 1e-12);
    }
}

typedef struct stored {
    const spur_head_summary *row;
    size_t results, seen, findings;
} stored;

static spur_status count_result(void *context, const char *stage, const store_result *result,
                                spur_error *error)
{
    stored *found = context;
    const spur_head_summary *row = found->row;
    (void)error;
    assert_string_equal(stage, "auto");
    found->results++;
    if (strcmp(result->key, "auto/made/chosen/worst_bin") == 0) {
        assert_true(fabs(result->value - row->trials[row->chosen].worst) <= 0.0);
        found->seen++;
    }
    if (strcmp(result->key, "auto/made/2/100/0.1/top1") == 0) {
        assert_string_equal(row->trials[5].amount, "2");
        assert_true(fabs(result->value - row->trials[5].mean) <= 0.0);
        found->seen++;
    }
    return SPUR_OK;
}

static spur_status count_finding(void *context, const char *stage, const store_finding *finding,
                                 spur_error *error)
{
    stored *found = context;
    (void)error;
    assert_string_equal(stage, "auto");
    assert_non_null(strstr(finding->text, "made: of 15 training sets"));
    found->findings++;
    return SPUR_OK;
}

static void check_stage(const char *run, const spur_head_summary *row)
{
    spur_error error;
    spur_run *from = NULL;
    stored found = {.row = row};
    assert_ok(spur_run_open(run, &from, &error), error);
    assert_ok(store_each_result(from->db, "auto", count_result, &found, &error), error);
    assert_ok(store_each_finding(from->db, "auto", count_finding, &found, &error), error);
    assert_int_equal(found.results, 2 * row->trial_count + 5);
    assert_int_equal(found.seen, 2);
    assert_int_equal(found.findings, 1);
    spur_run_close(from);
}

static unsigned char *load_head(void **state, size_t *bytes)
{
    spur_error error;
    unsigned char *loaded;
    assert_ok(file_load(temp_in(*state, "run/heads/made/auto.safetensors"), 1 << 20, SPUR_MODEL,
                        &loaded, bytes, &error),
              error);
    return loaded;
}

static void test_auto(void **state)
{
    spur_error error;
    const char *run = make_world(state);
    spur_retrain_options options = auto_options();
    spur_retrain_summary *first = NULL, *again = NULL;
    size_t one_size, many_size;
    assert_ok(spur_retrain(run, &options, NULL, &first, &error), error);
    assert_int_equal(first->count, 1);
    const spur_head_summary *row = first->heads;
    assert_string_equal(row->name, "auto");
    assert_false(row->was_there);
    assert_int_equal(row->trial_count, 3 * (2 + 2 + 1)); /* three C; all images: one share */
    assert_int_equal(row->split_count, 2);
    check_choice(row, 1.0);
    check_stage(run, row);
    unsigned char *one = load_head(state, &one_size);

    /* The trials come back from the file; other threads make the same bytes. */
    assert_ok(spur_retrain(run, &options, NULL, &again, &error), error);
    assert_true(again->heads->was_there);
    assert_int_equal(again->heads->trial_count, row->trial_count);
    assert_int_equal(again->heads->chosen, row->chosen);
    check_stage(run, again->heads);
    options.threads = 3;
    options.restart = true;
    assert_ok(spur_retrain(run, &options, NULL, NULL, &error), error);
    unsigned char *many = load_head(state, &many_size);
    assert_int_equal(one_size, many_size);
    assert_memory_equal(one, many, one_size);
    memory_free(one);
    memory_free(many);
    spur_retrain_summary_free(first);
    spur_retrain_summary_free(again);
}

static void test_auto_settings(void **state)
{
    spur_error error;
    const char *run = make_world(state);
    spur_retrain_options options = auto_options();
    assert_ok(spur_retrain(run, &options, NULL, NULL, &error), error);
    options.auto_drop = 2.0;
    expect_refusal(run, &options);
    options = auto_options();
    options.auto_clear = "0,50,100";
    expect_refusal(run, &options);
    options = auto_options();
    options.recipe = "moayeri";
    assert_int_equal(spur_retrain(run, &options, NULL, NULL, &error), SPUR_USAGE);
    options = auto_options();
    options.auto_clear = "0,101";
    assert_int_equal(spur_retrain(run, &options, NULL, NULL, &error), SPUR_USAGE);
    options.auto_clear = "0";
    options.auto_drop = -1.0;
    assert_int_equal(spur_retrain(run, &options, NULL, NULL, &error), SPUR_USAGE);
}

static int stop_trying(void *context, const spur_progress *progress)
{
    (void)context;
    return strstr(progress->detail, "fold 2 of 3") != NULL;
}

static void test_auto_stopped(void **state)
{
    spur_error error;
    const char *run = make_world(state);
    spur_retrain_options options = auto_options();
    const spur_monitor monitor = {.progress = stop_trying};
    assert_int_equal(spur_retrain(run, &options, &monitor, NULL, &error), SPUR_INTERRUPTED);
    assert_int_equal(file_kind_of(temp_in(*state, "run/heads/made/auto.safetensors")),
                     FILE_MISSING);
}

/* Allocations that fail are reported and leak nothing. Every SWEEP_STEP-th of them: there are
 * thousands, most in loops. */
static void sweep(const char *run, const spur_retrain_options *options)
{
    spur_error error;
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n += SWEEP_STEP) {
        (void)memory_fail_at(n, false);
        status = spur_retrain(run, options, NULL, NULL, &error);
        (void)memory_fail_at(0, false);
    }
    assert_int_equal(status, SPUR_OK);
}

static void test_memory(void **state)
{
    const char *run = make_world(state);
    spur_retrain_options options = options_make();
    options.subsets = "clear-2";
    options.restart = true;
    sweep(run, &options);
    options = auto_options();
    options.auto_amounts = "2";
    options.auto_clear = "50";
    options.folds = 2;
    options.restart = true;
    sweep(run, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_settings, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_other_settings, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_other_members, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_original_order, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_visit, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_stopped, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_auto, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_auto_settings, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_auto_stopped, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_memory, temp_setup, temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
