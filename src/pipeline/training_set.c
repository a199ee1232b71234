/*
 * training_set.c - means, deviations and the standardised copy of training rows.
 *
 * mean_j = sum_i x_ij / n, deviation_j = sqrt(sum_i (x_ij - mean_j)^2 / n), each summed by one
 * thread in row order. A column of one value has deviation exactly 0 (its mean is that value)
 * and contributes nothing.
 */
#include "pipeline/training_set.h"

#include <math.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    COLUMNS = 64, /* summed together */
    ROW_PADDING = 16
};

static const float *row_of(const training_rows *rows, size_t i)
{
    return rows->features + (rows->picked != NULL ? rows->picked[i] : i) * rows->width;
}

/* ---- statistics ------------------------------------------------------------------------- */

static bool is_constant(const training_rows *rows, size_t column)
{
    float first = row_of(rows, 0)[column];
    for (size_t i = 1; i < rows->count; i++) {
        if (row_of(rows, i)[column] < first || row_of(rows, i)[column] > first) {
            return false;
        }
    }
    return true;
}

static spur_status measure_columns(void *context, size_t worker, size_t item, spur_error *error)
{
    training_set *set = context;
    const training_rows *rows = &set->rows;
    size_t from = item * COLUMNS;
    size_t count = rows->width - from < COLUMNS ? rows->width - from : COLUMNS;
    double sum[COLUMNS] = {0}, squares[COLUMNS] = {0};
    (void)worker;
    (void)error;
    for (size_t i = 0; i < rows->count; i++) {
        const float *x = row_of(rows, i) + from;
        for (size_t j = 0; j < count; j++) {
            sum[j] += (double)x[j];
        }
    }
    for (size_t j = 0; j < count; j++) {
        sum[j] /= (double)rows->count;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const float *x = row_of(rows, i) + from;
        for (size_t j = 0; j < count; j++) {
            double away = (double)x[j] - sum[j];
            squares[j] += away * away;
        }
    }
    for (size_t j = 0; j < count; j++) {
        bool is_flat = is_constant(rows, from + j);
        double deviation = is_flat ? 0.0 : sqrt(squares[j] / (double)rows->count);
        set->mean[from + j] = is_flat ? (double)row_of(rows, 0)[from + j] : sum[j];
        set->deviation[from + j] = deviation;
        set->inverse[from + j] = deviation > 0.0 ? 1.0 / deviation : 0.0;
    }
    return SPUR_OK;
}

static spur_status check_rows(void *context, size_t worker, size_t item, spur_error *error)
{
    const training_set *set = context;
    const float *x = row_of(&set->rows, item);
    (void)worker;
    for (size_t j = 0; j < set->rows.width; j++) {
        if (!isfinite(x[j])) {
            return error_set(error, SPUR_DATASET, "features: row %zu holds %g in column %zu",
                             set->rows.picked != NULL ? (size_t)set->rows.picked[item] : item,
                             (double)x[j], j);
        }
    }
    return SPUR_OK;
}

/* ---- the copy --------------------------------------------------------------------------- */

void training_set_standardise(const training_set *from, const float *features, double *dst)
{
    size_t width = from->rows.width;
    for (size_t j = 0; j < width; j++) {
        dst[j] = ((double)features[j] - from->mean[j]) * from->inverse[j];
    }
    dst[width] = 1.0;
}

void training_set_row(const training_set *from, size_t i, double *dst)
{
    training_set_standardise(from, row_of(&from->rows, i), dst);
}

typedef struct copy_job {
    training_set *set;
    double *norms; /* [count] ||x||^2 of the features */
} copy_job;

static spur_status copy_row(void *context, size_t worker, size_t item, spur_error *error)
{
    const copy_job *job = context;
    const training_set *set = job->set;
    const float *src = row_of(&set->rows, item);
    float *dst = set->x + item * set->stride;
    size_t width = set->rows.width;
    double norm = 0.0;
    (void)worker;
    (void)error;
    for (size_t j = 0; j < width; j++) {
        double value = ((double)src[j] - set->mean[j]) * set->inverse[j];
        norm += value * value;
        dst[j] = (float)value;
    }
    dst[width] = 1.0F;
    job->norms[item] = norm;
    return SPUR_OK;
}

static spur_status copy_rows(training_set *set, size_t threads, spur_error *error)
{
    spur_status status;
    copy_job job = {set, NULL};
    TRY(memory_new(set->rows.count, sizeof(double), &job.norms, error));
    TRY(parallel_for(threads, set->rows.count, copy_row, &job, error));
    double sum = 0.0, most = 0.0;
    for (size_t i = 0; i < set->rows.count; i++) {
        sum += job.norms[i];
        most = job.norms[i] > most ? job.norms[i] : most;
    }
    set->square_mean = sum / (double)set->rows.count;
    set->norm_most = sqrt(most);
done:
    memory_free(job.norms);
    return status;
}

static void keep_raw(training_set *set)
{
    for (size_t j = 0; j < set->rows.width; j++) {
        set->mean[j] = 0.0;
        set->deviation[j] = 1.0;
        set->inverse[j] = 1.0;
    }
}

/* A stride that is no multiple of 4 KiB: such rows would share a set of the cache. */
static size_t stride_for(size_t width)
{
    size_t stride = (width + 1 + ROW_PADDING - 1) / ROW_PADDING * ROW_PADDING;
    return stride % 1024 == 0 ? stride + ROW_PADDING : stride;
}

spur_status training_set_make(const training_rows *rows, bool standardise, matrix_team *team,
                              training_set *out, spur_error *error)
{
    spur_status status;
    size_t threads = matrix_team_threads(team), cells;
    training_set made = {.rows = *rows, .stride = stride_for(rows->width)};
    made.padded = (rows->count + TRAINING_BLOCK - 1) / TRAINING_BLOCK * TRAINING_BLOCK;
    if (rows->count == 0 || rows->width == 0) {
        FAIL(SPUR_DATASET, "features: %zu rows of %zu numbers are nothing to train on",
             rows->count, rows->width);
    }
    if (!size_mul(made.padded, made.stride, &cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(rows->width, sizeof(double), &made.mean, error));
    TRY(memory_new(rows->width, sizeof(double), &made.deviation, error));
    TRY(memory_new(rows->width, sizeof(double), &made.inverse, error));
    TRY(memory_new_zeroed(cells, sizeof(float), &made.x, error));
    TRY(parallel_for(threads, rows->count, check_rows, &made, error));
    if (standardise) {
        TRY(parallel_for(threads, (rows->width + COLUMNS - 1) / COLUMNS, measure_columns, &made,
                         error));
    } else {
        keep_raw(&made);
    }
    TRY(copy_rows(&made, threads, error));
    *out = made;
    made = (training_set){0};
done:
    training_set_free(&made);
    return status;
}

void training_set_free(training_set *block)
{
    if (block != NULL) {
        memory_free(block->mean);
        memory_free(block->deviation);
        memory_free(block->inverse);
        memory_free(block->x);
        *block = (training_set){0};
    }
}
