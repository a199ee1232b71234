/*
 * objective.c - three passes over the rows: logits, their loss, and back to the weights.
 *
 * Z = X W^T by blocks of rows; per row the loss turns logits into probabilities and residuals;
 * G = R^T X by tiles of G, each summed over all rows by one thread. So no sum depends on the
 * number of threads. The exact pass takes EXACT_ROWS rows at a time in double.
 */
#include "pipeline/objective.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "nn/rows.h"
#include "pipeline/dense.h"

enum {
    EXACT_ROWS = 1024,
    STRIDE_STEP = 16
};

spur_status objective_make(const training_set *set, matrix_team *team,
                           const objective_options *options, objective *out, spur_error *error)
{
    spur_status status;
    objective made = {.set = set, .team = team, .is = *options};
    size_t cells;
    made.width = set->rows.width + 1;
    made.stride = (options->classes + STRIDE_STEP - 1) / STRIDE_STEP * STRIDE_STEP;
    made.stride += made.stride % 1024 == 0 ? STRIDE_STEP : 0;
    if (!size_mul(options->classes, made.width, &made.size) ||
        !size_mul(set->padded, made.stride, &cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new_zeroed(cells, sizeof(float), &made.probability, error));
    TRY(memory_new_zeroed(cells, sizeof(float), &made.working, error));
    TRY(memory_new(made.size, sizeof(float), &made.single, error));
    TRY(memory_new(made.size, sizeof(float), &made.turned, error));
    TRY(memory_new_zeroed(matrix_team_threads(team) * made.stride, sizeof(float), &made.trial,
                          error));
    TRY(memory_new_zeroed(set->padded, sizeof(double), &made.row_values, error));
    TRY(memory_new_zeroed(set->padded, sizeof(double), &made.row_slopes, error));
    TRY(memory_new_zeroed(set->padded, sizeof(double), &made.row_bends, error));
    TRY(memory_new_zeroed(set->padded, sizeof(double), &made.row_owns, error));
    TRY(memory_new_zeroed(options->classes, sizeof(double), &made.own_bends, error));
    *out = made;
    made = (objective){0};
done:
    objective_free(&made);
    return status;
}

void objective_free(objective *block)
{
    if (block != NULL) {
        memory_free(block->probability);
        memory_free(block->working);
        memory_free(block->single);
        memory_free(block->turned);
        memory_free(block->trial);
        memory_free(block->row_values);
        memory_free(block->row_slopes);
        memory_free(block->row_bends);
        memory_free(block->row_owns);
        memory_free(block->own_bends);
        *block = (objective){0};
    }
}

/* ---- penalty ---------------------------------------------------------------------------- */

static double weight_away(const objective *of, const double *w, size_t i)
{
    return w[i] - (of->is.centre != NULL ? of->is.centre[i] : 0.0);
}

static double penalty(const objective *of, const double *w)
{
    double ridge = 0.0, lasso = 0.0;
    for (size_t first = 0; first < of->size; first += of->width) {
        size_t bias = first + of->width - 1;
        for (size_t i = first; i < bias; i++) {
            double away = weight_away(of, w, i);
            ridge += away * away;
            lasso += fabs(w[i]);
        }
        lasso += of->is.spares_bias ? 0.0 : fabs(w[bias]);
    }
    return 0.5 * of->is.ridge * ridge + of->is.lasso * lasso;
}

/* gradient += ridge (w - centre), biases excepted. */
static void add_ridge_slope(const objective *of, const double *w, float *gradient)
{
    for (size_t first = 0; first < of->size; first += of->width) {
        for (size_t i = first; i < first + of->width - 1; i++) {
            gradient[i] = (float)((double)gradient[i] + of->is.ridge * weight_away(of, w, i));
        }
    }
}

static void add_ridge_slope_exact(const objective *of, const double *w, double *gradient)
{
    for (size_t first = 0; first < of->size; first += of->width) {
        for (size_t i = first; i < first + of->width - 1; i++) {
            gradient[i] += of->is.ridge * weight_away(of, w, i);
        }
    }
}

/* ---- single precision ------------------------------------------------------------------- */

static matrix rows_matrix(const objective *of)
{
    return matrix_of(of->set->x, of->set->rows.count, of->width, of->set->stride);
}

/* dst [rows, classes] = X v^T */
static spur_status to_logits(objective *of, const float *v, float *dst, spur_error *error)
{
    size_t classes = of->is.classes;
    for (size_t k = 0; k < classes; k++) {
        for (size_t j = 0; j < of->width; j++) {
            of->turned[j * classes + k] = v[k * of->width + j];
        }
    }
    const matrix_result into = {.single = dst, .stride = of->stride, .scale = 1.0};
    return matrix_multiply(of->team, rows_matrix(of),
                           matrix_of(of->turned, of->width, classes, classes), &into, error);
}

/* The logits at w to `probability`. Most descents start at 0, where nothing is multiplied. */
static spur_status start_logits(objective *of, const double *w, spur_error *error)
{
    bool is_zero = true;
    for (size_t i = 0; i < of->size; i++) {
        of->single[i] = (float)w[i];
        is_zero = is_zero && fabsf(of->single[i]) <= 0.0F;
    }
    if (is_zero) {
        memset(of->probability, 0, of->set->padded * of->stride * sizeof(float));
        return SPUR_OK;
    }
    return to_logits(of, of->single, of->probability, error);
}

/* dst [classes, width] = src^T X */
static spur_status to_weights(objective *of, const float *src, float *dst, spur_error *error)
{
    const matrix_result into = {.single = dst, .stride = of->width, .scale = 1.0};
    matrix left = matrix_of(src, of->set->rows.count, of->is.classes, of->stride);
    return matrix_multiply(of->team, matrix_turned(left), rows_matrix(of), &into, error);
}

/* ---- rows: blocks of TRAINING_BLOCK, each on one thread ---------------------------------- */

static size_t block_end(const objective *of, size_t item)
{
    size_t end = (item + 1) * TRAINING_BLOCK;
    return end < of->set->rows.count ? end : of->set->rows.count;
}

/* p (1 - p) of the label from rest = 1 - p, which is minus the residual of both losses. */
static double own_bend(double rest)
{
    return rest < 1.0 ? rest * (1.0 - rest) : 0.0;
}

/* Row i's logits z become probabilities; working: its weighted residual. */
static void lose_row(objective *of, size_t i, float *z)
{
    size_t classes = of->is.classes;
    float *r = of->working + i * of->stride;
    double weight = of->is.coefficient[i];
    of->row_values[i] = weight * of->is.kind->row(z, classes, of->is.labels[i], r);
    of->row_bends[i] = weight * of->is.kind->curvature(z, classes);
    of->row_owns[i] = weight * own_bend(-(double)r[of->is.labels[i]]);
    for (size_t k = 0; k < classes; k++) {
        r[k] *= (float)weight;
    }
}

static spur_status lose_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    objective *of = context;
    (void)worker;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        lose_row(of, i, of->probability + i * of->stride);
    }
    return SPUR_OK;
}

