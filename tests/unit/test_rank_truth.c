/*
 * test_rank_truth.c - agreement with a truth column counted by hand; what a column may hold.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "run_maker.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Class a in order of score: wrong ok none ok ok; class b: ok none, and two without values. */
static const run_row rows[] = {
    {.file_name = "a1",
     .logit = -3,
     .group = "g",
     .extra = "{\"planted\":\"wrong\",\"energy\":\"0.1\",\"flag\":0,\"flat\":1}"},
    {.file_name = "a2",
     .logit = -2,
     .group = "h",
     .extra = "{\"planted\":\"ok\",\"energy\":\"0.3\",\"flag\":1,\"flat\":1}"},
    {.file_name = "a3",
     .logit = -1,
     .group = "g",
     .extra = "{\"planted\":\"none\",\"energy\":\"0.2\",\"flag\":0,\"flat\":1}"},
    {.file_name = "a4",
     .logit = 0,
     .group = "g",
     .extra = "{\"planted\":\"ok\",\"energy\":\"NaN\",\"flag\":1,\"flat\":1}"},
    {.file_name = "a5",
     .logit = 1,
     .group = "h",
     .extra = "{\"planted\":\"ok\",\"energy\":\"0.5\",\"flag\":1,\"flat\":1}"},
    {.file_name = "a6", .logit = NAN, .extra = "{\"planted\":\"ok\",\"energy\":\"0.9\"}"},
    {.file_name = "b1",
     .class_index = 1,
     .logit = 5,
     .extra = "{\"planted\":\"ok\",\"energy\":0.7,\"flag\":true,\"flat\":1}"},
    {.file_name = "b2",
     .class_index = 1,
     .logit = 7,
     .extra = "{\"planted\":\"none\",\"energy\":null,\"flag\":0,\"flat\":1}"},
    {.file_name = "b3", .class_index = 1, .logit = 6, .extra = "{\"planted\":\"\"}"},
    {.file_name = "b4", .class_index = 1, .logit = 8}};

static spur_truth_summary *summary_of(void *state, const char *column, const char *good)
{
    spur_error error;
    spur_truth_summary *summary = NULL;
    const spur_truth_options options = {NULL, good};
    spur_run *run = make_run(temp_in(state, column), 3, rows, COUNT_OF(rows));
    assert_ok(spur_rank_truth(run, column, &options, &summary, &error), error);
    spur_run_close(run);
    return summary;
}

static void categories_by_hand(void **state)
{
    spur_truth_summary *found = summary_of(*state, "planted", NULL);
    assert_int_equal(found->kind, SPUR_TRUTH_CATEGORIES);
    assert_string_equal(found->column, "planted");
    assert_string_equal(found->good, "ok");
    assert_true(found->images == 7 && found->missing == 2 && found->failed == 1);
    /* Totals: all others, wrong, none in order of appearance. */
    assert_int_equal(found->total_count, 3);
    const spur_truth_total *all = &found->totals[0];
    assert_null(all->other);
    assert_string_equal(all->split, "train");
    assert_true(all->images == 4 && all->others == 3 && all->missing == 2);
    /* Class a: ok at places 2 4 5 against 1 3: 1 + 2 + 2 of 6; class b: 0 of 1. */
    assert_true(all->classes == 2 && all->undefined == 0);
    assert_true(fabs(all->mean - 5.0 / 12) < 1e-15 && all->worst == 0);
    assert_string_equal(all->worst_label, "b");
    assert_true(fabs(all->pairs - 5.0 / 7) < 1e-15);
    /* Together: b's ok beats the two of a, nobody beats b's none: 5 + 2 of 12. */
    assert_true(fabs(all->pooled - 7.0 / 12) < 1e-15);
    assert_string_equal(found->totals[1].other, "wrong");
    assert_true(found->totals[1].classes == 1 && found->totals[1].undefined == 1);
    assert_true(found->totals[1].mean == 1);
    assert_string_equal(found->totals[2].other, "none");
    assert_true(fabs(found->totals[2].mean - 1.0 / 3) < 1e-15);
    /* Rows: a and b against all; a against wrong; a and b against none. */
    assert_int_equal(found->class_count, 5);
    const spur_truth_class *row = &found->classes[0];
    assert_string_equal(row->label, "a");
    assert_string_equal(row->name, "an a");
    assert_true(row->images == 3 && row->others == 2 && row->missing == 0);
    assert_true(fabs(row->quality - 5.0 / 6) < 1e-15 && row->low < row->quality);
    assert_true(row->in_hidden == 0.5); /* the lowest of five is the wrong one */
    assert_true(isnan(row->kendall) && row->undefined == NULL);
    assert_true(found->classes[1].missing == 2);
    assert_string_equal(found->classes[2].other, "wrong");
    spur_truth_summary_free(found);
}

