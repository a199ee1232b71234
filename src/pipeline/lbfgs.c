/*
 * lbfgs.c - limited-memory BFGS around a preconditioner, with its line search on the logits.
 *
 * Liu and Nocedal, Mathematical Programming 45 (1989) 503-528. The initial inverse Hessian is
 * gamma P^-1 of preconditioner.h, gamma = s y / y P^-1 y of the last pair. X d is one product;
 * where the slope along d is small enough is then found on the rows' logits alone (X w + t X
 * d), and the gradient there is the second product: one pass over the rows for each iteration,
 * however long the search. The search looks at slopes: values cannot tell steps apart near the
 * end in single precision.
 */
#include "pipeline/lbfgs.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    PAIRS = 8,
    TRIALS_MOST = 10,
    STALE_MOST = 10
};

/* Against the gradient at the start: where single precision has no more to give. */
#define FLOOR 1e-7
/* Of the slope at the line's start; the first step goes far, where a loose end costs steps. */
#define SLOPE_ENOUGH 0.1
#define SLOPE_ENOUGH_FIRST 0.01
#define BEND_SHARE 0.9 /* of an estimate from above */

typedef struct pair {
    float *s, *y;   /* [size] W - W before, and the gradients' difference */
    double product; /* s . y */
} pair;

typedef struct lbfgs {
    descent *task;
    objective *of;
    double *w;
    float *gradient, *before; /* at w, and where the last step began */
    float *direction, *work;
    double *biases;    /* [classes] before they are settled */
    pair pairs[PAIRS]; /* oldest first */
    size_t count;
    double value;
    parameter_norms norms; /* of the gradient */
} lbfgs;

/* ---- memory of steps --------------------------------------------------------------------- */

/* Keeps the step that was just made, unless rounding turned its curvature around. */
static void remember(lbfgs *on, double length)
{
    size_t size = on->of->size;
    if (on->count == PAIRS) {
        pair oldest = on->pairs[0];
        memmove(on->pairs, on->pairs + 1, (PAIRS - 1) * sizeof *on->pairs);
        on->pairs[PAIRS - 1] = oldest;
        on->count--;
    }
    pair *kept = &on->pairs[on->count];
    float by = (float)length;
    for (size_t i = 0; i < size; i++) {
        kept->s[i] = by * on->direction[i];
        kept->y[i] = on->gradient[i] - on->before[i];
    }
    kept->product = parameters_dot(kept->s, kept->y, size);
    on->count += kept->product > 0.0 ? 1 : 0;
}

/* s . y / y . P^-1 y of the last step: how far P is off along it. */
static spur_status scale_of(lbfgs *on, double *gamma, spur_error *error)
{
    spur_status status = SPUR_OK;
    *gamma = 1.0;
    if (on->count > 0) {
        const pair *last = &on->pairs[on->count - 1];
        TRY(preconditioner_solve(on->task->approximation, last->y, on->direction, error));
        double square = parameters_dot(last->y, on->direction, on->of->size);
        *gamma = square > 0.0 ? last->product / square : 1.0;
    }
done:
    return status;
}

/* direction = -H gradient by the two loops. */
static spur_status choose_direction(lbfgs *on, spur_error *error)
{
    spur_status status;
    size_t size = on->of->size;
    float *q = on->work, *z = on->direction;
    double share[PAIRS] = {0}, gamma;
    TRY(scale_of(on, &gamma, error));
    memcpy(q, on->gradient, size * sizeof *q);
    for (size_t i = on->count; i-- > 0;) {
        const pair *one = &on->pairs[i];
        share[i] = parameters_dot(one->s, q, size) / one->product;
        parameters_add(q, -share[i], one->y, size);
    }
    TRY(preconditioner_solve(on->task->approximation, q, z, error));
    for (size_t i = 0; i < size; i++) {
        z[i] *= (float)gamma;
    }
    for (size_t i = 0; i < on->count; i++) {
        const pair *one = &on->pairs[i];
        double back = parameters_dot(one->y, z, size) / one->product;
        parameters_add(z, share[i] - back, one->s, size);
    }
    for (size_t i = 0; i < size; i++) {
        z[i] = -z[i];
    }
done:
    return status;
}

/* ---- one step ---------------------------------------------------------------------------- */

/* Where on the line the slope is a small part of `steepest` (< 0): Newton steps, kept between
 * the points known to be before and behind the minimum. */
static spur_status search(lbfgs *on, double steepest, double *length, spur_error *error)
{
    spur_status status = SPUR_OK;
    double low = 0.0, high = HUGE_VAL, at = 1.0;
    double enough = -steepest * (on->count > 0 ? SLOPE_ENOUGH : SLOPE_ENOUGH_FIRST);
    for (size_t i = 0; i < TRIALS_MOST; i++) {
        double slope, bend;
        TRY(objective_along(on->of, at, &slope, &bend, error));
        if (fabs(slope) <= enough) {
            break;
        }
        *(slope < 0.0 ? &low : &high) = at;
        double next = at - slope / bend, farthest = high < HUGE_VAL ? high : 4.0 * at;
        bool is_inside = next > low && next < farthest;
        at = is_inside ? next : 0.5 * (low + farthest);
    }
    *length = at;
done:
    return status;
}

static void swap(float **a, float **b)
{
    float *kept = *a;
    *a = *b;
    *b = kept;
}

/* What follows from a new gradient. */
static spur_status look_around(lbfgs *on, spur_error *error)
{
    on->task->report.products++;
    on->norms = parameters_norms(on->gradient, on->of->size, on->of->width);
    return preconditioner_follow(on->task->approximation, error);
}

