/*
 * robustness.c - a line by least squares, sums in the order of the points.
 */
#include "pipeline/robustness.h"

#include <math.h>

double robustness_logit(uint64_t right, uint64_t n)
{
    return log(((double)right + 0.5) / ((double)(n - right) + 0.5));
}

robustness_line robustness_fit(const double *x, const double *y, size_t count)
{
    robustness_line line = {false, 0.0, 0.0};
    double mean_x = 0.0, mean_y = 0.0, square = 0.0, product = 0.0;
    if (count < ROBUSTNESS_LEAST_HEADS) {
        return line;
    }
    for (size_t i = 0; i < count; i++) {
        mean_x += x[i] / (double)count;
        mean_y += y[i] / (double)count;
    }
    bool is_spread = false;
    for (size_t i = 0; i < count; i++) {
        is_spread = is_spread || x[i] != x[0];
        square += (x[i] - mean_x) * (x[i] - mean_x);
        product += (x[i] - mean_x) * (y[i] - mean_y);
    }
    if (is_spread && square > 0.0) {
        line = (robustness_line){true, product / square, mean_y - product / square * mean_x};
    }
    return line;
}

double robustness_expected(const robustness_line *line, double x)
{
    return 1.0 / (1.0 + exp(-(line->intercept + line->slope * x)));
}
