/*
 * store_experiments.h - outcomes of experiments on images (noise, audit) in run.db.
 *
 * An experiment belongs to a stage, a subject (a backbone, or "") and a split; it carries the
 * digest of all it depends on, and its outcomes in blocks of EXPERIMENT_BLOCK_IMAGES of its
 * images. What the bytes of a block mean is the stage's; see docs/formats.md.
 */
#ifndef IO_STORE_EXPERIMENTS_H
#define IO_STORE_EXPERIMENTS_H

#include "io/store.h"

enum {
    EXPERIMENT_BLOCK_IMAGES = 8
};

typedef struct store_experiment {
    const char *stage, *subject, *split;
    const char *inputs;   /* hexadecimal digest of all the outcomes depend on */
    const char *settings; /* JSON: how to read them */
    uint64_t images;
} store_experiment;

/* In its own transaction; replaces one of the same stage, subject and split with its blocks,
 * and drops the stage's numbers, which were made from what was there. */
spur_status store_put_experiment(store *into, const store_experiment *experiment,
                                 spur_error *error) SPUR_MUST_USE;

/* In byte-wise order of stage, subject, split; one lives during its visit. Another status than
 * SPUR_OK stops and is returned. */
typedef spur_status (*store_experiment_visit)(void *context, const store_experiment *experiment,
                                              spur_error *error);
spur_status store_each_experiment(store *from, store_experiment_visit visit, void *context,
                                  spur_error *error) SPUR_MUST_USE;

typedef struct store_experiment_block {
    uint64_t block;
    const unsigned char *outcomes;
    size_t length;
} store_experiment_block;

/* Between store_begin and store_commit; a block is written once. */
spur_status store_put_experiment_block(store *into, const store_experiment *of,
                                       const store_experiment_block *block,
                                       spur_error *error) SPUR_MUST_USE;

/* In order; a block lives during its visit. */
typedef spur_status (*store_experiment_block_visit)(void *context,
                                                    const store_experiment_block *block,
                                                    spur_error *error);
spur_status store_each_experiment_block(store *from, const store_experiment *of,
                                        store_experiment_block_visit visit, void *context,
                                        spur_error *error) SPUR_MUST_USE;

#endif
