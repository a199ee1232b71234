/*
 * walk.h - what lies below a folder: files in byte-wise order of their paths, links followed,
 * loops never.
 */
#ifndef PIPELINE_WALK_H
#define PIPELINE_WALK_H

#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct walk_names {
    const char **names; /* exact bytes, owned by the arena given */
    size_t count, capacity;
} walk_names;

void walk_names_free(walk_names *block);

/* Everything below root that is not a folder (broken links, FIFOs and sockets too: they are
 * rows that will fail), as paths relative to root with '/'. Entries that begin with a dot are
 * skipped. Every folder is read once, however many links lead to it: *skipped counts the links
 * that led to a folder already read. A folder that cannot be read is SPUR_DATASET. */
spur_status walk_files(const char *root, arena *texts, walk_names *out, size_t *skipped,
                       spur_error *error) SPUR_MUST_USE;

/* The folders directly in root, in byte-wise order; *loose counts what else is there. */
spur_status walk_folders(const char *root, arena *texts, walk_names *out, size_t *loose,
                         spur_error *error) SPUR_MUST_USE;

#endif
