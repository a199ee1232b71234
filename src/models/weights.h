/*
 * weights.h - a network's tensors by name: shape checked, numbers finite, none left over.
 *
 * A network first declares every tensor it expects (weights_expect), so that a file of the
 * wrong kind is refused by name before anything large is read; then it takes them as floats.
 */
#ifndef MODELS_WEIGHTS_H
#define MODELS_WEIGHTS_H

#include "io/tensor.h"

typedef struct weights weights;

/* path as in tensor_file_open. */
spur_status weights_open(const char *path, bool allow_nonfinite, weights **out,
                         spur_error *error) SPUR_MUST_USE;
void weights_close(weights *block);

bool weights_has(const weights *from, const char *name);
const tensor_file *weights_file(const weights *from);

/* The tensor must be there with this shape and a floating dtype; else SPUR_MODEL with the
 * name, the shape expected and the shape found. */
spur_status weights_expect(weights *from, const char *name, size_t rank, const size_t *shape,
                           spur_error *error) SPUR_MUST_USE;
/* Marks a tensor that may stand in a file and is not read. */
void weights_ignore(weights *from, const char *name);
/* Fails on the first tensor that was neither expected nor ignored. */
spur_status weights_check_complete(const weights *from, spur_error *error) SPUR_MUST_USE;

/* The tensor's floats in a new block; it must have been expected. */
spur_status weights_take(const weights *from, const char *name, float **out,
                         spur_error *error) SPUR_MUST_USE;

#endif
