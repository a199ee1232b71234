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
    TRY(memory_new_zeroed(set->padded, sizeof(double), &made.row_values, error));
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
        memory_free(block->row_values);
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
    for (size_t i = 0; i < of->size; i++) {
        double away = weight_away(of, w, i);
        bool is_bias = i % of->width == of->width - 1;
        ridge += is_bias ? 0.0 : away * away;
        lasso += is_bias && of->is.spares_bias ? 0.0 : fabs(w[i]);
    }
    return 0.5 * of->is.ridge * ridge + of->is.lasso * lasso;
}

/* gradient[i] += ridge (w - centre)[i], biases excepted. */
static double ridge_slope(const objective *of, const double *w, size_t i)
{
    return i % of->width == of->width - 1 ? 0.0 : of->is.ridge * weight_away(of, w, i);
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

/* dst [classes, width] = src^T X */
static spur_status to_weights(objective *of, const float *src, float *dst, spur_error *error)
{
    const matrix_result into = {.single = dst, .stride = of->width, .scale = 1.0};
    matrix left = matrix_of(src, of->set->rows.count, of->is.classes, of->stride);
    return matrix_multiply(of->team, matrix_turned(left), rows_matrix(of), &into, error);
}

/* One block of rows: logits to probabilities, weighted residuals and values. */
static spur_status lose_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    objective *of = context;
    size_t end = (item + 1) * TRAINING_BLOCK, classes = of->is.classes;
    end = end < of->set->rows.count ? end : of->set->rows.count;
    (void)worker;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < end; i++) {
        float *p = of->probability + i * of->stride, *r = of->working + i * of->stride;
        double weight = of->is.coefficient[i];
        of->row_values[i] = weight * of->is.kind->row(p, classes, of->is.labels[i], r);
        for (size_t k = 0; k < classes; k++) {
            r[k] *= (float)weight;
        }
    }
    return SPUR_OK;
}

static spur_status curve_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    objective *of = context;
    size_t end = (item + 1) * TRAINING_BLOCK, classes = of->is.classes;
    end = end < of->set->rows.count ? end : of->set->rows.count;
    (void)worker;
    (void)error;
    for (size_t i = item * TRAINING_BLOCK; i < end; i++) {
        float *u = of->working + i * of->stride, weight = (float)of->is.coefficient[i];
        of->is.kind->curve_row(of->probability + i * of->stride, classes, u);
        for (size_t k = 0; k < classes; k++) {
            u[k] *= weight;
        }
    }
    return SPUR_OK;
}

static spur_status for_blocks(objective *of, parallel_work work, spur_error *error)
{
    return parallel_for(matrix_team_threads(of->team), of->set->padded / TRAINING_BLOCK, work,
                        of, error);
}

spur_status objective_evaluate(objective *of, const double *w, double *value, float *gradient,
                               spur_error *error)
{
    spur_status status;
    double sum = 0.0;
    for (size_t i = 0; i < of->size; i++) {
        of->single[i] = (float)w[i];
    }
    TRY(to_logits(of, of->single, of->probability, error));
    TRY(for_blocks(of, lose_rows, error));
    for (size_t i = 0; i < of->set->rows.count; i++) {
        sum += of->row_values[i];
    }
    if (gradient != NULL) {
        TRY(to_weights(of, of->working, gradient, error));
        for (size_t i = 0; i < of->size; i++) {
            gradient[i] = (float)((double)gradient[i] + ridge_slope(of, w, i));
        }
    }
    *value = sum + penalty(of, w);
    of->curvature = 0.0;
    for (size_t i = 0; i < of->set->rows.count; i++) {
        of->curvature +=
            of->is.coefficient[i] *
            of->is.kind->curvature(of->probability + i * of->stride, of->is.classes);
    }
done:
    return status;
}

spur_status objective_curve(objective *of, const float *v, float *product, spur_error *error)
{
    spur_status status;
    TRY(to_logits(of, v, of->working, error));
    TRY(for_blocks(of, curve_rows, error));
    TRY(to_weights(of, of->working, product, error));
    for (size_t i = 0; i < of->size; i++) {
        double ridge = i % of->width == of->width - 1 ? 0.0 : of->is.ridge;
        product[i] = (float)((double)product[i] + ridge * (double)v[i]);
    }
done:
    return status;
}

spur_status objective_pair_weights(objective *of, double *dst, spur_error *error)
{
    size_t classes = of->is.classes, rows = of->set->rows.count;
    const matrix_result into = {.wide = dst, .stride = classes, .scale = 1.0};
    for (size_t i = 0; i < rows; i++) {
        const float *p = of->probability + i * of->stride;
        float *weighted = of->working + i * of->stride, by = (float)of->is.coefficient[i];
        for (size_t k = 0; k < classes; k++) {
            weighted[k] = by * p[k];
        }
    }
    matrix left = matrix_turned(matrix_of(of->working, rows, classes, of->stride));
    return matrix_multiply(of->team, left,
                           matrix_of(of->probability, rows, classes, of->stride), &into, error);
}

/* ---- double ----------------------------------------------------------------------------- */

typedef struct exact_job {
    objective *of;
    size_t first, count;
    double *x, *z; /* [EXACT_ROWS, width], [EXACT_ROWS, classes] */
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
    const objective *of = job->of;
    size_t i = job->first + item, classes = of->is.classes;
    double *z = job->z + item * classes, weight = of->is.coefficient[i];
    (void)worker;
    (void)error;
    of->row_values[i] = weight * of->is.kind->row_exact(z, classes, of->is.labels[i]);
    for (size_t k = 0; k < classes; k++) {
        z[k] *= weight;
    }
    return SPUR_OK;
}

static spur_status exact_block(exact_job *job, const double *w, double *gradient,
                               spur_error *error)
{
    spur_status status;
    const objective *of = job->of;
    size_t threads = matrix_team_threads(of->team), classes = of->is.classes;
    size_t width = of->width;
    const matrix_double logits = {job->count, classes, width, job->x, w,      width,
                                  1,          1,       width, job->z, classes};
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
    memset(gradient, 0, of->size * sizeof *gradient);
    for (job.first = 0; job.first < rows; job.first += EXACT_ROWS) {
        job.count = rows - job.first < EXACT_ROWS ? rows - job.first : EXACT_ROWS;
        TRY(exact_block(&job, w, gradient, error));
    }
    double sum = 0.0;
    for (size_t i = 0; i < rows; i++) {
        sum += of->row_values[i];
    }
    for (size_t i = 0; i < of->size; i++) {
        gradient[i] += ridge_slope(of, w, i);
    }
    *value = sum + penalty(of, w);
done:
    memory_free(job.x);
    memory_free(job.z);
    return status;
}
