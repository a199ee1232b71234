/*
 * parameters.c - see parameters.h.
 */
#include "pipeline/parameters.h"

#include <math.h>

enum {
    LANES = 8 /* what the compiler can keep in registers */
};

double parameters_dot(const float *a, const float *b, size_t count)
{
    double sums[LANES] = {0.0}, total = 0.0;
    size_t whole = count / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            sums[j] += (double)a[i + j] * (double)b[i + j];
        }
    }
    for (size_t i = whole; i < count; i++) {
        sums[i - whole] += (double)a[i] * (double)b[i];
    }
    for (size_t j = 0; j < LANES; j++) {
        total += sums[j];
    }
    return total;
}

void parameters_add(float *restrict a, double factor, const float *restrict b, size_t count)
{
    float by = (float)factor;
    size_t whole = count / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            a[i + j] += by * b[i + j];
        }
    }
    for (size_t i = whole; i < count; i++) {
        a[i] += by * b[i];
    }
}

static parameter_norms norms_of(double weights, double biases)
{
    return (parameter_norms){sqrt(weights), sqrt(biases), sqrt(weights + biases)};
}

parameter_norms parameters_norms(const float *v, size_t size, size_t width)
{
    double weights = 0.0, biases = 0.0;
    for (size_t from = 0; from < size; from += width) {
        weights += parameters_dot(v + from, v + from, width - 1);
        biases += (double)v[from + width - 1] * (double)v[from + width - 1];
    }
    return norms_of(weights, biases);
}

parameter_norms parameters_norms_exact(const double *v, size_t size, size_t width)
{
    double weights = 0.0, biases = 0.0;
    for (size_t i = 0; i < size; i++) {
        *(i % width == width - 1 ? &biases : &weights) += v[i] * v[i];
    }
    return norms_of(weights, biases);
}
