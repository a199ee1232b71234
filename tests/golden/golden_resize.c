/*
 * golden_resize.c - resampling and preparation against Pillow 13 and 12, Hugging Face's image
 * processors, timm's and torchvision's transforms. 8-bit stages are compared by digest:
 * tolerance zero.
 */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/image.h"
#include "jsonl.h"
#include "models/preprocess.h"

static golden_tally tally;

static void count_case(const json_t *row, const char *what, bool is_right)
{
    tally.passed += is_right;
    tally.failed += !is_right;
    if (!is_right) {
        print_message("%s: %s differs\n", jsonl_text(row, "input"), what);
    }
}

static image input_of(const json_t *row)
{
    char name[300];
    image picture = {0};
    spur_error error;
    (void)snprintf(name, sizeof name, "golden/data/resize/inputs/%s", jsonl_text(row, "input"));
    assert_ok(image_load(shared_path(name), NULL, &picture, NULL, &error), error);
    return picture;
}

static size_t number_at(const json_t *row, const char *key, size_t index)
{
    return (size_t)json_integer_value(json_array_get(json_object_get(row, key), index));
}

static resize_filter filter_of(const json_t *row)
{
    const char *name = jsonl_text(row, "filter");
    return strcmp(name, "bicubic") == 0   ? RESIZE_BICUBIC
           : strcmp(name, "lanczos") == 0 ? RESIZE_LANCZOS
                                          : RESIZE_BILINEAR;
}

static bool has_digest(const image *picture, const char *expected)
{
    return strcmp(hex_of(picture->pixels, picture->width * picture->height * 3), expected) == 0;
}

/* The digest a row holds for an order of passes: `key`, or `key`_if_horizontal_first. */
static const char *digest_for(const json_t *row, const char *key, const char *old_key,
                              spur_resize_order order)
{
    const char *old = jsonl_text(row, old_key);
    return order == SPUR_RESIZE_PILLOW12 && old != NULL ? old : jsonl_text(row, key);
}

/* ---- Pillow ----------------------------------------------------------------------------- */

static bool resizes_to(const json_t *row, const image *src, spur_resize_order order)
{
    image out = {0};
    spur_error error;
    assert_ok(image_resize(src, number_at(row, "out_size", 0), number_at(row, "out_size", 1),
                           filter_of(row), order, &out, &error),
              error);
    bool is_right = has_digest(
        &out, digest_for(row, "sha256_rgb", "sha256_rgb_if_horizontal_first", order));
    image_free(&out);
    return is_right;
}

static void judge_pillow(const json_t *row, void *context)
{
    (void)context;
    image src = input_of(row);
    bool is_right = resizes_to(row, &src, SPUR_RESIZE_PILLOW13) &&
                    resizes_to(row, &src, SPUR_RESIZE_PILLOW12);
    count_case(row, "resized picture", is_right);
    image_free(&src);
}

/* ---- recipes from a configuration text -------------------------------------------------- */

static preprocess recipe_of(const char *file_name, const char *config)
{
    preprocess recipe;
    spur_error error;
    char *path = NULL;
    const char *folder = temp_make();
    assert_ok(file_join(folder, file_name, &path, &error), error);
    assert_ok(file_replace(path, config, strlen(config), &error), error);
    assert_ok(preprocess_read(folder, &recipe, &error), error);
    memory_free(path);
    temp_remove();
    return recipe;
}

/* Largest difference between sampled values and the expected ones. */
static double worst_of(const json_t *expected, const json_t *indices, const float *values)
{
    double worst = 0.0;
    size_t count = json_array_size(expected);
    assert_true(count > 0 && count == json_array_size(indices));
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)json_integer_value(json_array_get(indices, i));
        float wanted = (float)json_number_value(json_array_get(expected, i));
        worst = fmax(worst, fabs((double)values[at] - (double)wanted));
    }
    return worst;
}

/* A set with one recipe: what to run, where to look, how far off it may be. */
typedef struct recipe_set {
    preprocess recipe;
    const json_t *indices;
    double tolerance, worst;
} recipe_set;

static float *run_recipe(const preprocess *recipe, const json_t *row, image *stage)
{
    spur_error error;
    float *values = NULL;
    image src = input_of(row);
    assert_ok(memory_new(recipe->width * recipe->height, 3 * sizeof *values, &values, &error),
              error);
    assert_ok(preprocess_run(recipe, &src, values, stage, &error), error);
    image_free(&src);
    return values;
}

static json_t *indices_of(const char *name)
{
    json_t *named = json_load_file(shared_path(name), 0, NULL);
    assert_non_null(named);
    return named;
}

/* ---- Hugging Face ----------------------------------------------------------------------- */

static const json_t *hf_values(const json_t *row, spur_resize_order order)
{
    const json_t *old = json_object_get(row, "pil_if_horizontal_first");
    const json_t *values =
        order == SPUR_RESIZE_PILLOW12 && old != NULL ? old : json_object_get(row, "pil");
    return json_is_object(values) ? json_object_get(values, "values") : values;
}

