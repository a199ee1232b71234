/*
 * transformer.c - the block stack, walked in blocks of rows so that what one product writes
 * is still in cache when the next reads it.
 *
 * Shapes: T tokens, W width, M width of the hidden layer. One layer holds norm1, qkv [3W, W]
 * (q rows scaled by head_size^-1/2), out [W, W], norm2, fc1 [M, W], fc2 [W, M].
 */
#include "models/transformer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/rows.h"

enum {
    BLOCK_ROWS = 148
};

typedef struct layer {
    norm norm1, norm2;
    linear *qkv, *out, *fc1, *fc2;
} layer;

struct transformer {
    transformer_shape shape;
    const char *stage; /* what a watch is told */
    size_t tokens, rows, block;
    size_t seen; /* tokens that the last layer makes */
    size_t stride, qkv_stride, hidden_stride;
    attention *attend;
    layer *layers;
};

size_t row_stride(size_t width)
{
    size_t stride = (width + 15) / 16 * 16;
    return stride % 256 == 0 ? stride + 16 : stride;
}

size_t block_rows(size_t tokens)
{
    size_t blocks = (tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
    return (tokens + blocks - 1) / blocks;
}

size_t blocks_total(size_t tokens)
{
    size_t rows = block_rows(tokens);
    return (tokens + rows - 1) / rows * rows;
}

void tensor_name(char dst[TENSOR_NAME_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(dst, TENSOR_NAME_SIZE, format, arguments);
    va_end(arguments);
}

/* ---- single pieces ------------------------------------------------------------------- */

spur_status norm_expect(weights *from, const char *name, size_t width, spur_error *error)
{
    char full[TENSOR_NAME_SIZE];
    tensor_name(full, "%s.weight", name);
    spur_status status = weights_expect(from, full, 1, &width, error);
    if (status == SPUR_OK) {
        tensor_name(full, "%s.bias", name);
        status = weights_expect(from, full, 1, &width, error);
    }
    return status;
}

spur_status norm_take(const weights *from, const char *name, size_t width, float eps, norm *out,
                      spur_error *error)
{
    char full[TENSOR_NAME_SIZE];
    out->width = width;
    out->eps = eps;
    tensor_name(full, "%s.weight", name);
    spur_status status = weights_take(from, full, &out->weight, error);
    if (status == SPUR_OK) {
        tensor_name(full, "%s.bias", name);
        status = weights_take(from, full, &out->bias, error);
    }
    return status;
}

void norm_free(norm *block)
{
    memory_free(block->weight);
    memory_free(block->bias);
    *block = (norm){0};
}

void norm_run(const norm *from, const float *src, size_t src_stride, size_t rows, float *dst,
              size_t dst_stride)
{
    rows_layer_norm(src, src_stride, rows, from->width, from->weight, from->bias, from->eps,
                    dst, dst_stride);
}

spur_status linear_expect(weights *from, const char *name, size_t in, size_t out,
                          spur_error *error)
{
    char full[TENSOR_NAME_SIZE];
    const size_t shape[2] = {out, in};
    tensor_name(full, "%s.weight", name);
    spur_status status = weights_expect(from, full, 2, shape, error);
    if (status == SPUR_OK) {
        tensor_name(full, "%s.bias", name);
        status = weights_expect(from, full, 1, &out, error);
    }
    return status;
}

spur_status linear_take(engine *on, const weights *from, const char *name,
                        const linear_shape *shape, linear **out, spur_error *error)
{
    spur_status status;
    float *weight = NULL, *bias = NULL;
    char full[TENSOR_NAME_SIZE];
    tensor_name(full, "%s.weight", name);
    TRY(weights_take(from, full, &weight, error));
    tensor_name(full, "%s.bias", name);
    TRY(weights_take(from, full, &bias, error));
    TRY(linear_open(on, shape, weight, bias, out, error));
done:
    memory_free(weight);
    memory_free(bias);
    return status;
}

spur_status activation_read(const json_t *object, activation *out, spur_error *error)
{
    static const struct {
        const char *name;
        activation act;
    } known[] = {
        {"quick_gelu", ACTIVATION_QUICK_GELU},
        {"gelu", ACTIVATION_GELU_ERF},
        {"gelu_new", ACTIVATION_GELU_TANH},
        {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    };
    const char *name = NULL;
    spur_status status = json_get_text(object, "hidden_act", SPUR_MODEL, &name, error);
    if (status != SPUR_OK || name == NULL) {
        return status;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            *out = known[i].act;
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_MODEL,
                     "hidden_act '%s' is not supported; expected quick_gelu, gelu, gelu_new "
                     "or gelu_pytorch_tanh",
                     name);
}

/* ---- the stack ----------------------------------------------------------------------- */

/* PREFIX.{i}.PART */
static void part_name(char dst[TENSOR_NAME_SIZE], const transformer_plan *plan, size_t i,
                      const char *part)
{
    tensor_name(dst, "%s.%zu.%s", plan->prefix, i, part);
}

static spur_status attention_expect(weights *from, const transformer_plan *plan, size_t i,
                                    spur_error *error)
{
    spur_status status = SPUR_OK;
    const block_names *names = plan->names;
    const char *const squares[] = {names->out, names->q, names->k, names->v};
    size_t width = plan->shape->width, count = names->qkv == NULL ? 4 : 1;
    char name[TENSOR_NAME_SIZE];
    for (size_t j = 0; j < count; j++) {
        part_name(name, plan, i, squares[j]);
        TRY(linear_expect(from, name, width, width, error));
    }
    if (names->qkv != NULL) {
        part_name(name, plan, i, names->qkv);
        TRY(linear_expect(from, name, width, 3 * width, error));
    }
done:
    return status;
}

spur_status transformer_expect(weights *from, const transformer_plan *plan, spur_error *error)
{
    spur_status status = SPUR_OK;
    const transformer_shape *shape = plan->shape;
    const char *const norms[] = {plan->names->norm1, plan->names->norm2};
    char name[TENSOR_NAME_SIZE];
    for (size_t i = 0; i < shape->layers; i++) {
        TRY(attention_expect(from, plan, i, error));
        for (size_t j = 0; j < 2; j++) {
            part_name(name, plan, i, norms[j]);
            TRY(norm_expect(from, name, shape->width, error));
        }
        part_name(name, plan, i, plan->names->fc1);
        TRY(linear_expect(from, name, shape->width, shape->mlp, error));
        part_name(name, plan, i, plan->names->fc2);
        TRY(linear_expect(from, name, shape->mlp, shape->width, error));
    }
done:
    return status;
}

/* NAME.weight and NAME.bias, `rows` rows of width floats, into given places. */
static spur_status rows_take(const weights *from, const char *name, size_t rows, size_t width,
                             float *weight, float *bias, spur_error *error)
{
    spur_status status;
    float *values = NULL, *offsets = NULL;
    char full[TENSOR_NAME_SIZE];
    tensor_name(full, "%s.weight", name);
    TRY(weights_take(from, full, &values, error));
    tensor_name(full, "%s.bias", name);
    TRY(weights_take(from, full, &offsets, error));
    memcpy(weight, values, rows * width * sizeof *weight);
    memcpy(bias, offsets, rows * sizeof *bias);
done:
    memory_free(values);
    memory_free(offsets);
    return status;
}

static void scale_values(float *values, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++) {
        values[i] *= scale;
    }
}

/* The joint product: q's rows, then k's, then v's; q is scaled here so that attention needs
 * no scale. */
static spur_status qkv_take(engine *on, const weights *from, const transformer *stack,
                            const transformer_plan *plan, size_t i, linear **out,
                            spur_error *error)
{
    spur_status status;
    const block_names *names = plan->names;
    const char *const parts[] = {names->q, names->k, names->v};
    size_t width = stack->shape.width;
    float *weight = NULL, *bias = NULL;
    char name[TENSOR_NAME_SIZE];
    TRY(memory_new(3 * width, width * sizeof *weight, &weight, error));
    TRY(memory_new(3 * width, sizeof *bias, &bias, error));
    if (names->qkv != NULL) {
        part_name(name, plan, i, names->qkv);
        TRY(rows_take(from, name, 3 * width, width, weight, bias, error));
    }
    for (size_t j = 0; names->qkv == NULL && j < 3; j++) {
        part_name(name, plan, i, parts[j]);
        TRY(rows_take(from, name, width, width, weight + j * width * width, bias + j * width,
                      error));
    }
    size_t head_size = width / stack->shape.heads;
    float scale = (float)(1 / sqrt((double)head_size));
    scale_values(weight, width * width, scale);
    scale_values(bias, width, scale);
    const linear_shape shape = {.rows = stack->block,
                                .in = width,
                                .out = 3 * width,
                                .src_stride = stack->stride,
                                .dst_stride = stack->qkv_stride};
    TRY(linear_open(on, &shape, weight, bias, out, error));
done:
    memory_free(weight);
    memory_free(bias);
    return status;
}

static spur_status layer_open(engine *on, const weights *from, const transformer *stack,
                              const transformer_plan *plan, size_t i, layer *made,
                              spur_error *error)
{
    spur_status status;
    const transformer_shape *shape = &stack->shape;
    size_t width = shape->width;
    char name[TENSOR_NAME_SIZE];
    part_name(name, plan, i, plan->names->norm1);
    TRY(norm_take(from, name, width, shape->eps, &made->norm1, error));
    part_name(name, plan, i, plan->names->norm2);
    TRY(norm_take(from, name, width, shape->eps, &made->norm2, error));
    TRY(qkv_take(on, from, stack, plan, i, &made->qkv, error));
    const linear_shape out = {stack->block,  width,           width, stack->stride,
                              stack->stride, ACTIVATION_NONE, true};
    part_name(name, plan, i, plan->names->out);
    TRY(linear_take(on, from, name, &out, &made->out, error));
    const linear_shape fc1 = {stack->block,         width,      shape->mlp, stack->stride,
                              stack->hidden_stride, shape->act, false};
    part_name(name, plan, i, plan->names->fc1);
    TRY(linear_take(on, from, name, &fc1, &made->fc1, error));
    const linear_shape fc2 = {stack->block,  shape->mlp,      width, stack->hidden_stride,
                              stack->stride, ACTIVATION_NONE, true};
    part_name(name, plan, i, plan->names->fc2);
    TRY(linear_take(on, from, name, &fc2, &made->fc2, error));
done:
    return status;
}

spur_status transformer_open(engine *on, const weights *from, const transformer_plan *plan,
                             transformer **out, spur_error *error)
{
    spur_status status;
    transformer *made = NULL;
    const transformer_shape *shape = plan->shape;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->stage = plan->names->stage;
    made->tokens = plan->tokens;
    made->seen = plan->seen == 0 ? plan->tokens : plan->seen;
    made->block = block_rows(plan->tokens);
    made->rows = blocks_total(plan->tokens);
    made->stride = row_stride(shape->width);
    made->qkv_stride = row_stride(3 * shape->width);
    made->hidden_stride = row_stride(shape->mlp);
    const attention_shape attend = {plan->tokens,     shape->heads, shape->width / shape->heads,
                                    made->qkv_stride, made->stride, plan->causal};
    TRY(attention_open(on, &attend, &made->attend, error));
    TRY(memory_new_zeroed(shape->layers, sizeof *made->layers, &made->layers, error));
    for (size_t i = 0; i < shape->layers; i++) {
        TRY(layer_open(on, from, made, plan, i, &made->layers[i], error));
    }
    *out = made;
    made = NULL;
done:
    transformer_close(made);
    return status;
}

void transformer_close(transformer *block)
{
    if (block == NULL) {
        return;
    }
    for (size_t i = 0; block->layers != NULL && i < block->shape.layers; i++) {
        layer *one = &block->layers[i];
        norm_free(&one->norm1);
        norm_free(&one->norm2);
        linear_close(one->qkv);
        linear_close(one->out);
        linear_close(one->fc1);
        linear_close(one->fc2);
    }
    memory_free(block->layers);
    attention_close(block->attend);
    memory_free(block);
}

size_t transformer_bytes(const transformer *from)
{
    size_t bytes = 0;
    for (size_t i = 0; i < from->shape.layers; i++) {
        const layer *one = &from->layers[i];
        bytes += linear_bytes(one->qkv) + linear_bytes(one->out) + linear_bytes(one->fc1) +
                 linear_bytes(one->fc2) + 4 * from->shape.width * sizeof(float);
    }
    return bytes;
}

/* Scratch: normed rows of one block, hidden rows of one block, qkv of all rows, attention's
 * output of all rows. */
size_t transformer_scratch(const transformer *from)
{
    return from->block * (from->stride + from->hidden_stride) +
           from->rows * (from->qkv_stride + from->stride);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* x of the first `rows` rows; keys and values are of all. */
/* NOLINTNEXTLINE(readability-function-size): what every step has, and the rows */
static spur_status attention_step(const transformer *from, const layer *one,
                                  engine_worker *worker, float *x, size_t rows, float *scratch,
                                  spur_error *error)
{
    spur_status status = SPUR_OK;
    float *normed = scratch;
    float *qkv = normed + from->block * (from->stride + from->hidden_stride);
    float *attended = qkv + from->rows * from->qkv_stride;
    for (size_t row = 0; row < from->rows; row += from->block) {
        norm_run(&one->norm1, x + row * from->stride, from->stride, from->block, normed,
                 from->stride);
        TRY(linear_run(one->qkv, worker, normed, qkv + row * from->qkv_stride, error));
    }
    TRY(attention_run(from->attend, worker, qkv, smaller(rows, from->tokens), attended, error));
    for (size_t row = 0; row < rows; row += from->block) {
        TRY(linear_run_some(one->out, worker, attended + row * from->stride, rows - row,
                            x + row * from->stride, error));
    }
done:
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): what every step has, and the rows */
static spur_status mlp_step(const transformer *from, const layer *one, engine_worker *worker,
                            float *x, size_t rows, float *scratch, spur_error *error)
{
    spur_status status = SPUR_OK;
    float *normed = scratch;
    float *hidden = normed + from->block * from->stride;
    for (size_t row = 0; row < rows; row += from->block) {
        float *block = x + row * from->stride;
        size_t count = smaller(rows - row, from->block);
        norm_run(&one->norm2, block, from->stride, count, normed, from->stride);
        TRY(linear_run_some(one->fc1, worker, normed, count, hidden, error));
        TRY(linear_run_some(one->fc2, worker, hidden, count, block, error));
    }
done:
    return status;
}

void watch_show(const tower_watch *watch, const char *stage, const float *rows, size_t count,
                size_t width, size_t stride)
{
    if (watch != NULL && watch->show != NULL) {
        watch->show(watch->context, stage, rows, count, width, stride);
    }
}

static spur_status watch_check(const tower_watch *watch, spur_error *error)
{
    if (watch != NULL && watch->cancelled != NULL && atomic_load(watch->cancelled)) {
        return error_set(error, SPUR_INTERRUPTED, "interrupted inside a network");
    }
    return SPUR_OK;
}

/* Attention's rows behind the last token are never written by it; they must be numbers. */
static void padding_clear(const transformer *from, float *scratch)
{
    float *attended = scratch + from->block * (from->stride + from->hidden_stride) +
                      from->rows * from->qkv_stride;
    memset(attended + from->tokens * from->stride, 0,
           (from->rows - from->tokens) * from->stride * sizeof *attended);
}

spur_status transformer_run(const transformer *from, engine_worker *worker, float *x,
                            size_t images, float *scratch, const tower_watch *watch,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t floats = from->rows * from->stride;
    bool is_shown = watch != NULL && watch->show != NULL;
    padding_clear(from, scratch);
    for (size_t i = 0; i < from->shape.layers; i++) {
        const layer *one = &from->layers[i];
        bool is_whole = is_shown || i + 1 < from->shape.layers || from->seen == from->tokens;
        size_t made = is_whole ? from->rows : from->seen;
        char stage[TENSOR_NAME_SIZE];
        tensor_name(stage, "%s%zu", from->stage, i);
        for (size_t image = 0; image < images; image++) {
            TRY(watch_check(watch, error));
            TRY(attention_step(from, one, worker, x + image * floats, made, scratch, error));
        }
        for (size_t image = 0; image < images; image++) {
            float *rows = x + image * floats;
            TRY(watch_check(watch, error));
            TRY(mlp_step(from, one, worker, rows, made, scratch, error));
            watch_show(watch, stage, rows, from->tokens, from->shape.width, from->stride);
        }
    }
done:
    return status;
}
