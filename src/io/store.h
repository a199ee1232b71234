/*
 * store.h - run.db: the one store of a run, and the only place where SQL stands.
 *
 * One writer (a lock file), any number of readers; rows are written in batches, each with a
 * SHA-256 digest over its rows that every opening checks, because SQLite's pages carry no
 * checksums. Rows hold no times and no thread counts: the same work gives the same rows after
 * any interruption. The schema is in docs/formats.md.
 */
#ifndef IO_STORE_H
#define IO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    STORE_BATCH_ROWS = 4, /* consecutive rows of a split that are written together */
    STORE_BEST = 5,       /* best other classes kept per image */
    STORE_ID_SIZE = 16,
    STORE_DIGEST_SIZE = 32,
    STORE_TALLY_CLASSES = 2000, /* with more classes there are no histograms */
    STORE_BINS = 1600           /* of a histogram: 0.05 wide, from -40 to 40 */
};

typedef struct store store;

typedef enum store_journal {
    STORE_JOURNAL_AUTO, /* write-ahead log, or a rollback journal on network file systems */
    STORE_JOURNAL_WAL,
    STORE_JOURNAL_DELETE
} store_journal;

/* For reading: a snapshot, verified whole. SPUR_DATASET names the check that failed. */
spur_status store_open(const char *folder, store **out, spur_error *error) SPUR_MUST_USE;
/* For writing: makes the folder and the database when missing, takes the lock, verifies. */
spur_status store_open_writer(const char *folder, store_journal journal, store **out,
                              spur_error *error) SPUR_MUST_USE;
void store_close(store *block);
/* True when the folder holds a run.db that is not empty. */
bool store_exists(const char *folder);

/* ---- what belongs to the whole run ----------------------------------------------------- */

/* *value is NULL when the key is not there; free with memory_free. */
spur_status store_get_setting(store *from, const char *key, char **value,
                              spur_error *error) SPUR_MUST_USE;

typedef struct store_setting {
    const char *key, *value;
} store_setting;

typedef struct store_class {
    const char *label, *name, *prompt; /* exact bytes; prompt: the first template's */
    size_t tokens;
    bool is_truncated;
    const float *query; /* [embedding]: what the detector is asked */
} store_class;

/* Classes in index order; texts and queries live as long as the store. count 0: none yet. */
spur_status store_get_classes(store *from, const store_class **classes, size_t *count,
                              size_t *embedding, spur_error *error) SPUR_MUST_USE;

typedef struct store_split {
    const char *name, *root, *manifest_digest;
    uint64_t images;
} store_split;

/* Splits in the order in which they were added; live as long as the store. */
spur_status store_get_splits(store *from, const store_split **splits, size_t *count,
                             spur_error *error) SPUR_MUST_USE;

/* Settings and classes of a new run, in one transaction. */
spur_status store_put_run(store *into, const store_setting *settings, size_t setting_count,
                          const store_class *classes, size_t class_count, size_t embedding,
                          spur_error *error) SPUR_MUST_USE;
spur_status store_put_split(store *into, const store_split *split,
                            spur_error *error) SPUR_MUST_USE;
/* What is special about how a split's pictures and classes were read, as one text; goes with
 * the split. Put replaces. *value is NULL when there is none; free with memory_free. */
spur_status store_put_split_setting(store *into, const char *split, const char *value,
                                    spur_error *error) SPUR_MUST_USE;
spur_status store_get_split_setting(store *from, const char *split, char **value,
                                    spur_error *error) SPUR_MUST_USE;
/* Drops a split and its rows; with the last split settings and classes go too. */
spur_status store_drop_split(store *into, const char *split, spur_error *error) SPUR_MUST_USE;

/* ---- rows -------------------------------------------------------------------------------- */

typedef struct store_best {
    size_t class_index;
    float logit;
} store_best;

/* One image. Texts are exact bytes; NULL where there is nothing. */
typedef struct store_row {
    uint64_t row; /* index in its split */
    unsigned char image_id[STORE_ID_SIZE];
    const char *file_name;
    size_t class_index;
    const char *group, *extra; /* extra: JSON of the manifest's other columns */
    double weight;             /* 1 unless the manifest says otherwise */
    const char *reason;        /* why it failed; NULL when scored */
    const char *format;        /* NULL when it could not be read */
    size_t width, height;      /* as the detector sees it: after orientation */
    unsigned orientation;      /* EXIF 1..8, 0 when unknown */
    bool has_alpha, is_animated, is_truncated;
    unsigned warnings;
    bool has_digest;
    unsigned char file_digest[STORE_DIGEST_SIZE];
    /* only when scored: */
    float logit;
    size_t patch;
    float box[4]; /* pixels of the picture, not clipped */
    bool has_other;
    size_t other_class; /* best other class on that patch */
    float other_logit;
    size_t best_count; /* best other classes anywhere, highest first */
    store_best best[STORE_BEST];
    size_t bin_count;     /* the number of classes, or 0 */
    const uint16_t *bins; /* of image-level logits; written, never read back per row */
} store_row;

/* Writing: begin, put any number of batches, commit. A batch is written once. */
spur_status store_begin(store *into, spur_error *error) SPUR_MUST_USE;
spur_status store_put_batch(store *into, const char *split, uint64_t batch,
                            const store_row *rows, size_t count,
                            spur_error *error) SPUR_MUST_USE;
spur_status store_commit(store *into, spur_error *error) SPUR_MUST_USE;
/* Folds what the batches counted into the histograms; call at the end of the work. */
spur_status store_settle(store *into, spur_error *error) SPUR_MUST_USE;

/* done[b] = 1 for every batch b < count of the split that is in the store. */
spur_status store_list_batches(store *from, const char *split, unsigned char *done,
                               size_t count, spur_error *error) SPUR_MUST_USE;

/* Rows of a split in row order; a row lives during its visit. Another status than SPUR_OK
 * stops and is returned. */
typedef spur_status (*store_visit)(void *context, const store_row *row, spur_error *error);
spur_status store_each_row(store *from, const char *split, store_visit visit, void *context,
                           spur_error *error) SPUR_MUST_USE;

typedef struct store_counts {
    uint64_t scored, failed, oriented, with_alpha, with_warnings;
    uint64_t duplicates; /* images whose bytes equal an earlier image's of the split */
} store_counts;
spur_status store_count(store *from, const char *split, store_counts *out,
                        spur_error *error) SPUR_MUST_USE;

/* own[bin] and other[bin] of one class query, batches not yet folded included; arrays of
 * STORE_BINS. */
spur_status store_get_histogram(store *from, const char *split, size_t class_index,
                                uint64_t *own, uint64_t *other,
                                spur_error *error) SPUR_MUST_USE;

#endif
