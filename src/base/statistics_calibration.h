/*
 * statistics_calibration.h - do confidences mean what they say; monotone regression.
 */
#ifndef BASE_STATISTICS_CALIBRATION_H
#define BASE_STATISTICS_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Over `bins` equal bins of (0, 1], bin = ceil(bins * confidence) - 1, 0 in the first:
 * ece = sum over bins of (its share of images) * |accuracy - mean confidence|, mce the largest
 * of these differences, brier = mean (confidence - correct)^2. NaN without images. */
typedef struct statistics_calibration {
    double ece, mce, brier;
} statistics_calibration;

/* counts [bins] receives the images per bin; may be NULL. Confidences outside [0, 1] fall into
 * the outer bins. */
spur_status statistics_calibrate(const double *confidence, const bool *is_correct, size_t count,
                                 size_t bins, statistics_calibration *out, uint64_t *counts,
                                 spur_error *error) SPUR_MUST_USE;

/* The rising (or falling) sequence nearest to y in weighted least squares: pool adjacent
 * violators (Ayer and others 1955). weights (positive) may be NULL; fitted may be y. */
spur_status statistics_isotonic(const double *y, const double *weights, size_t count,
                                bool is_falling, double *fitted,
                                spur_error *error) SPUR_MUST_USE;

#endif
