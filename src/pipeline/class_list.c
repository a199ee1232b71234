/*
 * class_list.c - text and JSON forms of class lists.
 *
 * Text is recognised as a whole: all lines "wnid name", or all lines "label TAB name", else
 * every line is a name. One line in another form is then a name like any other.
 */
#include "pipeline/class_list.h"

#include <string.h>

#include "base/text.h"
#include "io/file.h"
#include "io/json.h"
#include "io/lines.h"

enum {
    CLASS_LIST_BYTES = 256 << 20
};

bool class_is_wnid(const char *text)
{
    return text[0] == 'n' && strlen(text) == 9 && strspn(text + 1, "0123456789") == 8;
}

void class_list_free(class_list *block)
{
    if (block != NULL) {
        memory_free(block->entries);
        memset(block, 0, sizeof *block);
    }
}

spur_status class_plain_name(const char *name, arena *texts, char **out, spur_error *error)
{
    size_t length = strcspn(name, ",");
    while (length > 0 && strchr(" \t_", name[length - 1]) != NULL) {
        length--;
    }
    while (length > 0 && strchr(" \t_", name[0]) != NULL) {
        name++;
        length--;
    }
    char *copy = NULL;
    spur_status status = arena_text(texts, name, length, &copy, error);
    if (status == SPUR_OK) {
        for (char *at = strchr(copy, '_'); at != NULL; at = strchr(at, '_')) {
            *at = ' ';
        }
        *out = copy;
    }
    return status;
}

static spur_status keep(arena *texts, const char *text, size_t length, const char **out,
                        spur_error *error)
{
    char *copy = NULL;
    spur_status status = arena_text(texts, text, length, &copy, error);
    *out = copy;
    return status;
}

/* label or name may be NULL. */
static spur_status add_entry(class_list *into, arena *texts, const char *label,
                             const char *name, spur_error *error)
{
    spur_status status;
    class_entry entry = {NULL, NULL};
    TRY(label == NULL ? SPUR_OK : keep(texts, label, strlen(label), &entry.label, error));
    TRY(name == NULL ? SPUR_OK : keep(texts, name, strlen(name), &entry.name, error));
    TRY(memory_grow(&into->entries, &into->capacity, into->count + 1, sizeof *into->entries,
                    error));
    into->entries[into->count++] = entry;
done:
    return status;
}

/* ---- text ------------------------------------------------------------------------------ */

/* Length of the wnid a line starts with, 0 when it starts with something else. */
static size_t wnid_length(const text_line *line)
{
    char head[10];
    size_t length = strcspn(line->text, " \t");
    if (length != 9) {
        return 0;
    }
    memcpy(head, line->text, 9);
    head[9] = '\0';
    return class_is_wnid(head) ? length : 0;
}

/* What follows a wnid: a name, perhaps with the id of ImageNet's devkit before it. */
static const char *name_behind(const char *text)
{
    text += strspn(text, " \t");
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && (text[digits] == ' ' || text[digits] == '\t')) {
        text += digits;
        text += strspn(text, " \t");
    }
    return text[0] == '\0' ? NULL : text;
}

static spur_status add_line(class_list *into, arena *texts, text_line *line, bool is_wnid,
                            bool is_pair, spur_error *error)
{
    if (!is_wnid && !is_pair) {
        return add_entry(into, texts, NULL, line->text, error);
    }
    size_t length = is_wnid ? wnid_length(line) : strcspn(line->text, "\t");
    const char *rest = line->text + length;
    const char *name = is_wnid ? name_behind(rest) : rest + strspn(rest, "\t ");
    if (line->text[length] != '\0') {
        line->text[length] = '\0';
    }
    return add_entry(into, texts, line->text, name, error);
}

