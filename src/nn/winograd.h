/*
 * winograd.h - 3 x 3 convolutions of step 1 with 4/9 of the multiplications.
 */
#ifndef NN_WINOGRAD_H
#define NN_WINOGRAD_H

#include "nn/convolution.h"

typedef struct winograd winograd;

/* 3 x 3, step 1, a border of one zero, whole vectors of channels, more than one tile. */
bool winograd_fits(const convolution_shape *shape);

/* The functions of convolution.h, for shapes that fit. */
spur_status winograd_open(engine *on, const convolution_shape *shape, const float *weight,
                          const float *bias, winograd **out, spur_error *error) SPUR_MUST_USE;
void winograd_close(winograd *block);
size_t winograd_bytes(const winograd *from);
spur_status winograd_run(const winograd *from, engine_worker *worker, size_t images,
                         const float *src, const float *residual, float *dst,
                         spur_error *error) SPUR_MUST_USE;

#endif