/* The same, but the logits stay. */
static spur_status lose_rows_aside(void *context, size_t worker, size_t item, spur_error *error)
{
    objective *of = context;
    float *z = of->trial + worker * of->stride;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        memcpy(z, of->probability + i * of->stride, of->is.classes * sizeof *z);
        lose_row(of, i, z);
    }
    return SPUR_OK;
}

static spur_status curve_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    objective *of = context;
    size_t classes = of->is.classes;
    (void)worker;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        float *u = of->working + i * of->stride, weight = (float)of->is.coefficient[i];
        of->is.kind->curve_row(of->probability + i * of->stride, classes, u);
        for (size_t k = 0; k < classes; k++) {
            u[k] *= weight;
        }
    }
    return SPUR_OK;
}

static spur_status for_blocks(const objective *of, parallel_work work, void *context,
                              spur_error *error)
{
    return parallel_for(matrix_team_threads(of->team), of->set->padded / TRAINING_BLOCK, work,
                        context, error);
}

static double sum_rows(const objective *of, const double *values)
{
    double sum = 0.0;
    for (size_t i = 0; i < of->set->rows.count; i++) {
        sum += values[i];
    }
    return sum;
}

static void sum_bends(objective *of)
{
    of->curvature = sum_rows(of, of->row_bends);
    memset(of->own_bends, 0, of->is.classes * sizeof *of->own_bends);
    for (size_t i = 0; i < of->set->rows.count; i++) {
        of->own_bends[of->is.labels[i]] += of->row_owns[i];
    }
}