static void numbers_by_hand(void **state)
{
    spur_truth_summary *found = summary_of(*state, "energy", NULL);
    assert_int_equal(found->kind, SPUR_TRUTH_NUMBERS);
    assert_null(found->good);
    assert_int_equal(found->class_count, 2);
    /* 0.1 0.3 0.2 0.5 in order of score: one of six pairs swapped; squares 0 1 1 0. */
    const spur_truth_class *row = &found->classes[0];
    assert_true(row->images == 4 && row->missing == 1 && row->undefined == NULL);
    assert_true(fabs(row->quality - (1 - 6.0 * 2 / (4 * 15))) < 1e-15);
    assert_true(fabs(row->kendall - 4.0 / 6) < 1e-15);
    assert_true(row->low < row->quality && row->quality < row->high);
    assert_true(row->weighted_tau > 0 && row->weighted_tau < 1);
    assert_true(isnan(row->in_hidden));
    row = &found->classes[1];
    assert_true(row->images == 1 && row->missing == 3 && isnan(row->quality));
    assert_string_equal(row->undefined, "only one image with a value");
    const spur_truth_total *total = &found->totals[0];
    assert_true(total->classes == 1 && total->undefined == 1);
    assert_true(total->mean == found->classes[0].quality && total->worst == total->mean);
    assert_true(fabs(total->pooled - 0.9) < 1e-15 && isnan(total->pairs));
    spur_truth_summary_free(found);
}

/* Two numbers are categories whose good value is the larger; of "true", 1 and 0 it is 1. */
static void good_values(void **state)
{
    spur_truth_summary *found = summary_of(*state, "flag", NULL);
    assert_string_equal(found->good, "1");
    assert_int_equal(found->total_count, 3); /* all others, 0, true */
    spur_truth_summary_free(found);
    found = summary_of(*state, "group", "h");
    assert_string_equal(found->good, "h");
    assert_int_equal(found->total_count, 1);
    assert_string_equal(found->totals[0].other, "g");
    assert_true(found->missing == 4);
    assert_string_equal(found->classes[1].undefined, "no good image");
    spur_truth_summary_free(found);
}

static void constant_columns(void **state)
{
    spur_truth_summary *found = summary_of(*state, "flat", NULL);
    assert_int_equal(found->kind, SPUR_TRUTH_NUMBERS);
    assert_string_equal(found->classes[0].undefined, "the column is constant");
    assert_true(isnan(found->totals[0].mean) && isnan(found->totals[0].worst));
    assert_null(found->totals[0].worst_label);
    spur_truth_summary_free(found);
    spur_error error;
    spur_run *run = NULL;
    const spur_truth_options options = {NULL, "1"};
    assert_ok(spur_run_open(temp_in(*state, "flat"), &run, &error), error);
    assert_ok(spur_rank_truth(run, "flat", &options, &found, &error), error);
    assert_int_equal(found->kind, SPUR_TRUTH_CATEGORIES);
    assert_string_equal(found->classes[0].undefined, "no other image");
    spur_truth_summary_free(found);
    spur_run_close(run);
}

