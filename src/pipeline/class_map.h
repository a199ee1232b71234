/*
 * class_map.h - which output of a model stands for which class of a run.
 */
#ifndef PIPELINE_CLASS_MAP_H
#define PIPELINE_CLASS_MAP_H

#include <stddef.h>

#include "base/memory.h"
#include "io/store.h"

typedef struct class_map {
    size_t *outputs; /* [classes]: output of class c; NULL when there is no way to tell */
    /* "label" or "name": every class has exactly one output so called; "index": there are as
     * many outputs as classes; else a sentence that says why none fits. */
    const char *how;
} class_map;

/* names: [outputs], as the model's files call them (all synonyms), or NULL. Names win over
 * positions only when every class finds one. Texts live in `texts`. Free outputs with
 * memory_free. */
spur_status class_map_make(const store_class *classes, size_t class_count,
                           const char *const *names, size_t outputs, arena *texts,
                           class_map *out, spur_error *error) SPUR_MUST_USE;

#endif
