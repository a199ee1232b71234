/*
 * statistics.h - the few figures a ranking needs: quantiles, area under the ROC curve.
 */
#ifndef BASE_STATISTICS_H
#define BASE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* The q-quantile, q in [0, 1], of `count` values in rising order: linear interpolation between
 * the neighbours of position q * (count - 1), as numpy does by default (Hyndman and Fan's type
 * 7). NaN when count is 0. */
double statistics_quantile(const float *sorted, size_t count, double q);

/* area: P(positive > negative) + P(positive = negative) / 2; NaN without positives or without
 * negatives. standard_error: Hanley and McNeil, Radiology 143 (1982) 29-36; 0 for an area of 0
 * or 1. */
typedef struct statistics_auc {
    double area, standard_error;
} statistics_auc;

/* From counts per bin, [bins] each, bins in rising order of score; values in one bin are tied.
 * The product of the two totals must be below 2^62. */
statistics_auc statistics_auc_make(const uint64_t *positives, const uint64_t *negatives,
                                   size_t bins);

/* From the pairs that a positive wins (ties count one half). */
statistics_auc statistics_auc_from(double won, double positives, double negatives);

/* The areas whose distance from `area` is at most 1.96 of their own standard errors: a 95 %
 * interval that is not empty at 0 and 1 (Newcombe, Statistics in Medicine 25 (2006) 559-573).
 * NaN without positives or without negatives. */
void statistics_auc_interval(double area, double positives, double negatives, double *low,
                             double *high);

/* Lower end of the two-sided 95 % interval: area - 1.96 standard errors, not below 0. */
double statistics_auc_low(statistics_auc auc);

#endif
