/*
 * model_maker.c - config.json, preprocessor_config.json, tokenizer files and streamed weights.
 *
 * The JSON files hold what the published ones hold, the wrong number of text heads of
 * owlvit-large-patch14 included.
 */
#include "model_maker.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/tensor.h"
#include "models/tokenizer.h"
#include "named_tensors.h"
#include "owl_layout.h"
#include "weights_by_name.h"

enum {
    CHUNK = 1 << 16,      /* elements made at a time */
    FILE_LIMIT = 64 << 20 /* bytes of one tokenizer file */
};

const char *model_maker_name(size_t i)
{
    return owl_sizes[i].name;
}

/* ---- tokenizer files ----------------------------------------------------------------- */

static spur_status has_file(const char *folder, const char *name, bool *out, spur_error *error)
{
    char *path = NULL;
    spur_status status = file_join(folder, name, &path, error);
    if (status == SPUR_OK) {
        *out = file_kind_of(path) == FILE_REGULAR;
    }
    memory_free(path);
    return status;
}

static spur_status copy_file(const char *from, const char *to, const char *name,
                             spur_error *error)
{
    char *path = NULL;
    unsigned char *bytes = NULL;
    text_buffer text = {NULL, 0, 0};
    spur_status status;
    TRY(file_join(from, name, &path, error));
    TRY(file_load(path, FILE_LIMIT, SPUR_MODEL, &bytes, &text.length, error));
    text.data = (char *)bytes;
    TRY(model_text_write(to, name, &text, error));
done:
    memory_free(bytes);
    memory_free(path);
    return status;
}

#define TOKEN(content)                                                                         \
    "{\"content\": \"" content "\", \"lstrip\": false, \"normalized\": true, "                 \
    "\"rstrip\": false, \"single_word\": false}"

/* The pad token "!" (id 0) is what makes a CLIP vocabulary an OWL one. */
static spur_status write_special_tokens(const char *folder, spur_error *error)
{
    text_buffer names = {NULL, 0, 0}, config = {NULL, 0, 0};
    spur_status status;
    TRY(text_format(&names, error,
                    "{\"bos_token\": %s, \"eos_token\": %s, \"pad_token\": \"!\", "
                    "\"unk_token\": %s}\n",
                    TOKEN("<|startoftext|>"), TOKEN("<|endoftext|>"), TOKEN("<|endoftext|>")));
    TRY(text_format(&config, error,
                    "{\"model_max_length\": 16, \"pad_token\": \"!\", \"tokenizer_class\": "
                    "\"CLIPTokenizer\"}\n"));
    TRY(model_text_write(folder, "special_tokens_map.json", &names, error));
    TRY(model_text_write(folder, "tokenizer_config.json", &config, error));
done:
    text_buffer_free(&names);
    text_buffer_free(&config);
    return status;
}

static spur_status copy_tokenizer(const char *from, const char *to, spur_error *error)
{
    bool has_vocabulary = false, has_merges = false;
    spur_status status;
    TRY(has_file(from, "vocab.json", &has_vocabulary, error));
    TRY(has_file(from, "merges.txt", &has_merges, error));
    if (has_vocabulary && has_merges) {
        TRY(copy_file(from, to, "vocab.json", error));
        TRY(copy_file(from, to, "merges.txt", error));
    } else {
        TRY(copy_file(from, to, "tokenizer.json", error));
    }
    TRY(write_special_tokens(to, error));
done:
    return status;
}

static spur_status count_tokens(const char *folder, size_t *out, spur_error *error)
{
    tokenizer *opened = NULL;
    spur_status status = tokenizer_open(folder, &opened, error);
    if (status == SPUR_OK) {
        *out = tokenizer_size(opened);
    }
    tokenizer_close(opened);
    return status;
}

/* ---- configuration
 * --------------------------------------------------------------------------- */

static spur_status write_config(const owl_size *size, size_t vocabulary, const char *folder,
                                spur_error *error)
{
    const char *type = size->is_v2 ? "owlv2" : "owlvit";
    text_buffer text = {NULL, 0, 0};
    spur_status status;
    TRY(text_format(&text, error,
                    "{\n \"architectures\": [\"%sForObjectDetection\"],\n"
                    " \"model_type\": \"%s\",\n \"projection_dim\": %zu,\n"
                    " \"logit_scale_init_value\": 2.6592,\n",
                    size->is_v2 ? "Owlv2" : "OwlViT", type, size->projection));
    TRY(text_format(&text, error,
                    " \"text_config\": {\"model_type\": \"%s_text_model\", \"vocab_size\": %zu,"
                    " \"hidden_size\": %zu, \"intermediate_size\": %zu, \"num_hidden_layers\": "
                    "%zu, \"num_attention_heads\": %zu, \"max_position_embeddings\": 16, "
                    "\"hidden_act\": \"quick_gelu\", \"layer_norm_eps\": 1e-05, "
                    "\"bos_token_id\": 0, \"eos_token_id\": 2, \"pad_token_id\": 1},\n",
                    type, vocabulary, size->text.width, size->text.mlp, size->text.layers,
                    size->stated_text_heads));
    TRY(text_format(&text, error,
                    " \"vision_config\": {\"model_type\": \"%s_vision_model\", \"hidden_size\":"
                    " %zu, \"intermediate_size\": %zu, \"num_hidden_layers\": %zu, "
                    "\"num_attention_heads\": %zu, \"num_channels\": 3, \"image_size\": %zu, "
                    "\"patch_size\": %zu, \"hidden_act\": \"quick_gelu\", "
                    "\"layer_norm_eps\": 1e-05}\n}\n",
                    type, size->vision.width, size->vision.mlp, size->vision.layers,
                    size->vision.heads, size->side, size->patch));
    TRY(model_text_write(folder, "config.json", &text, error));
done:
    text_buffer_free(&text);
    return status;
}

