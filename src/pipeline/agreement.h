/*
 * agreement.h - how two scores order the same images: correlations of ranks, what of the two
 * ends they share, and places, from which a caller tells the images that moved.
 */
#ifndef PIPELINE_AGREEMENT_H
#define PIPELINE_AGREEMENT_H

#include <stdint.h>

#include "base/error.h"

/* Of one class. Undefined measures are NaN. */
typedef struct agreement {
    double spearman, low, high; /* 95 % interval */
    double kendall;             /* tau-b */
    double clear, hidden;       /* share of the highest, lowest tenth (rounded up) in both */
} agreement;

/* x and y [count], finite. */
spur_status agreement_measure(const double *x, const double *y, size_t count, agreement *out,
                              spur_error *error) SPUR_MUST_USE;

/* places[i] = 1 + values before x[i] in rising order, equal ones in the order of their
 * indices: no two share a place. */
spur_status agreement_places(const double *x, size_t count, uint32_t *places,
                             spur_error *error) SPUR_MUST_USE;

#endif
