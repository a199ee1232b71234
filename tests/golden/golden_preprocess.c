/*
 * golden_preprocess.c - pixel_values of the network reference sets: tiny model folders and
 * their pictures, full-size models and photographs.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/image.h"
#include "io/tensor.h"
#include "jsonl.h"
#include "models/preprocess.h"

static golden_tally tally;
static double worst_zoom;

static void count_case(const char *what, size_t picture, bool is_right)
{
    tally.cases++;
    tally.passed += is_right;
    tally.failed += !is_right;
    if (!is_right) {
        print_message("%s, picture %zu: differs\n", what, picture);
    }
}

static float *prepare(const preprocess *recipe, const char *path)
{
    spur_error error;
    image src = {0};
    float *values = NULL;
    assert_ok(image_load(path, NULL, &src, NULL, &error), error);
    assert_ok(memory_new(recipe->width * recipe->height, 3 * sizeof *values, &values, &error),
              error);
    assert_ok(preprocess_run(recipe, &src, values, NULL, &error), error);
    image_free(&src);
    return values;
}

/* Bit-equal, or within 3e-7 where the stages are float (OWLv2; observed 2.4e-7). */
static bool agrees(const preprocess *recipe, const float *found, const float *expected,
                   size_t count)
{
    bool is_float = recipe->geometry == PREPROCESS_PAD_ZOOM;
    double worst = 0.0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)found[i] - (double)expected[i]));
    }
    worst_zoom = is_float ? fmax(worst_zoom, worst) : worst_zoom;
    return worst <= (is_float ? 3e-7 : 0.0);
}

/* The tensor of one picture: "img0.pixel_values" (detectors) or a row of "pixel_values". */
static float *expected_values(const tensor_file *from, size_t picture, size_t count)
{
    char name[40];
    spur_error error;
    float *all = NULL;
    size_t skip = 0;
    (void)snprintf(name, sizeof name, "img%zu.pixel_values", picture);
    const tensor_info *info = tensor_file_find(from, name);
    if (info == NULL) {
        info = tensor_file_find(from, "pixel_values");
        skip = picture * count;
    }
    assert_non_null(info);
    assert_true(info->elements >= skip + count);
    assert_ok(memory_new(info->elements, sizeof *all, &all, &error), error);
    assert_ok(tensor_file_read_float(from, info, all, &error), error);
    memmove(all, all + skip, count * sizeof *all);
    return all;
}

static bool tiny_picture(const preprocess *recipe, const tensor_file *expected, size_t picture)
{
    static const char *const names[] = {"tench_60x44", "tabby_96x96", "mountain_bike_50x120"};
    char path[100];
    size_t count = recipe->width * recipe->height * 3;
    (void)snprintf(path, sizeof path, "golden/net/images/%s.png", names[picture]);
    float *found = prepare(recipe, shared_path(path));
    float *wanted = expected_values(expected, picture, count);
    bool is_right = agrees(recipe, found, wanted, count);
    memory_free(found);
    memory_free(wanted);
    return is_right;
}

/* Their Pillow is 13; the third picture is where its order of passes shows. */
static void judge_tiny(const char *model)
{
    char path[100];
    spur_error error;
    preprocess recipe;
    tensor_file *expected = NULL;
    (void)snprintf(path, sizeof path, "golden/net/%s", model);
    assert_ok(preprocess_read(shared_path(path), &recipe, &error), error);
    (void)snprintf(path, sizeof path, "golden/net/%s/expected.safetensors", model);
    assert_ok(tensor_file_open(shared_path(path), &expected, &error), error);
    recipe.order = SPUR_RESIZE_PILLOW13;
    for (size_t picture = 0; picture < 3; picture++) {
        count_case(model, picture, tiny_picture(&recipe, expected, picture));
    }
    tensor_file_close(expected);
}

static void tiny_models(void **state)
{
    (void)state;
    static const char *const models[] = {
        "tiny-owlvit",         "tiny-owlv2",        "tiny-vit-hf",           "tiny-vit-timm",
        "tiny-deit-distilled", "tiny-resnet-basic", "tiny-resnet-bottleneck"};
    tally = (golden_tally){.name = "tiny pixel_values"};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        judge_tiny(models[i]);
    }
    golden_print(&tally);
    assert_int_equal(tally.passed, 21);
}

/* ---- full-size models ------------------------------------------------------------------- */

static void set_statistics(preprocess *recipe, const double mean[3], const double std[3])
{
    memcpy(recipe->mean, mean, sizeof recipe->mean);
    memcpy(recipe->std, std, sizeof recipe->std);
}

static void make_detector_recipe(preprocess *recipe, size_t side)
{
    static const double mean[] = {0.48145466, 0.4578275, 0.40821073};
    static const double std[] = {0.26862954, 0.26130258, 0.27577711};
    set_statistics(recipe, mean, std);
    recipe->geometry = PREPROCESS_STRETCH;
    recipe->filter = RESIZE_BICUBIC;
    recipe->blur = true;
    recipe->width = side;
    recipe->height = side;
}

