/*
 * owl_layout.c - the table of tensors, tower by tower; Letters: Dt, Dv widths of the towers.
 */
#include "owl_layout.h"

#include <stdio.h>
#include <string.h>

enum {
    TEXT_POSITIONS = 16,
    MAX_NAME = 128,
    LAYER_TENSORS = 16
};

const owl_size owl_sizes[] = {
    {"owlvit-base-patch32", false, 768, 32, 512, {512, 12, 8, 2048}, {768, 12, 12, 3072}, 8},
    {"owlvit-base-patch16", false, 768, 16, 512, {512, 12, 8, 2048}, {768, 12, 12, 3072}, 8},
    {"owlvit-large-patch14",
     false,
     840,
     14,
     768,
     {768, 12, 12, 3072},
     {1024, 24, 16, 4096},
     16},
    {"owlv2-base-patch16-ensemble",
     true,
     960,
     16,
     512,
     {512, 12, 8, 2048},
     {768, 12, 12, 3072},
     8},
    {"owlv2-large-patch14-ensemble",
     true,
     1008,
     14,
     768,
     {768, 12, 12, 3072},
     {1024, 24, 16, 4096},
     12},
    {"tiny-owlvit", false, 40, 8, 32, {32, 2, 4, 56}, {48, 2, 3, 72}, 4},
    {"tiny-owlv2", true, 48, 8, 24, {24, 2, 3, 56}, {32, 3, 4, 80}, 3},
    {NULL, false, 0, 0, 0, {0, 0, 0, 0}, {0, 0, 0, 0}, 0},
};

const owl_size *owl_size_find(const char *name)
{
    for (const owl_size *size = owl_sizes; size->name != NULL; size++) {
        if (strcmp(size->name, name) == 0) {
            return size;
        }
    }
    return NULL;
}

const owl_size *owl_size_tiny(bool is_v2)
{
    return owl_size_find(is_v2 ? "tiny-owlv2" : "tiny-owlvit");
}

typedef struct layout {
    arena *owner;
    tensor_out *tensors;
    size_t count, capacity;
    char prefix[MAX_NAME]; /* put before every name */
} layout;

/* A tensor of up to two axes; 0 ends the shape. */
static spur_status add(layout *into, const char *name, size_t rows, size_t columns,
                       spur_error *error)
{
    char full[2 * MAX_NAME];
    char *kept = NULL;
    size_t *shape = NULL;
    spur_status status;
    int length = snprintf(full, sizeof full, "%s%s", into->prefix, name);
    if (length < 0 || into->count == into->capacity) {
        FAIL(SPUR_INTERNAL, "too many tensors");
    }
    TRY(arena_text(into->owner, full, (size_t)length, &kept, error));
    TRY(arena_take(into->owner, 4, sizeof *shape, &shape, error));
    shape[0] = rows;
    shape[1] = columns;
    into->tensors[into->count++] = (tensor_out){
        kept, TENSOR_F32, (rows > 0 ? 1u : 0u) + (columns > 0 ? 1u : 0u), shape, NULL};
done:
    return status;
}

/* weight [out, in] and bias [out]. */
static spur_status add_linear(layout *into, const char *name, size_t out, size_t in,
                              spur_error *error)
{
    char full[MAX_NAME];
    spur_status status;
    (void)snprintf(full, sizeof full, "%s.weight", name);
    TRY(add(into, full, out, in, error));
    (void)snprintf(full, sizeof full, "%s.bias", name);
    TRY(add(into, full, out, 0, error));
done:
    return status;
}

/* A LayerNorm's weight and bias. */
static spur_status add_norm(layout *into, const char *name, size_t width, spur_error *error)
{
    return add_linear(into, name, width, 0, error);
}

static spur_status add_layer(layout *into, const tower_size *size, spur_error *error)
{
    static const char *const projections[] = {"self_attn.q_proj", "self_attn.k_proj",
                                              "self_attn.v_proj", "self_attn.out_proj"};
    spur_status status;
    for (size_t k = 0; k < 4; k++) {
        TRY(add_linear(into, projections[k], size->width, size->width, error));
    }
    TRY(add_norm(into, "layer_norm1", size->width, error));
    TRY(add_norm(into, "layer_norm2", size->width, error));
    TRY(add_linear(into, "mlp.fc1", size->mlp, size->width, error));
    TRY(add_linear(into, "mlp.fc2", size->width, size->mlp, error));
done:
    return status;
}

