/*
 * safetensors_write.c - writing, byte for byte as the reference library lays files out.
 *
 * Tensors stand by decreasing alignment of their dtype (the reference's own order of dtypes),
 * then by name; the header is padded with spaces so that the data begins at a multiple of 8.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "io/tensor_source.h"

/* The reference's dtypes in increasing order. */
static const tensor_dtype dtype_order[] = {
    TENSOR_BOOL,        TENSOR_F4,      TENSOR_F6_E2M3, TENSOR_F6_E3M2, TENSOR_U8,
    TENSOR_I8,          TENSOR_F8_E5M2, TENSOR_F8_E4M3, TENSOR_F8_E8M0, TENSOR_F8_E4M3FNUZ,
    TENSOR_F8_E5M2FNUZ, TENSOR_I16,     TENSOR_U16,     TENSOR_F16,     TENSOR_BF16,
    TENSOR_I32,         TENSOR_U32,     TENSOR_F32,     TENSOR_C64,     TENSOR_F64,
    TENSOR_I64,         TENSOR_U64};

static size_t place_of(tensor_dtype dtype)
{
    size_t at = 0;
    while (dtype_order[at] != dtype) {
        at++;
    }
    return at;
}

enum {
    LENGTH_SIZE = 8 /* of the header's length, with which the file begins */
};

typedef struct layout_item {
    size_t index; /* into the caller's tensors */
    const char *name;
    size_t place;
    size_t bytes;
} layout_item;

struct safetensors_writer {
    file_writer *into;
    layout_item *items; /* in file order */
    size_t count;
    uint64_t left; /* data bytes still to come */
};

void safetensors_writer_close(safetensors_writer *writer)
{
    if (writer != NULL) {
        file_writer_close(writer->into);
        memory_free(writer->items);
        memory_free(writer);
    }
}

static int compare_items(const void *left, const void *right)
{
    const layout_item *a = left;
    const layout_item *b = right;
    if (a->place != b->place) {
        return a->place > b->place ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static spur_status lay_out(safetensors_writer *writer, const tensor_out *tensors, size_t count,
                           spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(count, sizeof *writer->items, &writer->items, error));
    writer->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t elements;
        layout_item *item = &writer->items[i];
        *item = (layout_item){i, tensors[i].name, place_of(tensors[i].dtype), 0};
        if (!tensor_measure(tensors[i].dtype, tensors[i].rank, tensors[i].shape, &elements,
                            &item->bytes)) {
            FAIL(SPUR_RESOURCE, "tensor '%s' is too large to write", tensors[i].name);
        }
        writer->left += item->bytes;
    }
    if (count > 0) {
        qsort(writer->items, count, sizeof *writer->items, compare_items);
    }
    status = SPUR_OK;
done:
    return status;
}

static spur_status write_metadata(json_writer *json, const char *const *metadata, size_t pairs,
                                  spur_error *error)
{
    spur_status status;
    if (pairs == 0) {
        return SPUR_OK;
    }
    TRY(json_open_object(json, "__metadata__", error));
    for (size_t i = 0; i < pairs; i++) {
        TRY(json_add_text(json, metadata[2 * i], metadata[2 * i + 1], error));
    }
    TRY(json_close_object(json, error));
done:
    return status;
}

static spur_status write_entry(json_writer *json, const tensor_out *tensor, uint64_t begin,
                               uint64_t end, spur_error *error)
{
    spur_status status;
    TRY(json_open_object(json, tensor->name, error));
    TRY(json_add_text(json, "dtype", tensor_dtype_name(tensor->dtype), error));
    TRY(json_open_array(json, "shape", error));
    for (size_t i = 0; i < tensor->rank; i++) {
        TRY(json_add_u64(json, NULL, tensor->shape[i], error));
    }
    TRY(json_close_array(json, error));
    TRY(json_open_array(json, "data_offsets", error));
    TRY(json_add_u64(json, NULL, begin, error));
    TRY(json_add_u64(json, NULL, end, error));
    TRY(json_close_array(json, error));
    TRY(json_close_object(json, error));
done:
    return status;
}

