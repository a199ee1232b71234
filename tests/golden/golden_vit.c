/*
 * golden_vit.c - ViT and DeiT as backbones, from PNG or photograph to logits: the tiny ones of
 * the reference data with every stage, full sizes with weights made from their names.
 *
 * Features and logits are compared with the double run. The reference's pictures were resized
 * in Pillow 13's order.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expected.h"
#include "jsonl.h"
#include "support.h"
#include "vit_maker.h"

#include "base/memory.h"
#include "io/image.h"
#include "io/json.h"
#include "models/backbone.h"

enum kind {
    PIXELS,
    STAGES,
    FEATURE,
    LOGITS,
    TRACE,
    KIND_COUNT
};

/* Observed with AVX2: 0, 3.4e-6, 4.2e-6, 4.3e-6, 9.1e-6 (pixels: equal to the bit). */
static observed kinds[KIND_COUNT] = {
    {"pixels", 0, 0},    {"stages", 2e-5, 0}, {"feature", 2e-5, 0},
    {"logits", 2e-5, 0}, {"trace", 5e-5, 0},
};

typedef struct network {
    const char *name;
    backbone *model;
    backbone_worker *worker;
    spur_backbone_info info;
    float *pixels, *feature, *logits;
    tensor_file *reference;
    golden_tally *tally;
} network;

static void count_case(const network *of, const char *name, bool passed)
{
    of->tally->cases++;
    if (passed) {
        of->tally->passed++;
    } else {
        of->tally->failed++;
        print_message("differs: %s %s\n", of->name, name);
    }
}

static float *floats(size_t count)
{
    spur_error error;
    float *made = NULL;
    assert_ok(memory_new_zeroed(count, sizeof *made, &made, &error), error);
    return made;
}

static void network_open(network *made, const char *folder)
{
    spur_error error;
    spur_backbone_options options;
    spur_backbone_options_defaults(&options);
    options.resize_order = SPUR_RESIZE_PILLOW13;
    assert_ok(backbone_open(folder, &options, &made->model, &error), error);
    assert_ok(backbone_worker_new(made->model, &made->worker, &error), error);
    backbone_describe(made->model, &made->info);
    made->pixels = floats(3 * made->info.side * made->info.side);
    made->feature = floats(made->info.features);
    made->logits = floats(made->info.classes);
}

static void network_close(network *block)
{
    memory_free(block->pixels);
    memory_free(block->feature);
    memory_free(block->logits);
    backbone_worker_free(block->worker);
    backbone_close(block->model);
    tensor_file_close(block->reference);
}

static void pixels_make(network *of, const char *path)
{
    spur_error error;
    image picture;
    assert_ok(image_load(path, NULL, &picture, NULL, &error), error);
    assert_ok(
        preprocess_run(backbone_preprocess(of->model), &picture, of->pixels, NULL, &error),
        error);
    image_free(&picture);
}

static void run_network(network *of, void *context,
                        void (*show)(void *, const char *, const float *, size_t, size_t,
                                     size_t))
{
    spur_error error;
    const tower_watch watch = {.context = context, .show = show};
    assert_ok(backbone_run(of->model, of->worker, of->pixels, 1, of->feature, &watch, &error),
              error);
    assert_ok(head_run(backbone_head(of->model), of->feature, 1, 1, of->logits, &error), error);
}

/* ---- tiny ---------------------------------------------------------------------------------
 */

static const char *const tiny_pictures[] = {"golden/net/images/tench_60x44.png",
                                            "golden/net/images/tabby_96x96.png",
                                            "golden/net/images/mountain_bike_50x120.png"};

typedef struct look {
    network *of;
    size_t picture;
} look;

/* Row `picture` of a reference tensor whose first axis is the picture. */
static void check_row(const network *of, const char *name, size_t picture, enum kind kind,
                      const float *found, size_t count)
{
    expected wanted;
    assert_true(expected_read_best(of->reference, name, &wanted));
    assert_int_equal(wanted.count, 3 * count);
    const expected row = {wanted.values + picture * count, count, count};
    count_case(of, name, observe(&kinds[kind], largest_difference(&row, found, count)));
    expected_free(&wanted);
}

