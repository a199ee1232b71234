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
    owl_tower tower;
    size_t tokens, rows, block;
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

/* ---- the stack ----------------------------------------------------------------------- */

spur_status transformer_expect(weights *from, const char *prefix, const owl_tower *tower,
                               spur_error *error)
{
    static const char *const squares[] = {"q_proj", "k_proj", "v_proj", "out_proj"};
    static const char *const norms[] = {"layer_norm1", "layer_norm2"};
    spur_status status = SPUR_OK;
    char name[TENSOR_NAME_SIZE];
    size_t width = tower->width;
    for (size_t i = 0; i < tower->layers; i++) {
        for (size_t j = 0; j < 4; j++) {
            tensor_name(name, "%s.%zu.self_attn.%s", prefix, i, squares[j]);
            TRY(linear_expect(from, name, width, width, error));
        }
        for (size_t j = 0; j < 2; j++) {
            tensor_name(name, "%s.%zu.%s", prefix, i, norms[j]);
            TRY(norm_expect(from, name, width, error));
        }
        tensor_name(name, "%s.%zu.mlp.fc1", prefix, i);
        TRY(linear_expect(from, name, width, tower->mlp, error));
        tensor_name(name, "%s.%zu.mlp.fc2", prefix, i);
        TRY(linear_expect(from, name, tower->mlp, width, error));
    }
done:
    return status;
}

/* Puts the weight and bias of one of q, k, v into the rows of the joint product; q is scaled
 * here so that attention needs no scale. */
static spur_status projection_take(const weights *from, const char *name, size_t width,
                                   float scale, float *weight, float *bias, spur_error *error)
{
    spur_status status;
    float *values = NULL, *offsets = NULL;
    char full[TENSOR_NAME_SIZE];
    tensor_name(full, "%s.weight", name);
    TRY(weights_take(from, full, &values, error));
    tensor_name(full, "%s.bias", name);
    TRY(weights_take(from, full, &offsets, error));
    for (size_t i = 0; i < width * width; i++) {
        weight[i] = values[i] * scale;
    }
    for (size_t i = 0; i < width; i++) {
        bias[i] = offsets[i] * scale;
    }
done:
    memory_free(values);
    memory_free(offsets);
    return status;
}

