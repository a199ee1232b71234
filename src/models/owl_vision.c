/*
 * owl_vision.c - the vision tower of OWL-ViT and OWLv2.
 */
#include "models/owl_vision.h"

#include <string.h>

#include "base/memory.h"
#include "nn/patches.h"
#include "nn/rows.h"

struct owl_vision {
    transformer_shape tower;
    size_t side, patch, patches;
    size_t tokens, rows; /* rows: of the token buffer, with padding */
    size_t stride, pixel_stride;
    size_t patch_block; /* rows of one product of the patch embedding */
    linear *embed;      /* [W, 3 p p], no bias */
    float *first;       /* class embedding + position 0, [W] */
    float *position;    /* of the patches, [P + 1, W]; row 0 is in `first` */
    norm before, after, merged;
    transformer *body;
};

static void vision_name(char dst[TENSOR_NAME_SIZE], const owl_config *config, const char *name)
{
    tensor_name(dst, "%s.%s", config->is_v2 ? "owlv2" : "owlvit", name);
}

static size_t patch_count(const owl_config *config)
{
    return (config->side / config->patch) * (config->side / config->patch);
}

static transformer_plan vision_body(const char *prefix, const owl_config *config)
{
    return (transformer_plan){
        prefix, &owl_block_names, &config->vision, patch_count(config) + 1, 0, false};
}

spur_status owl_vision_expect(weights *from, const owl_config *config, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    size_t width = config->vision.width;
    const size_t patch[4] = {width, 3, config->patch, config->patch};
    const size_t position[2] = {patch_count(config) + 1, width};
    vision_name(name, config, "vision_model.embeddings.class_embedding");
    TRY(weights_expect(from, name, 1, &width, error));
    vision_name(name, config, "vision_model.embeddings.patch_embedding.weight");
    TRY(weights_expect(from, name, 4, patch, error));
    vision_name(name, config, "vision_model.embeddings.position_embedding.weight");
    TRY(weights_expect(from, name, 2, position, error));
    vision_name(name, config, "vision_model.pre_layernorm");
    TRY(norm_expect(from, name, width, error));
    vision_name(name, config, "vision_model.post_layernorm");
    TRY(norm_expect(from, name, width, error));
    vision_name(name, config, "vision_model.encoder.layers");
    const transformer_plan body = vision_body(name, config);
    TRY(transformer_expect(from, &body, error));
    TRY(norm_expect(from, "layer_norm", width, error));
    vision_name(name, config, "vision_model.embeddings.position_ids");
    weights_ignore(from, name);
done:
    return status;
}

static spur_status embedding_open(engine *on, const weights *from, const owl_config *config,
                                  owl_vision *made, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    float *weight = NULL;
    size_t width = made->tower.width, in = 3 * made->patch * made->patch;
    vision_name(name, config, "vision_model.embeddings.patch_embedding.weight");
    TRY(weights_take(from, name, &weight, error));
    const linear_shape shape = {.rows = made->patch_block,
                                .in = in,
                                .out = width,
                                .src_stride = made->pixel_stride,
                                .dst_stride = made->stride};
    TRY(linear_open(on, &shape, weight, NULL, &made->embed, error));
    vision_name(name, config, "vision_model.embeddings.class_embedding");
    TRY(weights_take(from, name, &made->first, error));
    vision_name(name, config, "vision_model.embeddings.position_embedding.weight");
    TRY(weights_take(from, name, &made->position, error));
    rows_add(made->position, width, 1, width, made->first, width);
done:
    memory_free(weight);
    return status;
}

static void sizes_set(owl_vision *made, const owl_config *config)
{
    made->tower = config->vision;
    made->side = config->side;
    made->patch = config->patch;
    made->patches = patch_count(config);
    made->tokens = made->patches + 1;
    made->stride = row_stride(config->vision.width);
    made->pixel_stride = row_stride(3 * made->patch * made->patch);
    made->patch_block = block_rows(made->patches);
    size_t of_patches = 1 + blocks_total(made->patches), of_tokens = blocks_total(made->tokens);
    made->rows = of_patches > of_tokens ? of_patches : of_tokens;
}

