/*
 * statistics_tests.h - paired comparison of two classifiers, and many tests at once.
 */
#ifndef BASE_STATISTICS_TESTS_H
#define BASE_STATISTICS_TESTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* McNemar's test of b against c discordant pairs, X binomial (b + c, 1/2), m = min(b, c), both
 * two-sided: exact = min(1, 2 P(X <= m)), mid = min(1, 2 P(X <= m) - P(X = m)), which does not
 * waste the discreteness (Fagerland, Lydersen, Laake 2013). 1 without discordant pairs. */
double statistics_mcnemar_exact(uint64_t b, uint64_t c);
double statistics_mcnemar_mid(uint64_t b, uint64_t c);

typedef enum statistics_adjustment {
    STATISTICS_BONFERRONI, /* m p */
    STATISTICS_HOLM,       /* step down, family-wise error */
    STATISTICS_BH,         /* Benjamini and Hochberg 1995, false discovery rate */
    STATISTICS_BY          /* Benjamini and Yekutieli 2001: the same under any dependence */
} statistics_adjustment;

/* adjusted[i]: the smallest level at which hypothesis i is rejected; at most 1. p and adjusted
 * may be the same array. */
spur_status statistics_adjust(statistics_adjustment how, const double *p, size_t count,
                              double *adjusted, spur_error *error) SPUR_MUST_USE;

#endif
