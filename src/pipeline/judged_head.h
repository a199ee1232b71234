/*
 * judged_head.h - the heads of a run, opened with what their outputs mean, and the judgement of
 * one row of logits.
 *
 * `original` is the model's own last layer; its outputs need not be the run's classes, and one
 * that stands for no class of the run competes all the same.
 */
#ifndef PIPELINE_JUDGED_HEAD_H
#define PIPELINE_JUDGED_HEAD_H

#include <stdint.h>

#include "base/memory.h"
#include "io/store_features.h"
#include "models/head_file.h"
#include "pipeline/run.h"

#define HEAD_ORIGINAL "original"

typedef struct head_entry {
    const char *name; /* "original", "clear-100", "rnd-100-s3" */
    const char *path;
} head_entry;

typedef struct head_list {
    head_entry *heads; /* original first, the others in byte order of their names */
    size_t count;
    arena *texts;
} head_list;

/* RUN/heads/BACKBONE/NAME.safetensors; no such folder: an empty list. */
spur_status head_list_make(const spur_run *run, const char *backbone, head_list *out,
                           spur_error *error) SPUR_MUST_USE;
void head_list_free(head_list *block);

typedef struct judged_head {
    head_file *file;
    const head *own;
    size_t class_count;    /* of the run */
    uint32_t *class_of;    /* [own->classes] class of the run, or UINT32_MAX */
    uint32_t *output_of;   /* [class_count] */
    unsigned char *absent; /* [own->classes] had no row to train on: never predicted */
} judged_head;

/* SPUR_DATASET: the outputs cannot be told apart by the run's classes (the message says why),
 * or the head is another backbone's. */
spur_status judged_head_open(const spur_run *run, const store_backbone *backbone,
                             const head_entry *entry, judged_head *out,
                             spur_error *error) SPUR_MUST_USE;
void judged_head_close(judged_head *block);

enum prediction_flag {
    PREDICTION_VALID = 1, /* the image has features: all else means nothing without */
    PREDICTION_KNOWN = 2, /* the head had images of its class */
    PREDICTION_CORRECT = 4,
    PREDICTION_TOP5 = 8
};

typedef struct judgement {
    uint32_t predicted; /* class of the run, UINT32_MAX: an output outside its classes */
    float margin;       /* two largest logits, absent classes left out; 0 with one class */
    unsigned char flags;
} judgement;

/* logits [own->classes] of an image of class `wanted`. Of equal logits the first wins. */
judgement judge_logits(const judged_head *with, const float *logits, uint32_t wanted);

#endif
