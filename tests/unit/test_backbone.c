/*
 * test_backbone.c - what must hold of any backbone, on tiny ones: an image's bits do not feel
 * its neighbours, names of two libraries give one network, files that do not fit are refused
 * with the tensor or member that does not.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "resnet_maker.h"
#include "vit_maker.h"

#include "base/memory.h"
#include "io/file.h"
#include "models/backbone.h"

enum {
    SIDE_MAX = 64,
    PIXELS_MAX = 3 * SIDE_MAX * SIDE_MAX,
    FEATURES_MAX = 256
};

static float pixels[BACKBONE_BATCH * PIXELS_MAX];

static void pixels_fill(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pixels[i] = (float)((i * 2654435761U >> 8) % 2001) / 500.0F - 2.0F;
    }
}

static backbone *open_at(const char *path, const spur_backbone_options *options)
{
    spur_error error;
    backbone *made = NULL;
    assert_ok(backbone_open(path, options, &made, &error), error);
    return made;
}

static void run_at(const backbone *model, size_t first, size_t count, float *features)
{
    spur_error error;
    spur_backbone_info info;
    backbone_worker *worker = NULL;
    backbone_describe(model, &info);
    assert_true(info.side <= SIDE_MAX && info.features <= FEATURES_MAX);
    assert_ok(backbone_worker_new(model, &worker, &error), error);
    assert_ok(backbone_run(model, worker, pixels + first * 3 * info.side * info.side, count,
                           features, NULL, &error),
              error);
    backbone_worker_free(worker);
}

static void show_nothing(void *context, const char *stage, const float *rows, size_t count,
                         size_t width, size_t stride)
{
    (void)context;
    (void)stage;
    (void)rows;
    (void)count;
    (void)width;
    (void)stride;
}

/* Somebody who looks on sees every token of the last block, and changes nothing. */
static void run_shown(const backbone *model, const float *expected, float *features)
{
    spur_error error;
    spur_backbone_info info;
    backbone_worker *worker = NULL;
    const tower_watch watch = {.show = show_nothing};
    backbone_describe(model, &info);
    assert_ok(backbone_worker_new(model, &worker, &error), error);
    assert_ok(backbone_run(model, worker,
                           pixels + BACKBONE_BATCH / 2 * 3 * info.side * info.side, 1, features,
                           &watch, &error),
              error);
    assert_memory_equal(features, expected, info.features * sizeof(float));
    backbone_worker_free(worker);
}

/* ---- bits -------------------------------------------------------------------------------- */

/* Every slot and count gives each image the bits it has alone. */
static void check_slots(const char *folder)
{
    static float alone[BACKBONE_BATCH * FEATURES_MAX], together[BACKBONE_BATCH * FEATURES_MAX];
    spur_backbone_info info;
    backbone *model = open_at(folder, NULL);
    backbone_describe(model, &info);
    pixels_fill(BACKBONE_BATCH * 3 * info.side * info.side);
    for (size_t i = 0; i < BACKBONE_BATCH; i++) {
        run_at(model, i, 1, alone + i * info.features);
    }
    for (size_t first = 0; first < BACKBONE_BATCH; first++) {
        size_t count = BACKBONE_BATCH - first;
        run_at(model, first, count, together);
        assert_memory_equal(together, alone + first * info.features,
                            count * info.features * sizeof(float));
    }
    assert_memory_not_equal(alone, alone + info.features, info.features * sizeof(float));
    run_shown(model, alone + BACKBONE_BATCH / 2 * info.features, together);
    backbone_close(model);
}

static void test_an_image_does_not_feel_its_neighbours(void **state)
{
    spur_error error;
    const resnet_plan plan = {true, 8, {1, 2, 1, 1}, {6, 12, 24, 48}, {24, 48, 96, 192}, 10};
    check_slots(data_path("tiny-vit-hf"));
    check_slots(data_path("tiny-vit-timm"));
    check_slots(data_path("tiny-deit-distilled"));
    assert_ok(resnet_make(&plan, "slots", 48, *state, &error), error);
    check_slots(*state);
}

/* timm's name of Hugging Face's; false for k and v, which stand behind q in attn.qkv. */
static bool name_translate(const char *face, char dst[64])
{
    static const char *const parts[][2] = {
        {"vit.embeddings.cls_token", "cls_token"},
        {"vit.embeddings.position_embeddings", "pos_embed"},
        {"vit.embeddings.patch_embeddings.projection.", "patch_embed.proj."},
        {"vit.layernorm.", "norm."},
        {"classifier.", "head."},
        {"layernorm_before.", "norm1."},
        {"layernorm_after.", "norm2."},
        {"attention.output.dense.", "attn.proj."},
        {"intermediate.dense.", "mlp.fc1."},
        {"output.dense.", "mlp.fc2."},
        {"attention.attention.query.", "attn.qkv."}};
    size_t layer = 0;
    int skip = 0;
    char block[32] = "";
    /* NOLINTNEXTLINE(cert-err34-c): names of our own */
    if (sscanf(face, "vit.encoder.layer.%zu.%n", &layer, &skip) == 1 && skip > 0) {
        (void)snprintf(block, sizeof block, "blocks.%zu.", layer);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t length = strlen(parts[i][0]);
        if (strncmp(face + skip, parts[i][0], length) == 0) {
            (void)snprintf(dst, 64, "%s%s%s", block, parts[i][1], face + skip + length);
            return true;
        }
    }
    return false;
}

