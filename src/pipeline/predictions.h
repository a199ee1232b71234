/*
 * predictions.h - what every head says of every image, kept in run.db: a set per (split,
 * backbone, head), made again when the head's file or the features change.
 */
#ifndef PIPELINE_PREDICTIONS_H
#define PIPELINE_PREDICTIONS_H

#include "base/text.h"
#include "pipeline/judged_head.h"

typedef struct prediction_set {
    size_t rows;          /* images of the split */
    uint32_t *predicted;  /* [rows] class of the run; UINT32_MAX: outside, or no features */
    float *margin;        /* [rows] two largest logits; 0 without features */
    unsigned char *flags; /* [rows] of prediction_flag; 0 without features */
} prediction_set;

typedef struct predictions_request {
    const char *split, *backbone; /* NULL: all */
    size_t threads;               /* 0: all processors */
    const spur_monitor *monitor;  /* may be NULL */
} predictions_request;

/* Brings the sets up to date: makes what is missing or stale, drops those whose head or
 * features are gone. A head that cannot be judged is left out, and the log says why. *made (may
 * be NULL): how many sets were made. The run must be open for writing. */
spur_status predictions_make(spur_run *run, const predictions_request *request, size_t *made,
                             spur_error *error) SPUR_MUST_USE;

/* A set by name. Splits and backbones in the order of the run, heads as head_list_make gives
 * them. */
typedef struct prediction_name {
    const char *split, *backbone, *head;
    const char *inputs; /* digest of what the set was made from; not used to find one */
} prediction_name;
/* Of one split and backbone: neighbours in a list, where their heads stand together. */
bool prediction_is_beside(const prediction_name *a, const prediction_name *b);
/* Adds all of it, inputs included, to what a stage's digest is made of. */
spur_status prediction_name_digest(const prediction_name *name, text_buffer *into,
                                   spur_error *error) SPUR_MUST_USE;
/* Sets that are there, of request->split and request->backbone; free with
 * prediction_list_free. */
typedef struct prediction_list {
    prediction_name *names;
    size_t count;
    arena *texts;
} prediction_list;
/* How many sets from `first` on are beside it, itself included. */
size_t prediction_list_beside(const prediction_list *list, size_t first);
spur_status prediction_list_make(spur_run *run, const predictions_request *request,
                                 prediction_list *out, spur_error *error) SPUR_MUST_USE;
void prediction_list_free(prediction_list *block);

/* SPUR_DATASET when there is no such set, or its head or features have changed since: `spur
 * eval RUN` makes it again. */
spur_status predictions_load(spur_run *run, const prediction_name *name, prediction_set *out,
                             spur_error *error) SPUR_MUST_USE;
void prediction_set_free(prediction_set *block);

#endif
