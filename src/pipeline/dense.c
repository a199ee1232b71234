/*
 * dense.c - see dense.h.
 */
#include "pipeline/dense.h"

#include <math.h>

enum {
    INVERSE_STEPS = 40
};

bool dense_factor(double *a, size_t order)
{
    for (size_t i = 0; i < order; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * order + j];
            for (size_t k = 0; k < j; k++) {
                sum -= a[i * order + k] * a[j * order + k];
            }
            if (i == j && !(sum > 0.0)) {
                return false;
            }
            a[i * order + j] = i == j ? sqrt(sum) : sum / a[j * order + j];
        }
    }
    return true;
}

void dense_solve(const double *l, size_t order, double *v)
{
    for (size_t i = 0; i < order; i++) {
        for (size_t k = 0; k < i; k++) {
            v[i] -= l[i * order + k] * v[k];
        }
        v[i] /= l[i * order + i];
    }
    for (size_t i = order; i-- > 0;) {
        v[i] /= l[i * order + i];
        for (size_t k = 0; k < i; k++) {
            v[k] -= l[i * order + k] * v[i];
        }
    }
}

double dense_smallest(const double *l, size_t order, double *v)
{
    double value = 0.0;
    for (size_t i = 0; i < order; i++) {
        v[i] = 1.0 + (double)(i % 7) / 3.0 - (i % 2 == 0 ? 1.9 : 0.0);
    }
    for (size_t step = 0; step < INVERSE_STEPS; step++) {
        double norm = 0.0;
        dense_solve(l, order, v);
        for (size_t i = 0; i < order; i++) {
            norm += v[i] * v[i];
        }
        norm = sqrt(norm);
        value = 1.0 / norm;
        for (size_t i = 0; i < order; i++) {
            v[i] /= norm;
        }
    }
    return value;
}

void dense_laplacian(const double *pairs, size_t order, double lift, double shift, double *dst)
{
    for (size_t i = 0; i < order; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < order; j++) {
            sum += i == j ? 0.0 : pairs[i * order + j];
            dst[i * order + j] = lift - (i == j ? 0.0 : pairs[i * order + j]);
        }
        dst[i * order + i] = lift + sum - shift;
    }
}

double dense_lift(const double *pairs, size_t order)
{
    double sum = 0.0;
    for (size_t i = 0; i < order * order; i++) {
        sum += i / order == i % order ? 0.0 : pairs[i];
    }
    return sum / (double)(order * order);
}
