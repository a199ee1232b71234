/*
 * weights_by_name.h - weights that are a pure function of a salt, a tensor's name and shape.
 *
 * A network of full size then needs no weight file to be kept: any element can be computed
 * alone. The numbers mean nothing; they show whether two programs compute the same network.
 */
#ifndef TEST_WEIGHTS_BY_NAME_H
#define TEST_WEIGHTS_BY_NAME_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a over "salt/name". */
uint64_t weights_key(const char *salt, const char *name);

/* Element = offset + amplitude * u, u uniform in [-1, 1). */
typedef struct weights_scale {
    float offset, amplitude;
} weights_scale;

weights_scale weights_scale_of(const char *name, const size_t *shape, size_t rank);

/* Elements first .. first + count - 1 of the tensor, in row-major order. */
void weights_fill(uint64_t key, weights_scale scale, uint64_t first, size_t count, float *dst);

#endif
