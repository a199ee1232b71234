/*
 * manifest_table.c - CSV and JSONL manifests.
 *
 * Known columns are file_name (or path, image, filepath), label, split, group, weight and
 * file_name_b64 (exact bytes of a name that is not UTF-8, as our own exports write it); all
 * others are kept as one JSON object per row.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/json.h"
#include "pipeline/manifest_draft.h"

#define TABLE_MAX_BYTES ((uint64_t)8 << 30)

enum {
    LINE_MAX_BYTES = 16 << 20,
    SCAN_BYTES = 1 << 20
};

enum known_column {
    COLUMN_FILE,
    COLUMN_LABEL,
    COLUMN_SPLIT,
    COLUMN_GROUP,
    COLUMN_WEIGHT,
    COLUMN_BYTES,
    COLUMN_COUNT
};

/* The first name present wins. */
static const char *const column_names[COLUMN_COUNT][5] = {
    {"file_name", "path", "image", "filepath", NULL},
    {"label", NULL},
    {"split", NULL},
    {"group", NULL},
    {"weight", NULL},
    {"file_name_b64", NULL}};

/* One row's known values; texts are borrowed, NULL where there is nothing. */
typedef struct record {
    const char *values[COLUMN_COUNT];
    const char *extra;
} record;

/* ---- from values to a row ------------------------------------------------------------ */

static int base64_digit(char character)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = character == '\0' ? NULL : strchr(digits, character);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Decodes base64 into the arena; bytes must not hold NUL. */
static spur_status decode_name(draft *into, const char *text, const char **out,
                               spur_error *error)
{
    size_t length = strcspn(text, "=");
    char *name = NULL;
    size_t used = 0;
    uint32_t bits = 0;
    spur_status status = arena_take(into->texts, length + 1, 1, &name, error);
    for (size_t i = 0; status == SPUR_OK && i < length; i++) {
        int digit = base64_digit(text[i]);
        bits = bits << 6 | (uint32_t)(digit & 63);
        if (digit < 0) {
            status = error_set(error, SPUR_DATASET, "file_name_b64 is not base64");
        } else if (i % 4 != 0) {
            name[used++] = (char)(unsigned char)(bits >> (6 - 2 * (i % 4)) & 0xFF);
        }
    }
    if (status == SPUR_OK) {
        name[used] = '\0';
        *out = name;
        if (memchr(name, '\0', used) != NULL) {
            status = error_set(error, SPUR_DATASET, "file_name_b64 holds a NUL byte");
        }
    }
    return status;
}

static spur_status read_weight(const char *text, double *out, spur_error *error)
{
    double value = 1.0;
    if (text != NULL && text[0] != '\0' &&
        (!text_to_double(text, &value) || !isfinite(value) || value < 0.0)) {
        return error_set(error, SPUR_DATASET, "weight \"%s\" is not a number of at least 0",
                         text);
    }
    *out = value;
    return SPUR_OK;
}

static const char *or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static spur_status add_record(draft *into, const record *row, const char *split, size_t line,
                              spur_error *error)
{
    spur_status status;
    manifest_detail detail = {or_null(row->values[COLUMN_GROUP]), row->extra, 1.0};
    const char *name = row->values[COLUMN_FILE];
    const char *own_split = or_null(row->values[COLUMN_SPLIT]);
    if (or_null(row->values[COLUMN_BYTES]) != NULL) {
        TRY(decode_name(into, row->values[COLUMN_BYTES], &name, error));
    }
    if (or_null(name) == NULL) {
        FAIL(SPUR_DATASET, "file_name is empty");
    }
    if (into->needs_label && or_null(row->values[COLUMN_LABEL]) == NULL) {
        FAIL(SPUR_DATASET, "label is empty");
    }
    TRY(read_weight(row->values[COLUMN_WEIGHT], &detail.weight, error));
    TRY(draft_add(into, name, or_null(row->values[COLUMN_LABEL]),
                  own_split == NULL ? split : own_split, line, &detail, error));
done:
    return status;
}

/* ---- CSV ----------------------------------------------------------------------------- */

static size_t find_field(const csv_row *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->fields[i], name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void find_columns(const csv_row *header, size_t columns[COLUMN_COUNT])
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        columns[i] = SIZE_MAX;
        for (size_t j = 0; column_names[i][j] != NULL && columns[i] == SIZE_MAX; j++) {
            columns[i] = find_field(header, column_names[i][j]);
        }
    }
}

/* Header names as they are needed for extra columns; they must outlive csv_next. */
typedef struct table_header {
    const char **names; /* NULL for a known column */
    size_t count;
    size_t columns[COLUMN_COUNT];
    bool has_extra;
} table_header;

static bool is_known_column(const size_t columns[COLUMN_COUNT], size_t field)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (columns[i] == field) {
            return true;
        }
    }
    return false;
}

