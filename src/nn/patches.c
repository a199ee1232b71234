/*
 * patches.c - image planes to rows of patch pixels.
 */
#include "nn/patches.h"

#include <string.h>

static void patch_copy(const float *pixels, size_t side, size_t patch, size_t index, float *dst)
{
    size_t grid = side / patch;
    const float *corner = pixels + index / grid * patch * side + index % grid * patch;
    for (size_t channel = 0; channel < 3; channel++) {
        for (size_t y = 0; y < patch; y++) {
            memcpy(dst, corner + channel * side * side + y * side, patch * sizeof *dst);
            dst += patch;
        }
    }
}

void patches_gather(const float *pixels, size_t side, size_t patch, size_t first, size_t rows,
                    float *dst, size_t dst_stride)
{
    size_t count = (side / patch) * (side / patch);
    for (size_t i = 0; i < rows; i++) {
        float *row = dst + i * dst_stride;
        if (first + i < count) {
            patch_copy(pixels, side, patch, first + i, row);
        } else {
            memset(row, 0, 3 * patch * patch * sizeof *row);
        }
    }
}
