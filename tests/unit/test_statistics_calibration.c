/*
 * test_statistics_calibration.c - bins and blocks small enough to see.
 */
#include "support.h"

#include <math.h>

#include "base/memory.h"
#include "base/statistics_calibration.h"

static void errors_by_hand(void **state)
{
    (void)state;
    spur_error error;
    statistics_calibration found;
    uint64_t counts[2];
    /* Bin (0, 1/2]: 0.5 and 0.25, one right; bin (1/2, 1]: 0.75 twice, both right. */
    const double confidence[] = {0.5, 0.25, 0.75, 0.75};
    const bool is_correct[] = {true, false, true, true};
    assert_ok(statistics_calibrate(confidence, is_correct, 4, 2, &found, counts, &error),
              error);
    assert_true(counts[0] == 2 && counts[1] == 2);
    assert_true(fabs(found.ece - (0.125 + 0.25) / 2) < 1e-15);
    assert_true(fabs(found.mce - 0.25) < 1e-15);
    assert_true(fabs(found.brier - (0.25 + 3 * 0.0625) / 4) < 1e-15);
}

static void ends_of_the_bins(void **state)
{
    (void)state;
    spur_error error;
    statistics_calibration found;
    uint64_t counts[4];
    const double confidence[] = {0, 0.25, 0.2500001, 1, -3, 7};
    const bool is_correct[6] = {false};
    assert_ok(statistics_calibrate(confidence, is_correct, 6, 4, &found, counts, &error),
              error);
    assert_true(counts[0] == 3 && counts[1] == 1 && counts[2] == 0 && counts[3] == 2);
    assert_ok(statistics_calibrate(confidence, is_correct, 0, 4, &found, NULL, &error), error);
    assert_true(isnan(found.ece) && isnan(found.mce) && isnan(found.brier));
}

static void blocks_by_hand(void **state)
{
    (void)state;
    spur_error error;
    double fitted[5];
    const double y[] = {1, 3, 2, 4, 0}, weights[] = {1, 1, 3, 1, 1};
    const double rising[] = {1, 2.25, 2.25, 2.25, 2.25};
    const double weighted[] = {1, 13.0 / 6, 13.0 / 6, 13.0 / 6, 13.0 / 6};
    const double falling[] = {2.5, 2.5, 2.5, 2.5, 0};
    assert_ok(statistics_isotonic(y, NULL, 5, false, fitted, &error), error);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(fitted[i] - rising[i]) < 1e-15);
    }
    assert_ok(statistics_isotonic(y, weights, 5, false, fitted, &error), error);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(fitted[i] - weighted[i]) < 1e-15);
    }
    assert_ok(statistics_isotonic(y, NULL, 5, true, fitted, &error), error);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(fitted[i] - falling[i]) < 1e-15);
    }
    /* In place, and twice: a fitted sequence is its own fit. */
    assert_ok(statistics_isotonic(fitted, NULL, 5, true, fitted, &error), error);
    assert_true(fitted[4] == 0 && fitted[0] == 2.5);
    (void)memory_fail_at(1, false);
    assert_int_equal(statistics_isotonic(y, NULL, 5, true, fitted, &error), SPUR_RESOURCE);
    (void)memory_fail_at(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors_by_hand),
                                       cmocka_unit_test(ends_of_the_bins),
                                       cmocka_unit_test(blocks_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
