/*
 * store_predictions.h - what every head says of every image of a split, a row per (split,
 * backbone, head) in run.db.
 */
#ifndef IO_STORE_PREDICTIONS_H
#define IO_STORE_PREDICTIONS_H

#include "io/store.h"

typedef struct store_predictions {
    const char *split, *backbone, *head;
    const char *inputs; /* hexadecimal digest of the head's file and of the features */
    uint64_t images;
    const unsigned char *bytes; /* as pipeline/predictions.c lays them out */
    size_t size;
} store_predictions;

/* Replaces the row, between store_begin and store_commit. */
spur_status store_put_predictions(store *into, const store_predictions *row,
                                  spur_error *error) SPUR_MUST_USE;
spur_status store_drop_predictions(store *into, const char *split, const char *backbone,
                                   const char *head, spur_error *error) SPUR_MUST_USE;
/* Writes the digest over all rows: the last call before store_commit. */
spur_status store_seal_predictions(store *into, spur_error *error) SPUR_MUST_USE;

/* By split, backbone, head, each in byte order; bytes are NULL, and size counts them. A row
 * lives during its visit. */
typedef spur_status (*store_predictions_visit)(void *context, const store_predictions *row,
                                               spur_error *error);
spur_status store_each_predictions(store *from, store_predictions_visit visit, void *context,
                                   spur_error *error) SPUR_MUST_USE;

/* *bytes and *inputs are NULL when there is no such row; free with memory_free. Checks the
 * row's digest. */
typedef struct store_prediction_bytes {
    char *inputs;
    uint64_t images;
    unsigned char *bytes;
    size_t size;
} store_prediction_bytes;
spur_status store_get_predictions(store *from, const char *split, const char *backbone,
                                  const char *head, store_prediction_bytes *out,
                                  spur_error *error) SPUR_MUST_USE;

#endif
