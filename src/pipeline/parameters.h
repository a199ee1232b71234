/*
 * parameters.h - vectors of a problem's parameters, [classes, features + 1] with the bias last:
 * sums in fixed order, in double.
 */
#ifndef PIPELINE_PARAMETERS_H
#define PIPELINE_PARAMETERS_H

#include <stddef.h>

/* Sums of blocks of 4096 products. */
double parameters_dot(const float *a, const float *b, size_t count);
/* a += factor b */
void parameters_add(float *a, double factor, const float *b, size_t count);

/* Euclidean norms of the two parts of a vector of `size` numbers, and of all of it. */
typedef struct parameter_norms {
    double weights, biases, both;
} parameter_norms;
parameter_norms parameters_norms(const float *v, size_t size, size_t width);
parameter_norms parameters_norms_exact(const double *v, size_t size, size_t width);

#endif