spur_status owl_vision_open(engine *on, const weights *from, const owl_config *config,
                            float merge_eps, owl_vision **out, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    owl_vision *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    sizes_set(made, config);
    size_t width = made->tower.width;
    TRY(embedding_open(on, from, config, made, error));
    vision_name(name, config, "vision_model.pre_layernorm");
    TRY(norm_take(from, name, width, made->tower.eps, &made->before, error));
    vision_name(name, config, "vision_model.post_layernorm");
    TRY(norm_take(from, name, width, made->tower.eps, &made->after, error));
    TRY(norm_take(from, "layer_norm", width, merge_eps, &made->merged, error));
    vision_name(name, config, "vision_model.encoder.layers");
    const transformer_plan body = vision_body(name, config);
    TRY(transformer_open(on, from, &body, &made->body, error));
    *out = made;
    made = NULL;
done:
    owl_vision_close(made);
    return status;
}

void owl_vision_close(owl_vision *block)
{
    if (block != NULL) {
        linear_close(block->embed);
        memory_free(block->first);
        memory_free(block->position);
        norm_free(&block->before);
        norm_free(&block->after);
        norm_free(&block->merged);
        transformer_close(block->body);
        memory_free(block);
    }
}

size_t owl_vision_bytes(const owl_vision *from)
{
    return linear_bytes(from->embed) + (from->tokens + 7) * from->tower.width * sizeof(float) +
           transformer_bytes(from->body);
}

/* Scratch: the tokens, then what the blocks need or one block of patch pixels. */
size_t owl_vision_scratch(const owl_vision *from)
{
    size_t blocks = transformer_scratch(from->body);
    size_t pixels = from->patch_block * from->pixel_stride;
    return from->rows * from->stride + (blocks > pixels ? blocks : pixels);
}

static spur_status tokens_make(const owl_vision *from, engine_worker *worker,
                               const float *pixels, float *rows, float *x,
                               const tower_watch *watch, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t width = from->tower.width, stride = from->stride;
    memcpy(x, from->first, width * sizeof *x);
    for (size_t n = 0; n < from->patches; n += from->patch_block) {
        patches_gather(pixels, from->side, from->patch, n, from->patch_block, rows,
                       from->pixel_stride);
        TRY(linear_run(from->embed, worker, rows, x + (1 + n) * stride, error));
    }
    watch_show(watch, "patch_embed", x + stride, from->patches, width, stride);
    rows_add(from->position + width, width, from->patches, width, x + stride, stride);
    watch_show(watch, "tokens", x, from->tokens, width, stride);
    memset(x + from->tokens * stride, 0, (from->rows - from->tokens) * stride * sizeof *x);
    norm_run(&from->before, x, stride, from->tokens, x, stride);
    watch_show(watch, "pre_ln", x, from->tokens, width, stride);
done:
    return status;
}

/* map[n] = norm(x[1 + n] * x[0]) of the tokens behind the last norm. */
static void map_merge(const owl_vision *from, float *x, float *map, const tower_watch *watch)
{
    size_t width = from->tower.width, stride = from->stride;
    norm_run(&from->after, x, stride, from->tokens, x, stride);
    watch_show(watch, "post_ln", x, from->tokens, width, stride);
    for (size_t n = 0; n < from->patches; n++) {
        const float *patch = x + (1 + n) * stride;
        float *row = map + n * stride;
        for (size_t i = 0; i < width; i++) {
            row[i] = patch[i] * x[i];
        }
    }
    norm_run(&from->merged, map, stride, from->patches, map, stride);
    watch_show(watch, "merged", map, from->patches, width, stride);
}

spur_status owl_vision_run(const owl_vision *from, engine_worker *worker, const float *pixels,
                           float *scratch, float *map, const tower_watch *watch,
                           spur_error *error)
{
    spur_status status;
    float *x = scratch, *rest = scratch + from->rows * from->stride;
    TRY(tokens_make(from, worker, pixels, rest, x, watch, error));
    TRY(transformer_run(from->body, worker, x, 1, rest, watch, error));
    map_merge(from, x, map, watch);
done:
    return status;
}
