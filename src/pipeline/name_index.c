/*
 * name_index.c - a sorted array of names.
 */
#include "pipeline/name_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

spur_status name_index_add(name_index *into, const char *name, size_t value, spur_error *error)
{
    spur_status status = memory_grow(&into->entries, &into->capacity, into->count + 1,
                                     sizeof *into->entries, error);
    if (status == SPUR_OK) {
        into->entries[into->count++] = (name_entry){name, value};
    }
    return status;
}

static int compare_entries(const void *a, const void *b)
{
    const name_entry *left = a;
    const name_entry *right = b;
    int order = strcmp(left->name, right->name);
    if (order != 0) {
        return order;
    }
    return (left->value > right->value) - (left->value < right->value);
}

void name_index_sort(name_index *into)
{
    if (into->count > 1) {
        qsort(into->entries, into->count, sizeof *into->entries, compare_entries);
    }
}

size_t name_index_find(const name_index *from, const char *name)
{
    size_t low = 0;
    size_t high = from->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(from->entries[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < from->count && strcmp(from->entries[low].name, name) == 0) {
        return from->entries[low].value;
    }
    return SIZE_MAX;
}

const name_entry *name_index_repeat(const name_index *from)
{
    for (size_t i = 1; i < from->count; i++) {
        if (strcmp(from->entries[i].name, from->entries[i - 1].name) == 0) {
            return &from->entries[i];
        }
    }
    return NULL;
}

void name_index_free(name_index *block)
{
    if (block != NULL) {
        memory_free(block->entries);
        memset(block, 0, sizeof *block);
    }
}
