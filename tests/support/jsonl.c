/*
 * jsonl.c - lines of JSON, and digests to compare them with.
 */
#include "jsonl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "support.h"

size_t jsonl_each(const char *name, void (*visit)(const json_t *row, void *context),
                  void *context)
{
    FILE *stream = fopen(shared_path(name), "r");
    char *line = NULL;
    size_t capacity = 0;
    size_t count = 0;
    assert_non_null(stream);
    for (ssize_t length; (length = getline(&line, &capacity, stream)) > 0; count++) {
        json_t *row = json_loadb(line, (size_t)length, 0, NULL);
        assert_true(json_is_object(row));
        visit(row, context);
        json_decref(row);
    }
    free(line);
    assert_int_equal(fclose(stream), 0);
    return count;
}

const char *jsonl_text(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

const char *hex_of(const void *bytes, size_t length)
{
    static char hex[DIGEST_HEX_SIZE];
    unsigned char sum[DIGEST_SIZE];
    spur_error error;
    assert_ok(digest_of(bytes, length, sum, &error), error);
    digest_hex(sum, sizeof sum, hex);
    return hex;
}