/* Value and gradient at w from the logits in `probability`. */
static spur_status finish_evaluation(objective *of, parallel_work lose, const double *w,
                                     double *value, float *gradient, spur_error *error)
{
    spur_status status;
    TRY(for_blocks(of, lose, of, error));
    *value = sum_rows(of, of->row_values) + penalty(of, w);
    sum_bends(of);
    if (gradient != NULL) {
        TRY(to_weights(of, of->working, gradient, error));
        add_ridge_slope(of, w, gradient);
    }
done:
    return status;
}

static spur_status evaluate_with(objective *of, parallel_work lose, const double *w,
                                 double *value, float *gradient, spur_error *error)
{
    spur_status status;
    TRY(start_logits(of, w, error));
    TRY(finish_evaluation(of, lose, w, value, gradient, error));
done:
    return status;
}

spur_status objective_evaluate(objective *of, const double *w, double *value, float *gradient,
                               spur_error *error)
{
    return evaluate_with(of, lose_rows, w, value, gradient, error);
}

/* ---- lines ------------------------------------------------------------------------------ */

spur_status objective_start(objective *of, const double *w, double *value, float *gradient,
                            spur_error *error)
{
    return evaluate_with(of, lose_rows_aside, w, value, gradient, error);
}

spur_status objective_aim(objective *of, const double *w, const float *v, spur_error *error)
{
    of->line_slope = of->line_bend = 0.0;
    for (size_t first = 0; first < of->size; first += of->width) {
        for (size_t i = first; i < first + of->width - 1; i++) {
            double by = (double)v[i];
            of->line_slope += of->is.ridge * weight_away(of, w, i) * by;
            of->line_bend += of->is.ridge * by * by;
        }
    }
    return to_logits(of, v, of->working, error);
}

typedef struct line_job {
    objective *of;
    double length;
} line_job;

static spur_status look_along(void *context, size_t worker, size_t item, spur_error *error)
{
    const line_job *job = context;
    objective *of = job->of;
    float *z = of->trial + worker * of->stride, length = (float)job->length;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        const float *from = of->probability + i * of->stride;
        const float *by = of->working + i * of->stride;
        double weight = of->is.coefficient[i], slope, bend;
        for (size_t k = 0; k < of->is.classes; k++) {
            z[k] = from[k] + length * by[k];
        }
        of->is.kind->along(z, by, of->is.classes, of->is.labels[i], &slope, &bend);
        of->row_slopes[i] = weight * slope;
        of->row_bends[i] = weight * bend;
    }
    return SPUR_OK;
}

spur_status objective_along(objective *of, double length, double *slope, double *bend,
                            spur_error *error)
{
    spur_status status;
    line_job job = {of, length};
    TRY(for_blocks(of, look_along, &job, error));
    *slope = sum_rows(of, of->row_slopes) + of->line_slope + length * of->line_bend;
    *bend = sum_rows(of, of->row_bends) + of->line_bend;
done:
    return status;
}

static spur_status move_logits(void *context, size_t worker, size_t item, spur_error *error)
{
    const line_job *job = context;
    objective *of = job->of;
    float length = (float)job->length;
    (void)worker;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        float *z = of->probability + i * of->stride;
        const float *by = of->working + i * of->stride;
        for (size_t k = 0; k < of->is.classes; k++) {
            z[k] += length * by[k];
        }
    }
    return SPUR_OK;
}

spur_status objective_move(objective *of, double length, const double *w, double *value,
                           float *gradient, spur_error *error)
{
    spur_status status;
    line_job job = {of, length};
    TRY(for_blocks(of, move_logits, &job, error));
    TRY(finish_evaluation(of, lose_rows_aside, w, value, gradient, error));
done:
    return status;
}

/* ---- curvature -------------------------------------------------------------------------- */

spur_status objective_curve(objective *of, const float *v, float *product, spur_error *error)
{
    spur_status status;
    TRY(to_logits(of, v, of->working, error));
    TRY(for_blocks(of, curve_rows, of, error));
    TRY(to_weights(of, of->working, product, error));
    for (size_t i = 0; i < of->size; i++) {
        double ridge = i % of->width == of->width - 1 ? 0.0 : of->is.ridge;
        product[i] = (float)((double)product[i] + ridge * (double)v[i]);
    }
done:
    return status;
}

/* dst [classes, classes] = working^T working, whose rows are sqrt(a_i) p_i. */
static spur_status multiply_pairs(objective *of, double *dst, spur_error *error)
{
    size_t classes = of->is.classes;
    const matrix_result into = {.wide = dst, .stride = classes, .scale = 1.0};
    matrix rooted = matrix_of(of->working, of->set->rows.count, classes, of->stride);
    return matrix_multiply(of->team, matrix_turned(rooted), rooted, &into, error);
}

