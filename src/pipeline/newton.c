/*
 * newton.c - two stages: single precision to its floor, then refinement in double.
 *
 * A step x solves H x = -g by conjugate gradients, preconditioned, to a tenth of the residual
 * (Dembo, Eisenstat, Steihaug, SIAM Journal on Numerical Analysis 19 (1982) 400-408), and is
 * halved until the value falls. Once the gradient is at the floor of single precision, it is
 * computed in double while the products of conjugate gradients stay in single: iterative
 * refinement, each step taking three or four digits.
 */
#include "pipeline/newton.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    PRODUCTS_MOST = 250, /* of conjugate gradients in a step */
    REFINEMENTS_MOST = 12,
    HALVINGS_MOST = 30
};

#define RESIDUAL_LOOSE 0.1
#define RESIDUAL_TIGHT 1e-3
/* Against the gradient at the start: where single precision has no more to give. */
#define FLOOR_SINGLE 1e-5
#define FLOOR_DOUBLE 1e-11
/* Smallest eigenvalue of the Hessian in b against its mean: a guess. */
#define BIAS_CURVATURE 0.1
#define NOISE 1e-7 /* of a value whose logits are in single precision, relative */

typedef struct newton {
    objective *of;
    curvature *approximation;
    const newton_options *options;
    newton_report report;
    double *w, *trial;
    double *exact, *refined; /* gradient in double at w, and at trial */
    double start_norm;
    double weight_norm, bias_norm; /* of the gradient at w */
    double spectrum; /* square root of a bound of the largest eigenvalue of sum a x x^T */
    double scale;    /* the approximation is factored for */
    float *gradient, *step;
    float *residual, *solved, *direction, *product;
} newton;

/* ---- vectors: sums in blocks of 4096, in order ------------------------------------------ */

static double dot(const float *a, const float *b, size_t count)
{
    double total = 0.0;
    for (size_t from = 0; from < count; from += 4096) {
        size_t end = count - from < 4096 ? count : from + 4096;
        double sum = 0.0;
        for (size_t i = from; i < end; i++) {
            sum += (double)a[i] * (double)b[i];
        }
        total += sum;
    }
    return total;
}

/* Norms of the two parts of a gradient. */
static double measure_single(newton *on)
{
    double weights = 0.0, biases = 0.0;
    for (size_t i = 0; i < on->of->size; i++) {
        double square = (double)on->gradient[i] * (double)on->gradient[i];
        if (i % on->of->width == on->of->width - 1) {
            biases += square;
        } else {
            weights += square;
        }
    }
    on->weight_norm = sqrt(weights);
    on->bias_norm = sqrt(biases);
    return sqrt(weights + biases);
}

static double measure_double(newton *on, const double *gradient)
{
    double weights = 0.0, biases = 0.0;
    for (size_t i = 0; i < on->of->size; i++) {
        double square = gradient[i] * gradient[i];
        if (i % on->of->width == on->of->width - 1) {
            biases += square;
        } else {
            weights += square;
        }
    }
    on->weight_norm = sqrt(weights);
    on->bias_norm = sqrt(biases);
    return sqrt(weights + biases);
}

/* a += factor b */
static void add_scaled(float *a, double factor, const float *b, size_t count)
{
    float by = (float)factor;
    for (size_t i = 0; i < count; i++) {
        a[i] += by * b[i];
    }
}

/* ---- conjugate gradients ---------------------------------------------------------------- */

/* The Hessian's scale follows the fit: factor again when it has moved by half. */
static spur_status refresh(newton *on, spur_error *error)
{
    spur_status status = SPUR_OK;
    double scale = on->of->curvature;
    if (!(scale > 0.0)) {
        scale = 1e-12;
    }
    if (on->scale > 1.5 * scale || on->scale < scale / 1.5) {
        TRY(curvature_factor(on->approximation, scale, on->of->is.ridge, error));
        on->scale = scale;
    }
done:
    return status;
}

/* on->step = about -H^-1 gradient; stops where |residual| in the metric of the approximation
 * is below `least` of the start's. */
