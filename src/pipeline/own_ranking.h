/*
 * own_ranking.h - how hard a head finds each image: the other way to rank images by what a
 * model sees of them, to hold against the detector's.
 */
#ifndef PIPELINE_OWN_RANKING_H
#define PIPELINE_OWN_RANKING_H

#include "pipeline/judged_head.h"

/* Of every row of a split, NaN where the image has no features or its class no output:
 * loss, the cross-entropy of the label over all outputs; margin, the label's logit minus the
 * largest other. */
typedef struct own_ranking {
    size_t rows;
    double *loss, *margin;
} own_ranking;

/* class_index [rows]: of the run; others than its classes have no output. */
spur_status own_ranking_make(const spur_run *run, const char *backbone, const char *split,
                             const uint32_t *class_index, size_t threads, own_ranking *out,
                             spur_error *error) SPUR_MUST_USE;
void own_ranking_free(own_ranking *block);

#endif
