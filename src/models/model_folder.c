/*
 * model_folder.c - folders and hub ids.
 */
#include "models/model_folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"

enum {
    REFERENCE_LIMIT = 256 /* bytes of refs/main: a commit in hexadecimal */
};

/* $NAME/rest when the variable is set and not empty; *out stays NULL otherwise. */
static spur_status below_variable(const char *name, const char *rest, char **out,
                                  spur_error *error)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        return SPUR_OK;
    }
    return rest == NULL ? memory_copy_text(value, strlen(value), out, error)
                        : file_join(value, rest, out, error);
}

spur_status model_folder_hub(char **out, spur_error *error)
{
    static const struct {
        const char *variable, *rest;
    } places[] = {{"HF_HUB_CACHE", NULL},
                  {"HF_HOME", "hub"},
                  {"XDG_CACHE_HOME", "huggingface/hub"},
                  {"HOME", ".cache/huggingface/hub"}};
    char *hub = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        spur_status status = below_variable(places[i].variable, places[i].rest, &hub, error);
        if (status != SPUR_OK) {
            return status;
        }
        if (hub != NULL) {
            *out = hub;
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_MODEL,
                     "no Hugging Face cache: neither HF_HUB_CACHE, HF_HOME nor HOME is set");
}

/* "org/name", both of letters, digits, '-', '_' and '.', not beginning with '.'. */
static bool is_hub_id(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL || slash == text || slash[1] == '\0' || text[0] == '.' ||
        slash[1] == '.') {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        bool is_fine = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                       (*at >= '0' && *at <= '9') || *at == '-' || *at == '_' || *at == '.' ||
                       at == slash;
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

/* HUB/models--org--name */
static spur_status cache_entry(const char *id, char **out, spur_error *error)
{
    spur_status status;
    char *hub = NULL;
    text_buffer name = {NULL, 0, 0};
    const char *slash = strchr(id, '/');
    TRY(model_folder_hub(&hub, error));
    TRY(text_format(&name, error, "models--%.*s--%s", (int)(slash - id), id, slash + 1));
    TRY(file_join(hub, name.data, out, error));
done:
    memory_free(hub);
    text_buffer_free(&name);
    return status;
}

/* ENTRY/snapshots/<content of ENTRY/refs/main> */
spur_status model_folder_snapshot(const char *entry, char **out, spur_error *error)
{
    spur_status status;
    char *reference = NULL;
    unsigned char *commit = NULL;
    size_t length = 0;
    text_buffer path = {NULL, 0, 0};
    TRY(file_join(entry, "refs/main", &reference, error));
    TRY(file_load(reference, REFERENCE_LIMIT, SPUR_MODEL, &commit, &length, error));
    while (length > 0 && strchr(" \r\n\t", commit[length - 1]) != NULL) {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        if (strchr("0123456789abcdef", commit[i]) == NULL || commit[i] == '\0') {
            length = 0;
        }
    }
    if (length == 0) {
        FAIL(SPUR_MODEL, "%s holds no commit", reference);
    }
    TRY(text_format(&path, error, "%s/snapshots/%.*s", entry, (int)length,
                    (const char *)commit));
    if (file_kind_of(path.data) != FILE_FOLDER) {
        FAIL(SPUR_MODEL, "%s is missing", path.data);
    }
    TRY(memory_copy_text(path.data, path.length, out, error));
done:
    memory_free(reference);
    memory_free(commit);
    text_buffer_free(&path);
    return status;
}

static spur_status fail_not_cached(const char *id, const char *entry, spur_error *error)
{
    return error_set(
        error, SPUR_MODEL,
        "model '%s' is neither a folder nor in the Hugging Face cache (%s); "
        "download it with: hf download %s (a command of the Python package huggingface_hub)",
        id, entry, id);
}

static spur_status resolve_id(const char *id, char **folder, spur_error *error)
{
    spur_status status;
    char *entry = NULL;
    spur_error reason = {SPUR_OK, ""};
    TRY(cache_entry(id, &entry, error));
    status = model_folder_snapshot(entry, folder, &reason);
    if (status == SPUR_MODEL) {
        status = fail_not_cached(id, entry, error);
    } else if (status != SPUR_OK) {
        status = error_set(error, status, "%s", reason.message);
    }
done:
    memory_free(entry);
    return status;
}

spur_status model_folder_resolve(const char *path_or_id, char **folder, spur_error *error)
{
    switch (file_kind_of(path_or_id)) {
    case FILE_FOLDER:
        return memory_copy_text(path_or_id, strlen(path_or_id), folder, error);
    case FILE_MISSING:
        if (is_hub_id(path_or_id)) {
            return resolve_id(path_or_id, folder, error);
        }
        return error_set(
            error, SPUR_MODEL,
            "%s: no such file or folder; expected a model's folder or a hub id such as "
            "google/owlvit-base-patch32",
            path_or_id);
    default:
        return error_set(error, SPUR_MODEL,
                         "%s: is a file; expected the model's folder (config.json, "
                         "preprocessor_config.json, tokenizer and weights)",
                         path_or_id);
    }
}
