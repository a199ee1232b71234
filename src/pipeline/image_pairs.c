/*
 * image_pairs.c - the images that two runs have in common.
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/image_pairs.h"
#include "pipeline/name_index.h"

void image_pairs_free(image_pairs *block)
{
    if (block != NULL) {
        ranking_free(&block->first);
        ranking_free(&block->second);
        memory_free(block->items);
        memory_free(block->class_first);
        memset(block, 0, sizeof *block);
    }
}

/* Entries of a ranking in the order of (image id, row). */
static int compare_ids(const void *a, const void *b)
{
    const rank_entry *left = *(const rank_entry *const *)a;
    const rank_entry *right = *(const rank_entry *const *)b;
    int order = memcmp(left->image_id, right->image_id, STORE_ID_SIZE);
    return order != 0 ? order : (left->row > right->row) - (left->row < right->row);
}

static spur_status sort_by_id(const ranking *from, const rank_entry ***out, spur_error *error)
{
    const rank_entry **items = NULL;
    spur_status status = memory_new(from->count, sizeof *items, &items, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < from->count; i++) {
        items[i] = &from->entries[i];
    }
    if (from->count > 1) {
        qsort(items, from->count, sizeof *items, compare_ids);
    }
    *out = items;
    return SPUR_OK;
}

/* classes[c] of the second run: the first run's class of the same label, or SIZE_MAX. */
static spur_status match_classes(const spur_run *first, const spur_run *second, size_t **out,
                                 spur_error *error)
{
    spur_status status;
    name_index labels = {NULL, 0, 0};
    size_t *classes = NULL;
    for (size_t i = 0; i < first->class_count; i++) {
        TRY(name_index_add(&labels, first->classes[i].label, i, error));
    }
    name_index_sort(&labels);
    TRY(memory_new(second->class_count, sizeof *classes, &classes, error));
    for (size_t i = 0; i < second->class_count; i++) {
        classes[i] = name_index_find(&labels, second->classes[i].label);
    }
    *out = classes;
done:
    name_index_free(&labels);
    return status;
}

/* Merges two lists in the order of their ids; an id that stands several times is paired in
 * the order of the rows. */
static void merge(image_pairs *into, const rank_entry *const *first,
                  const rank_entry *const *second, const size_t *classes)
{
    size_t i = 0, j = 0;
    while (i < into->first.count && j < into->second.count) {
        const rank_entry *left = first[i], *right = second[j];
        int order = memcmp(left->image_id, right->image_id, STORE_ID_SIZE);
        i += order <= 0;
        j += order >= 0;
        if (order == 0 && classes[right->class_index] != left->class_index) {
            into->relabelled++;
        } else if (order == 0) {
            into->items[into->count++] =
                (image_pair){left->file_name, left->class_index,   left->row,
                             right->row,      (double)left->logit, (double)right->logit};
        }
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const image_pair *left = a, *right = b;
    if (left->class_index != right->class_index) {
        return left->class_index < right->class_index ? -1 : 1;
    }
    int order = strcmp(left->file_name, right->file_name);
    return order != 0
               ? order
               : (left->first_row > right->first_row) - (left->first_row < right->first_row);
}

static spur_status order_pairs(image_pairs *into, size_t class_count, spur_error *error)
{
    spur_status status;
    if (into->count > 1) {
        qsort(into->items, into->count, sizeof *into->items, compare_pairs);
    }
    TRY(memory_new_zeroed(class_count + 1, sizeof *into->class_first, &into->class_first,
                          error));
    for (size_t i = 0; i < into->count; i++) {
        into->class_first[into->items[i].class_index + 1]++;
    }
    for (size_t i = 0; i < class_count; i++) {
        into->class_first[i + 1] += into->class_first[i];
    }
done:
    return status;
}

spur_status image_pairs_make(spur_run *first, spur_run *second, const char *split,
                             image_pairs *out, spur_error *error)
{
    spur_status status;
    image_pairs made = {.count = 0};
    const rank_entry **left = NULL, **right = NULL;
    size_t *classes = NULL;
    TRY(ranking_make(first, split, &made.first, error));
    TRY(ranking_make(second, split, &made.second, error));
    TRY(match_classes(first, second, &classes, error));
    TRY(sort_by_id(&made.first, &left, error));
    TRY(sort_by_id(&made.second, &right, error));
    TRY(memory_new(made.first.count, sizeof *made.items, &made.items, error));
    merge(&made, left, right, classes);
    TRY(order_pairs(&made, first->class_count, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    memory_free(left);
    memory_free(right);
    memory_free(classes);
    image_pairs_free(&made);
    return status;
}