static spur_status qkv_take(engine *on, const weights *from, const transformer *stack,
                            const char *prefix, linear **out, spur_error *error)
{
    static const char *const names[] = {"q_proj", "k_proj", "v_proj"};
    spur_status status;
    size_t width = stack->tower.width;
    size_t head_width = width / stack->tower.heads;
    float *weight = NULL, *bias = NULL;
    TRY(memory_new(3 * width, width * sizeof *weight, &weight, error));
    TRY(memory_new(3 * width, sizeof *bias, &bias, error));
    for (size_t i = 0; i < 3; i++) {
        char name[TENSOR_NAME_SIZE];
        float scale = i == 0 ? (float)(1 / sqrt((double)head_width)) : 1.0F;
        tensor_name(name, "%s.self_attn.%s", prefix, names[i]);
        TRY(projection_take(from, name, width, scale, weight + i * width * width,
                            bias + i * width, error));
    }
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
                              const char *prefix, layer *made, spur_error *error)
{
    spur_status status;
    const owl_tower *tower = &stack->tower;
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.layer_norm1", prefix);
    TRY(norm_take(from, name, tower->width, tower->eps, &made->norm1, error));
    tensor_name(name, "%s.layer_norm2", prefix);
    TRY(norm_take(from, name, tower->width, tower->eps, &made->norm2, error));
    TRY(qkv_take(on, from, stack, prefix, &made->qkv, error));
    const linear_shape out = {stack->block,  tower->width,    tower->width, stack->stride,
                              stack->stride, ACTIVATION_NONE, true};
    tensor_name(name, "%s.self_attn.out_proj", prefix);
    TRY(linear_take(on, from, name, &out, &made->out, error));
    const linear_shape fc1 = {stack->block,         tower->width, tower->mlp, stack->stride,
                              stack->hidden_stride, tower->act,   false};
    tensor_name(name, "%s.mlp.fc1", prefix);
    TRY(linear_take(on, from, name, &fc1, &made->fc1, error));
    const linear_shape fc2 = {
        stack->block,  tower->mlp,      tower->width, stack->hidden_stride,
        stack->stride, ACTIVATION_NONE, true};
    tensor_name(name, "%s.mlp.fc2", prefix);
    TRY(linear_take(on, from, name, &fc2, &made->fc2, error));
done:
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): names, shape, engine, error */
spur_status transformer_open(engine *on, const weights *from, const char *prefix,
                             const owl_tower *tower, size_t tokens, bool causal,
                             transformer **out, spur_error *error)
{
    spur_status status;
    transformer *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->tower = *tower;
    made->tokens = tokens;
    made->block = block_rows(tokens);
    made->rows = blocks_total(tokens);
    made->stride = row_stride(tower->width);
    made->qkv_stride = row_stride(3 * tower->width);
    made->hidden_stride = row_stride(tower->mlp);
    const attention_shape shape = {tokens,           tower->heads, tower->width / tower->heads,
                                   made->qkv_stride, made->stride, causal};
    TRY(attention_open(on, &shape, &made->attend, error));
    TRY(memory_new_zeroed(tower->layers, sizeof *made->layers, &made->layers, error));
    for (size_t i = 0; i < tower->layers; i++) {
        char name[TENSOR_NAME_SIZE];
        tensor_name(name, "%s.%zu", prefix, i);
        TRY(layer_open(on, from, made, name, &made->layers[i], error));
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
    for (size_t i = 0; block->layers != NULL && i < block->tower.layers; i++) {
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
    for (size_t i = 0; i < from->tower.layers; i++) {
        const layer *one = &from->layers[i];
        bytes += linear_bytes(one->qkv) + linear_bytes(one->out) + linear_bytes(one->fc1) +
                 linear_bytes(one->fc2) + 4 * from->tower.width * sizeof(float);
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

static spur_status attention_step(const transformer *from, const layer *one,
                                  engine_worker *worker, float *x, float *scratch,
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
    TRY(attention_run(from->attend, worker, qkv, attended, error));
    for (size_t row = 0; row < from->rows; row += from->block) {
        TRY(linear_run(one->out, worker, attended + row * from->stride, x + row * from->stride,
                       error));
    }
done:
    return status;
}

static spur_status mlp_step(const transformer *from, const layer *one, engine_worker *worker,
                            float *x, float *scratch, spur_error *error)
{
    spur_status status = SPUR_OK;
    float *normed = scratch;
    float *hidden = normed + from->block * from->stride;
    for (size_t row = 0; row < from->rows; row += from->block) {
        float *rows = x + row * from->stride;
        norm_run(&one->norm2, rows, from->stride, from->block, normed, from->stride);
        TRY(linear_run(one->fc1, worker, normed, hidden, error));
        TRY(linear_run(one->fc2, worker, hidden, rows, error));
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

spur_status transformer_run(const transformer *from, engine_worker *worker, float *x,
                            float *scratch, const tower_watch *watch, spur_error *error)
{
    spur_status status = SPUR_OK;
    float *attended = scratch + from->block * (from->stride + from->hidden_stride) +
                      from->rows * from->qkv_stride;
    memset(attended + from->tokens * from->stride, 0,
           (from->rows - from->tokens) * from->stride * sizeof *attended);
    for (size_t i = 0; i < from->tower.layers; i++) {
        char stage[TENSOR_NAME_SIZE];
        TRY(watch_check(watch, error));
        TRY(attention_step(from, &from->layers[i], worker, x, scratch, error));
        TRY(watch_check(watch, error));
        TRY(mlp_step(from, &from->layers[i], worker, x, scratch, error));
        tensor_name(stage, "layer%zu", i);
        watch_show(watch, stage, x, from->tokens, from->tower.width, from->stride);
    }
done:
    return status;
}