static spur_status solve_step(newton *on, const float *gradient, double least,
                              spur_error *error)
{
    spur_status status;
    size_t size = on->of->size, classes = on->of->is.classes;
    memset(on->step, 0, size * sizeof(float));
    for (size_t i = 0; i < size; i++) {
        on->residual[i] = -gradient[i];
    }
    TRY(curvature_solve(on->approximation, on->residual, classes, on->solved, error));
    memcpy(on->direction, on->solved, size * sizeof(float));
    double left = dot(on->residual, on->solved, size), goal = left * least * least;
    for (size_t i = 0; i < PRODUCTS_MOST && left > goal; i++) {
        TRY(objective_curve(on->of, on->direction, on->product, error));
        on->report.products++;
        double bend = dot(on->direction, on->product, size);
        if (!(bend > 0.0)) {
            break;
        }
        add_scaled(on->step, left / bend, on->direction, size);
        add_scaled(on->residual, -left / bend, on->product, size);
        TRY(curvature_solve(on->approximation, on->residual, classes, on->solved, error));
        double next = dot(on->residual, on->solved, size), ratio = next / left;
        if (!(next > 0.0)) {
            break;
        }
        for (size_t j = 0; j < size; j++) {
            on->direction[j] = on->solved[j] + (float)ratio * on->direction[j];
        }
        left = next;
    }
done:
    return status;
}

static void move(const newton *on, double length, double *dst)
{
    for (size_t i = 0; i < on->of->size; i++) {
        dst[i] = on->w[i] + length * (double)on->step[i];
    }
}

/* ---- single precision ------------------------------------------------------------------- */

/* The gap of certificate.h, with a guess in place of the smallest eigenvalue of the Hessian in
 * b: what the certificate will say, near enough to know when to stop. */
static double expected_gap(const newton *on)
{
    double ridge = on->of->is.ridge, m = BIAS_CURVATURE * on->of->curvature;
    if (!(ridge > 0.0) || !(m > 0.0)) {
        return ridge > 0.0 ? on->weight_norm * on->weight_norm / (2.0 * ridge) : HUGE_VAL;
    }
    double slope = on->weight_norm + on->spectrum * on->bias_norm / sqrt(2.0 * m);
    return slope * slope / (2.0 * ridge) + on->bias_norm * on->bias_norm / m;
}

static bool wants_stop(newton *on, double value, double norm)
{
    const newton_progress progress = {.step = on->report.steps,
                                      .objective = value,
                                      .gradient_norm = norm,
                                      .gap = expected_gap(on)};
    if (on->options->visit != NULL &&
        on->options->visit(on->options->context, &progress) != 0) {
        on->report.is_cancelled = true;
    }
    return on->report.is_cancelled;
}

/* Halves the step until the value falls as the slope promises, up to noise. */
static spur_status search(newton *on, double *value, bool *is_lower, spur_error *error)
{
    spur_status status;
    double slope = dot(on->gradient, on->step, on->of->size), length = 1.0;
    *is_lower = false;
    for (size_t i = 0; i < HALVINGS_MOST && !*is_lower; i++, length *= 0.5) {
        double there;
        move(on, length, on->trial);
        TRY(objective_evaluate(on->of, on->trial, &there, on->product, error));
        on->report.products++;
        if (there <= *value + 1e-4 * length * slope + NOISE * fabs(*value)) {
            *is_lower = true;
            *value = there;
        }
    }
    if (*is_lower) {
        float *swapped = on->gradient;
        on->gradient = on->product;
        on->product = swapped;
        memcpy(on->w, on->trial, on->of->size * sizeof(double));
    }
done:
    return status;
}

static spur_status descend(newton *on, spur_error *error)
{
    spur_status status;
    double value, norm, best = INFINITY;
    size_t stale = 0;
    TRY(objective_evaluate(on->of, on->w, &value, on->gradient, error));
    on->report.products++;
    norm = measure_single(on);
    on->start_norm = norm;
    while (!wants_stop(on, value, norm) && on->report.steps < on->options->steps) {
        if (norm <= FLOOR_SINGLE * on->start_norm ||
            expected_gap(on) <= 0.1 * on->options->tolerance * value) {
            break;
        }
        stale = norm < 0.7 * best ? 0 : stale + 1;
        best = norm < best ? norm : best;
        if (stale > 10) {
            break;
        }
        bool is_lower;
        TRY(refresh(on, error));
        TRY(solve_step(on, on->gradient, RESIDUAL_LOOSE, error));
        TRY(search(on, &value, &is_lower, error));
        if (!is_lower) {
            break;
        }
        on->report.steps++;
        norm = measure_single(on);
    }
    on->report.objective = value;
done:
    return status;
}

