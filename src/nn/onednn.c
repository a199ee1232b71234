/*
 * onednn.c - packed matrix products by oneDNN's matmul, one thread each.
 *
 * oneDNN asks OpenMP for the number of threads both when a primitive is made and when it
 * runs, and OpenMP keeps that number per thread; so it is set around every call and put back
 * afterwards. The memory objects of a run are created for it: an execution allocates inside
 * oneDNN anyway (its map of arguments), and objects shared by workers could not be.
 */
#include "nn/onednn.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "nn/onednn_calls.h"

#define TEXT(value) #value
#define JOINED(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

/* Found through oneDNN's own link to its OpenMP; NULL when it was built without. */
extern void omp_set_num_threads(int count) __attribute__((weak));
extern int omp_get_max_threads(void) __attribute__((weak));

struct onednn {
    dnnl_engine_t device;
};

struct onednn_product {
    linear_shape shape;
    dnnl_engine_t device;
    dnnl_primitive_desc_t form;
    dnnl_primitive_t primitive;
    void *weight;
    float *bias; /* NULL without */
};

const char *onednn_version(void)
{
    return JOINED(DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
}

onednn_level onednn_level_here(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned avx2 = (unsigned)dnnl_cpu_isa_avx2;
    unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core;
    if ((isa & avx512) == avx512) {
        return ONEDNN_LEVEL_AVX512;
    }
    return (isa & avx2) == avx2 ? ONEDNN_LEVEL_AVX2 : ONEDNN_LEVEL_BASIC;
}

/* Sets OpenMP's number of threads for the calling thread and returns the former one. */
static int threads_set(int count)
{
    if (omp_set_num_threads == NULL || omp_get_max_threads == NULL) {
        return count;
    }
    int before = omp_get_max_threads();
    omp_set_num_threads(count);
    return before;
}

static spur_status check(dnnl_status_t code, const char *doing, spur_error *error)
{
    if (code == dnnl_success) {
        return SPUR_OK;
    }
    return error_set(error, code == dnnl_out_of_memory ? SPUR_RESOURCE : SPUR_INTERNAL,
                     "oneDNN %s could not %s (status %d)", onednn_version(), doing, (int)code);
}

static void memory_destroy(dnnl_memory_t memory)
{
    if (memory != NULL) {
        (void)dnnl_memory_destroy(memory);
    }
}

spur_status onednn_open(onednn **out, spur_error *error)
{
    spur_status status;
    onednn *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(check(dnnl_engine_create(&made->device, dnnl_cpu, 0), "open the processor", error));
    *out = made;
    made = NULL;
done:
    onednn_close(made);
    return status;
}

void onednn_close(onednn *block)
{
    if (block != NULL) {
        if (block->device != NULL) {
            (void)dnnl_engine_destroy(block->device);
        }
        memory_free(block);
    }
}

/* ---- making a product -------------------------------------------------------------------- */

static dnnl_status_t settings_fill(dnnl_primitive_attr_t settings, dnnl_post_ops_t after,
                                   const linear_shape *shape)
{
    dnnl_status_t code =
        dnnl_primitive_attr_set_scratchpad_mode(settings, dnnl_scratchpad_mode_user);
    if (code == dnnl_success) {
        code = onednn_append_activation(after, shape->act);
    }
    if (code == dnnl_success && shape->add) {
        code = onednn_append_sum(after);
    }
    if (code == dnnl_success) {
        code = dnnl_primitive_attr_set_post_ops(settings, after);
    }
    return code;
}

static dnnl_status_t product_describe(onednn_product *made, bool has_bias)
{
    dnnl_primitive_attr_t settings = NULL;
    dnnl_post_ops_t after = NULL;
    dnnl_status_t code = dnnl_primitive_attr_create(&settings);
    if (code == dnnl_success) {
        code = dnnl_post_ops_create(&after);
    }
    if (code == dnnl_success) {
        code = settings_fill(settings, after, &made->shape);
    }
    if (code == dnnl_success) {
        code = onednn_describe_product(made->device, &made->shape, has_bias, settings,
                                       &made->form);
    }
    if (code == dnnl_success) {
        code = dnnl_primitive_create(&made->primitive, made->form);
    }
    if (after != NULL) {
        (void)dnnl_post_ops_destroy(after);
    }
    if (settings != NULL) {
        (void)dnnl_primitive_attr_destroy(settings);
    }
    return code;
}

static dnnl_status_t execute(dnnl_engine_t device, dnnl_primitive_t primitive,
                             const dnnl_exec_arg_t *arguments, int count)
{
    dnnl_stream_t stream = NULL;
    dnnl_status_t code = dnnl_stream_create(&stream, device, dnnl_stream_default_flags);
    if (code == dnnl_success) {
        code = dnnl_primitive_execute(primitive, stream, count, arguments);
    }
    if (code == dnnl_success) {
        code = dnnl_stream_wait(stream);
    }
    if (stream != NULL) {
        (void)dnnl_stream_destroy(stream);
    }
    return code;
}

static dnnl_status_t copy_layout(dnnl_engine_t device, dnnl_memory_t src, dnnl_memory_t dst)
{
    dnnl_primitive_desc_t form = NULL;
    dnnl_primitive_t copy = NULL;
    dnnl_status_t code = onednn_describe_copy(device, src, dst, &form);
    if (code == dnnl_success) {
        code = dnnl_primitive_create(&copy, form);
    }
    if (code == dnnl_success) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, src}, {DNNL_ARG_TO, dst}};
        code = execute(device, copy, arguments, 2);
    }
    if (copy != NULL) {
        (void)dnnl_primitive_destroy(copy);
    }
    if (form != NULL) {
        (void)dnnl_primitive_desc_destroy(form);
    }
    return code;
}

