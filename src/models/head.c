/*
 * head.c - dot products of rows with the weights, in blocks of rows over threads.
 */
#include "models/head.h"

#include <stdint.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "nn/rows.h"

enum {
    BLOCK_ROWS = 24
};

spur_status head_make(size_t classes, size_t features, head *out, spur_error *error)
{
    spur_status status;
    head made = {.classes = classes, .features = features};
    size_t count;
    if (!size_mul(classes, features, &count)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new_zeroed(count, sizeof *made.weight, &made.weight, error));
    TRY(memory_new_zeroed(classes, sizeof *made.bias, &made.bias, error));
    *out = made;
    made = (head){0};
done:
    head_free(&made);
    return status;
}

void head_free(head *block)
{
    if (block != NULL) {
        memory_free(block->weight);
        memory_free(block->bias);
        *block = (head){0};
    }
}

typedef struct head_job {
    const head *from;
    const float *features;
    size_t rows;
    float *logits;
} head_job;

static spur_status run_block(void *context, size_t worker, size_t item, spur_error *error)
{
    const head_job *job = context;
    const head *from = job->from;
    size_t first = item * BLOCK_ROWS, classes = from->classes;
    size_t count = job->rows - first < BLOCK_ROWS ? job->rows - first : BLOCK_ROWS;
    float *logits = job->logits + first * classes;
    (void)worker;
    (void)error;
    rows_dot(job->features + first * from->features, from->features, count, from->weight,
             from->features, classes, from->features, logits, classes);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < classes; k++) {
            logits[i * classes + k] += from->bias[k];
        }
    }
    return SPUR_OK;
}

spur_status head_run(const head *from, const float *features, size_t rows, size_t threads,
                     float *logits, spur_error *error)
{
    head_job job = {from, features, rows, logits};
    return parallel_for(threads > 0 ? threads : parallel_processors(),
                        (rows + BLOCK_ROWS - 1) / BLOCK_ROWS, run_block, &job, error);
}
