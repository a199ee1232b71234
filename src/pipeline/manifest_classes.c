/*
 * manifest_classes.c - which classes there are, in which order, and what they are called.
 *
 * Three sources: the classes a run already has, a class list, or the labels themselves. A label
 * means an entry by its label, else by its name, else by its index; ids of ImageNet's devkit
 * are positions in the list and are never used as indices.
 */
#include "pipeline/manifest_classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pipeline/class_list.h"
#include "pipeline/name_index.h"

/* One class while its place is being decided. */
typedef struct candidate {
    const char *label, *name; /* name NULL: made from the label */
    size_t position;          /* in its source */
} candidate;

typedef struct resolver {
    draft *from;
    const spur_data_options *options;
    name_index labels; /* distinct labels; value: where it appears first */
    candidate *candidates;
    size_t count;
    size_t *class_of;    /* [position in the source] class index */
    size_t *position_of; /* [distinct label] position in the source */
    name_index by_label, by_name;
    bool is_listed; /* candidates come from a list or a run */
    bool is_run;
} resolver;

static void resolver_free(resolver *block)
{
    name_index_free(&block->labels);
    name_index_free(&block->by_label);
    name_index_free(&block->by_name);
    memory_free(block->candidates);
    memory_free(block->class_of);
    memory_free(block->position_of);
}

/* ---- distinct labels ----------------------------------------------------------------- */

static spur_status collect_labels(resolver *work, spur_error *error)
{
    spur_status status = SPUR_OK;
    const draft *from = work->from;
    const char *last = NULL;
    for (size_t i = 0; i < from->label_count; i++) {
        TRY(name_index_add(&work->labels, from->labels[i], i, error));
    }
    for (size_t i = 0; i < from->count && from->label_count == 0; i++) {
        if (from->rows[i].label != last) {
            last = from->rows[i].label;
            TRY(name_index_add(&work->labels, last, i, error));
        }
    }
    name_index_sort(&work->labels);
    size_t kept = 0;
    for (size_t i = 0; i < work->labels.count; i++) {
        name_entry *entries = work->labels.entries;
        if (kept == 0 || strcmp(entries[i].name, entries[kept - 1].name) != 0) {
            entries[kept++] = entries[i];
        }
    }
    work->labels.count = kept;
done:
    return status;
}

/* ---- sources ------------------------------------------------------------------------- */

static spur_status take_labels(resolver *work, spur_error *error)
{
    spur_status status;
    work->count = work->labels.count;
    TRY(memory_new_zeroed(work->count, sizeof *work->candidates, &work->candidates, error));
    for (size_t i = 0; i < work->count; i++) {
        work->candidates[i] =
            (candidate){work->labels.entries[i].name, NULL, work->labels.entries[i].value};
    }
done:
    return status;
}

static spur_status take_known(resolver *work, const manifest_known *known, size_t count,
                              spur_error *error)
{
    spur_status status;
    work->count = count;
    work->is_listed = work->is_run = true;
    TRY(memory_new_zeroed(count, sizeof *work->candidates, &work->candidates, error));
    for (size_t i = 0; i < count; i++) {
        char *label = NULL;
        char *name = NULL;
        TRY(arena_text(work->from->texts, known[i].label, strlen(known[i].label), &label,
                       error));
        TRY(arena_text(work->from->texts, known[i].name, strlen(known[i].name), &name, error));
        work->candidates[i] = (candidate){label, name, i};
    }
done:
    return status;
}

static int compare_candidates_by_label(const void *a, const void *b)
{
    return strcmp(((const candidate *)a)->label, ((const candidate *)b)->label);
}

/* A list in sorted order cannot be in the devkit's order: the ids would be used as indices. */
static spur_status check_devkit_list(const resolver *work, const class_list *list,
                                     spur_error *error)
{
    bool is_sorted = true;
    for (size_t i = 1; i < work->count; i++) {
        is_sorted = is_sorted && compare_candidates_by_label(&work->candidates[i - 1],
                                                             &work->candidates[i]) < 0;
    }
    if (!list->has_labels || (is_sorted && work->count > 1)) {
        return error_set(error, SPUR_DATASET,
                         "class list %s: devkit ids need the list in the devkit's order with "
                         "wnids (map_clsloc.txt of the ImageNet devkit)",
                         work->options->class_list);
    }
    return SPUR_OK;
}

