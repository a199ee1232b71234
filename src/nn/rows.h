/*
 * rows.h - operations on rows of floats in our own vector code: normalisation, activations,
 * softmax, dot products. Fixed order of summation: the bits of a row depend on that row alone.
 */
#ifndef NN_ROWS_H
#define NN_ROWS_H

#include <stddef.h>

#include "nn/linear.h"

/* dst = (x - mean) / sqrt(var + eps) * weight + bias over the last axis, biased variance, two
 * passes. src may equal dst. */
void rows_layer_norm(const float *src, size_t src_stride, size_t rows, size_t width,
                     const float *weight, const float *bias, float eps, float *dst,
                     size_t dst_stride);

/* In place: quick_gelu x sigma(1.702 x), gelu by erf, gelu by tanh. */
void rows_activate(float *values, size_t stride, size_t rows, size_t width, activation act);

/* In place softmax of each row. */
void rows_softmax(float *values, size_t stride, size_t rows, size_t width);

/* dst = src / (|src| + eps); eps 0 divides by the norm. */
void rows_l2_normalise(const float *src, size_t src_stride, size_t rows, size_t width,
                       float eps, float *dst, size_t dst_stride);

/* dst[n, j] = a[n] . b[j]: a [a_rows, width], b [b_rows, width]. Each product's bits depend on
 * its two rows alone. */
void rows_dot(const float *a, size_t a_stride, size_t a_rows, const float *b, size_t b_stride,
              size_t b_rows, size_t width, float *dst, size_t dst_stride);

/* dst += src */
void rows_add(const float *src, size_t src_stride, size_t rows, size_t width, float *dst,
              size_t dst_stride);

/* 1 / (1 + e^-value), computed in double and rounded once. */
float sigmoid(float value);

#endif
