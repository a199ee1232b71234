/*
 * parameters.c - see parameters.h.
 */
#include "pipeline/parameters.h"

#include <math.h>

enum {
    BLOCK = 4096
};

double parameters_dot(const float *a, const float *b, size_t count)
{
    double total = 0.0;
    for (size_t from = 0; from < count; from += BLOCK) {
        size_t end = count - from < BLOCK ? count : from + BLOCK;
        double sum = 0.0;
        for (size_t i = from; i < end; i++) {
            sum += (double)a[i] * (double)b[i];
        }
        total += sum;
    }
    return total;
}

void parameters_add(float *a, double factor, const float *b, size_t count)
{
    float by = (float)factor;
    for (size_t i = 0; i < count; i++) {
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
