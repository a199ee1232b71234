/*
 * patches.h - the patch embedding's gather: square patches of an image as rows for a linear.
 *
 * A convolution whose stride is its size is a matrix product: row n holds the pixels of patch
 * n (channel, y, x: the order of a [out, 3, p, p] weight).
 */
#ifndef NN_PATCHES_H
#define NN_PATCHES_H

#include <stddef.h>

/* dst[i] = patch first + i of pixels [3, side, side], i < rows; grid = side / patch patches a
 * row, row-major; rows behind the last patch are zero. dst_stride >= 3 patch patch. */
void patches_gather(const float *pixels, size_t side, size_t patch, size_t first, size_t rows,
                    float *dst, size_t dst_stride);

#endif
