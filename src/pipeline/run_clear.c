/*
 * run_clear.c - forgetting what the stages of a run have made.
 *
 * run.db forgets first, then the files go: killed between the two, later stages find files that
 * nothing lists and make them anew.
 */
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/folder.h"
#include "io/part_file.h"
#include "io/store_results.h"
#include "io/store_subsets.h"
#include "pipeline/run.h"

/* ---- run.db ----------------------------------------------------------------------------- */

typedef struct name_list {
    char **names;
    size_t count, capacity;
} name_list;

static void names_free(name_list *block)
{
    for (size_t i = 0; i < block->count; i++) {
        memory_free(block->names[i]);
    }
    memory_free(block->names);
}

static spur_status keep_name(void *context, const store_subset *subset, spur_error *error)
{
    spur_status status;
    name_list *into = context;
    TRY(memory_grow(&into->names, &into->capacity, into->count + 1, sizeof *into->names,
                    error));
    TRY(memory_copy_text(subset->name, strlen(subset->name), &into->names[into->count], error));
    into->count++;
done:
    return status;
}

/* Stages of an evaluation (io/store_results.h). */
static const char *const stages[] = {"eval",  "groups",   "ood", "noise",
                                     "audit", "controls", "auto"};

/* Subsets and numbers. */
static spur_status drop_results(store *db, spur_error *error)
{
    spur_status status;
    name_list list = {0};
    TRY(store_each_subset(db, keep_name, &list, error));
    TRY(store_begin(db, error));
    for (size_t i = 0; i < list.count; i++) {
        TRY(store_drop_subset(db, list.names[i], error));
    }
    TRY(store_seal_subsets(db, error));
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        TRY(store_drop_stage(db, stages[i], error));
    }
    TRY(store_commit(db, error));
done:
    names_free(&list);
    return status;
}

static spur_status drop_rows(store *db, spur_error *error)
{
    spur_status status = SPUR_OK;
    const store_split *splits = NULL;
    size_t count = 0;
    TRY(drop_results(db, error));
    TRY(store_get_splits(db, &splits, &count, error));
    while (count > 0) {
        TRY(store_drop_split(db, splits[0].name, error));
        TRY(store_get_splits(db, &splits, &count, error));
    }
done:
    return status;
}

/* ---- files ------------------------------------------------------------------------------ */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), wanted = strlen(end);
    return length > wanted && strcmp(name + length - wanted, end) == 0;
}

/* The tensor files of one backbone's folder; part files go with them. */
static spur_status remove_tensors(const char *folder, spur_error *error)
{
    static const char part[] = ".part";
    spur_status status;
    folder_list list = {0};
    TRY(folder_read(folder, SPUR_RESOURCE, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        char *path = NULL;
        if (ends_with(list.names[i], ".safetensors.part")) {
            list.names[i][strlen(list.names[i]) - strlen(part)] = '\0';
        }
        if (ends_with(list.names[i], ".safetensors")) {
            TRY(file_join(folder, list.names[i], &path, error));
            status = part_file_remove(path, error);
            memory_free(path);
            TRY(status);
        }
    }
done:
    folder_free(&list);
    return status;
}

/* RUN/features or RUN/heads: a folder per backbone. */
static spur_status remove_below(const char *run, const char *kind, spur_error *error)
{
    spur_status status;
    folder_list list = {0};
    char *folder = NULL, *inner = NULL;
    TRY(file_join(run, kind, &folder, error));
    if (file_kind_of(folder) != FILE_FOLDER) {
        goto done;
    }
    TRY(folder_read(folder, SPUR_RESOURCE, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        memory_free(inner);
        inner = NULL;
        TRY(file_join(folder, list.names[i], &inner, error));
        TRY(file_kind_of(inner) == FILE_FOLDER ? remove_tensors(inner, error) : SPUR_OK);
    }
done:
    folder_free(&list);
    memory_free(folder);
    memory_free(inner);
    return status;
}

spur_status spur_run_clear(const char *path, spur_error *error)
{
    spur_status status = SPUR_OK;
    store *db = NULL;
    char *numbers = NULL;
    if (path == NULL) {
        return error_set(error, SPUR_USAGE, "a run folder is needed");
    }
    if (!store_exists(path)) {
        return SPUR_OK;
    }
    TRY(store_open_writer(path, STORE_JOURNAL_AUTO, &db, error));
    TRY(drop_rows(db, error));
    TRY(remove_below(path, "features", error));
    TRY(remove_below(path, "heads", error));
    TRY(file_join(path, "metrics.json", &numbers, error));
    TRY(part_file_remove(numbers, error));
done:
    memory_free(numbers);
    store_close(db);
    return status;
}
