/*
 * manifest_map.c - class maps and the folder names of published sets, applied to rows.
 *
 * The trap: ImageNet-V2's folders are numbers that mean class indices. A run whose own labels
 * are numbers in another order would take them for labels; so under its rule an index wins.
 */
#include "pipeline/manifest_map.h"

#include <string.h>

#include "base/text.h"
#include "pipeline/split_way.h"

enum {
    IMAGENET_CLASSES = 1000
};

static const char *ours_of(const draft *from, const char *theirs)
{
    const label_pair *pair = label_map_find(&from->map, theirs);
    return pair == NULL ? NULL : pair->ours;
}

/* ---- rules ------------------------------------------------------------------------------- */

/* Sets with folders of wnids: the run may have only some of their classes. */
static spur_status map_wnids(draft *from, const manifest_known *known, size_t known_count,
                             arena *texts, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < known_count; i++) {
        char *label = NULL;
        TRY(arena_text(texts, known[i].label, strlen(known[i].label), &label, error));
        TRY(label_map_add(&from->map, label, label, i, error));
    }
done:
    return status;
}

/* The index that a folder's name is; SPUR_DATASET when it is none of the run. */
static spur_status index_of(const char *label, size_t known_count, uint64_t *out,
                            spur_error *error)
{
    if (!text_to_u64(label, out)) {
        return error_set(error, SPUR_DATASET,
                         "class \"%s\" is not a number: the folders of imagenet-v2 are class "
                         "indices; for folders named otherwise give --ood-rule none",
                         label);
    }
    if (*out >= known_count) {
        return error_set(error, SPUR_DATASET,
                         "class index %s is out of range: the run has classes 0 to %zu; give a "
                         "--class-map when the run does not have ImageNet's classes",
                         label, known_count - 1);
    }
    return SPUR_OK;
}

static spur_status map_indices(draft *from, const manifest_known *known, size_t known_count,
                               arena *texts, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *last = NULL;
    name_index seen = {NULL, 0, 0};
    for (size_t i = 0; i < from->count; i++) {
        if (from->rows[i].label != last) {
            last = from->rows[i].label;
            TRY(name_index_add(&seen, last, i, error));
        }
    }
    name_index_sort(&seen);
    for (size_t i = 0; i < seen.count; i++) {
        uint64_t index;
        char *label = NULL;
        const char *theirs = seen.entries[i].name;
        if (i > 0 && strcmp(theirs, seen.entries[i - 1].name) == 0) {
            continue;
        }
        TRY(index_of(theirs, known_count, &index, error));
        TRY(arena_text(texts, known[index].label, strlen(known[index].label), &label, error));
        TRY(label_map_add(&from->map, theirs, label, i, error));
    }
    if (known_count != IMAGENET_CLASSES) {
        TRY(draft_warn(
            from, error,
            "the folders of imagenet-v2 are indices of ImageNet's 1000 classes; here "
            "they were taken for those of the run's %zu",
            known_count));
    }
done:
    name_index_free(&seen);
    return status;
}