static spur_status read_text(const char *path, arena *texts, class_list *into,
                             spur_error *error)
{
    spur_status status;
    text_lines lines = {NULL, NULL, 0};
    bool is_wnid = true;
    bool is_pair = true;
    TRY(lines_load(path, SPUR_DATASET, &lines, error));
    for (size_t i = 0; i < lines.count; i++) {
        const text_line *line = &lines.lines[i];
        if (!text_is_utf8(line->text, line->length)) {
            FAIL(SPUR_DATASET, "line %zu: not UTF-8", line->number);
        }
        is_wnid = is_wnid && wnid_length(line) > 0;
        is_pair = is_pair && strchr(line->text, '\t') != NULL && line->text[0] != '\t';
    }
    into->has_labels = is_wnid || is_pair;
    for (size_t i = 0; i < lines.count; i++) {
        TRY(add_line(into, texts, &lines.lines[i], is_wnid, is_pair, error));
    }
done:
    lines_free(&lines);
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------ */

/* "tench", or ["n01440764", "tench"]; label is NULL in the first form. */
static spur_status read_value(const json_t *value, const char **label, const char **name,
                              spur_error *error)
{
    *label = NULL;
    *name = json_string_value(value);
    if (json_is_array(value) && json_array_size(value) == 2) {
        *label = json_string_value(json_array_get(value, 0));
        *name = json_string_value(json_array_get(value, 1));
        if (*label == NULL) {
            *name = NULL;
        }
    }
    return *name != NULL ? SPUR_OK
                         : error_set(error, SPUR_DATASET,
                                     "a class must be a name or [\"label\", \"name\"]");
}

static spur_status add_value(class_list *into, arena *texts, const json_t *value,
                             spur_error *error)
{
    spur_status status;
    const char *label;
    const char *name;
    TRY(read_value(value, &label, &name, error));
    if (into->count > 0 && into->has_labels != (label != NULL)) {
        FAIL(SPUR_DATASET, "class %zu: some classes have a label, some do not", into->count);
    }
    into->has_labels = label != NULL;
    TRY(add_entry(into, texts, label, name, error));
done:
    return status;
}

static spur_status read_array(const json_t *array, arena *texts, class_list *into,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < json_array_size(array); i++) {
        TRY(add_value(into, texts, json_array_get(array, i), error));
    }
done:
    return status;
}

/* {"0": ..., "1": ...}: keys are indices without a gap. */
static spur_status read_numbered(const json_t *object, arena *texts, class_list *into,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    char key[TEXT_NUMBER_SIZE];
    for (size_t i = 0; i < json_object_size(object); i++) {
        text_from_double((double)i, key);
        const json_t *value = json_object_get(object, key);
        if (value == NULL) {
            FAIL(SPUR_DATASET, "class %zu is missing: keys must be 0 to %zu", i,
                 json_object_size(object) - 1);
        }
        TRY(add_value(into, texts, value, error));
    }
done:
    return status;
}

/* {"n01440764": "tench", ...} in the file's order. */
static spur_status read_labelled(json_t *object, arena *texts, class_list *into,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *key;
    json_t *value;
    into->has_labels = true;
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value)) {
            FAIL(SPUR_DATASET, "class \"%s\": its name must be a string", key);
        }
        TRY(add_entry(into, texts, key, json_string_value(value), error));
    }
done:
    return status;
}

static spur_status read_json(const char *path, arena *texts, class_list *into,
                             spur_error *error)
{
    spur_status status;
    json_t *document = NULL;
    unsigned char *bytes = NULL;
    size_t size;
    TRY(file_load(path, CLASS_LIST_BYTES, SPUR_DATASET, &bytes, &size, error));
    TRY(json_read((const char *)bytes, size, false, SPUR_DATASET, &document, error));
    json_t *inner = json_object_get(document, "id2label");
    json_t *list = json_is_object(inner) ? inner : document;
    if (json_is_array(list)) {
        TRY(read_array(list, texts, into, error));
    } else if (json_object_get(list, "0") != NULL) {
        TRY(read_numbered(list, texts, into, error));
    } else {
        TRY(read_labelled(list, texts, into, error));
    }
done:
    json_decref(document);
    memory_free(bytes);
    return status;
}

/* JSON starts with a bracket; nothing else does. */
static spur_status is_json(const char *path, bool *out, spur_error *error)
{
    spur_status status;
    file *opened = NULL;
    char head[64];
    TRY(file_open(path, SPUR_DATASET, &opened, error));
    size_t length = file_size(opened) < sizeof head ? (size_t)file_size(opened) : sizeof head;
    TRY(file_read_at(opened, 0, head, length, error));
    *out = false;
    for (size_t i = 0; i < length; i++) {
        if (strchr(" \t\r\n", head[i]) == NULL || head[i] == '\0') {
            *out = head[i] == '{' || head[i] == '[';
            break;
        }
    }
done:
    file_close(opened);
    return status;
}

spur_status class_list_read(const char *path, arena *texts, class_list *out, spur_error *error)
{
    spur_status status;
    class_list list = {NULL, 0, 0, false};
    bool has_brackets = false;
    TRY(is_json(path, &has_brackets, error));
    TRY(has_brackets ? read_json(path, texts, &list, error)
                     : read_text(path, texts, &list, error));
    if (list.count == 0) {
        FAIL(SPUR_DATASET, "no classes in it");
    }
    *out = list;
    memset(&list, 0, sizeof list);
done:
    class_list_free(&list);
    if (status != SPUR_OK) {
        error_prefix(error, "class list %s", path);
    }
    return status;
}
