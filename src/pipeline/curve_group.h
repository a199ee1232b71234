/*
 * curve_group.h - the heads of one backbone on one split: what the parts of the stage "eval"
 * share. All heads of a group judged the same images, so they are compared image by image.
 */
#ifndef PIPELINE_CURVE_GROUP_H
#define PIPELINE_CURVE_GROUP_H

#include "pipeline/rank_bootstrap.h"
#include "pipeline/result_list.h"
#include "pipeline/subset_key.h"

enum {
    CURVE_MOST_K = 64
};

typedef struct group_head {
    const prediction_name *name;
    prediction_set set; /* flags only */
    curve_rows rows;    /* scored and judged images; all heads but the first borrow arrays */
    bootstrap_draws draws;
} group_head;

typedef struct curve_group {
    const evaluation_rows *images;
    group_head *heads;
    size_t count;
    curve_k ks[CURVE_MOST_K]; /* cut to half of the largest class */
    size_t k_count;
    bool has_draws;       /* at least two classes have images */
    bool is_trained_on;   /* the run's subsets are of this split */
    result_list *results; /* where numbers and findings go */
    size_t threads;
} curve_group;

/* "100", "10pct" */
void curve_k_text(curve_k k, char out[SUBSET_KEY_SIZE]);
/* Part of a whole; NaN of nothing. */
double curve_share(uint64_t part, uint64_t whole);

/* The numbers of every head by itself, and of every pair that is compared; then sentences. */
spur_status curve_group_figures(curve_group *group, spur_error *error) SPUR_MUST_USE;
spur_status curve_group_tests(curve_group *group, spur_error *error) SPUR_MUST_USE;
spur_status curve_group_findings(curve_group *group, spur_error *error) SPUR_MUST_USE;

/* Two heads of a group on the same images. */
typedef struct head_pair {
    size_t first, second;
    uint64_t only_first, only_second; /* images that only one of them has right */
    double exact, mid, holm;          /* McNemar's p; holm: mid adjusted over the group */
    double difference;                /* accuracy over images, first - second */
} head_pair;
/* Which heads are compared: each with the original one; clear-k with rnd-k of every seed and
 * with hidden-k. Free with memory_free. */
spur_status head_pairs_make(const curve_group *group, head_pair **out, size_t *count,
                            spur_error *error) SPUR_MUST_USE;

#endif
