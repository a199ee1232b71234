/*
 * statistics_intervals.h - two-sided intervals of a proportion, k successes of n.
 *
 * `alpha` is the chance to miss, 0.05 for 95 %. Without trials the interval is 0 to 1.
 */
#ifndef BASE_STATISTICS_INTERVALS_H
#define BASE_STATISTICS_INTERVALS_H

#include <stdint.h>

typedef struct statistics_interval {
    double low, high;
} statistics_interval;

/* Wilson (1927): the proportions whose score test does not reject k of n. */
statistics_interval statistics_wilson(uint64_t k, uint64_t n, double alpha);

/* The same for a mean that is no count: a share of `trials` independent ones, which need not be
 * whole. */
statistics_interval statistics_wilson_share(double share, double trials, double alpha);

/* Clopper and Pearson (1934): exact tails of alpha / 2 on each side; never misses more often
 * than alpha, and often less. */
statistics_interval statistics_clopper_pearson(uint64_t k, uint64_t n, double alpha);

#endif
