/*
 * score_recall.h - how a run was scored, read back from its settings, so that a later stage can
 * score other pictures the same way.
 */
#ifndef PIPELINE_SCORE_RECALL_H
#define PIPELINE_SCORE_RECALL_H

#include "pipeline/run.h"
#include "pipeline/scorer.h"

/* The run's detector from `path`, opened with the run's geometry. SPUR_DATASET when it is
 * another than the run's. */
spur_status score_recall_detector(const spur_run *run, const char *path, detector **out,
                                  spur_error *error) SPUR_MUST_USE;

/* The run's way of scoring with that detector; `queries` [classes, embedding] is allocated here
 * (memory_free). */
spur_status score_recall_task(const spur_run *run, const detector *model, scorer_task *out,
                              float **queries, spur_error *error) SPUR_MUST_USE;

#endif