static spur_status check_columns(const draft *into, const csv_row *header,
                                 const size_t columns[COLUMN_COUNT], spur_error *error)
{
    if (columns[COLUMN_FILE] == SIZE_MAX) {
        return error_set(error, SPUR_DATASET,
                         "line %zu: no column file_name (or path, image, filepath); the first "
                         "column is \"%s\"",
                         header->line, header->fields[0]);
    }
    if (into->needs_label && columns[COLUMN_LABEL] == SIZE_MAX) {
        return error_set(error, SPUR_DATASET, "line %zu: no column label", header->line);
    }
    return SPUR_OK;
}

static spur_status read_header(draft *into, csv_reader *reader, table_header *out,
                               spur_error *error)
{
    spur_status status;
    const csv_row *row;
    TRY(csv_next(reader, &row, error));
    if (row == NULL) {
        FAIL(SPUR_DATASET, "no images: the manifest is empty");
    }
    find_columns(row, out->columns);
    TRY(check_columns(into, row, out->columns, error));
    TRY(arena_take(into->texts, row->count, sizeof *out->names, &out->names, error));
    out->count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        out->names[i] = NULL;
        if (!is_known_column(out->columns, i)) {
            char *copy = NULL;
            TRY(arena_text(into->texts, row->fields[i], strlen(row->fields[i]), &copy, error));
            out->names[i] = copy;
            out->has_extra = true;
        }
    }
done:
    return status;
}

static spur_status write_extra(const table_header *header, const csv_row *row,
                               text_buffer *into, spur_error *error)
{
    spur_status status;
    json_writer writer = {into, false};
    into->length = 0;
    TRY(json_open_object(&writer, NULL, error));
    for (size_t i = 0; i < header->count; i++) {
        if (header->names[i] != NULL) {
            TRY(json_add_text(&writer, header->names[i], row->fields[i], error));
        }
    }
    TRY(json_close_object(&writer, error));
done:
    return status;
}

static spur_status read_csv(draft *into, const char *text, size_t length, const char *split,
                            spur_error *error)
{
    spur_status status;
    csv_reader *reader = NULL;
    const csv_row *row = NULL;
    text_buffer extra = {NULL, 0, 0};
    table_header header = {NULL, 0, {0}, false};
    TRY(csv_open(text, length, &reader, error));
    TRY(read_header(into, reader, &header, error));
    for (;;) {
        record values = {{NULL}, NULL};
        TRY(csv_next(reader, &row, error));
        if (row == NULL) {
            break;
        }
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            values.values[i] =
                header.columns[i] == SIZE_MAX ? NULL : row->fields[header.columns[i]];
        }
        if (header.has_extra) {
            TRY(write_extra(&header, row, &extra, error));
            values.extra = extra.data;
        }
        status = add_record(into, &values, split, row->line, error);
        if (status != SPUR_OK) {
            error_prefix(error, "line %zu", row->line);
            goto done;
        }
    }
done:
    csv_close(reader);
    text_buffer_free(&extra);
    return status;
}

/* ---- JSONL --------------------------------------------------------------------------- */

static int add_dumped(const char *bytes, size_t length, void *context)
{
    return text_add(context, bytes, length, NULL) == SPUR_OK ? 0 : -1;
}

/* A member as text: strings as they are, numbers as JSON writes them. */
static spur_status member_text(const json_t *value, const char *name, text_buffer *into,
                               const char **out, spur_error *error)
{
    *out = NULL;
    if (value == NULL || json_is_null(value)) {
        return SPUR_OK;
    }
    if (json_is_string(value)) {
        *out = json_string_value(value);
        return SPUR_OK;
    }
    if (!json_is_number(value)) {
        return error_set(error, SPUR_DATASET, "%s must be a string or a number", name);
    }
    into->length = 0;
    if (json_dump_callback(value, add_dumped, into, JSON_ENCODE_ANY) != 0) {
        return error_no_memory(error, 64);
    }
    *out = into->data;
    return SPUR_OK;
}

/* Moves the known members out of the object. */
static spur_status take_members(json_t *object, record *out, text_buffer *numbers,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        for (size_t j = 0; column_names[i][j] != NULL && out->values[i] == NULL; j++) {
            const char *name = column_names[i][j];
            TRY(member_text(json_object_get(object, name), name, &numbers[i], &out->values[i],
                            error));
        }
    }
done:
    return status;
}

/* True for the member that was used; another alias of it is an extra column. */
static bool is_used_member(const json_t *object, const char *key)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        for (size_t j = 0; column_names[i][j] != NULL; j++) {
            const json_t *value = json_object_get(object, column_names[i][j]);
            if (value != NULL && !json_is_null(value)) {
                if (strcmp(key, column_names[i][j]) == 0) {
                    return true;
                }
                break;
            }
        }
    }
    return false;
}

