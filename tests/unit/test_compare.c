/*
 * test_compare.c - two runs on the same images: classes by label, images by id, ranks among
 * what both scored.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/compare_heads.h"
#include "run_maker.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const run_row first_rows[] = {{.file_name = "a1", .logit = 1},
                                     {.file_name = "a2", .logit = 2},
                                     {.file_name = "a3", .logit = 3},
                                     {.file_name = "a4", .logit = 4},
                                     {.file_name = "b1", .class_index = 1, .logit = 1},
                                     {.file_name = "b2", .class_index = 1, .logit = 2},
                                     {.file_name = "b3", .class_index = 1, .logit = 3}};

/* a4 falls to the bottom, a2 failed, b3 has another label. */
static const run_row second_rows[] = {{.file_name = "a1", .logit = 10},
                                      {.file_name = "a2", .logit = NAN},
                                      {.file_name = "a3", .logit = 30},
                                      {.file_name = "a4", .logit = 5},
                                      {.file_name = "b1", .class_index = 1, .logit = -1},
                                      {.file_name = "b2", .class_index = 1, .logit = 2},
                                      {.file_name = "b3", .class_index = 0, .logit = 3}};

static spur_run *opened(void *state, const char *name, const char *split, const char *score,
                        const run_row *rows, size_t count)
{
    spur_error error;
    spur_run *run = NULL;
    make_split(temp_in(state, name), split, score, 2, rows, count);
    assert_ok(spur_run_open(temp_in(state, name), &run, &error), error);
    return run;
}

static void by_hand(void **state)
{
    spur_error error;
    spur_compare_summary *found = NULL;
    spur_run *first = opened(*state, "first", "val", "max", first_rows, 7);
    spur_run *second = opened(*state, "second", "val", "mean-top5", second_rows, 7);
    assert_ok(spur_compare(first, second, NULL, &found, &error), error);
    spur_run_close(first);
    spur_run_close(second);
    assert_int_equal(found->setting_count, 1);
    assert_string_equal(found->settings[0].key, "score");
    assert_string_equal(found->settings[0].second, "mean-top5");
    assert_int_equal(found->split_count, 1);
    const spur_compare_split *split = &found->splits[0];
    assert_string_equal(split->split, "val");
    assert_true(split->first == 7 && split->second == 6);
    assert_true(split->common == 5 && split->relabelled == 1);
    /* a1 a3 a4 become a4 a1 a3: one of three pairs agrees; b1 b2 stay. */
    assert_int_equal(found->class_count, 2);
    assert_true(found->classes[0].images == 3 && found->classes[1].images == 2);
    assert_true(fabs(found->classes[0].kendall + 1.0 / 3) < 1e-15);
    assert_true(found->classes[0].spearman == -0.5);
    assert_true(found->classes[1].spearman == 1 && found->classes[1].kendall == 1);
    assert_true(split->classes == 2 && split->spearman == 0.25 && split->worst == -0.5);
    assert_string_equal(split->worst_label, "a");
    assert_int_equal(found->moved_count, 3);
    assert_string_equal(found->moved[0].file_name, "a4");
    assert_true(found->moved[0].first_rank == 3 && found->moved[0].second_rank == 1);
    assert_true(found->moved[0].images == 3 && found->moved[0].second_logit == 5);
    assert_string_equal(found->moved[1].file_name, "a1");
    spur_compare_summary_free(found);
}

static void a_run_agrees_with_itself(void **state)
{
    spur_error error;
    spur_compare_summary *found = NULL;
    spur_run *run = opened(*state, "first", "train", "max", first_rows, 7);
    assert_ok(spur_compare(run, run, NULL, &found, &error), error);
    assert_true(found->setting_count == 0 && found->moved_count == 0);
    assert_true(found->splits[0].spearman == 1 && found->splits[0].kendall == 1);
    assert_true(found->splits[0].clear == 1 && found->splits[0].hidden == 1);
    spur_compare_summary_free(found);
    spur_run_close(run);
}