static void root_row(objective *of, size_t i, const float *p)
{
    float *dst = of->working + i * of->stride, by = (float)sqrt(of->is.coefficient[i]);
    for (size_t k = 0; k < of->is.classes; k++) {
        dst[k] = by * p[k];
    }
}

spur_status objective_pair_weights(objective *of, double *dst, spur_error *error)
{
    for (size_t i = 0; i < of->set->rows.count; i++) {
        root_row(of, i, of->probability + i * of->stride);
    }
    return multiply_pairs(of, dst, error);
}

/* ---- best biases: Newton steps with one Hessian, on the logits alone --------------------- */

enum {
    SETTLE_STEPS = 6
};
#define SETTLED 1e-9 /* norm of the gradient in the biases */

typedef struct settle_job {
    objective *of;
    double *pairs, *hessian; /* [classes, classes] */
    double *step;            /* [classes] */
} settle_job;

static spur_status settle_job_open(settle_job *made, spur_error *error)
{
    spur_status status;
    size_t classes = made->of->is.classes, cells;
    if (!size_mul(classes, classes, &cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(cells, sizeof(double), &made->pairs, error));
    TRY(memory_new(cells, sizeof(double), &made->hessian, error));
    TRY(memory_new(classes, sizeof(double), &made->step, error));
done:
    return status;
}

static void settle_job_close(settle_job *block)
{
    memory_free(block->pairs);
    memory_free(block->hessian);
    memory_free(block->step);
}

static spur_status root_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    objective *of = context;
    float *z = of->trial + worker * of->stride;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        memcpy(z, of->probability + i * of->stride, of->is.classes * sizeof *z);
        rows_softmax(z, of->is.classes, 1, of->is.classes);
        root_row(of, i, z);
    }
    return SPUR_OK;
}

static spur_status shift_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    const settle_job *job = context;
    objective *of = job->of;
    (void)worker;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < block_end(of, item); i++) {
        float *z = of->probability + i * of->stride;
        for (size_t k = 0; k < of->is.classes; k++) {
            z[k] += (float)job->step[k];
        }
    }
    return SPUR_OK;
}

/* step = minus the gradient in the biases, from the residuals; its norm. */
static double bias_slope(settle_job *job)
{
    const objective *of = job->of;
    double square = 0.0;
    memset(job->step, 0, of->is.classes * sizeof *job->step);
    for (size_t i = 0; i < of->set->rows.count; i++) {
        const float *r = of->working + i * of->stride;
        for (size_t k = 0; k < of->is.classes; k++) {
            job->step[k] -= (double)r[k];
        }
    }
    for (size_t k = 0; k < of->is.classes; k++) {
        square += job->step[k] * job->step[k];
    }
    return sqrt(square);
}

/* The factor of the Hessian in the biases, from the pairs; false when it has none. */
static bool factor_biases(settle_job *job)
{
    size_t classes = job->of->is.classes;
    dense_laplacian(job->pairs, classes, dense_lift(job->pairs, classes), 0.0, job->hessian);
    return dense_factor(job->hessian, classes);
}

static void move_biases(const settle_job *job, double *w)
{
    size_t width = job->of->width;
    for (size_t k = 0; k < job->of->is.classes; k++) {
        w[k * width + width - 1] += job->step[k];
    }
}

static spur_status settle_steps(settle_job *job, double *w, spur_error *error)
{
    spur_status status;
    objective *of = job->of;
    size_t classes = of->is.classes;
    TRY(for_blocks(of, root_rows, of, error));
    TRY(multiply_pairs(of, job->pairs, error));
    bool is_definite = factor_biases(job);
    of->bias_bend = is_definite ? dense_smallest(job->hessian, classes, job->step) : 0.0;
    double before = HUGE_VAL;
    for (size_t i = 0; is_definite && i < SETTLE_STEPS; i++) {
        TRY(for_blocks(of, lose_rows_aside, of, error));
        double norm = bias_slope(job);
        if (norm <= SETTLED || norm > 0.5 * before) {
            break;
        }
        before = norm;
        dense_solve(job->hessian, classes, job->step);
        TRY(for_blocks(of, shift_rows, job, error));
        move_biases(job, w);
    }
done:
    return status;
}

