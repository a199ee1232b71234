/*
 * onednn.h - the little of oneDNN that Spur uses, alike for its 2.x and 3.x C interfaces.
 *
 * Every call uses one thread, whatever oneDNN was built with. oneDNN 2.6 ends the process
 * when an allocation fails inside it.
 */
#ifndef NN_ONEDNN_H
#define NN_ONEDNN_H

#include "nn/linear.h"

/* "2.6.3" */
const char *onednn_version(void);

/* The widest instruction set oneDNN may use here: what the processor has, limited by
 * ONEDNN_MAX_CPU_ISA. */
typedef enum onednn_level {
    ONEDNN_LEVEL_BASIC,
    ONEDNN_LEVEL_AVX2,
    ONEDNN_LEVEL_AVX512
} onednn_level;
onednn_level onednn_level_here(void);

typedef struct onednn onednn;
spur_status onednn_open(onednn **out, spur_error *error) SPUR_MUST_USE;
void onednn_close(onednn *block);

/* The functions of linear.h; bias, activation and sum are post-operations of the matmul, the
 * weights lie as the matmul likes them best. Runs of one product may overlap in time if each
 * has its own scratch. Bits may depend on the number of rows. */
typedef struct onednn_product onednn_product;
spur_status onednn_product_open(const onednn *on, const linear_shape *shape,
                                const float *weight, const float *bias, onednn_product **out,
                                spur_error *error) SPUR_MUST_USE;
void onednn_product_close(onednn_product *block);
size_t onednn_product_bytes(const onednn_product *from);
/* Floats of scratch that a run needs. */
size_t onednn_product_scratch(const onednn_product *from);
spur_status onednn_product_run(const onednn_product *from, float *scratch, const float *src,
                               float *dst, spur_error *error) SPUR_MUST_USE;

#endif