/* Recipes as index.json describes them; there are no files. */
static preprocess full_recipe(const char *name)
{
    static const double halves[] = {0.5, 0.5, 0.5};
    preprocess recipe;
    preprocess_torchvision(&recipe);
    if (strncmp(name, "deit", 4) == 0) {
        recipe.short_side = 248;
        recipe.filter = RESIZE_BICUBIC;
    } else if (strncmp(name, "vit-hf", 6) == 0) {
        recipe.geometry = PREPROCESS_STRETCH;
        set_statistics(&recipe, halves, halves);
    } else if (strncmp(name, "owlv2", 5) == 0) {
        make_detector_recipe(&recipe, 960);
        recipe.geometry = PREPROCESS_PAD_ZOOM;
    } else if (strncmp(name, "owlvit", 6) == 0) {
        make_detector_recipe(&recipe, strstr(name, "patch14") != NULL ? 840 : 768);
    }
    return recipe;
}

static float *tensor_values(const tensor_file *from, const char *name, size_t picture,
                            size_t *count)
{
    char full_name[60];
    spur_error error;
    float *values = NULL;
    (void)snprintf(full_name, sizeof full_name, "img%zu.%s", picture, name);
    const tensor_info *info = tensor_file_find(from, full_name);
    assert_non_null(info);
    *count = info->elements;
    assert_ok(memory_new(info->elements, sizeof *values, &values, &error), error);
    if (info->dtype == TENSOR_F32) {
        assert_ok(tensor_file_read_float(from, info, values, &error), error);
    } else {
        int64_t *indices = NULL;
        assert_int_equal(info->dtype, TENSOR_I64);
        assert_ok(memory_new(info->elements, sizeof *indices, &indices, &error), error);
        assert_ok(tensor_file_read(from, info, indices, &error), error);
        for (size_t i = 0; i < info->elements; i++) {
            values[i] = (float)indices[i]; /* below 2^24: exact */
        }
        memory_free(indices);
    }
    return values;
}

/* OWLv2's 64 sampled values of a picture. */
static bool samples_agree(const preprocess *recipe, const char *model, size_t picture,
                          const float *found)
{
    char path[100];
    spur_error error;
    tensor_file *expected = NULL;
    size_t count;
    size_t value_count;
    (void)snprintf(path, sizeof path, "golden/net/full/%s.expected.safetensors", model);
    assert_ok(tensor_file_open(shared_path(path), &expected, &error), error);
    float *indices = tensor_values(expected, "pixel_index", picture, &count);
    float *wanted = tensor_values(expected, "pixel_value", picture, &value_count);
    assert_int_equal(count, 64);
    assert_int_equal(count, value_count);
    for (size_t i = 0; i < count; i++) {
        indices[i] = found[(size_t)indices[i]];
    }
    bool is_right = agrees(recipe, indices, wanted, count);
    memory_free(indices);
    memory_free(wanted);
    tensor_file_close(expected);
    return is_right;
}

static void judge_full(const char *model, const json_t *pictures)
{
    size_t i;
    const json_t *picture;
    preprocess recipe = full_recipe(model);
    json_array_foreach(pictures, i, picture)
    {
        char path[100];
        const char *expected = jsonl_text(picture, "pixel_values_f32_sha256");
        const char *order = jsonl_text(picture, "resize_order");
        bool is_new_order = order != NULL && strcmp(order, "vertical first") == 0;
        recipe.order = is_new_order ? SPUR_RESIZE_PILLOW13 : SPUR_RESIZE_PILLOW12;
        (void)snprintf(path, sizeof path, "golden/net/photos/%s", jsonl_text(picture, "file"));
        float *found = prepare(&recipe, shared_path(path));
        size_t size = recipe.width * recipe.height * 3 * sizeof *found;
        bool is_right = recipe.geometry == PREPROCESS_PAD_ZOOM
                            ? samples_agree(&recipe, model, i, found)
                            : strcmp(hex_of(found, size), expected) == 0;
        count_case(model, i, is_right);
        memory_free(found);
    }
}

static void full_models(void **state)
{
    (void)state;
    json_t *index = json_load_file(shared_path("golden/net/full/index.json"), 0, NULL);
    const char *model;
    json_t *facts;
    assert_non_null(index);
    tally = (golden_tally){.name = "full pixel_values"};
    json_object_foreach(json_object_get(index, "models"), model, facts)
    {
        judge_full(model, json_object_get(facts, "images"));
    }
    golden_print(&tally);
    print_message("OWLv2: largest difference %.3g\n", worst_zoom);
    assert_int_equal(tally.passed, tally.cases);
    assert_true(tally.cases >= 25);
    json_decref(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_models),
        cmocka_unit_test(full_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