static spur_status take_list(resolver *work, spur_error *error)
{
    spur_status status;
    class_list list = {NULL, 0, 0, false};
    TRY(class_list_read(work->options->class_list, work->from->texts, &list, error));
    work->count = list.count;
    work->is_listed = true;
    TRY(memory_new_zeroed(list.count, sizeof *work->candidates, &work->candidates, error));
    for (size_t i = 0; i < list.count; i++) {
        const class_entry *entry = &list.entries[i];
        work->candidates[i] =
            (candidate){entry->label != NULL ? entry->label : entry->name, entry->name, i};
    }
    TRY(work->options->labels_are_devkit ? check_devkit_list(work, &list, error) : SPUR_OK);
    /* Names without labels, as many as there are folders: they belong together by position. */
    bool by_position =
        !list.has_labels && work->from->map.count == 0 && work->from->label_count == list.count;
    for (size_t i = 0; i < list.count && by_position; i++) {
        work->candidates[i].label = work->from->labels[i];
    }
done:
    class_list_free(&list);
    return status;
}

/* ---- order --------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Compares two runs of digits of these lengths as numbers. */
static int compare_digits(const char *a, size_t a_length, const char *b, size_t b_length)
{
    while (a_length > 0 && *a == '0') {
        a++;
        a_length--;
    }
    while (b_length > 0 && *b == '0') {
        b++;
        b_length--;
    }
    if (a_length != b_length) {
        return a_length < b_length ? -1 : 1;
    }
    return memcmp(a, b, a_length);
}

static int compare_natural(const char *a, const char *b)
{
    const char *left = a;
    const char *right = b;
    while (*left != '\0' && *right != '\0') {
        size_t left_digits = strspn(left, "0123456789");
        size_t right_digits = strspn(right, "0123456789");
        if (left_digits > 0 && right_digits > 0) {
            int order = compare_digits(left, left_digits, right, right_digits);
            if (order != 0) {
                return order;
            }
            left += left_digits;
            right += right_digits;
        } else if (*left != *right) {
            break;
        } else {
            left++;
            right++;
        }
    }
    int order = strcmp(left, right);
    return order != 0 ? order : strcmp(a, b);
}

static int by_lex(const void *a, const void *b)
{
    const candidate *left = a;
    const candidate *right = b;
    int order = strcmp(left->label, right->label);
    return order != 0 ? order : (left->position > right->position) * 2 - 1;
}

static int by_natural(const void *a, const void *b)
{
    int order = compare_natural(((const candidate *)a)->label, ((const candidate *)b)->label);
    return order != 0 ? order : by_lex(a, b);
}

static int by_position(const void *a, const void *b)
{
    size_t left = ((const candidate *)a)->position;
    size_t right = ((const candidate *)b)->position;
    return (left > right) - (left < right);
}

static bool are_numbers(const resolver *work)
{
    for (size_t i = 0; i < work->count; i++) {
        if (!is_number(work->candidates[i].label)) {
            return false;
        }
    }
    return true;
}

static spur_class_order choose_order(const resolver *work)
{
    spur_class_order order = work->options->class_order;
    if (work->is_run) {
        return SPUR_CLASS_ORDER_FILE;
    }
    if (order != SPUR_CLASS_ORDER_AUTO) {
        return order;
    }
    if (work->is_listed) {
        return work->options->labels_are_devkit ? SPUR_CLASS_ORDER_LEX : SPUR_CLASS_ORDER_FILE;
    }
    return are_numbers(work) ? SPUR_CLASS_ORDER_NUMERIC : SPUR_CLASS_ORDER_LEX;
}

/* Sorts the candidates: their place is the class index from here on. */
static spur_status order_candidates(resolver *work, manifest *out, spur_error *error)
{
    static const struct {
        const char *name;
        int (*compare)(const void *a, const void *b);
    } orders[] = {[SPUR_CLASS_ORDER_AUTO] = {"lex", by_lex},
                  [SPUR_CLASS_ORDER_LEX] = {"lex", by_lex},
                  [SPUR_CLASS_ORDER_NATURAL] = {"natural", by_natural},
                  [SPUR_CLASS_ORDER_NUMERIC] = {"numeric", by_natural},
                  [SPUR_CLASS_ORDER_FILE] = {"file", by_position}};
    spur_status status;
    spur_class_order order = choose_order(work);
    if (order == SPUR_CLASS_ORDER_NUMERIC && !are_numbers(work)) {
        FAIL(SPUR_DATASET, "class order numeric: not every class is a number");
    }
    qsort(work->candidates, work->count, sizeof *work->candidates, orders[order].compare);
    out->class_order = work->is_run ? "run" : orders[order].name;
    if (work->is_listed) {
        TRY(memory_new(work->count, sizeof *work->class_of, &work->class_of, error));
        for (size_t i = 0; i < work->count; i++) {
            work->class_of[work->candidates[i].position] = i;
        }
    }
    status = SPUR_OK;
done:
    return status;
}

/* ---- what a label means -------------------------------------------------------------- */

static spur_status index_candidates(resolver *work, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < work->count; i++) {
        const candidate *one = &work->candidates[i];
        TRY(name_index_add(&work->by_label, one->label, i, error));
        if (one->name != NULL) {
            char *plain = NULL;
            TRY(class_plain_name(one->name, work->from->texts, &plain, error));
            TRY(name_index_add(&work->by_name, one->name, i, error));
            TRY(name_index_add(&work->by_name, plain, i, error));
        }
    }
    name_index_sort(&work->by_label);
    name_index_sort(&work->by_name);