/* q's tensor with those of k and v, two and four places behind, joined to it. */
static void qkv_join(arena *owner, const tensor_out *from, tensor_out *to)
{
    spur_error error;
    float *joined = NULL;
    size_t *shape = NULL;
    size_t rows = from->shape[0], width = from->rank == 2 ? from->shape[1] : 1;
    assert_ok(arena_take(owner, 3 * rows * width, sizeof *joined, &joined, &error), error);
    assert_ok(arena_take(owner, 2, sizeof *shape, &shape, &error), error);
    for (size_t part = 0; part < 3; part++) {
        memcpy(joined + part * rows * width, from[2 * part].data,
               rows * width * sizeof *joined);
    }
    shape[0] = 3 * rows;
    shape[1] = width;
    to->shape = shape;
    to->data = joined;
}

/* The tensors of vit_make(sizes, "names") in timm's names. */
static void write_renamed(const vit_sizes *sizes, const char *path)
{
    spur_error error;
    arena *owner = NULL;
    tensor_out *from = NULL, to[64];
    size_t count = 0, made = 0;
    char names[64][64];
    assert_ok(arena_new(&owner, &error), error);
    assert_ok(vit_tensors_make(sizes, "names", owner, &from, &count, &error), error);
    for (size_t t = 0; t < count; t++) {
        if (!name_translate(from[t].name, names[made])) {
            continue;
        }
        to[made] = from[t];
        to[made].name = names[made];
        if (strstr(names[made], "attn.qkv") != NULL) {
            qkv_join(owner, &from[t], &to[made]);
        }
        made++;
    }
    assert_ok(safetensors_write(path, to, made, NULL, 0, &error), error);
    arena_free(owner);
}

static void test_two_libraries_names_give_one_network(void **state)
{
    spur_error error;
    static float face[FEATURES_MAX], timm[FEATURES_MAX];
    vit_sizes sizes = {32, 2, 4, 64, 8, 32, 5, false, "vit"};
    static const char config[] =
        "{\"model_type\": \"vit\", \"num_attention_heads\": 4, \"layer_norm_eps\": 1e-6}";
    assert_ok(vit_make(&sizes, "names", *state, &error), error);
    assert_ok(file_replace(temp_in(*state, "config.json"), config, strlen(config), &error),
              error);
    backbone *model = open_at(*state, NULL);
    pixels_fill(3 * 32 * 32);
    run_at(model, 0, 1, face);
    backbone_close(model);
    sizes.prefix = NULL;
    assert_ok(vit_config_make(&sizes, *state, &error), error);
    sizes.prefix = "vit";
    write_renamed(&sizes, temp_in(*state, "model.safetensors"));
    model = open_at(*state, NULL);
    run_at(model, 0, 1, timm);
    assert_memory_equal(face, timm, sizes.width * sizeof(float));
    backbone_close(model);
}

/* ---- what a backbone says ---------------------------------------------------------------- */

static void test_a_backbone_says_what_it_is(void **state)
{
    (void)state;
    spur_backbone_info info;
    backbone *model = open_at(data_path("tiny-deit-distilled"), NULL);
    backbone_describe(model, &info);
    assert_string_equal(info.architecture, "deit_distilled-48-2-4_patch8_32");
    assert_string_equal(info.name, "tiny-deit-distilled");
    assert_string_equal(info.head_prefix, "head_dist");
    assert_int_equal(info.features, 96);
    assert_int_equal(info.classes, 10);
    assert_null(info.class_names);
    assert_null(info.warnings[0]);
    assert_int_equal(strlen(info.digest), 64);
    assert_true(info.weight_bytes > 200000);
    backbone_close(model);
    model = open_at(data_path("tiny-vit-hf/model.safetensors"), NULL);
    backbone_describe(model, &info);
    assert_string_equal(info.name, "tiny-vit-hf");
    assert_string_equal(info.head_prefix, "classifier");
    assert_string_equal(info.class_names[9], "LABEL_9");
    backbone_close(model);
}

