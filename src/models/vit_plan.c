/*
 * vit_plan.c - a vision transformer's sizes from its tensors, and what is none of this family.
 */
#include "models/vit_plan.h"

#include <string.h>

#include "base/memory.h"

/* ---- names ------------------------------------------------------------------------------- */

struct vit_names {
    const char *class_token, *distillation_token, *positions, *patch, *norm, *blocks;
    const block_names *block;
    const char *pooler, *mask; /* may stand in the file, not used */
    const char *head;          /* one layer, or the class token's of two */
    const char *first, *second;
    bool is_timm, is_deit;
};

static const block_names timm_block = {.norm1 = "norm1",
                                       .norm2 = "norm2",
                                       .qkv = "attn.qkv",
                                       .out = "attn.proj",
                                       .fc1 = "mlp.fc1",
                                       .fc2 = "mlp.fc2",
                                       .stage = "block"};
static const block_names face_block = {.norm1 = "layernorm_before",
                                       .norm2 = "layernorm_after",
                                       .q = "attention.attention.query",
                                       .k = "attention.attention.key",
                                       .v = "attention.attention.value",
                                       .out = "attention.output.dense",
                                       .fc1 = "intermediate.dense",
                                       .fc2 = "output.dense",
                                       .stage = "block"};

/* NOLINTBEGIN(bugprone-macro-parentheses): pieces of one text */
#define FACE_NAMES(PREFIX, IS_DEIT)                                                            \
    {                                                                                          \
        .class_token = PREFIX ".embeddings.cls_token",                                         \
        .distillation_token = PREFIX ".embeddings.distillation_token",                         \
        .positions = PREFIX ".embeddings.position_embeddings",                                 \
        .patch = PREFIX ".embeddings.patch_embeddings.projection",                             \
        .norm = PREFIX ".layernorm", .blocks = PREFIX ".encoder.layer", .block = &face_block,  \
        .pooler = PREFIX ".pooler.dense", .mask = PREFIX ".embeddings.mask_token",             \
        .head = "classifier", .first = "cls_classifier", .second = "distillation_classifier",  \
        .is_timm = false, .is_deit = IS_DEIT                                                   \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

static const vit_names known_names[] = {{.class_token = "cls_token",
                                         .distillation_token = "dist_token",
                                         .positions = "pos_embed",
                                         .patch = "patch_embed.proj",
                                         .norm = "norm",
                                         .blocks = "blocks",
                                         .block = &timm_block,
                                         .head = "head",
                                         .first = "head",
                                         .second = "head_dist",
                                         .is_timm = true},
                                        FACE_NAMES("vit", false),
                                        FACE_NAMES("deit", true)};

static const vit_names *names_find(const weights *from)
{
    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++) {
        char name[TENSOR_NAME_SIZE];
        tensor_name(name, "%s.weight", known_names[i].patch);
        if (weights_has(from, name)) {
            return &known_names[i];
        }
    }
    return NULL;
}

/* A tensor that only another network has, and what that is. */
typedef struct variant {
    const char *tensor, *what;
} variant;

static const variant variants[] = {
    {"blocks.0.ls1.gamma", "layer scale (DeiT III, DINOv2)"},
    {"blocks.0.gamma_1", "layer scale (BEiT, CaiT)"},
    {"reg_token", "register tokens"},
    {"blocks.0.mlp.w12.weight", "a SwiGLU layer"},
    {"blocks.0.mlp.fc1_g.weight", "a SwiGLU layer"},
    {"blocks.0.mlp.norm.weight", "a norm inside the hidden layer"},
    {"blocks.0.attn.q_norm.weight", "normalised queries and keys"},
    {"blocks.0.attn.relative_position_bias_table", "relative positions (BEiT)"},
    {"blocks.0.attn.q_bias", "separate biases of q and v (BEiT, EVA)"},
    {"norm_pre.weight", "a norm before the blocks (CLIP)"},
    {"fc_norm.weight", "pooling over patches instead of a class token"},
    {"attn_pool.latent", "attention pooling instead of a class token"},
    {"pre_logits.fc.weight", "a layer between feature and head (ImageNet-21k)"},
    {"patch_embed.backbone.stem.conv.weight", "a convolutional stem (hybrid)"},
    {"patch_embed.proj.0.weight", "a convolutional stem"},
    {"patch_embed.proj.0.0.weight", "a convolutional stem"},
    {"layers.0.blocks.0.norm1.weight", "shifted windows (Swin)"},
    {"class_token", "the names of torchvision's ViT"},
    {"conv_proj.weight", "the names of torchvision's ViT"},
    {"dinov2.embeddings.cls_token", "DINOv2"},
    {"beit.embeddings.cls_token", "BEiT"},
    {"swin.embeddings.patch_embeddings.projection.weight", "shifted windows (Swin)"},
    {"vision_model.embeddings.class_embedding", "CLIP's vision tower"},
    {"embeddings.cls_token", "a network without a last layer"},
};

