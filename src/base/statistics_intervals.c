/*
 * statistics_intervals.c - Wilson and Clopper-Pearson.
 */
#include "base/statistics_intervals.h"

#include <math.h>

#include "base/special_functions.h"

/* (k + z^2 / 2 -+ z sqrt(k (n - k) / n + z^2 / 4)) / (n + z^2) */
static statistics_interval wilson(double hits, double trials, double alpha)
{
    double z = -normal_quantile(alpha / 2);
    double square = z * z;
    double half = z * sqrt(hits * (trials - hits) / trials + square / 4);
    double middle = hits + square / 2;
    /* At the ends half and middle cancel exactly only on paper. */
    return (statistics_interval){hits <= 0 ? 0 : (middle - half) / (trials + square),
                                 hits >= trials ? 1 : (middle + half) / (trials + square)};
}

statistics_interval statistics_wilson(uint64_t k, uint64_t n, double alpha)
{
    return n == 0 ? (statistics_interval){0, 1} : wilson((double)k, (double)n, alpha);
}

statistics_interval statistics_wilson_share(double share, double trials, double alpha)
{
    return trials > 0 ? wilson(share * trials, trials, alpha) : (statistics_interval){0, 1};
}

statistics_interval statistics_clopper_pearson(uint64_t k, uint64_t n, double alpha)
{
    if (n == 0) {
        return (statistics_interval){0, 1};
    }
    double hits = (double)k, misses = (double)(n - k);
    return (statistics_interval){k == 0 ? 0 : beta_quantile(alpha / 2, hits, misses + 1),
                                 k == n ? 1 : beta_quantile(1 - alpha / 2, hits + 1, misses)};
}
