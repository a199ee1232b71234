/*
 * evaluation_rows.c - rows and ranking of a split, side by side.
 */
#include "pipeline/evaluation_rows.h"

#include <string.h>

#include "pipeline/rank.h"

void evaluation_rows_free(evaluation_rows *block)
{
    if (block == NULL) {
        return;
    }
    memory_free(block->class_index);
    memory_free(block->rank);
    memory_free(block->size);
    memory_free(block->class_size);
    memory_free(block->logit);
    memory_free(block->box);
    memory_free(block->width);
    memory_free(block->height);
    memory_free(block->weight);
    memory_free(block->group);
    memory_free(block->file_name);
    arena_free(block->texts);
    memset(block, 0, sizeof *block);
}

static spur_status keep_text(evaluation_rows *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status take_row(void *context, const store_row *row, spur_error *error)
{
    spur_status status = SPUR_OK;
    evaluation_rows *into = context;
    size_t i = (size_t)row->row;
    if (i >= into->count) {
        return SPUR_OK; /* the store has checked that there is none */
    }
    into->class_index[i] = (uint32_t)row->class_index;
    into->weight[i] = row->weight;
    into->width[i] = (uint32_t)row->width;
    into->height[i] = (uint32_t)row->height;
    if (row->reason == NULL) {
        into->logit[i] = row->logit;
        memcpy(into->box[i], row->box, sizeof into->box[i]);
    }
    TRY(keep_text(into, row->file_name, &into->file_name[i], error));
    TRY(keep_text(into, row->group, &into->group[i], error));
done:
    return status;
}

static spur_status make_arrays(evaluation_rows *into, spur_error *error)
{
    spur_status status;
    size_t count = into->count;
    TRY(arena_new(&into->texts, error));
    TRY(memory_new(count, sizeof *into->class_index, &into->class_index, error));
    TRY(memory_new_zeroed(count, sizeof *into->rank, &into->rank, error));
    TRY(memory_new_zeroed(count, sizeof *into->size, &into->size, error));
    TRY(memory_new_zeroed(into->class_count, sizeof *into->class_size, &into->class_size,
                          error));
    TRY(memory_new_zeroed(count, sizeof *into->logit, &into->logit, error));
    TRY(memory_new_zeroed(count, sizeof *into->box, &into->box, error));
    TRY(memory_new_zeroed(count, sizeof *into->width, &into->width, error));
    TRY(memory_new_zeroed(count, sizeof *into->height, &into->height, error));
    TRY(memory_new_zeroed(count, sizeof *into->weight, &into->weight, error));
    TRY(memory_new_zeroed(count, sizeof *into->group, &into->group, error));
    TRY(memory_new_zeroed(count, sizeof *into->file_name, &into->file_name, error));
    for (size_t i = 0; i < count; i++) {
        into->class_index[i] = EVALUATION_NO_CLASS;
    }
done:
    return status;
}

static spur_status rank_rows(spur_run *run, evaluation_rows *into, spur_error *error)
{
    spur_status status;
    ranking order = {NULL, NULL, 0, 0, NULL, NULL};
    TRY(ranking_make(run, into->split, &order, error));
    for (size_t c = 0; c < into->class_count; c++) {
        size_t first = order.first[c], size = order.first[c + 1] - first;
        into->class_size[c] = (uint32_t)size;
        for (size_t i = 0; i < size; i++) {
            into->rank[order.entries[first + i].row] = (uint32_t)(i + 1);
            into->size[order.entries[first + i].row] = (uint32_t)size;
        }
    }
done:
    ranking_free(&order);
    return status;
}

spur_status evaluation_rows_make(spur_run *run, const char *split, evaluation_rows *out,
                                 spur_error *error)
{
    spur_status status;
    const store_split *part = NULL;
    evaluation_rows made;
    memset(&made, 0, sizeof made);
    TRY(run_find_split(run, split, &part, error));
    made.split = part->name;
    made.count = (size_t)part->images;
    made.class_count = run->class_count;
    if (part->images >= UINT32_MAX || run->class_count >= UINT32_MAX) {
        FAIL(SPUR_DATASET, "split %s: more images or classes than 2^32", split);
    }
    TRY(make_arrays(&made, error));
    TRY(store_each_row(run->db, split, take_row, &made, error));
    TRY(rank_rows(run, &made, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    evaluation_rows_free(&made);
    return status;
}
