/*
 * tensor_index.c - reading a weight index; shard names are plain names or refused.
 *
 * "metadata.total_size" is informational and often wrong, so nothing is compared with it.
 */
#include "io/tensor_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"

enum {
    INDEX_LIMIT = 8 * 1024 * 1024 /* bytes; parsed it takes about 20 times as much */
};

void tensor_index_free(tensor_index *index)
{
    if (index == NULL) {
        return;
    }
    json_decref(index->document);
    memory_free(index->folder);
    memory_free(index->items);
    memory_free(index->shards);
    memory_free(index);
}

/* A name that stays in the index's folder whatever the system makes of it. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && strcmp(name, ".") != 0 && strchr(name, '/') == NULL &&
           strchr(name, '\\') == NULL && strstr(name, "..") == NULL;
}

static spur_status load_document(const char *path, json_t **out, spur_error *error)
{
    spur_status status;
    unsigned char *text = NULL;
    size_t length = 0;
    TRY(file_load(path, INDEX_LIMIT, SPUR_MODEL, &text, &length, error));
    TRY(json_read((const char *)text, length, false, SPUR_MODEL, out, error));
done:
    memory_free(text);
    return status;
}

static spur_status copy_folder(const char *path, char **out, spur_error *error)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    return memory_copy_text(path, slash == path ? 1 : length, out, error);
}

static int compare_texts(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(*a, *b);
}

static int compare_items(const void *left, const void *right)
{
    const tensor_index_item *a = left;
    const tensor_index_item *b = right;
    return strcmp(a->name, b->name);
}

/* Sorts the shard names and drops repetitions. */
static void keep_each_shard_once(tensor_index *index)
{
    size_t kept = 0;
    qsort(index->shards, index->count, sizeof *index->shards, compare_texts);
    for (size_t i = 0; i < index->count; i++) {
        if (i == 0 || strcmp(index->shards[i], index->shards[kept - 1]) != 0) {
            index->shards[kept++] = index->shards[i];
        }
    }
    index->shard_count = kept;
}

static size_t find_shard(const tensor_index *index, const char *name)
{
    const char **found =
        bsearch(&name, index->shards, index->shard_count, sizeof name, compare_texts);
    return (size_t)(found - index->shards);
}

static spur_status take_map(json_t *map, tensor_index *index, spur_error *error)
{
    spur_status status;
    const char *name;
    json_t *value;
    size_t i = 0;
    index->count = json_object_size(map);
    if (index->count == 0) {
        FAIL(SPUR_MODEL, "'weight_map' maps no tensor");
    }
    TRY(memory_new(index->count, sizeof *index->items, &index->items, error));
    TRY(memory_new(index->count, sizeof *index->shards, &index->shards, error));
    json_object_foreach(map, name, value)
    {
        if (!json_is_string(value) || !is_plain_name(json_string_value(value))) {
            FAIL(SPUR_MODEL,
                 "'weight_map' maps '%s' to something that is not a plain file name", name);
        }
        index->items[i].name = name;
        index->shards[i++] = json_string_value(value);
    }
    keep_each_shard_once(index);
    for (i = 0; i < index->count; i++) {
        value = json_object_get(map, index->items[i].name);
        index->items[i].shard = find_shard(index, json_string_value(value));
    }
    qsort(index->items, index->count, sizeof *index->items, compare_items);
done:
    return status;
}

spur_status tensor_index_read(const char *path, tensor_index **out, spur_error *error)
{
    spur_status status;
    tensor_index *index = NULL;
    json_t *document = NULL;
    TRY(memory_new_zeroed(1, sizeof *index, &index, error));
    TRY(load_document(path, &document, error));
    index->document = document;
    json_t *map = json_object_get(document, "weight_map");
    if (!json_is_object(map)) {
        FAIL(SPUR_MODEL, "is JSON, not weights, and no weight index either: no object "
                         "'weight_map'");
    }
    TRY(copy_folder(path, &index->folder, error));
    TRY(take_map(map, index, error));
    *out = index;
    index = NULL;
done:
    tensor_index_free(index);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    return status;
}
