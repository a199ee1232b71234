/*
 * tensor.h - named tensors of a weight file, whatever its format.
 *
 * One reader interface over safetensors (single and sharded) and PyTorch checkpoints (zip and
 * the stream before 1.6). Opening proves every name, shape and byte range against the file;
 * reading copies with pread into the caller's memory. "Check" and "load" are the same parse.
 */
#ifndef IO_TENSOR_H
#define IO_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/text.h"

typedef enum tensor_dtype {
    TENSOR_BOOL,
    TENSOR_U8,
    TENSOR_I8,
    TENSOR_I16,
    TENSOR_U16,
    TENSOR_F16,
    TENSOR_BF16,
    TENSOR_I32,
    TENSOR_U32,
    TENSOR_F32,
    TENSOR_I64,
    TENSOR_U64,
    TENSOR_F64,
    TENSOR_C64,
    TENSOR_F8_E5M2,
    TENSOR_F8_E4M3,
    TENSOR_F8_E8M0,
    TENSOR_F8_E4M3FNUZ,
    TENSOR_F8_E5M2FNUZ,
    TENSOR_F6_E2M3,
    TENSOR_F6_E3M2,
    TENSOR_F4
} tensor_dtype;

/* The safetensors name ("F32") and the size of an element in bits. */
const char *tensor_dtype_name(tensor_dtype dtype);
unsigned tensor_dtype_bits(tensor_dtype dtype);

typedef struct tensor_info {
    const char *name;
    tensor_dtype dtype;
    size_t rank;
    const size_t *shape;
    size_t elements; /* product of shape; 1 for a scalar */
    size_t bytes;    /* contiguous little-endian size */
} tensor_info;

typedef struct tensor_file tensor_file;

/* path is a weight file (recognised by content), a model.safetensors.index.json or
 * pytorch_model.bin.index.json, or a folder searched in Hugging Face order (model.safetensors,
 * its index, pytorch_model.bin, its index). Every failure is SPUR_MODEL and names the file. */
spur_status tensor_file_open(const char *path, tensor_file **out,
                             spur_error *error) SPUR_MUST_USE;
/* The same for matrices people made: safetensors, or NumPy's .npy (one array, named "") and
 * .npz. Every failure is SPUR_MODEL and names the file. */
spur_status tensor_file_open_arrays(const char *path, tensor_file **out,
                                    spur_error *error) SPUR_MUST_USE;
void tensor_file_close(tensor_file *from);
/* The weights in a folder, by the search order above; free with memory_free. */
spur_status tensor_file_locate(const char *folder, char **path,
                               spur_error *error) SPUR_MUST_USE;

/* "safetensors", "safetensors-sharded", "pytorch-zip", "pytorch-legacy". */
const char *tensor_file_format(const tensor_file *from);
/* Tensors in byte-wise name order. */
size_t tensor_file_count(const tensor_file *from);
const tensor_info *tensor_file_at(const tensor_file *from, size_t index);
const tensor_info *tensor_file_find(const tensor_file *from, const char *name); /* or NULL */
/* safetensors' __metadata__ pairs in name order; count 0 elsewhere. */
size_t tensor_file_metadata_count(const tensor_file *from);
void tensor_file_metadata_at(const tensor_file *from, size_t index, const char **key,
                             const char **value);
/* The files read: path and size, for digests. */
size_t tensor_file_part_count(const tensor_file *from);
const char *tensor_file_part(const tensor_file *from, size_t index);

/* info->bytes contiguous little-endian bytes. */
spur_status tensor_file_read(const tensor_file *from, const tensor_info *info, void *dst,
                             spur_error *error) SPUR_MUST_USE;
/* SHA-256 of those bytes, read a chunk at a time where they stand together in the file. */
spur_status tensor_file_digest(const tensor_file *from, const tensor_info *info,
                               unsigned char out[DIGEST_SIZE], spur_error *error) SPUR_MUST_USE;
/* info->elements floats from F32, F16, BF16 or F64 (rounded once). */
spur_status tensor_file_read_float(const tensor_file *from, const tensor_info *info, float *dst,
                                   spur_error *error) SPUR_MUST_USE;

/* ---- writing safetensors ---------------------------------------------------------------- */

/* One tensor to write; data is contiguous. */
typedef struct tensor_out {
    const char *name;
    tensor_dtype dtype;
    size_t rank;
    const size_t *shape;
    const void *data;
} tensor_out;

/* Writes atomically. metadata: `pairs` key, value, key, value ... Tensors are laid out by
 * decreasing alignment, then name, as the reference writer does; the header is padded with
 * spaces to a multiple of 8. */
spur_status safetensors_write(const char *path, const tensor_out *tensors, size_t count,
                              const char *const *metadata, size_t pairs,
                              spur_error *error) SPUR_MUST_USE;

/* The same with data streamed: begin with shapes (data ignored), then append each tensor's
 * bytes in the order safetensors_order gives, then finish (commit) or abandon. */
typedef struct safetensors_writer safetensors_writer;
spur_status safetensors_begin(const char *path, const tensor_out *tensors, size_t count,
                              const char *const *metadata, size_t pairs,
                              safetensors_writer **out, spur_error *error) SPUR_MUST_USE;
/* Index into `tensors` of the i-th tensor in the file. */
size_t safetensors_order(const safetensors_writer *writer, size_t i);
spur_status safetensors_append(safetensors_writer *writer, const void *bytes, size_t length,
                               spur_error *error) SPUR_MUST_USE;
spur_status safetensors_finish(safetensors_writer *writer, spur_error *error) SPUR_MUST_USE;
void safetensors_writer_close(safetensors_writer *writer);

/* The bytes such a file begins with, for callers that write the data themselves: tensor i's
 * stand at offsets[i] of the file, which is *size bytes long. Free start->data with
 * text_buffer_free. */
spur_status safetensors_start(const tensor_out *tensors, size_t count,
                              const char *const *metadata, size_t pairs, text_buffer *start,
                              uint64_t *offsets, uint64_t *size,
                              spur_error *error) SPUR_MUST_USE;

#endif