static bool owlvit_matches(const json_t *row, recipe_set *set, spur_resize_order order)
{
    image stage = {0};
    set->recipe.order = order;
    float *values = run_recipe(&set->recipe, row, &stage);
    double worst = worst_of(hf_values(row, order), set->indices, values);
    bool is_right =
        worst <= set->tolerance &&
        has_digest(&stage, digest_for(row, "resized_u8_sha256_pil",
                                      "resized_u8_sha256_if_horizontal_first", order));
    set->worst = fmax(set->worst, worst);
    image_free(&stage);
    memory_free(values);
    return is_right;
}

static void judge_owlvit(const json_t *row, void *context)
{
    bool is_right = owlvit_matches(row, context, SPUR_RESIZE_PILLOW13) &&
                    owlvit_matches(row, context, SPUR_RESIZE_PILLOW12);
    count_case(row, "OWL-ViT input", is_right);
}

static void judge_owlv2(const json_t *row, void *context)
{
    recipe_set *set = context;
    float *values = run_recipe(&set->recipe, row, NULL);
    double worst = worst_of(hf_values(row, SPUR_RESIZE_PILLOW13), set->indices, values);
    set->worst = fmax(set->worst, worst);
    count_case(row, "OWLv2 input", worst <= set->tolerance);
    memory_free(values);
}

/* ---- timm ------------------------------------------------------------------------------- */

#define TIMM_STATISTICS                                                                        \
    "\"mean\":[0.485,0.456,0.406],\"std\":[0.229,0.224,0.225],\"crop_mode\":\"center\""

static const char *timm_config(const char *transform)
{
    if (strcmp(transform, "resnet50.tv_in1k") == 0) {
        return "{\"pretrained_cfg\":{\"input_size\":[3,224,224],\"crop_pct\":0.875,"
               "\"interpolation\":\"bilinear\"," TIMM_STATISTICS "}}";
    }
    if (strcmp(transform, "resnet50.a1_in1k") == 0) {
        return "{\"pretrained_cfg\":{\"input_size\":[3,224,224],\"crop_pct\":0.95,"
               "\"interpolation\":\"bicubic\"," TIMM_STATISTICS "}}";
    }
    if (strcmp(transform, "resnet50.a1_in1k@test") == 0) {
        return "{\"pretrained_cfg\":{\"input_size\":[3,288,288],\"crop_pct\":1.0,"
               "\"interpolation\":\"bicubic\"," TIMM_STATISTICS "}}";
    }
    assert_string_equal(transform, "deit_small_patch16_224.fb_in1k");
    return "{\"pretrained_cfg\":{\"input_size\":[3,224,224],\"crop_pct\":0.9,"
           "\"interpolation\":\"bicubic\"," TIMM_STATISTICS "}}";
}

static bool timm_matches(const json_t *row, recipe_set *set, spur_resize_order order)
{
    image stage = {0};
    const json_t *old = json_object_get(row, "values_if_horizontal_first");
    const json_t *expected =
        order == SPUR_RESIZE_PILLOW12 && old != NULL ? old : json_object_get(row, "values");
    set->recipe.order = order;
    float *values = run_recipe(&set->recipe, row, &stage);
    double worst = worst_of(expected, set->indices, values);
    bool is_right =
        worst <= set->tolerance &&
        has_digest(&stage, digest_for(row, "cropped_u8_sha256",
                                      "cropped_u8_sha256_if_horizontal_first", order));
    set->worst = fmax(set->worst, worst);
    image_free(&stage);
    memory_free(values);
    return is_right;
}

static void judge_timm(const json_t *row, void *context)
{
    recipe_set *set = context;
    const json_t *all = set->indices;
    char key[40];
    set->recipe = recipe_of("config.json", timm_config(jsonl_text(row, "transform")));
    (void)snprintf(key, sizeof key, "indices_%zu", set->recipe.width);
    set->indices = json_object_get(all, key);
    bool is_right = timm_matches(row, set, SPUR_RESIZE_PILLOW13) &&
                    timm_matches(row, set, SPUR_RESIZE_PILLOW12);
    set->indices = all;
    count_case(row, "timm input", is_right);
}

/* ---- torchvision ------------------------------------------------------------------------ */

static bool size_is(const json_t *row, const char *key, const image *picture)
{
    return picture->width == number_at(row, key, 0) &&
           picture->height == number_at(row, key, 1);
}

