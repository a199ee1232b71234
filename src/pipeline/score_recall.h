/*
 * score_recall.h - how a run was scored, read back from its settings, so that a later stage can
 * score other pictures the same way.
 */
#ifndef PIPELINE_SCORE_RECALL_H
#define PIPELINE_SCORE_RECALL_H

#include "base/digest.h"
#include "pipeline/run.h"
#include "pipeline/scorer.h"

/* The run's detector, without its text tower, and its way of scoring. */
typedef struct score_recall {
    detector *model;
    float *queries; /* [classes, embedding] */
    scorer_task task;
} score_recall;

/* The detector is opened from `path` with the run's geometry. SPUR_DATASET when it is another
 * than the run's. */
spur_status score_recall_open(const spur_run *run, const char *path, score_recall *out,
                              spur_error *error) SPUR_MUST_USE;
void score_recall_close(score_recall *block);

/* Adds the settings that decide the run's scores. */
spur_status score_recall_digest(const spur_run *run, digest *into,
                                spur_error *error) SPUR_MUST_USE;

#endif
