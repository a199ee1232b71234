/*
 * rank.h - order in class: a pure function of the score rows.
 *
 * Within a class of a split, images stand by (logit ascending, -0 = 0; then the bytes of the
 * file name; then row). Rank 1 is the lowest logit: the object the detector sees least.
 */
#ifndef PIPELINE_RANK_H
#define PIPELINE_RANK_H

#include "base/digest.h"
#include "base/memory.h"
#include "pipeline/run.h"

typedef struct rank_entry {
    const char *file_name;
    uint64_t row;
    size_t class_index;
    float logit;
    unsigned char image_id[STORE_ID_SIZE];
} rank_entry;

/* Scored images of a split in (class, rank) order, and per class where it starts. */
typedef struct ranking {
    arena *texts;
    rank_entry *entries;
    size_t count, capacity;
    size_t *first;    /* [class_count + 1] */
    uint64_t *failed; /* [class_count] */
} ranking;

spur_status ranking_make(spur_run *run, const char *split, ranking *out,
                         spur_error *error) SPUR_MUST_USE;
/* Digest of all that decides the order: of every scored image its row, id, class and logit.
 * Kept by the run: every caller but the first gets it for nothing. */
spur_status ranking_digest(spur_run *run, const store_split *split,
                           unsigned char out[DIGEST_SIZE], spur_error *error) SPUR_MUST_USE;
void ranking_free(ranking *block);

#endif