static const variant *variant_find(const weights *from)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        if (weights_has(from, variants[i].tensor)) {
            return &variants[i];
        }
    }
    return NULL;
}

bool vit_recognise(const weights *from)
{
    return names_find(from) != NULL || variant_find(from) != NULL;
}

static spur_status refuse(const char *tensor, const char *what, spur_error *error)
{
    return error_set(error, SPUR_MODEL,
                     "tensor '%s' shows %s; Spur runs ViT and DeiT with a class token, with or "
                     "without distillation, in the names of timm and Hugging Face",
                     tensor, what);
}

/* ---- sizes from tensors ------------------------------------------------------------------ */

/* A tensor of this rank with elements. */
static spur_status shape_of(const weights *from, const char *name, size_t rank,
                            const tensor_info **out, spur_error *error)
{
    const tensor_info *info = tensor_file_find(weights_file(from), name);
    if (info == NULL) {
        return error_set(error, SPUR_MODEL,
                         "tensor '%s' is missing; the file is no ViT classifier or incomplete",
                         name);
    }
    if (info->rank != rank || info->elements == 0) {
        return error_set(error, SPUR_MODEL,
                         "tensor '%s' has %zu axes and %zu elements, expected %zu axes", name,
                         info->rank, info->elements, rank);
    }
    *out = info;
    return SPUR_OK;
}

static spur_status weight_shape(const weights *from, const char *part, size_t rank,
                                const tensor_info **out, spur_error *error)
{
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.weight", part);
    return shape_of(from, name, rank, out, error);
}

static size_t square_root(size_t square)
{
    size_t root = 0;
    while ((root + 1) * (root + 1) <= square) {
        root++;
    }
    return root;
}

/* The grid from the table of positions, which has a row for every token. */
static spur_status grid_read(const weights *from, vit_plan *plan, spur_error *error)
{
    enum {
        POSITIONS_MOST = 1 << 20
    };
    spur_status status;
    const tensor_info *positions;
    TRY(shape_of(from, plan->names->positions, 3, &positions, error));
    size_t rows = positions->shape[1];
    plan->leading = weights_has(from, plan->names->distillation_token) ? 2 : 1;
    size_t patches = rows > plan->leading ? rows - plan->leading : 0;
    plan->grid = patches <= POSITIONS_MOST ? square_root(patches) : 0;
    if (plan->grid == 0 || plan->grid * plan->grid != patches) {
        FAIL(SPUR_MODEL,
             "tensor '%s' has %zu positions, expected %zu and those of a square of patches",
             plan->names->positions, rows, plan->leading);
    }
done:
    return status;
}

static spur_status blocks_read(const weights *from, vit_plan *plan, spur_error *error)
{
    char name[TENSOR_NAME_SIZE];
    const tensor_info *hidden;
    tensor_name(name, "%s.0.%s", plan->names->blocks, plan->names->block->fc1);
    spur_status status = weight_shape(from, name, 2, &hidden, error);
    if (status != SPUR_OK) {
        return status;
    }
    plan->shape.mlp = hidden->shape[0];
    do {
        plan->shape.layers++;
        tensor_name(name, "%s.%zu.%s.weight", plan->names->blocks, plan->shape.layers,
                    plan->names->block->norm1);
    } while (weights_has(from, name));
    return SPUR_OK;
}

