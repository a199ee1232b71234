/*
 * tally.c - rows through head_run, blocks of them on every thread.
 */
#include "pipeline/tally.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    TALLY_ROWS = 24
};

/* What one thread works with. */
typedef struct tally_lane {
    float *features, *logits; /* [TALLY_ROWS, ..] */
    double *standardised;     /* one row */
    prediction_tally found;
} tally_lane;

typedef struct tally_job {
    const tally_question *asked;
    tally_lane *lanes; /* [threads] */
    size_t threads;
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

static double row_norm(const tally_question *asked, const float *features, double *standardised)
{
    double sum = 0.0;
    training_set_standardise(asked->set, features, standardised);
    for (size_t j = 0; j < asked->rows->width; j++) {
        sum += standardised[j] * standardised[j];
    }
    return sqrt(sum);
}

/* norm: of the standardised row. */
static bool is_safe(const tally_question *asked, const float *z, size_t best, double norm)
{
    double second = -HUGE_VAL, largest = 0.0;
    for (size_t k = 0; k < asked->own->classes; k++) {
        double value = (double)z[k];
        if (!is_absent(asked->own, k)) {
            second = k != best && value > second ? value : second;
            largest = fabs(value) > largest ? fabs(value) : largest;
        }
    }
    double needed = certificate_margin(asked->proof, norm);
    return (double)z[best] - second > needed + 1e-5 * largest;
}

static void tally_row(const tally_question *asked, tally_lane *lane, size_t row, size_t slot)
{
    const float *z = lane->logits + slot * asked->own->classes;
    const float *features = lane->features + slot * asked->rows->width;
    size_t best = tally_best(z, asked->own->classes);
    lane->found.count++;
    if (asked->labels != NULL) {
        lane->found.correct += asked->labels[row] == best ? 1 : 0;
        lane->found.present += is_absent(asked->own, asked->labels[row]) ? 0 : 1;
    }
    if (asked->proof != NULL &&
        !is_safe(asked, z, best, row_norm(asked, features, lane->standardised))) {
        lane->found.unsafe++;
    }
}

static spur_status tally_block(void *context, size_t worker, size_t item, spur_error *error)
{
    spur_status status;
    const tally_job *job = context;
    const training_rows *rows = job->asked->rows;
    tally_lane *lane = &job->lanes[worker];
    size_t first = item * TALLY_ROWS;
    size_t count = rows->count - first < TALLY_ROWS ? rows->count - first : TALLY_ROWS;
    for (size_t i = 0; i < count; i++) {
        size_t row = rows->picked != NULL ? (size_t)rows->picked[first + i] : first + i;
        memcpy(lane->features + i * rows->width, rows->features + row * rows->width,
               rows->width * sizeof(float));
    }
    TRY(head_run(job->asked->own, lane->features, count, 1, lane->logits, error));
    for (size_t i = 0; i < count; i++) {
        tally_row(job->asked, lane, first + i, i);
    }
done:
    return status;
}

static spur_status job_open(tally_job *made, spur_error *error)
{
    spur_status status;
    const tally_question *asked = made->asked;
    size_t width = asked->rows->width;
    TRY(memory_new_zeroed(made->threads, sizeof *made->lanes, &made->lanes, error));
    for (size_t i = 0; i < made->threads; i++) {
        tally_lane *lane = &made->lanes[i];
        TRY(memory_new(TALLY_ROWS * width, sizeof(float), &lane->features, error));
        TRY(memory_new(TALLY_ROWS * asked->own->classes, sizeof(float), &lane->logits, error));
        TRY(memory_new(width + 1, sizeof(double), &lane->standardised, error));
    }
done:
    return status;
}

static void job_close(tally_job *block)
{
    for (size_t i = 0; block->lanes != NULL && i < block->threads; i++) {
        memory_free(block->lanes[i].features);
        memory_free(block->lanes[i].logits);
        memory_free(block->lanes[i].standardised);
    }
    memory_free(block->lanes);
}

spur_status tally_predictions(const tally_question *question, prediction_tally *out,
                              spur_error *error)
{
    spur_status status;
    tally_job job = {.asked = question,
                     .threads =
                         question->threads > 0 ? question->threads : parallel_processors()};
    prediction_tally found = {0};
    size_t blocks = (question->rows->count + TALLY_ROWS - 1) / TALLY_ROWS;
    TRY(job_open(&job, error));
    TRY(parallel_for(job.threads, blocks, tally_block, &job, error));
    for (size_t i = 0; i < job.threads; i++) {
        found.count += job.lanes[i].found.count;
        found.present += job.lanes[i].found.present;
        found.correct += job.lanes[i].found.correct;
        found.unsafe += job.lanes[i].found.unsafe;
    }
    *out = found;
done:
    job_close(&job);
    return status;
}
