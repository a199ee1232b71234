/*
 * name_index.h - from a name to a number by binary search: no hashing, so no input is slow.
 */
#ifndef PIPELINE_NAME_INDEX_H
#define PIPELINE_NAME_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct name_entry {
    const char *name; /* borrowed */
    size_t value;
} name_entry;

typedef struct name_index {
    name_entry *entries;
    size_t count, capacity;
} name_index;

spur_status name_index_add(name_index *into, const char *name, size_t value,
                           spur_error *error) SPUR_MUST_USE;
/* Call once after the last add; equal names are ordered by value. */
void name_index_sort(name_index *into);
/* Value of a name, SIZE_MAX when it is not there; of equal names the lowest value. */
size_t name_index_find(const name_index *from, const char *name);
/* An entry whose name equals that of the entry before it, or NULL. */
const name_entry *name_index_repeat(const name_index *from);
void name_index_free(name_index *block);

#endif
