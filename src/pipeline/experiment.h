/*
 * experiment.h - an experiment on a split's images (noise, audit): blocks of images through
 * workers into run.db, going on where an earlier call stopped.
 *
 * An image's outcome is `row_bytes` bytes, the first not 0 when the image could be read. Which
 * images stand in a block depends on the experiment alone, so outcomes are the same for any
 * number of threads and after any interruption.
 */
#ifndef PIPELINE_EXPERIMENT_H
#define PIPELINE_EXPERIMENT_H

#include "io/store_experiments.h"
#include "pipeline/features_job.h"
#include "pipeline/run.h"

enum {
    EXPERIMENT_REASON_SIZE = 256
};

/* Images in the order of their rows. */
typedef struct experiment_images {
    const feature_row **rows;
    size_t count;
} experiment_images;

/* The scored ones; with a limit (0: none) so many of them, the same number of every class as
 * far as there are, drawn by (seed, image id). Free rows with memory_free. */
spur_status experiment_choose(const feature_rows *from, uint64_t limit, uint64_t seed,
                              experiment_images *out, spur_error *error) SPUR_MUST_USE;

/* The split to try: `asked`, else `common`, else val, else the first that is not train, else
 * the first. SPUR_DATASET when the run has no such split. */
spur_status experiment_split(const spur_run *run, const char *asked, const char *common,
                             const store_split **out, spur_error *error) SPUR_MUST_USE;

typedef struct experiment_block {
    const feature_row *const *images;
    size_t count;            /* at most EXPERIMENT_BLOCK_IMAGES */
    unsigned char *outcomes; /* [count, row_bytes], zeros at first */
    char reasons[EXPERIMENT_BLOCK_IMAGES][EXPERIMENT_REASON_SIZE]; /* of failed images */
} experiment_block;

typedef struct experiment {
    store *db;
    store_experiment record; /* images: their number */
    const experiment_images *images;
    size_t row_bytes, threads;
    void *context;
    /* In a worker. A bad image gets a reason and stays zeros; look at *cancelled between long
     * steps and return SPUR_INTERRUPTED when it is set. */
    spur_status (*work)(void *context, size_t worker, experiment_block *block,
                        const atomic_bool *cancelled, spur_error *error);
    const spur_monitor *monitor;
    spur_progress *progress; /* grows; its total holds these images already */
} experiment;

/* Runs the blocks that are missing; an experiment with other inputs is replaced. */
spur_status experiment_run(const experiment *what, spur_error *error) SPUR_MUST_USE;

/* outcomes [record->images, row_bytes]; *is_complete false (and outcomes of no use) when the
 * run has no such experiment with these inputs or not all of it. */
spur_status experiment_load(store *db, const store_experiment *record, size_t row_bytes,
                            unsigned char *outcomes, bool *is_complete,
                            spur_error *error) SPUR_MUST_USE;

/* Drops the stage's numbers when none of its experiments is in the run any more. */
spur_status experiment_check(const spur_run *run, const char *stage,
                             spur_error *error) SPUR_MUST_USE;
/* Drops the stage's numbers. */
spur_status experiment_forget(const spur_run *run, const char *stage,
                              spur_error *error) SPUR_MUST_USE;

#endif
