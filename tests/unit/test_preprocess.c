/*
 * test_preprocess.c - recipes from configuration files of all ages, refusals, and the public
 * call on the small models.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"
#include "models/preprocess.h"

/* ---- reading ---------------------------------------------------------------------------- */

static spur_status read_recipe(const char *name, const char *text, preprocess *out,
                               spur_error *error)
{
    char path[100];
    const char *folder = temp_make();
    spur_error failure;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, text, strlen(text), &failure), failure);
    spur_status status = preprocess_read(folder, out, error);
    temp_remove();
    return status;
}

static preprocess recipe_of(const char *text)
{
    preprocess recipe;
    spur_error error;
    assert_ok(read_recipe("preprocessor_config.json", text, &recipe, &error), error);
    return recipe;
}

static void sizes_in_every_spelling(void **state)
{
    (void)state;
    static const char *const spellings[] = {"40", "[40, 40]", "{\"height\":40,\"width\":40}"};
    for (size_t i = 0; i < 3; i++) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "{\"feature_extractor_type\":\"OwlViTFeatureExtractor\",\"size\":%s}",
                       spellings[i]);
        preprocess recipe = recipe_of(text);
        assert_int_equal(recipe.geometry, PREPROCESS_STRETCH);
        assert_int_equal(recipe.width, 40);
        assert_int_equal(recipe.height, 40);
    }
    preprocess wide = recipe_of("{\"image_processor_type\":\"ViTImageProcessor\","
                                "\"size\":[30, 50]}");
    assert_int_equal(wide.height, 30);
    assert_int_equal(wide.width, 50);
}

static void each_class_has_its_defaults(void **state)
{
    (void)state;
    preprocess owlvit = recipe_of("{\"image_processor_type\":\"OwlViTImageProcessorFast\"}");
    assert_int_equal(owlvit.width, 768);
    assert_int_equal(owlvit.filter, RESIZE_BICUBIC);
    assert_false(owlvit.crop);
    assert_true(owlvit.mean[0] == 0.48145466);
    preprocess owlv2 = recipe_of("{\"image_processor_type\":\"Owlv2ImageProcessor\"}");
    assert_int_equal(owlv2.geometry, PREPROCESS_PAD_ZOOM);
    assert_int_equal(owlv2.width, 960);
    assert_true(owlv2.blur);
    assert_true(owlv2.pad_value == 0.0f);
    preprocess vit = recipe_of("{\"image_processor_type\":\"ViTFeatureExtractor\"}");
    assert_int_equal(vit.geometry, PREPROCESS_STRETCH);
    assert_int_equal(vit.width, 224);
    assert_int_equal(vit.filter, RESIZE_BILINEAR);
    assert_true(vit.mean[0] == 0.5 && vit.std[2] == 0.5);
    preprocess deit = recipe_of("{\"image_processor_type\":\"DeiTImageProcessor\"}");
    assert_int_equal(deit.geometry, PREPROCESS_SHORT_SIDE);
    assert_true(deit.resize_first_square && deit.crop && !deit.crop_round_half_even);
    assert_int_equal(deit.short_side, 256);
    assert_int_equal(deit.width, 224);
}

static void switches_are_obeyed(void **state)
{
    (void)state;
    preprocess recipe = recipe_of("{\"image_processor_type\":\"OwlViTImageProcessor\","
                                  "\"rescale\":false,\"do_normalize\":false,\"resample\":1}");
    assert_false(recipe.rescale);
    assert_false(recipe.normalise);
    assert_int_equal(recipe.filter, RESIZE_LANCZOS);
    recipe = recipe_of("{\"image_processor_type\":\"Owlv2ImageProcessor\",\"resample\":0}");
    assert_false(recipe.blur);
    recipe =
        recipe_of("{\"image_processor_type\":\"ViTImageProcessor\",\"do_center_crop\":true,"
                  "\"size\":{\"shortest_edge\":256},\"crop_size\":224}");
    assert_int_equal(recipe.geometry, PREPROCESS_SHORT_SIDE);
    assert_false(recipe.resize_first_square);
    assert_int_equal(recipe.short_side, 256);
    assert_int_equal(recipe.height, 224);
}