static spur_status map_by_rule(draft *from, const manifest_known *known, size_t known_count,
                               const manifest *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    from->map.place = "class";
    if (known_count == 0) {
        return SPUR_OK;
    }
    if (out->rule == SPUR_OOD_IMAGENET_V2) {
        TRY(map_indices(from, known, known_count, out->texts, error));
    } else if (out->rule == SPUR_OOD_IMAGENET_A || out->rule == SPUR_OOD_IMAGENET_R ||
               out->rule == SPUR_OOD_IMAGENET_SKETCH) {
        TRY(map_wnids(from, known, known_count, out->texts, error));
    }
    TRY(label_map_seal(&from->map, error));
done:
    return status;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Rows of classes in the map move up and get our labels; the others are counted. */
static spur_status keep_rows(draft *from, manifest *out, name_index *excluded,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t kept = 0;
    const char *last = NULL, *ours = NULL;
    for (size_t i = 0; i < from->count; i++) {
        if (from->rows[i].label != last) {
            last = from->rows[i].label;
            ours = ours_of(from, last);
            TRY(ours != NULL ? SPUR_OK : name_index_add(excluded, last, i, error));
        }
        if (ours == NULL) {
            out->excluded_images++;
            continue;
        }
        from->rows[kept] = from->rows[i];
        from->rows[kept].label = ours;
        if (from->details != NULL) {
            from->details[kept] = from->details[i];
        }
        kept++;
    }
    from->count = kept;
done:
    return status;
}

static void keep_labels(draft *from)
{
    size_t kept = 0;
    for (size_t i = 0; i < from->label_count; i++) {
        const char *ours = ours_of(from, from->labels[i]);
        if (ours != NULL) {
            from->labels[kept++] = ours;
        }
    }
    from->label_count = kept;
}

static size_t count_names(name_index *names)
{
    size_t count = 0;
    name_index_sort(names);
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->entries[i].name;
        count += i == 0 || strcmp(name, names->entries[i - 1].name) != 0 ? 1 : 0;
    }
    return count;
}

static spur_status refuse_empty(const draft *from, const name_index *excluded, const char *ours,
                                spur_error *error)
{
    const char *theirs = excluded->entries[0].name;
    if (from->map.path != NULL) {
        return error_set(error, SPUR_DATASET,
                         "class map %s: none of the dataset's classes is in it; it maps "
                         "\"%s\", the dataset has \"%s\"",
                         from->map.path, from->map.pairs[0].theirs, theirs);
    }
    return error_set(error, SPUR_DATASET,
                     "none of the dataset's classes is one of the run: it has \"%s\", the run "
                     "\"%s\"; give a --class-map",
                     theirs, ours);
}

/* Classes of the map that the dataset does not have: usual for a part of it, or a typing
 * error. */
static spur_status warn_unused(draft *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    name_index there = {NULL, 0, 0};
    const char *last = NULL, *example = NULL;
    size_t missing = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (from->rows[i].label != last) {
            last = from->rows[i].label;
            TRY(name_index_add(&there, last, i, error));
        }
    }
    name_index_sort(&there);
    for (size_t i = 0; i < from->map.count; i++) {
        const char *theirs = from->map.pairs[i].theirs;
        if (name_index_find(&there, theirs) == SIZE_MAX) {
            example = missing++ == 0 ? theirs : example;
        }
    }
    if (missing > 0) {
        TRY(draft_warn(
            from, error, "class map %s: %zu of its %zu classes (\"%s\") %s no images",
            from->map.path, missing, from->map.count, example, missing == 1 ? "has" : "have"));
    }
done:
    name_index_free(&there);
    return status;
}

spur_status manifest_map_labels(draft *from, const spur_data_options *options,
                                const manifest_known *known, size_t known_count, manifest *out,
                                spur_error *error)
{
    spur_status status;
    name_index excluded = {NULL, 0, 0};
    out->rule = options->ood_rule == SPUR_OOD_AUTO ? ood_rule_of_split(options->split)
                                                   : options->ood_rule;
    if (options->class_map != NULL) {
        TRY(label_map_read(options->class_map, out->texts, &from->map, error));
        TRY(warn_unused(from, error));
        memcpy(out->map_digest, from->map.digest, sizeof out->map_digest);
    } else {
        TRY(map_by_rule(from, known, known_count, out, error));
    }
    if (from->map.count == 0) {
        return SPUR_OK;
    }
    TRY(keep_rows(from, out, &excluded, error));
    keep_labels(from);
    out->excluded_classes = count_names(&excluded);
    TRY(from->count > 0
            ? SPUR_OK
            : refuse_empty(from, &excluded, known_count == 0 ? "" : known[0].label, error));
    status = SPUR_OK;
done:
    name_index_free(&excluded);
    return status;
}
