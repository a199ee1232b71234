/*
 * checkpoint.c - PyTorch checkpoints: zip archives (since 1.6) and the stream before them.
 *
 * zip: NAME/data.pkl is a pickled state dict whose storages are the members NAME/data/KEY.
 * stream: pickles of a magic number, a version, facts about the machine, the state dict and
 * the list of storage keys; then, per key, an int64 count and the elements.
 * Both end in the same place: a dict of tensors, each a strided view of a storage whose bytes
 * stand somewhere in the file.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/pickle.h"
#include "io/tensor_source.h"
#include "io/zip.h"

enum {
    PICKLE_LIMIT = 64 * 1024 * 1024,  /* bytes of data.pkl, or of a stream's pickles */
    EXPANSION_LIMIT = 16,             /* tensors may hold so many times the file's bytes ... */
    EXPANSION_FREE = 64 * 1024 * 1024 /* ... plus this much; stride 0 can ask for anything */
};

typedef struct checkpoint {
    unsigned char *bytes; /* of the pickle; texts point into them */
    pickle *parsed;
    zip *archive;
} checkpoint;

static void checkpoint_close(void *own)
{
    checkpoint *block = own;
    pickle_free(block->parsed);
    zip_close(block->archive);
    memory_free(block->bytes);
    memory_free(block);
}

/* ---- reading a tensor ---------------------------------------------------------------------
 */

static bool is_contiguous(const pickle_tensor *tensor)
{
    size_t expected = 1;
    for (size_t i = tensor->rank; i > 0; i--) {
        if (tensor->shape[i - 1] != 1 && tensor->strides[i - 1] != expected) {
            return false;
        }
        expected *= tensor->shape[i - 1]; /* divides the proven element count */
    }
    return true;
}

/* Copies elements of `width` bytes in row-major order; the tensor is not empty. */
static void gather(const pickle_tensor *tensor, const unsigned char *src, size_t width,
                   unsigned char *dst)
{
    size_t at[TENSOR_RANK_LIMIT] = {0};
    size_t position = 0;
    for (size_t done = 0; done < tensor->elements; done++) {
        memcpy(dst + done * width, src + position * width, width);
        for (size_t i = tensor->rank; i > 0; i--) {
            position += tensor->strides[i - 1];
            if (++at[i - 1] < tensor->shape[i - 1]) {
                break;
            }
            position -= tensor->strides[i - 1] * tensor->shape[i - 1];
            at[i - 1] = 0;
        }
    }
}

/* Elements from the tensor's first to its last, both counted. */
static size_t span_of(const pickle_tensor *tensor)
{
    size_t span = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        span += (tensor->shape[i] - 1) * tensor->strides[i];
    }
    return span;
}

static spur_status checkpoint_read(const tensor_source *source, const tensor_entry *entry,
                                   void *dst, spur_error *error)
{
    spur_status status = SPUR_OK;
    unsigned char *span = NULL;
    const pickle_tensor *tensor = entry->place.record;
    if (tensor->elements == 0) {
        return SPUR_OK;
    }
    size_t width = tensor_dtype_bits(tensor->dtype) / 8;
    uint64_t begin = tensor->storage->position + (uint64_t)tensor->offset * width;
    if (is_contiguous(tensor)) {
        return file_read_at(source->from, begin, dst, tensor->bytes, error);
    }
    size_t length = span_of(tensor);
    TRY(memory_new(length, width, &span, error));
    TRY(file_read_at(source->from, begin, span, length * width, error));
    gather(tensor, span, width, dst);
done:
    memory_free(span);
    return status;
}

/* ---- the state dict -----------------------------------------------------------------------
 */

static const pickle_value *unwrap(const pickle_value *dict)
{
    static const char *const wrappers[] = {"model", "state_dict", "model_ema",
                                           "state_dict_ema"};
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        const pickle_value *inner = pickle_dict_get(dict, wrappers[i]);
        if (inner != NULL && pickle_is_dict(inner)) {
            return inner;
        }
    }
    return dict;
}

