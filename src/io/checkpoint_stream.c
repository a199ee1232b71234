/*
 * checkpoint_stream.c - PyTorch before 1.6: pickles of a magic number, a version, facts about
 * the machine, the state dict and the list of storage keys; then, per key in that order, an
 * int64 count and the elements.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/checkpoint.h"

/* The stream's front, and how much of it is read. */
typedef struct stream {
    const unsigned char *bytes;
    size_t length, at;
} stream;

static spur_status next_pickle(stream *from, bool has_views, const char *what, pickle **out,
                               spur_error *error)
{
    size_t used = 0;
    spur_status status = pickle_read(from->bytes + from->at, from->length - from->at, has_views,
                                     out, &used, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s at byte %zu", what, from->at);
        return status;
    }
    from->at += used;
    return SPUR_OK;
}

static spur_status check_magic(stream *from, spur_error *error)
{
    static const char magic[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    spur_status status;
    pickle *parsed = NULL;
    TRY(next_pickle(from, false, "magic number", &parsed, error));
    const pickle_value *root = pickle_root(parsed);
    if (root->kind != PICKLE_LONG || root->length != 10 ||
        memcmp(root->as.text, magic, 10) != 0) {
        FAIL(SPUR_MODEL, "is a pickle but no PyTorch checkpoint; re-save the weights: "
                         "torch.save(model.state_dict(), FILE)");
    }
done:
    pickle_free(parsed);
    return status;
}

static spur_status check_version(stream *from, spur_error *error)
{
    spur_status status;
    pickle *parsed = NULL;
    TRY(next_pickle(from, false, "version", &parsed, error));
    const pickle_value *root = pickle_root(parsed);
    if (root->kind != PICKLE_INTEGER || root->as.integer != 1001) {
        FAIL(SPUR_MODEL, "PyTorch stream version is not 1001");
    }
done:
    pickle_free(parsed);
    return status;
}

static spur_status check_machine(stream *from, spur_error *error)
{
    spur_status status;
    pickle *parsed = NULL;
    TRY(next_pickle(from, false, "system facts", &parsed, error));
    const pickle_value *root = pickle_root(parsed);
    const pickle_value *little =
        pickle_is_dict(root) ? pickle_dict_get(root, "little_endian") : NULL;
    if (little == NULL || little->kind != PICKLE_BOOL || little->as.integer != 1) {
        FAIL(SPUR_MODEL, "was not written on a little-endian machine; re-save it on one");
    }
done:
    pickle_free(parsed);
    return status;
}

static int compare_keys(const pickle_storage *a, const pickle_storage *b)
{
    return text_compare(a->key, a->key_length, b->key, b->key_length);
}

static int compare_storages(const void *left, const void *right)
{
    const pickle_storage *const *a = left;
    const pickle_storage *const *b = right;
    return compare_keys(*a, *b);
}

/* The storages the pickle names, sorted by key. */
static spur_status list_storages(const pickle *parsed, pickle_storage ***out, size_t *count,
                                 spur_error *error)
{
    spur_status status;
    pickle_storage **list = NULL;
    size_t capacity = 0;
    *count = 0;
    for (pickle_storage *at = pickle_storages(parsed); at != NULL; at = at->next) {
        TRY(memory_grow(&list, &capacity, *count + 1, sizeof(pickle_storage *), error));
        list[(*count)++] = at;
    }
    if (*count > 0) {
        qsort(list, *count, sizeof(pickle_storage *), compare_storages);
    }
    *out = list;
    return SPUR_OK;
done:
    memory_free(list);
    return status;
}

/* Index of the first storage not below `key`. */
static size_t lower_bound(pickle_storage *const *list, size_t count, const pickle_storage *key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(list[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The storage at byte *at of the file belongs to every mention of `key`. */
static spur_status place_key(const file *from, const pickle_storage *key,
                             pickle_storage *const *list, size_t count, uint64_t *at,
                             spur_error *error)
{
    spur_status status;
    int64_t elements = 0;
    size_t first = lower_bound(list, count, key);
    bool is_used = first < count && compare_keys(list[first], key) == 0;
    if (!is_used || list[first]->position != 0) {
        FAIL(SPUR_MODEL, "storage key '%.*s' is listed twice or used by no tensor",
             (int)(key->key_length & 0xFF), key->key);
    }
    size_t bytes = list[first]->bytes;
    uint64_t left = file_size(from) - *at;
    if (left < 8 || bytes > left - 8) {
        FAIL(SPUR_MODEL, "the file is cut short: a storage of %zu bytes at byte %llu", bytes,
             (unsigned long long)*at);
    }
    TRY(file_read_at(from, *at, &elements, sizeof elements, error));
    for (size_t i = first; i < count && compare_keys(list[i], key) == 0; i++) {
        if (elements < 0 || (uint64_t)elements != list[i]->elements ||
            list[i]->bytes != bytes) {
            FAIL(SPUR_MODEL, "storage at byte %llu has %lld elements, the pickle says %zu",
                 (unsigned long long)*at, (long long)elements, list[i]->elements);
        }
        list[i]->position = *at + 8;
    }
    *at += 8 + (uint64_t)bytes;
done:
    return status;
}

static spur_status place_keys(const file *from, const pickle_value *keys,
                              pickle_storage *const *list, size_t count, uint64_t at,
                              spur_error *error)
{
    spur_status status;
    if (keys->kind != PICKLE_LIST) {
        FAIL(SPUR_MODEL, "the storage keys are not a list");
    }
    for (size_t i = 0; i < keys->as.sequence->count; i++) {
        const pickle_value *item = &keys->as.sequence->items[i];
        if (item->kind != PICKLE_TEXT && item->kind != PICKLE_BYTES) {
            FAIL(SPUR_MODEL, "a storage key is not a text");
        }
        pickle_storage key = {.key = item->as.text, .key_length = item->length};
        TRY(place_key(from, &key, list, count, &at, error));
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i]->position == 0) {
            FAIL(SPUR_MODEL, "storage key '%.*s' is missing from the list of storages",
                 (int)(list[i]->key_length & 0xFF), list[i]->key);
        }
    }
    if (at != file_size(from)) {
        FAIL(SPUR_MODEL, "%llu bytes follow the last storage",
             (unsigned long long)(file_size(from) - at));
    }
    status = SPUR_OK;
done:
    return status;
}

static spur_status place_stream(const file *from, stream *front, const pickle *parsed,
                                spur_error *error)
{
    spur_status status;
    pickle *keys = NULL;
    pickle_storage **list = NULL;
    size_t count = 0;
    TRY(next_pickle(front, false, "storage keys", &keys, error));
    TRY(list_storages(parsed, &list, &count, error));
    TRY(place_keys(from, pickle_root(keys), list, count, front->at, error));
done:
    memory_free(list);
    pickle_free(keys);
    return status;
}

static spur_status parse_stream(const file *from, checkpoint *own, spur_error *error)
{
    spur_status status;
    uint64_t size = file_size(from);
    stream front = {NULL,
                    size < CHECKPOINT_PICKLE_LIMIT ? (size_t)size : CHECKPOINT_PICKLE_LIMIT, 0};
    TRY(memory_new(front.length, 1, &own->bytes, error));
    TRY(file_read_at(from, 0, own->bytes, front.length, error));
    front.bytes = own->bytes;
    TRY(check_magic(&front, error));
    TRY(check_version(&front, error));
    TRY(check_machine(&front, error));
    TRY(next_pickle(&front, true, "state dict", &own->parsed, error));
    TRY(place_stream(from, &front, own->parsed, error));
done:
    return status;
}

spur_status checkpoint_open_legacy(file *from, tensor_source **out, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    checkpoint *own = NULL;
    TRY(checkpoint_new(from, "pytorch-legacy", &source, &own, error));
    TRY(parse_stream(from, own, error));
    TRY(checkpoint_add_tensors(source, pickle_root(own->parsed), error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}
