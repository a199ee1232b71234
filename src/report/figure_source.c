/*
 * figure_source.c - reading the run's numbers for figures.
 */
#include "report/figure_source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_SIZE = 1024
};

/* ---- numbers ----------------------------------------------------------------------------- */

static spur_status keep_result(void *context, const char *stage, const store_result *result,
                               spur_error *error)
{
    spur_status status;
    figure_source *into = context;
    char *key = NULL;
    (void)stage;
    TRY(arena_text(into->texts, result->key, strlen(result->key), &key, error));
    TRY(memory_grow(&into->results, &into->capacity, into->count + 1, sizeof *into->results,
                    error));
    into->results[into->count++] = (store_result){key, result->value};
done:
    return status;
}

static int compare_results(const void *a, const void *b)
{
    const store_result *left = a;
    const store_result *right = b;
    return strcmp(left->key, right->key);
}

double figure_value(const figure_source *in, const char *format, ...)
{
    char key[KEY_SIZE];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(key, sizeof key, format, values);
    va_end(values);
    if (length < 0 || length >= KEY_SIZE || in->count == 0) {
        return (double)NAN;
    }
    store_result wanted = {key, 0.0};
    const store_result *found =
        bsearch(&wanted, in->results, in->count, sizeof *in->results, compare_results);
    return found == NULL ? (double)NAN : found->value;
}

spur_status figure_text(const figure_source *in, const char **out, spur_error *error,
                        const char *format, ...)
{
    spur_status status;
    va_list values;
    char *text = NULL;
    va_start(values, format);
    int length = vsnprintf(NULL, 0, format, values);
    va_end(values);
    if (length < 0) {
        FAIL(SPUR_INTERNAL, "a figure's text cannot be made");
    }
    TRY(arena_take(in->texts, (size_t)length + 1, 1, &text, error));
    va_start(values, format);
    (void)vsnprintf(text, (size_t)length + 1, format, values);
    va_end(values);
    *out = text;
done:
    return status;
}

/* ---- names ------------------------------------------------------------------------------- */

