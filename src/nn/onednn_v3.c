/*
 * onednn_v3.c - onednn_calls.h in the interface of oneDNN 3.x, where memory descriptors are
 * opaque and owned by whoever creates them.
 */
#include "nn/onednn_calls.h"

static dnnl_query_t query_of(onednn_part part)
{
    return part == ONEDNN_PART_WEIGHTS ? dnnl_query_weights_md : dnnl_query_scratchpad_md;
}

static dnnl_status_t describe_matrix(size_t rows, size_t columns, size_t row_stride,
                                     size_t column_stride, dnnl_memory_desc_t *out)
{
    const dnnl_dims_t sizes = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    const dnnl_dims_t strides = {(dnnl_dim_t)row_stride, (dnnl_dim_t)column_stride};
    return dnnl_memory_desc_create_with_strides(out, 2, sizes, dnnl_f32, strides);
}

static void destroy(dnnl_memory_desc_t layout)
{
    if (layout != NULL) {
        (void)dnnl_memory_desc_destroy(layout);
    }
}

dnnl_status_t onednn_describe_product(dnnl_engine_t on, const linear_shape *shape,
                                      bool has_bias, dnnl_primitive_attr_t settings,
                                      dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t weight_sizes = {(dnnl_dim_t)shape->in, (dnnl_dim_t)shape->out};
    dnnl_memory_desc_t src = NULL, weight = NULL, bias = NULL, dst = NULL;
    dnnl_status_t code = describe_matrix(shape->rows, shape->in, shape->src_stride, 1, &src);
    if (code == dnnl_success) {
        code = describe_matrix(shape->rows, shape->out, shape->dst_stride, 1, &dst);
    }
    if (code == dnnl_success && has_bias) {
        code = describe_matrix(1, shape->out, shape->out, 1, &bias);
    }
    if (code == dnnl_success) {
        code = dnnl_memory_desc_create_with_tag(&weight, 2, weight_sizes, dnnl_f32,
                                                dnnl_format_tag_any);
    }
    if (code == dnnl_success) {
        code = dnnl_matmul_primitive_desc_create(out, on, src, weight, bias, dst, settings);
    }
    destroy(src);
    destroy(weight);
    destroy(bias);
    destroy(dst);
    return code;
}

dnnl_status_t onednn_append_activation(dnnl_post_ops_t to, activation act)
{
    switch (act) {
    case ACTIVATION_QUICK_GELU:
        return dnnl_post_ops_append_eltwise(to, dnnl_eltwise_swish, 1.702F, 0.0F);
    case ACTIVATION_GELU_ERF:
        return dnnl_post_ops_append_eltwise(to, dnnl_eltwise_gelu_erf, 0.0F, 0.0F);
    case ACTIVATION_GELU_TANH:
        return dnnl_post_ops_append_eltwise(to, dnnl_eltwise_gelu_tanh, 0.0F, 0.0F);
    case ACTIVATION_NONE:
        break;
    }
    return dnnl_success;
}

dnnl_status_t onednn_append_sum(dnnl_post_ops_t to)
{
    return dnnl_post_ops_append_sum(to, 1.0F, 0, dnnl_f32);
}

dnnl_status_t onednn_wrap_matrix(dnnl_engine_t on, const onednn_matrix *matrix,
                                 dnnl_memory_t *out)
{
    dnnl_memory_desc_t layout = NULL;
    dnnl_status_t code = describe_matrix(matrix->rows, matrix->columns, matrix->row_stride,
                                         matrix->column_stride, &layout);
    if (code == dnnl_success) {
        code = dnnl_memory_create(out, layout, on, matrix->data);
    }
    destroy(layout);
    return code;
}

size_t onednn_part_bytes(dnnl_primitive_desc_t product, onednn_part part)
{
    return dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(product, query_of(part), 0));
}

dnnl_status_t onednn_wrap_part(dnnl_engine_t on, dnnl_primitive_desc_t product,
                               onednn_part part, void *data, dnnl_memory_t *out)
{
    return dnnl_memory_create(out, dnnl_primitive_desc_query_md(product, query_of(part), 0), on,
                              data);
}

dnnl_status_t onednn_describe_copy(dnnl_engine_t on, dnnl_memory_t src, dnnl_memory_t dst,
                                   dnnl_primitive_desc_t *out)
{
    const_dnnl_memory_desc_t from, to;
    dnnl_status_t code = dnnl_memory_get_memory_desc(src, &from);
    if (code == dnnl_success) {
        code = dnnl_memory_get_memory_desc(dst, &to);
    }
    if (code == dnnl_success) {
        code = dnnl_reorder_primitive_desc_create(out, from, on, to, on, NULL);
    }
    return code;
}
