/*
 * backbone_files.c - a classifier's folder or file, its name and its class names.
 */
#include "models/backbone_files.h"

#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "io/folder.h"
#include "io/tensor.h"
#include "models/model_folder.h"

/* ---- paths ------------------------------------------------------------------------------- */

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t count = strlen(end);
    return length > count && memcmp(text + length - count, end, count) == 0;
}

/* Length of the name without a weight file's ending; the same length when it has none. */
static size_t stem_length(const char *name, size_t length)
{
    static const char *const endings[] = {".safetensors", ".pth", ".pt", ".bin", ".ckpt"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (ends_with(name, length, endings[i])) {
            return length - strlen(endings[i]);
        }
    }
    return length;
}

/* The last part of a path, without slashes behind it. */
static const char *last_part(const char *path, size_t *length)
{
    size_t end = strlen(path), start;
    while (end > 0 && path[end - 1] == '/') {
        end--;
    }
    start = end;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    *length = end - start;
    return path + start;
}

/* Letters that a file's name may safely have; others become '_'. NULL for "", "." and "..". */
static spur_status name_make(const char *text, size_t length, char **out, spur_error *error)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    bool is_dots = strspn(text, ".") >= length;
    if (is_dots) {
        return SPUR_OK;
    }
    spur_status status = memory_copy_text(text, length, out, error);
    for (char *at = *out; status == SPUR_OK && *at != '\0'; at++) {
        if (strchr(safe, *at) == NULL || (at == *out && *at == '.')) {
            *at = '_';
        }
    }
    return status;
}

/* "org/name" as "org--name". */
static spur_status hub_name(const char *id, char **out, spur_error *error)
{
    const char *slash = strchr(id, '/');
    text_buffer text = {NULL, 0, 0};
    spur_status status =
        text_format(&text, error, "%.*s--%s", (int)(slash - id), id, slash + 1);
    if (status == SPUR_OK) {
        status = name_make(text.data, text.length, out, error);
    }
    text_buffer_free(&text);
    return status;
}