static void show_stage(void *context, const char *stage, const float *rows, size_t count,
                       size_t width, size_t stride)
{
    const look *at = context;
    float *dense = floats(count * width);
    for (size_t i = 0; i < count; i++) {
        memcpy(dense + i * width, rows + i * stride, width * sizeof *dense);
    }
    check_row(at->of, stage, at->picture, STAGES, dense, count * width);
    memory_free(dense);
}

/* 3 pictures x (pixels, 3 stages and the blocks, feature, logits). */
static void check_tiny(const char *folder, const char *architecture, golden_tally *tally)
{
    spur_error error;
    char path[256];
    network of = {.name = folder, .tally = tally};
    (void)snprintf(path, sizeof path, "golden/net/%s", folder);
    network_open(&of, shared_path(path));
    assert_string_equal(of.info.architecture, architecture);
    assert_string_equal(of.info.name, folder);
    (void)snprintf(path, sizeof path, "golden/net/%s/expected.safetensors", folder);
    assert_ok(tensor_file_open(shared_path(path), &of.reference, &error), error);
    for (size_t i = 0; i < 3; i++) {
        look at = {&of, i};
        pixels_make(&of, shared_path(tiny_pictures[i]));
        check_row(&of, "pixel_values", i, PIXELS, of.pixels, 3 * of.info.side * of.info.side);
        run_network(&of, &at, show_stage);
        check_row(&of, "feature", i, FEATURE, of.feature, of.info.features);
        check_row(&of, "logits", i, LOGITS, of.logits, of.info.classes);
    }
    network_close(&of);
}

static void test_tiny(void **state)
{
    (void)state;
    golden_tally tally = {.name = "tiny vits"};
    check_tiny("tiny-vit-hf", "vit-48-3-4_patch8_32", &tally);
    check_tiny("tiny-vit-timm", "vit-48-3-3_patch8_32", &tally);
    check_tiny("tiny-deit-distilled", "deit_distilled-48-2-4_patch8_32", &tally);
    golden_print(&tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.cases, 3 * (9 + 9 + 8));
}

/* ---- full size ----------------------------------------------------------------------------
 */

enum {
    TRACE_STAGES = 14, /* tokens, 12 blocks, norm */
    TRACE_CHANNELS = 16
};

/* First values of token 0 at each stage and the stage's root mean square. */
typedef struct trace {
    double first[TRACE_STAGES][TRACE_CHANNELS], rms[TRACE_STAGES];
    size_t stages;
} trace;

static void show_trace(void *context, const char *stage, const float *rows, size_t count,
                       size_t width, size_t stride)
{
    trace *into = context;
    double sum = 0;
    if (strcmp(stage, "patch_embed") == 0) {
        return;
    }
    assert_in_range(into->stages, 0, TRACE_STAGES - 1);
    for (size_t i = 0; i < TRACE_CHANNELS; i++) {
        into->first[into->stages][i] = (double)rows[i];
    }
    for (size_t i = 0; i < count * width; i++) {
        double value = (double)rows[i / width * stride + i % width];
        sum += value * value;
    }
    into->rms[into->stages++] = sqrt(sum / (double)(count * width));
}

static bool read_named(const network *of, size_t picture, const char *name, expected *out)
{
    char full[64];
    (void)snprintf(full, sizeof full, "img%zu.%s", picture, name);
    return expected_read_best(of->reference, full, out);
}

static void check_trace(const network *of, size_t picture, const trace *found)
{
    expected first, rms;
    bool passed = true;
    assert_int_equal(found->stages, TRACE_STAGES);
    assert_true(read_named(of, picture, "trace", &first));
    assert_true(read_named(of, picture, "trace_rms", &rms));
    for (size_t stage = 0; stage < TRACE_STAGES; stage++) {
        for (size_t i = 0; i < TRACE_CHANNELS; i++) {
            double difference =
                fabs(found->first[stage][i] - first.values[stage * TRACE_CHANNELS + i]);
            passed = observe(&kinds[TRACE], difference) && passed;
        }
        passed = observe(&kinds[TRACE], fabs(found->rms[stage] - rms.values[stage])) && passed;
    }
    count_case(of, "trace", passed);
    expected_free(&first);
    expected_free(&rms);
}

