/*
 * loss.c - softmax and one-against-rest.
 *
 * softmax: p = e^z / sum e^z, loss log(sum e^z) - z_y, residual p - e_y, curvature
 * diag(p) - p p^T. One against rest: p = 1 / (1 + e^-z), loss of a class log(1 + e^z) - [y] z,
 * residual p - [y], curvature p (1 - p).
 */
#include "pipeline/loss.h"

#include <math.h>

#include "nn/rows.h"

static double softmax_row(float *z, size_t classes, size_t label, float *residual)
{
    float peak = z[0], own = z[label];
    for (size_t k = 1; k < classes; k++) {
        peak = z[k] > peak ? z[k] : peak;
    }
    rows_softmax(z, classes, 1, classes);
    float largest = z[0];
    for (size_t k = 0; k < classes; k++) {
        largest = z[k] > largest ? z[k] : largest;
        residual[k] = z[k];
    }
    residual[label] -= 1.0F;
    return (double)peak - log((double)largest) - (double)own;
}

static void softmax_along(float *z, const float *u, size_t classes, size_t label, double *slope,
                          double *bend)
{
    double mean = 0.0, square = 0.0;
    rows_softmax(z, classes, 1, classes);
    for (size_t k = 0; k < classes; k++) {
        double weighted = (double)z[k] * (double)u[k];
        mean += weighted;
        square += weighted * (double)u[k];
    }
    *slope = mean - (double)u[label];
    *bend = square - mean * mean;
}

static double softmax_exact(double *z, size_t classes, size_t label)
{
    double peak = z[0], own = z[label];
    for (size_t k = 1; k < classes; k++) {
        peak = z[k] > peak ? z[k] : peak;
    }
    z[0] = exp(z[0] - peak);
    double sum = z[0];
    for (size_t k = 1; k < classes; k++) {
        z[k] = exp(z[k] - peak);
        sum += z[k];
    }
    for (size_t k = 0; k < classes; k++) {
        z[k] /= sum;
    }
    z[label] -= 1.0;
    return peak + log(sum) - own;
}

static void softmax_curve(const float *p, size_t classes, float *u)
{
    double mean = 0.0;
    for (size_t k = 0; k < classes; k++) {
        mean += (double)p[k] * (double)u[k];
    }
    for (size_t k = 0; k < classes; k++) {
        u[k] = p[k] * (u[k] - (float)mean);
    }
}

static double spread(const float *p, size_t classes)
{
    double sum = 0.0;
    for (size_t k = 0; k < classes; k++) {
        sum += (double)p[k] * (1.0 - (double)p[k]);
    }
    return sum / (double)classes;
}

/* log(1 + e^z) without overflow. */
static double softplus(double z)
{
    return z > 0.0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static double logistic(double z)
{
    if (z >= 0.0) {
        return 1.0 / (1.0 + exp(-z));
    }
    double e = exp(z);
    return e / (1.0 + e);
}

static double one_vs_rest_row(float *z, size_t classes, size_t label, float *residual)
{
    double sum = 0.0;
    for (size_t k = 0; k < classes; k++) {
        double logit = (double)z[k];
        sum += softplus(k == label ? -logit : logit);
        z[k] = (float)logistic(logit);
        residual[k] = k == label ? -(float)logistic(-logit) : z[k];
    }
    return sum;
}

static void one_vs_rest_along(float *z, const float *u, size_t classes, size_t label,
                              double *slope, double *bend)
{
    *slope = *bend = 0.0;
    for (size_t k = 0; k < classes; k++) {
        double logit = (double)z[k], p = logistic(logit), by = (double)u[k];
        *slope += (k == label ? -logistic(-logit) : p) * by;
        *bend += p * (1.0 - p) * by * by;
    }
}

static double one_vs_rest_exact(double *z, size_t classes, size_t label)
{
    double sum = 0.0;
    for (size_t k = 0; k < classes; k++) {
        sum += softplus(k == label ? -z[k] : z[k]);
        z[k] = k == label ? -logistic(-z[k]) : logistic(z[k]);
    }
    return sum;
}

static void one_vs_rest_curve(const float *p, size_t classes, float *u)
{
    for (size_t k = 0; k < classes; k++) {
        u[k] *= p[k] * (1.0F - p[k]);
    }
}

const loss loss_softmax = {.name = "softmax",
                           .row = softmax_row,
                           .along = softmax_along,
                           .row_exact = softmax_exact,
                           .curve_row = softmax_curve,
                           .curvature = spread};
const loss loss_one_vs_rest = {.name = "one-vs-rest",
                               .row = one_vs_rest_row,
                               .along = one_vs_rest_along,
                               .row_exact = one_vs_rest_exact,
                               .curve_row = one_vs_rest_curve,
                               .curvature = spread};
