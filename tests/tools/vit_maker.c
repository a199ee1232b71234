/*
 * vit_maker.c - the tensors of a ViT, block by block, filled by weights_by_name.
 */
#include "vit_maker.h"

#include <stdio.h>
#include <string.h>

#include "models/transformer.h"
#include "named_tensors.h"

enum {
    SPARE = 2,
    OUTER_TENSORS = 12,
    BLOCK_TENSORS = 16
};

bool vit_sizes_find(const char *name, vit_sizes *out)
{
    static const struct {
        const char *size;
        size_t width, layers, heads;
    } known[] = {{"tiny", 192, 12, 3},
                 {"small", 384, 12, 6},
                 {"base", 768, 12, 12},
                 {"large", 1024, 24, 16}};
    char full[64];
    for (size_t i = 0; i < 2 * sizeof known / sizeof known[0]; i++) {
        size_t at = i / 2, width = known[at].width;
        bool distilled = i % 2 == 1;
        (void)snprintf(full, sizeof full, "deit_%s%s_patch16_224", known[at].size,
                       distilled ? "_distilled" : "");
        if (strcmp(full, name) == 0) {
            *out = (vit_sizes){
                width, known[at].layers, known[at].heads, 4 * width, 16, 224, 1000, distilled,
                NULL};
            return true;
        }
    }
    return false;
}

/* NAME.weight [out, in] (a vector when in is 0) and NAME.bias [out]. */
static spur_status add_pair(named_tensors *into, const char *part, size_t out, size_t in,
                            spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    const size_t shape[2] = {out, in};
    tensor_name(name, "%s.weight", part);
    TRY(named_tensors_add(into, name, in == 0 ? 1 : 2, shape, error));
    tensor_name(name, "%s.bias", part);
    TRY(named_tensors_add(into, name, 1, shape, error));
done:
    return status;
}

/* PREFIX.PART, or PART alone without a prefix. */
static void outer_name(char dst[TENSOR_NAME_SIZE], const vit_sizes *sizes, const char *timm,
                       const char *face)
{
    if (sizes->prefix == NULL) {
        tensor_name(dst, "%s", timm);
    } else {
        tensor_name(dst, "%s.%s", sizes->prefix, face);
    }
}

static spur_status add_embeddings(named_tensors *into, const vit_sizes *sizes,
                                  spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    size_t width = sizes->width, grid = sizes->side / sizes->patch;
    const size_t token[3] = {1, 1, width};
    const size_t positions[3] = {1, grid * grid + (sizes->is_distilled ? 2 : 1), width};
    const size_t patch[4] = {width, 3, sizes->patch, sizes->patch};
    outer_name(name, sizes, "cls_token", "embeddings.cls_token");
    TRY(named_tensors_add(into, name, 3, token, error));
    if (sizes->is_distilled) {
        outer_name(name, sizes, "dist_token", "embeddings.distillation_token");
        TRY(named_tensors_add(into, name, 3, token, error));
    }
    outer_name(name, sizes, "pos_embed", "embeddings.position_embeddings");
    TRY(named_tensors_add(into, name, 3, positions, error));
    outer_name(name, sizes, "patch_embed.proj.weight",
               "embeddings.patch_embeddings.projection.weight");
    TRY(named_tensors_add(into, name, 4, patch, error));
    outer_name(name, sizes, "patch_embed.proj.bias",
               "embeddings.patch_embeddings.projection.bias");
    TRY(named_tensors_add(into, name, 1, patch, error));
done:
    return status;
}

/* One part of a block: its names, and its sizes in widths and hidden widths. */
typedef struct block_part {
    const char *timm, *face;
    size_t out, in;
} block_part;

static spur_status add_block(named_tensors *into, const vit_sizes *sizes, size_t i,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t width = sizes->width, mlp = sizes->mlp;
    const block_part parts[] = {
        {"norm1", "layernorm_before", width, 0},
        {"attn.qkv", NULL, 3 * width, width},
        {NULL, "attention.attention.query", width, width},
        {NULL, "attention.attention.key", width, width},
        {NULL, "attention.attention.value", width, width},
        {"attn.proj", "attention.output.dense", width, width},
        {"norm2", "layernorm_after", width, 0},
        {"mlp.fc1", "intermediate.dense", mlp, width},
        {"mlp.fc2", "output.dense", width, mlp},
    };
    for (size_t j = 0; j < sizeof parts / sizeof parts[0]; j++) {
        char name[TENSOR_NAME_SIZE];
        const char *part = sizes->prefix == NULL ? parts[j].timm : parts[j].face;
        if (part == NULL) {
            continue;
        }
        if (sizes->prefix == NULL) {
            tensor_name(name, "blocks.%zu.%s", i, part);
        } else {
            tensor_name(name, "%s.encoder.layer.%zu.%s", sizes->prefix, i, part);
        }
        TRY(add_pair(into, name, parts[j].out, parts[j].in, error));
    }
done:
    return status;
}

