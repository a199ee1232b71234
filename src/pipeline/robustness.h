/*
 * robustness.h - accuracy out of distribution against accuracy in it: the line through a run's
 * heads on logit axes, and how far above it a head lies (effective robustness, Taori et al.
 * 2020, with the logit in place of the probit).
 */
#ifndef PIPELINE_ROBUSTNESS_H
#define PIPELINE_ROBUSTNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROBUSTNESS_LEAST_HEADS = 3 /* two points are always on a line */
};

/* log((right + 1/2) / (n - right + 1/2)): finite also when none or all are right. */
double robustness_logit(uint64_t right, uint64_t n);

typedef struct robustness_line {
    bool is_fit; /* false: too few points, or all with the same x */
    double slope, intercept;
} robustness_line;

/* Least squares of y on x. */
robustness_line robustness_fit(const double *x, const double *y, size_t count);
/* The accuracy that the line expects at x. */
double robustness_expected(const robustness_line *line, double x);

#endif