static void test_options_change_the_digest(void **state)
{
    (void)state;
    spur_backbone_info one, other;
    spur_backbone_options options;
    spur_backbone_options_defaults(&options);
    options.preprocessing = "timm-vit";
    backbone *usual = open_at(data_path("tiny-vit-timm"), NULL);
    backbone *named = open_at(data_path("tiny-vit-timm"), &options);
    backbone_describe(usual, &one);
    backbone_describe(named, &other);
    assert_string_not_equal(one.digest, other.digest);
    assert_non_null(strstr(other.preprocessing, "centre crop 32x32"));
    assert_non_null(strstr(other.preprocessing, "mean 0.5 0.5 0.5"));
    backbone_close(usual);
    backbone_close(named);
}

/* DeiT's weights with ViT's normalisation, as Hugging Face keeps them. */
static void test_deit_normalised_as_vit_is_doubted(void **state)
{
    spur_error error;
    spur_backbone_info info;
    spur_backbone_options options;
    const vit_sizes sizes = {32, 1, 4, 64, 8, 32, 5, false, "deit"};
    assert_ok(vit_make(&sizes, "doubt", *state, &error), error);
    backbone *model = open_at(*state, NULL);
    backbone_describe(model, &info);
    assert_non_null(info.warnings[0]);
    assert_non_null(strstr(info.warnings[0], "ImageNet"));
    backbone_close(model);
    spur_backbone_options_defaults(&options);
    options.preprocessing = "timm-deit";
    model = open_at(*state, &options);
    backbone_describe(model, &info);
    assert_null(info.warnings[0]);
    backbone_close(model);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void refused(const char *path, const spur_backbone_options *options, spur_status status,
                    const char *word)
{
    spur_error error;
    backbone *made = NULL;
    assert_int_equal(backbone_open(path, options, &made, &error), status);
    assert_null(made);
    if (strstr(error.message, word) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, word);
    }
}

static void write_config(void **state, const char *text)
{
    spur_error error;
    assert_ok(file_replace(temp_in(*state, "config.json"), text, strlen(text), &error), error);
}

static void test_a_config_that_does_not_fit_is_refused(void **state)
{
    spur_error error;
    const vit_sizes sizes = {32, 2, 4, 64, 8, 32, 5, false, "vit"};
    assert_ok(vit_make(&sizes, "config", *state, &error), error);
    write_config(state, "{\"model_type\": \"vit\", \"hidden_size\": 48, "
                        "\"num_attention_heads\": 4}");
    refused(*state, NULL, SPUR_MODEL, "hidden_size 48, the weights have 32");
    write_config(state, "{\"model_type\": \"vit\", \"num_attention_heads\": 5}");
    refused(*state, NULL, SPUR_MODEL, "not a multiple of the number of heads 5");
    write_config(state, "{\"model_type\": \"vit\", \"num_attention_heads\": 4, "
                        "\"hidden_act\": \"relu\"}");
    refused(*state, NULL, SPUR_MODEL, "hidden_act 'relu'");
    write_config(state, "{\"model_type\": \"vit\", \"num_attention_heads\": 4, "
                        "\"id2label\": {\"0\": \"a\", \"1\": \"b\"}}");
    refused(*state, NULL, SPUR_MODEL, "id2label names 2 classes, the last layer has 5");
    write_config(state,
                 "{\"model_type\": \"vit\", \"num_attention_heads\": 4, \"id2label\": "
                 "{\"0\": \"a\", \"1\": \"b\", \"2\": \"c\", \"3\": \"d\", \"5\": \"e\"}}");
    refused(*state, NULL, SPUR_MODEL, "no name for class 4");
    write_config(state, "[]");
    refused(*state, NULL, SPUR_MODEL, "a JSON object is expected");
}

/* One tensor of the tiny network made anew with another name, shape or value. */
static void change_tensor(void **state, const char *name, const char *new_name, size_t rows,
                          float first)
{
    spur_error error;
    arena *owner = NULL;
    tensor_out *tensors = NULL;
    size_t count = 0, shape[4];
    const vit_sizes sizes = {32, 2, 4, 64, 8, 32, 5, false, NULL};
    assert_ok(arena_new(&owner, &error), error);
    assert_ok(vit_config_make(&sizes, *state, &error), error);
    assert_ok(vit_tensors_make(&sizes, "change", owner, &tensors, &count, &error), error);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, name) != 0) {
            continue;
        }
        memcpy(shape, tensors[i].shape, tensors[i].rank * sizeof *shape);
        shape[0] = rows != 0 ? rows : shape[0];
        float *values = NULL;
        size_t elements = 1;
        for (size_t axis = 0; axis < tensors[i].rank; axis++) {
            elements *= shape[axis];
        }
        assert_ok(arena_take(owner, elements, sizeof *values, &values, &error), error);
        memset(values, 0, elements * sizeof *values);
        values[0] = first;
        tensors[i].name = new_name != NULL ? new_name : name;
        tensors[i].shape = shape;
        tensors[i].data = values;
    }
    assert_ok(safetensors_write(temp_in(*state, "model.safetensors"), tensors, count, NULL, 0,
                                &error),
              error);
    arena_free(owner);
}

