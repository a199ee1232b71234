/*
 * training_set.h - the rows a head is trained on: raw features and their standardised twin.
 *
 * Raw rows are exact and belong to the caller; the twin, in single precision, is what the
 * iterations multiply. Whatever decides convergence standardises the raw rows in double.
 */
#ifndef PIPELINE_TRAINING_SET_H
#define PIPELINE_TRAINING_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/matrix.h"

typedef struct training_rows {
    const float *features; /* [.., width], borrowed */
    size_t width, count;
    const uint64_t *picked; /* [count] row numbers, or NULL: rows 0 .. count-1 */
} training_rows;

typedef struct training_set {
    training_rows rows;
    double *mean, *deviation;      /* [width], population; 0 and 1 when features stay raw */
    double *inverse;               /* [width] 1 / deviation, 0 where the deviation is 0 */
    float *x;                      /* [padded, stride]: standardised, then a column of ones */
    bool is_raw;                   /* features stay as they are */
    size_t stride, padded;         /* rows count .. padded-1 are zero */
    double square_mean, norm_most; /* of standardised rows: mean ||x||^2, largest ||x|| */
} training_set;

enum {
    TRAINING_BLOCK = 64 /* rows worked on together */
};

/* SPUR_DATASET names the first row with a number that is not finite. */
spur_status training_set_make(const training_rows *rows, bool standardise, matrix_team *team,
                              training_set *out, spur_error *error) SPUR_MUST_USE;
void training_set_free(training_set *block);

/* Row i, exact, standardised in double; dst[width] is the one of the bias. */
void training_set_row(const training_set *from, size_t i, double *dst);
/* The same for any features of the set's width. */
void training_set_standardise(const training_set *from, const float *features, double *dst);

#endif
