/*
 * parameters.h - vectors of a problem's parameters, [classes, features + 1] with the bias last:
 * sums in fixed order, in double.
 */
#ifndef PIPELINE_PARAMETERS_H
#define PIPELINE_PARAMETERS_H

#include <stddef.h>

/* Eight partial sums, then their sum. */
double parameters_dot(const float *a, const float *b, size_t count);
/* a += factor b, which are apart. */
void parameters_add(float *restrict a, double factor, const float *restrict b, size_t count);

/* Euclidean norms of the two parts of a vector of `size` numbers, and of all of it. */
typedef struct parameter_norms {
    double weights, biases, both;
} parameter_norms;
parameter_norms parameters_norms(const float *v, size_t size, size_t width);
parameter_norms parameters_norms_exact(const double *v, size_t size, size_t width);

#endif
