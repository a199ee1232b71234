/*
 * rank_bootstrap.h - how much a curve by rank could differ with other classes: classes are
 * drawn with replacement, all images of a class together.
 *
 * Every figure is a function of sums over classes, so a draw costs one weighted sum of class
 * rows. The draws depend on the seed, the draw's number and the classes that have images; heads
 * of the same images share them, so that their differences are paired.
 */
#ifndef PIPELINE_RANK_BOOTSTRAP_H
#define PIPELINE_RANK_BOOTSTRAP_H

#include "pipeline/rank_curve.h"

/* How often each class is drawn: times [draws, class_count], rows that sum to the number of
 * classes with images. */
typedef struct bootstrap_weights {
    size_t draws, class_count;
    uint16_t *times;
} bootstrap_weights;

/* Fewer than 65536 classes (SPUR_DATASET). Draw d takes class number random_below(key, d, i,
 * classes) for i = 0 .. classes-1, key = random_key_make(seed, "bootstrap"). */
spur_status bootstrap_weights_make(const curve_rows *rows, uint64_t seed, size_t draws,
                                   size_t threads, bootstrap_weights *out,
                                   spur_error *error) SPUR_MUST_USE;
void bootstrap_weights_free(bootstrap_weights *block);

/* Figures of every draw; NaN where a draw leaves one undefined. */
typedef struct bootstrap_draws {
    size_t draws, k_count;
    double *mean;      /* accuracy over images */
    double *slope;     /* as curve_slope */
    double *worst;     /* lowest bin */
    double *gap;       /* [k_count, draws] as curve_gap_at */
    double *deviation; /* largest |point - observed point| / its deviation over ranks */
} bootstrap_draws;

spur_status bootstrap_curve(const curve_rows *rows, const bootstrap_weights *weights,
                            const curve_k *ks, size_t k_count, size_t threads,
                            bootstrap_draws *out, spur_error *error) SPUR_MUST_USE;
void bootstrap_draws_free(bootstrap_draws *block);

/* Standard deviation of a point for the band: a 95 % Wilson interval is 2 * 1.96 of it wide, so
 * it is not 0 where all images are right. */
double bootstrap_point_deviation(const curve_point *point);

/* 2.5 % and 97.5 % quantile of the draws (linear), or of first - second draw by draw when
 * second is not NULL; NaN draws are left out, fewer than two give NaN. */
typedef struct bootstrap_interval {
    double low, high;
} bootstrap_interval;
spur_status bootstrap_interval_of(const double *first, const double *second, size_t draws,
                                  bootstrap_interval *out, spur_error *error) SPUR_MUST_USE;
/* One quantile of the draws, q in [0, 1]. */
spur_status bootstrap_quantile(const double *values, size_t draws, double q, double *out,
                               spur_error *error) SPUR_MUST_USE;

#endif
