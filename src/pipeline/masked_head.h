/*
 * masked_head.h - heads asked for the best among some of the run's classes only, as for sets
 * that have only some of them.
 *
 * Outputs of other classes, and those that stand for none of the run, do not compete.
 */
#ifndef PIPELINE_MASKED_HEAD_H
#define PIPELINE_MASKED_HEAD_H

#include "pipeline/evaluation_rows.h"
#include "pipeline/judged_head.h"

/* True when the largest logit among the classes with mask 1 is that of `wanted`; of equals the
 * first output wins. */
bool masked_is_right(const judged_head *with, const float *logits, uint32_t wanted,
                     const unsigned char *mask);

typedef struct masked_request {
    spur_run *run;
    const store_backbone *backbone;
    const evaluation_rows *rows;
    const unsigned char *mask; /* [class_count] */
    const judged_head *heads;
    size_t head_count;
    size_t threads;
    const spur_monitor *monitor;
} masked_request;

/* flags [head_count, rows->count]: PREDICTION_VALID for images with features and a class in the
 * mask, with PREDICTION_CORRECT when it is right; free with memory_free. */
spur_status masked_judge(const masked_request *request, unsigned char **flags,
                         spur_error *error) SPUR_MUST_USE;

#endif
