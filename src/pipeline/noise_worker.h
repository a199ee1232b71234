/*
 * noise_worker.h - images to outcomes: every variant once through the network, every head on
 * the same features.
 */
#ifndef PIPELINE_NOISE_WORKER_H
#define PIPELINE_NOISE_WORKER_H

#include "pipeline/experiment.h"
#include "pipeline/judged_head.h"
#include "pipeline/noise_object.h"
#include "pipeline/noise_plan.h"
#include "pipeline/row_picture.h"

/* What all workers share. */
typedef struct noise_task {
    const noise_plan *plan;
    const feature_network *network;
    const judged_head *heads;
    size_t head_count;
    row_source source;
    noise_way way; /* of finding the object */
} noise_task;

typedef struct noise_worker noise_worker;
spur_status noise_worker_new(const noise_task *task, noise_worker **out,
                             spur_error *error) SPUR_MUST_USE;
void noise_worker_free(noise_worker *block);

/* Fills the outcomes of a block; see noise_plan.h for the bytes. */
spur_status noise_worker_run(noise_worker *with, experiment_block *block,
                             const atomic_bool *cancelled, spur_error *error) SPUR_MUST_USE;

#endif