/* Length and header: all that stands before the data. `text` is empty. */
static spur_status build_header(const safetensors_writer *writer, const tensor_out *tensors,
                                const char *const *metadata, size_t pairs, text_buffer *text,
                                spur_error *error)
{
    spur_status status;
    json_writer json = {.into = text};
    uint64_t begin = 0;
    TRY(text_add(text, "\0\0\0\0\0\0\0\0", LENGTH_SIZE, error));
    TRY(json_open_object(&json, NULL, error));
    TRY(write_metadata(&json, metadata, pairs, error));
    for (size_t i = 0; i < writer->count; i++) {
        const layout_item *item = &writer->items[i];
        uint64_t end = begin + item->bytes;
        TRY(write_entry(&json, &tensors[item->index], begin, end, error));
        begin = end;
    }
    TRY(json_close_object(&json, error));
    TRY(text_add(text, "        ", (8 - text->length % 8) % 8, error));
    for (size_t i = 0; i < LENGTH_SIZE; i++) {
        uint64_t length = text->length - LENGTH_SIZE;
        text->data[i] = (char)(unsigned char)(length >> (8 * i) & 0xFF);
    }
done:
    return status;
}

spur_status safetensors_begin(const char *path, const tensor_out *tensors, size_t count,
                              const char *const *metadata, size_t pairs,
                              safetensors_writer **out, spur_error *error)
{
    spur_status status;
    safetensors_writer *writer = NULL;
    text_buffer header = {NULL, 0, 0};
    TRY(memory_new_zeroed(1, sizeof *writer, &writer, error));
    TRY(lay_out(writer, tensors, count, error));
    TRY(build_header(writer, tensors, metadata, pairs, &header, error));
    TRY(file_create(path, &writer->into, error));
    TRY(file_write(writer->into, header.data, header.length, error));
    *out = writer;
    writer = NULL;
done:
    text_buffer_free(&header);
    safetensors_writer_close(writer);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): as safetensors_begin, with three results */
spur_status safetensors_start(const tensor_out *tensors, size_t count,
                              const char *const *metadata, size_t pairs, text_buffer *start,
                              uint64_t *offsets, uint64_t *size, spur_error *error)
{
    spur_status status;
    safetensors_writer *writer = NULL;
    text_buffer header = {NULL, 0, 0};
    TRY(memory_new_zeroed(1, sizeof *writer, &writer, error));
    TRY(lay_out(writer, tensors, count, error));
    TRY(build_header(writer, tensors, metadata, pairs, &header, error));
    uint64_t at = header.length;
    for (size_t i = 0; i < count; i++) {
        offsets[writer->items[i].index] = at;
        at += writer->items[i].bytes;
    }
    *size = at;
    *start = header;
    header = (text_buffer){NULL, 0, 0};
done:
    text_buffer_free(&header);
    safetensors_writer_close(writer);
    return status;
}

size_t safetensors_order(const safetensors_writer *writer, size_t i)
{
    return writer->items[i].index;
}

spur_status safetensors_append(safetensors_writer *writer, const void *bytes, size_t length,
                               spur_error *error)
{
    if (length > writer->left) {
        return error_set(error, SPUR_INTERNAL, "more tensor bytes than the header announced");
    }
    writer->left -= length;
    return file_write(writer->into, bytes, length, error);
}

spur_status safetensors_finish(safetensors_writer *writer, spur_error *error)
{
    if (writer->left != 0) {
        return error_set(error, SPUR_INTERNAL, "fewer tensor bytes than the header announced");
    }
    return file_commit(writer->into, error);
}

spur_status safetensors_write(const char *path, const tensor_out *tensors, size_t count,
                              const char *const *metadata, size_t pairs, spur_error *error)
{
    spur_status status;
    safetensors_writer *writer = NULL;
    TRY(safetensors_begin(path, tensors, count, metadata, pairs, &writer, error));
    for (size_t i = 0; i < count; i++) {
        const layout_item *item = &writer->items[i];
        TRY(safetensors_append(writer, tensors[item->index].data, item->bytes, error));
    }
    TRY(safetensors_finish(writer, error));
done:
    safetensors_writer_close(writer);
    return status;
}
