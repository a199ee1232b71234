/*
 * rank_curve.h - accuracy by rank: pure functions of (class, rank, class size, correct).
 *
 * Rank 1 is the image of its class that the detector sees least. The point at i is the accuracy
 * over the images of rank i of every class; points end where the first class does. Definitions
 * are in docs/evaluation.md.
 */
#ifndef PIPELINE_RANK_CURVE_H
#define PIPELINE_RANK_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/evaluation_rows.h"
#include "pipeline/predictions.h"

/* Images that are scored and judged. rank is 1 .. size; size, the scored images of the class,
 * also counts those that were not judged. */
typedef struct curve_rows {
    size_t count, class_count;
    uint32_t *class_index, *rank, *size;
    unsigned char *correct; /* 0 or 1 */
} curve_rows;

/* The images of a split that a head judged; free with curve_rows_free. */
spur_status curve_rows_make(const evaluation_rows *rows, const prediction_set *set,
                            curve_rows *out, spur_error *error) SPUR_MUST_USE;
void curve_rows_free(curve_rows *block);

/* Largest size; *is_even: all classes with images have it. 0 without images. */
uint32_t curve_largest(const curve_rows *rows, bool *is_even);

typedef struct curve_point {
    uint64_t n, correct;
} curve_point;

/* Points of rank 1 .. *count; free with memory_free. */
spur_status curve_points(const curve_rows *rows, curve_point **out, size_t *count,
                         spur_error *error) SPUR_MUST_USE;
/* Mean of the points' accuracies (points without images left out); NaN without any. With equal
 * class sizes this is the accuracy over images. */
double curve_mean(const curve_point *points, size_t count);

enum {
    CURVE_BIN_RANKS = 5,
    CURVE_MOST_BINS = 20 /* of a share of ranks */
};

/* Equal class sizes: CURVE_BIN_RANKS ranks each, the last takes what is left, accuracy over
 * images. Else so many equal shares of the rank (rank - 1/2) / size, accuracy the mean over the
 * classes that have images there. */
typedef struct curve_bin {
    double from, to;     /* shares of the rank, (first - 1) / size and last / size */
    uint64_t n, correct; /* images */
    size_t classes;      /* with images here */
    double accuracy;     /* NaN without images */
    double trials;       /* independent trials with the same variance: n for equal sizes */
} curve_bin;

typedef struct curve_binning {
    bool is_even;
    size_t count;
    uint32_t size; /* of the classes, when even */
} curve_binning;

curve_binning curve_bins_of(const curve_rows *rows);
/* 0 .. count-1 */
size_t curve_bin_of(const curve_binning *binning, uint32_t rank, uint32_t size);
/* [binning.count], free with memory_free. */
spur_status curve_bins(const curve_rows *rows, curve_bin **out, size_t *count,
                       spur_error *error) SPUR_MUST_USE;
/* The bin of the lowest accuracy, of equals the first; count without any. */
size_t curve_worst_bin(const curve_bin *bins, size_t count);

/* How many images of a class are one end: a number, or a share in parts of a million; at most
 * half of the class. */
typedef struct curve_k {
    uint64_t amount;
    bool is_share;
} curve_k;
uint32_t curve_k_of(curve_k k, uint32_t size);

typedef struct curve_gap {
    uint64_t clear_n, clear_correct, hidden_n, hidden_correct;
    double gap; /* accuracy of the clear end minus that of the hidden one; NaN without images */
} curve_gap;

/* Both ends pooled over classes. */
curve_gap curve_gap_at(const curve_rows *rows, curve_k k);

/* The gap that a two-sided test at 5 % would show with a chance of 80 %: (1.96 + 0.84)
 * deviations of a difference of two shares, both near the pooled one (its Wilson centre, so
 * that nothing is certain). Not finite without images at both ends. */
double curve_gap_detectable(const curve_gap *gap);

/* Least squares of correct on (rank - 1/2) / size; NaN with fewer than two different ranks. */
double curve_slope(const curve_rows *rows);

#endif
