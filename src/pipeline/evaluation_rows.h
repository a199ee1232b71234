/*
 * evaluation_rows.h - the images of a split as arrays: what every statistic starts from.
 *
 * Arrays are indexed by the row in the split. An image that failed, or has no row yet, has
 * rank 0 and is in no statistic of ranks.
 */
#ifndef PIPELINE_EVALUATION_ROWS_H
#define PIPELINE_EVALUATION_ROWS_H

#include "base/memory.h"
#include "pipeline/run.h"

#define EVALUATION_NO_CLASS UINT32_MAX

typedef struct evaluation_rows {
    const char *split;        /* lives as long as the run */
    size_t count;             /* images of the split */
    size_t class_count;       /* of the run */
    uint32_t *class_index;    /* EVALUATION_NO_CLASS: the image has no row yet */
    uint32_t *rank;           /* 1: the lowest logit of its class; 0: not scored */
    uint32_t *size;           /* scored images of its class */
    uint32_t *class_size;     /* [class_count] the same by class */
    float *logit;             /* 0 where not scored */
    float (*box)[4];          /* pixels, not clipped; zeros where not scored */
    uint32_t *width, *height; /* 0 when unknown */
    double *weight;
    const char **group;     /* NULL: none */
    const char **file_name; /* NULL: no row yet */
    arena *texts;
} evaluation_rows;

spur_status evaluation_rows_make(spur_run *run, const char *split, evaluation_rows *out,
                                 spur_error *error) SPUR_MUST_USE;
void evaluation_rows_free(evaluation_rows *block);

#endif
