/*
 * audit_worker.h - what the detector says of an image without its box, and of the box alone.
 *
 * Grey is the mean of the detector's preprocessing, put into the picture before it is resized:
 * the detector's own neutral value. An outcome is AUDIT_ROW_BYTES bytes, little-endian:
 *     0  u8   AUDIT_VALID | AUDIT_EMPTY | AUDIT_FULL, then 3 bytes 0
 *     4  f32  own-class logit with the box greyed out
 *     8  f32  own-class logit of the box, everything else grey
 */
#ifndef PIPELINE_AUDIT_WORKER_H
#define PIPELINE_AUDIT_WORKER_H

#include "pipeline/experiment.h"
#include "pipeline/row_picture.h"
#include "pipeline/scorer.h"

enum {
    AUDIT_ROW_BYTES = 12
};

enum audit_flag {
    AUDIT_VALID = 1,
    AUDIT_EMPTY = 2, /* no pixel of the picture lies in the box */
    AUDIT_FULL = 4   /* all do */
};

typedef struct audit_row {
    unsigned flags;
    float removed, alone;
} audit_row;

void audit_row_put(unsigned char *bytes, audit_row row);
audit_row audit_row_of(const unsigned char *bytes);

/* Pixels first .. last-1 of an axis of n pixels whose centre lies in low <= x < high. */
typedef struct pixel_range {
    size_t first, last;
} pixel_range;
pixel_range audit_range(float low, float high, size_t n);

/* Paints the box (is_inside) or everything else. */
void audit_paint(image *on, pixel_range columns, pixel_range rows, bool is_inside,
                 const unsigned char colour[3]);

/* What all workers share. */
typedef struct audit_task {
    const scorer_task *score;
    row_source source;
} audit_task;

typedef struct audit_worker audit_worker;
spur_status audit_worker_new(const audit_task *task, audit_worker **out,
                             spur_error *error) SPUR_MUST_USE;
void audit_worker_free(audit_worker *block);
spur_status audit_worker_run(audit_worker *with, experiment_block *block,
                             const atomic_bool *cancelled, spur_error *error) SPUR_MUST_USE;

#endif
