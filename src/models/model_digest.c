/*
 * model_digest.c - options, then small files by name and bytes, then the weight files.
 */
#include "models/model_digest.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"

/* Adds a file's name, size and bytes. */
static spur_status digest_add_file(digest *sum, const char *path, spur_error *error)
{
    enum {
        CHUNK = 1 << 20
    };
    spur_status status;
    file *from = NULL;
    unsigned char *chunk = NULL;
    TRY(memory_new(CHUNK, 1, &chunk, error));
    TRY(file_open(path, SPUR_MODEL, &from, error));
    uint64_t size = file_size(from);
    TRY(digest_add(sum, &size, sizeof size, error));
    for (uint64_t at = 0; at < size; at += CHUNK) {
        size_t length = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        TRY(file_read_at(from, at, chunk, length, error));
        TRY(digest_add(sum, chunk, length, error));
    }
    TRY(file_check_unchanged(from, error));
done:
    file_close(from);
    memory_free(chunk);
    return status;
}

static spur_status digest_add_named(digest *sum, const model_parts *parts, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *path = NULL;
    for (size_t i = 0; parts->folder != NULL && i < parts->name_count; i++) {
        const char *name = parts->names[i];
        memory_free(path);
        path = NULL;
        TRY(file_join(parts->folder, name, &path, error));
        if (file_kind_of(path) == FILE_REGULAR) {
            TRY(digest_add(sum, name, strlen(name) + 1, error));
            TRY(digest_add_file(sum, path, error));
        }
    }
done:
    memory_free(path);
    return status;
}

spur_status model_digest(const model_parts *parts, char out[DIGEST_HEX_SIZE], spur_error *error)
{
    spur_status status;
    digest *sum = NULL;
    unsigned char bytes[DIGEST_SIZE];
    TRY(digest_new(&sum, error));
    TRY(digest_add(sum, parts->options, strlen(parts->options) + 1, error));
    TRY(digest_add_named(sum, parts, error));
    for (size_t i = 0; i < tensor_file_part_count(parts->weights); i++) {
        TRY(digest_add_file(sum, tensor_file_part(parts->weights, i), error));
    }
    TRY(digest_finish(sum, bytes, error));
    digest_hex(bytes, sizeof bytes, out);
done:
    digest_free(sum);
    return status;
}
