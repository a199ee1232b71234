/*
 * test_figures.c - the figures of a run that was scored, trained and evaluated: which there
 * are, that their numbers are those of run.db, and the files.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "feature_run.h"
#include "io/file.h"
#include "io/store_results.h"
#include "report/figures.h"

enum {
    CLASSES = 3,
    IMAGES = 60,
    WIDTH = 4
};

/* What `spur eval` would keep of noise: two heads at three strengths. */
static void put_noise(const char *run, const char *const strengths[3])
{
    static const char *const heads[] = {"clear-4", "hidden-4"};
    spur_error error;
    store *db = NULL;
    static char keys[12][64];
    static store_result results[12];
    size_t count = 0;
    for (size_t h = 0; h < 2; h++) {
        for (size_t r = 0; r < 2; r++) {
            for (size_t a = 0; a < 3; a++) {
                (void)snprintf(keys[count], sizeof keys[0], "noise/made/%s/%s/%s/top1",
                               heads[h], r == 0 ? "bg" : "fg", strengths[a]);
                results[count] = (store_result){keys[count], 0.9 - 0.05 * (double)(a + r)};
                count++;
            }
        }
    }
    store_stage stage = {.name = "noise", .inputs = "00", .results = results, .count = count};
    assert_ok(store_open_writer(run, STORE_JOURNAL_AUTO, &db, &error), error);
    assert_ok(store_begin(db, &error), error);
    assert_ok(store_put_stage(db, &stage, &error), error);
    assert_ok(store_commit(db, &error), error);
    store_close(db);
}

/* Of groups: two heads, two groups, one with a slash in its name. */
static void put_groups(const char *run)
{
    static const char *const heads[] = {"clear-8", "hidden-8"};
    static const char *const groups[] = {"forest", "sea/side"};
    spur_error error;
    store *db = NULL;
    static char keys[4][80];
    static store_result results[4];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(keys[i], sizeof keys[0], "groups/val/made/%s/group/%s/top1",
                       heads[i / 2], groups[i % 2]);
        results[i] = (store_result){keys[i], 0.8 - 0.1 * (double)i};
    }
    store_stage stage = {.name = "groups", .inputs = "00", .results = results, .count = 4};
    assert_ok(store_open_writer(run, STORE_JOURNAL_AUTO, &db, &error), error);
    assert_ok(store_begin(db, &error), error);
    assert_ok(store_put_stage(db, &stage, &error), error);
    assert_ok(store_commit(db, &error), error);
    store_close(db);
}

/* The worst group of the first head stands on top. */
static void groups_stand_in_rows(const figure *of)
{
    const plot *drawing = &of->drawing;
    assert_int_equal(drawing->y.name_count, 2);
    assert_string_equal(drawing->y.names[0], "sea/side");
    assert_string_equal(drawing->panels[0].title, "made, k = 8");
    assert_int_equal(drawing->panels[0].count, 2);
    assert_true(drawing->panels[0].series[0].points[0].x == 0.8 - 0.1);
    assert_true(drawing->panels[0].series[1].points[1].x == 0.8 - 0.1 * 2.0);
}

static void evaluate(const char *run)
{
    spur_error error;
    spur_eval_options options;
    spur_eval_options_defaults(&options);
    options.draws = 50;
    options.threads = 1;
    assert_ok(spur_eval(run, &options, NULL, NULL, &error), error);
}

static void train(const char *run)
{
    spur_error error;
    spur_select_options select;
    spur_retrain_options retrain;
    spur_select_options_defaults(&select);
    select.subsets = "clear,hidden,rnd";
    select.amounts = "4,8";
    select.seeds = 3;
    assert_ok(spur_select(run, &select, NULL, NULL, &error), error);
    spur_retrain_options_defaults(&retrain);
    retrain.threads = 1;
    assert_ok(spur_retrain(run, &retrain, NULL, NULL, &error), error);
}

static const char *make_world(void **state)
{
    static run_row rows[IMAGES];
    static float features[IMAGES * WIDTH];
    static const char *const splits[] = {"train", "val", "ood:<b>&'"};
    const char *run = temp_in(*state, "run");
    for (size_t s = 0; s < 3; s++) {
        char matrix[32];
        (void)snprintf(matrix, sizeof matrix, "%zu.safetensors", s);
        fill_class_rows(rows, features, IMAGES, WIDTH, true, s + 1);
        make_feature_split(run, splits[s], rows, IMAGES, features, WIDTH,
                           temp_in(*state, matrix));
    }
    train(run);
    evaluate(run);
    return run;
}

