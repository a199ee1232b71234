/*
 * tensor_source.h - the seam between weight formats: one opened file and its tensors.
 *
 * A format's open function parses everything, calls tensor_source_add once per tensor and
 * fills in how bytes are read; tensor.c knows no format beyond this.
 */
#ifndef IO_TENSOR_SOURCE_H
#define IO_TENSOR_SOURCE_H

#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"

/* Dimensions of one tensor: what PyTorch and NumPy can hold. */
#define TENSOR_RANK_LIMIT 64

typedef struct tensor_source tensor_source;

/* Where a tensor's bytes stand: in the file, or as the format's own record describes. */
typedef union tensor_place {
    uint64_t offset;
    const void *record;
} tensor_place;

/* One tensor; info.shape points to `shape`. One allocation each, because headers with a
 * million names exist. */
typedef struct tensor_entry {
    tensor_info info;
    tensor_place place;
    const tensor_source *source;
    size_t shape[];
} tensor_entry;

struct tensor_source {
    const char *format;
    file *from;
    arena *memory; /* entries and whatever the format keeps beside them */
    tensor_entry **entries;
    size_t count, capacity;
    const char **metadata; /* key, value, key, value ... */
    size_t metadata_count; /* pairs */
    void *own;             /* the format's state */
    /* True, and where they begin, when the tensor's bytes stand in the file one after the
     * other. */
    bool (*locate)(const tensor_entry *entry, uint64_t *offset);
    /* Copies a tensor that locate refuses; NULL when it never does. */
    spur_status (*gather)(const tensor_source *source, const tensor_entry *entry, void *dst,
                          spur_error *error);
    void (*close_own)(void *own);
};

/* An empty source that owns `from` (also when the call fails, which closes it). */
spur_status tensor_source_new(file *from, tensor_source **out, spur_error *error) SPUR_MUST_USE;
void tensor_source_close(tensor_source *source);

/* Elements and bytes of a shape; false when either does not fit or is not whole bytes. The
 * product is taken in order, so an overflow in front of a zero dimension counts. */
bool tensor_measure(tensor_dtype dtype, size_t rank, const size_t *shape, size_t *elements,
                    size_t *bytes) SPUR_MUST_USE;

/* Adds a tensor whose info (except shape) is complete; copies the shape. The name must live
 * as long as the source. */
spur_status tensor_source_add(tensor_source *source, const tensor_info *info,
                              tensor_place place, spur_error *error) SPUR_MUST_USE;
/* Puts the entries in name order; a name that stands twice is an error. */
spur_status tensor_source_sort(tensor_source *source, spur_error *error) SPUR_MUST_USE;

/* An entry's info.bytes bytes, one after the other. */
spur_status tensor_source_read(const tensor_entry *entry, void *dst,
                               spur_error *error) SPUR_MUST_USE;

/* The formats. Each takes over `from`, whatever happens. */
spur_status safetensors_open(file *from, tensor_source **out, spur_error *error) SPUR_MUST_USE;
spur_status checkpoint_open_zip(file *from, tensor_source **out,
                                spur_error *error) SPUR_MUST_USE;
spur_status checkpoint_open_legacy(file *from, tensor_source **out,
                                   spur_error *error) SPUR_MUST_USE;

#endif
