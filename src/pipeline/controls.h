/*
 * controls.h - the images of one split and backbone as the controls look at them: class after
 * class, in rising rank, with the answers of every head and what else is known of each image.
 */
#ifndef PIPELINE_CONTROLS_H
#define PIPELINE_CONTROLS_H

#include "pipeline/confounds.h"
#include "pipeline/predictions.h"
#include "pipeline/rank_bootstrap.h"
#include "pipeline/truth_column.h"

/* What belongs to a split, whichever the backbone. */
typedef struct control_split {
    evaluation_rows rows;
    size_t index;               /* of the split in the run */
    unsigned char *is_visible;  /* [class_count] the detector can tell the class from others */
    unsigned char *is_suspect;  /* [rows.count] the label may be wrong */
    double *sharpness;          /* [rows.count], or NULL: not asked for */
    bool knows_suspects;        /* false: too many classes, no suspects are looked for */
    size_t invisible, suspects; /* classes with images; images */
} control_split;

/* A further number of every image; one that is constant in every class is left out. */
typedef struct control_number {
    const char *key, *shown; /* "box_area", "box area" */
    double *values;          /* [images]; NaN: not known */
} control_number;

typedef struct control_group {
    const control_split *of;
    const prediction_name *names; /* [head_count] of one split and backbone */
    size_t head_count, original;  /* original: index of the model's own head, or head_count */
    size_t images;
    size_t *row;            /* [images] in the split */
    size_t *first;          /* [class_count + 1] */
    unsigned char *correct; /* [images, head_count] */
    double *is_in;          /* [images] 0, or NaN in classes that the detector cannot see */
    control_number numbers[CONFOUND_MOST];
    size_t number_count;
    bootstrap_weights weights; /* classes drawn as for the curves; times NULL: fewer than two */
} control_group;

/* ranks: of the run, all splits. */
spur_status control_split_make(spur_run *run, const char *split, const spur_rank_summary *ranks,
                               const spur_eval_options *options, const spur_monitor *monitor,
                               control_split *out, spur_error *error) SPUR_MUST_USE;
void control_split_free(control_split *block);

/* names [count]: sets of one split and backbone. Images are those that are scored and that
 * every head judged. columns [column_count]: of all splits; their numbers are taken as well. */
spur_status control_group_make(spur_run *run, const control_split *of,
                               const prediction_name *names, size_t count, control_group *out,
                               spur_error *error) SPUR_MUST_USE;
spur_status control_group_add_columns(control_group *into, truth_column *const *columns,
                                      size_t count, spur_error *error) SPUR_MUST_USE;
void control_group_free(control_group *block);

/* Draws classes with replacement, the same as for the curves. */
spur_status control_group_draw(control_group *into, const spur_eval_options *options,
                               spur_error *error) SPUR_MUST_USE;
/* 95 % interval of the gap over all strata, classes drawn; NaN without draws. */
spur_status control_within_interval(const control_group *of, const confound_gap *cells,
                                    bootstrap_interval *out, spur_error *error) SPUR_MUST_USE;

/* hidden and clear [class_count]: images of each class at the two ends of k. */
void control_ends(const control_group *of, curve_k k, uint32_t *hidden, uint32_t *clear);
/* The gap of one head without the suspects, whose ranks stay; NaN without images. */
double control_gap_without_suspects(const control_group *of, curve_k k, size_t of_head);

#endif