done:
    return status;
}

/* Line of the first row with this label, 0 when there are no lines. */
static size_t line_of(const resolver *work, const char *label)
{
    for (size_t i = 0; i < work->from->count; i++) {
        if (work->from->rows[i].label != NULL &&
            strcmp(work->from->rows[i].label, label) == 0) {
            return work->from->rows[i].line;
        }
    }
    return 0;
}

static spur_status fail_label(const resolver *work, const char *label, spur_error *error)
{
    size_t line = line_of(work, label);
    char where[40] = "";
    if (line > 0) {
        (void)snprintf(where, sizeof where, "line %zu: ", line);
    }
    if (is_number(label)) {
        size_t base = work->options->labels_are_devkit ? 1 : 0;
        return error_set(error, SPUR_DATASET, "%slabel %s is out of range: %s has %zu to %zu",
                         where, label, work->is_run ? "the run" : "the class list", base,
                         work->count - 1 + base);
    }
    return error_set(error, SPUR_DATASET, "%slabel \"%s\" is not among the %zu classes of %s",
                     where, label, work->count, work->is_run ? "the run" : "the class list");
}

/* Class index of a label, SIZE_MAX when it means nothing. */
static size_t class_of_label(const resolver *work, const char *label)
{
    uint64_t number;
    bool is_index = is_number(label) && text_to_u64(label, &number);
    if (work->options->labels_are_devkit && is_index) {
        return number >= 1 && number <= work->count ? work->class_of[number - 1] : SIZE_MAX;
    }
    size_t found = name_index_find(&work->by_label, label);
    if (found == SIZE_MAX) {
        found = name_index_find(&work->by_name, label);
    }
    if (found == SIZE_MAX && is_index && number < work->count) {
        found = work->class_of == NULL ? SIZE_MAX : work->class_of[number];
    }
    return found;
}

/* The candidate whose label or name is nearest to a mistyped one, or NULL. */
static const char *nearest(const resolver *work, const char *typed)
{
    const char *best = NULL;
    size_t distance = strlen(typed) / 3 + 1;
    for (size_t i = 0; i < work->count; i++) {
        const char *const texts[] = {work->candidates[i].label, work->candidates[i].name};
        for (size_t j = 0; j < 2; j++) {
            size_t edits = texts[j] == NULL ? distance : text_distance(typed, texts[j]);
            if (edits < distance) {
                best = texts[j];
                distance = edits;
            }
        }
    }
    return best;
}

/* Every class of ours in a class map is one. */
static spur_status check_map(const resolver *work, spur_error *error)
{
    const label_map *map = &work->from->map;
    for (size_t i = 0; i < map->count && map->path != NULL && work->is_listed; i++) {
        const char *ours = map->pairs[i].ours;
        if (class_of_label(work, ours) == SIZE_MAX) {
            const char *known = nearest(work, ours);
            return error_set(error, SPUR_DATASET,
                             "class map %s: %s %zu: \"%s\" is not among the %zu classes of "
                             "%s%s%s%s",
                             map->path, map->place, map->pairs[i].line, ours, work->count,
                             work->is_run ? "the run" : "the class list",
                             known == NULL ? "" : "; did you mean \"",
                             known == NULL ? "" : known, known == NULL ? "" : "\"?");
        }
    }
    return SPUR_OK;
}

/* Replaces each distinct label's value by its class index. */
static spur_status map_labels(resolver *work, spur_error *error)
{
    spur_status status;
    const name_entry *unknown = NULL; /* the one that appears first */
    TRY(index_candidates(work, error));
    TRY(check_map(work, error));
    for (size_t i = 0; i < work->labels.count; i++) {
        name_entry *entry = &work->labels.entries[i];
        size_t found = class_of_label(work, entry->name);
        if (found != SIZE_MAX) {
            entry->value = found;
        } else if (unknown == NULL || entry->value < unknown->value) {
            unknown = entry;
        }
    }
    TRY(unknown == NULL ? SPUR_OK : fail_label(work, unknown->name, error));
done:
    return status;
}

static void map_rows(const resolver *work, manifest *out)
{
    const char *last = NULL;
    size_t value = 0;
    for (size_t i = 0; i < out->count; i++) {
        const char *label = work->from->rows[i].label;
        if (label != last) {
            last = label;
            value = name_index_find(&work->labels, label);
        }
        out->rows[i].class_index = (uint32_t)value;
    }
}

/* ---- names --------------------------------------------------------------------------- */