static spur_status dump_extra(json_t *object, text_buffer *into, const char **out,
                              spur_error *error)
{
    const char *key;
    json_t *value;
    json_t *rest = json_object();
    int result = rest == NULL ? -1 : 0;
    json_object_foreach(object, key, value)
    {
        if (result == 0 && !is_used_member(object, key)) {
            result = json_object_set(rest, key, value);
        }
    }
    into->length = 0;
    if (result == 0 && json_object_size(rest) > 0) {
        result = json_dump_callback(rest, add_dumped, into, JSON_COMPACT);
        *out = into->data;
    }
    json_decref(rest);
    return result == 0 ? SPUR_OK : error_no_memory(error, 64);
}

static spur_status read_object(draft *into, const char *text, size_t length, const char *split,
                               size_t line, spur_error *error)
{
    spur_status status;
    json_t *object = NULL;
    record values = {{NULL}, NULL};
    text_buffer numbers[COLUMN_COUNT] = {{NULL, 0, 0}};
    text_buffer extra = {NULL, 0, 0};
    TRY(json_read(text, length, false, SPUR_DATASET, &object, error));
    if (!json_is_object(object)) {
        FAIL(SPUR_DATASET, "expected an object {\"file_name\": ..., \"label\": ...}");
    }
    TRY(take_members(object, &values, numbers, error));
    TRY(dump_extra(object, &extra, &values.extra, error));
    TRY(add_record(into, &values, split, line, error));
done:
    json_decref(object);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        text_buffer_free(&numbers[i]);
    }
    text_buffer_free(&extra);
    return status;
}

static spur_status read_jsonl(draft *into, const char *text, size_t length, const char *split,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t line = 0;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t next = end == NULL ? length : (size_t)(end - text) + 1;
        size_t size = (end == NULL ? length : next - 1) - at;
        line++;
        while (size > 0 && strchr(" \t\r", text[at + size - 1]) != NULL &&
               text[at + size - 1] != '\0') {
            size--;
        }
        if (size > 0) {
            status = read_object(into, text + at, size, split, line, error);
        }
        if (status != SPUR_OK) {
            error_prefix(error, "line %zu", line);
            break;
        }
        at = next;
    }
    return status;
}

/* ---- both ---------------------------------------------------------------------------- */

static bool starts_with_brace(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n') {
            return text[i] == '{';
        }
    }
    return false;
}

/* The folder part of a manifest's path: relative names are below it. */
static spur_status set_root(draft *into, const char *path, spur_error *error)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *root = NULL;
    spur_status status = arena_text(into->texts, path, length, &root, error);
    into->root = root;
    return status;
}

/* Finds a line that is too long before the file is in memory: what has no line ends is no
 * manifest, however large. */
static spur_status check_lines(const char *path, spur_error *error)
{
    spur_status status;
    file *opened = NULL;
    char *block = NULL;
    size_t line = 1;
    uint64_t start = 0; /* of the line */
    TRY(file_open(path, SPUR_DATASET, &opened, error));
    if (file_size(opened) <= LINE_MAX_BYTES) {
        goto done;
    }
    TRY(memory_new(SCAN_BYTES, 1, &block, error));
    for (uint64_t at = 0; at < file_size(opened); at += SCAN_BYTES) {
        uint64_t left = file_size(opened) - at;
        size_t size = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
        TRY(file_read_at(opened, at, block, size, error));
        for (const char *end = memchr(block, '\n', size); end != NULL;) {
            size_t next = (size_t)(end - block) + 1;
            line++;
            start = at + next;
            end = next == size ? NULL : memchr(block + next, '\n', size - next);
        }
        if (at + size - start > LINE_MAX_BYTES) {
            FAIL(SPUR_DATASET, "line %zu: is longer than %d MiB; is a line end missing?", line,
                 LINE_MAX_BYTES >> 20);
        }
    }
done:
    file_close(opened);
    memory_free(block);
    return status;
}

spur_status draft_read_table(draft *into, const char *path, const char *split,
                             spur_error *error)
{
    spur_status status;
    bool is_stream = strcmp(path, "-") == 0;
    unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(set_root(into, is_stream ? "" : path, error));
    TRY(is_stream ? SPUR_OK : check_lines(path, error));
    TRY(is_stream ? file_load_stream(STDIN_FILENO, TABLE_MAX_BYTES, SPUR_DATASET, &bytes, &size,
                                     error)
                  : file_load(path, TABLE_MAX_BYTES, SPUR_DATASET, &bytes, &size, error));
    const char *text = (const char *)bytes;
    size_t start = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    TRY(starts_with_brace(text + start, size - start)
            ? read_jsonl(into, text + start, size - start, split, error)
            : read_csv(into, text, size, split, error));
done:
    memory_free(bytes);
    if (status != SPUR_OK) {
        error_prefix(error, "manifest %s", is_stream ? "on standard input" : path);
    }
    return status;
}
