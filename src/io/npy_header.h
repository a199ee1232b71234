/*
 * npy_header.h - the text an .npy array begins with: a Python dictionary of three members.
 */
#ifndef IO_NPY_HEADER_H
#define IO_NPY_HEADER_H

#include <stdbool.h>

#include "base/text.h"
#include "io/tensor_source.h"

typedef struct npy_header {
    tensor_dtype dtype;
    bool is_fortran;
    size_t rank;
    size_t shape[TENSOR_RANK_LIMIT];
    size_t data; /* bytes before the numbers */
} npy_header;

enum {
    NPY_PREFIX = 12,          /* magic, version and the length's field, at most */
    NPY_HEADER_LIMIT = 65536, /* NumPy writes about 118 */
};

/* Bytes of header announced by the first `length` bytes of an array (NPY_PREFIX of them, or
 * all there are). SPUR_MODEL when it is none or too long. */
spur_status npy_measure(const unsigned char *start, size_t length, size_t *size,
                        spur_error *error) SPUR_MUST_USE;
/* Parses the `size` bytes npy_measure gave. */
spur_status npy_parse(const unsigned char *start, size_t size, npy_header *out,
                      spur_error *error) SPUR_MUST_USE;

/* The header of an array in C order, a multiple of 64 bytes. */
spur_status npy_build(const tensor_out *array, text_buffer *into,
                      spur_error *error) SPUR_MUST_USE;

#endif
