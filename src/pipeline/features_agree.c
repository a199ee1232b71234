/*
 * features_agree.c - one name, one backbone: comparing with the run, and starting again.
 *
 * Order of a restart: run.db forgets first, then the files go. Killed between the two, the next
 * call finds a file that nothing lists and makes it anew.
 */
#include <string.h>

#include "base/memory.h"
#include "pipeline/features_job.h"

const store_backbone *features_find(const store *db, const char *name)
{
    const store_backbone *all = NULL;
    size_t count = 0;
    (void)!store_get_backbones(db, &all, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

/* The first member in which two backbones differ, or NULL. */
static const char *find_difference(const store_backbone *a, const store_backbone *b,
                                   const char **was, const char **is)
{
    /* The digest last: what else differs is in it, and says more. */
    const char *const pairs[][3] = {
        {"architecture", a->architecture, b->architecture},
        {"preprocessing", a->preprocessing, b->preprocessing},
        {"settings", a->settings, b->settings},
        {"model files (weights or config.json)", a->digest, b->digest}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(pairs[i][1], pairs[i][2]) != 0) {
            *was = pairs[i][1];
            *is = pairs[i][2];
            return pairs[i][0];
        }
    }
    return NULL;
}

static bool is_listed(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

spur_status features_find_other(store *db, const char *backbone, const char *const *listed,
                                size_t listed_count, const char **out, spur_error *error)
{
    spur_status status;
    const store_split *splits;
    size_t count;
    *out = NULL;
    TRY(store_get_splits(db, &splits, &count, error));
    for (size_t i = 0; i < count && *out == NULL; i++) {
        bool has_blocks = false;
        if (!is_listed(splits[i].name, listed, listed_count)) {
            TRY(store_has_features(db, backbone, splits[i].name, &has_blocks, error));
        }
        *out = has_blocks ? splits[i].name : NULL;
    }
done:
    return status;
}

static spur_status drop_split(store *db, const char *run_folder, const char *backbone,
                              const char *split, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(store_drop_features(db, backbone, split, error));
    TRY(features_path(run_folder, backbone, split, &path, error));
    TRY(part_file_remove(path, error));
done:
    memory_free(path);
    return status;
}

static spur_status compare(store *db, const store_backbone *backbone, const char *const *splits,
                           size_t split_count, bool restart, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *was, *is, *other;
    const store_backbone *known = features_find(db, backbone->name);
    const char *what = known == NULL ? NULL : find_difference(known, backbone, &was, &is);
    if (what == NULL) {
        return SPUR_OK;
    }
    if (!restart) {
        FAIL(SPUR_DATASET,
             "backbone %s: %s: the run has \"%s\", now it would be \"%s\"; use --restart to "
             "make its features again",
             backbone->name, what, was, is);
    }
    TRY(features_find_other(db, backbone->name, splits, split_count, &other, error));
    if (other != NULL) {
        FAIL(SPUR_DATASET,
             "backbone %s: %s: split %s was made with \"%s\", now it would be \"%s\"; use "
             "--restart without --split",
             backbone->name, what, other, was, is);
    }
done:
    return status;
}

spur_status features_agree(store *db, const char *run_folder, const store_backbone *backbone,
                           const char *const *splits, size_t split_count, bool restart,
                           spur_error *error)
{
    spur_status status;
    TRY(compare(db, backbone, splits, split_count, restart, error));
    for (size_t i = 0; restart && i < split_count; i++) {
        TRY(drop_split(db, run_folder, backbone->name, splits[i], error));
    }
    if (features_find(db, backbone->name) == NULL) {
        TRY(store_put_backbone(db, backbone, error));
    }
done:
    return status;
}
