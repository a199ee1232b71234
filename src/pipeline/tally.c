/*
 * tally.c - rows through head_run, a block at a time.
 */
#include "pipeline/tally.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    TALLY_ROWS = 1024
};

typedef struct tally_job {
    const tally_question *asked;
    float *features, *logits; /* [TALLY_ROWS, ..] */
    double *standardised;     /* one row */
    prediction_tally found;
} tally_job;

size_t tally_best(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++) {
        best = logits[k] > logits[best] ? k : best;
    }
    return best;
}

static bool is_absent(const head *own, size_t k)
{
    return own->bias[k] <= TALLY_ABSENT_BIAS;
}

static double row_norm(const tally_job *job, const float *features)
{
    double sum = 0.0;
    training_set_standardise(job->asked->set, features, job->standardised);
    for (size_t j = 0; j < job->asked->rows->width; j++) {
        sum += job->standardised[j] * job->standardised[j];
    }
    return sqrt(sum);
}

static bool is_safe(const tally_job *job, const float *z, size_t best, const float *features)
{
    const head *own = job->asked->own;
    double second = -HUGE_VAL, largest = 0.0;
    for (size_t k = 0; k < own->classes; k++) {
        double value = (double)z[k];
        if (!is_absent(own, k)) {
            second = k != best && value > second ? value : second;
            largest = fabs(value) > largest ? fabs(value) : largest;
        }
    }
    double needed = certificate_margin(job->asked->proof, row_norm(job, features));
    return (double)z[best] - second > needed + 1e-5 * largest;
}

static void tally_row(tally_job *job, size_t row, size_t slot)
{
    const tally_question *asked = job->asked;
    const float *z = job->logits + slot * asked->own->classes;
    size_t best = tally_best(z, asked->own->classes);
    job->found.count++;
    if (asked->labels != NULL) {
        job->found.correct += asked->labels[row] == best ? 1 : 0;
        job->found.present += is_absent(asked->own, asked->labels[row]) ? 0 : 1;
    }
    if (asked->proof != NULL &&
        !is_safe(job, z, best, job->features + slot * asked->rows->width)) {
        job->found.unsafe++;
    }
}

static spur_status tally_block(tally_job *job, size_t first, size_t count, spur_error *error)
{
    spur_status status;
    const training_rows *rows = job->asked->rows;
    for (size_t i = 0; i < count; i++) {
        size_t row = rows->picked != NULL ? (size_t)rows->picked[first + i] : first + i;
        memcpy(job->features + i * rows->width, rows->features + row * rows->width,
               rows->width * sizeof(float));
    }
    TRY(head_run(job->asked->own, job->features, count, job->asked->threads, job->logits,
                 error));
    for (size_t i = 0; i < count; i++) {
        tally_row(job, first + i, i);
    }
done:
    return status;
}

spur_status tally_predictions(const tally_question *question, prediction_tally *out,
                              spur_error *error)
{
    spur_status status;
    tally_job job = {.asked = question};
    size_t width = question->rows->width, rows = question->rows->count;
    TRY(memory_new(TALLY_ROWS * width, sizeof(float), &job.features, error));
    TRY(memory_new(TALLY_ROWS * question->own->classes, sizeof(float), &job.logits, error));
    TRY(memory_new(width + 1, sizeof(double), &job.standardised, error));
    for (size_t first = 0; first < rows; first += TALLY_ROWS) {
        TRY(tally_block(&job, first, rows - first < TALLY_ROWS ? rows - first : TALLY_ROWS,
                        error));
    }
    *out = job.found;
done:
    memory_free(job.features);
    memory_free(job.logits);
    memory_free(job.standardised);
    return status;
}
