/*
 * features_job.h - the parts of the features stage that features.c puts together.
 */
#ifndef PIPELINE_FEATURES_JOB_H
#define PIPELINE_FEATURES_JOB_H

#include "base/memory.h"
#include "models/head.h"
#include "models/preprocess.h"
#include "models/transformer.h"
#include "pipeline/feature_file.h"
#include "pipeline/feeder.h"
#include "pipeline/picture.h"

/* What the stage needs of a network, so that it runs with any: [count, 3, side, side] pixels
 * to [count, width] features, count being FEATURE_BLOCK_ROWS always (slots of failed images
 * are zeros), so that a row's bits depend on its block alone. */
typedef struct feature_network {
    const void *context;
    const preprocess *recipe;
    size_t side, width;
    spur_status (*worker_new)(const void *context, void **out, spur_error *error);
    void (*worker_free)(void *worker);
    spur_status (*run)(const void *context, void *worker, const float *pixels, size_t count,
                       float *features, const tower_watch *watch, spur_error *error);
} feature_network;

/* ---- features_rows.c: what the run says of a split's images ------------------------------ */

typedef struct feature_row {
    const char *file_name;
    const char *reason; /* why it failed when it was scored, or NULL */
    size_t class_index;
    unsigned char id[STORE_ID_SIZE];
    unsigned char digest[STORE_DIGEST_SIZE]; /* of its file then */
    size_t width, height;                    /* of the picture */
    /* only when scored: */
    float logit;
    float box[4]; /* the winning one, in pixels of the picture, not clipped */
} feature_row;

typedef struct feature_rows {
    arena *texts;
    feature_row *rows;
    size_t count;
} feature_rows;

/* SPUR_DATASET when scoring the split has not been finished. */
spur_status feature_rows_read(store *db, const store_split *split, feature_rows *out,
                              spur_error *error) SPUR_MUST_USE;
void feature_rows_free(feature_rows *block);

/* ---- features_feed.c: images to blocks --------------------------------------------------- */

/* One backbone and one split. */
typedef struct feature_task {
    store *db;
    const char *run_folder;
    const store_backbone *backbone; /* as it is in the store */
    const store_split *split;
    const feature_network *network; /* or NULL and */
    const float *const *given;      /* [rows]: each row's features; NULL for a failed image.
                                       Blocks that are there must hold the same. */
    const feature_rows *rows;
    const spur_image_options *image;
    picture_gate *gate;
    size_t threads;
    void **workers; /* [threads] of the network */
    bool strict, keep_going;
    const spur_monitor *monitor;
    spur_progress *progress; /* of all tasks; grows */
    uint64_t *skipped;       /* receives the rows that were there */
} feature_task;

/* Computes what is missing, block by block, and finishes the file. Blocks that were there are
 * compared with their digests first. */
spur_status feature_feed(const feature_task *task, spur_error *error) SPUR_MUST_USE;

/* ---- features_agree.c: what must be the same in all features of one name ----------------- */

/* Puts the backbone into the run, or compares it with what the run has: SPUR_DATASET with the
 * difference. restart: forgets its features of these splits, in run.db and on the disk; another
 * backbone may take the name when no other split has features of it. */
spur_status features_agree(store *db, const char *run_folder, const store_backbone *backbone,
                           const char *const *splits, size_t split_count, bool restart,
                           spur_error *error) SPUR_MUST_USE;
/* The backbone of that name, or NULL; lives as long as the store is not written. */
const store_backbone *features_find(const store *db, const char *name);

/* *out: a split beside the listed ones that has features of this name, or NULL. */
spur_status features_find_other(store *db, const char *backbone, const char *const *listed,
                                size_t listed_count, const char **out,
                                spur_error *error) SPUR_MUST_USE;

/* ---- features_judge.c: finished features under the model's own head ---------------------- */

typedef struct features_judging {
    store *db;
    const feature_layout *layout;
    const char *backbone, *split;
    const feature_rows *rows;
    const head *own;       /* NULL without one */
    const size_t *outputs; /* of the run's classes, or NULL: only compare the digests */
    size_t threads;
    const spur_monitor *monitor;
    const spur_progress *progress;
} features_judging;

/* Reads the whole file, comparing every digest; fills judged, top1 and top5 of *out. */
spur_status features_judge(const features_judging *what, spur_feature_set *out,
                           spur_error *error) SPUR_MUST_USE;

/* ---- features_summary.c ------------------------------------------------------------------ */

/* `sets` are copied with their texts; sums are made here. */
spur_status features_summarise(const spur_feature_set *sets, size_t count, size_t threads,
                               spur_features_summary **out, spur_error *error) SPUR_MUST_USE;

#endif
