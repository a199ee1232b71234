/*
 * named_tensors.h - the tensors of a weight file, each filled from its name, and its folder.
 */
#ifndef TEST_NAMED_TENSORS_H
#define TEST_NAMED_TENSORS_H

#include "base/memory.h"
#include "base/text.h"
#include "io/tensor.h"

/* Tensors that live in `owner`; the array has room for all that are added. */
typedef struct named_tensors {
    const char *salt;
    arena *owner;
    tensor_out *tensors;
    size_t count;
} named_tensors;

/* rank: at most 4. */
spur_status named_tensors_add(named_tensors *into, const char *name, size_t rank,
                              const size_t *shape, spur_error *error) SPUR_MUST_USE;

/* FOLDER/model.safetensors */
spur_status model_weights_write(const char *folder, const tensor_out *tensors, size_t count,
                                spur_error *error) SPUR_MUST_USE;
/* FOLDER/NAME, replaced whole. */
spur_status model_text_write(const char *folder, const char *name, const text_buffer *text,
                             spur_error *error) SPUR_MUST_USE;

#endif