static void the_list_is_cut(void **state)
{
    spur_error error;
    spur_compare_summary *found = NULL;
    spur_run *first = opened(*state, "first", "val", "max", first_rows, 7);
    spur_run *second = opened(*state, "second", "val", "max", second_rows, 7);
    const spur_compare_options options = {.split = "val", .moved = 1};
    assert_ok(spur_compare(first, second, &options, &found, &error), error);
    assert_int_equal(found->moved_count, 1);
    assert_string_equal(found->moved[0].file_name, "a4");
    spur_compare_summary_free(found);
    spur_run_close(first);
    spur_run_close(second);
}

static void nothing_in_common(void **state)
{
    spur_error error;
    spur_compare_summary *found = NULL;
    spur_run *first = opened(*state, "first", "val", "max", first_rows, 7);
    spur_run *second = opened(*state, "second", "train", "max", second_rows, 7);
    const spur_compare_options options = {.split = "val"};
    assert_int_equal(spur_compare(first, second, NULL, &found, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "no image in common"));
    assert_int_equal(spur_compare(first, second, &options, &found, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "split val is not in the run"));
    assert_null(found);
    spur_run_close(first);
    spur_run_close(second);
}

/* Class a: 1 1 0 0 against 1 0 1 1, class b: 0 against 0; the last pair was not judged twice.
 */
static void heads_by_hand(void **state)
{
    spur_error error;
    image_pair pairs[6] = {{.file_name = NULL}};
    const image_pairs images = {.items = pairs, .count = 6};
    unsigned char first_flags[6], second_flags[6];
    static const unsigned char first_right[] = {1, 1, 0, 0, 0, 1};
    static const unsigned char second_right[] = {1, 0, 1, 1, 0, 1};
    const prediction_set first = {6, NULL, NULL, first_flags};
    const prediction_set second = {6, NULL, NULL, second_flags};
    spur_compare_options options;
    spur_compare_head found = {.images = 0};
    (void)state;
    spur_compare_options_defaults(&options);
    for (size_t i = 0; i < 6; i++) {
        pairs[i] =
            (image_pair){.class_index = i < 4 ? 0 : 2, .first_row = i, .second_row = 5 - i};
        first_flags[i] = PREDICTION_VALID | (first_right[i] != 0 ? PREDICTION_CORRECT : 0);
        second_flags[5 - i] =
            PREDICTION_VALID | (second_right[i] != 0 ? PREDICTION_CORRECT : 0);
    }
    second_flags[0] = 0;
    assert_ok(heads_compare(&images, 3, &first, &second, &options, &found, &error), error);
    assert_true(found.images == 5 && found.first_correct == 2 && found.second_correct == 3);
    assert_true(found.only_first == 1 && found.only_second == 2);
    assert_true(fabs(found.difference - 0.2) < 1e-15);
    assert_true(found.exact == 1 && fabs(found.mid - 0.625) < 1e-15);
    /* Draws of two classes: 1 of 4, 0 of 1 or, the middle, 1 of 5. */
    assert_true(found.low == 0 && found.high == 0.25);
}

static void memory_can_fail(void **state)
{
    spur_compare_summary *found = NULL;
    spur_run *first = opened(*state, "first", "val", "max", first_rows, 7);
    spur_run *second = opened(*state, "second", "val", "max", second_rows, 7);
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        assert_in_range(n, 1, 1000);
        memory_fail_at(n, false);
        status = spur_compare(first, second, NULL, &found, NULL);
        memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
    spur_compare_summary_free(found);
    spur_run_close(first);
    spur_run_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_hand, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(a_run_agrees_with_itself, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(the_list_is_cut, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(nothing_in_common, temp_setup, temp_teardown),
        cmocka_unit_test(heads_by_hand),
        cmocka_unit_test_setup_teardown(memory_can_fail, temp_setup, temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