static spur_status add_heads(named_tensors *into, const vit_sizes *sizes, spur_error *error)
{
    spur_status status;
    bool is_timm = sizes->prefix == NULL, two = sizes->is_distilled;
    const char *face = two ? "cls_classifier" : "classifier";
    TRY(add_pair(into, is_timm ? "head" : face, sizes->classes, sizes->width, error));
    if (two) {
        TRY(add_pair(into, is_timm ? "head_dist" : "distillation_classifier", sizes->classes,
                     sizes->width, error));
    }
done:
    return status;
}

spur_status vit_tensors_make(const vit_sizes *sizes, const char *salt, arena *owner,
                             tensor_out **tensors, size_t *count, spur_error *error)
{
    spur_status status;
    named_tensors into = {salt, owner, NULL, 0};
    char name[TENSOR_NAME_SIZE];
    TRY(arena_take(owner, OUTER_TENSORS + sizes->layers * BLOCK_TENSORS + SPARE,
                   sizeof *into.tensors, &into.tensors, error));
    TRY(add_embeddings(&into, sizes, error));
    for (size_t i = 0; i < sizes->layers; i++) {
        TRY(add_block(&into, sizes, i, error));
    }
    outer_name(name, sizes, "norm", "layernorm");
    TRY(add_pair(&into, name, sizes->width, 0, error));
    TRY(add_heads(&into, sizes, error));
    *tensors = into.tensors;
    *count = into.count;
done:
    return status;
}

/* ---- folders ----------------------------------------------------------------------------- */

static spur_status timm_config(const vit_sizes *sizes, const char *folder, spur_error *error)
{
    spur_status status;
    text_buffer text = {NULL, 0, 0};
    TRY(text_format(&text, error,
                    "{\n \"architecture\": \"%s\",\n \"num_classes\": %zu,\n"
                    " \"global_pool\": \"token\",\n \"model_args\": {\"num_heads\": %zu},\n"
                    " \"pretrained_cfg\": {\n  \"input_size\": [3, %zu, %zu],\n"
                    "  \"interpolation\": \"bicubic\",\n  \"crop_pct\": 0.9,\n"
                    "  \"crop_mode\": \"center\",\n  \"mean\": [0.485, 0.456, 0.406],\n"
                    "  \"std\": [0.229, 0.224, 0.225]\n }\n}\n",
                    sizes->is_distilled ? "deit_distilled" : "deit", sizes->classes,
                    sizes->heads, sizes->side, sizes->side));
    TRY(model_text_write(folder, "config.json", &text, error));
done:
    text_buffer_free(&text);
    return status;
}

static spur_status face_config(const vit_sizes *sizes, const char *folder, spur_error *error)
{
    spur_status status;
    text_buffer text = {NULL, 0, 0}, recipe = {NULL, 0, 0};
    TRY(text_format(&text, error,
                    "{\n \"model_type\": \"%s\",\n \"hidden_size\": %zu,\n"
                    " \"num_hidden_layers\": %zu,\n \"num_attention_heads\": %zu,\n"
                    " \"intermediate_size\": %zu,\n \"image_size\": %zu,\n"
                    " \"patch_size\": %zu,\n \"hidden_act\": \"gelu\"\n}\n",
                    sizes->prefix, sizes->width, sizes->layers, sizes->heads, sizes->mlp,
                    sizes->side, sizes->patch));
    TRY(text_format(&recipe, error,
                    "{\n \"image_processor_type\": \"ViTImageProcessor\",\n"
                    " \"size\": {\"height\": %zu, \"width\": %zu},\n \"resample\": 2,\n"
                    " \"image_mean\": [0.5, 0.5, 0.5],\n \"image_std\": [0.5, 0.5, 0.5]\n}\n",
                    sizes->side, sizes->side));
    TRY(model_text_write(folder, "config.json", &text, error));
    TRY(model_text_write(folder, "preprocessor_config.json", &recipe, error));
done:
    text_buffer_free(&text);
    text_buffer_free(&recipe);
    return status;
}

spur_status vit_config_make(const vit_sizes *sizes, const char *folder, spur_error *error)
{
    return sizes->prefix == NULL ? timm_config(sizes, folder, error)
                                 : face_config(sizes, folder, error);
}

spur_status vit_make(const vit_sizes *sizes, const char *salt, const char *folder,
                     spur_error *error)
{
    spur_status status;
    arena *owner = NULL;
    tensor_out *tensors = NULL;
    size_t count = 0;
    TRY(vit_config_make(sizes, folder, error));
    TRY(arena_new(&owner, error));
    TRY(vit_tensors_make(sizes, salt, owner, &tensors, &count, error));
    TRY(model_weights_write(folder, tensors, count, error));
done:
    arena_free(owner);
    return status;
}
