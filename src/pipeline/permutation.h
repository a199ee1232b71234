/*
 * permutation.h - what gaps look like when ranks mean nothing: ranks shuffled within class.
 *
 * The statistic is the gap at k: accuracy over the clear ends of all classes minus that over
 * the hidden ends. A shuffle gives every class other images for its two ends, drawn without
 * replacement; all heads see the same shuffle. Everything is counted in whole numbers, so the
 * result depends on the seed alone, not on threads.
 */
#ifndef PIPELINE_PERMUTATION_H
#define PIPELINE_PERMUTATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Images that all heads judged, class after class, in rising rank within each. */
typedef struct permutation_rows {
    size_t class_count, head_count;
    const size_t *first;            /* [class_count + 1] */
    const unsigned char *correct;   /* [images, head_count] 0 or 1 */
    const uint32_t *hidden, *clear; /* [class_count] images of the two ends; their sum is at
                                       most the class's images */
    const unsigned char
        *is_counted; /* [class_count] classes of the `counted` total; NULL: all */
} permutation_rows;

/* A gap against the shuffles; p = (1 + shuffles with |gap| at least as large) / (1 + shuffles).
 * NaN when an end is empty. */
typedef struct permutation_gap {
    double gap, p;
} permutation_gap;

typedef struct permutation_head {
    permutation_gap all, counted;
    double band; /* 95 % of the shuffles have an |all.gap| of at most this; NaN without gap */
} permutation_head;

typedef struct permutation_result {
    permutation_head *heads;  /* [head_count] */
    permutation_gap *classes; /* [class_count, head_count] */
    double *holm;             /* the same: p adjusted over the classes of a head */
} permutation_result;

/* Draw d of class c takes the words of Philox under random_key_make(seed, "permutation") at
 * the counters (d, c * 2^32 + 0, 1, ...). threads 0: all processors. */
spur_status permutation_run(const permutation_rows *rows, uint64_t seed, size_t draws,
                            size_t threads, permutation_result *out,
                            spur_error *error) SPUR_MUST_USE;
void permutation_result_free(permutation_result *block);

#endif
