/*
 * extremes.h - the images at both ends of each class's ranking.
 */
#ifndef PIPELINE_EXTREMES_H
#define PIPELINE_EXTREMES_H

#include "pipeline/rank.h"

/* Classes in order; within a class the most hidden (rank 1 first), then the clearest (last
 * rank first). No image stands twice. Texts belong to `texts`. */
typedef struct extremes {
    arena *texts;
    spur_extreme *items;
    size_t *classes; /* [count] class index of each item */
    size_t count;
} extremes;

spur_status extremes_make(spur_run *run, const char *split, size_t per_end, extremes *out,
                          spur_error *error) SPUR_MUST_USE;
void extremes_free(extremes *block);

#endif
