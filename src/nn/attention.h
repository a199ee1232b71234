/*
 * attention.h - multi-head attention over packed q, k, v; tiled, running softmax.
 *
 * For each head h (size d): softmax(Q K^T) V with q already scaled by d^-1/2 (the scale is
 * folded into the weights when packing). Never holds a T x T matrix for all heads.
 */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include <stdbool.h>

#include "nn/engine.h"

typedef struct attention_shape {
    size_t tokens, heads, head_size;
    size_t src_stride; /* floats between tokens in qkv; >= 3 heads head_size */
    size_t dst_stride;
    bool causal; /* token t sees tokens 0..t */
} attention_shape;

typedef struct attention attention;

spur_status attention_open(engine *on, const attention_shape *shape, attention **out,
                           spur_error *error) SPUR_MUST_USE;
void attention_close(attention *block);
/* qkv [tokens, 3 * heads * head_size] (q of all heads, then k, then v), dst [queries, heads *
 * head_size]: of the first `queries` tokens, at most all. */
spur_status attention_run(const attention *from, engine_worker *worker, const float *qkv,
                          size_t queries, float *dst, spur_error *error) SPUR_MUST_USE;

#endif
