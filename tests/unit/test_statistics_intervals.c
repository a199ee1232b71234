/*
 * test_statistics_intervals.c - closed forms, symmetry, and that an interval covers as often
 * as it says.
 */
#include "support.h"

#include <math.h>

#include "base/special_functions.h"
#include "base/statistics_intervals.h"

static void closed_forms(void **state)
{
    (void)state;
    /* No success of n: exact upper end 1 - (alpha / 2)^(1 / n), Wilson's z^2 / (n + z^2). */
    double square = 1.959963984540054 * 1.959963984540054;
    statistics_interval exact = statistics_clopper_pearson(0, 20, 0.05);
    statistics_interval wilson = statistics_wilson(0, 20, 0.05);
    assert_true(exact.low == 0 && wilson.low == 0);
    assert_true(fabs(exact.high - (1 - pow(0.025, 1.0 / 20))) < 1e-15);
    assert_true(fabs(wilson.high - square / (20 + square)) < 1e-15);
    exact = statistics_clopper_pearson(20, 20, 0.05);
    wilson = statistics_wilson(20, 20, 0.05);
    assert_true(exact.high == 1 && wilson.high == 1);
    assert_true(fabs(exact.low - pow(0.025, 1.0 / 20)) < 1e-15);
    exact = statistics_clopper_pearson(0, 0, 0.05);
    wilson = statistics_wilson(0, 0, 0.05);
    assert_true(exact.low == 0 && exact.high == 1 && wilson.low == 0 && wilson.high == 1);
}

/* Successes and failures exchanged mirror the interval. Tolerance 1e-13, observed 2.2e-16. */
static void mirrors(void **state)
{
    (void)state;
    for (uint64_t k = 0; k <= 30; k++) {
        statistics_interval a = statistics_wilson(k, 30, 0.1);
        statistics_interval b = statistics_wilson(30 - k, 30, 0.1);
        assert_true(fabs(a.low + b.high - 1) < 1e-13 && a.low < a.high);
        a = statistics_clopper_pearson(k, 30, 0.1);
        b = statistics_clopper_pearson(30 - k, 30, 0.1);
        assert_true(fabs(a.low + b.high - 1) < 1e-13);
        assert_true(a.low <= (double)k / 30 && a.high >= (double)k / 30);
    }
}

/* Summed over all k, the exact interval covers every proportion at least as often as it says,
 * Wilson's on average. */
static void cover(void **state)
{
    (void)state;
    double mean = 0;
    for (int step = 1; step < 100; step++) {
        double p = step / 100.0, exact = 0, wilson = 0;
        for (uint64_t k = 0; k <= 40; k++) {
            double mass = binomial_mass(k, 40, p);
            statistics_interval a = statistics_clopper_pearson(k, 40, 0.05);
            statistics_interval b = statistics_wilson(k, 40, 0.05);
            exact += p >= a.low && p <= a.high ? mass : 0;
            wilson += p >= b.low && p <= b.high ? mass : 0;
        }
        assert_true(exact >= 0.95 - 1e-12);
        mean += wilson / 99;
    }
    assert_true(mean > 0.94 && mean < 0.96); /* observed 0.951 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(closed_forms),
                                       cmocka_unit_test(mirrors), cmocka_unit_test(cover)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
