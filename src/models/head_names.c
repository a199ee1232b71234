/*
 * head_names.c - the note "class_names" to and from JSON.
 */
#include "models/head_names.h"

#include <string.h>

#include "io/json.h"

spur_status head_names_read(const head_file *from, arena *owner, const char *const **out,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    json_t *list = NULL;
    const char **names = NULL;
    const char *text = head_file_note(from, "class_names");
    size_t classes = head_file_head(from)->classes;
    if (text == NULL) {
        goto done;
    }
    TRY(json_read(text, strlen(text), false, SPUR_MODEL, &list, error));
    if (!json_is_array(list) || json_array_size(list) != classes) {
        FAIL(SPUR_MODEL, "note class_names is not a list of %zu names", classes);
    }
    TRY(arena_take(owner, classes, sizeof *names, &names, error));
    for (size_t i = 0; i < classes; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        char *kept;
        if (name == NULL) {
            FAIL(SPUR_MODEL, "note class_names: element %zu is not text", i);
        }
        TRY(arena_text(owner, name, strlen(name), &kept, error));
        names[i] = kept;
    }
done:
    json_decref(list);
    if (status == SPUR_OK) {
        *out = names;
    }
    return status;
}

spur_status head_names_list(const char *const *names, size_t count, text_buffer *into,
                            spur_error *error)
{
    spur_status status;
    json_writer json = {.into = into};
    TRY(json_open_array(&json, NULL, error));
    for (size_t i = 0; i < count; i++) {
        TRY(json_add_text(&json, NULL, names[i], error));
    }
    TRY(json_close_array(&json, error));
done:
    return status;
}