/* The only file of the folder that ends like weights; *out stays NULL when there is none. */
static spur_status single_weights(const char *folder, char **out, spur_error *error)
{
    spur_status status;
    folder_list list = {NULL, 0};
    const char *found = NULL;
    size_t count = 0;
    TRY(folder_read(folder, SPUR_MODEL, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        size_t length = strlen(list.names[i]);
        if (stem_length(list.names[i], length) < length) {
            found = list.names[i];
            count++;
        }
    }
    if (count == 1) {
        TRY(file_join(folder, found, out, error));
    }
done:
    folder_free(&list);
    return status;
}

/* Weights in Hugging Face's search order, else the only weight file there is. */
static spur_status folder_weights(const char *folder, char **out, spur_error *error)
{
    spur_error reason = {SPUR_OK, ""};
    spur_status status = tensor_file_locate(folder, out, &reason);
    if (status != SPUR_MODEL) {
        return status == SPUR_OK ? status : error_set(error, status, "%s", reason.message);
    }
    status = single_weights(folder, out, error);
    if (status == SPUR_OK && *out == NULL) {
        return error_set(error, status = SPUR_MODEL, "%s", reason.message);
    }
    return status;
}

/* A weight file called as in a folder belongs to its folder. */
static spur_status file_open_lone(const char *path, backbone_files *made, spur_error *error)
{
    spur_status status;
    size_t length;
    const char *part = last_part(path, &length);
    bool is_in_folder =
        strcmp(part, "model.safetensors") == 0 || strcmp(part, "pytorch_model.bin") == 0;
    TRY(memory_copy_text(path, strlen(path), &made->weights, error));
    if (is_in_folder && part == path) {
        TRY(memory_copy_text(".", 1, &made->folder, error));
    } else if (is_in_folder) {
        TRY(memory_copy_text(path, (size_t)(part - path), &made->folder, error));
        part = last_part(made->folder, &length);
    }
    TRY(name_make(part, stem_length(part, length), &made->name, error));
done:
    return status;
}

static spur_status folder_open(const char *path, backbone_files *made, spur_error *error)
{
    spur_status status;
    bool is_folder = file_kind_of(path) == FILE_FOLDER;
    TRY(model_folder_resolve(path, &made->folder, error));
    TRY(folder_weights(made->folder, &made->weights, error));
    if (is_folder) {
        size_t length;
        const char *part = last_part(path, &length);
        TRY(name_make(part, length, &made->name, error));
    } else {
        TRY(hub_name(path, &made->name, error));
    }
done:
    return status;
}

/* ---- config.json ------------------------------------------------------------------------- */

static spur_status config_open(backbone_files *made, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *path = NULL;
    if (made->folder == NULL) {
        return SPUR_OK;
    }
    TRY(file_join(made->folder, "config.json", &path, error));
    if (file_kind_of(path) == FILE_MISSING) {
        goto done;
    }
    TRY(json_read_file(path, SPUR_MODEL, &made->config, error));
    if (!json_is_object(made->config)) {
        FAIL(SPUR_MODEL, "%s: a JSON object is expected", path);
    }
done:
    memory_free(path);
    return status;
}

spur_status backbone_files_open(const char *path, backbone_files *out, spur_error *error)
{
    spur_status status;
    backbone_files made = {NULL, NULL, NULL, NULL};
    bool is_file = file_kind_of(path) != FILE_FOLDER && file_kind_of(path) != FILE_MISSING;
    if (!is_file) {
        TRY(folder_open(path, &made, error));
    } else {
        TRY(file_open_lone(path, &made, error));
    }
    TRY(config_open(&made, error));
    *out = made;
    made = (backbone_files){NULL, NULL, NULL, NULL};
done:
    backbone_files_close(&made);
    return status;
}

void backbone_files_close(backbone_files *block)
{
    memory_free(block->folder);
    memory_free(block->weights);
    memory_free(block->name);
    json_decref(block->config);
    *block = (backbone_files){NULL, NULL, NULL, NULL};
}

const char *backbone_files_architecture(const backbone_files *from)
{
    const char *name = json_string_value(json_object_get(from->config, "architecture"));
    return name != NULL ? name : json_string_value(json_object_get(from->config, "model_type"));
}

/* ---- class names ------------------------------------------------------------------------- */

/* The name of class i in an object {"0": name} or a list. */
static const json_t *name_at(const json_t *names, size_t i)
{
    char key[24];
    if (json_is_array(names)) {
        return json_array_get(names, i);
    }
    (void)snprintf(key, sizeof key, "%zu", i);
    return json_object_get(names, key);
}

spur_status backbone_files_names(const backbone_files *from, size_t classes, arena *owner,
                                 const char *const **out, spur_error *error)
{
    spur_status status;
    const char **list = NULL;
    const char *member = "id2label";
    const json_t *names = json_object_get(from->config, member);
    if (names == NULL) {
        member = "label_names";
        names = json_object_get(from->config, member);
    }
    if (names == NULL || json_is_null(names)) {
        return SPUR_OK;
    }
    size_t count = json_is_array(names) ? json_array_size(names) : json_object_size(names);
    if (count != classes) {
        FAIL(SPUR_MODEL, "config.json: %s names %zu classes, the last layer has %zu", member,
             count, classes);
    }
    TRY(arena_take(owner, classes, sizeof *list, &list, error));
    for (size_t i = 0; i < classes; i++) {
        const json_t *name = name_at(names, i);
        char *copy = NULL;
        if (!json_is_string(name)) {
            FAIL(SPUR_MODEL, "config.json: %s has no name for class %zu", member, i);
        }
        TRY(arena_text(owner, json_string_value(name), json_string_length(name), &copy, error));
        list[i] = copy;
    }
    *out = list;
done:
    return status;
}
