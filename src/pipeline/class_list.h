/*
 * class_list.h - lists that say which classes there are, in index order, and files that give
 * classes their names for prompts. The accepted forms are in docs/formats.md.
 */
#ifndef PIPELINE_CLASS_LIST_H
#define PIPELINE_CLASS_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct class_entry {
    const char *label; /* wnid or folder name; NULL when the list holds names only */
    const char *name;  /* as the list says it, all synonyms; NULL when it gives none */
} class_entry;

typedef struct class_list {
    class_entry *entries;
    size_t count, capacity;
    bool has_labels;
} class_list;

/* Failures are SPUR_DATASET and name the file and, in text, the line. */
spur_status class_list_read(const char *path, arena *texts, class_list *out,
                            spur_error *error) SPUR_MUST_USE;
void class_list_free(class_list *block);

/* True for "n" and eight digits: a WordNet id, which no detector knows as a word. */
bool class_is_wnid(const char *text);

/* A name for prompts: the first synonym, '_' as space, outer blanks cut. */
spur_status class_plain_name(const char *name, arena *texts, char **out,
                             spur_error *error) SPUR_MUST_USE;

#endif
