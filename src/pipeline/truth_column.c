/*
 * truth_column.c - reading one column from the JSON that a run keeps beside every image.
 *
 * Values are kept as numbers and as indices into a short list of texts; which of the two the
 * column is can only be said when all rows have been seen.
 */
#include "pipeline/truth_column.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "io/json.h"

enum {
    MOST_NAMES = 40, /* columns that a message lists */
    TEXT_SIZE = 400  /* longest text that counts as one category */
};

typedef struct column_reader {
    truth_column *into;
    truth_cell *cells;
    const char *names[MOST_NAMES]; /* columns seen, for the message */
    size_t name_count;
    bool is_seen; /* some row has the column */
} column_reader;

void truth_column_free(truth_column *block)
{
    if (block != NULL) {
        for (size_t i = 0; block->cells != NULL && i < block->split_count; i++) {
            memory_free(block->cells[i]);
        }
        memory_free(block->cells);
        arena_free(block->texts);
        memory_free(block);
    }
}

/* ---- one cell ---------------------------------------------------------------------------- */

static bool is_missing_text(const char *text)
{
    static const char *const words[] = {"", "nan", "na", "n/a", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A JSON value as the text that a CSV manifest would hold; false for null, lists, objects. */
static bool value_text(const json_t *value, char text[TEXT_SIZE])
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        text_copy(json_string_value(value), text, TEXT_SIZE);
        return true;
    case JSON_INTEGER:
    case JSON_REAL:
        text_from_double(json_number_value(value), text);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        text_copy(json_is_true(value) ? "true" : "false", text, TEXT_SIZE);
        return true;
    default:
        return false;
    }
}

static spur_status keep_value(truth_column *into, const char *text, int *out, spur_error *error)
{
    char *copy = NULL;
    for (size_t i = 0; i < into->value_count; i++) {
        if (strcmp(into->values[i], text) == 0) {
            *out = (int)i;
            return SPUR_OK;
        }
    }
    if (into->value_count == TRUTH_MOST_VALUES) {
        into->has_more_values = true;
        return SPUR_OK;
    }
    spur_status status = arena_text(into->texts, text, strlen(text), &copy, error);
    if (status == SPUR_OK) {
        *out = (int)into->value_count;
        into->values[into->value_count++] = copy;
    }
    return status;
}

static void keep_number(truth_column *into, double number)
{
    size_t most = sizeof into->numbers / sizeof *into->numbers;
    for (size_t i = 0; i < into->number_count; i++) {
        if (into->numbers[i] == number) {
            return;
        }
    }
    if (into->number_count < most) {
        into->numbers[into->number_count++] = number;
    }
}

static spur_status keep_text(truth_column *into, const char *text, const char *image,
                             spur_error *error)
{
    spur_status status;
    char *copy = NULL;
    if (into->text != NULL) {
        return SPUR_OK;
    }
    TRY(arena_text(into->texts, image, strlen(image), &copy, error));
    into->text_image = copy;
    TRY(arena_text(into->texts, text, strlen(text), &copy, error));
    into->text = copy;
done:
    return status;
}

static spur_status take_text(truth_column *into, const char *text, const char *image,
                             truth_cell *cell, spur_error *error)
{
    spur_status status;
    if (is_missing_text(text)) {
        return SPUR_OK;
    }
    cell->is_missing = false;
    into->present++;
    TRY(keep_value(into, text, &cell->value, error));
    if (text_to_double(text, &cell->number)) {
        keep_number(into, cell->number);
    } else {
        cell->number = (double)NAN;
        TRY(keep_text(into, text, image, error));
    }
done:
    return status;
}

/* ---- rows -------------------------------------------------------------------------------- */

static spur_status keep_name(column_reader *into, const char *name, spur_error *error)
{
    char *copy = NULL;
    for (size_t i = 0; i < into->name_count; i++) {
        if (strcmp(into->names[i], name) == 0) {
            return SPUR_OK;
        }
    }
    if (into->name_count == MOST_NAMES) {
        return SPUR_OK;
    }
    spur_status status = arena_text(into->into->texts, name, strlen(name), &copy, error);
    if (status == SPUR_OK) {
        into->names[into->name_count++] = copy;
    }
    return status;
}

static spur_status keep_names(column_reader *into, json_t *extra, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *key;
    json_t *value;
    json_object_foreach(extra, key, value)
    {
        TRY(keep_name(into, key, error));
    }
done:
    return status;
}