static spur_status fill_classes(resolver *work, manifest *out, spur_error *error)
{
    spur_status status;
    TRY(arena_take(out->texts, work->count, sizeof *out->classes, &out->classes, error));
    out->class_count = work->count;
    for (size_t i = 0; i < work->count; i++) {
        const candidate *one = &work->candidates[i];
        char *name = NULL;
        TRY(class_plain_name(one->name != NULL ? one->name : one->label, out->texts, &name,
                             error));
        out->classes[i] = (manifest_class){one->label, name[0] != '\0' ? name : one->label, 0};
        if (work->is_run) { /* names of a run are final */
            out->classes[i].name = one->name;
        }
    }
done:
    return status;
}

/* "label name" with one blank between: tried when a names file has neither TABs nor wnids. */
static bool split_entry(class_entry *entry, arena *texts, spur_error *error)
{
    size_t length = strcspn(entry->name, " ");
    char *label = NULL;
    if (entry->name[length] == '\0' ||
        arena_text(texts, entry->name, length, &label, error) != SPUR_OK) {
        return false;
    }
    entry->label = label;
    entry->name += length + 1;
    return true;
}

static bool split_entries(class_list *list, const name_index *labels, arena *texts,
                          spur_error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        class_entry copy = list->entries[i];
        if (!split_entry(&copy, texts, error) ||
            name_index_find(labels, copy.label) == SIZE_MAX) {
            return false;
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!split_entry(&list->entries[i], texts, error)) {
            return false;
        }
    }
    return true;
}

static spur_status apply_names(resolver *work, manifest *out, spur_error *error)
{
    spur_status status;
    class_list list = {NULL, 0, 0, false};
    const char *path = work->options->class_names;
    size_t used = 0;
    TRY(class_list_read(path, out->texts, &list, error));
    bool by_label = list.has_labels || split_entries(&list, &work->by_label, out->texts, error);
    if (!by_label && list.count != out->class_count) {
        FAIL(
            SPUR_DATASET,
            "class names %s: %zu names for %zu classes, and its lines do not start with labels",
            path, list.count, out->class_count);
    }
    for (size_t i = 0; i < list.count; i++) {
        const class_entry *entry = &list.entries[i];
        size_t index = by_label ? name_index_find(&work->by_label, entry->label) : i;
        if (index != SIZE_MAX && entry->name != NULL) {
            char *name = NULL;
            TRY(class_plain_name(entry->name, out->texts, &name, error));
            out->classes[index].name = name;
            used++;
        }
    }
    if (used == 0) {
        FAIL(SPUR_DATASET, "class names %s: none of its labels is a class", path);
    }
    if (used < list.count) {
        TRY(draft_warn(work->from, error, "class names %s: %zu labels are no classes here",
                       path, list.count - used));
    }
done:
    class_list_free(&list);
    return status;
}

static spur_status check_names(resolver *work, manifest *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    name_index names = {NULL, 0, 0};
    size_t wnids = 0;
    const char *example = "";
    for (size_t i = 0; i < out->class_count; i++) {
        const manifest_class *one = &out->classes[i];
        if (one->name[0] == '\0' || !text_is_utf8(one->name, strlen(one->name))) {
            FAIL(SPUR_DATASET,
                 "class %zu \"%s\": its name is not UTF-8 text; give one with --class-names", i,
                 one->label);
        }
        if (class_is_wnid(one->name)) {
            wnids++;
            example = one->name;
        }
        TRY(name_index_add(&names, one->name, i, error));
    }
    if (wnids > 0) {
        TRY(draft_warn(work->from, error,
                       "%zu class names look like WordNet ids (%s), which the detector does "
                       "not know; give --class-list or --class-names",
                       wnids, example));
    }
    name_index_sort(&names);
    const name_entry *repeat = name_index_repeat(&names);
    if (repeat != NULL) {
        TRY(draft_warn(
            work->from, error,
            "classes %zu and %zu have the same name \"%s\": the detector cannot tell "
            "them apart",
            repeat[-1].value, repeat->value, repeat->name));
    }
done:
    name_index_free(&names);
    return status;
}

spur_status manifest_resolve(draft *from, const spur_data_options *options,
                             const manifest_known *known, size_t known_count, manifest *out,
                             spur_error *error)
{
    spur_status status;
    resolver work = {.from = from, .options = options};
    TRY(collect_labels(&work, error));
    if (options->class_list != NULL) {
        TRY(take_list(&work, error));
    } else if (known_count > 0) {
        TRY(take_known(&work, known, known_count, error));
    } else {
        TRY(take_labels(&work, error));
    }
    TRY(order_candidates(&work, out, error));
    TRY(map_labels(&work, error));
    map_rows(&work, out);
    TRY(fill_classes(&work, out, error));
    TRY(options->class_names != NULL ? apply_names(&work, out, error) : SPUR_OK);
    TRY(check_names(&work, out, error));
done:
    resolver_free(&work);
    return status;
}