/* Copies weight [out, in], seen as [in, out], into the layout of the primitive. */
static dnnl_status_t weight_pack(const onednn_product *made, float *weight)
{
    const onednn_matrix plain = {.rows = made->shape.in,
                                 .columns = made->shape.out,
                                 .row_stride = 1,
                                 .column_stride = made->shape.in,
                                 .data = weight};
    dnnl_memory_t src = NULL, dst = NULL;
    dnnl_status_t code = onednn_wrap_matrix(made->device, &plain, &src);
    if (code == dnnl_success) {
        code =
            onednn_wrap_part(made->device, made->form, ONEDNN_PART_WEIGHTS, made->weight, &dst);
    }
    if (code == dnnl_success) {
        code = copy_layout(made->device, src, dst);
    }
    memory_destroy(src);
    memory_destroy(dst);
    return code;
}

/* Everything that runs with one OpenMP thread. */
static spur_status product_fill(onednn_product *made, const float *weight, const float *bias,
                                spur_error *error)
{
    spur_status status;
    const linear_shape *shape = &made->shape;
    float *copy = NULL;
    size_t count;
    TRY(check(product_describe(made, bias != NULL), "make a matrix product", error));
    if (!size_mul(shape->in, shape->out, &count)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(onednn_part_bytes(made->form, ONEDNN_PART_WEIGHTS), 1, &made->weight,
                   error));
    /* oneDNN wraps writable memory only. */
    TRY(memory_new(count, sizeof *copy, &copy, error));
    memcpy(copy, weight, count * sizeof *copy);
    if (bias != NULL) {
        TRY(memory_new(shape->out, sizeof *bias, &made->bias, error));
        memcpy(made->bias, bias, shape->out * sizeof *bias);
    }
    TRY(check(weight_pack(made, copy), "pack weights", error));
done:
    memory_free(copy);
    return status;
}

spur_status onednn_product_open(const onednn *on, const linear_shape *shape,
                                const float *weight, const float *bias, onednn_product **out,
                                spur_error *error)
{
    spur_status status;
    onednn_product *made = NULL;
    int threads = threads_set(1);
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->device = on->device;
    TRY(product_fill(made, weight, bias, error));
    *out = made;
    made = NULL;
done:
    (void)threads_set(threads);
    onednn_product_close(made);
    return status;
}

