/*
 * packed.h - the product of linear.h in our own inner loops.
 */
#ifndef NN_PACKED_H
#define NN_PACKED_H

#include "nn/linear.h"

typedef struct packed_product packed_product;

/* The functions of linear.h. */
spur_status packed_open(engine *on, const linear_shape *shape, const float *weight,
                        const float *bias, packed_product **out,
                        spur_error *error) SPUR_MUST_USE;
void packed_close(packed_product *block);
size_t packed_bytes(const packed_product *from);
/* The first `rows` rows, or all there are. */
spur_status packed_run(const packed_product *from, engine_worker *worker, const float *src,
                       size_t rows, float *dst, spur_error *error) SPUR_MUST_USE;

#endif
