/*
 * torch_file.h - small PyTorch checkpoints made byte by byte, good ones and bad ones.
 */
#ifndef TEST_TORCH_FILE_H
#define TEST_TORCH_FILE_H

#include <stddef.h>
#include <stdint.h>

/* A growing block of bytes; free(data). */
typedef struct byte_block {
    unsigned char *data;
    size_t length;
} byte_block;

void block_add(byte_block *block, const void *bytes, size_t length);
/* A literal, with the NULs in it but without its last one. */
#define block_put(block, literal) block_add((block), (literal), sizeof(literal) - 1)

/* One member of a stored zip archive. */
typedef struct zip_part {
    const char *name;
    const void *bytes;
    size_t length;
} zip_part;
void block_zip(byte_block *block, const zip_part *parts, size_t count);

/* Appends `key: tensor` (key and tensor, no SETITEM) to a pickle: float storage `storage` of
 * `numel` elements, a 2-d view. legacy: with the sixth field of the persistent id. */
typedef struct tensor_view {
    const char *key, *storage;
    uint8_t numel, offset, rows, columns, row_stride, column_stride;
} tensor_view;
void block_tensor(byte_block *block, const tensor_view *view, int legacy);

/* A pickle of {key: tensor ...}. */
void block_state_dict(byte_block *block, const tensor_view *views, size_t count, int legacy);

/* The stream before PyTorch 1.6 with one storage of `numel` floats. */
void block_stream(byte_block *block, const tensor_view *views, size_t count,
                  const char *storage, const float *values, size_t numel);

#endif
