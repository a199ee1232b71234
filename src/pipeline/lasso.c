/*
 * lasso.c - Newton steps inside an orthant.
 *
 * After Byrd, Chin, Nocedal, Oztoprak, Mathematical Programming 159 (2016) 435-467. At w the
 * subgradient of least norm v says which weights at 0 may stay there (|slope| <= lasso) and to
 * which side the others go. On the free weights conjugate gradients solve H s = -v; the
 * step is cut where a weight would leave its side, and halved until J falls. Values and slopes
 * are in double, curvature products in single precision. Where no Newton step helps, a step of
 * the proximal gradient does.
 */
#include "pipeline/lasso.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    PRODUCTS_MOST = 100,
    HALVINGS_MOST = 40
};

#define RESIDUAL 1e-2
#define TOLERANCE_DEFAULT 1e-9

typedef struct lasso {
    objective *of;
    const descent_options *options;
    descent_report report;
    double *w, *trial, *slope, *slope_there; /* slopes: of the smooth part */
    float *free_slope, *step;                /* free_slope: v, 0 where a weight stays at 0 */
    float *residual, *direction, *product;
} lasso;

/* ---- optimality ------------------------------------------------------------------------- */

/* The lasso on weight i. */
static double lasso_on(const objective *of, size_t i)
{
    bool is_bias = i % of->width == of->width - 1;
    return is_bias && of->is.spares_bias ? 0.0 : of->is.lasso;
}

/* Element i of the subgradient of least norm. */
static double least_slope(const lasso *on, size_t i)
{
    double g = on->slope[i], l = lasso_on(on->of, i);
    if (on->w[i] > 0.0) {
        return g + l;
    }
    if (on->w[i] < 0.0) {
        return g - l;
    }
    return g > l ? g - l : g < -l ? g + l : 0.0;
}

static double fill_slopes(lasso *on)
{
    double largest = 0.0;
    for (size_t i = 0; i < on->of->size; i++) {
        double v = least_slope(on, i);
        on->free_slope[i] = (float)v;
        largest = fabs(v) > largest ? fabs(v) : largest;
    }
    return largest;
}

/* ---- Newton step on the free weights ---------------------------------------------------- */

static bool is_free(const lasso *on, size_t i)
{
    return on->w[i] > 0.0 || on->w[i] < 0.0 || fabs((double)on->free_slope[i]) > 0.0;
}

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

static spur_status solve_step(lasso *on, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t size = on->of->size;
    for (size_t i = 0; i < size; i++) {
        on->step[i] = 0.0F;
        on->residual[i] = on->direction[i] = -on->free_slope[i];
    }
    double left = dot(on->residual, on->residual, size), goal = left * RESIDUAL * RESIDUAL;
    for (size_t n = 0; n < PRODUCTS_MOST && left > goal; n++) {
        TRY(objective_curve(on->of, on->direction, on->product, error));
        on->report.products++;
        for (size_t i = 0; i < size; i++) {
            on->product[i] = is_free(on, i) ? on->product[i] : 0.0F;
        }
        double bend = dot(on->direction, on->product, size);
        if (!(bend > 0.0)) {
            break;
        }
        float by = (float)(left / bend);
        for (size_t i = 0; i < size; i++) {
            on->step[i] += by * on->direction[i];
            on->residual[i] -= by * on->product[i];
        }
        double next = dot(on->residual, on->residual, size);
        for (size_t i = 0; i < size; i++) {
            on->direction[i] = on->residual[i] + (float)(next / left) * on->direction[i];
        }
        left = next;
    }
done:
    return status;
}

/* ---- moving ----------------------------------------------------------------------------- */

/* trial = w + length step, each weight kept on its side of 0. */
static void move_inside(lasso *on, double length)
{
    for (size_t i = 0; i < on->of->size; i++) {
        double to = on->w[i] + length * (double)on->step[i];
        double side = on->w[i] > 0.0 || on->w[i] < 0.0 ? on->w[i] : -(double)on->free_slope[i];
        on->trial[i] = lasso_on(on->of, i) > 0.0 && to * side <= 0.0 ? 0.0 : to;
    }
}

