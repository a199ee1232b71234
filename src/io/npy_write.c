/*
 * npy_write.c - .npy and uncompressed .npz files.
 *
 * A member is a stored zip entry dated 1980-01-01, so equal arrays give equal files. Sizes and
 * positions from 4 GiB on stand in zip64 fields, which are written only then.
 */
#include <string.h>
#include <zlib.h>

#include "io/npy.h"
#include "io/npy_header.h"

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR_SIGNATURE = 0x07064b50,
    FIRST_DATE = 0x0021, /* 1980-01-01 */
    VERSION_PLAIN = 20,
    VERSION_ZIP64 = 45,
    CRC_STEP = 1 << 30
};

spur_status npy_write(const char *path, const tensor_out *array, spur_error *error)
{
    spur_status status;
    file_writer *into = NULL;
    text_buffer header = {NULL, 0, 0};
    size_t elements, bytes;
    if (!tensor_measure(array->dtype, array->rank, array->shape, &elements, &bytes)) {
        FAIL(SPUR_RESOURCE, "array '%s' is too large to write", array->name);
    }
    TRY(npy_build(array, &header, error));
    TRY(file_create(path, &into, error));
    TRY(file_write(into, header.data, header.length, error));
    TRY(file_write(into, array->data, bytes, error));
    TRY(file_commit(into, error));
done:
    file_writer_close(into);
    text_buffer_free(&header);
    return status;
}

/* ---- archives ---------------------------------------------------------------------------- */

/* A number in `size` bytes, little-endian. */
static spur_status put(text_buffer *into, uint64_t value, size_t size, spur_error *error)
{
    char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(unsigned char)(value >> (8 * i) & 0xFF);
    }
    return text_add(into, bytes, size, error);
}

/* A run of numbers, each with its size in bytes. */
typedef struct field {
    uint64_t value;
    size_t size;
} field;

static spur_status put_fields(text_buffer *into, const field *fields, size_t count,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < count && status == SPUR_OK; i++) {
        status = put(into, fields[i].value, fields[i].size, error);
    }
    return status;
}

#define PUT_FIELDS(into, fields)                                                               \
    put_fields(into, fields, sizeof(fields) / sizeof *(fields), error)

typedef struct archive_writer {
    file_writer *into;
    text_buffer directory;
    uint64_t at; /* bytes written */
} archive_writer;

static spur_status append(archive_writer *to, const void *bytes, size_t length,
                          spur_error *error)
{
    to->at += length;
    return file_write(to->into, bytes, length, error);
}

static uint32_t add_crc(uint32_t crc, const void *bytes, size_t length)
{
    const unsigned char *src = bytes;
    while (length > 0) {
        size_t step = length < CRC_STEP ? length : CRC_STEP;
        crc = (uint32_t)crc32(crc, src, (uInt)step);
        src += step;
        length -= step;
    }
    return crc;
}

static uint64_t narrow(uint64_t value, bool is_wide)
{
    return is_wide ? UINT32_MAX : value;
}

static spur_status put_local(text_buffer *into, const char *name, uint32_t crc, uint64_t size,
                             spur_error *error)
{
    spur_status status;
    bool is_wide = size >= UINT32_MAX;
    const field fields[] = {{LOCAL_SIGNATURE, 4},
                            {is_wide ? VERSION_ZIP64 : VERSION_PLAIN, 2},
                            {0, 2},
                            {0, 2},
                            {0, 2},
                            {FIRST_DATE, 2},
                            {crc, 4},
                            {narrow(size, is_wide), 4},
                            {narrow(size, is_wide), 4},
                            {strlen(name) + 4, 2},
                            {is_wide ? 20 : 0, 2}};
    const field wide[] = {{1, 2}, {16, 2}, {size, 8}, {size, 8}};
    TRY(PUT_FIELDS(into, fields));
    TRY(text_format(into, error, "%s.npy", name));
    TRY(is_wide ? PUT_FIELDS(into, wide) : SPUR_OK);
done:
    return status;
}