spur_status objective_settle(objective *of, double *w, double *value, float *gradient,
                             spur_error *error)
{
    spur_status status;
    settle_job job = {.of = of};
    TRY(settle_job_open(&job, error));
    TRY(start_logits(of, w, error));
    TRY(settle_steps(&job, w, error));
    TRY(finish_evaluation(of, lose_rows_aside, w, value, gradient, error));
done:
    settle_job_close(&job);
    return status;
}

spur_status objective_mend_biases(objective *of, const double *gradient, double *w,
                                  spur_error *error)
{
    spur_status status;
    size_t classes = of->is.classes;
    settle_job job = {.of = of};
    TRY(settle_job_open(&job, error));
    TRY(objective_pair_weights(of, job.pairs, error));
    if (factor_biases(&job)) {
        for (size_t k = 0; k < classes; k++) {
            job.step[k] = -gradient[k * of->width + of->width - 1];
        }
        dense_solve(job.hessian, classes, job.step);
        move_biases(&job, w);
    }
done:
    settle_job_close(&job);
    return status;
}

/* ---- double ----------------------------------------------------------------------------- */

typedef struct exact_job {
    objective *of;
    size_t first, count;
    double *x, *z;  /* [EXACT_ROWS, width], [EXACT_ROWS, classes] */
    double *turned; /* [width, classes] w */
} exact_job;

static spur_status read_exact(void *context, size_t worker, size_t item, spur_error *error)
{
    const exact_job *job = context;
    (void)worker;
    (void)error;
    training_set_row(job->of->set, job->first + item, job->x + item * job->of->width);
    return SPUR_OK;
}

static spur_status lose_exact(void *context, size_t worker, size_t item, spur_error *error)
{
    const exact_job *job = context;
    objective *of = job->of;
    size_t i = job->first + item, classes = of->is.classes, label = of->is.labels[i];
    double *z = job->z + item * classes, weight = of->is.coefficient[i];
    float *p = of->probability + i * of->stride;
    (void)worker;
    (void)error;
    of->row_values[i] = weight * of->is.kind->row_exact(z, classes, label);
    of->row_owns[i] = weight * own_bend(-z[label]);
    for (size_t k = 0; k < classes; k++) {
        p[k] = (float)(z[k] + (k == label ? 1.0 : 0.0));
        z[k] *= weight;
    }
    of->row_bends[i] = weight * of->is.kind->curvature(p, classes);
    return SPUR_OK;
}

static spur_status exact_block(exact_job *job, double *gradient, spur_error *error)
{
    spur_status status;
    const objective *of = job->of;
    size_t threads = matrix_team_threads(of->team), classes = of->is.classes;
    size_t width = of->width;
    const matrix_double logits = {job->count, classes, width, job->x, job->turned, width,
                                  1,          classes, 1,     job->z, classes};
    const matrix_double back = {classes, width, job->count, job->z,   job->x, 1,
                                classes, width, 1,          gradient, width};
    memset(job->z, 0, job->count * classes * sizeof *job->z);
    TRY(parallel_for(threads, job->count, read_exact, job, error));
    TRY(matrix_multiply_double(of->team, &logits, error));
    TRY(parallel_for(threads, job->count, lose_exact, job, error));
    TRY(matrix_multiply_double(of->team, &back, error));
done:
    return status;
}

spur_status objective_evaluate_exact(objective *of, const double *w, double *value,
                                     double *gradient, spur_error *error)
{
    spur_status status;
    size_t rows = of->set->rows.count;
    exact_job job = {.of = of};
    TRY(memory_new(EXACT_ROWS * of->width, sizeof(double), &job.x, error));
    TRY(memory_new(EXACT_ROWS * of->is.classes, sizeof(double), &job.z, error));
    TRY(memory_new(of->size, sizeof(double), &job.turned, error));
    for (size_t i = 0; i < of->size; i++) {
        job.turned[i % of->width * of->is.classes + i / of->width] = w[i];
    }
    memset(gradient, 0, of->size * sizeof *gradient);
    for (job.first = 0; job.first < rows; job.first += EXACT_ROWS) {
        job.count = rows - job.first < EXACT_ROWS ? rows - job.first : EXACT_ROWS;
        TRY(exact_block(&job, gradient, error));
    }
    add_ridge_slope_exact(of, w, gradient);
    *value = sum_rows(of, of->row_values) + penalty(of, w);
    sum_bends(of);
done:
    memory_free(job.x);
    memory_free(job.z);
    memory_free(job.turned);
    return status;
}