static spur_status arrive(lbfgs *on, double length, spur_error *error)
{
    spur_status status;
    for (size_t i = 0; i < on->of->size; i++) {
        on->w[i] += length * (double)on->direction[i];
    }
    swap(&on->gradient, &on->before);
    TRY(objective_move(on->of, length, on->w, &on->value, on->gradient, error));
    on->task->report.steps++;
    remember(on, length);
    TRY(look_around(on, error));
done:
    return status;
}

static spur_status step(lbfgs *on, bool *is_down, spur_error *error)
{
    spur_status status;
    double length;
    TRY(choose_direction(on, error));
    double steepest = parameters_dot(on->gradient, on->direction, on->of->size);
    if (!(steepest < 0.0) && on->count > 0) {
        on->count = 0;
        TRY(choose_direction(on, error));
        steepest = parameters_dot(on->gradient, on->direction, on->of->size);
    }
    *is_down = steepest < 0.0;
    if (*is_down) {
        TRY(objective_aim(on->of, on->w, on->direction, error));
        TRY(search(on, steepest, &length, error));
        TRY(arrive(on, length, error));
    }
done:
    return status;
}

/* ---- the whole --------------------------------------------------------------------------- */

static double gap_with(const lbfgs *on, double bias_norm)
{
    parameter_norms norms = on->norms;
    norms.biases = bias_norm;
    return descent_gap(&on->task->gauge, on->of->curvature, norms);
}

static bool meets_tolerance(const lbfgs *on, double gap)
{
    return gap <= on->task->goal * on->value;
}

static bool is_done(lbfgs *on)
{
    double gap = gap_with(on, on->norms.biases);
    return descent_visit(on->task, on->value, on->norms.both, gap) ||
           on->task->report.steps >= on->task->options->steps ||
           on->norms.both <= FLOOR * on->task->start_norm || meets_tolerance(on, gap);
}

/* The biases go to their best: a step like the others, but for its direction. */
static spur_status settle(lbfgs *on, spur_error *error)
{
    spur_status status;
    size_t width = on->of->width;
    memset(on->direction, 0, on->of->size * sizeof *on->direction);
    for (size_t k = 0; k < on->of->is.classes; k++) {
        on->biases[k] = on->w[k * width + width - 1];
    }
    swap(&on->gradient, &on->before);
    TRY(objective_settle(on->of, on->w, &on->value, on->gradient, error));
    if (on->of->bias_bend > 0.0) {
        on->task->gauge.bias_curvature = BEND_SHARE * on->of->bias_bend / on->of->curvature;
    }
    for (size_t k = 0; k < on->of->is.classes; k++) {
        size_t i = k * width + width - 1;
        on->direction[i] = (float)(on->w[i] - on->biases[k]);
    }
    remember(on, 1.0);
    TRY(look_around(on, error));
done:
    return status;
}

/* Where only the biases are in the way of the tolerance. */
static bool wants_settling(const lbfgs *on)
{
    return on->count > 0 && meets_tolerance(on, gap_with(on, 0.0)) &&
           !meets_tolerance(on, gap_with(on, on->norms.biases));
}

/* Whether the step was worth it: single precision tells values apart to about 1e-7. */
static bool is_progress(const lbfgs *on, double best_norm, double best_value)
{
    return on->norms.both < 0.7 * best_norm || on->value < (1.0 - 1e-6) * best_value;
}

static spur_status descend(lbfgs *on, spur_error *error)
{
    spur_status status;
    double best_norm = HUGE_VAL, best_value = HUGE_VAL;
    size_t stale = 0;
    bool is_down = true;
    TRY(objective_start(on->of, on->w, &on->value, on->gradient, error));
    TRY(look_around(on, error));
    if (!(on->task->start_norm > 0.0)) {
        on->task->start_norm = on->norms.both;
    }
    while (is_down && stale <= STALE_MOST && !is_done(on)) {
        stale = is_progress(on, best_norm, best_value) ? 0 : stale + 1;
        best_norm = on->norms.both < best_norm ? on->norms.both : best_norm;
        best_value = on->value < best_value ? on->value : best_value;
        TRY(step(on, &is_down, error));
        if (wants_settling(on)) {
            TRY(settle(on, error));
        }
    }
    on->task->report.objective = on->value;
done:
    return status;
}

static spur_status lbfgs_open(lbfgs *on, spur_error *error)
{
    spur_status status;
    size_t size = on->of->size;
    TRY(memory_new(size, sizeof(float), &on->gradient, error));
    TRY(memory_new(size, sizeof(float), &on->before, error));
    TRY(memory_new(size, sizeof(float), &on->direction, error));
    TRY(memory_new(size, sizeof(float), &on->work, error));
    TRY(memory_new(on->of->is.classes, sizeof(double), &on->biases, error));
    for (size_t i = 0; i < PAIRS; i++) {
        TRY(memory_new(size, sizeof(float), &on->pairs[i].s, error));
        TRY(memory_new(size, sizeof(float), &on->pairs[i].y, error));
    }
done:
    return status;
}

static void lbfgs_close(lbfgs *on)
{
    memory_free(on->gradient);
    memory_free(on->before);
    memory_free(on->direction);
    memory_free(on->work);
    memory_free(on->biases);
    for (size_t i = 0; i < PAIRS; i++) {
        memory_free(on->pairs[i].s);
        memory_free(on->pairs[i].y);
    }
}

spur_status lbfgs_minimise(descent *task, double *w, spur_error *error)
{
    spur_status status;
    lbfgs on = {.task = task, .of = task->of, .w = w};
    TRY(lbfgs_open(&on, error));
    TRY(descend(&on, error));
done:
    lbfgs_close(&on);
    return status;
}
