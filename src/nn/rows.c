/*
 * rows.c - operations on rows: walks the rows over the inner loops of this processor.
 */
#include "nn/rows.h"

#include <math.h>

#include "nn/kernel.h"

/* NOLINTNEXTLINE(readability-function-size): matrices come with their strides */
void rows_layer_norm(const float *src, size_t src_stride, size_t rows, size_t width,
                     const float *weight, const float *bias, float eps, float *dst,
                     size_t dst_stride)
{
    const kernel *loops = kernel_native();
    for (size_t row = 0; row < rows; row++) {
        loops->layer_norm_row(src + row * src_stride, width, weight, bias, eps,
                              dst + row * dst_stride);
    }
}

void rows_activate(float *values, size_t stride, size_t rows, size_t width, activation act)
{
    const kernel *loops = kernel_native();
    for (size_t row = 0; row < rows; row++) {
        loops->activate_row(values + row * stride, width, act);
    }
}

void rows_softmax(float *values, size_t stride, size_t rows, size_t width)
{
    const kernel *loops = kernel_native();
    for (size_t row = 0; row < rows; row++) {
        loops->softmax_row(values + row * stride, width);
    }
}

void rows_l2_normalise(const float *src, size_t src_stride, size_t rows, size_t width,
                       float eps, float *dst, size_t dst_stride)
{
    const kernel *loops = kernel_native();
    for (size_t row = 0; row < rows; row++) {
        loops->l2_row(src + row * src_stride, width, eps, dst + row * dst_stride);
    }
}

/* NOLINTNEXTLINE(readability-function-size): matrices come with their strides */
void rows_dot(const float *a, size_t a_stride, size_t a_rows, const float *b, size_t b_stride,
              size_t b_rows, size_t width, float *dst, size_t dst_stride)
{
    const dot_rows what = {a, b, a_stride, a_rows, b_stride, b_rows, width, dst, dst_stride};
    kernel_native()->dot(&what);
}

void rows_add(const float *src, size_t src_stride, size_t rows, size_t width, float *dst,
              size_t dst_stride)
{
    for (size_t row = 0; row < rows; row++) {
        const float *from = src + row * src_stride;
        float *to = dst + row * dst_stride;
        for (size_t i = 0; i < width; i++) {
            to[i] += from[i];
        }
    }
}

float sigmoid(float value)
{
    return (float)(1.0 / (1.0 + exp(-(double)value)));
}