static void timm_settings_are_read(void **state)
{
    (void)state;
    preprocess recipe;
    spur_error error;
    assert_ok(read_recipe("config.json",
                          "{\"pretrained_cfg\":{\"input_size\":[3,176,176],\"crop_pct\":0.9,"
                          "\"interpolation\":\"bilinear\",\"crop_mode\":\"squash\","
                          "\"mean\":[0.5,0.5,0.5],\"std\":[0.25,0.5,0.5]}}",
                          &recipe, &error),
              error);
    assert_int_equal(recipe.short_side, 195);
    assert_int_equal(recipe.width, 176);
    assert_true(recipe.resize_first_square && recipe.crop_round_half_even);
    assert_true(recipe.std[0] == 0.25);
    assert_ok(read_recipe("config.json", "{\"input_size\":[3,224,224],\"crop_pct\":null}",
                          &recipe, &error),
              error);
    assert_int_equal(recipe.short_side, 256);
    assert_int_equal(recipe.filter, RESIZE_BICUBIC);
}

static void newer_files_nest_the_image_processor(void **state)
{
    (void)state;
    preprocess recipe;
    spur_error error;
    assert_ok(read_recipe("processor_config.json",
                          "{\"image_processor\":{\"image_processor_type\":"
                          "\"Owlv2ImageProcessor\",\"size\":{\"height\":48,\"width\":48}}}",
                          &recipe, &error),
              error);
    assert_int_equal(recipe.width, 48);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void what_is_not_supported_is_refused(void **state)
{
    (void)state;
#define OWL "{\"image_processor_type\":\"OwlViTImageProcessor\","
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {OWL "\"size\":0}", "size holds a side that is not 1 to 16384 pixels"},
        {OWL "\"size\":\"768\"}", "size holds a side that is not 1 to 16384 pixels"},
        {OWL "\"size\":{\"height\":40}}", "size holds a side"},
        {OWL "\"size\":{\"shortest_edge\":40}}", "different sizes are not supported"},
        {OWL "\"do_resize\":false}", "do_resize is false"},
        {OWL "\"resample\":6}", "resample"},
        {OWL "\"image_mean\":[0.5]}", "image_mean is not a list of 3 numbers"},
        {OWL "\"image_std\":[0.5,0,0.5]}", "image_std is not a list of 3 numbers"},
        {OWL "\"do_center_crop\":true,\"size\":[30,40]}", "a centre crop after a resize"},
        {OWL "\"do_rescale\":1}", "do_rescale"},
        {"{\"image_processor_type\":\"Owlv2ImageProcessor\",\"do_pad\":false}", "do_pad"},
        {"{\"image_processor_type\":\"CLIPImageProcessor\"}", "\"CLIPImageProcessor\""},
        {"{}", "image processor"},
        {"[]", "object is expected"},
        {"{", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        preprocess recipe;
        spur_error error = {0};
        assert_int_equal(
            read_recipe("preprocessor_config.json", cases[i].text, &recipe, &error),
            SPUR_MODEL);
        if (strstr(error.message, cases[i].reason) == NULL ||
            strstr(error.message, "preprocessor_config.json") == NULL) {
            fail_msg("%s: %s", cases[i].text, error.message);
        }
    }
}

static void timm_settings_are_checked(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"pretrained_cfg\":{\"input_size\":[3,224,225]}}",
        "{\"pretrained_cfg\":{\"input_size\":[1,224,224]}}",
        "{\"pretrained_cfg\":{\"interpolation\":\"random\"}}",
        "{\"pretrained_cfg\":{\"crop_mode\":\"border\"}}",
        "{\"pretrained_cfg\":{\"crop_pct\":0}}",
        "{\"pretrained_cfg\":{\"crop_pct\":1.5}}",
        "{\"model_type\":\"resnet\"}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        preprocess recipe;
        spur_error error = {0};
        assert_int_equal(read_recipe("config.json", cases[i], &recipe, &error), SPUR_MODEL);
        assert_true(error.message[0] != '\0');
    }
}

static void a_folder_without_files_is_named(void **state)
{
    (void)state;
    preprocess recipe;
    spur_error error = {0};
    assert_int_equal(preprocess_read("/nonexistent", &recipe, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "/nonexistent"));
}

/* ---- running ------------------------------------------------------------------------- */