static bool has_two_heads(const weights *from, const vit_plan *plan)
{
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.weight", plan->names->second);
    return weights_has(from, name);
}

static spur_status sizes_read(const weights *from, vit_plan *plan, spur_error *error)
{
    spur_status status;
    const tensor_info *patch, *last;
    TRY(weight_shape(from, plan->names->patch, 4, &patch, error));
    plan->shape.width = patch->shape[0];
    plan->patch = patch->shape[3];
    TRY(grid_read(from, plan, error));
    plan->side = plan->grid * plan->patch;
    TRY(blocks_read(from, plan, error));
    plan->seen = has_two_heads(from, plan) ? 2 : 1;
    TRY(weight_shape(from, plan->seen == 2 ? plan->names->first : plan->names->head, 2, &last,
                     error));
    plan->classes = last->shape[0];
    if (plan->seen > plan->leading) {
        FAIL(SPUR_MODEL, "tensor '%s' is missing, but there is a '%s'",
             plan->names->distillation_token, plan->names->second);
    }
done:
    return status;
}

/* ---- what only config.json says ---------------------------------------------------------- */

typedef struct known_size {
    const char *name;
    size_t width, layers, heads;
} known_size;

static const known_size known_sizes[] = {{"tiny", 192, 12, 3},
                                         {"small", 384, 12, 6},
                                         {"base", 768, 12, 12},
                                         {"large", 1024, 24, 16},
                                         {"huge", 1280, 32, 16}};

static const known_size *known_find(const transformer_shape *shape)
{
    for (size_t i = 0; i < sizeof known_sizes / sizeof *known_sizes; i++) {
        if (known_sizes[i].width == shape->width && known_sizes[i].layers == shape->layers &&
            shape->mlp == 4 * shape->width) {
            return &known_sizes[i];
        }
    }
    return NULL;
}

/* Heads by the known sizes, else 64 wide; 0 when that does not fit. */
static size_t heads_usual(const transformer_shape *shape)
{
    const known_size *known = known_find(shape);
    if (known != NULL) {
        return known->heads;
    }
    return shape->width % 64 == 0 ? shape->width / 64 : 0;
}

/* A size that config.json may repeat must be the tensors'. */
static spur_status size_agrees(const json_t *object, const char *member, size_t found,
                               spur_error *error)
{
    size_t said = found;
    spur_status status =
        json_get_size(object, member, 0, SIZE_MAX >> 1, SPUR_MODEL, &said, error);
    if (status == SPUR_OK && said != found) {
        return error_set(error, SPUR_MODEL,
                         "config.json says %s %zu, the weights have %zu: they do not belong "
                         "together",
                         member, said, found);
    }
    return status;
}

static spur_status face_config_read(const json_t *config, vit_plan *plan, spur_error *error)
{
    spur_status status;
    double eps = 1e-12;
    plan->shape.heads = json_is_object(config) ? 12 : heads_usual(&plan->shape);
    TRY(json_get_size(config, "num_attention_heads", 1, 1024, SPUR_MODEL, &plan->shape.heads,
                      error));
    TRY(json_get_double(config, "layer_norm_eps", SPUR_MODEL, &eps, error));
    TRY(activation_read(config, &plan->shape.act, error));
    if (!(eps >= 0 && eps < 1)) {
        FAIL(SPUR_MODEL, "layer_norm_eps is %g, expected a number between 0 and 1", eps);
    }
    plan->shape.eps = (float)eps;
    TRY(size_agrees(config, "hidden_size", plan->shape.width, error));
    TRY(size_agrees(config, "num_hidden_layers", plan->shape.layers, error));
    TRY(size_agrees(config, "intermediate_size", plan->shape.mlp, error));
    TRY(size_agrees(config, "patch_size", plan->patch, error));
done:
    return status;
}

