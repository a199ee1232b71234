/*
 * label_map.c - CSV and JSON forms of a map between class names.
 *
 * A class of theirs in two rows would make the result depend on their order, so it is refused
 * even when both rows say the same.
 */
#include "pipeline/label_map.h"

#include <string.h>

#include "base/text.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/json.h"
#include "io/store_digest.h"

enum {
    MAP_BYTES = 64 << 20
};

void label_map_free(label_map *block)
{
    if (block != NULL) {
        memory_free(block->pairs);
        name_index_free(&block->by_theirs);
        memset(block, 0, sizeof *block);
    }
}

spur_status label_map_add(label_map *into, const char *theirs, const char *ours, size_t line,
                          spur_error *error)
{
    spur_status status;
    TRY(memory_grow(&into->pairs, &into->capacity, into->count + 1, sizeof *into->pairs,
                    error));
    into->pairs[into->count++] = (label_pair){theirs, ours, line};
done:
    return status;
}

static spur_status hash_pairs(label_map *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    for (size_t i = 0; i < from->count; i++) {
        const label_pair *pair = &from->pairs[from->by_theirs.entries[i].value];
        TRY(digest_text(&bytes, pair->theirs, error));
        TRY(digest_text(&bytes, pair->ours, error));
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    digest_hex(sum, DIGEST_SIZE, from->digest);
done:
    text_buffer_free(&bytes);
    return status;
}

spur_status label_map_seal(label_map *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < into->count; i++) {
        TRY(name_index_add(&into->by_theirs, into->pairs[i].theirs, i, error));
    }
    name_index_sort(&into->by_theirs);
    const name_entry *repeat = name_index_repeat(&into->by_theirs);
    if (repeat != NULL) {
        FAIL(SPUR_DATASET, "%ss %zu and %zu both map class \"%s\"; keep one of them",
             into->place, into->pairs[repeat[-1].value].line, into->pairs[repeat->value].line,
             repeat->name);
    }
    TRY(into->path == NULL ? SPUR_OK : hash_pairs(into, error));
done:
    return status;
}

const label_pair *label_map_find(const label_map *from, const char *theirs)
{
    size_t at = name_index_find(&from->by_theirs, theirs);
    return at == SIZE_MAX ? NULL : &from->pairs[at];
}

/* ---- files ------------------------------------------------------------------------------- */

static spur_status keep_pair(label_map *into, arena *texts, const char *theirs,
                             const char *ours, size_t line, spur_error *error)
{
    spur_status status;
    char *left = NULL, *right = NULL;
    if (theirs[0] == '\0' || ours[0] == '\0') {
        FAIL(SPUR_DATASET, "%s %zu: a class without a name; expected their class, our class",
             into->place, line);
    }
    TRY(arena_text(texts, theirs, strlen(theirs), &left, error));
    TRY(arena_text(texts, ours, strlen(ours), &right, error));
    TRY(label_map_add(into, left, right, line, error));
done:
    return status;
}

static bool is_heading(const csv_row *row)
{
    return strcmp(row->fields[0], "theirs") == 0 && strcmp(row->fields[1], "ours") == 0;
}

static spur_status read_csv(const char *text, size_t length, arena *texts, label_map *into,
                            spur_error *error)
{
    spur_status status;
    csv_reader *from = NULL;
    const csv_row *row = NULL;
    bool is_first = true;
    into->place = "line";
    TRY(csv_open(text, length, &from, error));
    csv_allow_bytes(from);
    for (;;) {
        TRY(csv_next(from, &row, error));
        if (row == NULL) {
            break;
        }
        if (row->count != 2) {
            FAIL(SPUR_DATASET, "line %zu: %zu columns; expected two, their class and our class",
                 row->line, row->count);
        }
        TRY(is_first && is_heading(row)
                ? SPUR_OK
                : keep_pair(into, texts, row->fields[0], row->fields[1], row->line, error));
        is_first = false;
    }
done:
    csv_close(from);
    return status;
}

static spur_status read_json(const char *text, size_t length, arena *texts, label_map *into,
                             spur_error *error)
{
    spur_status status;
    json_t *document = NULL;
    const char *key;
    json_t *value;
    size_t member = 0;
    char number[TEXT_NUMBER_SIZE];
    into->place = "member";
    TRY(json_read(text, length, false, SPUR_DATASET, &document, error));
    if (!json_is_object(document)) {
        FAIL(SPUR_DATASET, "expected an object {\"their class\": \"our class\"}");
    }
    json_object_foreach(document, key, value)
    {
        const char *ours = json_string_value(value);
        member++;
        if (json_is_integer(value) && json_integer_value(value) >= 0) {
            text_from_double((double)json_integer_value(value), number);
            ours = number;
        }
        if (ours == NULL) {
            FAIL(SPUR_DATASET, "member %zu, \"%s\": expected the name or the index of a class",
                 member, key);
        }
        TRY(keep_pair(into, texts, key, ours, member, error));
    }
done:
    json_decref(document);
    return status;
}

static bool is_json(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') {
        at++;
    }
    return at < length && (text[at] == '{' || text[at] == '[');
}

spur_status label_map_read(const char *path, arena *texts, label_map *out, spur_error *error)
{
    spur_status status;
    label_map made;
    unsigned char *bytes = NULL;
    size_t size = 0;
    char *kept = NULL;
    memset(&made, 0, sizeof made);
    TRY(file_load(path, MAP_BYTES, SPUR_DATASET, &bytes, &size, error));
    TRY(arena_text(texts, path, strlen(path), &kept, error));
    made.path = kept;
    TRY(is_json((const char *)bytes, size)
            ? read_json((const char *)bytes, size, texts, &made, error)
            : read_csv((const char *)bytes, size, texts, &made, error));
    if (made.count == 0) {
        FAIL(SPUR_DATASET, "no class in it; expected rows of their class, our class");
    }
    TRY(label_map_seal(&made, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    label_map_free(&made);
    memory_free(bytes);
    if (status != SPUR_OK) {
        error_prefix(error, "class map %s", path);
    }
    return status;
}
