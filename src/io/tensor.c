/*
 * tensor.c - opening weights of any format and reading their tensors.
 *
 * The format is decided by content, never by name. The ambiguous case: the length a
 * safetensors file begins with can spell "PK\3\4" or a pickle's first byte, so the bytes behind
 * it are looked at too.
 */
#include "io/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "io/npy.h"
#include "io/tensor_index.h"
#include "io/tensor_source.h"

enum {
    DIGEST_CHUNK = 1 << 20
};

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are read as little-endian values without conversion"
#endif

/* ---- dtypes ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    [TENSOR_BOOL] = {"BOOL", 8},
    [TENSOR_U8] = {"U8", 8},
    [TENSOR_I8] = {"I8", 8},
    [TENSOR_I16] = {"I16", 16},
    [TENSOR_U16] = {"U16", 16},
    [TENSOR_F16] = {"F16", 16},
    [TENSOR_BF16] = {"BF16", 16},
    [TENSOR_I32] = {"I32", 32},
    [TENSOR_U32] = {"U32", 32},
    [TENSOR_F32] = {"F32", 32},
    [TENSOR_I64] = {"I64", 64},
    [TENSOR_U64] = {"U64", 64},
    [TENSOR_F64] = {"F64", 64},
    [TENSOR_C64] = {"C64", 64},
    [TENSOR_F8_E5M2] = {"F8_E5M2", 8},
    [TENSOR_F8_E4M3] = {"F8_E4M3", 8},
    [TENSOR_F8_E8M0] = {"F8_E8M0", 8},
    [TENSOR_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [TENSOR_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [TENSOR_F6_E2M3] = {"F6_E2M3", 6},
    [TENSOR_F6_E3M2] = {"F6_E3M2", 6},
    [TENSOR_F4] = {"F4", 4},
};

const char *tensor_dtype_name(tensor_dtype dtype)
{
    return dtypes[dtype].name;
}

unsigned tensor_dtype_bits(tensor_dtype dtype)
{
    return dtypes[dtype].bits;
}

/* ---- recognising a file ----------------------------------------------------------------- */

enum {
    SNIFF_SIZE = 512
};

typedef struct file_start {
    unsigned char bytes[SNIFF_SIZE];
    size_t length;
} file_start;

static bool starts_with(const file_start *start, size_t at, const char *magic, size_t length)
{
    return start->length >= at + length && memcmp(start->bytes + at, magic, length) == 0;
}

static unsigned char first_black(const file_start *start)
{
    size_t at = 0;
    while (at < start->length && strchr(" \t\r\n", start->bytes[at]) != NULL &&
           start->bytes[at] != '\0') {
        at++;
    }
    return at < start->length ? start->bytes[at] : '\0';
}

/* A length below 2^32 and the object behind it: nothing else looks like this. */
static bool is_safetensors(const file_start *start)
{
    return starts_with(start, 4, "\0\0\0\0", 4) && start->length > 8 &&
           (start->bytes[8] == '{' || strchr(" \t\r\n", start->bytes[8]) != NULL) &&
           start->bytes[8] != '\0';
}