static const figure *find(const figure_list *in, const char *id)
{
    for (size_t i = 0; i < in->count; i++) {
        if (strcmp(in->items[i].drawing.id, id) == 0) {
            return &in->items[i];
        }
    }
    fail_msg("no figure %s", id);
    return NULL;
}

typedef struct lookup {
    const char *key;
    double value;
} lookup;

static spur_status take_result(void *context, const char *stage, const store_result *result,
                               spur_error *error)
{
    lookup *in = context;
    (void)stage;
    (void)error;
    if (strcmp(result->key, in->key) == 0) {
        in->value = result->value;
    }
    return SPUR_OK;
}

static double stored(spur_run *run, const char *key)
{
    spur_error error;
    lookup in = {key, (double)NAN};
    assert_ok(store_each_result(run->db, NULL, take_result, &in, &error), error);
    if (!isfinite(in.value)) {
        fail_msg("run.db has no %s", key);
    }
    return in.value;
}

static void curves_hold_the_run_s_numbers(spur_run *run, const figure *of)
{
    const plot *drawing = &of->drawing;
    assert_int_equal(drawing->panel_count, 2); /* k = 4, k = 8 */
    assert_string_equal(drawing->panels[1].title, "made, k = 8");
    const plot_panel *panel = &drawing->panels[0];
    assert_int_equal(panel->count, 3);
    assert_string_equal(panel->series[0].name, "clear");
    assert_int_equal(panel->series[1].role, PLOT_HIDDEN);
    assert_string_equal(panel->series[2].name, "rnd");
    const plot_point *second = &panel->series[0].points[1];
    /* The very doubles. */
    assert_true(second->y == stored(run, "val/made/clear-4/bin/02/top1"));
    assert_true(panel->series[0].mean == stored(run, "val/made/clear-4/curve_mean"));
    /* Three seeds: mean and range. */
    double seeds[3] = {stored(run, "val/made/rnd-4-s0/bin/01/top1"),
                       stored(run, "val/made/rnd-4-s1/bin/01/top1"),
                       stored(run, "val/made/rnd-4-s2/bin/01/top1")};
    const plot_point *first = &panel->series[2].points[0];
    assert_true(first->y == (seeds[0] + seeds[1] + seeds[2]) / 3.0);
    assert_true(first->y_low == fmin(seeds[0], fmin(seeds[1], seeds[2])));
    assert_true(first->y_high == fmax(seeds[0], fmax(seeds[1], seeds[2])));
}

static void noise_is_in_order_of_length(const figure *of)
{
    assert_int_equal(of->drawing.x.name_count, 3);
    assert_string_equal(of->drawing.x.key, "alpha");
    assert_string_equal(of->drawing.x.names[1], "20");
    assert_string_equal(of->drawing.x.names[2], "100");
    assert_int_equal(of->drawing.panel_count, 2); /* no noise with k = 8 */
    assert_string_equal(of->drawing.panels[0].title, "Foreground, made, k = 4");
    assert_true(of->drawing.panels[0].series[0].points[1].y == 0.9 - 0.05 * 3.0);
}

static void gaps_are_those_of_the_classes(spur_run *run, const figure *of)
{
    const plot_series *series = &of->drawing.panels[0].series[0];
    double sum = 0.0;
    assert_int_equal(series->count, CLASSES);
    for (size_t i = 0; i < CLASSES; i++) {
        const plot_point *point = &series->points[i];
        assert_true(point->x_low <= point->x && point->x <= point->x_high);
        assert_true(i == 0 || point->x <= series->points[i - 1].x);
        sum += point->x;
    }
    /* Classes of equal size: the mean of their gaps is the run's gap; observed 6e-17. */
    assert_true(fabs(sum / CLASSES - stored(run, "val/made/clear-4/gap_at_8")) < 1e-12);
}

