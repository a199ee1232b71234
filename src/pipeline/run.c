/*
 * run.c - opening a run folder for reading, and its failed images.
 */
#include "pipeline/run.h"

#include <string.h>

#include "base/memory.h"

static spur_status open_run(const char *path, bool is_writer, spur_run **out, spur_error *error)
{
    spur_status status;
    spur_run *made = NULL;
    size_t embedding;
    if (path == NULL || out == NULL) {
        return error_set(error, SPUR_USAGE, "a run folder is needed");
    }
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(memory_copy_text(path, strlen(path), &made->folder, error));
    /* A writer would make what is missing. */
    TRY(is_writer && store_exists(path)
            ? store_open_writer(path, STORE_JOURNAL_AUTO, &made->db, error)
            : store_open(path, &made->db, error));
    TRY(store_get_classes(made->db, &made->classes, &made->class_count, &embedding, error));
    TRY(store_get_splits(made->db, &made->splits, &made->split_count, error));
    if (made->split_count == 0) {
        FAIL(SPUR_DATASET, "%s: nothing has been scored in this run", path);
    }
    *out = made;
    made = NULL;
done:
    spur_run_close(made);
    return status;
}

spur_status spur_run_open(const char *path, spur_run **out, spur_error *error)
{
    return open_run(path, false, out, error);
}

spur_status run_open_writer(const char *path, spur_run **out, spur_error *error)
{
    return open_run(path, true, out, error);
}

spur_status run_find_split(const spur_run *run, const char *name, const store_split **out,
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

void spur_run_close(spur_run *run)
{
    if (run != NULL) {
        store_close(run->db);
        memory_free(run->folder);
        memory_free(run);
    }
}

typedef struct failure_visit {
    int (*visit)(void *context, const spur_failure *failure);
    void *context;
    const char *split;
    bool is_stopped;
} failure_visit;

static spur_status visit_failure(void *context, const store_row *row, spur_error *error)
{
    failure_visit *to = context;
    (void)error;
    if (row->reason != NULL && !to->is_stopped) {
        spur_failure failure = {row->file_name, to->split, row->reason};
        to->is_stopped = to->visit(to->context, &failure) != 0;
    }
    return SPUR_OK;
}

spur_status spur_run_failures(spur_run *run,
                              int (*visit)(void *context, const spur_failure *failure),
                              void *context, spur_error *error)
{
    spur_status status = SPUR_OK;
    failure_visit to = {visit, context, NULL, false};
    for (size_t i = 0; i < run->split_count && !to.is_stopped; i++) {
        to.split = run->splits[i].name;
        TRY(store_each_row(run->db, to.split, visit_failure, &to, error));
    }
done:
    return status;
}
