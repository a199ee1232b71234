/*
 * certificate.c - the bounds of docs/evaluation.md, "Last layer", from norms and one small
 * eigenvalue.
 *
 * With b1 the best bias at W, m the smallest eigenvalue of the Hessian in b (1 left out), s^2 a
 * bound of the largest eigenvalue of sum a x x^T and l the ridge:
 *   ||b1 - b|| <= e0 = -ln(1 - sqrt2 gb / m) / sqrt2
 *   g  = gW + s sqrt(gb e0 / 2)            gradient in W of min over b
 *   eW = g / l,  gap = g^2 / (2 l) + gb e0
 *   B  = s eW / sqrt(2 m) e^((eW X + e0) / sqrt2),  X the longest row
 *   eb = e0 - sqrt2 ln(1 - B / sqrt2)
 */
#include "pipeline/certificate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/dense.h"

#define ROOT2 1.41421356237309515
/* Probabilities are in single precision: relative error of a pair weight, generously. */
#define PAIR_SLACK 1e-3

enum {
    ATTEMPTS = 12
};

/* ---- smallest eigenvalue ---------------------------------------------------------------- */

/* A lower bound of the second smallest eigenvalue of the Laplacian (the first is 0, of 1):
 * whatever was estimated, a Cholesky factor of the shifted matrix proves it. */
static double prove_smallest(const double *pairs, size_t order, double *work, double *v)
{
    double lift = dense_lift(pairs, order);
    dense_laplacian(pairs, order, lift, 0.0, work);
    if (!(lift > 0.0) || !dense_factor(work, order)) {
        return 0.0;
    }
    double claim = 0.95 * dense_smallest(work, order, v);
    for (size_t i = 0; i < ATTEMPTS; i++, claim *= 0.5) {
        dense_laplacian(pairs, order, lift, claim, work);
        if (dense_factor(work, order)) {
            return claim * (1.0 - PAIR_SLACK);
        }
    }
    return 0.0;
}

static spur_status measure_bias_curvature(objective *of, double *out, spur_error *error)
{
    spur_status status;
    size_t classes = of->is.classes, cells;
    double *pairs = NULL, *work = NULL, *v = NULL;
    if (!size_mul(classes, classes, &cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(cells, sizeof *pairs, &pairs, error));
    TRY(memory_new(cells, sizeof *work, &work, error));
    TRY(memory_new(classes, sizeof *v, &v, error));
    TRY(objective_pair_weights(of, pairs, error));
    *out = prove_smallest(pairs, classes, work, v);
done:
    memory_free(pairs);
    memory_free(work);
    memory_free(v);
    return status;
}

/* ---- bounds ----------------------------------------------------------------------------- */

/* Largest eigenvalue of sum a x x^T: its trace, or that of X^T X / n times the largest
 * n a_i. */
static double spectrum_bound(const objective *of, const curvature *base)
{
    double most = 0.0, sum = 0.0;
    for (size_t i = 0; i < of->set->rows.count; i++) {
        double a = of->is.coefficient[i];
        most = a > most ? a : most;
        sum += a;
    }
    double trace = sum * of->set->norm_most * of->set->norm_most;
    double by_rows = (double)of->set->rows.count * most;
    double by_base = by_rows * curvature_bound(base);
    double by_trace = by_rows * of->set->square_mean;
    trace = by_trace < trace ? by_trace : trace;
    return by_base < trace ? by_base : trace;
}

static void bound_errors(const objective *of, double spectrum, certificate *made)
{
    double ridge = of->is.ridge, m = made->bias_curvature, gb = made->bias_gradient;
    made->gap = made->weight_error = made->bias_error = HUGE_VAL;
    if (!(ridge > 0.0) || !(ROOT2 * gb < m)) {
        return;
    }
    double first = -log1p(-ROOT2 * gb / m) / ROOT2, s = sqrt(spectrum);
    double slope = made->weight_gradient + s * sqrt(0.5 * gb * first);
    made->weight_error = slope / ridge;
    made->gap = slope * slope / (2.0 * ridge) + gb * first;
    double grown = (made->weight_error * of->set->norm_most + first) / ROOT2;
    double b = s * made->weight_error / sqrt(2.0 * m) * exp(grown);
    if (b < ROOT2) {
        made->bias_error = first - ROOT2 * log1p(-b / ROOT2);
    }
}

static void measure_gradient(const objective *of, const double *gradient, certificate *made)
{
    double weights = 0.0, biases = 0.0;
    for (size_t i = 0; i < of->size; i++) {
        double square = gradient[i] * gradient[i];
        if (i % of->width == of->width - 1) {
            biases += square;
        } else {
            weights += square;
        }
    }
    made->weight_gradient = sqrt(weights);
    made->bias_gradient = sqrt(biases);
}

spur_status certificate_make(objective *of, const curvature *base, double value,
                             const double *gradient, certificate *out, spur_error *error)
{
    spur_status status;
    certificate made = {.objective = value};
    measure_gradient(of, gradient, &made);
    TRY(measure_bias_curvature(of, &made.bias_curvature, error));
    bound_errors(of, spectrum_bound(of, base), &made);
    *out = made;
done:
    return status;
}

/* optimum >= from's objective - from's gap */
spur_status certificate_move(objective *of, const certificate *from, const double *there,
                             const double *w, certificate *out, spur_error *error)
{
    spur_status status;
    certificate made = *from;
    double *gradient = NULL, weights = 0.0, biases = 0.0;
    TRY(memory_new(of->size, sizeof *gradient, &gradient, error));
    TRY(objective_evaluate_exact(of, w, &made.objective, gradient, error));
    measure_gradient(of, gradient, &made);
    for (size_t i = 0; i < of->size; i++) {
        double square = (w[i] - there[i]) * (w[i] - there[i]);
        if (i % of->width == of->width - 1) {
            biases += square;
        } else {
            weights += square;
        }
    }
    double further = made.objective - from->objective;
    /* A sum of logarithms in double is good to about 1e-14 of itself. */
    made.gap = from->gap + (further > 0.0 ? further : 0.0) + 1e-14 * made.objective;
    made.weight_error = from->weight_error + sqrt(weights);
    made.bias_error = from->bias_error + sqrt(biases);
    *out = made;
done:
    memory_free(gradient);
    return status;
}

void certificate_deny(double value, certificate *out)
{
    *out = (certificate){.objective = value,
                         .weight_gradient = HUGE_VAL,
                         .bias_gradient = HUGE_VAL,
                         .gap = HUGE_VAL,
                         .weight_error = HUGE_VAL,
                         .bias_error = HUGE_VAL};
}

double certificate_margin(const certificate *from, double norm)
{
    return ROOT2 * (from->weight_error * norm + from->bias_error);
}
