/*
 * label_map.h - a dataset's own class names to those of a run: several of theirs may mean one
 * of ours, and what is not in the map is left out of the dataset.
 */
#ifndef PIPELINE_LABEL_MAP_H
#define PIPELINE_LABEL_MAP_H

#include "base/digest.h"
#include "base/memory.h"
#include "pipeline/name_index.h"

typedef struct label_pair {
    const char *theirs, *ours;
    size_t line; /* 1-based; of a JSON file the member */
} label_pair;

typedef struct label_map {
    const char *path; /* NULL: made by a rule */
    label_pair *pairs;
    size_t count, capacity;
    name_index by_theirs;
    const char *place;            /* "line" or "member" */
    char digest[DIGEST_HEX_SIZE]; /* over the pairs in order of theirs; "" of a rule's map */
} label_map;

/* CSV of two columns (a first row "theirs,ours" is a heading) or a JSON object of texts or
 * indices. SPUR_DATASET names file and line: a class of theirs twice, an empty name, no pair at
 * all. Texts and path live in `texts`; free with label_map_free. */
spur_status label_map_read(const char *path, arena *texts, label_map *out,
                           spur_error *error) SPUR_MUST_USE;
/* Adds a pair; call label_map_seal after the last. */
spur_status label_map_add(label_map *into, const char *theirs, const char *ours, size_t line,
                          spur_error *error) SPUR_MUST_USE;
spur_status label_map_seal(label_map *into, spur_error *error) SPUR_MUST_USE;
void label_map_free(label_map *block);

/* The pair of a class of theirs, or NULL. */
const label_pair *label_map_find(const label_map *from, const char *theirs);

#endif
