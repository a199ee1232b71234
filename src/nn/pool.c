/*
 * pool.c - max pooling 3 x 3 / 2, global mean, and planes to channels-last pixels.
 */
#include "nn/pool.h"

#include <string.h>

static void keep_larger(const float *restrict src, size_t channels, float *restrict dst)
{
    for (size_t i = 0; i < channels; i++) {
        dst[i] = src[i] > dst[i] ? src[i] : dst[i];
    }
}

/* The largest of the pixels in rows top .. bottom - 1 and columns left .. right - 1. */
static void largest_of_window(const pool_shape *shape, const float *image, size_t y, size_t x,
                              float *dst)
{
    size_t top = y > 0 ? 2 * y - 1 : 0, left = x > 0 ? 2 * x - 1 : 0;
    memcpy(dst, image + (top * shape->width + left) * shape->stride,
           shape->channels * sizeof *dst);
    for (size_t row = top; row < 2 * y + 2 && row < shape->height; row++) {
        for (size_t column = left; column < 2 * x + 2 && column < shape->width; column++) {
            keep_larger(image + (row * shape->width + column) * shape->stride, shape->channels,
                        dst);
        }
    }
}

void pool_largest(const pool_shape *shape, size_t images, const float *src, float *dst)
{
    size_t height = (shape->height + 1) / 2, width = (shape->width + 1) / 2;
    for (size_t image = 0; image < images; image++) {
        for (size_t y = 0; y < height; y++) {
            for (size_t x = 0; x < width; x++) {
                largest_of_window(shape, src, y, x, dst);
                dst += shape->stride;
            }
        }
        src += shape->height * shape->width * shape->stride;
    }
}

enum {
    TOGETHER = 64 /* channels whose sums are held at once */
};

static void mean_of(const pool_shape *shape, const float *image, size_t channels, float *dst)
{
    double sum[TOGETHER] = {0};
    size_t pixels = shape->height * shape->width;
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        for (size_t i = 0; i < channels; i++) {
            sum[i] += (double)image[pixel * shape->stride + i];
        }
    }
    for (size_t i = 0; i < channels; i++) {
        dst[i] = (float)(sum[i] / (double)pixels);
    }
}

void pool_mean(const pool_shape *shape, size_t images, const float *src, float *dst)
{
    for (size_t image = 0; image < images; image++) {
        for (size_t first = 0; first < shape->channels; first += TOGETHER) {
            size_t left = shape->channels - first;
            mean_of(shape, src + first, left < TOGETHER ? left : TOGETHER, dst + first);
        }
        src += shape->height * shape->width * shape->stride;
        dst += shape->channels;
    }
}

void planes_interleave(const float *planes, size_t channels, size_t side, size_t pad,
                       float *dst)
{
    for (size_t y = 0; y < side; y++) {
        float *row = dst + ((y + pad) * (side + 2 * pad) + pad) * channels;
        for (size_t channel = 0; channel < channels; channel++) {
            const float *from = planes + (channel * side + y) * side;
            for (size_t x = 0; x < side; x++) {
                row[x * channels + channel] = from[x];
            }
        }
    }
}