static spur_status take_extra(column_reader *into, const store_row *row, truth_cell *cell,
                              spur_error *error)
{
    spur_status status;
    json_t *extra = NULL;
    char text[TEXT_SIZE];
    status = json_read(row->extra, strlen(row->extra), false, SPUR_DATASET, &extra, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s: its further columns", row->file_name);
        return status;
    }
    const json_t *value = json_object_get(extra, into->into->name);
    if (value != NULL) {
        into->is_seen = true;
    } else if (!into->is_seen) {
        TRY(keep_names(into, extra, error));
    }
    if (value != NULL && row->reason == NULL && value_text(value, text)) {
        TRY(take_text(into->into, text, row->file_name, cell, error));
    }
done:
    json_decref(extra);
    return status;
}

static spur_status take_row(void *context, const store_row *row, spur_error *error)
{
    column_reader *into = context;
    truth_cell *cell = &into->cells[row->row]; /* the store has checked the number */
    if (row->group != NULL) {
        bool is_asked = strcmp(into->into->name, "group") == 0;
        into->is_seen = into->is_seen || is_asked;
        spur_status status =
            is_asked && row->reason == NULL
                ? take_text(into->into, row->group, row->file_name, cell, error)
                : keep_name(into, "group", error);
        if (status != SPUR_OK || is_asked) {
            return status;
        }
    }
    return row->extra == NULL ? SPUR_OK : take_extra(into, row, cell, error);
}

static spur_status read_split(spur_run *run, size_t split, column_reader *reader,
                              spur_error *error)
{
    spur_status status;
    size_t count = (size_t)run->splits[split].images;
    truth_cell *cells = NULL;
    TRY(memory_new(count, sizeof *cells, &cells, error));
    reader->into->cells[split] = cells;
    reader->cells = cells;
    for (size_t i = 0; i < count; i++) {
        cells[i] = (truth_cell){(double)NAN, TRUTH_MISSING, true};
    }
    TRY(store_each_row(run->db, run->splits[split].name, take_row, reader, error));
done:
    return status;
}

/* ---- messages ---------------------------------------------------------------------------- */

static const char *nearest_name(const column_reader *from)
{
    const char *best = NULL;
    size_t least = strlen(from->into->name) / 3 + 1; /* at most a third of it is wrong */
    for (size_t i = 0; i < from->name_count; i++) {
        size_t distance = text_distance(from->into->name, from->names[i]);
        if (distance < least || (distance == least && best == NULL)) {
            best = from->names[i];
            least = distance;
        }
    }
    return best;
}

static spur_status fail_no_column(const column_reader *from, spur_error *error)
{
    spur_status status;
    text_buffer list = {NULL, 0, 0};
    const char *nearest = nearest_name(from);
    if (from->name_count == 0) {
        FAIL(SPUR_DATASET,
             "no column %s: the run has no further columns; score a manifest that has them",
             from->into->name);
    }
    for (size_t i = 0; i < from->name_count; i++) {
        TRY(text_format(&list, error, "%s%s", i == 0 ? "" : ", ", from->names[i]));
    }
    if (nearest != NULL) {
        FAIL(SPUR_DATASET, "no column %s; did you mean %s? There are: %s", from->into->name,
             nearest, list.data);
    }
    FAIL(SPUR_DATASET, "no column %s; there are: %s", from->into->name, list.data);
done:
    text_buffer_free(&list);
    return status;
}

spur_status truth_column_needs_categories(const truth_column *from, spur_error *error)
{
    if (!from->has_more_values) {
        return SPUR_OK;
    }
    if (from->text == NULL) {
        return error_set(error, SPUR_DATASET,
                         "column %s holds more than %d different numbers: no categories",
                         from->name, TRUTH_MOST_VALUES);
    }
    return error_set(error, SPUR_DATASET,
                     "column %s holds neither numbers (%s has \"%s\") nor at most %d "
                     "different values",
                     from->name, from->text_image, from->text, TRUTH_MOST_VALUES);
}

/* ---- the column -------------------------------------------------------------------------- */

spur_status truth_column_read(spur_run *run, const char *name, const char *split,
                              truth_column **out, spur_error *error)
{
    spur_status status;
    truth_column *made = NULL;
    const store_split *only = NULL;
    char *copy = NULL;
    TRY(split == NULL ? SPUR_OK : run_find_split(run, split, &only, error));
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    TRY(arena_text(made->texts, name, strlen(name), &copy, error));
    made->name = copy;
    TRY(memory_new_zeroed(run->split_count, sizeof *made->cells, &made->cells, error));
    made->split_count = run->split_count;
    column_reader reader = {.into = made};
    for (size_t i = 0; i < run->split_count; i++) {
        if (only == NULL || only == &run->splits[i]) {
            TRY(read_split(run, i, &reader, error));
        }
    }
    if (!reader.is_seen) {
        TRY(fail_no_column(&reader, error));
    }
    if (made->present == 0) {
        FAIL(SPUR_DATASET, "column %s has no value beside any scored image", name);
    }
    *out = made;
    made = NULL;
done:
    truth_column_free(made);
    return status;
}