static void assert_refused(spur_run *run, const char *column, const char *split,
                           const char *good, const char *text)
{
    spur_error error = {SPUR_OK, ""};
    spur_truth_summary *summary = NULL;
    const spur_truth_options options = {split, good};
    assert_int_equal(spur_rank_truth(run, column, &options, &summary, &error), SPUR_DATASET);
    assert_null(summary);
    if (strstr(error.message, text) == NULL) {
        fail_msg("expected \"%s\" in: %s", text, error.message);
    }
}

static void refused_columns(void **state)
{
    static const run_row nothing[] = {{.file_name = "n1", .logit = 1, .extra = "{\"x\":\"\"}"}};
    static const run_row bare[] = {{.file_name = "n1", .logit = 1}};
    static const run_row bad[] = {{.file_name = "n1", .logit = 1, .extra = "{\"x\":1"}};
    spur_run *run = make_run(temp_in(*state, "r"), 3, rows, COUNT_OF(rows));
    assert_refused(run, "plantad", NULL, NULL,
                   "did you mean planted? There are: group, planted, energy, flag, flat");
    assert_refused(run, "zzz", NULL, NULL, "no column zzz; there are: group, planted");
    assert_refused(run, "planted", NULL, "fine", "no value fine; it holds: wrong, ok, none");
    assert_refused(run, "group", NULL, NULL, "none of ok, 1, true, yes");
    assert_refused(run, "planted", "test", NULL, "split test is not in the run");
    spur_run_close(run);
    run = make_run(temp_in(*state, "n"), 3, nothing, 1);
    assert_refused(run, "x", NULL, NULL, "no value beside any scored image");
    spur_run_close(run);
    run = make_run(temp_in(*state, "b"), 3, bare, 1);
    assert_refused(run, "x", NULL, NULL, "no further columns");
    spur_run_close(run);
    run = make_run(temp_in(*state, "j"), 3, bad, 1);
    assert_refused(run, "x", NULL, NULL, "n1: its further columns");
    spur_run_close(run);
}

/* More than 50 different texts are no categories; one text among numbers is named. */
static void too_many_values(void **state)
{
    enum {
        MANY = 60
    };
    run_row many[MANY];
    char extra[MANY][40];
    char names[MANY][8];
    memset(many, 0, sizeof many);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(extra[i], sizeof extra[i], "{\"x\":%zu,\"y\":\"%s%zu\"}", i,
                       i == 7 ? "u" : "", i);
        (void)snprintf(names[i], sizeof names[i], "i%zu", i);
        many[i].file_name = names[i];
        many[i].extra = extra[i];
        many[i].logit = (float)i;
    }
    spur_error error;
    spur_truth_summary *found = NULL;
    spur_run *run = make_run(temp_in(*state, "m"), 3, many, MANY);
    assert_refused(run, "y", NULL, NULL, "(i7 has \"u7\")");
    assert_refused(run, "x", NULL, "3", "more than 50 different numbers");
    assert_ok(spur_rank_truth(run, "x", NULL, &found, &error), error);
    assert_true(found->classes[0].quality == 1);
    spur_truth_summary_free(found);
    spur_run_close(run);
}

static void splits_stay_apart(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    spur_truth_summary *found = NULL;
    const char *folder = temp_in(*state, "s");
    make_split(folder, "train", "max", 3, rows, COUNT_OF(rows));
    make_split(folder, "val", "max", 3, rows, 5);
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_ok(spur_rank_truth(run, "energy", NULL, &found, &error), error);
    assert_int_equal(found->total_count, 2);
    assert_string_equal(found->totals[1].split, "val");
    assert_int_equal(found->class_count, 3);
    spur_truth_summary_free(found);
    const spur_truth_options options = {"val", NULL};
    assert_ok(spur_rank_truth(run, "energy", &options, &found, &error), error);
    assert_int_equal(found->total_count, 1);
    assert_string_equal(found->totals[0].split, "val");
    assert_true(found->images == 4);
    spur_truth_summary_free(found);
    spur_run_close(run);
}

