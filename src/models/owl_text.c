/*
 * owl_text.c - the text tower of OWL-ViT and OWLv2, one text a run.
 */
#include "models/owl_text.h"

#include <string.h>

#include "base/memory.h"
#include "nn/rows.h"

struct owl_text {
    transformer_shape tower;
    size_t vocabulary, max_tokens, projection;
    size_t rows, stride;
    float *token;    /* [vocabulary, W] */
    float *position; /* [max_tokens, W] */
    float *project;  /* [projection, W] */
    norm last;
    transformer *body;
};

static void text_name(char dst[TENSOR_NAME_SIZE], const owl_config *config, const char *name)
{
    tensor_name(dst, "%s.%s", config->is_v2 ? "owlv2" : "owlvit", name);
}

static transformer_plan text_body(const char *prefix, const owl_config *config)
{
    return (transformer_plan){prefix, &owl_block_names, &config->text, config->max_tokens, 0,
                              true};
}

spur_status owl_text_expect(weights *from, const owl_config *config, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    size_t width = config->text.width;
    const size_t token[2] = {config->vocabulary, width};
    const size_t position[2] = {config->max_tokens, width};
    const size_t project[2] = {config->projection, width};
    text_name(name, config, "text_model.embeddings.token_embedding.weight");
    TRY(weights_expect(from, name, 2, token, error));
    text_name(name, config, "text_model.embeddings.position_embedding.weight");
    TRY(weights_expect(from, name, 2, position, error));
    text_name(name, config, "text_projection.weight");
    TRY(weights_expect(from, name, 2, project, error));
    text_name(name, config, "text_model.final_layer_norm");
    TRY(norm_expect(from, name, width, error));
    text_name(name, config, "text_model.encoder.layers");
    const transformer_plan body = text_body(name, config);
    TRY(transformer_expect(from, &body, error));
    text_name(name, config, "text_model.embeddings.position_ids");
    weights_ignore(from, name);
done:
    return status;
}

spur_status owl_text_open(engine *on, const weights *from, const owl_config *config,
                          owl_text **out, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    owl_text *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->tower = config->text;
    made->vocabulary = config->vocabulary;
    made->max_tokens = config->max_tokens;
    made->projection = config->projection;
    made->rows = blocks_total(config->max_tokens);
    made->stride = row_stride(config->text.width);
    text_name(name, config, "text_model.embeddings.token_embedding.weight");
    TRY(weights_take(from, name, &made->token, error));
    text_name(name, config, "text_model.embeddings.position_embedding.weight");
    TRY(weights_take(from, name, &made->position, error));
    text_name(name, config, "text_projection.weight");
    TRY(weights_take(from, name, &made->project, error));
    text_name(name, config, "text_model.final_layer_norm");
    TRY(norm_take(from, name, made->tower.width, made->tower.eps, &made->last, error));
    text_name(name, config, "text_model.encoder.layers");
    const transformer_plan body = text_body(name, config);
    TRY(transformer_open(on, from, &body, &made->body, error));
    *out = made;
    made = NULL;
done:
    owl_text_close(made);
    return status;
}

void owl_text_close(owl_text *block)
{
    if (block != NULL) {
        memory_free(block->token);
        memory_free(block->position);
        memory_free(block->project);
        norm_free(&block->last);
        transformer_close(block->body);
        memory_free(block);
    }
}

size_t owl_text_bytes(const owl_text *from)
{
    size_t rows = from->vocabulary + from->max_tokens + from->projection;
    return rows * from->tower.width * sizeof(float) + transformer_bytes(from->body);
}

size_t owl_text_scratch(const owl_text *from)
{
    return from->rows * from->stride + transformer_scratch(from->body);
}

/* x[t] = token[id_t] + position[t]; rows behind the text are zero. */
static void text_embed(const owl_text *from, const int32_t *ids, size_t count, float *x)
{
    size_t width = from->tower.width;
    memset(x, 0, from->rows * from->stride * sizeof *x);
    for (size_t t = 0; t < count; t++) {
        const float *token = from->token + (size_t)ids[t] * width;
        const float *position = from->position + t * width;
        float *row = x + t * from->stride;
        for (size_t i = 0; i < width; i++) {
            row[i] = token[i] + position[i];
        }
    }
}

static size_t first_largest(const int32_t *ids, size_t count)
{
    size_t best = 0;
    for (size_t t = 1; t < count; t++) {
        if (ids[t] > ids[best]) {
            best = t;
        }
    }
    return best;
}

/* NOLINTNEXTLINE(readability-function-size): texts in, rows out, with strides */
spur_status owl_text_run(const owl_text *from, engine_worker *worker, const int32_t *ids,
                         size_t count, float *scratch, float *embed, const tower_watch *watch,
                         spur_error *error)
{
    spur_status status;
    float *x = scratch;
    text_embed(from, ids, count, x);
    TRY(transformer_run(from->body, worker, x, 1, x + from->rows * from->stride, watch, error));
    float *pooled = x + first_largest(ids, count) * from->stride;
    norm_run(&from->last, pooled, from->stride, 1, pooled, from->stride);
    rows_dot(pooled, from->stride, 1, from->project, from->tower.width, from->projection,
             from->tower.width, embed, from->projection);
    watch_show(watch, "pooled", pooled, 1, from->tower.width, from->stride);
    watch_show(watch, "projected", embed, 1, from->projection, from->projection);
    rows_l2_normalise(embed, from->projection, 1, from->projection, 0, embed, from->projection);
done:
    return status;
}