static image make_picture(size_t width, size_t height, unsigned char level)
{
    image made = {.width = width, .height = height};
    spur_error error;
    assert_ok(memory_new(width * height, 3, &made.pixels, &error), error);
    memset(made.pixels, level, width * height * 3);
    return made;
}

/* A constant picture shows the arithmetic of a level: (float32(u8 / 255) - mean) / std. */
static void levels_become_the_published_values(void **state)
{
    (void)state;
    static const float black[] = {-1.79226f, -1.75210f, -1.48022f};
    static const float white[] = {1.93034f, 2.07488f, 2.14590f};
    preprocess recipe = recipe_of("{\"image_processor_type\":\"OwlViTImageProcessor\","
                                  "\"size\":4}");
    for (int level = 0; level <= 255; level += 255) {
        image src = make_picture(5, 3, (unsigned char)level);
        float found[48];
        spur_error error;
        assert_ok(preprocess_run(&recipe, &src, found, NULL, &error), error);
        for (size_t i = 0; i < 48; i++) {
            float wanted = level == 0 ? black[i / 16] : white[i / 16];
            assert_true(fabsf(found[i] - wanted) < 6e-6f); /* five decimals published */
        }
        image_free(&src);
    }
}

static void scenic_geometry_pads(void **state)
{
    (void)state;
    preprocess recipe = recipe_of("{\"image_processor_type\":\"OwlViTImageProcessor\","
                                  "\"size\":8,\"do_normalize\":false}");
    preprocess_use_scenic(&recipe, 0.5f);
    image src = make_picture(16, 8, 255);
    image stage = {.width = 1};
    float found[3 * 64];
    spur_error error;
    assert_ok(preprocess_run(&recipe, &src, found, &stage, &error), error);
    assert_true(found[0] == 1.0f);         /* the picture */
    assert_true(found[7 * 8 + 3] == 0.5f); /* the padding below it */
    assert_null(stage.pixels);             /* there is no 8-bit stage */
    assert_int_equal(stage.width, 0);
    image_free(&src);
}

static void recipes_are_described_in_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"{\"image_processor_type\":\"OwlViTImageProcessor\"}",
         "stretch to 768x768 bicubic, times 0.00392156863, mean 0.48145466 0.4578275 "
         "0.40821073, std 0.26862954 0.26130258 0.27577711"},
        {"{\"image_processor_type\":\"Owlv2ImageProcessor\",\"do_normalize\":false}",
         "pad bottom/right with 0 to a square, blur, linear zoom to 960x960, times "
         "0.00392156863"},
        {"{\"image_processor_type\":\"DeiTImageProcessor\",\"do_normalize\":false,"
         "\"do_rescale\":false}",
         "stretch to 256x256 bicubic, centre crop 224x224"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        preprocess recipe = recipe_of(cases[i].text);
        text_buffer line = {0};
        spur_error error;
        assert_ok(preprocess_describe(&recipe, &line, &error), error);
        assert_string_equal(line.data, cases[i].line);
        text_buffer_free(&line);
    }
}

static void extreme_pictures_are_prepared(void **state)
{
    (void)state;
    static const char *const recipes[] = {
        "{\"image_processor_type\":\"OwlViTImageProcessor\",\"size\":16}",
        "{\"image_processor_type\":\"Owlv2ImageProcessor\",\"size\":16}",
        ("{\"image_processor_type\":\"ViTImageProcessor\",\"do_center_crop\":true,"
         "\"size\":{\"shortest_edge\":18},\"crop_size\":16}")};
    static const size_t sizes[][2] = {{1, 1}, {2, 1}, {1, 60000}, {60000, 1}};
    for (size_t r = 0; r < 3; r++) {
        preprocess recipe = recipe_of(recipes[r]);
        for (size_t i = 0; i < 4; i++) {
            image src = make_picture(sizes[i][0], sizes[i][1], 77);
            float found[3 * 256];
            spur_error error;
            assert_ok(preprocess_run(&recipe, &src, found, NULL, &error), error);
            for (size_t k = 0; k < 3 * 256; k++) {
                assert_true(isfinite(found[k]));
            }
            image_free(&src);
        }
    }
}

/* ---- the public call ----------------------------------------------------------------- */

static const char *const PICTURES[] = {"images/seed_baseline.jpg", "images/seed_lossless.webp"};