/* True box 10 10 30 30: found the same, half of it, one that leaves the picture, none. */
static const run_row boxed[] = {
    {.file_name = "1",
     .logit = 1,
     .box = {10, 10, 30, 30},
     .extra = "{\"box_xmin\":10,\"box_ymin\":10,\"box_xmax\":30,\"box_ymax\":30,\"q\":0.9}"},
    {.file_name = "2",
     .logit = 1,
     .box = {10, 10, 20, 30},
     .extra = "{\"box_xmin\":10,\"box_ymin\":10,\"box_xmax\":30,\"box_ymax\":30,\"q\":0.7}"},
    {.file_name = "3",
     .logit = 1,
     .box = {-50, -50, 50, 50},
     .extra = "{\"box_xmin\":0,\"box_ymin\":0,\"box_xmax\":100,\"box_ymax\":50,\"q\":0.6}"},
    {.file_name = "4",
     .logit = 1,
     .box = {60, 60, 70, 70},
     .extra = "{\"box_xmin\":0,\"box_ymin\":0,\"box_xmax\":9,\"box_ymax\":9,\"q\":0.1}"},
    {.file_name = "5", .logit = 1, .extra = "{\"box_xmin\":\"\",\"q\":1}"},
    {.file_name = "6",
     .logit = NAN,
     .extra = "{\"box_xmin\":0,\"box_ymin\":0,\"box_xmax\":9,\"box_ymax\":9,\"q\":1}"}};

static void boxes_by_hand(void **state)
{
    spur_error error;
    spur_box_quality found;
    spur_box_options options;
    spur_run *run = make_run(temp_in(*state, "x"), 1, boxed, COUNT_OF(boxed));
    assert_ok(spur_rank_boxes(run, NULL, &found, &error), error);
    assert_true(found.images == 4);
    assert_true(fabs(found.mean_iou - (1 + 0.5 + 0.5 + 0) / 4) < 1e-15);
    assert_true(found.half_or_more == 0.75);
    spur_box_options_defaults(&options);
    options.column = "q";
    options.above = 0.6;
    assert_ok(spur_rank_boxes(run, &options, &found, &error), error);
    assert_true(found.images == 2 && fabs(found.mean_iou - 0.75) < 1e-15);
    options.above = 2;
    assert_ok(spur_rank_boxes(run, &options, &found, &error), error);
    assert_true(found.images == 0 && isnan(found.mean_iou) && isnan(found.half_or_more));
    options.column = "nothing";
    assert_int_equal(spur_rank_boxes(run, &options, &found, &error), SPUR_DATASET);
    spur_run_close(run);
}

static void failing_allocations_are_clean(void **state)
{
    spur_run *run = make_run(temp_in(*state, "f"), 3, rows, COUNT_OF(rows));
    for (size_t what = 0; what < 3; what++) {
        bool was_reached = true;
        for (size_t n = 1; was_reached; n++) {
            spur_error error;
            spur_truth_summary *summary = NULL;
            const char *column = what == 0 ? "planted" : what == 1 ? "energy" : "plantad";
            (void)memory_fail_at(n, false);
            spur_status status = spur_rank_truth(run, column, NULL, &summary, &error);
            was_reached = memory_fail_at(0, false) >= n;
            assert_true(status == SPUR_RESOURCE ||
                        status == (what == 2 ? SPUR_DATASET : SPUR_OK));
            spur_truth_summary_free(summary);
        }
    }
    spur_run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(categories_by_hand, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(numbers_by_hand, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(good_values, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(constant_columns, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(refused_columns, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(too_many_values, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(splits_stay_apart, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(boxes_by_hand, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
