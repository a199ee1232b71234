/*
 * extremes.c - the ends of a ranking with what is needed to show them: path, score, box.
 *
 * A ranking keeps no boxes, so the rows are gone through once more for the few that are asked.
 */
#include "pipeline/extremes.h"

#include <string.h>

#include "io/file.h"

typedef struct extremes_job {
    const store_split *split;
    ranking order;
    size_t *item_of; /* [images of the split] 1 + item, 0 for the others */
    extremes made;
} extremes_job;

void extremes_free(extremes *block)
{
    if (block != NULL) {
        arena_free(block->texts);
        memory_free(block->items);
        memory_free(block->classes);
        memset(block, 0, sizeof *block);
    }
}

static spur_status find_split(const spur_run *run, const char *name, const store_split **out,
                              spur_error *error)
{
    for (size_t i = 0; i < run->split_count; i++) {
        if (strcmp(run->splits[i].name, name) == 0) {
            *out = &run->splits[i];
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_DATASET, "split %s is not in the run; its first is %s", name,
                     run->splits[0].name);
}

/* Absolute file names are paths already. */
static spur_status add_path(extremes_job *job, spur_extreme *to, spur_error *error)
{
    spur_status status;
    char *joined = NULL, *kept = NULL;
    TRY(file_join(to->file_name[0] == '/' ? "" : job->split->root, to->file_name, &joined,
                  error));
    TRY(arena_text(job->made.texts, joined, strlen(joined), &kept, error));
    to->path = kept;
done:
    memory_free(joined);
    return status;
}

static spur_status add_item(extremes_job *job, const spur_run *run, size_t at,
                            spur_error *error)
{
    spur_status status;
    extremes *into = &job->made;
    const rank_entry *entry = &job->order.entries[at];
    const size_t *first = &job->order.first[entry->class_index];
    spur_extreme *item = &into->items[into->count];
    char *name = NULL;
    TRY(arena_text(into->texts, entry->file_name, strlen(entry->file_name), &name, error));
    *item = (spur_extreme){.label = run->classes[entry->class_index].label,
                           .file_name = name,
                           .rank = at - first[0] + 1,
                           .images = first[1] - first[0],
                           .logit = entry->logit};
    TRY(add_path(job, item, error));
    into->classes[into->count] = entry->class_index;
    job->item_of[entry->row] = ++into->count;
done:
    return status;
}

static spur_status add_class(extremes_job *job, const spur_run *run, size_t class_index,
                             size_t per_end, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t first = job->order.first[class_index], end = job->order.first[class_index + 1];
    size_t count = end - first;
    size_t hidden = per_end < count - count / 2 ? per_end : count - count / 2;
    size_t clear = per_end < count / 2 ? per_end : count / 2;
    for (size_t i = 0; i < hidden; i++) {
        TRY(add_item(job, run, first + i, error));
    }
    for (size_t i = 0; i < clear; i++) {
        TRY(add_item(job, run, end - 1 - i, error));
    }
done:
    return status;
}

static spur_status take_box(void *context, const store_row *row, spur_error *error)
{
    extremes_job *job = context;
    size_t item = job->item_of[row->row];
    (void)error;
    if (item > 0) {
        memcpy(job->made.items[item - 1].box, row->box, sizeof row->box);
    }
    return SPUR_OK;
}

spur_status extremes_make(spur_run *run, const char *split, size_t per_end, extremes *out,
                          spur_error *error)
{
    spur_status status;
    extremes_job job = {0};
    TRY(find_split(run, split, &job.split, error));
    TRY(ranking_make(run, split, &job.order, error));
    TRY(arena_new(&job.made.texts, error));
    size_t most = job.order.count; /* nothing stands twice */
    TRY(memory_new(most, sizeof *job.made.items, &job.made.items, error));
    TRY(memory_new(most, sizeof *job.made.classes, &job.made.classes, error));
    TRY(memory_new_zeroed((size_t)job.split->images, sizeof *job.item_of, &job.item_of, error));
    for (size_t i = 0; i < run->class_count; i++) {
        TRY(add_class(&job, run, i, per_end, error));
    }
    TRY(store_each_row(run->db, split, take_box, &job, error));
    *out = job.made;
    memset(&job.made, 0, sizeof job.made);
done:
    extremes_free(&job.made);
    ranking_free(&job.order);
    memory_free(job.item_of);
    return status;
}

spur_status spur_extremes(spur_run *run, const char *split, size_t per_end,
                          int (*visit)(void *context, const spur_extreme *extreme),
                          void *context, spur_error *error)
{
    spur_status status;
    extremes found = {0};
    if (run == NULL || split == NULL || visit == NULL) {
        FAIL(SPUR_USAGE, "a run, a split and a visitor are needed");
    }
    TRY(extremes_make(run, split, per_end, &found, error));
    for (size_t i = 0; i < found.count; i++) {
        if (visit(context, &found.items[i]) != 0) {
            break;
        }
    }
done:
    extremes_free(&found);
    return status;
}