static spur_status write_preprocessor(const owl_size *size, const char *folder,
                                      spur_error *error)
{
    text_buffer text = {NULL, 0, 0};
    spur_status status;
    TRY(text_format(&text, error,
                    "{\n \"do_normalize\": true,\n \"do_rescale\": true,\n \"do_resize\": true,"
                    "\n \"image_mean\": [0.48145466, 0.4578275, 0.40821073],\n"
                    " \"image_std\": [0.26862954, 0.26130258, 0.27577711],\n"
                    " \"rescale_factor\": 0.00392156862745098,\n"
                    " \"size\": {\"height\": %zu, \"width\": %zu},\n",
                    size->side, size->side));
    if (size->is_v2) {
        TRY(text_format(&text, error,
                        " \"do_pad\": true,\n \"image_processor_type\": "
                        "\"Owlv2ImageProcessor\",\n \"processor_class\": \"Owlv2Processor\",\n"
                        " \"resample\": 2\n}\n"));
    } else {
        TRY(text_format(&text, error,
                        " \"do_center_crop\": false,\n \"crop_size\": {\"height\": %zu, "
                        "\"width\": %zu},\n \"image_processor_type\": \"OwlViTImageProcessor\","
                        "\n \"processor_class\": \"OwlViTProcessor\",\n \"resample\": 3\n}\n",
                        size->side, size->side));
    }
    TRY(model_text_write(folder, "preprocessor_config.json", &text, error));
done:
    text_buffer_free(&text);
    return status;
}

/* ---- weights
 * ---------------------------------------------------------------------------------- */

static spur_status append_tensor(safetensors_writer *into, const tensor_out *tensor,
                                 const char *salt, float *chunk, spur_error *error)
{
    const uint64_t key = weights_key(salt, tensor->name);
    const weights_scale scale = weights_scale_of(tensor->name, tensor->shape, tensor->rank);
    spur_status status = SPUR_OK;
    size_t elements = 1;
    for (size_t axis = 0; axis < tensor->rank; axis++) {
        elements *= tensor->shape[axis];
    }
    for (size_t first = 0; first < elements; first += CHUNK) {
        size_t count = elements - first < CHUNK ? elements - first : CHUNK;
        weights_fill(key, scale, first, count, chunk);
        TRY(safetensors_append(into, chunk, count * sizeof *chunk, error));
    }
done:
    return status;
}

static spur_status write_weights(const owl_size *size, size_t vocabulary, const char *salt,
                                 const char *folder, spur_error *error)
{
    static const char *const metadata[] = {"format", "pt"};
    arena *owner = NULL;
    tensor_out *tensors = NULL;
    size_t count = 0;
    safetensors_writer *writer = NULL;
    float *chunk = NULL;
    char *path = NULL;
    spur_status status;
    TRY(arena_new(&owner, error));
    TRY(owl_layout_make(size, vocabulary, owner, &tensors, &count, error));
    TRY(memory_new(CHUNK, sizeof *chunk, &chunk, error));
    TRY(file_join(folder, "model.safetensors", &path, error));
    TRY(safetensors_begin(path, tensors, count, metadata, 1, &writer, error));
    for (size_t i = 0; i < count; i++) {
        TRY(append_tensor(writer, &tensors[safetensors_order(writer, i)], salt, chunk, error));
    }
    TRY(safetensors_finish(writer, error));
done:
    safetensors_writer_close(writer);
    memory_free(path);
    memory_free(chunk);
    arena_free(owner);
    return status;
}

spur_status model_make(const model_request *request, spur_error *error)
{
    const owl_size *size = owl_size_find(request->name);
    size_t vocabulary = 0;
    spur_status status;
    if (size == NULL) {
        FAIL(SPUR_USAGE, "no model is called \"%s\"", request->name);
    }
    if (request->is_tiny) {
        size = owl_size_tiny(size->is_v2);
    }
    TRY(file_make_folder(request->folder, error));
    TRY(copy_tokenizer(request->tokenizer, request->folder, error));
    TRY(count_tokens(request->folder, &vocabulary, error));
    TRY(write_config(size, vocabulary, request->folder, error));
    TRY(write_preprocessor(size, request->folder, error));
    TRY(write_weights(size, vocabulary, request->salt, request->folder, error));
done:
    return status;
}