/* trial = shrink(w - length slope). */
static void move_proximal(lasso *on, double length)
{
    for (size_t i = 0; i < on->of->size; i++) {
        double to = on->w[i] - length * on->slope[i], cut = length * lasso_on(on->of, i);
        on->trial[i] = to > cut ? to - cut : to < -cut ? to + cut : 0.0;
    }
}

/* Halves the move until the value falls; false when it never does. */
static spur_status search(lasso *on, void (*move)(lasso *on, double length), double length,
                          double *value, bool *is_lower, spur_error *error)
{
    spur_status status = SPUR_OK;
    *is_lower = false;
    for (size_t i = 0; i < HALVINGS_MOST && !*is_lower; i++, length *= 0.5) {
        double there;
        move(on, length);
        TRY(objective_evaluate_exact(on->of, on->trial, &there, on->slope_there, error));
        on->report.products++;
        if (there < *value) {
            *is_lower = true;
            *value = there;
        }
    }
    if (*is_lower) {
        memcpy(on->w, on->trial, on->of->size * sizeof(double));
        memcpy(on->slope, on->slope_there, on->of->size * sizeof(double));
    }
done:
    return status;
}

static bool wants_stop(lasso *on, double value, double violation)
{
    const descent_progress progress = {.step = on->report.steps,
                                       .objective = value,
                                       .gradient_norm = violation,
                                       .gap = HUGE_VAL};
    if (on->options->visit != NULL &&
        on->options->visit(on->options->context, &progress) != 0) {
        on->report.is_cancelled = true;
    }
    return on->report.is_cancelled;
}

static spur_status descend(lasso *on, spur_error *error)
{
    spur_status status;
    double value, unused, first = 0.0;
    double tolerance =
        on->options->tolerance > 0.0 ? on->options->tolerance : TOLERANCE_DEFAULT;
    TRY(objective_evaluate_exact(on->of, on->w, &value, on->slope, error));
    while (on->report.steps < on->options->steps) {
        double violation = fill_slopes(on);
        bool is_lower;
        first = on->report.steps == 0 ? violation : first;
        if (violation <= tolerance * first) {
            on->report.is_converged = true;
            break;
        }
        if (wants_stop(on, value, violation)) {
            break;
        }
        TRY(objective_evaluate(on->of, on->w, &unused, NULL, error));
        TRY(solve_step(on, error));
        TRY(search(on, move_inside, 1.0, &value, &is_lower, error));
        if (!is_lower) {
            double scale = on->of->curvature * on->of->set->square_mean;
            TRY(search(on, move_proximal, scale > 0.0 ? 1.0 / scale : 1.0, &value, &is_lower,
                       error));
        }
        if (!is_lower) {
            on->report.is_converged = true; /* as far as double goes */
            break;
        }
        on->report.steps++;
    }
    on->report.objective = value;
done:
    return status;
}

static void lasso_close(lasso *on)
{
    memory_free(on->trial);
    memory_free(on->slope);
    memory_free(on->slope_there);
    memory_free(on->free_slope);
    memory_free(on->step);
    memory_free(on->residual);
    memory_free(on->direction);
    memory_free(on->product);
}

spur_status lasso_minimise(objective *of, const descent_options *options, double *w,
                           descent_report *report, spur_error *error)
{
    spur_status status;
    lasso on = {.of = of, .options = options, .w = w};
    TRY(memory_new(of->size, sizeof(double), &on.trial, error));
    TRY(memory_new(of->size, sizeof(double), &on.slope, error));
    TRY(memory_new(of->size, sizeof(double), &on.slope_there, error));
    TRY(memory_new(of->size, sizeof(float), &on.free_slope, error));
    TRY(memory_new(of->size, sizeof(float), &on.step, error));
    TRY(memory_new(of->size, sizeof(float), &on.residual, error));
    TRY(memory_new(of->size, sizeof(float), &on.direction, error));
    TRY(memory_new(of->size, sizeof(float), &on.product, error));
    TRY(descend(&on, error));
    *report = on.report;
done:
    lasso_close(&on);
    return status;
}
