/*
 * preconditioner.c - see preconditioner.h.
 */
#include "pipeline/preconditioner.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "pipeline/parameters.h"

/* How far c falls at once: a step too far can leave no curvature for a moment. */
#define FALL_MOST 0.25
/* By how much of itself c may be off: near the end it hardly moves. */
#define NEAR_ENOUGH 0.02

/* ---- means of the classes ---------------------------------------------------------------- */

/* Rows sorted by class: those of class k are rows[first[k]] .. rows[first[k + 1] - 1]. */
typedef struct mean_job {
    const objective *of;
    float *means;
    size_t *first; /* [classes + 1] */
    uint32_t *rows;
    double *sums; /* [threads, width] */
} mean_job;

static void mean_job_close(mean_job *block)
{
    memory_free(block->first);
    memory_free(block->rows);
    memory_free(block->sums);
}

static spur_status mean_job_open(mean_job *on, spur_error *error)
{
    spur_status status;
    const objective *of = on->of;
    size_t count = of->set->rows.count, classes = of->is.classes;
    if (count > UINT32_MAX) {
        FAIL(SPUR_RESOURCE, "%zu rows are more than a head can be trained on", count);
    }
    TRY(memory_new_zeroed(classes + 2, sizeof *on->first, &on->first, error));
    TRY(memory_new(count, sizeof *on->rows, &on->rows, error));
    TRY(memory_new(matrix_team_threads(of->team) * of->width, sizeof *on->sums, &on->sums,
                   error));
    for (size_t i = 0; i < count; i++) {
        on->first[of->is.labels[i] + 2]++;
    }
    for (size_t k = 2; k <= classes; k++) {
        on->first[k] += on->first[k - 1];
    }
    for (size_t i = 0; i < count; i++) { /* first[k + 1] walks from k's first row to its end */
        on->rows[on->first[of->is.labels[i] + 1]++] = (uint32_t)i;
    }
done:
    return status;
}

static spur_status find_mean(void *context, size_t worker, size_t item, spur_error *error)
{
    const mean_job *job = context;
    const objective *of = job->of;
    double *sum = job->sums + worker * of->width, whole = 0.0;
    float *mean = job->means + item * of->width;
    (void)error;
    memset(sum, 0, of->width * sizeof *sum);
    for (size_t at = job->first[item]; at < job->first[item + 1]; at++) {
        const float *x = of->set->x + job->rows[at] * of->set->stride;
        double a = of->is.coefficient[job->rows[at]];
        whole += a;
        for (size_t j = 0; j < of->width; j++) {
            sum[j] += a * (double)x[j];
        }
    }
    for (size_t j = 0; j < of->width; j++) {
        mean[j] = whole > 0.0 ? (float)(sum[j] / whole) : 0.0F;
    }
    return SPUR_OK;
}

static spur_status find_means(const objective *of, float *means, spur_error *error)
{
    spur_status status;
    mean_job job = {.of = of, .means = means};
    TRY(mean_job_open(&job, error));
    TRY(parallel_for(matrix_team_threads(of->team), of->is.classes, find_mean, &job, error));
done:
    mean_job_close(&job);
    return status;
}

/* ---- opening ---------------------------------------------------------------------------- */

spur_status preconditioner_open(curvature *base, const objective *of, preconditioner *out,
                                spur_error *error)
{
    spur_status status;
    preconditioner made = {.base = base, .of = of, .by = {.c = -1.0}}; /* c: none yet */
    TRY(memory_new(of->size, sizeof(float), &made.means, error));
    TRY(memory_new(of->size, sizeof(float), &made.solved, error));
    TRY(memory_new(of->is.classes, sizeof(double), &made.reach, error));
    TRY(find_means(of, made.means, error));
    *out = made;
    made = (preconditioner){0};
done:
    preconditioner_close(&made);
    return status;
}

void preconditioner_close(preconditioner *block)
{
    if (block != NULL) {
        memory_free(block->means);
        memory_free(block->solved);
        memory_free(block->reach);
        *block = (preconditioner){0};
    }
}

spur_status preconditioner_follow(preconditioner *of, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t width = of->of->width;
    double least = FALL_MOST * of->by.c, c = of->of->curvature;
    c = c > least ? c : least;
    if (fabs(c - of->by.c) <= NEAR_ENOUGH * c) {
        return SPUR_OK;
    }
    of->by = (curvature_scale){c, of->of->is.ridge};
    TRY(curvature_solve(of->base, of->by, of->means, of->of->is.classes, of->solved, error));
    for (size_t k = 0; k < of->of->is.classes; k++) {
        of->reach[k] = parameters_dot(of->means + k * width, of->solved + k * width, width);
    }
done:
    return status;
}

spur_status preconditioner_solve(const preconditioner *of, const float *v, float *dst,
                                 spur_error *error)
{
    spur_status status;
    size_t width = of->of->width;
    TRY(curvature_solve(of->base, of->by, v, of->of->is.classes, dst, error));
    for (size_t k = 0; k < of->of->is.classes; k++) {
        const float *solved = of->solved + k * width;
        double s = of->of->own_bends[k];
        double share =
            s * parameters_dot(solved, v + k * width, width) / (1.0 + s * of->reach[k]);
        parameters_add(dst + k * width, -share, solved, width);
    }
done:
    return status;
}
