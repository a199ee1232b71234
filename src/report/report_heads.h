/*
 * report_heads.h - what classifiers make of each class: right answers of every head, what each
 * fixed and broke of the original's, and what the original takes the class for.
 *
 * Counted from the predictions that `spur eval` keeps; a run without any has no heads here.
 */
#ifndef REPORT_REPORT_HEADS_H
#define REPORT_REPORT_HEADS_H

#include <stdbool.h>

#include "pipeline/run.h"

struct report_data;

enum {
    REPORT_TAKEN_FOR = 3,    /* other classes named per class and backbone */
    REPORT_MARKED_HEADS = 32 /* backbones whose answers stand beside a picture */
};

/* Images of one class; only those that the head judged. */
typedef struct report_tally {
    uint32_t n, correct;
    uint32_t fixed, broken; /* against the original head of the backbone */
} report_tally;

typedef struct report_head {
    const char *backbone, *head;
    size_t split;          /* index in the run */
    bool has_original;     /* fixed and broken are counted */
    report_tally *classes; /* [class_count] */
    report_tally all;
} report_head;

/* The ends of a class under the original head, on the judged split: half its images each. */
typedef struct report_class_gap {
    uint32_t clear_n, clear_correct, hidden_n, hidden_correct;
} report_class_gap;

typedef struct report_taken {
    uint32_t class_index, images;
} report_taken;

/* One backbone on the judged split. */
typedef struct report_backbone {
    const char *name;
    size_t original;        /* index of its head, or SIZE_MAX */
    size_t best;            /* the most right answers of its other heads, or SIZE_MAX */
    report_class_gap *gaps; /* [class_count] */
    report_taken *taken;    /* [class_count, REPORT_TAKEN_FOR]; images 0: no more */
} report_backbone;

/* An image whose answer a head changed. */
typedef struct report_change {
    size_t head;            /* index in heads */
    uint32_t before, after; /* classes; UINT32_MAX: none of the run's */
} report_change;

typedef struct report_heads {
    report_head *heads; /* by split, backbone, head as the run orders them */
    size_t count;
    size_t judged; /* split that the pages speak of: val, else the first that is not shown */
    report_backbone *backbones;
    size_t backbone_count;
    report_change *changes;
    size_t change_count, change_capacity;
    size_t skipped; /* sets of predictions that are out of date */
} report_heads;

/* Fills into->heads and adds picks of changed images. */
spur_status report_heads_read(struct report_data *into, spur_error *error) SPUR_MUST_USE;
/* Marks the shown images that each backbone's original head gets right. */
spur_status report_heads_mark(struct report_data *into, spur_error *error) SPUR_MUST_USE;
void report_heads_free(report_heads *block);

/* NaN without images. */
double report_accuracy(const report_tally *of);
double report_gap(const report_class_gap *of);

#endif
