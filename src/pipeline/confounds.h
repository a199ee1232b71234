/*
 * confounds.h - how much of a gap remains among images that are alike otherwise: pure functions
 * of (class, order in class, right or wrong, further numbers of the images).
 *
 * Everything is within classes: an image's place among its class by rank and by each further
 * number, so that classes of different difficulty or size of objects explain nothing.
 */
#ifndef PIPELINE_CONFOUNDS_H
#define PIPELINE_CONFOUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    CONFOUND_STRATA = 5,
    CONFOUND_MOST = 16 /* further numbers in one correlation */
};

/* Images class after class, in rising rank within each. */
typedef struct confound_rows {
    size_t class_count;
    const size_t *first;          /* [class_count + 1] */
    const unsigned char *correct; /* [images] 0 or 1 */
    const uint32_t *ends;         /* [class_count] images of each end, at most half the class */
} confound_rows;

typedef struct confound_gap {
    uint64_t images;        /* with a number */
    uint64_t n;             /* at each end */
    uint64_t clear, hidden; /* right among these */
} confound_gap;

/* (clear - hidden) / n; NaN without images. */
double confound_gap_value(const confound_gap *of);

/* classes [class_count, CONFOUND_STRATA]: the ends of every stratum. The stratum of an image is
 * floor(5 (r - 1/2) / m), r the average rank of its number among the m of its class. A stratum
 * of s images gives round(ends s / m), at least 1 and at most floor(s / 2), to each end.
 * Images whose number is NaN are left out. */
spur_status confound_strata(const confound_rows *rows, const double *numbers,
                            confound_gap *classes, spur_error *error) SPUR_MUST_USE;

/* Sum over classes of one stratum, or, stratum = CONFOUND_STRATA, of all. */
confound_gap confound_gap_sum(const confound_gap *classes, size_t class_count, size_t stratum);

/* Spearman's correlation of right with rank inside classes: of the places (r - 1/2) / m in
 * class, their class means taken off; given the numbers, with the part of both that is linear
 * in the numbers' places taken off. A number that is constant, or follows from those before it,
 * is passed over. */
typedef struct confound_correlation {
    double value;     /* NaN when a side is constant */
    double low, high; /* 95 %: Fisher's z, variance (1 + value^2 / 2) / (freedom - 1) */
    size_t images;    /* that have all numbers */
    size_t given;     /* numbers that were not passed over */
    double freedom;   /* images - classes - given - 1 */
} confound_correlation;

/* numbers [count] arrays of [images]. */
spur_status confound_correlate(const confound_rows *rows, const double *const *numbers,
                               size_t count, confound_correlation *out,
                               spur_error *error) SPUR_MUST_USE;

#endif
