/*
 * convolution.h - y = [relu](conv(x, w) + b [+ residual]) over channels-last images.
 *
 * Images are [count, height, width] pixels of `stride` floats, the channels first in each.
 * Weights are packed once, nothing is allocated by a run. The bits of an image depend on
 * neither the number of images nor its place among them. An output is one chain of fused
 * multiply-adds over (kernel row, kernel column, channel), or, where winograd_fits, a chain
 * over channels in each of the sixteen products of its tile.
 */
#ifndef NN_CONVOLUTION_H
#define NN_CONVOLUTION_H

#include <stdbool.h>

#include "nn/engine.h"

typedef struct convolution_shape {
    size_t in, out;                /* channels */
    size_t height, width;          /* of the input, in pixels */
    size_t kernel, step, pad;      /* side; pixels between outputs; zeros around the input */
    size_t src_stride, dst_stride; /* floats between pixels, >= in, >= out */
    bool relu;
} convolution_shape;

/* floor((side + 2 pad - kernel) / step) + 1; 0 when the kernel does not fit. */
size_t convolved_side(size_t side, size_t window, size_t step, size_t pad);

typedef struct convolution convolution;

/* weight: [out, in, kernel, kernel] row-major, bias: [out] or NULL; both are copied. The kernel
 * must fit the padded input. */
spur_status convolution_open(engine *on, const convolution_shape *shape, const float *weight,
                             const float *bias, convolution **out,
                             spur_error *error) SPUR_MUST_USE;
void convolution_close(convolution *block);
/* Bytes of packed weights held. */
size_t convolution_bytes(const convolution *from);
/* residual: NULL, or pixels as in dst (it may be dst). */
spur_status convolution_run(const convolution *from, engine_worker *worker, size_t images,
                            const float *src, const float *residual, float *dst,
                            spur_error *error) SPUR_MUST_USE;

#endif