/* The key as a tensor name, without the 'module.' of DataParallel. */
static spur_status take_name(tensor_source *source, const pickle_value *key, const char **out,
                             spur_error *error)
{
    static const char prefix[] = "module.";
    spur_status status;
    char *name = NULL;
    if ((key->kind != PICKLE_TEXT && key->kind != PICKLE_BYTES) ||
        !text_is_utf8(key->as.text, key->length) ||
        memchr(key->as.text, '\0', key->length) != NULL) {
        FAIL(SPUR_MODEL, "a tensor's name is not a text in UTF-8");
    }
    size_t skip = sizeof prefix - 1;
    if (key->length < skip || memcmp(key->as.text, prefix, skip) != 0) {
        skip = 0;
    }
    TRY(arena_text(source->memory, key->as.text + skip, key->length - skip, &name, error));
    *out = name;
done:
    return status;
}

static spur_status add_tensor(tensor_source *source, const pickle_value *key,
                              const pickle_tensor *tensor, uint64_t *total, spur_error *error)
{
    spur_status status;
    tensor_info info = {.dtype = tensor->dtype,
                        .rank = tensor->rank,
                        .shape = tensor->shape,
                        .elements = tensor->elements,
                        .bytes = tensor->bytes};
    TRY(take_name(source, key, &info.name, error));
    uint64_t limit = EXPANSION_FREE + EXPANSION_LIMIT * file_size(source->from);
    if (tensor->bytes > limit - *total) {
        FAIL(SPUR_MODEL,
             "tensor '%s' takes the tensors past %llu bytes, %d times what the file can hold: "
             "repeated views are not expanded that far",
             info.name, (unsigned long long)limit, EXPANSION_LIMIT);
    }
    *total += tensor->bytes;
    TRY(tensor_source_add(source, &info, (tensor_place){.record = tensor}, error));
done:
    return status;
}

/* Every tensor of the state dict; other values beside them are left out. */
static spur_status add_state_dict(tensor_source *source, const pickle_value *root,
                                  spur_error *error)
{
    spur_status status;
    uint64_t total = 0;
    if (!pickle_is_dict(root)) {
        FAIL(SPUR_MODEL, "the checkpoint is not a dict of tensors; re-save the state dict: "
                         "torch.save(model.state_dict(), FILE)");
    }
    const pickle_sequence *items = unwrap(root)->as.sequence;
    for (size_t i = 0; i < items->count; i += 2) {
        if (items->items[i + 1].kind == PICKLE_TENSOR) {
            TRY(add_tensor(source, &items->items[i], items->items[i + 1].as.tensor, &total,
                           error));
        }
    }
    if (source->count == 0 && items->count > 0) {
        FAIL(SPUR_MODEL, "the checkpoint's dict holds no tensors; expected a state dict, or "
                         "one under 'model' or 'state_dict'");
    }
    TRY(tensor_source_sort(source, error));
done:
    return status;
}

static spur_status make_source(file *from, const char *format, tensor_source **out,
                               checkpoint **own, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    TRY(tensor_source_new(from, &source, error));
    TRY(memory_new_zeroed(1, sizeof **own, own, error));
    source->own = *own;
    source->close_own = checkpoint_close;
    source->format = format;
    source->read = checkpoint_read;
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}

/* ---- zip ----------------------------------------------------------------------------------
 */

/* ROOT/name in the archive, ROOT being the folder of the first member; or NULL. */
static spur_status find_below_root(const zip *archive, const char *name, size_t length,
                                   const zip_member **out, spur_error *error)
{
    spur_status status;
    text_buffer path = {NULL, 0, 0};
    const zip_member *first = zip_first(archive);
    const char *slash = memchr(first->name, '/', first->name_length);
    size_t root = slash == NULL ? 0 : (size_t)(slash - first->name) + 1;
    TRY(text_add(&path, first->name, root, error));
    TRY(text_add(&path, name, length, error));
    *out = zip_find(archive, path.data, path.length);
done:
    text_buffer_free(&path);
    return status;
}

static bool has_folder(const zip_member *member, size_t root, const char *folder)
{
    size_t length = strlen(folder);
    return member->name_length >= root + length &&
           memcmp(member->name + root, folder, length) == 0;
}

