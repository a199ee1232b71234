/*
 * training_set.c - means, deviations and the standardised copy of training rows.
 *
 * mean_j = sum_i x_ij / n, deviation_j = sqrt(sum_i (x_ij - mean_j)^2 / n), in double, in an
 * order that no number of threads changes. A column of one value has deviation exactly 0 (its
 * mean is that value) and contributes nothing.
 */
#include "pipeline/training_set.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    PARTS = 64,
    ROW_PADDING = 16
};

static const float *row_of(const training_rows *rows, size_t i)
{
    return rows->features + (rows->picked != NULL ? rows->picked[i] : i) * rows->width;
}

/* ---- statistics ------------------------------------------------------------------------- */

/* Rows are cut into PARTS, each summed by one thread; parts are added up in order. */
typedef struct measure_job {
    training_set *set;
    double *sums;          /* [PARTS, width] */
    unsigned char *varies; /* [PARTS, width]: some value is not the first row's */
} measure_job;

typedef struct part_range {
    size_t first, end;
} part_range;

static part_range part_of(const training_rows *rows, size_t part)
{
    size_t share = (rows->count + PARTS - 1) / PARTS, first = part * share;
    first = first < rows->count ? first : rows->count;
    return (part_range){first, rows->count - first < share ? rows->count : first + share};
}

static spur_status check_row(const training_rows *rows, size_t i, spur_error *error)
{
    const float *x = row_of(rows, i);
    for (size_t j = 0; j < rows->width; j++) {
        if (!isfinite(x[j])) {
            return error_set(error, SPUR_DATASET, "features: row %zu holds %g in column %zu",
                             rows->picked != NULL ? (size_t)rows->picked[i] : i, (double)x[j],
                             j);
        }
    }
    return SPUR_OK;
}

static spur_status sum_part(void *context, size_t worker, size_t item, spur_error *error)
{
    spur_status status = SPUR_OK;
    const measure_job *job = context;
    const training_rows *rows = &job->set->rows;
    part_range part = part_of(rows, item);
    double *sum = job->sums + item * rows->width;
    unsigned char *varies = job->varies + item * rows->width;
    const float *first = row_of(rows, 0);
    (void)worker;
    for (size_t i = part.first; i < part.end; i++) {
        const float *x = row_of(rows, i);
        TRY(check_row(rows, i, error));
        for (size_t j = 0; j < rows->width; j++) {
            sum[j] += (double)x[j];
            varies[j] |= (unsigned char)((x[j] < first[j]) | (x[j] > first[j]));
        }
    }
done:
    return status;
}

static spur_status square_part(void *context, size_t worker, size_t item, spur_error *error)
{
    const measure_job *job = context;
    const training_rows *rows = &job->set->rows;
    const double *mean = job->set->mean;
    part_range part = part_of(rows, item);
    double *sum = job->sums + item * rows->width;
    (void)worker;
    (void)error;
    for (size_t i = part.first; i < part.end; i++) {
        const float *x = row_of(rows, i);
        for (size_t j = 0; j < rows->width; j++) {
            double away = (double)x[j] - mean[j];
            sum[j] += away * away;
        }
    }
    return SPUR_OK;
}

/* dst[j] = mean over rows of what the parts have summed, and the parts begin anew. */
static void take_means(const measure_job *job, double *dst)
{
    size_t width = job->set->rows.width;
    for (size_t j = 0; j < width; j++) {
        double sum = 0.0;
        for (size_t part = 0; part < PARTS; part++) {
            sum += job->sums[part * width + j];
            job->sums[part * width + j] = 0.0;
        }
        dst[j] = sum / (double)job->set->rows.count;
    }
}

static bool is_constant(const measure_job *job, size_t column)
{
    unsigned varies = 0;
    for (size_t part = 0; part < PARTS; part++) {
        varies |= job->varies[part * job->set->rows.width + column];
    }
    return varies == 0;
}

static void keep_raw(training_set *set)
{
    for (size_t j = 0; j < set->rows.width; j++) {
        set->mean[j] = 0.0;
        set->deviation[j] = 1.0;
        set->inverse[j] = 1.0;
    }
}

static spur_status measure_columns(training_set *set, bool standardise, size_t threads,
                                   spur_error *error)
{
    spur_status status;
    measure_job job = {.set = set};
    size_t width = set->rows.width;
    TRY(memory_new_zeroed(PARTS * width, sizeof(double), &job.sums, error));
    TRY(memory_new_zeroed(PARTS * width, 1, &job.varies, error));
    TRY(parallel_for(threads, PARTS, sum_part, &job, error));
    if (!standardise) {
        keep_raw(set);
        goto done;
    }
    take_means(&job, set->mean);
    TRY(parallel_for(threads, PARTS, square_part, &job, error));
    take_means(&job, set->deviation);
    for (size_t j = 0; j < width; j++) {
        bool is_flat = is_constant(&job, j);
        set->mean[j] = is_flat ? (double)row_of(&set->rows, 0)[j] : set->mean[j];
        set->deviation[j] = is_flat ? 0.0 : sqrt(set->deviation[j]);
        set->inverse[j] = set->deviation[j] > 0.0 ? 1.0 / set->deviation[j] : 0.0;
    }
done:
    memory_free(job.sums);
    memory_free(job.varies);
    return status;
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
    memset(dst + width + 1, 0, (set->stride - width - 1) * sizeof *dst);
    job->norms[item] = norm;
    return SPUR_OK;
}

static spur_status copy_rows(training_set *set, size_t threads, spur_error *error)
{
    spur_status status;
    copy_job job = {set, NULL};
    TRY(memory_new(set->rows.count, sizeof(double), &job.norms, error));
    TRY(parallel_for(threads, set->rows.count, copy_row, &job, error));
    memset(set->x + set->rows.count * set->stride, 0,
           (set->padded - set->rows.count) * set->stride * sizeof *set->x);
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
    training_set made = {
        .rows = *rows, .is_raw = !standardise, .stride = stride_for(rows->width)};
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
    TRY(memory_new(cells, sizeof(float), &made.x, error));
    TRY(measure_columns(&made, standardise, threads, error));
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
