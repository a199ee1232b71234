/*
 * scorer.h - the scores of one image: what one worker does between pixels and row.
 */
#ifndef PIPELINE_SCORER_H
#define PIPELINE_SCORER_H

#include "io/store.h"
#include "models/detector.h"

enum {
    SCORER_ALL_CLASSES = STORE_TALLY_CLASSES /* with more classes only the own one is asked */
};

/* What all workers share. */
typedef struct scorer_task {
    const detector *model;
    const float *queries; /* [class_count, embedding] */
    size_t class_count;
    bool as_given; /* queries are means of several prompts */
    spur_aggregate aggregate;
    bool margin, objectness;
} scorer_task;

typedef struct scorer scorer;
spur_status scorer_new(const scorer_task *task, scorer **out, spur_error *error) SPUR_MUST_USE;
void scorer_free(scorer *block);

/* The worker's detector, for prompts. */
detector_worker *scorer_detector(scorer *from);

/* Number of class queries asked per image: the classes, or 1. */
size_t scorer_query_count(const scorer_task *task);

/* From now on a look ends with SPUR_INTERRUPTED soon after *cancelled turns true. */
void scorer_watch(scorer *from, const atomic_bool *cancelled);

/* Fills the scores of row (whose class_index is set) and bins[scorer_query_count]. SPUR_IMAGE
 * "non-finite score" when a number is not finite. */
spur_status scorer_look(scorer *from, const image *src, store_row *row, uint16_t *bins,
                        spur_error *error) SPUR_MUST_USE;

/* boxes [patches] in pixels of src: those whose patch has at least that logit of the class
 * (with objectness where the task adds it; never with margin), in patch order. *count may be
 * 0. SPUR_IMAGE as above. */
spur_status scorer_boxes(scorer *from, const image *src, size_t class_index, double logit,
                         float (*boxes)[4], size_t *count, spur_error *error) SPUR_MUST_USE;

#endif
