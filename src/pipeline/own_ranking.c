/*
 * own_ranking.c - loss and margin of the label under a model's own last layer.
 */
#include "pipeline/own_ranking.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/features.h"

enum {
    CHUNK_ROWS = 1024
};

void own_ranking_free(own_ranking *block)
{
    if (block != NULL) {
        memory_free(block->loss);
        memory_free(block->margin);
        *block = (own_ranking){0, NULL, NULL};
    }
}

static spur_status find_original(const spur_run *run, const char *backbone,
                                 const head_list *heads, judged_head *out, spur_error *error)
{
    const store_backbone *all = NULL;
    size_t count = 0;
    spur_status status = store_get_backbones(run->db, &all, &count);
    for (size_t i = 0; status == SPUR_OK && i < count; i++) {
        if (strcmp(all[i].name, backbone) == 0 && heads->count > 0 &&
            strcmp(heads->heads[0].name, HEAD_ORIGINAL) == 0) {
            return judged_head_open(run, &all[i], &heads->heads[0], out, error);
        }
    }
    return status != SPUR_OK
               ? status
               : error_set(error, SPUR_DATASET, "%s: backbone %s has no last layer of its own",
                           run->folder, backbone);
}

/* log sum exp(logit - label's) and the label's logit minus the largest other, in double, in the
 * order of the outputs. */
static void judge(const float *logits, size_t outputs, size_t label, double *loss,
                  double *margin)
{
    double largest = (double)logits[0], other = -(double)INFINITY, sum = 0;
    for (size_t j = 0; j < outputs; j++) {
        largest = fmax(largest, (double)logits[j]);
        other = j == label ? other : fmax(other, (double)logits[j]);
    }
    for (size_t j = 0; j < outputs; j++) {
        sum += exp((double)logits[j] - largest);
    }
    /* At least 1: the largest adds exp(0). */
    *loss = log(fmax(sum, 1)) + largest - (double)logits[label];
    *margin = (double)logits[label] - other;
}

typedef struct own_job {
    const judged_head *by;
    const feature_matrix *features;
    const uint32_t *class_index;
    float *logits; /* [CHUNK_ROWS, outputs] */
    size_t threads;
} own_job;

static spur_status judge_chunk(const own_job *job, size_t first, own_ranking *into,
                               spur_error *error)
{
    const head *own = job->by->own;
    size_t left = into->rows - first, count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
    spur_status status = head_run(own, job->features->values + first * job->features->width,
                                  count, job->threads, job->logits, error);
    for (size_t i = 0; status == SPUR_OK && i < count; i++) {
        size_t row = first + i;
        uint32_t class_index = job->class_index[row];
        uint32_t label =
            class_index < job->by->class_count ? job->by->output_of[class_index] : UINT32_MAX;
        if (job->features->valid[row] != 0 && label < own->classes) {
            judge(job->logits + i * own->classes, own->classes, label, &into->loss[row],
                  &into->margin[row]);
        }
    }
    return status;
}

spur_status own_ranking_make(const spur_run *run, const char *backbone, const char *split,
                             const uint32_t *class_index, size_t threads, own_ranking *out,
                             spur_error *error)
{
    spur_status status;
    head_list heads = {NULL, 0, NULL};
    judged_head by;
    feature_matrix features = {.rows = 0};
    own_ranking made = {0, NULL, NULL};
    own_job job = {&by, &features, class_index, NULL, threads};
    memset(&by, 0, sizeof by);
    TRY(head_list_make(run, backbone, &heads, error));
    TRY(find_original(run, backbone, &heads, &by, error));
    TRY(features_load(run, backbone, split, &features, error));
    made.rows = features.rows;
    TRY(memory_new(made.rows, sizeof *made.loss, &made.loss, error));
    TRY(memory_new(made.rows, sizeof *made.margin, &made.margin, error));
    for (size_t i = 0; i < made.rows; i++) {
        made.loss[i] = made.margin[i] = (double)NAN;
    }
    TRY(memory_new(CHUNK_ROWS, by.own->classes * sizeof *job.logits, &job.logits, error));
    for (size_t first = 0; first < made.rows; first += CHUNK_ROWS) {
        TRY(judge_chunk(&job, first, &made, error));
    }
    *out = made;
    made = (own_ranking){0, NULL, NULL};
done:
    memory_free(job.logits);
    own_ranking_free(&made);
    feature_matrix_free(&features);
    judged_head_close(&by);
    head_list_free(&heads);
    return status;
}
