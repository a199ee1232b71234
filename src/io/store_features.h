/*
 * store_features.h - what run.db knows of feature files: backbones, finished blocks, failures.
 *
 * The numbers themselves are in safetensors files beside run.db. A block is written here after
 * its bytes are synced there, so a block that is listed can be read back and must match.
 */
#ifndef IO_STORE_FEATURES_H
#define IO_STORE_FEATURES_H

#include "io/store.h"

enum {
    FEATURE_BLOCK_ROWS = 8 /* consecutive rows of a split that go through a network together */
};

/* What must be the same in all features of one name. Texts are UTF-8. */
typedef struct store_backbone {
    const char *name, *architecture;
    const char *digest;        /* of the weights and all else that decides the numbers */
    const char *preprocessing; /* the resolved recipe */
    const char *settings;      /* number format and the choices of images */
    size_t features, classes;  /* classes: outputs of the model's own head, 0 without one */
} store_backbone;

/* Backbones in the order in which they came; live as long as the store is not written. */
spur_status store_get_backbones(const store *from, const store_backbone **backbones,
                                size_t *count) SPUR_MUST_USE;
spur_status store_put_backbone(store *into, const store_backbone *backbone,
                               spur_error *error) SPUR_MUST_USE;

typedef struct store_feature_failure {
    uint64_t row;
    const char *reason;
} store_feature_failure;

typedef struct store_feature_block {
    uint64_t block;
    size_t images;
    unsigned char digest[STORE_DIGEST_SIZE]; /* of the block's bytes in the file */
    const store_feature_failure *failures;   /* in row order */
    size_t failure_count;
} store_feature_block;

/* Between store_begin and store_commit. */
spur_status store_put_feature_block(store *into, const char *backbone, const char *split,
                                    const store_feature_block *block,
                                    spur_error *error) SPUR_MUST_USE;

/* For every block b < count that is listed: done[b] = 1 and its digest at digests[b]. */
spur_status store_list_feature_blocks(store *from, const char *backbone, const char *split,
                                      unsigned char *done,
                                      unsigned char (*digests)[STORE_DIGEST_SIZE], size_t count,
                                      spur_error *error) SPUR_MUST_USE;

/* *out: any block of the split is listed. */
spur_status store_has_features(store *from, const char *backbone, const char *split, bool *out,
                               spur_error *error) SPUR_MUST_USE;

/* Failed rows in row order; another status than SPUR_OK stops and is returned. */
typedef spur_status (*store_failure_visit)(void *context, const store_feature_failure *failure,
                                           spur_error *error);
spur_status store_each_feature_failure(store *from, const char *backbone, const char *split,
                                       store_failure_visit visit, void *context,
                                       spur_error *error) SPUR_MUST_USE;

/* Forgets the blocks of one split; with the backbone's last block the backbone goes, too. */
spur_status store_drop_features(store *into, const char *backbone, const char *split,
                                spur_error *error) SPUR_MUST_USE;

#endif
