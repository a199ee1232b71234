/*
 * retrain_heads.h - one head of a run after the other: what training on given subsets and the
 * choice of a subset share.
 */
#ifndef PIPELINE_RETRAIN_HEADS_H
#define PIPELINE_RETRAIN_HEADS_H

#include "base/digest.h"
#include "pipeline/features.h"
#include "pipeline/retrain.h"
#include "pipeline/select.h"

/* One split with features, as every head is measured on. */
typedef struct split_rows {
    const char *name;
    feature_matrix matrix;
    uint32_t *labels; /* [matrix.rows] */
    uint64_t *valid;  /* row numbers of images that have features */
    uint32_t *valid_labels;
    char digest[DIGEST_HEX_SIZE]; /* of the features */
} split_rows;

typedef struct retrain_run {
    spur_run *run;
    const spur_retrain_options *options;
    const spur_monitor *monitor;
    const recipe *with;
    subset_key *keys; /* of all subsets of the run */
    size_t key_count;
    const store_backbone *backbone; /* the one at hand */
    head_file *original;            /* the model's own, or NULL */
    head own;           /* its rows for the run's classes; none when they cannot be told */
    bool is_whole;      /* own has no other rows: its accuracy is the model's */
    split_rows *splits; /* [run->split_count], unread ones have no labels */
    retrain_summary *made;
    size_t done, total;
    const char *name;               /* of the head at hand */
    char settings[DIGEST_HEX_SIZE]; /* the same */
} retrain_run;

/* What a head is trained on. */
typedef struct head_rows {
    const char *split;
    uint64_t *rows; /* with features */
    uint32_t *labels;
    size_t count;
    const char *amount; /* images of a class: the note "k" */
    uint64_t seed;      /* of drawn images: the note "subset_seed" */
    const recipe_gap *gap;
} head_rows;

/* NULL when the split has no features of this backbone. */
const split_rows *retrain_split(const retrain_run *in, const char *name);
/* The model's own head in the run's classes, or NULL. */
const head *retrain_original(const retrain_run *in);

/* The steps of one head, in this order. Place: names in->name and where the head goes. */
spur_status retrain_place(retrain_run *in, const char *name, spur_head_summary *row,
                          spur_error *error) SPUR_MUST_USE;
/* in->settings: options, the backbone with its features of this split, the model's own head,
 * and `more` lines. */
spur_status retrain_settle(retrain_run *in, const char *split, const char *more,
                           spur_error *error) SPUR_MUST_USE;
/* True when the file holds the finished head of these settings, which *row then describes. */
spur_status retrain_find(retrain_run *in, spur_head_summary *row, bool *is_finished,
                         spur_error *error) SPUR_MUST_USE;
/* Trains with the options (C replaced unless NULL), measures, writes. A head that was stopped
 * on its way is dropped: what stands in heads/ is finished. */
spur_status retrain_make(retrain_run *in, const head_rows *rows, const double *C,
                         spur_head_summary *row, spur_error *error) SPUR_MUST_USE;
/* Counts and shows the head; SPUR_INTERRUPTED when somebody wants to stop before the last. */
spur_status retrain_report(retrain_run *in, const spur_head_summary *row,
                           spur_error *error) SPUR_MUST_USE;

/* "clear-100  objective ..."; detail NULL: the head is done. Non-zero stops. */
int retrain_watch(void *context, const char *detail);

/* ---- retrain_auto.c -----------------------------------------------------------------------
 */

/* Chooses a training set for the backbone at hand and trains heads/<backbone>/auto. */
spur_status retrain_auto(retrain_run *in, spur_error *error) SPUR_MUST_USE;
/* The trials of all backbones' auto heads as the stage "auto" of the run. */
spur_status retrain_auto_store(retrain_run *in, spur_error *error) SPUR_MUST_USE;

#endif
