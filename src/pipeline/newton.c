/*
 * newton.c - iterative refinement: the gradient in double, the step in single precision.
 *
 * A step x solves H x = -g by conjugate gradients, preconditioned, far enough (Dembo,
 * Eisenstat, Steihaug, SIAM Journal on Numerical Analysis 19 (1982) 400-408); products with H
 * are in single precision, so each step takes three or four digits off the gradient.
 */
#include "pipeline/newton.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    PRODUCTS_MOST = 250, /* of conjugate gradients in a step */
    REFINEMENTS_MOST = 12
};

#define RESIDUAL 1e-3
/* Against the gradient at the start: as far as double goes. */
#define FLOOR 1e-11
#define TOLERANCE_SHARE 0.25

typedef struct newton {
    descent *task;
    objective *of;
    double *w, *trial;
    double *exact, *refined; /* gradient at w, and at trial */
    double value;            /* at w */
    parameter_norms norms;   /* of the gradient at w */
    float *gradient, *step;
    float *residual, *solved, *direction, *product;
} newton;

/* ---- conjugate gradients ----------------------------------------------------------------- */

static bool wants_stop(newton *on)
{
    double gap = descent_gap(&on->task->gauge, on->of->curvature, on->norms);
    return descent_visit(on->task, on->value, on->norms.both, gap);
}

/* on->solved = P^-1 residual. */
static spur_status solve(newton *on, spur_error *error)
{
    return preconditioner_solve(on->task->approximation, on->residual, on->solved, error);
}

/* on->step = about -H^-1 gradient; stops where |residual| in the metric of the approximation
 * is below RESIDUAL of the start's. */
static spur_status solve_step(newton *on, spur_error *error)
{
    spur_status status;
    size_t size = on->of->size;
    memset(on->step, 0, size * sizeof(float));
    for (size_t i = 0; i < size; i++) {
        on->residual[i] = -on->gradient[i];
    }
    TRY(solve(on, error));
    memcpy(on->direction, on->solved, size * sizeof(float));
    double left = parameters_dot(on->residual, on->solved, size),
           goal = left * RESIDUAL * RESIDUAL;
    for (size_t i = 0; i < PRODUCTS_MOST && left > goal && !wants_stop(on); i++) {
        TRY(objective_curve(on->of, on->direction, on->product, error));
        on->task->report.products++;
        double bend = parameters_dot(on->direction, on->product, size);
        if (!(bend > 0.0)) {
            break;
        }
        parameters_add(on->step, left / bend, on->direction, size);
        parameters_add(on->residual, -left / bend, on->product, size);
        TRY(solve(on, error));
        double next = parameters_dot(on->residual, on->solved, size), ratio = next / left;
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

/* ---- refinement -------------------------------------------------------------------------- */

/* One step from the exact gradient; w goes on only where the gradient became smaller. */
static spur_status refine_step(newton *on, bool *is_better, spur_error *error)
{
    spur_status status;
    double there;
    size_t size = on->of->size;
    for (size_t i = 0; i < size; i++) {
        on->gradient[i] = (float)on->exact[i];
    }
    TRY(preconditioner_follow(on->task->approximation, error));
    TRY(solve_step(on, error));
    if (on->task->report.is_cancelled) {
        goto done;
    }
    for (size_t i = 0; i < size; i++) {
        on->trial[i] = on->w[i] + (double)on->step[i];
    }
    TRY(objective_evaluate_exact(on->of, on->trial, &there, on->refined, error));
    on->task->report.products++;
    parameter_norms moved = parameters_norms_exact(on->refined, size, on->of->width);
    *is_better = moved.both < on->norms.both;
    if (*is_better) {
        memcpy(on->w, on->trial, size * sizeof(double));
        memcpy(on->exact, on->refined, size * sizeof(double));
        on->value = there;
        on->norms = moved;
        on->task->report.steps++;
    } else {
        TRY(objective_evaluate(on->of, on->w, &there, NULL, error));
    }
done:
    return status;
}

static bool is_done(const newton *on)
{
    return on->norms.both <= FLOOR * on->task->start_norm ||
           descent_gap(&on->task->gauge, on->of->curvature, on->norms) <=
               TOLERANCE_SHARE * on->task->options->tolerance * on->value;
}

static spur_status refine(newton *on, spur_error *error)
{
    spur_status status;
    bool is_better = true;
    TRY(objective_evaluate_exact(on->of, on->w, &on->value, on->exact, error));
    on->task->report.products++;
    on->norms = parameters_norms_exact(on->exact, on->of->size, on->of->width);
    for (size_t i = 0; i < REFINEMENTS_MOST && is_better && !is_done(on); i++) {
        if (wants_stop(on)) {
            break;
        }
        TRY(refine_step(on, &is_better, error));
        if (on->task->report.is_cancelled) {
            break;
        }
    }
    on->task->report.is_converged = !on->task->report.is_cancelled;
    on->task->report.objective = on->value;
done:
    return status;
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

spur_status newton_refine(descent *task, double *w, double *gradient, spur_error *error)
{
    spur_status status;
    newton on = {.task = task, .of = task->of, .w = w, .exact = gradient};
    TRY(newton_open(&on, error));
    TRY(refine(&on, error));
done:
    newton_close(&on);
    return status;
}
