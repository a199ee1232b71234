/*
 * subset_read.c - subsets of a run, read back: only while the scores are those they were made
 * from.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/store_subsets.h"
#include "pipeline/rank.h"
#include "pipeline/select.h"

/* The definition looked for, and the split it names among the run's. */
typedef struct subset_search {
    spur_run *run;
    const char *name;
    bool is_found;
    const store_split *split;
    unsigned char ranking[STORE_DIGEST_SIZE];
} subset_search;

static spur_status match_name(void *context, const store_subset *subset, spur_error *error)
{
    subset_search *in = context;
    (void)error;
    if (strcmp(subset->name, in->name) != 0) {
        return SPUR_OK;
    }
    in->is_found = true;
    memcpy(in->ranking, subset->ranking, sizeof in->ranking);
    for (size_t i = 0; i < in->run->split_count; i++) {
        if (strcmp(in->run->splits[i].name, subset->split) == 0) {
            in->split = &in->run->splits[i];
        }
    }
    return SPUR_OK;
}

static spur_status fail_stale(const char *name, spur_error *error)
{
    return error_set(error, SPUR_DATASET,
                     "subset %s was made from other scores than the run holds now; make it "
                     "again: spur select RUN --restart",
                     name);
}

static spur_status find_subset(subset_search *in, spur_error *error)
{
    spur_status status;
    unsigned char now[DIGEST_SIZE];
    TRY(store_each_subset(in->run->db, match_name, in, error));
    if (!in->is_found) {
        FAIL(SPUR_DATASET, "no subset %s in this run; `spur select RUN` makes subsets",
             in->name);
    }
    if (in->split == NULL) {
        TRY(fail_stale(in->name, error));
    }
    TRY(ranking_digest(in->run, in->split, now, error));
    if (memcmp(now, in->ranking, sizeof now) != 0) {
        TRY(fail_stale(in->name, error));
    }
done:
    return status;
}

spur_status subset_members(spur_run *run, const char *name, const char **split, uint64_t **rows,
                           size_t *count, spur_error *error)
{
    spur_status status;
    subset_search in = {.run = run, .name = name};
    store_member *members = NULL;
    uint64_t *made = NULL;
    size_t used = 0;
    TRY(find_subset(&in, error));
    TRY(store_get_members(run->db, name, &members, &used, error));
    TRY(memory_new(used, sizeof *made, &made, error));
    for (size_t i = 0; i < used; i++) {
        if (members[i].row >= in.split->images || (i > 0 && members[i].row <= made[i - 1])) {
            FAIL(SPUR_DATASET, "subset %s: row %llu is not in its split", name,
                 (unsigned long long)members[i].row);
        }
        made[i] = members[i].row;
    }
    *split = in.split->name;
    *rows = made;
    *count = used;
    made = NULL;
done:
    memory_free(members);
    memory_free(made);
    return status;
}

/* ---- all of them --------------------------------------------------------------------- */

typedef struct key_list {
    subset_key *keys;
    size_t count, capacity;
} key_list;

static spur_status add_subset(void *context, const store_subset *subset, spur_error *error)
{
    spur_status status;
    key_list *into = context;
    TRY(memory_grow(&into->keys, &into->capacity, into->count + 1, sizeof *into->keys, error));
    status =
        subset_key_parse(subset->name, SPUR_NAMING_CONTENT, &into->keys[into->count++], error);
    if (status == SPUR_USAGE) {
        FAIL(SPUR_DATASET, "'%.64s' in the run is no name of a subset", subset->name);
    }
done:
    return status;
}

static int compare_keys(const void *a, const void *b)
{
    return subset_key_compare(a, b);
}

spur_status subset_list(spur_run *run, subset_key **keys, size_t *count, spur_error *error)
{
    spur_status status;
    key_list list = {NULL, 0, 0};
    TRY(store_each_subset(run->db, add_subset, &list, error));
    if (list.count > 1) {
        qsort(list.keys, list.count, sizeof *list.keys, compare_keys);
    }
    *keys = list.keys;
    *count = list.count;
    list.keys = NULL;
done:
    memory_free(list.keys);
    return status;
}
