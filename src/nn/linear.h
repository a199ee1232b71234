/*
 * linear.h - y = act(x W^T + b) [+ y], weights packed once.
 */
#ifndef NN_LINEAR_H
#define NN_LINEAR_H

#include <stdbool.h>

#include "nn/engine.h"

typedef enum activation {
    ACTIVATION_NONE,
    ACTIVATION_QUICK_GELU,
    ACTIVATION_GELU_ERF,
    ACTIVATION_GELU_TANH
} activation;

typedef struct linear_shape {
    size_t rows; /* rows of x every run multiplies */
    size_t in, out;
    size_t src_stride, dst_stride; /* floats between rows, >= in, >= out */
    activation act;
    bool add; /* dst += instead of dst = (after the activation) */
} linear_shape;

typedef struct linear linear;

/* weight: [out, in] row-major, bias: [out] or NULL; both are copied. */
spur_status linear_open(engine *on, const linear_shape *shape, const float *weight,
                        const float *bias, linear **out, spur_error *error) SPUR_MUST_USE;
void linear_close(linear *block);
/* Bytes of packed weights held. */
size_t linear_bytes(const linear *from);
/* src [rows, in], dst [rows, out] with the strides of the shape. */
spur_status linear_run(const linear *from, engine_worker *worker, const float *src, float *dst,
                       spur_error *error) SPUR_MUST_USE;
/* The first `rows` rows, at most the shape's; what becomes of the other rows of dst is not
 * said. The same bits. */
spur_status linear_run_some(const linear *from, engine_worker *worker, const float *src,
                            size_t rows, float *dst, spur_error *error) SPUR_MUST_USE;

#endif
