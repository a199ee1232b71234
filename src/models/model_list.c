/*
 * model_list.c - spur_models_list: folders that hold a model, and whether Spur can use it.
 */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/folder.h"
#include "io/json.h"
#include "io/tensor.h"
#include "models/model_folder.h"

enum {
    DEPTH_LIMIT = 5 /* a root, an organisation, a model, a variant: deeper is something else */
};

typedef struct lister {
    int (*visit)(void *context, const spur_model_entry *entry);
    void *context;
    bool is_stopped;
} lister;

/* By Hugging Face's model_type or timm's architecture. Only opening a model tells for sure:
 * variants inside a family are refused by their tensors. */
static bool is_supported_type(const char *type)
{
    static const char *const types[] = {"owlvit", "owlv2", "vit", "deit"};
    static const char *const families[] = {"resnet", "wide_resnet", "vit_", "deit_"};
    bool found = false;
    for (size_t i = 0; type != NULL && i < sizeof types / sizeof types[0]; i++) {
        found = found || strcmp(type, types[i]) == 0;
    }
    for (size_t i = 0; type != NULL && i < sizeof families / sizeof families[0]; i++) {
        bool is_bare = strcmp(type, "resnet") == 0; /* Hugging Face's own ResNet */
        found = found || (!is_bare && strncmp(type, families[i], strlen(families[i])) == 0);
    }
    return found;
}

static spur_status has_weights(const char *folder, bool *out, spur_error *error)
{
    char *path = NULL;
    spur_error missing;
    spur_status status = tensor_file_locate(folder, &path, &missing);
    memory_free(path);
    *out = status == SPUR_OK;
    return status == SPUR_RESOURCE ? error_set(error, status, "%s", missing.message) : SPUR_OK;
}

/* Shows the folder when it has a config.json; one that cannot be read has no type. */
static spur_status show_folder(lister *to, const char *folder, const char *id, bool *is_model,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    char *path = NULL;
    json_t *config = NULL;
    bool is_complete = false;
    spur_error unreadable;
    TRY(file_join(folder, "config.json", &path, error));
    *is_model = file_kind_of(path) == FILE_REGULAR;
    if (!*is_model) {
        goto done;
    }
    (void)!json_read_file(path, SPUR_MODEL, &config, &unreadable);
    TRY(has_weights(folder, &is_complete, error));
    const char *type = json_string_value(json_object_get(config, "model_type"));
    if (type == NULL) {
        type = json_string_value(json_object_get(config, "architecture"));
    }
    spur_model_entry entry = {folder, id, type, is_complete && is_supported_type(type)};
    to->is_stopped = to->visit(to->context, &entry) != 0;
done:
    json_decref(config);
    memory_free(path);
    return status;
}

/* "models--org--name" as "org/name"; *id stays NULL for any other name. */
static spur_status id_of_entry(const char *name, char **id, spur_error *error)
{
    static const char prefix[] = "models--";
    size_t skip = sizeof prefix - 1;
    spur_status status = SPUR_OK;
    if (strncmp(name, prefix, skip) != 0) {
        return SPUR_OK;
    }
    const char *parts = strstr(name + skip, "--");
    if (parts == NULL) {
        return SPUR_OK;
    }
    text_buffer text = {NULL, 0, 0};
    TRY(text_format(&text, error, "%.*s/%s", (int)(parts - name - (ptrdiff_t)skip), name + skip,
                    parts + 2));
    TRY(memory_copy_text(text.data, text.length, id, error));
done:
    text_buffer_free(&text);
    return status;
}

/* An entry of a cache; one without a complete snapshot is passed over. */
static spur_status show_cached(lister *to, const char *entry, const char *id, spur_error *error)
{
    bool is_model = false;
    char *snapshot = NULL;
    spur_error incomplete;
    spur_status status = model_folder_snapshot(entry, &snapshot, &incomplete);
    if (status == SPUR_RESOURCE) {
        return error_set(error, status, "%s", incomplete.message);
    }
    if (status != SPUR_OK) {
        return SPUR_OK;
    }
    status = show_folder(to, snapshot, id, &is_model, error);
    memory_free(snapshot);
    return status;
}

static spur_status list_below(lister *to, const char *folder, unsigned depth,
                              spur_error *error);

static spur_status show_child(lister *to, const char *folder, const char *name, unsigned depth,
                              spur_error *error)
{
    spur_status status;
    char *path = NULL, *id = NULL;
    bool is_model = false;
    TRY(file_join(folder, name, &path, error));
    if (file_kind_of(path) != FILE_FOLDER) {
        goto done;
    }
    TRY(id_of_entry(name, &id, error));
    if (id != NULL) {
        TRY(show_cached(to, path, id, error));
        goto done;
    }
    TRY(show_folder(to, path, NULL, &is_model, error));
    if (!is_model && depth < DEPTH_LIMIT) {
        TRY(list_below(to, path, depth + 1, error));
    }
done:
    memory_free(id);
    memory_free(path);
    return status;
}

static spur_status list_below(lister *to, const char *folder, unsigned depth, spur_error *error)
{
    spur_status status;
    folder_list list = {NULL, 0};
    spur_error unreadable;
    status = folder_read(folder, SPUR_MODEL, &list, &unreadable);
    if (status != SPUR_OK && depth > 0 && status != SPUR_RESOURCE) {
        return SPUR_OK; /* somewhere below: not ours to complain about */
    }
    if (status != SPUR_OK) {
        return error_set(error, status, "%s: %s", folder, unreadable.message);
    }
    for (size_t i = 0; i < list.count && !to->is_stopped; i++) {
        TRY(show_child(to, folder, list.names[i], depth, error));
    }
done:
    folder_free(&list);
    return status;
}

spur_status spur_models_list(const char *root,
                             int (*visit)(void *context, const spur_model_entry *entry),
                             void *context, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *hub = NULL;
    bool is_model = false;
    lister to = {visit, context, false};
    if (root == NULL) {
        TRY(model_folder_hub(&hub, error));
        if (file_kind_of(hub) == FILE_MISSING) {
            goto done; /* nothing was ever downloaded */
        }
        root = hub;
    }
    TRY(show_folder(&to, root, NULL, &is_model, error));
    if (!is_model) {
        TRY(list_below(&to, root, 0, error));
    }
done:
    memory_free(hub);
    return status;
}
