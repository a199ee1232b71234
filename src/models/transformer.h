/*
 * transformer.h - a stack of pre-norm blocks, the body of every tower.
 *
 *     x += out(attention(qkv(norm1 x)));  x += fc2(act(fc1(norm2 x)))
 *
 * x is [rows, W] with row stride `stride`; rows >= tokens is a multiple of the block of rows
 * that every product works on, so that the rows behind the last token are only padding.
 */
#ifndef MODELS_TRANSFORMER_H
#define MODELS_TRANSFORMER_H

#include <stdatomic.h>

#include "io/json.h"
#include "models/weights.h"
#include "nn/attention.h"
#include "nn/linear.h"

/* One tower's sizes. */
typedef struct transformer_shape {
    size_t width, layers, heads, mlp;
    activation act;
    float eps; /* of its layer norms */
} transformer_shape;

/* A family's names for the parts of block i, behind "PREFIX.{i}."; `qkv` is NULL where q, k
 * and v stand apart. stage: what a watch is told ("layer": "layer0", "layer1" ...). */
typedef struct block_names {
    const char *norm1, *norm2, *qkv, *q, *k, *v, *out, *fc1, *fc2, *stage;
} block_names;

/* A stack as a file holds it. */
typedef struct transformer_plan {
    const char *prefix;
    const block_names *names;
    const transformer_shape *shape;
    size_t tokens;
    size_t seen; /* the last block makes only the first so many tokens; 0: all */
    bool causal; /* token t sees tokens 0 .. t */
} transformer_plan;

/* A row stride for `width` floats: whole vectors, and never a multiple of 4 KiB (such rows
 * share one set of the first-level cache). */
size_t row_stride(size_t width);
/* How many rows a block of a [tokens, ...] product holds, and all blocks together. */
size_t block_rows(size_t tokens);
size_t blocks_total(size_t tokens);

typedef struct transformer transformer;

/* Who looks on while a tower runs. show (may be NULL): sees the rows of every stage ("tokens",
 * "layer0" ...), for parity tests. cancelled (may be NULL): once true, the run ends with
 * SPUR_INTERRUPTED at the next half layer. A NULL watch is nobody. */
typedef struct tower_watch {
    void *context;
    void (*show)(void *context, const char *stage, const float *rows, size_t count,
                 size_t width, size_t stride);
    const atomic_bool *cancelled;
} tower_watch;
void watch_show(const tower_watch *watch, const char *stage, const float *rows, size_t count,
                size_t width, size_t stride);

/* Declares the tensors of every block. */
spur_status transformer_expect(weights *from, const transformer_plan *plan,
                               spur_error *error) SPUR_MUST_USE;
spur_status transformer_open(engine *on, const weights *from, const transformer_plan *plan,
                             transformer **out, spur_error *error) SPUR_MUST_USE;
void transformer_close(transformer *block);
size_t transformer_bytes(const transformer *from);
/* Floats of scratch a run needs. */
size_t transformer_scratch(const transformer *from);

/* In place; x holds blocks_total(tokens) rows of row_stride(width) floats per image. A block's
 * weights are used for all images before the next block's; the bits of an image do not depend
 * on the others. With a plan's `seen`, rows behind it are undefined at the end, unless a watch
 * is shown the stages. */
spur_status transformer_run(const transformer *from, engine_worker *worker, float *x,
                            size_t images, float *scratch, const tower_watch *watch,
                            spur_error *error) SPUR_MUST_USE;

/* hidden_act of a config.json; a missing one leaves *out. */
spur_status activation_read(const json_t *object, activation *out,
                            spur_error *error) SPUR_MUST_USE;

/* ---- shared by the towers and heads: single pieces by name ---------------------------- */

/* A layer norm's weight and bias. */
typedef struct norm {
    float *weight, *bias;
    size_t width;
    float eps;
} norm;

spur_status norm_expect(weights *from, const char *name, size_t width,
                        spur_error *error) SPUR_MUST_USE;
spur_status norm_take(const weights *from, const char *name, size_t width, float eps, norm *out,
                      spur_error *error) SPUR_MUST_USE;
void norm_free(norm *block);
void norm_run(const norm *from, const float *src, size_t src_stride, size_t rows, float *dst,
              size_t dst_stride);

/* NAME.weight [out, in] and NAME.bias [out]. */
spur_status linear_expect(weights *from, const char *name, size_t in, size_t out,
                          spur_error *error) SPUR_MUST_USE;
/* Takes NAME.weight (and .bias) and packs them; shape->rows etc. as in linear_open. */
spur_status linear_take(engine *on, const weights *from, const char *name,
                        const linear_shape *shape, linear **out,
                        spur_error *error) SPUR_MUST_USE;

/* "A.B" into a block of the caller's. */
enum {
    TENSOR_NAME_SIZE = 256
};
void tensor_name(char dst[TENSOR_NAME_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);

#endif
