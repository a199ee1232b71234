/*
 * test_suspects.c - label suspects of a run small enough to follow by hand.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "run_maker.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Class a: -9 0 1 2 3 (10th percentile -5.4), b: -8 4 6 8 (10th percentile -4.4, median 5),
 * c has one image (5). a1 looks like b (6 ties with one of four: 2.5 / 4) and like c (5, its
 * only image: 1/2); b1 is as low, but a's median is 1 and it reaches only 0.5. */
static const run_row rows[] = {
    {.file_name = "a1",
     .logit = -9,
     .extra = "{\"t\":\"wrong\"}",
     .best_count = 2,
     .best = {{1, 6}, {2, 5}},
     .other_logit = 2},
    {.file_name = "a2",
     .logit = 0,
     .extra = "{\"t\":\"ok\"}",
     .best_count = 1,
     .best = {{1, 9}}},
    {.file_name = "a3", .logit = 1, .extra = "{\"t\":\"ok\"}"},
    {.file_name = "a4", .logit = 2, .extra = "{\"t\":\"wrong\"}"},
    {.file_name = "a5", .logit = 3, .extra = "{\"t\":\"ok\"}"},
    {.file_name = "a6", .logit = NAN, .extra = "{\"t\":\"wrong\"}"},
    {.file_name = "b1",
     .class_index = 1,
     .logit = -8,
     .extra = "{\"t\":\"ok\"}",
     .best_count = 1,
     .best = {{0, 0.5F}}},
    {.file_name = "b2", .class_index = 1, .logit = 4},
    {.file_name = "b3", .class_index = 1, .logit = 6},
    {.file_name = "b4", .class_index = 1, .logit = 8},
    {.file_name = "c1", .class_index = 2, .logit = 5, .best_count = 1, .best = {{0, 99}}}};

static void found_by_hand(void **state)
{
    spur_error error;
    spur_suspect_summary *found = NULL;
    spur_run *run = make_run(temp_in(*state, "run"), 3, rows, COUNT_OF(rows));
    const spur_suspect_options options = {NULL, "t"};
    assert_ok(spur_suspects(run, &options, &found, &error), error);
    assert_true(found->images == 10 && found->count == 1);
    const spur_suspect *one = &found->suspects[0];
    assert_string_equal(one->file_name, "a1");
    assert_string_equal(one->split, "train");
    assert_string_equal(one->label, "a");
    assert_string_equal(one->proposed_label, "b");
    assert_string_equal(one->proposed_name, "a b");
    assert_string_equal(one->truth, "wrong");
    assert_true(one->logit == -9 && one->proposed_logit == 6);
    assert_true(fabs(one->percentile - 0.1) < 1e-15);
    assert_true(fabs(one->proposed_percentile - 2.5 / 4) < 1e-15);
    /* Failed images and images without a value do not count. */
    assert_int_equal(found->value_count, 2);
    assert_string_equal(found->values[0].value, "ok");
    assert_true(found->values[0].images == 4 && found->values[0].suspects == 0);
    assert_string_equal(found->values[1].value, "wrong");
    assert_true(found->values[1].images == 2 && found->values[1].suspects == 1);
    spur_suspect_summary_free(found);
    assert_ok(spur_suspects(run, NULL, &found, &error), error);
    assert_true(found->count == 1 && found->value_count == 0);
    assert_null(found->suspects[0].truth);
    spur_suspect_summary_free(found);
    spur_run_close(run);
}

/* A run scored with --margin keeps the difference; the own level is that plus the other. */
static void margin_is_taken_back(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    spur_suspect_summary *found = NULL;
    const char *folder = temp_in(*state, "run");
    make_split(folder, "train", "max minus best other class", 3, rows, COUNT_OF(rows));
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_ok(spur_suspects(run, NULL, &found, &error), error);
    assert_int_equal(found->count, 1);
    assert_true(found->suspects[0].logit == -7);
    spur_suspect_summary_free(found);
    spur_run_close(run);
}

/* Two splits, the same rows: both are found, in order of the split's name. */
static void order_of_equal_suspects(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    spur_suspect_summary *found = NULL;
    const char *folder = temp_in(*state, "run");
    make_split(folder, "val", "max", 3, rows, COUNT_OF(rows));
    make_split(folder, "train", "max", 3, rows, COUNT_OF(rows));
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_ok(spur_suspects(run, NULL, &found, &error), error);
    assert_int_equal(found->count, 2);
    assert_string_equal(found->suspects[0].split, "train");
    assert_string_equal(found->suspects[1].split, "val");
    spur_suspect_summary_free(found);
    const spur_suspect_options options = {"val", NULL}, wrong = {"test", NULL};
    assert_ok(spur_suspects(run, &options, &found, &error), error);
    assert_true(found->count == 1 && found->images == 10);
    spur_suspect_summary_free(found);
    assert_int_equal(spur_suspects(run, &wrong, &found, &error), SPUR_DATASET);
    spur_run_close(run);
}

static void failing_allocations_are_clean(void **state)
{
    spur_run *run = make_run(temp_in(*state, "run"), 3, rows, COUNT_OF(rows));
    const spur_suspect_options options = {NULL, "t"};
    bool was_reached = true;
    for (size_t n = 1; was_reached; n++) {
        spur_error error;
        spur_suspect_summary *found = NULL;
        (void)memory_fail_at(n, false);
        spur_status status = spur_suspects(run, &options, &found, &error);
        was_reached = memory_fail_at(0, false) >= n;
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        spur_suspect_summary_free(found);
    }
    spur_run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_by_hand, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(margin_is_taken_back, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(order_of_equal_suspects, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
