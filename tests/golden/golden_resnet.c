/*
 * golden_resnet.c - ResNets against torchvision's: the tiny ones of the reference data with
 * every stage, ResNet-18 and ResNet-50 on photographs with weights made from their names.
 *
 * Features and logits are compared with the double run. conv1 is not kept by a network with
 * folded batch norm; the stem behind it is.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expected.h"
#include "jsonl.h"
#include "resnet_maker.h"
#include "support.h"

#include "base/memory.h"
#include "io/image.h"
#include "io/json.h"
#include "models/preprocess.h"
#include "models/resnet.h"

enum kind {
    PIXELS,
    STAGES,
    FEATURE,
    LOGITS,
    TRACE,
    KIND_COUNT
};

/* Observed with AVX2: 0 (equal to the bit), 3.4e-6, 8.9e-7, 7.6e-7, 2.2e-6. */
static observed kinds[KIND_COUNT] = {
    {"pixels", 0, 0},    {"stages", 1e-5, 0}, {"feature", 2e-5, 0},
    {"logits", 2e-5, 0}, {"trace", 2e-5, 0},
};

typedef struct network {
    const char *name;
    weights *from;
    engine *on;
    engine_worker *worker;
    resnet_plan plan;
    resnet *body;
    preprocess recipe;
    float *scratch, *pixels, *feature, *logits, *head, *bias;
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

/* weights: a folder or file; the recipe is set before. */
static void network_open(network *made, const char *path)
{
    spur_error error;
    size_t side = made->recipe.width;
    assert_ok(weights_open(path, false, &made->from, &error), error);
    assert_true(resnet_recognise(made->from));
    assert_ok(resnet_plan_read(made->from, &made->plan, &error), error);
    assert_ok(weights_check_complete(made->from, &error), error);
    assert_ok(engine_open(&made->on, &error), error);
    assert_ok(resnet_open(made->on, made->from, &made->plan, side, &made->body, &error), error);
    assert_ok(engine_worker_new(made->on, &made->worker, &error), error);
    assert_ok(weights_take(made->from, "fc.weight", &made->head, &error), error);
    assert_ok(weights_take(made->from, "fc.bias", &made->bias, &error), error);
    made->scratch = floats(resnet_scratch(made->body));
    made->pixels = floats(3 * side * side);
    made->feature = floats(resnet_features(made->body));
    made->logits = floats(made->plan.classes);
}

static void network_close(network *block)
{
    memory_free(block->scratch);
    memory_free(block->pixels);
    memory_free(block->feature);
    memory_free(block->logits);
    memory_free(block->head);
    memory_free(block->bias);
    engine_worker_free(block->worker);
    resnet_close(block->body);
    engine_close(block->on);
    weights_close(block->from);
    tensor_file_close(block->reference);
}

static void pixels_make(network *of, const char *path)
{
    spur_error error;
    image picture;
    assert_ok(image_load(path, NULL, &picture, NULL, &error), error);
    assert_ok(preprocess_run(&of->recipe, &picture, of->pixels, NULL, &error), error);
    image_free(&picture);
}

static void run_network(network *of, void *context,
                        void (*show)(void *, const char *, const float *, size_t, size_t,
                                     size_t))
{
    spur_error error;
    const tower_watch watch = {.context = context, .show = show};
    size_t features = resnet_features(of->body);
    assert_ok(resnet_run(of->body, of->worker, of->scratch, of->pixels, 1, of->feature, &watch,
                         &error),
              error);
    for (size_t class = 0; class < of->plan.classes; class ++) {
        double sum = (double)of->bias[class];
        for (size_t i = 0; i < features; i++) {
            sum += (double)of->feature[i] * (double)of->head[class * features + i];
        }
        of->logits[class] = (float)sum;
    }
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

/* The reference has channels first. */
static void show_stage(void *context, const char *stage, const float *rows, size_t count,
                       size_t width, size_t stride)
{
    const look *at = context;
    if (strcmp(stage, "conv1") == 0) {
        return;
    }
    float *planes = floats(count * width);
    for (size_t i = 0; i < count * width; i++) {
        planes[i] = rows[i % count * stride + i / count];
    }
    check_row(at->of, stage, at->picture, STAGES, planes, count * width);
    memory_free(planes);
}

/* 3 pictures x (pixels, 5 stages, feature, logits). */
static void check_tiny(const char *folder, const char *weights_at, golden_tally *tally)
{
    spur_error error;
    char path[256];
    network of = {.name = weights_at, .tally = tally};
    (void)snprintf(path, sizeof path, "golden/net/%s", folder);
    assert_ok(preprocess_read(shared_path(path), &of.recipe, &error), error);
    of.recipe.order = SPUR_RESIZE_PILLOW13;
    (void)snprintf(path, sizeof path, "golden/net/%s", weights_at);
    network_open(&of, shared_path(path));
    (void)snprintf(path, sizeof path, "golden/net/%s/expected.safetensors", folder);
    assert_ok(tensor_file_open(shared_path(path), &of.reference, &error), error);
    for (size_t i = 0; i < 3; i++) {
        look at = {&of, i};
        pixels_make(&of, shared_path(tiny_pictures[i]));
        check_row(&of, "pixel_values", i, PIXELS, of.pixels,
                  3 * of.recipe.width * of.recipe.width);
        run_network(&of, &at, show_stage);
        check_row(&of, "feature", i, FEATURE, of.feature, resnet_features(of.body));
        check_row(&of, "logits", i, LOGITS, of.logits, of.plan.classes);
    }
    network_close(&of);
}

static void test_tiny(void **state)
{
    (void)state;
    golden_tally tally = {.name = "tiny resnets"};
    check_tiny("tiny-resnet-basic", "tiny-resnet-basic", &tally);
    check_tiny("tiny-resnet-bottleneck", "tiny-resnet-bottleneck", &tally);
    check_tiny("tiny-resnet-basic", "tiny-resnet-basic-pth/weights.pth", &tally);
    check_tiny("tiny-resnet-bottleneck", "tiny-resnet-bottleneck-legacy/weights.pth", &tally);
    golden_print(&tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.cases, 4 * 3 * 8);
}

/* ---- full size ----------------------------------------------------------------------------
 */

enum {
    TRACE_STAGES = RESNET_STAGES + 1,
    TRACE_CHANNELS = 16
};

/* First values of each stage and its root mean square, as the reference keeps them: the first
 * 16 values of channel 0 in row order. */
typedef struct trace {
    double first[TRACE_STAGES][TRACE_CHANNELS], rms[TRACE_STAGES];
    size_t stages;
} trace;

static void show_trace(void *context, const char *stage, const float *rows, size_t count,
                       size_t width, size_t stride)
{
    trace *into = context;
    double sum = 0;
    if (strcmp(stage, "conv1") == 0) {
        return;
    }
    assert_in_range(into->stages, 0, TRACE_STAGES - 1);
    for (size_t i = 0; i < TRACE_CHANNELS; i++) {
        into->first[into->stages][i] = (double)rows[i * stride];
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
        for (size_t class = 0; class < of->plan.classes; class ++) {
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
    size_t bytes = 3 * of->recipe.width * of->recipe.width * sizeof(float);
    count_case(
        of, "pixel digest",
        strcmp(hex_of(of->pixels, bytes), jsonl_text(facts, "pixel_values_f32_sha256")) == 0);
    run_network(of, &found, show_trace);
    check_trace(of, picture, &found);
    check_values(of, picture, "feature", FEATURE, of->feature, resnet_features(of->body));
    check_values(of, picture, "logits", LOGITS, of->logits, of->plan.classes);
    check_top(of, picture);
}

static void check_full(const char *name, golden_tally *tally)
{
    spur_error error;
    network of = {.name = name, .tally = tally};
    resnet_plan plan;
    json_t *index = NULL;
    char path[128];
    assert_ok(
        json_read_file(shared_path("golden/net/full/index.json"), SPUR_DATASET, &index, &error),
        error);
    const json_t *facts = json_object_get(json_object_get(index, "models"), name);
    assert_true(resnet_plan_find(name, &plan));
    const char *folder = temp_make();
    assert_ok(resnet_make(&plan, jsonl_text(facts, "salt"), 224, folder, &error), error);
    preprocess_torchvision(&of.recipe);
    of.recipe.order = SPUR_RESIZE_PILLOW13;
    network_open(&of, folder);
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

/* Two networks x 3 pictures x (digest, trace, feature, logits, top 10). */
static void test_full(void **state)
{
    (void)state;
    const char *parity = getenv("SPUR_PARITY");
    if (parity != NULL && strcmp(parity, "0") == 0) {
        print_message("skipped by SPUR_PARITY\n");
        skip();
    }
    golden_tally tally = {.name = "full resnets"};
    check_full("resnet18", &tally);
    check_full("resnet50", &tally);
    golden_print(&tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.cases, 2 * 3 * 5);
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