/* ---- double ----------------------------------------------------------------------------- */

/* One step from the exact gradient; w goes on only where the gradient became smaller. */
static spur_status refine_step(newton *on, double *value, double *norm, bool *is_better,
                               spur_error *error)
{
    spur_status status;
    double there, unused;
    size_t size = on->of->size;
    for (size_t i = 0; i < size; i++) {
        on->gradient[i] = (float)on->exact[i];
    }
    TRY(objective_evaluate(on->of, on->w, &unused, NULL, error));
    TRY(refresh(on, error));
    TRY(solve_step(on, on->gradient, RESIDUAL_TIGHT, error));
    move(on, 1.0, on->trial);
    TRY(objective_evaluate_exact(on->of, on->trial, &there, on->refined, error));
    on->report.products += 2;
    double weights = on->weight_norm, biases = on->bias_norm;
    double moved = measure_double(on, on->refined);
    *is_better = moved < *norm;
    if (*is_better) {
        memcpy(on->w, on->trial, size * sizeof(double));
        memcpy(on->exact, on->refined, size * sizeof(double));
        *value = there;
        *norm = moved;
        on->report.steps++;
    } else {
        on->weight_norm = weights;
        on->bias_norm = biases;
    }
done:
    return status;
}

static spur_status refine(newton *on, spur_error *error)
{
    spur_status status;
    double value, norm;
    bool is_better = true;
    TRY(objective_evaluate_exact(on->of, on->w, &value, on->exact, error));
    on->report.products++;
    norm = measure_double(on, on->exact);
    for (size_t i = 0; i < REFINEMENTS_MOST && is_better; i++) {
        if (wants_stop(on, value, norm)) {
            goto done;
        }
        if (norm <= FLOOR_DOUBLE * on->start_norm ||
            expected_gap(on) <= 0.25 * on->options->tolerance * value) {
            break;
        }
        TRY(refine_step(on, &value, &norm, &is_better, error));
    }
    on->report.is_converged = true;
    on->report.objective = value;
done:
    return status;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* The Gram matrix's bound, as if every row had the largest coefficient. */
static double spectrum_of(const newton *on)
{
    double most = 0.0;
    for (size_t i = 0; i < on->of->set->rows.count; i++) {
        double a = on->of->is.coefficient[i];
        most = a > most ? a : most;
    }
    return (double)on->of->set->rows.count * most * curvature_bound(on->approximation);
}

static void newton_close(newton *on)
{
    memory_free(on->trial);
    memory_free(on->refined);
    memory_free(on->gradient);
    memory_free(on->step);
    memory_free(on->residual);
    memory_free(on->solved);
    memory_free(on->direction);
    memory_free(on->product);
}

static spur_status newton_open(newton *on, spur_error *error)
{
    spur_status status;
    size_t size = on->of->size;
    TRY(memory_new(size, sizeof(double), &on->trial, error));
    TRY(memory_new(size, sizeof(double), &on->refined, error));
    TRY(memory_new(size, sizeof(float), &on->gradient, error));
    TRY(memory_new(size, sizeof(float), &on->step, error));
    TRY(memory_new(size, sizeof(float), &on->residual, error));
    TRY(memory_new(size, sizeof(float), &on->solved, error));
    TRY(memory_new(size, sizeof(float), &on->direction, error));
    TRY(memory_new(size, sizeof(float), &on->product, error));
done:
    return status;
}

spur_status newton_minimise(objective *of, curvature *approximation,
                            const newton_options *options, double *w, double *gradient,
                            newton_report *report, spur_error *error)
{
    spur_status status;
    newton on = {.of = of,
                 .approximation = approximation,
                 .options = options,
                 .w = w,
                 .exact = gradient};
    TRY(newton_open(&on, error));
    on.spectrum = sqrt(spectrum_of(&on));
    TRY(descend(&on, error));
    if (!on.report.is_cancelled) {
        TRY(refine(&on, error));
    }
    *report = on.report;
done:
    newton_close(&on);
    return status;
}