/* A row of n columns 1 .. n, cropped to c: which columns stay, 0 for padding. */
static void judge_crop(const json_t *row)
{
    size_t n = (size_t)json_integer_value(json_object_get(row, "n"));
    size_t crop = (size_t)json_integer_value(json_object_get(row, "crop"));
    spur_error error;
    image src = {.width = n, .height = n};
    image stage = {0};
    float *values = NULL;
    preprocess recipe;
    preprocess_torchvision(&recipe);
    recipe.short_side = n;
    recipe.width = crop;
    recipe.height = crop;
    assert_ok(memory_new(n * n, 3, &src.pixels, &error), error);
    assert_ok(memory_new(crop * crop, 3 * sizeof *values, &values, &error), error);
    for (size_t i = 0; i < n * n * 3; i++) {
        src.pixels[i] = (unsigned char)(i / 3 % n + 1);
    }
    assert_ok(preprocess_run(&recipe, &src, values, &stage, &error), error);
    bool is_right = true;
    size_t middle = n < crop ? (crop - n) / 2 : crop / 2; /* a row of the picture */
    for (size_t x = 0; x < crop; x++) {
        is_right &= stage.pixels[(middle * crop + x) * 3] == number_at(row, "row_plus1", x);
    }
    tally.passed += is_right;
    tally.failed += !is_right;
    image_free(&src);
    image_free(&stage);
    memory_free(values);
}

static void judge_torchvision(const json_t *row, void *context)
{
    (void)context;
    if (json_object_get(row, "crop_offset_case") != NULL) {
        judge_crop(row);
        return;
    }
    image src = input_of(row);
    image whole = {0};
    image stage = {0};
    spur_error error;
    preprocess recipe;
    preprocess_torchvision(&recipe);
    recipe.short_side = (size_t)json_integer_value(json_object_get(row, "resize_short"));
    recipe.width = (size_t)json_integer_value(json_object_get(row, "crop"));
    recipe.height = recipe.width;
    recipe.filter = filter_of(row);
    recipe.order = SPUR_RESIZE_PILLOW13; /* these digests hold for Pillow 13 only */
    float *values = run_recipe(&recipe, row, &stage);
    assert_ok(image_resize(&src, number_at(row, "resized_size", 0),
                           number_at(row, "resized_size", 1), recipe.filter, recipe.order,
                           &whole, &error),
              error);
    bool is_right = has_digest(&whole, jsonl_text(row, "resized_sha256")) &&
                    has_digest(&stage, jsonl_text(row, "cropped_sha256")) &&
                    size_is(row, "resized_size", &whole);
    count_case(row, "torchvision picture", is_right);
    image_free(&src);
    image_free(&whole);
    image_free(&stage);
    memory_free(values);
}

/* ---- the sets --------------------------------------------------------------------------- */

static void run_set(const char *name, void (*judge)(const json_t *row, void *context),
                    void *context)
{
    char path[100];
    (void)snprintf(path, sizeof path, "golden/data/resize/%s.jsonl", name);
    tally = (golden_tally){.name = name};
    tally.cases = jsonl_each(path, judge, context);
    golden_print(&tally);
    assert_int_equal(tally.passed, tally.cases);
    assert_int_equal(tally.failed, 0);
}

static void pillow_resizes(void **state)
{
    (void)state;
    run_set("pillow", judge_pillow, NULL);
}

/* OWL-ViT: bit-equal; the expected floats have 9 digits, so they round-trip. */
static void owlvit_inputs(void **state)
{
    (void)state;
    json_t *named = indices_of("golden/data/resize/hf_owlvit_indices.json");
    recipe_set set = {.tolerance = 0.0, .indices = json_object_get(named, "indices")};
    set.recipe = recipe_of("preprocessor_config.json",
                           "{\"image_processor_type\":\"OwlViTImageProcessor\","
                           "\"size\":{\"height\":768,\"width\":768},\"resample\":3}");
    run_set("hf_owlvit", judge_owlvit, &set);
    json_decref(named);
}

/* OWLv2: within 3e-7 of normalised units, about one unit in the last place of the float32
 * stages between (observed: see the printed number). */
static void owlv2_inputs(void **state)
{
    (void)state;
    json_t *named = indices_of("golden/data/resize/hf_owlv2_indices.json");
    recipe_set set = {.tolerance = 3e-7, .indices = json_object_get(named, "indices")};
    set.recipe = recipe_of("preprocessor_config.json",
                           "{\"image_processor_type\":\"Owlv2ImageProcessor\",\"do_pad\":true,"
                           "\"size\":{\"height\":960,\"width\":960},\"resample\":2}");
    run_set("hf_owlv2", judge_owlv2, &set);
    print_message("hf_owlv2: largest difference %.3g\n", set.worst);
    json_decref(named);
}

static void timm_inputs(void **state)
{
    (void)state;
    json_t *named = indices_of("golden/data/resize/timm_indices.json");
    recipe_set set = {.tolerance = 0.0, .indices = named};
    run_set("timm", judge_timm, &set);
    json_decref(named);
}

static void torchvision_inputs(void **state)
{
    (void)state;
    run_set("torchvision", judge_torchvision, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pillow_resizes),     cmocka_unit_test(owlvit_inputs),
        cmocka_unit_test(owlv2_inputs),       cmocka_unit_test(timm_inputs),
        cmocka_unit_test(torchvision_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
