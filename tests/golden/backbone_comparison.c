/*
 * backbone_comparison.c - pictures through a backbone, and each number that leaves it.
 */
#include "backbone_comparison.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/image.h"
#include "jsonl.h"
#include "models/backbone.h"

enum {
    TRACE_MOST = 16, /* stages */
    TRACE_VALUES = 16
};

/* First values of each stage, as the reference orders them, and its root mean square. */
typedef struct trace {
    double first[TRACE_MOST][TRACE_VALUES], rms[TRACE_MOST];
    size_t stages;
} trace;

typedef struct network {
    const backbone_family *family;
    comparison with;
    backbone *model;
    backbone_worker *worker;
    spur_backbone_info info;
    float *pixels, *feature, *logits;
    size_t picture;
    trace seen;
} network;

static float *floats(size_t count)
{
    spur_error error;
    float *made = NULL;
    assert_ok(memory_new_zeroed(count, sizeof *made, &made, &error), error);
    return made;
}

static void network_open(network *made, const char *path, const char *architecture)
{
    spur_error error;
    spur_backbone_options options;
    spur_backbone_options_defaults(&options);
    options.resize_order = SPUR_RESIZE_PILLOW13;
    assert_ok(backbone_open(path, &options, &made->model, &error), error);
    assert_ok(backbone_worker_new(made->model, &made->worker, &error), error);
    backbone_describe(made->model, &made->info);
    assert_string_equal(made->info.architecture, architecture);
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
    comparison_close(&block->with);
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

static void run_network(network *of, void (*show)(void *, const char *, const float *, size_t,
                                                  size_t, size_t))
{
    spur_error error;
    const tower_watch watch = {.context = of, .show = show};
    assert_ok(backbone_run(of->model, of->worker, of->pixels, 1, of->feature, &watch, &error),
              error);
    assert_ok(head_run(backbone_head(of->model), of->feature, 1, 1, of->logits, &error), error);
}

static bool is_stage(const char *stage, const char *name)
{
    return name != NULL && strcmp(stage, name) == 0;
}

/* The values of a stage, in the order of the reference. */
static float *stage_values(const network *of, const float *rows, size_t count, size_t width,
                           size_t stride)
{
    float *values = floats(count * width);
    for (size_t i = 0; i < count * width; i++) {
        values[i] = of->family->has_channels_first ? rows[i % count * stride + i / count]
                                                   : rows[i / width * stride + i % width];
    }
    return values;
}

/* ---- tiny ------------------------------------------------------------------------------ */

/* The picture's row of a reference tensor whose first axis is the picture. */
static void compare_row(const network *of, const char *name, int kind, const float *found,
                        size_t count)
{
    expected wanted;
    assert_true(expected_read_best(of->with.reference, name, &wanted));
    assert_int_equal(wanted.count, TINY_PICTURES * count);
    const expected row = {wanted.values + of->picture * count, count, count};
    count_case(&of->with, name,
               observe(&of->family->kinds[kind], largest_difference(&row, found, count)));
    expected_free(&wanted);
}

static void show_stage(void *context, const char *stage, const float *rows, size_t count,
                       size_t width, size_t stride)
{
    const network *of = context;
    if (!is_stage(stage, of->family->unknown)) {
        float *values = stage_values(of, rows, count, width, stride);
        compare_row(of, stage, COMPARED_STAGES, values, count * width);
        memory_free(values);
    }
}

void compare_tiny_backbone(const backbone_family *family, const char *folder, const char *model,
                           const char *architecture, golden_tally *tally)
{
    char reference[128], own[64];
    network of = {.family = family};
    (void)snprintf(reference, sizeof reference, "golden/net/%s/expected.safetensors", folder);
    (void)snprintf(own, sizeof own, "golden/net/%s", folder);
    comparison_open(&of.with, folder, tally, reference);
    network_open(&of, model != NULL ? model : shared_path(own), architecture);
    assert_true(model != NULL || strcmp(of.info.name, folder) == 0);
    for (of.picture = 0; of.picture < TINY_PICTURES; of.picture++) {
        pixels_make(&of, shared_path(tiny_pictures[of.picture]));
        compare_row(&of, "pixel_values", COMPARED_PIXELS, of.pixels,
                    3 * of.info.side * of.info.side);
        run_network(&of, show_stage);
        compare_row(&of, "feature", COMPARED_FEATURE, of.feature, of.info.features);
        compare_row(&of, "logits", COMPARED_LOGITS, of.logits, of.info.classes);
    }
    network_close(&of);
}

/* ---- full size ------------------------------------------------------------------------- */

static void show_trace(void *context, const char *stage, const float *rows, size_t count,
                       size_t width, size_t stride)
{
    network *of = context;
    trace *into = &of->seen;
    double sum = 0;
    if (is_stage(stage, of->family->untraced)) {
        return;
    }
    assert_in_range(into->stages, 0, TRACE_MOST - 1);
    assert_true(count * width >= TRACE_VALUES);
    float *values = stage_values(of, rows, count, width, stride);
    for (size_t i = 0; i < TRACE_VALUES; i++) {
        into->first[into->stages][i] = (double)values[i];
    }
    for (size_t i = 0; i < count * width; i++) {
        sum += (double)values[i] * (double)values[i];
    }
    into->rms[into->stages++] = sqrt(sum / (double)(count * width));
    memory_free(values);
}

static void compare_trace(const network *of)
{
    observed *kind = &of->family->kinds[COMPARED_TRACE];
    const trace *found = &of->seen;
    expected first, rms;
    bool passed = true;
    assert_int_equal(found->stages, of->family->traced);
    assert_true(read_of_picture(&of->with, of->picture, "trace", &first));
    assert_true(read_of_picture(&of->with, of->picture, "trace_rms", &rms));
    assert_int_equal(first.count, found->stages * TRACE_VALUES);
    assert_int_equal(rms.count, found->stages);
    for (size_t stage = 0; stage < found->stages; stage++) {
        for (size_t i = 0; i < TRACE_VALUES; i++) {
            double wanted = first.values[stage * TRACE_VALUES + i];
            passed = observe(kind, fabs(found->first[stage][i] - wanted)) && passed;
        }
        passed = observe(kind, fabs(found->rms[stage] - rms.values[stage])) && passed;
    }
    count_case(&of->with, "trace", passed);
    expected_free(&first);
    expected_free(&rms);
}

static void compare_values(const network *of, const char *name, int kind, const float *found,
                           size_t count)
{
    char full[64];
    (void)snprintf(full, sizeof full, "img%zu.%s", of->picture, name);
    assert_true(compare_tensor(&of->with, full, &of->family->kinds[kind], found, count));
}

/* The ten largest logits, in order. */
static void compare_top(const network *of)
{
    expected wanted;
    bool passed = true;
    assert_true(read_of_picture(&of->with, of->picture, "top10_class", &wanted));
    assert_int_equal(wanted.count, 10);
    for (size_t i = 0; i < wanted.count; i++) {
        float value = of->logits[(size_t)wanted.values[i]];
        size_t above = 0;
        for (size_t class = 0; class < of->info.classes; class ++) {
            above += of->logits[class] > value;
        }
        passed = passed && above == i;
    }
    count_case(&of->with, "top 10", passed);
    expected_free(&wanted);
}

static void compare_photo(network *of, const json_t *facts)
{
    of->seen.stages = 0;
    pixels_make(of, full_photo_path(facts, of->picture));
    count_case(&of->with, "pixel digest",
               is_pixel_digest(facts, of->picture, of->pixels, of->info.side));
    run_network(of, show_trace);
    compare_trace(of);
    compare_values(of, "feature", COMPARED_FEATURE, of->feature, of->info.features);
    compare_values(of, "logits", COMPARED_LOGITS, of->logits, of->info.classes);
    compare_top(of);
}

void compare_full_backbone(const backbone_family *family, const char *name,
                           backbone_maker *make, const void *sizes, const char *architecture,
                           golden_tally *tally)
{
    spur_error error;
    network of = {.family = family};
    json_t *index = full_index_read();
    const json_t *facts = full_index_find(index, name);
    const char *folder = temp_make();
    assert_ok(make(sizes, jsonl_text(facts, "salt"), folder, &error), error);
    full_reference_open(&of.with, name, tally);
    network_open(&of, folder, architecture);
    size_t pictures = json_array_size(json_object_get(facts, "images"));
    for (of.picture = 0; of.picture < pictures; of.picture++) {
        compare_photo(&of, facts);
    }
    network_close(&of);
    json_decref(index);
    temp_remove();
}
