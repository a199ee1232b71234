/*
 * statistics_quantiles.h - quantiles by every common definition.
 *
 * Sample quantiles after Hyndman and Fan (The American Statistician 50 (1996) 361-365); the
 * numbers in the names are theirs. Spur itself reports LINEAR.
 */
#ifndef BASE_STATISTICS_QUANTILES_H
#define BASE_STATISTICS_QUANTILES_H

#include <stddef.h>

typedef enum statistics_quantile_rule {
    STATISTICS_QUANTILE_INVERTED_CDF,    /* 1 */
    STATISTICS_QUANTILE_AVERAGED_CDF,    /* 2 */
    STATISTICS_QUANTILE_HAZEN,           /* 5 */
    STATISTICS_QUANTILE_WEIBULL,         /* 6 */
    STATISTICS_QUANTILE_LINEAR,          /* 7 */
    STATISTICS_QUANTILE_MEDIAN_UNBIASED, /* 8 */
    STATISTICS_QUANTILE_NORMAL_UNBIASED, /* 9 */
    STATISTICS_QUANTILE_LOWER,           /* the neighbours of 7, and their mean */
    STATISTICS_QUANTILE_HIGHER,
    STATISTICS_QUANTILE_MIDPOINT
} statistics_quantile_rule;

/* The q-quantile, q in [0, 1], of values in rising order; NaN without values. */
double statistics_quantile_by(statistics_quantile_rule rule, const double *sorted, size_t count,
                              double q);

#endif