static spur_status write_pixels(const char *model, const spur_detector_options *options,
                                const char *path, char **description, spur_error *error)
{
    const char *images[] = {data_path(PICTURES[0]), data_path(PICTURES[1])};
    return spur_preprocess(images, 2, data_path(model), NULL, options, path, description,
                           error);
}

static void check_tensor(const tensor_file *from, const char *name, tensor_dtype dtype,
                         const size_t shape[4])
{
    const tensor_info *info = tensor_file_find(from, name);
    assert_non_null(info);
    assert_int_equal(info->dtype, dtype);
    assert_int_equal(info->rank, 4);
    assert_memory_equal(info->shape, shape, 4 * sizeof *shape);
}

static void pixels_are_written(void **state)
{
    (void)state;
    char path[100];
    char *description = NULL;
    tensor_file *back = NULL;
    spur_error error;
    (void)snprintf(path, sizeof path, "%s/pixels.safetensors", temp_make());
    assert_ok(write_pixels("tiny-owlvit", NULL, path, &description, &error), error);
    assert_non_null(strstr(description, "stretch to 40x40 bicubic"));
    spur_text_free(description);
    assert_ok(tensor_file_open(path, &back, &error), error);
    assert_int_equal(tensor_file_count(back), 2);
    check_tensor(back, "pixel_values", TENSOR_F32, (const size_t[]){2, 3, 40, 40});
    check_tensor(back, "pixels", TENSOR_U8, (const size_t[]){2, 40, 40, 3});
    tensor_file_close(back);
    assert_ok(write_pixels("tiny-owlv2", NULL, path, NULL, &error), error);
    assert_ok(tensor_file_open(path, &back, &error), error);
    assert_int_equal(tensor_file_count(back), 1);
    check_tensor(back, "pixel_values", TENSOR_F32, (const size_t[]){2, 3, 48, 48});
    tensor_file_close(back);
    temp_remove();
}

static void written_failures_name_the_picture(void **state)
{
    (void)state;
    const char *images[] = {"/nonexistent.jpg"};
    spur_error error = {0};
    char path[100];
    (void)snprintf(path, sizeof path, "%s/pixels.safetensors", temp_make());
    assert_int_equal(
        spur_preprocess(images, 1, data_path("tiny-owlvit"), NULL, NULL, path, NULL, &error),
        SPUR_IMAGE);
    assert_non_null(strstr(error.message, "/nonexistent.jpg"));
    assert_int_equal(
        spur_preprocess(images, 0, data_path("tiny-owlvit"), NULL, NULL, path, NULL, &error),
        SPUR_USAGE);
    temp_remove();
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    char path[100];
    spur_status status = SPUR_RESOURCE;
    size_t failures = 0;
    (void)snprintf(path, sizeof path, "%s/pixels.safetensors", temp_make());
    for (size_t n = 1; status != SPUR_OK; n++) {
        spur_error error = {0};
        char *description = NULL;
        (void)memory_fail_at(n, n % 2 == 0);
        status = write_pixels("tiny-owlvit", NULL, path, &description, &error);
        (void)memory_fail_at(0, false);
        if (status != SPUR_OK && status != SPUR_RESOURCE) {
            fail_msg("allocation %zu: status %d: %s", n, (int)status, error.message);
        }
        failures += status != SPUR_OK;
        spur_text_free(description);
    }
    print_message("%zu failed allocations\n", failures);
    assert_true(failures > 20);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_in_every_spelling),
        cmocka_unit_test(each_class_has_its_defaults),
        cmocka_unit_test(switches_are_obeyed),
        cmocka_unit_test(timm_settings_are_read),
        cmocka_unit_test(newer_files_nest_the_image_processor),
        cmocka_unit_test(what_is_not_supported_is_refused),
        cmocka_unit_test(timm_settings_are_checked),
        cmocka_unit_test(a_folder_without_files_is_named),
        cmocka_unit_test(levels_become_the_published_values),
        cmocka_unit_test(scenic_geometry_pads),
        cmocka_unit_test(recipes_are_described_in_a_line),
        cmocka_unit_test(extreme_pictures_are_prepared),
        cmocka_unit_test(pixels_are_written),
        cmocka_unit_test(written_failures_name_the_picture),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
