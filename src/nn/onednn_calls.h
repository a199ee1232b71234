/*
 * onednn_calls.h - the calls of oneDNN whose form changed between 2.x and 3.x.
 *
 * CMake compiles onednn_v2.c or onednn_v3.c, by the version it found.
 */
#ifndef NN_ONEDNN_CALLS_H
#define NN_ONEDNN_CALLS_H

#include <oneapi/dnnl/dnnl.h>

#include "nn/linear.h"

/* A matrix of floats with its place in memory. */
typedef struct onednn_matrix {
    size_t rows, columns;
    size_t row_stride, column_stride;
    void *data;
} onednn_matrix;

typedef enum onednn_part {
    ONEDNN_PART_WEIGHTS,
    ONEDNN_PART_SCRATCHPAD
} onednn_part;

/* dst = src W [+ bias] with post-operations of `settings`; W in the layout oneDNN chooses. */
dnnl_status_t onednn_describe_product(dnnl_engine_t on, const linear_shape *shape,
                                      bool has_bias, dnnl_primitive_attr_t settings,
                                      dnnl_primitive_desc_t *out);
dnnl_status_t onednn_append_activation(dnnl_post_ops_t to, activation act);
dnnl_status_t onednn_append_sum(dnnl_post_ops_t to);

/* A memory object over the matrix's data. */
dnnl_status_t onednn_wrap_matrix(dnnl_engine_t on, const onednn_matrix *matrix,
                                 dnnl_memory_t *out);
/* Size in bytes of a part of a described product, and a memory object of it over `data`. */
size_t onednn_part_bytes(dnnl_primitive_desc_t product, onednn_part part);
dnnl_status_t onednn_wrap_part(dnnl_engine_t on, dnnl_primitive_desc_t product,
                               onednn_part part, void *data, dnnl_memory_t *out);
/* Describes the copy between two layouts of the same matrix. */
dnnl_status_t onednn_describe_copy(dnnl_engine_t on, dnnl_memory_t src, dnnl_memory_t dst,
                                   dnnl_primitive_desc_t *out);

#endif