static void test_figures(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    figure_list list;
    const char *path = make_world(state);
    put_noise(path, (const char *const[]){"0", "100", "20"});
    put_groups(path);
    assert_ok(spur_run_open(path, &run, &error), error);
    assert_ok(figures_make(run, &list, &error), error);
    assert_int_equal(list.count, 6);
    curves_hold_the_run_s_numbers(run, find(&list, "accuracy-by-rank-val"));
    noise_is_in_order_of_length(find(&list, "noise"));
    groups_stand_in_rows(find(&list, "groups-val"));
    gaps_are_those_of_the_classes(run, find(&list, "gap-by-class-val"));
    const figure *shift = find(&list, "shift-ood--b---");
    assert_true(shift->drawing.panels[0].series[0].points[0].y ==
                stored(run, "ood:<b>&'/made/clear-4/top1"));
    for (size_t i = 0; i < list.count; i++) {
        assert_true(strlen(list.items[i].drawing.finding) > 20);
        assert_true(strlen(list.items[i].caption) > 20);
    }
    figure_list_free(&list);
    spur_run_close(run);
}

/* Strengths of the other kind are another axis; 0 is of both. */
static void test_sigmas(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    figure_list list;
    const char *path = make_world(state);
    put_noise(path, (const char *const[]){"sigma-0.1", "0", "sigma-0.02"});
    assert_ok(spur_run_open(path, &run, &error), error);
    assert_ok(figures_make(run, &list, &error), error);
    const figure *of = find(&list, "noise");
    const plot_axis *x = &of->drawing.x;
    assert_int_equal(x->name_count, 3);
    assert_string_equal(x->key, "sigma");
    assert_string_equal(x->names[0], "0");
    assert_string_equal(x->names[1], "0.02");
    assert_string_equal(x->names[2], "0.1");
    assert_true(of->drawing.panels[0].series[0].points[1].y == 0.9 - 0.05 * 3.0);
    assert_non_null(strstr(of->caption, "same standard deviation"));
    assert_non_null(strstr(of->drawing.finding, "standard deviation 0.1"));
    figure_list_free(&list);
    spur_run_close(run);
}

static void test_files(void **state)
{
    static const char *const ends[] = {".svg", ".csv", ".vl.json", ".dvc.json"};
    spur_error error;
    spur_run *run = NULL;
    size_t count = 0;
    const char *path = make_world(state);
    assert_ok(spur_run_open(path, &run, &error), error);
    for (size_t round = 0; round < 2; round++) {
        assert_ok(
            figures_write(run, temp_in(*state, round == 0 ? "a" : "b"), NULL, &count, &error),
            error);
        assert_int_equal(count, 4);
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        unsigned char *bytes[2];
        size_t size[2];
        for (size_t round = 0; round < 2; round++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%c/accuracy-by-rank-val%s", "ab"[round],
                           ends[i]);
            assert_ok(file_load(temp_in(*state, name), 1 << 20, SPUR_DATASET, &bytes[round],
                                &size[round], &error),
                      error);
        }
        assert_int_equal(size[0], size[1]);
        assert_memory_equal(bytes[0], bytes[1], size[0]);
        memory_free(bytes[0]);
        memory_free(bytes[1]);
    }
    spur_run_close(run);
}

static void test_images(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    const figure_files files = {.has_png = true, .has_pdf = true};
    const char *path = make_world(state);
    assert_ok(spur_run_open(path, &run, &error), error);
    spur_status status = figures_write(run, temp_in(*state, "images"), &files, NULL, &error);
    if (!figures_can_render()) {
        assert_int_equal(status, SPUR_USAGE);
        assert_non_null(strstr(error.message, "without librsvg"));
    } else {
        unsigned char *bytes = NULL;
        size_t size = 0;
        assert_ok(status, error);
        assert_ok(file_load(temp_in(*state, "images/accuracy-by-rank-val.png"), 1 << 22,
                            SPUR_DATASET, &bytes, &size, &error),
                  error);
        assert_memory_equal(bytes, "\x89PNG", 4);
        memory_free(bytes);
        assert_ok(file_load(temp_in(*state, "images/accuracy-by-rank-val.pdf"), 1 << 22,
                            SPUR_DATASET, &bytes, &size, &error),
                  error);
        assert_memory_equal(bytes, "%PDF-", 5);
        memory_free(bytes);
    }
    spur_run_close(run);
}

/* A run that was only scored has no figures, and that is no error. */
static void test_without_evaluation(void **state)
{
    static const run_row rows[] = {{.file_name = "a.png", .logit = 1.0F}};
    spur_error error;
    figure_list list;
    spur_run *run = make_run(temp_in(*state, "run"), 2, rows, 1);
    assert_ok(figures_make(run, &list, &error), error);
    assert_int_equal(list.count, 0);
    figure_list_free(&list);
    spur_run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_figures, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_sigmas, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_files, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_images, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_without_evaluation, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