static spur_status timm_config_read(const json_t *config, vit_plan *plan, spur_error *error)
{
    spur_status status;
    const json_t *arguments = json_object_get(config, "model_args");
    const char *pool = "token", *act = "gelu";
    plan->shape.eps = 1e-6F;
    plan->shape.heads = heads_usual(&plan->shape);
    TRY(json_get_text(config, "global_pool", SPUR_MODEL, &pool, error));
    if (json_is_object(arguments)) {
        TRY(json_get_text(arguments, "global_pool", SPUR_MODEL, &pool, error));
        TRY(json_get_text(arguments, "act_layer", SPUR_MODEL, &act, error));
        TRY(json_get_size(arguments, "num_heads", 1, 1024, SPUR_MODEL, &plan->shape.heads,
                          error));
        TRY(size_agrees(arguments, "embed_dim", plan->shape.width, error));
        TRY(size_agrees(arguments, "depth", plan->shape.layers, error));
        TRY(size_agrees(arguments, "patch_size", plan->patch, error));
    }
    if (strcmp(pool, "token") != 0) {
        FAIL(SPUR_MODEL, "global_pool is '%s'; only pooling by the class token is supported",
             pool);
    }
    if (strcmp(act, "gelu") != 0) {
        FAIL(SPUR_MODEL, "act_layer is '%s'; only gelu is supported", act);
    }
done:
    return status;
}

static spur_status config_read(const network_hints *hints, vit_plan *plan, spur_error *error)
{
    spur_status status;
    plan->shape.act = ACTIVATION_GELU_ERF;
    if (plan->names->is_timm) {
        TRY(timm_config_read(hints->config, plan, error));
    } else {
        TRY(face_config_read(hints->config, plan, error));
    }
    if (plan->shape.heads == 0) {
        FAIL(
            SPUR_MODEL,
            "the number of attention heads is not in the tensors and %zu is no multiple of 64; "
            "a config.json must say num_attention_heads (Hugging Face) or "
            "model_args.num_heads (timm)",
            plan->shape.width);
    }
    if (plan->shape.width % plan->shape.heads != 0) {
        FAIL(SPUR_MODEL,
             "the width %zu is not a multiple of the number of heads %zu that config.json says",
             plan->shape.width, plan->shape.heads);
    }
    if (hints->side != 0 && hints->side / plan->patch != plan->grid) {
        FAIL(SPUR_MODEL,
             "pictures are prepared at %zux%zu, the table of positions is for %zux%zu",
             hints->side, hints->side, plan->side, plan->side);
    }
    plan->side = hints->side != 0 ? hints->side : plan->side;
    plan->is_deit =
        plan->names->is_deit || plan->leading == 2 ||
        (hints->architecture != NULL && strncmp(hints->architecture, "deit", 4) == 0);
done:
    return status;
}

/* ---- tensors ----------------------------------------------------------------------------- */

vit_tensors vit_plan_tensors(const vit_plan *plan)
{
    const vit_names *names = plan->names;
    size_t tokens = plan->leading + plan->grid * plan->grid;
    return (vit_tensors){
        names->class_token,
        names->distillation_token,
        names->positions,
        names->patch,
        names->norm,
        {names->blocks, names->block, &plan->shape, tokens, plan->seen, false},
    };
}

static void dense_ignore(weights *from, const char *part)
{
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.weight", part);
    weights_ignore(from, name);
    tensor_name(name, "%s.bias", part);
    weights_ignore(from, name);
}

static spur_status patch_declare(weights *from, const vit_plan *plan, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    const size_t shape[4] = {plan->shape.width, 3, plan->patch, plan->patch};
    tensor_name(name, "%s.weight", plan->names->patch);
    TRY(weights_expect(from, name, 4, shape, error));
    tensor_name(name, "%s.bias", plan->names->patch);
    TRY(weights_expect(from, name, 1, shape, error));
done:
    return status;
}

static spur_status heads_declare(weights *from, const vit_plan *plan, spur_error *error)
{
    const vit_names *names = plan->names;
    size_t width = plan->shape.width, classes = plan->classes;
    if (plan->seen == 1) {
        return linear_expect(from, names->head, width, classes, error);
    }
    spur_status status = linear_expect(from, names->first, width, classes, error);
    return status != SPUR_OK ? status
                             : linear_expect(from, names->second, width, classes, error);
}

