/*
 * test_statistics_tests.c - McNemar and adjusted p by hand.
 */
#include "support.h"

#include <math.h>

#include "base/memory.h"
#include "base/statistics_tests.h"

static void mcnemar_by_hand(void **state)
{
    (void)state;
    /* 1 against 5 of 6 coins: P(X <= 1) = 7 / 64, P(X = 1) = 6 / 64. */
    assert_true(fabs(statistics_mcnemar_exact(1, 5) - 14.0 / 64) < 1e-15);
    assert_true(fabs(statistics_mcnemar_mid(1, 5) - 8.0 / 64) < 1e-15);
    assert_true(statistics_mcnemar_exact(5, 1) == statistics_mcnemar_exact(1, 5));
    assert_true(statistics_mcnemar_exact(0, 0) == 1 && statistics_mcnemar_mid(0, 0) == 1);
    assert_true(statistics_mcnemar_exact(4, 4) == 1);
}

static void adjust(statistics_adjustment how, const double wanted[4])
{
    static const double p[] = {0.04, 0.01, 0.02, 0.04};
    double found[4];
    spur_error error;
    assert_ok(statistics_adjust(how, p, 4, found, &error), error);
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabs(found[i] - wanted[i]) < 1e-15);
    }
}

/* p = 0.01 0.02 0.04 0.04 in order. Holm: 4, 3, 2, 1 times, never falling. BH: 4, 2, 4/3, 1
 * times, from the largest down; BY the same times 25 / 12. */
static void adjusted_by_hand(void **state)
{
    (void)state;
    adjust(STATISTICS_BONFERRONI, (const double[]){0.16, 0.04, 0.08, 0.16});
    adjust(STATISTICS_HOLM, (const double[]){0.08, 0.04, 0.06, 0.08});
    adjust(STATISTICS_BH, (const double[]){0.04, 0.04, 0.04, 0.04});
    adjust(STATISTICS_BY, (const double[]){0.25 / 3, 0.25 / 3, 0.25 / 3, 0.25 / 3});
}

static void adjusting_in_place_and_nothing(void **state)
{
    (void)state;
    spur_error error;
    double p[] = {0.9, 0.6};
    assert_ok(statistics_adjust(STATISTICS_HOLM, p, 2, p, &error), error);
    assert_true(p[0] == 1 && p[1] == 1);
    assert_ok(statistics_adjust(STATISTICS_BH, p, 0, p, &error), error);
    (void)memory_fail_at(1, false);
    assert_int_equal(statistics_adjust(STATISTICS_BH, p, 2, p, &error), SPUR_RESOURCE);
    (void)memory_fail_at(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mcnemar_by_hand),
                                       cmocka_unit_test(adjusted_by_hand),
                                       cmocka_unit_test(adjusting_in_place_and_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
