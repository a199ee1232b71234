/*
 * owl_layout.h - sizes of the OWL-ViT and OWLv2 models and the tensors of their weight files.
 */
#ifndef TEST_OWL_LAYOUT_H
#define TEST_OWL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "io/tensor.h"

typedef struct tower_size {
    size_t width, layers, heads, mlp;
} tower_size;

typedef struct owl_size {
    const char *name;
    bool is_v2;
    size_t side, patch, projection;
    tower_size text, vision;
    size_t stated_text_heads; /* what config.json says; wrong in one published file */
} owl_size;

/* Known models; NULL name behind the last. */
extern const owl_size owl_sizes[];

const owl_size *owl_size_find(const char *name);
const owl_size *owl_size_tiny(bool is_v2);

/* The tensors of a model with `vocabulary` token ids: names and shapes, all F32, no data.
 * Lives in `owner`. */
spur_status owl_layout_make(const owl_size *size, size_t vocabulary, arena *owner,
                            tensor_out **tensors, size_t *count,
                            spur_error *error) SPUR_MUST_USE;

#endif
