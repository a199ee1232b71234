/*
 * group_values.c - texts of groups as indices in byte order, so that keys and sums have one
 * order whatever the order of the images.
 */
#include "pipeline/group_values.h"

#include <string.h>

#include "pipeline/name_index.h"

enum {
    MOST_GROUPS = 1000
};

void group_values_free(group_values *block)
{
    if (block != NULL) {
        for (size_t s = 0; block->of != NULL && s < block->split_count; s++) {
            memory_free(block->of[s]);
        }
        memory_free(block->of);
        arena_free(block->texts);
        memset(block, 0, sizeof *block);
    }
}

/* The images of one split while their texts are collected: first in order of appearance. */
typedef struct group_reader {
    group_values *into;
    name_index seen; /* texts that were new, not sorted yet */
    uint32_t *of;
    size_t images;
    const char *last;
    uint32_t last_value;
} group_reader;

static spur_status find_text(group_reader *work, const char *text, uint32_t *out,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    char *copy = NULL;
    if (work->last != NULL && strcmp(work->last, text) == 0) {
        *out = work->last_value;
        return SPUR_OK;
    }
    size_t at = 0;
    while (at < work->seen.count && strcmp(work->seen.entries[at].name, text) != 0) {
        at++;
    }
    if (at == work->seen.count) {
        if (at == MOST_GROUPS) {
            FAIL(SPUR_DATASET,
                 "column %s has more than %d different values: these are no groups; "
                 "--group-column names another",
                 work->into->column, MOST_GROUPS);
        }
        TRY(arena_text(work->into->texts, text, strlen(text), &copy, error));
        TRY(name_index_add(&work->seen, copy, at, error));
    }
    work->last = work->seen.entries[at].name;
    work->last_value = (uint32_t)at;
    *out = (uint32_t)at;
done:
    return status;
}

static spur_status take_row(void *context, const store_row *row, spur_error *error)
{
    group_reader *work = context;
    if (row->group == NULL || row->group[0] == '\0' || row->row >= work->images) {
        return SPUR_OK;
    }
    return find_text(work, row->group, &work->of[row->row], error);
}

static void take_cells(const truth_column *from, size_t split, group_reader *work)
{
    for (size_t i = 0; i < work->images && from->cells[split] != NULL; i++) {
        int value = from->cells[split][i].value;
        work->of[i] = value < 0 ? GROUP_NONE : (uint32_t)value;
    }
}

static spur_status read_split(spur_run *run, size_t split, const truth_column *column,
                              group_reader *work, spur_error *error)
{
    spur_status status;
    work->images = (size_t)run->splits[split].images;
    TRY(memory_new(work->images, sizeof *work->of, &work->into->of[split], error));
    work->of = work->into->of[split];
    memset(work->of, 0xFF, work->images * sizeof *work->of);
    if (column != NULL) {
        take_cells(column, split, work);
    } else {
        TRY(store_each_row(run->db, run->splits[split].name, take_row, work, error));
    }
done:
    return status;
}

static spur_status keep_values(const truth_column *column, group_reader *work,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; column != NULL && i < column->value_count; i++) {
        char *copy = NULL;
        TRY(arena_text(work->into->texts, column->values[i], strlen(column->values[i]), &copy,
                       error));
        TRY(name_index_add(&work->seen, copy, i, error));
    }
done:
    return status;
}

/* From order of appearance to byte order. */
static spur_status sort_values(spur_run *run, group_reader *work, spur_error *error)
{
    spur_status status;
    group_values *into = work->into;
    uint32_t *place = NULL;
    into->count = work->seen.count;
    TRY(arena_take(into->texts, into->count + 1, sizeof *into->names, &into->names, error));
    TRY(memory_new(into->count, sizeof *place, &place, error));
    name_index_sort(&work->seen);
    for (size_t i = 0; i < into->count; i++) {
        into->names[i] = work->seen.entries[i].name;
        place[work->seen.entries[i].value] = (uint32_t)i;
    }
    for (size_t s = 0; s < into->split_count; s++) {
        for (size_t i = 0; i < run->splits[s].images; i++) {
            uint32_t *value = &into->of[s][i];
            *value = *value == GROUP_NONE ? GROUP_NONE : place[*value];
        }
    }
done:
    memory_free(place);
    return status;
}

spur_status group_values_make(spur_run *run, const char *column, group_values *out,
                              spur_error *error)
{
    spur_status status;
    group_values made = {.column = column == NULL ? "group" : column};
    group_reader work = {.into = &made};
    truth_column *cells = NULL;
    bool is_extra = column != NULL && strcmp(column, "group") != 0;
    TRY(arena_new(&made.texts, error));
    TRY(memory_new_zeroed(run->split_count, sizeof *made.of, &made.of, error));
    made.split_count = run->split_count;
    if (is_extra) {
        TRY(truth_column_read(run, column, NULL, &cells, error));
        TRY(truth_column_needs_categories(cells, error));
    }
    TRY(keep_values(cells, &work, error));
    for (size_t s = 0; s < run->split_count; s++) {
        work.last = NULL;
        TRY(read_split(run, s, cells, &work, error));
    }
    TRY(sort_values(run, &work, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    truth_column_free(cells);
    name_index_free(&work.seen);
    group_values_free(&made);
    return status;
}
