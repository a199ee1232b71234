/*
 * descent.c - see descent.h.
 */
#include "pipeline/descent.h"

#include <math.h>

#define BIAS_CURVATURE 0.1

/* The covariance's bound, as if every row had the largest coefficient. */
descent_gauge descent_gauge_make(const objective *of, const curvature *base)
{
    double most = 0.0, rows = (double)of->set->rows.count;
    for (size_t i = 0; i < of->set->rows.count; i++) {
        most = of->is.coefficient[i] > most ? of->is.coefficient[i] : most;
    }
    return (descent_gauge){.ridge = of->is.ridge,
                           .spectrum = rows * most * curvature_bound(base),
                           .bias_curvature = BIAS_CURVATURE};
}

double descent_gap(const descent_gauge *by, double bend, parameter_norms gradient)
{
    double m = by->bias_curvature * bend, weights = gradient.weights;
    if (!(by->ridge > 0.0)) {
        return HUGE_VAL;
    }
    if (!(m > 0.0)) {
        return weights * weights / (2.0 * by->ridge);
    }
    double slope = weights + sqrt(by->spectrum / (2.0 * m)) * gradient.biases;
    return slope * slope / (2.0 * by->ridge) + gradient.biases * gradient.biases / m;
}

bool descent_visit(descent *on, double value, double gradient_norm, double gap)
{
    const descent_progress progress = {on->report.steps, value, gradient_norm, gap};
    if (on->options->visit != NULL &&
        on->options->visit(on->options->context, &progress) != 0) {
        on->report.is_cancelled = true;
    }
    return on->report.is_cancelled;
}
