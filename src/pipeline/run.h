/*
 * run.h - an open run folder, as the stages after scoring see it.
 */
#ifndef PIPELINE_RUN_H
#define PIPELINE_RUN_H

#include "io/store.h"

struct spur_run {
    char *folder;
    store *db;
    const store_class *classes;
    size_t class_count;
    const store_split *splits;
    size_t split_count;
    const store_split *hashed; /* the split whose ranking_digest is known, or NULL */
    unsigned char ranking_digest[STORE_DIGEST_SIZE];
};

/* The same for writing: takes the run's lock. Pointers to classes and splits end with a change
 * of those tables. */
spur_status run_open_writer(const char *path, spur_run **out, spur_error *error) SPUR_MUST_USE;

/* The split of that name; SPUR_DATASET names those there are. */
spur_status run_find_split(const spur_run *run, const char *name, const store_split **out,
                           spur_error *error) SPUR_MUST_USE;

#endif