static spur_status plan_declare(weights *from, const vit_plan *plan, spur_error *error)
{
    spur_status status;
    vit_tensors tensors = vit_plan_tensors(plan);
    size_t width = plan->shape.width;
    const size_t token[3] = {1, 1, width}, positions[3] = {1, tensors.blocks.tokens, width};
    TRY(weights_expect(from, tensors.class_token, 3, token, error));
    if (plan->leading == 2) {
        TRY(weights_expect(from, tensors.distillation_token, 3, token, error));
    }
    TRY(weights_expect(from, tensors.positions, 3, positions, error));
    TRY(patch_declare(from, plan, error));
    TRY(transformer_expect(from, &tensors.blocks, error));
    TRY(norm_expect(from, tensors.norm, width, error));
    TRY(heads_declare(from, plan, error));
    if (plan->names->pooler != NULL) {
        dense_ignore(from, plan->names->pooler);
        weights_ignore(from, plan->names->mask);
    }
done:
    return status;
}

spur_status vit_plan_read(weights *from, const network_hints *hints, vit_plan *out,
                          spur_error *error)
{
    spur_status status;
    vit_plan plan = {.names = names_find(from)};
    const variant *other = variant_find(from);
    if (other != NULL) {
        return refuse(other->tensor, other->what, error);
    }
    if (plan.names == NULL) {
        return error_set(error, SPUR_MODEL, "the file holds no tensor of a ViT's patches");
    }
    TRY(sizes_read(from, &plan, error));
    TRY(config_read(hints, &plan, error));
    TRY(plan_declare(from, &plan, error));
    *out = plan;
done:
    return status;
}

/* ---- name and last layer ----------------------------------------------------------------- */

spur_status vit_plan_name(const vit_plan *plan, text_buffer *into, spur_error *error)
{
    const transformer_shape *shape = &plan->shape;
    const known_size *known = known_find(shape);
    const char *family = plan->is_deit ? "deit" : "vit";
    const char *distilled = plan->leading == 2 ? "_distilled" : "";
    if (known != NULL && known->heads == shape->heads) {
        return text_format(into, error, "%s_%s%s_patch%zu_%zu", family, known->name, distilled,
                           plan->patch, plan->side);
    }
    return text_format(into, error, "%s%s-%zu-%zu-%zu_patch%zu_%zu", family, distilled,
                       shape->width, shape->layers, shape->heads, plan->patch, plan->side);
}

const char *vit_plan_head_prefix(const vit_plan *plan)
{
    if (plan->seen == 1) {
        return plan->names->head;
    }
    return plan->names->is_timm ? "head_dist" : "cls_classifier";
}

/* Adds share * NAME's layer at column `first` of out's rows. */
static spur_status layer_add(const weights *from, const char *part, size_t width, size_t first,
                             float share, head *out, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    float *weight = NULL, *bias = NULL;
    tensor_name(name, "%s.weight", part);
    TRY(weights_take(from, name, &weight, error));
    tensor_name(name, "%s.bias", part);
    TRY(weights_take(from, name, &bias, error));
    for (size_t k = 0; k < out->classes; k++) {
        for (size_t i = 0; i < width; i++) {
            out->weight[k * out->features + first + i] = share * weight[k * width + i];
        }
        out->bias[k] += share * bias[k];
    }
done:
    memory_free(weight);
    memory_free(bias);
    return status;
}

spur_status vit_plan_head(const weights *from, const vit_plan *plan, head *out,
                          spur_error *error)
{
    spur_status status;
    const vit_names *names = plan->names;
    size_t width = plan->shape.width;
    head made = {0};
    TRY(head_make(plan->classes, plan->seen * width, &made, error));
    if (plan->seen == 1) {
        TRY(layer_add(from, names->head, width, 0, 1.0F, &made, error));
    } else {
        TRY(layer_add(from, names->first, width, 0, 0.5F, &made, error));
        TRY(layer_add(from, names->second, width, width, 0.5F, &made, error));
    }
    *out = made;
    made = (head){0};
done:
    head_free(&made);
    return status;
}
