/*
 * test_statistics.c - quantiles and AUC on cases small enough to count by hand.
 */
#include "support.h"

#include <math.h>

#include "base/statistics.h"

static void quantiles_interpolate(void **state)
{
    (void)state;
    const float values[] = {1, 2, 4, 8};
    assert_true(isnan(statistics_quantile(values, 0, 0.5)));
    assert_true(statistics_quantile(values, 1, 0.3) == 1);
    assert_true(statistics_quantile(values, 4, 0) == 1);
    assert_true(statistics_quantile(values, 4, 1) == 8);
    assert_true(statistics_quantile(values, 4, 0.5) == 3);
    assert_true(statistics_quantile(values, 4, 0.25) == 1.75);
    assert_true(statistics_quantile(values, 4, 0.75) == 5);
    const float equal[] = {0.1f, 0.1f, 0.1f};
    assert_true(statistics_quantile(equal, 3, 0.7) == (double)0.1f);
}

static void area_counts_pairs(void **state)
{
    (void)state;
    /* Scores of positives 0 1 1 2, of negatives 0 0 1: 12 pairs, 9 won. */
    const uint64_t positives[] = {1, 2, 1}, negatives[] = {2, 1, 0};
    statistics_auc auc = statistics_auc_make(positives, negatives, 3);
    assert_true(auc.area == 9.0 / 12); /* 0: 2 halves; 1, 1: 2.5 each; 2: 3 */
    auc = statistics_auc_make(negatives, positives, 3);
    assert_true(auc.area == 3.0 / 12);
    const uint64_t none[] = {0, 0, 0}, low[] = {5, 0, 0}, high[] = {0, 0, 7};
    assert_true(isnan(statistics_auc_make(none, low, 3).area));
    assert_true(isnan(statistics_auc_make(low, none, 3).standard_error));
    assert_true(isnan(statistics_auc_low(statistics_auc_make(none, none, 0))));
    auc = statistics_auc_make(high, low, 3);
    assert_true(auc.area == 1 && auc.standard_error == 0);
    auc = statistics_auc_make(low, high, 3);
    assert_true(auc.area == 0 && auc.standard_error == 0 && statistics_auc_low(auc) == 0);
}

/* ImageNet's size: 1300 against 1,279,867 with the area exactly one half. */
static void area_of_large_counts(void **state)
{
    (void)state;
    const uint64_t positives[] = {650, 650}, negatives[] = {639933, 639933};
    statistics_auc auc = statistics_auc_make(positives, negatives, 2);
    assert_true(auc.area == 0.5);
    /* By the formula: A = 1/2, Q1 = Q2 = 1/3, so the variance is
     * (1/4 + (n1 + n2 - 2) / 12) / (n1 n2). Tolerance 1e-15, observed 0. */
    double expected = sqrt((0.25 + (1300.0 + 1279866 - 2) / 12) / (1300.0 * 1279866));
    assert_true(fabs(auc.standard_error - expected) <= 1e-15);
    assert_true(fabs(statistics_auc_low(auc) - (0.5 - 1.959963984540054 * expected)) <= 1e-15);
}

/* The worked example of Hanley and McNeil (1982), table I: 58 normal and 51 abnormal images
 * in five ratings, area 0.893, standard error 0.032 (theirs with Q1 and Q2 counted from the
 * data, ours with those of exponential scores, hence the tolerance). */
static void area_of_the_published_example(void **state)
{
    (void)state;
    const uint64_t normal[] = {33, 6, 6, 11, 2}, abnormal[] = {3, 2, 2, 11, 33};
    statistics_auc auc = statistics_auc_make(abnormal, normal, 5);
    assert_true(fabs(auc.area - 0.893) < 0.0005);          /* observed 0.00017 */
    assert_true(fabs(auc.standard_error - 0.032) < 0.001); /* observed 0.0005 */
}

/* The interval's ends are as far from the area as 1.96 of their own standard errors, mirror
 * each other, and do not shrink to a point at 0 and 1. */
static void interval_of_the_area(void **state)
{
    (void)state;
    double low, high, other_low, other_high;
    statistics_auc_interval(0.7, 30, 30, &low, &high);
    statistics_auc_interval(0.3, 30, 30, &other_low, &other_high);
    assert_true(fabs(low + other_high - 1) < 1e-12 && fabs(high + other_low - 1) < 1e-12);
    double se = statistics_auc_from(low * 900, 30, 30).standard_error;
    assert_true(fabs(0.7 - low - 1.959963984540054 * se) < 1e-12); /* observed 0 */
    statistics_auc_interval(1, 5, 5, &low, &high);
    assert_true(high == 1 && low > 0.3 && low < 0.8);
    statistics_auc_interval(0, 5, 5, &other_low, &other_high);
    assert_true(other_low == 0 && fabs(other_high + low - 1) < 1e-12);
    statistics_auc_interval(0.5, 5, 0, &low, &high);
    assert_true(isnan(low) && isnan(high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_interpolate), cmocka_unit_test(area_counts_pairs),
        cmocka_unit_test(area_of_large_counts), cmocka_unit_test(area_of_the_published_example),
        cmocka_unit_test(interval_of_the_area)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