static void check_values(const network *of, size_t picture, const char *name, enum kind kind,
                         const float *found, size_t count)
{
    expected wanted;
    assert_true(read_named(of, picture, name, &wanted));
    assert_int_equal(wanted.count, count);
    count_case(of, name, observe(&kinds[kind], largest_difference(&wanted, found, count)));
    expected_free(&wanted);
}

/* The ten largest logits, in order. */
static void check_top(const network *of, size_t picture)
{
    expected wanted;
    bool passed = true;
    assert_true(read_named(of, picture, "top10_class", &wanted));
    for (size_t i = 0; i < wanted.count; i++) {
        float value = of->logits[(size_t)wanted.values[i]];
        size_t above = 0;
        for (size_t class = 0; class < of->info.classes; class ++) {
            above += of->logits[class] > value;
        }
        passed = passed && above == i;
    }
    count_case(of, "top 10", passed);
    expected_free(&wanted);
}

static void check_photo(network *of, size_t picture, const json_t *facts)
{
    char path[128];
    trace found = {.stages = 0};
    (void)snprintf(path, sizeof path, "golden/net/photos/%s", jsonl_text(facts, "file"));
    pixels_make(of, shared_path(path));
    size_t bytes = 3 * of->info.side * of->info.side * sizeof(float);
    count_case(
        of, "pixel digest",
        strcmp(hex_of(of->pixels, bytes), jsonl_text(facts, "pixel_values_f32_sha256")) == 0);
    run_network(of, &found, show_trace);
    check_trace(of, picture, &found);
    check_values(of, picture, "feature", FEATURE, of->feature, of->info.features);
    check_values(of, picture, "logits", LOGITS, of->logits, of->info.classes);
    check_top(of, picture);
}

static void check_full(const char *name, const vit_sizes *sizes, const char *architecture,
                       golden_tally *tally)
{
    spur_error error;
    network of = {.name = name, .tally = tally};
    json_t *index = NULL;
    char path[128];
    assert_ok(
        json_read_file(shared_path("golden/net/full/index.json"), SPUR_DATASET, &index, &error),
        error);
    const json_t *facts = json_object_get(json_object_get(index, "models"), name);
    const char *folder = temp_make();
    assert_ok(vit_make(sizes, jsonl_text(facts, "salt"), folder, &error), error);
    network_open(&of, folder);
    assert_string_equal(of.info.architecture, architecture);
    (void)snprintf(path, sizeof path, "golden/net/full/%s.expected.safetensors", name);
    assert_ok(tensor_file_open(shared_path(path), &of.reference, &error), error);
    const json_t *images = json_object_get(facts, "images");
    for (size_t i = 0; i < json_array_size(images); i++) {
        check_photo(&of, i, json_array_get(images, i));
    }
    network_close(&of);
    json_decref(index);
    temp_remove();
}

/* Three networks x 3 pictures x (digest, trace, feature, logits, top 10). */
static void test_full(void **state)
{
    (void)state;
    const char *parity = getenv("SPUR_PARITY");
    if (parity != NULL && strcmp(parity, "0") == 0) {
        print_message("skipped by SPUR_PARITY\n");
        skip();
    }
    golden_tally tally = {.name = "full vits"};
    vit_sizes tiny, small;
    assert_true(vit_sizes_find("deit_tiny_patch16_224", &tiny));
    assert_true(vit_sizes_find("deit_small_patch16_224", &small));
    check_full("deit_tiny", &tiny, "deit_tiny_patch16_224", &tally);
    check_full("deit_small", &small, "deit_small_patch16_224", &tally);
    small.prefix = "vit";
    check_full("vit-hf-deit_small", &small, "vit_small_patch16_224", &tally);
    golden_print(&tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.cases, 3 * 3 * 5);
}

static int print_observed(void **state)
{
    (void)state;
    observed_print(kinds, KIND_COUNT);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, print_observed);
}