/* One folder holds everything; TorchScript's members are not there. */
static spur_status check_members(const zip *archive, spur_error *error)
{
    const zip_member *first = zip_first(archive);
    const char *slash = memchr(first->name, '/', first->name_length);
    if (slash == NULL) {
        return error_set(error, SPUR_MODEL,
                         "is a zip archive but no PyTorch file: '%.*s' is in no folder",
                         (int)(first->name_length & 0xFF), first->name);
    }
    size_t root = (size_t)(slash - first->name) + 1;
    for (size_t i = 0; i < zip_count(archive); i++) {
        const zip_member *member = zip_at(archive, i);
        if (member->name_length < root || memcmp(member->name, first->name, root) != 0) {
            return error_set(error, SPUR_MODEL,
                             "zip member '%.*s' is outside the folder of the others",
                             (int)(member->name_length & 0xFF), member->name);
        }
        if (has_folder(member, root, "code/") || has_folder(member, root, "constants.pkl")) {
            return error_set(error, SPUR_MODEL,
                             "is a TorchScript archive (code, not only weights); re-save the "
                             "weights: torch.save(torch.jit.load(FILE).state_dict(), OUT)");
        }
    }
    return SPUR_OK;
}

static spur_status check_byte_order(const zip *archive, spur_error *error)
{
    spur_status status;
    const zip_member *member = NULL;
    unsigned char *text = NULL;
    TRY(find_below_root(archive, "byteorder", 9, &member, error));
    if (member == NULL) {
        return SPUR_OK;
    }
    TRY(zip_load(archive, member, 64, &text, error));
    if (member->size != 6 || memcmp(text, "little", 6) != 0) {
        FAIL(SPUR_MODEL,
             "was written on a machine with byte order '%.*s', expected 'little'; "
             "re-save it on a usual one",
             (int)member->size, (const char *)text);
    }
done:
    memory_free(text);
    return status;
}

static spur_status parse_data(checkpoint *own, spur_error *error)
{
    spur_status status;
    const zip_member *member = NULL;
    size_t used = 0;
    TRY(find_below_root(own->archive, "data.pkl", 8, &member, error));
    if (member == NULL) {
        FAIL(SPUR_MODEL, "is a zip archive but no PyTorch file: it has no data.pkl");
    }
    TRY(zip_load(own->archive, member, PICKLE_LIMIT, &own->bytes, error));
    TRY(pickle_read(own->bytes, (size_t)member->size, false, &own->parsed, &used, error));
    if (used != member->size) {
        FAIL(SPUR_MODEL, "data.pkl: bytes follow the end of the pickle at byte %zu", used);
    }
done:
    return status;
}

/* Finds each storage's member, whose size must be the storage's. */
static spur_status place_members(checkpoint *own, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer name = {NULL, 0, 0};
    for (pickle_storage *storage = pickle_storages(own->parsed); storage != NULL;
         storage = storage->next) {
        const zip_member *member = NULL;
        name.length = 0;
        TRY(text_add(&name, "data/", 5, error));
        TRY(text_add(&name, storage->key, storage->key_length, error));
        TRY(find_below_root(own->archive, name.data, name.length, &member, error));
        if (member == NULL) {
            FAIL(SPUR_MODEL, "zip member '%s' is missing, which a tensor needs", name.data);
        }
        if (member->size != storage->bytes) {
            FAIL(SPUR_MODEL, "zip member '%s' has %llu bytes, its storage needs %zu", name.data,
                 (unsigned long long)member->size, storage->bytes);
        }
        storage->position = member->offset;
    }
done:
    text_buffer_free(&name);
    return status;
}

spur_status checkpoint_open_zip(file *from, tensor_source **out, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    checkpoint *own = NULL;
    TRY(make_source(from, "pytorch-zip", &source, &own, error));
    TRY(zip_open(from, &own->archive, error));
    TRY(check_members(own->archive, error));
    TRY(check_byte_order(own->archive, error));
    TRY(parse_data(own, error));
    TRY(place_members(own, error));
    TRY(add_state_dict(source, pickle_root(own->parsed), error));
    TRY(zip_check(own->archive, error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}

/* ---- the stream before PyTorch 1.6 --------------------------------------------------------
 */

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
    if (first == count || compare_keys(list[first], key) != 0 || list[first]->position != 0) {
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
    stream front = {NULL, size < PICKLE_LIMIT ? (size_t)size : PICKLE_LIMIT, 0};
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
    TRY(make_source(from, "pytorch-legacy", &source, &own, error));
    TRY(parse_stream(from, own, error));
    TRY(add_state_dict(source, pickle_root(own->parsed), error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}