static void test_tensors_that_do_not_fit_are_named(void **state)
{
    change_tensor(state, "blocks.1.mlp.fc2.bias", NULL, 31, 0);
    refused(*state, NULL, SPUR_MODEL, "'blocks.1.mlp.fc2.bias' has shape [31]");
    change_tensor(state, "norm.bias", "nrom.bias", 0, 0);
    refused(*state, NULL, SPUR_MODEL, "'norm.bias' is missing");
    change_tensor(state, "head.bias", NULL, 0, NAN);
    refused(*state, NULL, SPUR_MODEL, "'head.bias' holds 1 non-finite");
    change_tensor(state, "head.weight", "head.wieght", 0, 0);
    refused(*state, NULL, SPUR_MODEL, "'head.weight' is missing");
    change_tensor(state, "patch_embed.proj.weight", "patches.weight", 0, 0);
    refused(*state, NULL, SPUR_MODEL, "no tensor of a ViT's patches");
    change_tensor(state, "pos_embed", NULL, 2, 0);
    refused(*state, NULL, SPUR_MODEL, "'pos_embed' has shape [2, 17, 32]");
}

/* A file that has this tensor instead of head.bias is another network. */
static void test_variants_are_refused_by_name(void **state)
{
    static const char *const variants[][2] = {
        {"blocks.0.ls1.gamma", "layer scale"},
        {"reg_token", "register tokens"},
        {"blocks.0.mlp.w12.weight", "SwiGLU"},
        {"norm_pre.weight", "a norm before the blocks"},
        {"fc_norm.weight", "pooling over patches"},
        {"attn_pool.latent", "attention pooling"},
        {"blocks.0.attn.q_norm.weight", "normalised queries"},
        {"pre_logits.fc.weight", "between feature and head"},
    };
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        change_tensor(state, "head.bias", variants[i][0], 0, 0);
        refused(*state, NULL, SPUR_MODEL, variants[i][1]);
    }
}

static void test_weights_alone_need_a_recipe(void **state)
{
    spur_error error;
    spur_backbone_info info;
    spur_backbone_options options;
    const vit_sizes sizes = {64, 2, 1, 64, 8, 32, 5, false, NULL};
    assert_ok(vit_make(&sizes, "alone", *state, &error), error);
    const char *path = temp_in(*state, "my vit.safetensors");
    assert_int_equal(rename(temp_in(*state, "model.safetensors"), path), 0);
    refused(path, NULL, SPUR_MODEL, "--preprocessing torchvision-v1");
    spur_backbone_options_defaults(&options);
    options.preprocessing = "no-such";
    refused(path, &options, SPUR_USAGE, "no-such");
    options.preprocessing = "timm-vit";
    options.architecture = "vit_base_patch16_224";
    refused(path, &options, SPUR_MODEL, "not of vit_base_patch16_224");
    options.architecture = "densenet";
    refused(path, &options, SPUR_USAGE, "densenet");
    options.architecture = "resnet";
    refused(path, &options, SPUR_MODEL, "conv1.weight");
    options.architecture = "vit";
    backbone *model = open_at(path, &options);
    backbone_describe(model, &info);
    assert_string_equal(info.name, "my_vit");
    assert_string_equal(info.architecture, "vit-64-2-1_patch8_32");
    backbone_close(model);
    refused(data_path("tiny-owlvit"), NULL, SPUR_MODEL, "'owlvit', which is not supported");
}

/* Each allocation of opening fails once: a clean error or an unharmed result. */
static void test_failed_allocations_are_clean(void **state)
{
    (void)state;
    spur_error error;
    size_t failures = 0;
    for (size_t n = 1; n < 100000; n += n < 40 ? 1 : 17) {
        backbone *made = NULL;
        (void)memory_fail_at(n, false);
        spur_status status = backbone_open(data_path("tiny-vit-hf"), NULL, &made, &error);
        size_t count = memory_fail_at(0, false);
        backbone_close(made);
        if (status == SPUR_OK && count < n) {
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
        failures++;
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_image_does_not_feel_its_neighbours, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_two_libraries_names_give_one_network, temp_setup,
                                        temp_teardown),
        cmocka_unit_test(test_a_backbone_says_what_it_is),
        cmocka_unit_test(test_options_change_the_digest),
        cmocka_unit_test_setup_teardown(test_deit_normalised_as_vit_is_doubted, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_a_config_that_does_not_fit_is_refused, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_tensors_that_do_not_fit_are_named, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_variants_are_refused_by_name, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_weights_alone_need_a_recipe, temp_setup,
                                        temp_teardown),
        cmocka_unit_test(test_failed_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
