/*
 * run_maker.h - a run folder written row by row, for the stages after scoring.
 */
#ifndef TEST_RUN_MAKER_H
#define TEST_RUN_MAKER_H

#include "io/store.h"
#include "pipeline/run.h"

/* One image of 100 x 100 pixels; a logit that is NaN: failed. Members left 0 are nothing. */
typedef struct run_row {
    const char *file_name;
    size_t class_index;
    float logit;
    const char *group, *extra;
    size_t best_count;
    store_best best[2];
    float box[4];
    float other_logit; /* of class 0 or 1 on the winning patch, when best_count > 0 */
} run_row;

/* Adds a split to FOLDER, made when missing with `class_count` (at most 3) classes a, b, c;
 * score: the setting of that name. */
void make_split(const char *folder, const char *split, const char *score, size_t class_count,
                const run_row *rows, size_t count);

/* make_split with the split train and the score "max", opened. */
spur_run *make_run(const char *folder, size_t class_count, const run_row *rows, size_t count);

#endif
