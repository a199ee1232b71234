/*
 * class_map.c - labels, then names, then positions.
 *
 * The trap: a model of a thousand outputs and a run of a thousand classes may list them in
 * different orders; where the model names its outputs and all names are found, they decide.
 */
#include "pipeline/class_map.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/class_list.h"
#include "pipeline/name_index.h"

enum {
    REASON_SIZE = 300
};

/* Lower-case ASCII, so that "Tench" is "tench". */
static void lower(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z') {
            *text = (char)(*text - 'A' + 'a');
        }
    }
}

/* A name as it is compared. */
static spur_status plain(const char *name, arena *texts, char **out, spur_error *error)
{
    spur_status status = class_plain_name(name, texts, out, error);
    if (status == SPUR_OK) {
        lower(*out);
    }
    return status;
}

static spur_status index_names(const char *const *names, size_t outputs, arena *texts,
                               name_index *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < outputs; i++) {
        char *name = NULL;
        TRY(plain(names[i], texts, &name, error));
        TRY(name_index_add(into, name, i, error));
    }
    name_index_sort(into);
done:
    return status;
}

/* Fills outputs[c] for every class; *missing is the first class that none or several fit. */
/* NOLINTNEXTLINE(readability-function-size): arrays with their sizes */
static spur_status find_all(const store_class *classes, size_t count, bool by_label,
                            const name_index *names, arena *texts, size_t *outputs,
                            size_t *missing, spur_error *error)
{
    spur_status status = SPUR_OK;
    *missing = SIZE_MAX;
    for (size_t c = 0; c < count && *missing == SIZE_MAX; c++) {
        char *name = NULL;
        TRY(plain(by_label ? classes[c].label : classes[c].name, texts, &name, error));
        outputs[c] = name_index_find(names, name);
        if (outputs[c] == SIZE_MAX) {
            *missing = c;
        }
    }
done:
    return status;
}

/* True when no output stands for two classes. */
static spur_status are_distinct(const size_t *outputs, size_t count, size_t output_count,
                                bool *out, spur_error *error)
{
    unsigned char *seen = NULL;
    spur_status status = memory_new_zeroed(output_count, 1, &seen, error);
    *out = status == SPUR_OK;
    for (size_t c = 0; c < count && *out; c++) {
        *out = seen[outputs[c]] == 0;
        seen[outputs[c]] = 1;
    }
    memory_free(seen);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): arrays with their sizes */
static spur_status try_names(const store_class *classes, size_t class_count,
                             const char *const *names, size_t outputs, arena *texts,
                             class_map *into, size_t *missing, spur_error *error)
{
    spur_status status;
    name_index index = {NULL, 0, 0};
    bool is_fit = false;
    TRY(index_names(names, outputs, texts, &index, error));
    for (size_t by_name = 0; by_name < 2 && !is_fit; by_name++) {
        TRY(find_all(classes, class_count, by_name == 0, &index, texts, into->outputs, missing,
                     error));
        if (*missing == SIZE_MAX && name_index_repeat(&index) == NULL) {
            TRY(are_distinct(into->outputs, class_count, outputs, &is_fit, error));
        }
        into->how = !is_fit ? NULL : by_name == 0 ? "label" : "name";
    }
done:
    name_index_free(&index);
    return status;
}

/* Why nothing fits. */
/* NOLINTNEXTLINE(readability-function-size): arrays with their sizes */
static spur_status explain(const store_class *classes, size_t class_count, bool has_names,
                           size_t outputs, size_t missing, arena *texts, class_map *into,
                           spur_error *error)
{
    char reason[REASON_SIZE];
    char *kept = NULL;
    if (!has_names) {
        (void)snprintf(reason, sizeof reason,
                       "the run has %zu classes, the model %zu outputs and no names for them",
                       class_count, outputs);
    } else if (missing == SIZE_MAX) {
        (void)snprintf(reason, sizeof reason,
                       "the run has %zu classes, the model %zu outputs, of which several have "
                       "the same name",
                       class_count, outputs);
    } else {
        (void)snprintf(reason, sizeof reason,
                       "the run has %zu classes, the model %zu outputs, none called \"%.100s\"",
                       class_count, outputs, classes[missing].name);
    }
    spur_status status = arena_text(texts, reason, strlen(reason), &kept, error);
    into->how = kept;
    memory_free(into->outputs);
    into->outputs = NULL;
    return status;
}

spur_status class_map_make(const store_class *classes, size_t class_count,
                           const char *const *names, size_t outputs, arena *texts,
                           class_map *out, spur_error *error)
{
    spur_status status;
    class_map made = {NULL, NULL};
    size_t missing = SIZE_MAX;
    TRY(memory_new(class_count, sizeof *made.outputs, &made.outputs, error));
    if (names != NULL) {
        TRY(try_names(classes, class_count, names, outputs, texts, &made, &missing, error));
    }
    if (made.how == NULL && class_count == outputs) {
        made.how = "index";
        for (size_t c = 0; c < class_count; c++) {
            made.outputs[c] = c;
        }
    }
    if (made.how == NULL) {
        TRY(explain(classes, class_count, names != NULL, outputs, missing, texts, &made,
                    error));
    }
    *out = made;
    made.outputs = NULL;
done:
    memory_free(made.outputs);
    return status;
}
