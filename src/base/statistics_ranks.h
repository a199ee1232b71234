/*
 * statistics_ranks.h - measures that look only at the order of values, all with ties.
 *
 * Inputs must be finite. A measure that is not defined (too few values, a constant side) is
 * NaN, never an error; the only failure is memory.
 */
#ifndef BASE_STATISTICS_RANKS_H
#define BASE_STATISTICS_RANKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/statistics.h"

/* ranks[i] = 1 + values below x[i] + half of the other values equal to it. */
spur_status statistics_ranks(const double *x, size_t count, double *ranks,
                             spur_error *error) SPUR_MUST_USE;

/* p: two-sided, of no association: Student's t with count - 2 degrees of freedom for
 * Spearman, the normal approximation with tied variance for Kendall. NaN below 3 values.
 * low, high: 95 % interval by Fisher's z with Bonett and Wright's variance (Psychometrika 65
 * (2000) 23-28), (1 + r^2 / 2) / (count - 3); NaN below 4 values
 * and at -1 and 1. */
typedef struct statistics_correlation {
    double value, p, low, high;
} statistics_correlation;

/* Pearson's correlation of the ranks. */
spur_status statistics_spearman(const double *x, const double *y, size_t count,
                                statistics_correlation *out, spur_error *error) SPUR_MUST_USE;

/* Kendall's tau-b: (concordant - discordant pairs) / sqrt(pairs not tied in x * pairs not tied
 * in y). No interval. */
spur_status statistics_kendall(const double *x, const double *y, size_t count,
                               statistics_correlation *out, spur_error *error) SPUR_MUST_USE;

/* The exact two-sided p of Kendall's tau over all orders of y, for values without ties:
 * `discordant` of the count (count - 1) / 2 pairs stand in opposite order. */
spur_status statistics_kendall_exact(size_t discordant, size_t count, double *p,
                                     spur_error *error) SPUR_MUST_USE;

/* Where the weight of an item in the weighted tau comes from: item of rank r (0 = first) has
 * the weight 1 / (1 + r). */
typedef enum statistics_tau_rank {
    STATISTICS_TAU_BOTH, /* mean of BY_X and of the same with x and y exchanged */
    STATISTICS_TAU_BY_X, /* falling x, equal ones by falling y */
    STATISTICS_TAU_INDEX /* as the values stand */
} statistics_tau_rank;

/* Vigna, A weighted correlation index for rankings with ties, WWW 2015: tau-b in which a pair
 * counts with the sum (or the product) of its items' weights. */
spur_status statistics_weighted_tau(const double *x, const double *y, size_t count,
                                    statistics_tau_rank ranks, bool is_product, double *out,
                                    spur_error *error) SPUR_MUST_USE;

/* Area under the ROC curve. weights (positive) may be NULL; with weights the standard error is
 * NaN. */
spur_status statistics_auc_of(const double *scores, const bool *is_positive,
                              const double *weights, size_t count, statistics_auc *out,
                              spur_error *error) SPUR_MUST_USE;

/* sum over thresholds, from the highest, of (recall gained) * precision; equal scores are one
 * threshold. 0 without positives, NaN without values. */
spur_status statistics_average_precision(const double *scores, const bool *is_positive,
                                         const double *weights, size_t count, double *out,
                                         spur_error *error) SPUR_MUST_USE;

#endif
