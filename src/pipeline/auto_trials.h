/*
 * auto_trials.h - every candidate with every C, judged on images it was not trained on.
 */
#ifndef PIPELINE_AUTO_TRIALS_H
#define PIPELINE_AUTO_TRIALS_H

#include "pipeline/auto_pool.h"
#include "pipeline/recipe.h"

typedef struct auto_job {
    const auto_pool *pool;
    const float *features; /* [split rows, width] */
    size_t width;
    const auto_candidate *candidates;
    size_t candidate_count;
    const recipe_job *with; /* C, folds, seed, threads, weighting, visit; rows unused */
} auto_job;

/* scores [candidate_count * C_count], the C of a candidate together: every image of the pool is
 * predicted by the head of the fold it is not in; accuracy over images, and of the worst bin of
 * the rank curve. SPUR_INTERRUPTED when a visit stops. */
spur_status auto_try_all(const auto_job *job, auto_score *scores,
                         spur_error *error) SPUR_MUST_USE;

#endif