static spur_status add_layers(layout *into, const char *base, const char *tower,
                              const tower_size *size, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t k = 0; k < size->layers; k++) {
        (void)snprintf(into->prefix, sizeof into->prefix, "%s%s.encoder.layers.%zu.", base,
                       tower, k);
        TRY(add_layer(into, size, error));
    }
done:
    return status;
}

static spur_status add_text_tower(layout *into, const char *base, const owl_size *size,
                                  size_t vocabulary, spur_error *error)
{
    spur_status status;
    TRY(add_layers(into, base, "text_model", &size->text, error));
    (void)snprintf(into->prefix, sizeof into->prefix, "%s", base);
    TRY(add(into, "text_model.embeddings.token_embedding.weight", vocabulary, size->text.width,
            error));
    TRY(add(into, "text_model.embeddings.position_embedding.weight", TEXT_POSITIONS,
            size->text.width, error));
    TRY(add_norm(into, "text_model.final_layer_norm", size->text.width, error));
    TRY(add(into, "text_projection.weight", size->projection, size->text.width, error));
done:
    return status;
}

static spur_status add_vision_tower(layout *into, const char *base, const owl_size *size,
                                    spur_error *error)
{
    const size_t grid = size->side / size->patch, width = size->vision.width;
    spur_status status;
    TRY(add_layers(into, base, "vision_model", &size->vision, error));
    (void)snprintf(into->prefix, sizeof into->prefix, "%s", base);
    TRY(add(into, "vision_model.embeddings.class_embedding", width, 0, error));
    TRY(add(into, "vision_model.embeddings.patch_embedding.weight", width, 3, error));
    tensor_out *patches = &into->tensors[into->count - 1];
    size_t shape[] = {width, 3, size->patch, size->patch}, *kept = NULL;
    TRY(arena_take(into->owner, 4, sizeof *kept, &kept, error));
    memcpy(kept, shape, sizeof shape);
    patches->shape = kept;
    patches->rank = 4;
    TRY(add(into, "vision_model.embeddings.position_embedding.weight", grid * grid + 1, width,
            error));
    TRY(add_norm(into, "vision_model.pre_layernorm", width, error));
    TRY(add_norm(into, "vision_model.post_layernorm", width, error));
    TRY(add(into, "visual_projection.weight", size->projection, width, error));
    TRY(add(into, "logit_scale", 0, 0, error));
done:
    return status;
}

/* Three layers; the last has `outputs` rows. */
static spur_status add_box_like_head(layout *into, const char *name, size_t width,
                                     size_t outputs, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t k = 0; k < 3; k++) {
        char full[MAX_NAME];
        (void)snprintf(full, sizeof full, "%s.dense%zu", name, k);
        TRY(add_linear(into, full, k < 2 ? width : outputs, width, error));
    }
done:
    return status;
}

static spur_status add_heads(layout *into, const owl_size *size, spur_error *error)
{
    const size_t width = size->vision.width;
    spur_status status;
    into->prefix[0] = '\0';
    TRY(add_norm(into, "layer_norm", width, error));
    TRY(add_linear(into, "class_head.dense0", size->text.width, width, error));
    TRY(add_linear(into, "class_head.logit_shift", 1, width, error));
    TRY(add_linear(into, "class_head.logit_scale", 1, width, error));
    TRY(add_box_like_head(into, "box_head", width, 4, error));
    if (size->is_v2) {
        TRY(add_box_like_head(into, "objectness_head", width, 1, error));
    }
done:
    return status;
}

spur_status owl_layout_make(const owl_size *size, size_t vocabulary, arena *owner,
                            tensor_out **tensors, size_t *count, spur_error *error)
{
    const char *base = size->is_v2 ? "owlv2." : "owlvit.";
    layout made = {.owner = owner,
                   .capacity = LAYER_TENSORS * (size->text.layers + size->vision.layers) + 40};
    spur_status status;
    TRY(arena_take(owner, made.capacity, sizeof *made.tensors, &made.tensors, error));
    TRY(add_text_tower(&made, base, size, vocabulary, error));
    TRY(add_vision_tower(&made, base, size, error));
    TRY(add_heads(&made, size, error));
    *tensors = made.tensors;
    *count = made.count;
done:
    return status;
}
