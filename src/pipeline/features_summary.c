/*
 * features_summary.c - what a call tells its caller, and the rows without features by name.
 */
#include <string.h>

#include "base/memory.h"
#include "pipeline/features_job.h"
#include "pipeline/run.h"

/* The public part first: its address is the whole block's. */
typedef struct summary_block {
    spur_features_summary shown;
    arena *texts;
} summary_block;

static spur_status keep_set(summary_block *into, const spur_feature_set *set, size_t i,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_feature_set *copy = &into->shown.sets[i];
    *copy = *set;
    const char **const texts[] = {&copy->backbone, &copy->architecture, &copy->preprocessing,
                                  &copy->settings, &copy->digest,       &copy->split,
                                  &copy->path,     &copy->matching};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        char *text = NULL;
        const char *from = *texts[t] == NULL ? "" : *texts[t];
        TRY(arena_text(into->texts, from, strlen(from), &text, error));
        *texts[t] = text;
    }
    into->shown.images += set->images;
    into->shown.failed += set->failed;
    into->shown.skipped += set->skipped;
done:
    return status;
}

spur_status features_summarise(const spur_feature_set *sets, size_t count, size_t threads,
                               spur_features_summary **out, spur_error *error)
{
    spur_status status;
    summary_block *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    TRY(arena_take(made->texts, count, sizeof *made->shown.sets, &made->shown.sets, error));
    made->shown.set_count = count;
    made->shown.threads = threads;
    for (size_t i = 0; i < count; i++) {
        TRY(keep_set(made, &sets[i], i, error));
    }
    *out = &made->shown;
    made = NULL;
done:
    spur_features_summary_free(made == NULL ? NULL : &made->shown);
    return status;
}

void spur_features_summary_free(spur_features_summary *summary)
{
    if (summary != NULL) {
        summary_block *block = (summary_block *)(void *)summary;
        arena_free(block->texts);
        memory_free(block);
    }
}

/* ---- failures ---------------------------------------------------------------------------- */

typedef struct failure_names {
    int (*visit)(void *context, const spur_failure *failure);
    void *context;
    const char *split;
    arena *texts;
    store_feature_failure *list;
    size_t count, capacity, next;
    bool is_stopped;
} failure_names;

static spur_status keep_failure(void *context, const store_feature_failure *failure,
                                spur_error *error)
{
    spur_status status;
    failure_names *into = context;
    char *reason = NULL;
    TRY(memory_grow(&into->list, &into->capacity, into->count + 1, sizeof *into->list, error));
    TRY(arena_text(into->texts, failure->reason, strlen(failure->reason), &reason, error));
    into->list[into->count++] = (store_feature_failure){failure->row, reason};
done:
    return status;
}

static spur_status name_failure(void *context, const store_row *row, spur_error *error)
{
    failure_names *from = context;
    (void)error;
    if (!from->is_stopped && from->next < from->count &&
        from->list[from->next].row == row->row) {
        spur_failure failure = {row->file_name, from->split, from->list[from->next].reason};
        from->is_stopped = from->visit(from->context, &failure) != 0;
        from->next++;
    }
    return SPUR_OK;
}

spur_status spur_feature_failures(spur_run *run, const char *backbone, const char *split,
                                  int (*visit)(void *context, const spur_failure *failure),
                                  void *context, spur_error *error)
{
    spur_status status;
    failure_names names = {.visit = visit, .context = context, .split = split};
    TRY(arena_new(&names.texts, error));
    TRY(store_each_feature_failure(run->db, backbone, split, keep_failure, &names, error));
    TRY(names.count == 0 ? SPUR_OK
                         : store_each_row(run->db, split, name_failure, &names, error));
done:
    arena_free(names.texts);
    memory_free(names.list);
    return status;
}
