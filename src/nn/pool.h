/*
 * pool.h - pooling and layout of channels-last images. Plain loops: they read memory once.
 */
#ifndef NN_POOL_H
#define NN_POOL_H

#include <stddef.h>

/* Images of [height, width] pixels of `stride` floats, `channels` of them used. */
typedef struct pool_shape {
    size_t channels, height, width, stride;
} pool_shape;

/* dst[image, ceil(height / 2), ceil(width / 2)] = largest of the 3 x 3 pixels around every
 * second one; nothing outside the image counts. Same stride. */
void pool_largest(const pool_shape *shape, size_t images, const float *src, float *dst);

/* dst[image, channels] = mean over all pixels, summed in double in order of pixels. */
void pool_mean(const pool_shape *shape, size_t images, const float *src, float *dst);

/* dst [side + 2 pad, side + 2 pad, channels] = planes [channels, side, side] with zeros around;
 * dst must be zero there and is not written. */
void planes_interleave(const float *planes, size_t channels, size_t side, size_t pad,
                       float *dst);

#endif