static bool is_in(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static figure_head head_of(const char *name)
{
    figure_head entry = {.name = name, .is_original = strcmp(name, HEAD_ORIGINAL) == 0};
    entry.is_subset = !entry.is_original &&
                      subset_key_parse(name, SPUR_NAMING_CONTENT, &entry.key, NULL) == SPUR_OK;
    return entry;
}

static int order_of(const figure_head *entry)
{
    return entry->is_original ? 0 : entry->is_subset ? 1 : 2;
}

static int compare_heads(const void *a, const void *b)
{
    const figure_head *left = a;
    const figure_head *right = b;
    if (order_of(left) != order_of(right)) {
        return order_of(left) < order_of(right) ? -1 : 1;
    }
    return left->is_subset ? subset_key_compare(&left->key, &right->key)
                           : strcmp(left->name, right->name);
}

static spur_status find_names(figure_source *in, spur_error *error)
{
    spur_status status;
    size_t most = in->sets.count;
    TRY(arena_take(in->texts, most, sizeof *in->splits, &in->splits, error));
    TRY(arena_take(in->texts, most, sizeof *in->backbones, &in->backbones, error));
    TRY(arena_take(in->texts, most, sizeof *in->heads, &in->heads, error));
    for (size_t i = 0; i < most; i++) {
        const prediction_name *name = &in->sets.names[i];
        if (!is_in(in->splits, in->split_count, name->split)) {
            in->splits[in->split_count++] = name->split;
        }
        if (!is_in(in->backbones, in->backbone_count, name->backbone)) {
            in->backbones[in->backbone_count++] = name->backbone;
        }
        bool is_new = true;
        for (size_t h = 0; h < in->head_count; h++) {
            is_new = is_new && strcmp(in->heads[h].name, name->head) != 0;
        }
        if (is_new) {
            in->heads[in->head_count++] = head_of(name->head);
        }
    }
    if (in->head_count > 0) {
        qsort(in->heads, in->head_count, sizeof *in->heads, compare_heads);
    }
    size_t place = 0;
    for (size_t h = 0; h < in->head_count; h++) {
        in->heads[h].place = order_of(&in->heads[h]) == 2 ? place++ : 0;
    }
done:
    return status;
}

bool figure_has_size(const figure_head *entry, const figure_size *size)
{
    return !entry->is_subset ||
           (entry->key.amount == size->amount && entry->key.is_fraction == size->is_fraction);
}

static spur_status find_sizes(figure_source *in, spur_error *error)
{
    spur_status status;
    char number[TEXT_NUMBER_SIZE];
    TRY(arena_take(in->texts, in->head_count + 1, sizeof *in->sizes, &in->sizes, error));
    for (size_t h = 0; h < in->head_count; h++) {
        const figure_head *entry = &in->heads[h];
        bool is_new = entry->is_subset;
        for (size_t s = 0; s < in->size_count; s++) {
            is_new = is_new && !figure_has_size(entry, &in->sizes[s]);
        }
        if (is_new) {
            figure_size *size = &in->sizes[in->size_count++];
            *size = (figure_size){entry->key.amount, entry->key.is_fraction, NULL};
            double shown = (double)size->amount;
            text_from_rounded(size->is_fraction ? shown * 100.0 / SUBSET_PARTS : shown, number);
            TRY(figure_text(in, &size->text, error, "k = %s%s", number,
                            size->is_fraction ? "%" : ""));
        }
    }
    if (in->size_count == 0) {
        in->sizes[in->size_count++] = (figure_size){0, false, NULL};
    }
done:
    return status;
}

/* "val"; without it the first split that is not for training. */
static const char *known_split(const figure_source *in)
{
    const char *first = NULL;
    for (size_t i = 0; i < in->split_count; i++) {
        if (strcmp(in->splits[i], "val") == 0) {
            return in->splits[i];
        }
        if (first == NULL && strcmp(in->splits[i], "train") != 0) {
            first = in->splits[i];
        }
    }
    return first;
}

spur_status figure_source_open(spur_run *run, figure_source *out, spur_error *error)
{
    spur_status status;
    const predictions_request all = {NULL, NULL, 0, NULL};
    *out = (figure_source){.run = run};
    TRY(arena_new(&out->texts, error));
    TRY(store_each_result(run->db, NULL, keep_result, out, error));
    if (out->count > 0) {
        qsort(out->results, out->count, sizeof *out->results, compare_results);
    }
    TRY(prediction_list_make(run, &all, &out->sets, error));
    TRY(find_names(out, error));
    TRY(find_sizes(out, error));
    out->known = known_split(out);
done:
    return status;
}

void figure_source_close(figure_source *block)
{
    prediction_list_free(&block->sets);
    memory_free(block->results);
    arena_free(block->texts);
    *block = (figure_source){.run = NULL};
}

/* ---- heads ------------------------------------------------------------------------------- */

plot_role figure_role(const figure_head *entry)
{
    static const plot_role roles[] = {[SUBSET_CLEAR] = PLOT_CLEAR,
                                      [SUBSET_MID] = PLOT_MID,
                                      [SUBSET_HIDDEN] = PLOT_HIDDEN,
                                      [SUBSET_RANDOM] = PLOT_RANDOM};
    static const plot_role others[] = {PLOT_FIRST, PLOT_SECOND, PLOT_THIRD};
    return entry->is_original ? PLOT_ORIGINAL
           : entry->is_subset ? roles[entry->key.kind]
                              : others[entry->place % (sizeof others / sizeof *others)];
}

const char *figure_short_name(const figure_head *entry)
{
    return entry->is_subset ? subset_kind_text(entry->key.kind, SPUR_NAMING_CONTENT)
                            : entry->name;
}

/* ---- memory ------------------------------------------------------------------------------ */

spur_status figure_new_points(const figure_source *in, size_t count, figure_points *out,
                              spur_error *error)
{
    spur_status status;
    TRY(arena_take(in->texts, count, sizeof *out->points, &out->points, error));
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        out->points[i] = plot_at((double)NAN, (double)NAN);
    }
done:
    return status;
}

spur_status figure_new_panels(const figure_source *in, size_t panels, size_t series,
                              plot_panel **out, plot_series **all, spur_error *error)
{
    spur_status status;
    size_t total;
    if (!size_mul(panels, series, &total)) {
        FAIL(SPUR_RESOURCE, "a figure of %zu panels with %zu series is too large", panels,
             series);
    }
    TRY(arena_take(in->texts, panels, sizeof **out, out, error));
    TRY(arena_take(in->texts, total, sizeof **all, all, error));
    for (size_t p = 0; p < panels; p++) {
        (*out)[p] = (plot_panel){NULL, *all + p * series, 0};
    }
done:
    return status;
}
