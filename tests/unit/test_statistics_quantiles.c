/*
 * test_statistics_quantiles.c - every rule on four values, and at the ends.
 */
#include "support.h"

#include <math.h>

#include "base/statistics_quantiles.h"

static void quarter_of_four(void **state)
{
    (void)state;
    static const double x[] = {0, 1, 10, 100};
    /* n q = 1 is whole; place 0.75 of the linear rule, 0.5 of Hazen's, 0.25 of Weibull's. */
    static const double wanted[] = {[STATISTICS_QUANTILE_INVERTED_CDF] = 0,
                                    [STATISTICS_QUANTILE_AVERAGED_CDF] = 0.5,
                                    [STATISTICS_QUANTILE_HAZEN] = 0.5,
                                    [STATISTICS_QUANTILE_WEIBULL] = 0.25,
                                    [STATISTICS_QUANTILE_LINEAR] = 0.75,
                                    [STATISTICS_QUANTILE_MEDIAN_UNBIASED] = 5.0 / 12,
                                    [STATISTICS_QUANTILE_NORMAL_UNBIASED] = 0.4375,
                                    [STATISTICS_QUANTILE_LOWER] = 0,
                                    [STATISTICS_QUANTILE_HIGHER] = 1,
                                    [STATISTICS_QUANTILE_MIDPOINT] = 0.5};
    for (size_t rule = 0; rule < sizeof wanted / sizeof *wanted; rule++) {
        statistics_quantile_rule how = (statistics_quantile_rule)rule;
        assert_true(fabs(statistics_quantile_by(how, x, 4, 0.25) - wanted[rule]) < 1e-15);
        assert_true(statistics_quantile_by(how, x, 4, 0) == 0);
        assert_true(statistics_quantile_by(how, x, 4, 1) == 100);
        assert_true(statistics_quantile_by(how, x + 2, 1, 0.3) == 10);
        assert_true(isnan(statistics_quantile_by(how, x, 0, 0.3)));
        for (double q = 0, last = 0; q <= 1; q += 1.0 / 64) {
            double found = statistics_quantile_by(how, x, 4, q);
            assert_true(found >= last); /* never falls */
            last = found;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quarter_of_four)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
