/*
 * npy.c - arrays of .npy and .npz files as a tensor source.
 *
 * An array whose bytes stand in the file in C order is read from there; a deflated one is
 * inflated, and one in Fortran order is turned, which takes a second block of its size.
 */
#include "io/npy.h"

#include <string.h>

#include "io/npy_header.h"
#include "io/zip.h"

/* What an entry's place points to. */
typedef struct npy_record {
    const zip_member *member; /* NULL: the whole file is the array */
    size_t data;              /* bytes before the numbers */
    bool is_fortran;          /* and has two dimensions or more */
} npy_record;

static bool locate(const tensor_entry *entry, uint64_t *offset)
{
    const npy_record *record = entry->place.record;
    if (record->is_fortran || (record->member != NULL && record->member->is_deflated)) {
        return false;
    }
    *offset = record->data + (record->member == NULL ? 0 : record->member->offset);
    return true;
}

/* dst in C order from src in Fortran order, `width` bytes an element. Walks dst in order and
 * keeps the position in src: stride of axis 0 is 1, of axis k the product of those before. */
static void turn(const tensor_info *info, size_t width, const unsigned char *src,
                 unsigned char *dst)
{
    size_t at[TENSOR_RANK_LIMIT] = {0};
    size_t stride[TENSOR_RANK_LIMIT];
    size_t from = 0;
    stride[0] = 1;
    for (size_t k = 1; k < info->rank; k++) {
        stride[k] = stride[k - 1] * info->shape[k - 1];
    }
    for (size_t i = 0; i < info->elements; i++) {
        memcpy(dst + i * width, src + from * width, width);
        for (size_t k = info->rank; k-- > 0;) {
            from += stride[k];
            if (++at[k] < info->shape[k]) {
                break;
            }
            from -= stride[k] * info->shape[k];
            at[k] = 0;
        }
    }
}

/* The array's bytes in the order of the file. */
static spur_status read_stored(const tensor_source *source, const tensor_entry *entry,
                               unsigned char *dst, spur_error *error)
{
    spur_status status;
    const npy_record *record = entry->place.record;
    unsigned char *whole = NULL;
    size_t size = entry->info.bytes;
    if (record->member == NULL) {
        return file_read_at(source->from, record->data, dst, size, error);
    }
    if (!record->member->is_deflated) {
        return file_read_at(source->from, record->member->offset + record->data, dst, size,
                            error);
    }
    TRY(memory_new(record->data + size, 1, &whole, error));
    TRY(zip_read(source->own, record->member, whole, record->data + size, error));
    memcpy(dst, whole + record->data, size);
done:
    memory_free(whole);
    return status;
}

static spur_status gather(const tensor_source *source, const tensor_entry *entry, void *dst,
                          spur_error *error)
{
    spur_status status;
    const npy_record *record = entry->place.record;
    unsigned char *stored = NULL;
    if (!record->is_fortran) {
        return read_stored(source, entry, dst, error);
    }
    TRY(memory_new(entry->info.bytes, 1, &stored, error));
    TRY(read_stored(source, entry, stored, error));
    turn(&entry->info, tensor_dtype_bits(entry->info.dtype) / 8, stored, dst);
done:
    memory_free(stored);
    return status;
}

/* Adds the array whose header is parsed; `size` bytes are there with the header. */
static spur_status add_array(tensor_source *into, const char *name, const npy_header *header,
                             const zip_member *member, uint64_t size, spur_error *error)
{
    spur_status status;
    npy_record *record = NULL;
    tensor_info info = {
        .name = name, .dtype = header->dtype, .rank = header->rank, .shape = header->shape};
    if (!tensor_measure(info.dtype, info.rank, info.shape, &info.elements, &info.bytes)) {
        FAIL(SPUR_MODEL, "array '%s': its shape is too large", name);
    }
    if (info.bytes != size - header->data) {
        FAIL(SPUR_MODEL, "array '%s' has %llu bytes of numbers, its shape needs %zu", name,
             (unsigned long long)(size - header->data), info.bytes);
    }
    TRY(arena_take(into->memory, 1, sizeof *record, &record, error));
    *record = (npy_record){member, header->data, header->is_fortran && header->rank > 1};
    TRY(tensor_source_add(into, &info, (tensor_place){.record = record}, error));
done:
    return status;
}

static spur_status read_whole(const tensor_source *from, void *dst, size_t length,
                              spur_error *error)
{
    return file_read_at(from->from, 0, dst, length, error);
}

/* The first bytes of an array, be it a file or a member of an archive. */
static spur_status read_start(const tensor_source *from, const zip_member *member, void *dst,
                              size_t length, spur_error *error)
{
    return member == NULL ? read_whole(from, dst, length, error)
                          : zip_read(from->own, member, dst, length, error);
}

static spur_status parse_array(tensor_source *into, const char *name, const zip_member *member,
                               spur_error *error)
{
    spur_status status;
    uint64_t size = member == NULL ? file_size(into->from) : member->size;
    unsigned char prefix[NPY_PREFIX];
    unsigned char *start = NULL;
    npy_header header;
    size_t known = size < NPY_PREFIX ? (size_t)size : NPY_PREFIX;
    size_t length = 0;
    TRY(read_start(into, member, prefix, known, error));
    TRY(npy_measure(prefix, known, &length, error));
    if (length > size) {
        FAIL(SPUR_MODEL, "NumPy header of %zu bytes, the array has %llu in all", length,
             (unsigned long long)size);
    }
    TRY(memory_new(length, 1, &start, error));
    TRY(read_start(into, member, start, length, error));
    TRY(npy_parse(start, length, &header, error));
    TRY(add_array(into, name, &header, member, size, error));
done:
    memory_free(start);
    return status;
}

/* An empty source that owns `from`. */
static spur_status make_source(file *from, const char *format, tensor_source **out,
                               spur_error *error)
{
    spur_status status = tensor_source_new(from, out, error);
    if (status == SPUR_OK) {
        (*out)->format = format;
        (*out)->locate = locate;
        (*out)->gather = gather;
    }
    return status;
}

spur_status npy_open(file *from, tensor_source **out, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    TRY(make_source(from, "npy", &source, error));
    TRY(parse_array(source, "", NULL, error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}

static void close_archive(void *own)
{
    zip_close(own);
}

static spur_status parse_member(tensor_source *into, const zip_member *member,
                                spur_error *error)
{
    spur_status status;
    char *name = NULL;
    size_t length = member->name_length;
    if (length < 4 || memcmp(member->name + length - 4, ".npy", 4) != 0) {
        FAIL(SPUR_MODEL, "zip member '%.*s' is no array: its name does not end with .npy",
             (int)(length & 0xFF), member->name);
    }
    TRY(arena_text(into->memory, member->name, length - 4, &name, error));
    status = parse_array(into, name, member, error);
    if (status != SPUR_OK) {
        error_prefix(error, "array '%s'", name);
    }
done:
    return status;
}

spur_status npz_open(file *from, tensor_source **out, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    zip *archive = NULL;
    TRY(make_source(from, "npz", &source, error));
    TRY(zip_open_deflated(from, &archive, error));
    source->own = archive;
    source->close_own = close_archive;
    for (size_t i = 0; i < zip_count(archive); i++) {
        TRY(parse_member(source, zip_at(archive, i), error));
    }
    TRY(tensor_source_sort(source, error));
    TRY(zip_check(archive, error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}
