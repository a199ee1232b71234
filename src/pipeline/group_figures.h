/*
 * group_figures.h - averages and the worst over groups of images: pure functions of counts.
 */
#ifndef PIPELINE_GROUP_FIGURES_H
#define PIPELINE_GROUP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Images of one group, or of one class in one group. */
typedef struct group_unit {
    uint64_t n, right;
    uint64_t train; /* images of the split train there */
} group_unit;

/* All values are NaN where there is nothing to average. */
typedef struct group_average {
    double value, low, high;
    double covered; /* share of the weights that fell on units with images */
} group_average;

/* Sum w_i p_i over units with images, w_i equal or in proportion to `train`, with
 * +- z sqrt(sum w_i^2 q_i (1 - q_i) / n_i), q_i = (right + 1/2) / (n + 1), cut to [0, 1]. */
group_average group_mean(const group_unit *units, size_t count, bool is_train_weighted,
                         double z);

typedef struct group_worst {
    size_t at;         /* the unit; count when none has `least` images */
    size_t candidates; /* units with at least so many */
    double value, low, high;
} group_worst;

/* The lowest accuracy, of equals the first; its Wilson interval at 1 - alpha / candidates
 * (Bonferroni), so that it holds although the worst was picked. */
group_worst group_find_worst(const group_unit *units, size_t count, uint64_t least,
                             double alpha);

#endif
