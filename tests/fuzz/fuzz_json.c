/*
 * fuzz_json.c - JSON of anybody: no crash, one message per refusal, and what is accepted reads
 * back after its strings were written by our own writer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Writes the string as the one element of an array and reads that again. */
static void check_string(const json_t *value)
{
    spur_error error = {SPUR_OK, ""};
    text_buffer document = {NULL, 0, 0};
    json_writer writer = {&document, false};
    json_t *again = NULL;
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    require(json_open_array(&writer, NULL, &error) == SPUR_OK);
    require(json_add_span(&writer, NULL, text, length, &error) == SPUR_OK);
    require(json_close_array(&writer, &error) == SPUR_OK);
    require(json_read(document.data, document.length, true, SPUR_DATASET, &again, &error) ==
            SPUR_OK);
    require(json_equal(json_array_get(again, 0), value));
    json_decref(again);
    text_buffer_free(&document);
}

static void check_members(json_t *root)
{
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        spur_error error = {SPUR_OK, ""};
        size_t size = 0;
        double real = 0;
        bool flag = false;
        const char *text = "";
        (void)!json_get_size(root, name, 1, 1000, SPUR_MODEL, &size, &error);
        (void)!json_get_double(root, name, SPUR_MODEL, &real, &error);
        (void)!json_get_bool(root, name, SPUR_MODEL, &flag, &error);
        (void)!json_get_text(root, name, SPUR_MODEL, &text, &error);
        if (json_is_string(value)) {
            check_string(value);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (int allow_nul = 0; allow_nul < 2; allow_nul++) {
        spur_error error = {SPUR_OK, ""};
        json_t *root = NULL;
        spur_status status =
            json_read((const char *)bytes, size, allow_nul != 0, SPUR_DATASET, &root, &error);
        require((status == SPUR_OK) == (root != NULL));
        require(status == SPUR_OK || strncmp(error.message, "line ", 5) == 0);
        if (json_is_object(root)) {
            check_members(root);
        }
        json_decref(root);
    }
    return 0;
}