void onednn_product_close(onednn_product *block)
{
    if (block == NULL) {
        return;
    }
    if (block->primitive != NULL) {
        (void)dnnl_primitive_destroy(block->primitive);
    }
    if (block->form != NULL) {
        (void)dnnl_primitive_desc_destroy(block->form);
    }
    memory_free(block->weight);
    memory_free(block->bias);
    memory_free(block);
}

size_t onednn_product_bytes(const onednn_product *from)
{
    size_t bias = from->bias == NULL ? 0 : from->shape.out * sizeof(float);
    return onednn_part_bytes(from->form, ONEDNN_PART_WEIGHTS) + bias;
}

size_t onednn_product_scratch(const onednn_product *from)
{
    return (onednn_part_bytes(from->form, ONEDNN_PART_SCRATCHPAD) + sizeof(float) - 1) /
           sizeof(float);
}

/* ---- running ----------------------------------------------------------------------------- */

enum {
    RUN_SRC,
    RUN_WEIGHTS,
    RUN_DST,
    RUN_SCRATCHPAD,
    RUN_BIAS,
    RUN_PARTS
};

/* Memory objects of one run, in the order of the enumeration. */
static dnnl_status_t run_wrap(const onednn_product *from, float *scratch, const float *src,
                              float *dst, dnnl_memory_t part[RUN_PARTS])
{
    const linear_shape *shape = &from->shape;
    onednn_matrix matrix = {shape->rows, shape->in, shape->src_stride, 1, NULL};
    memcpy(&matrix.data, &src, sizeof matrix.data); /* read only, but not so declared */
    dnnl_status_t code = onednn_wrap_matrix(from->device, &matrix, &part[RUN_SRC]);
    if (code == dnnl_success) {
        code = onednn_wrap_part(from->device, from->form, ONEDNN_PART_WEIGHTS, from->weight,
                                &part[RUN_WEIGHTS]);
    }
    if (code == dnnl_success) {
        matrix = (onednn_matrix){shape->rows, shape->out, shape->dst_stride, 1, dst};
        code = onednn_wrap_matrix(from->device, &matrix, &part[RUN_DST]);
    }
    if (code == dnnl_success) {
        code = onednn_wrap_part(from->device, from->form, ONEDNN_PART_SCRATCHPAD, scratch,
                                &part[RUN_SCRATCHPAD]);
    }
    if (code == dnnl_success && from->bias != NULL) {
        matrix = (onednn_matrix){1, shape->out, shape->out, 1, from->bias};
        code = onednn_wrap_matrix(from->device, &matrix, &part[RUN_BIAS]);
    }
    return code;
}

spur_status onednn_product_run(const onednn_product *from, float *scratch, const float *src,
                               float *dst, spur_error *error)
{
    int threads = threads_set(1);
    dnnl_memory_t part[RUN_PARTS] = {NULL};
    dnnl_status_t code = run_wrap(from, scratch, src, dst, part);
    if (code == dnnl_success) {
        const dnnl_exec_arg_t arguments[RUN_PARTS] = {
            {DNNL_ARG_SRC, part[RUN_SRC]},   {DNNL_ARG_WEIGHTS, part[RUN_WEIGHTS]},
            {DNNL_ARG_DST, part[RUN_DST]},   {DNNL_ARG_SCRATCHPAD, part[RUN_SCRATCHPAD]},
            {DNNL_ARG_BIAS, part[RUN_BIAS]},
        };
        code = execute(from->device, from->primitive, arguments,
                       from->bias == NULL ? RUN_PARTS - 1 : RUN_PARTS);
    }
    for (size_t i = 0; i < RUN_PARTS; i++) {
        memory_destroy(part[i]);
    }
    (void)threads_set(threads);
    return check(code, "multiply", error);
}