/* Files people pass by mistake: what it is and what to do. NULL when it is none of them. */
static const char *name_mistake(const file_start *start)
{
    static const struct {
        size_t at, length;
        const char *magic, *text;
    } known[] = {
        {0, 39, "version https://git-lfs.github.com/spec/",
         "is a Git LFS pointer, not the weights; fetch them with 'git lfs pull'"},
        {257, 5, "ustar",
         "is a tar archive: a checkpoint of PyTorch before 0.2 or packed files; unpack it, or "
         "re-save it with a newer PyTorch: torch.save(model.state_dict(), FILE)"},
        {0, 2, "\x1f\x8b", "is gzip-compressed; unpack it first"},
        {0, 6,
         "\xfd"
         "7zXZ\0",
         "is xz-compressed; unpack it first"},
        {0, 4, "GGUF", "is a GGUF file, which is not supported; use model.safetensors"},
        {0, 4, "\x89HDF",
         "is an HDF5 file (Keras), which is not supported; use "
         "model.safetensors"},
        {0, 6, "\x93NUMPY", "is a NumPy array, not a weight file"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (starts_with(start, known[i].at, known[i].magic, known[i].length)) {
            return known[i].text;
        }
    }
    if (first_black(start) == '<') {
        return "is a web page (HTML or XML), not weights; the download went wrong";
    }
    if (first_black(start) == '[') {
        return "is a JSON list, not weights";
    }
    return NULL;
}

static spur_status read_start(const file *from, file_start *start, spur_error *error)
{
    uint64_t size = file_size(from);
    start->length = size < SNIFF_SIZE ? (size_t)size : SNIFF_SIZE;
    if (start->length == 0) {
        return error_set(error, SPUR_MODEL, "is an empty file");
    }
    return file_read_at(from, 0, start->bytes, start->length, error);
}

typedef spur_status (*open_format)(file *from, tensor_source **out, spur_error *error);

/* NULL for what is no weight file: a known mistake or a JSON object. */
static open_format choose_format(const file_start *start)
{
    if (is_safetensors(start)) {
        return safetensors_open;
    }
    if (starts_with(start, 0, "PK\3\4", 4) || starts_with(start, 0, "PK\5\6", 4)) {
        return checkpoint_open_zip;
    }
    if (start->bytes[0] == 0x80 && !starts_with(start, 4, "\0\0\0\0", 4)) {
        return checkpoint_open_legacy;
    }
    if (name_mistake(start) != NULL || first_black(start) == '{') {
        return NULL;
    }
    return safetensors_open; /* which says what is wrong */
}

/* Opens whatever single weight file this is; *out stays NULL when it is a JSON object. */
static spur_status open_by_content(const char *path, tensor_source **out, spur_error *error)
{
    spur_status status;
    file *from = NULL;
    file_start start = {.length = 0};
    TRY(file_open(path, SPUR_MODEL, &from, error));
    TRY(read_start(from, &start, error));
    open_format open = choose_format(&start);
    if (open != NULL) {
        file *handed = from;
        from = NULL;
        TRY(open(handed, out, error));
    } else if (name_mistake(&start) != NULL) {
        FAIL(SPUR_MODEL, "%s", name_mistake(&start));
    }
done:
    file_close(from);
    return status;
}

/* Opens safetensors or what NumPy writes. */
static spur_status open_arrays(const char *path, tensor_source **out, spur_error *error)
{
    spur_status status;
    file *from = NULL;
    file_start start = {.length = 0};
    TRY(file_open(path, SPUR_MODEL, &from, error));
    TRY(read_start(from, &start, error));
    bool is_array = starts_with(&start, 0, "\x93NUMPY", 6);
    bool is_archive = !is_safetensors(&start) && starts_with(&start, 0, "PK", 2);
    if (!is_array && !is_archive && name_mistake(&start) != NULL) {
        FAIL(SPUR_MODEL, "%s", name_mistake(&start));
    }
    file *handed = from;
    from = NULL;
    TRY(is_array     ? npy_open(handed, out, error)
        : is_archive ? npz_open(handed, out, error)
                     : safetensors_open(handed, out, error));
done:
    file_close(from);
    return status;
}

static spur_status open_one(const char *path, tensor_source **out, spur_error *error)
{
    spur_status status = open_by_content(path, out, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    return status;
}

/* ---- files, indexes and folders --------------------------------------------------------- */

struct tensor_file {
    const char *format;
    size_t part_count;
    char **parts; /* paths */
    tensor_source **sources;
    tensor_entry **entries; /* of an index; a single file's are its source's */
    tensor_entry *const *all;
    size_t count;
};

void tensor_file_close(tensor_file *from)
{
    if (from == NULL) {
        return;
    }
    for (size_t i = 0; i < from->part_count; i++) {
        memory_free(from->parts[i]);
        tensor_source_close(from->sources[i]);
    }
    memory_free(from->parts);
    memory_free(from->sources);
    memory_free(from->entries);
    memory_free(from);
}

static spur_status make_file(size_t parts, tensor_file **out, spur_error *error)
{
    spur_status status;
    tensor_file *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(memory_new_zeroed(parts, sizeof *made->parts, &made->parts, error));
    TRY(memory_new_zeroed(parts, sizeof(tensor_source *), &made->sources, error));
    made->part_count = parts;
    *out = made;
    made = NULL;
done:
    tensor_file_close(made);
    return status;
}

/* Takes over `source`. */
static spur_status wrap_single(const char *path, tensor_source *source, tensor_file **out,
                               spur_error *error)
{
    spur_status status;
    tensor_file *made = NULL;
    TRY(make_file(1, &made, error));
    made->sources[0] = source;
    source = NULL;
    TRY(memory_copy_text(path, strlen(path), &made->parts[0], error));
    made->format = made->sources[0]->format;
    made->all = made->sources[0]->entries;
    made->count = made->sources[0]->count;
    *out = made;
    made = NULL;
done:
    tensor_source_close(source);
    tensor_file_close(made);
    return status;
}

static tensor_entry *find_entry(tensor_entry *const *entries, size_t count, const char *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, entries[middle]->info.name);
        if (order == 0) {
            return entries[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static spur_status open_shards(const tensor_index *index, tensor_file *made, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < index->shard_count; i++) {
        TRY(file_join(index->folder, index->shards[i], &made->parts[i], error));
        TRY(open_one(made->parts[i], &made->sources[i], error));
        if (made->sources[i] == NULL) {
            FAIL(SPUR_MODEL, "%s: is JSON, expected a weight file", made->parts[i]);
        }
    }
    made->format = made->part_count > 0 && strncmp(made->sources[0]->format, "pytorch", 7) == 0
                       ? "pytorch-sharded"
                       : "safetensors-sharded";
done:
    return status;
}

/* Each name of the map, found in the shard it is mapped to. */
static spur_status collect_mapped(const tensor_index *index, tensor_file *made,
                                  spur_error *error)
{
    spur_status status;
    TRY(memory_new(index->count, sizeof(tensor_entry *), &made->entries, error));
    for (size_t i = 0; i < index->count; i++) {
        const tensor_index_item *item = &index->items[i];
        const tensor_source *source = made->sources[item->shard];
        made->entries[i] = find_entry(source->entries, source->count, item->name);
        if (made->entries[i] == NULL) {
            FAIL(SPUR_MODEL, "%s: holds no tensor '%s', which the index maps to it",
                 made->parts[item->shard], item->name);
        }
    }
    made->all = made->entries;
    made->count = index->count;
done:
    return status;
}

static spur_status open_index(const char *path, tensor_file **out, spur_error *error)
{
    spur_status status;
    tensor_index *index = NULL;
    tensor_file *made = NULL;
    TRY(tensor_index_read(path, &index, error));
    TRY(make_file(index->shard_count, &made, error));
    TRY(open_shards(index, made, error));
    TRY(collect_mapped(index, made, error));
    *out = made;
    made = NULL;
done:
    tensor_file_close(made);
    tensor_index_free(index);
    return status;
}

/* The first of Hugging Face's names that exists in the folder. */
spur_status tensor_file_locate(const char *folder, char **out, spur_error *error)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    spur_status status;
    char *path = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        memory_free(path);
        path = NULL;
        TRY(file_join(folder, names[i], &path, error));
        if (file_kind_of(path) != FILE_MISSING) {
            *out = path;
            return SPUR_OK;
        }
    }
    FAIL(SPUR_MODEL, "%s: no weights in this folder; expected %s, %s, %s or %s", folder,
         names[0], names[1], names[2], names[3]);
done:
    memory_free(path);
    return status;
}

spur_status tensor_file_open(const char *path, tensor_file **out, spur_error *error)
{
    spur_status status;
    char *found = NULL;
    tensor_source *source = NULL;
    if (file_kind_of(path) == FILE_FOLDER) {
        TRY(tensor_file_locate(path, &found, error));
        path = found;
    }
    TRY(open_one(path, &source, error));
    if (source == NULL) {
        TRY(open_index(path, out, error));
    } else {
        TRY(wrap_single(path, source, out, error));
    }
done:
    memory_free(found);
    return status;
}

spur_status tensor_file_open_arrays(const char *path, tensor_file **out, spur_error *error)
{
    tensor_source *source = NULL;
    spur_status status = open_arrays(path, &source, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        return status;
    }
    return wrap_single(path, source, out, error);
}

/* ---- what a file holds ------------------------------------------------------------------ */

const char *tensor_file_format(const tensor_file *from)
{
    return from->format;
}

size_t tensor_file_count(const tensor_file *from)
{
    return from->count;
}

const tensor_info *tensor_file_at(const tensor_file *from, size_t index)
{
    return &from->all[index]->info;
}

const tensor_info *tensor_file_find(const tensor_file *from, const char *name)
{
    const tensor_entry *entry = find_entry(from->all, from->count, name);
    return entry == NULL ? NULL : &entry->info;
}

/* Metadata of an index's shards is the same in each; the first speaks for all. */
size_t tensor_file_metadata_count(const tensor_file *from)
{
    return from->part_count == 0 ? 0 : from->sources[0]->metadata_count;
}

void tensor_file_metadata_at(const tensor_file *from, size_t index, const char **key,
                             const char **value)
{
    *key = from->sources[0]->metadata[2 * index];
    *value = from->sources[0]->metadata[2 * index + 1];
}

size_t tensor_file_part_count(const tensor_file *from)
{
    return from->part_count;
}

const char *tensor_file_part(const tensor_file *from, size_t index)
{
    return from->parts[index];
}

/* ---- reading ---------------------------------------------------------------------------- */

static const char *path_of(const tensor_file *from, const tensor_source *source)
{
    for (size_t i = 0; i < from->part_count; i++) {
        if (from->sources[i] == source) {
            return from->parts[i];
        }
    }
    return "?";
}

/* The entry that info is the first member of. */
static const tensor_entry *entry_of(const tensor_info *info)
{
    return (const tensor_entry *)(const void *)info;
}

/* How a read ended: the file must still be the one that was opened. */
static spur_status finish_read(const tensor_file *from, const tensor_entry *entry,
                               spur_status status, spur_error *error)
{
    if (status == SPUR_OK) {
        status = file_check_unchanged(entry->source->from, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s: tensor '%s'", path_of(from, entry->source), entry->info.name);
    }
    return status;
}

spur_status tensor_file_read(const tensor_file *from, const tensor_info *info, void *dst,
                             spur_error *error)
{
    const tensor_entry *entry = entry_of(info);
    spur_status status = tensor_source_read(entry, dst, error);
    return finish_read(from, entry, status, error);
}

/* Adds `length` bytes of the file to a digest, a chunk at a time. */
static spur_status digest_stretch(const file *from, uint64_t offset, size_t length, digest *sum,
                                  spur_error *error)
{
    spur_status status = SPUR_OK;
    unsigned char *chunk = NULL;
    TRY(memory_new(DIGEST_CHUNK, 1, &chunk, error));
    for (size_t at = 0; at < length; at += DIGEST_CHUNK) {
        size_t part = length - at < DIGEST_CHUNK ? length - at : DIGEST_CHUNK;
        TRY(file_read_at(from, offset + at, chunk, part, error));
        TRY(digest_add(sum, chunk, part, error));
    }
done:
    memory_free(chunk);
    return status;
}

/* Adds a tensor whose bytes do not stand together. */
static spur_status digest_gathered(const tensor_entry *entry, digest *sum, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    TRY(memory_new(entry->info.bytes, 1, &bytes, error));
    TRY(tensor_source_read(entry, bytes, error));
    TRY(digest_add(sum, bytes, entry->info.bytes, error));
done:
    memory_free(bytes);
    return status;
}

spur_status tensor_file_digest(const tensor_file *from, const tensor_info *info,
                               unsigned char out[DIGEST_SIZE], spur_error *error)
{
    spur_status status;
    const tensor_entry *entry = entry_of(info);
    uint64_t offset;
    digest *sum = NULL;
    TRY(digest_new(&sum, error));
    status = entry->source->locate(entry, &offset)
                 ? digest_stretch(entry->source->from, offset, info->bytes, sum, error)
                 : digest_gathered(entry, sum, error);
    TRY(finish_read(from, entry, status, error));
    TRY(digest_finish(sum, out, error));
done:
    digest_free(sum);
    return status;
}

static float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* half_widen for bfloat16: the upper half of a float's bits. */
static void widen_bfloat(float *dst, size_t count)
{
    const unsigned char *src = (const unsigned char *)dst + 2 * count;
    for (size_t i = 0; i < count; i++) {
        uint16_t value;
        memcpy(&value, src + 2 * i, sizeof value);
        dst[i] = float_from_bits((uint32_t)value << 16);
    }
}

static spur_status read_double(const tensor_file *from, const tensor_info *info, float *dst,
                               spur_error *error)
{
    spur_status status;
    double *values = NULL;
    TRY(memory_new(info->elements, sizeof *values, &values, error));
    TRY(tensor_file_read(from, info, values, error));
    for (size_t i = 0; i < info->elements; i++) {
        dst[i] = (float)values[i];
    }
done:
    memory_free(values);
    return status;
}

spur_status tensor_file_read_float(const tensor_file *from, const tensor_info *info, float *dst,
                                   spur_error *error)
{
    spur_status status;
    switch (info->dtype) {
    case TENSOR_F32:
        return tensor_file_read(from, info, dst, error);
    case TENSOR_F16:
    case TENSOR_BF16:
        status = tensor_file_read(from, info, (unsigned char *)dst + info->bytes, error);
        if (status == SPUR_OK) {
            (info->dtype == TENSOR_F16 ? half_widen : widen_bfloat)(dst, info->elements);
        }
        return status;
    case TENSOR_F64:
        return read_double(from, info, dst, error);
    default:
        return error_set(error, SPUR_MODEL, "tensor '%s' is %s, expected F32, F16, BF16 or F64",
                         info->name, tensor_dtype_name(info->dtype));
    }
}
