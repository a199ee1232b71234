/*
 * owl_config.c - sizes come from the file, never from the model's name.
 *
 * The trap: ids of start, end and pad in text_config are stale in the published files and are
 * not read here; the tokenizer's own files decide.
 */
#include "models/owl_config.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"

enum {
    WIDTH_MAX = 16384,
    LAYERS_MAX = 256,
    HEADS_MAX = 256,
    MLP_MAX = 65536,
    VOCABULARY_MAX = 1 << 24,
    TOKENS_MAX = 4096,
    SIDE_MAX = 8192,
    GRID_MAX = 256
};

const block_names owl_block_names = {.norm1 = "layer_norm1",
                                     .norm2 = "layer_norm2",
                                     .q = "self_attn.q_proj",
                                     .k = "self_attn.k_proj",
                                     .v = "self_attn.v_proj",
                                     .out = "self_attn.out_proj",
                                     .fc1 = "mlp.fc1",
                                     .fc2 = "mlp.fc2",
                                     .stage = "layer"};

static spur_status tower_read(const json_t *object, transformer_shape *tower, spur_error *error)
{
    spur_status status;
    double eps = 1e-5;
    TRY(json_get_size(object, "hidden_size", 1, WIDTH_MAX, SPUR_MODEL, &tower->width, error));
    TRY(json_get_size(object, "num_hidden_layers", 1, LAYERS_MAX, SPUR_MODEL, &tower->layers,
                      error));
    TRY(json_get_size(object, "num_attention_heads", 1, HEADS_MAX, SPUR_MODEL, &tower->heads,
                      error));
    TRY(json_get_size(object, "intermediate_size", 1, MLP_MAX, SPUR_MODEL, &tower->mlp, error));
    TRY(json_get_double(object, "layer_norm_eps", SPUR_MODEL, &eps, error));
    TRY(activation_read(object, &tower->act, error));
    if (!(eps > 0 && eps < 1)) {
        FAIL(SPUR_MODEL, "layer_norm_eps is %g, expected a number between 0 and 1", eps);
    }
    tower->eps = (float)eps;
    if (tower->width % tower->heads != 0) {
        FAIL(SPUR_MODEL, "hidden_size %zu is not a multiple of num_attention_heads %zu",
             tower->width, tower->heads);
    }
done:
    return status;
}

static spur_status section_find(const json_t *root, const char *name, json_t **out,
                                spur_error *error)
{
    json_t *section = json_object_get(root, name);
    if (section != NULL && !json_is_object(section) && !json_is_null(section)) {
        return error_set(error, SPUR_MODEL, "%s is not an object", name);
    }
    *out = json_is_object(section) ? section : NULL;
    return SPUR_OK;
}

static spur_status text_read(const json_t *root, bool literal, owl_config *config,
                             spur_error *error)
{
    spur_status status;
    json_t *section = NULL;
    config->text = (transformer_shape){512, 12, 8, 2048, ACTIVATION_QUICK_GELU, 1e-5F};
    config->vocabulary = 49408;
    config->max_tokens = 16;
    TRY(section_find(root, "text_config", &section, error));
    TRY(json_get_size(section, "vocab_size", 3, VOCABULARY_MAX, SPUR_MODEL, &config->vocabulary,
                      error));
    TRY(json_get_size(section, "max_position_embeddings", 3, TOKENS_MAX, SPUR_MODEL,
                      &config->max_tokens, error));
    TRY(tower_read(section, &config->text, error));
    if (config->text.width == 768 && config->text.heads == 16 && !literal) {
        config->text.heads = 12;
        config->text_heads_corrected = true;
    }
done:
    if (status != SPUR_OK) {
        error_prefix(error, "text_config");
    }
    return status;
}

static spur_status vision_read(const json_t *root, owl_config *config, spur_error *error)
{
    spur_status status;
    json_t *section = NULL;
    size_t channels = 3;
    config->vision = (transformer_shape){768, 12, 12, 3072, ACTIVATION_QUICK_GELU, 1e-5F};
    config->side = 768;
    config->patch = config->is_v2 ? 16 : 32;
    TRY(section_find(root, "vision_config", &section, error));
    TRY(json_get_size(section, "num_channels", 3, 3, SPUR_MODEL, &channels, error));
    TRY(json_get_size(section, "image_size", 1, SIDE_MAX, SPUR_MODEL, &config->side, error));
    TRY(json_get_size(section, "patch_size", 1, SIDE_MAX, SPUR_MODEL, &config->patch, error));
    TRY(tower_read(section, &config->vision, error));
    size_t grid = config->side / config->patch;
    if (grid < 1 || grid > GRID_MAX) {
        FAIL(SPUR_MODEL, "image_size %zu with patch_size %zu gives a grid of %zu, at most %d",
             config->side, config->patch, grid, GRID_MAX);
    }
done:
    if (status != SPUR_OK) {
        error_prefix(error, "vision_config");
    }
    return status;
}

static spur_status family_read(const json_t *root, bool *is_v2, spur_error *error)
{
    const char *model_type = NULL;
    spur_status status = json_get_text(root, "model_type", SPUR_MODEL, &model_type, error);
    if (status != SPUR_OK) {
        return status;
    }
    if (model_type == NULL ||
        (strcmp(model_type, "owlvit") != 0 && strcmp(model_type, "owlv2") != 0)) {
        return error_set(error, SPUR_MODEL,
                         "model_type is '%s'; a detector is of the type owlvit or owlv2",
                         model_type == NULL ? "missing" : model_type);
    }
    *is_v2 = strcmp(model_type, "owlv2") == 0;
    return SPUR_OK;
}

spur_status owl_config_read(const char *folder, bool literal, owl_config *out,
                            spur_error *error)
{
    spur_status status;
    char *path = NULL;
    json_t *root = NULL;
    owl_config config = {0};
    TRY(file_join(folder, "config.json", &path, error));
    TRY(json_read_file(path, SPUR_MODEL, &root, error));
    status = json_is_object(root) ? SPUR_OK : error_set(error, SPUR_MODEL, "not a JSON object");
    if (status == SPUR_OK) {
        status = family_read(root, &config.is_v2, error);
    }
    if (status == SPUR_OK) {
        status = text_read(root, literal, &config, error);
    }
    if (status == SPUR_OK) {
        status = vision_read(root, &config, error);
    }
    config.projection = 512;
    if (status == SPUR_OK) {
        status = json_get_size(root, "projection_dim", 1, WIDTH_MAX, SPUR_MODEL,
                               &config.projection, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        goto done;
    }
    *out = config;
done:
    json_decref(root);
    memory_free(path);
    return status;
}