static spur_status put_central(text_buffer *into, const char *name, uint32_t crc, uint64_t size,
                               uint64_t offset, spur_error *error)
{
    spur_status status;
    bool is_wide = size >= UINT32_MAX || offset >= UINT32_MAX;
    const field fields[] = {{CENTRAL_SIGNATURE, 4},
                            {is_wide ? VERSION_ZIP64 : VERSION_PLAIN, 2},
                            {is_wide ? VERSION_ZIP64 : VERSION_PLAIN, 2},
                            {0, 2},
                            {0, 2},
                            {0, 2},
                            {FIRST_DATE, 2},
                            {crc, 4},
                            {narrow(size, is_wide), 4},
                            {narrow(size, is_wide), 4},
                            {strlen(name) + 4, 2},
                            {is_wide ? 28 : 0, 2},
                            {0, 2},
                            {0, 2},
                            {0, 2},
                            {0, 4},
                            {narrow(offset, is_wide), 4}};
    const field wide[] = {{1, 2}, {24, 2}, {size, 8}, {size, 8}, {offset, 8}};
    TRY(PUT_FIELDS(into, fields));
    TRY(text_format(into, error, "%s.npy", name));
    TRY(is_wide ? PUT_FIELDS(into, wide) : SPUR_OK);
done:
    return status;
}

static spur_status write_member(archive_writer *to, const tensor_out *array, spur_error *error)
{
    spur_status status;
    text_buffer start = {NULL, 0, 0};
    text_buffer local = {NULL, 0, 0};
    uint64_t offset = to->at;
    size_t elements, bytes;
    if (!tensor_measure(array->dtype, array->rank, array->shape, &elements, &bytes) ||
        strlen(array->name) > UINT16_MAX - 4) {
        FAIL(SPUR_RESOURCE, "array '%s' is too large to write", array->name);
    }
    TRY(npy_build(array, &start, error));
    uint64_t size = (uint64_t)start.length + bytes;
    uint32_t crc = add_crc(add_crc(0, start.data, start.length), array->data, bytes);
    TRY(put_local(&local, array->name, crc, size, error));
    TRY(append(to, local.data, local.length, error));
    TRY(append(to, start.data, start.length, error));
    TRY(append(to, array->data, bytes, error));
    TRY(put_central(&to->directory, array->name, crc, size, offset, error));
done:
    text_buffer_free(&start);
    text_buffer_free(&local);
    return status;
}

static spur_status write_end(archive_writer *to, uint64_t count, spur_error *error)
{
    spur_status status;
    text_buffer end = {NULL, 0, 0};
    uint64_t size = to->directory.length;
    bool is_wide = to->at >= UINT32_MAX || count >= UINT16_MAX;
    const field wide[] = {{END64_SIGNATURE, 4},
                          {44, 8},
                          {VERSION_ZIP64, 2},
                          {VERSION_ZIP64, 2},
                          {0, 4},
                          {0, 4},
                          {count, 8},
                          {count, 8},
                          {size, 8},
                          {to->at, 8},
                          {LOCATOR_SIGNATURE, 4},
                          {0, 4},
                          {to->at + size, 8},
                          {1, 4}};
    const field last[] = {{END_SIGNATURE, 4},
                          {is_wide ? UINT16_MAX : 0, 2},
                          {is_wide ? UINT16_MAX : 0, 2},
                          {is_wide ? UINT16_MAX : count, 2},
                          {is_wide ? UINT16_MAX : count, 2},
                          {narrow(size, is_wide), 4},
                          {narrow(to->at, is_wide), 4},
                          {0, 2}};
    TRY(is_wide ? PUT_FIELDS(&end, wide) : SPUR_OK);
    TRY(PUT_FIELDS(&end, last));
    TRY(append(to, to->directory.data, to->directory.length, error));
    TRY(append(to, end.data, end.length, error));
done:
    text_buffer_free(&end);
    return status;
}

spur_status npz_write(const char *path, const tensor_out *arrays, size_t count,
                      spur_error *error)
{
    spur_status status;
    archive_writer to = {.at = 0};
    TRY(file_create(path, &to.into, error));
    for (size_t i = 0; i < count; i++) {
        TRY(write_member(&to, &arrays[i], error));
    }
    TRY(write_end(&to, count, error));
    TRY(file_commit(to.into, error));
done:
    file_writer_close(to.into);
    text_buffer_free(&to.directory);
    return status;
}
