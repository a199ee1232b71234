/*
 * golden_towers.c - every intermediate of the tiny detectors against Hugging Face's.
 *
 * Runs on the copies in tests/data, from the reference's pixel values and ids on: patches,
 * tokens, norms, each layer, merged map, heads, text. Reference numbers are float32, so two
 * correct programs differ by rounding: TOLERANCE is relative to max(1, |value|), what was
 * observed stands beside it.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/owl_heads.h"
#include "models/owl_text.h"
#include "models/owl_vision.h"

/* Observed on AVX2 with oneDNN 2.6.3: largest relative difference 8.8e-6. */
static const double TOLERANCE = 3e-5;

typedef struct model {
    owl_config config;
    weights *from;
    engine *on;
    owl_vision *vision;
    owl_heads *heads;
    owl_text *text;
    tensor_file *expected;
} model;

typedef struct comparison {
    const model *of;
    const char *prefix; /* "img0" */
    golden_tally *tally;
    double largest;
} comparison;

static const float *expected_read(const model *of, const char *name, size_t *count)
{
    static float values[200000];
    spur_error error;
    const tensor_info *info = tensor_file_find(of->expected, name);
    if (info == NULL) {
        return NULL;
    }
    assert_true(info->elements <= sizeof values / sizeof values[0]);
    assert_ok(tensor_file_read_float(of->expected, info, values, &error), error);
    *count = info->elements;
    return values;
}

static void compare_rows(comparison *with, const char *name, const float *rows, size_t count,
                         size_t width, size_t stride)
{
    char full[TENSOR_NAME_SIZE];
    size_t elements = 0;
    tensor_name(full, "%s.%s", with->prefix, name);
    const float *expected = expected_read(with->of, full, &elements);
    if (expected == NULL) {
        fail_msg("the reference has no %s", full);
    }
    assert_int_equal(elements, count * width);
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < width; j++) {
            double value = (double)expected[i * width + j];
            double difference = fabs((double)rows[i * stride + j] - value);
            largest = fmax(largest, difference / fmax(1, fabs(value)));
        }
    }
    with->tally->cases++;
    with->largest = fmax(with->largest, largest);
    if (largest <= TOLERANCE) {
        with->tally->passed++;
    } else {
        with->tally->failed++;
        print_message("%s: difference %g\n", full, largest);
    }
}

static void show(void *context, const char *stage, const float *rows, size_t count,
                 size_t width, size_t stride)
{
    compare_rows(context, stage, rows, count, width, stride);
}

static void model_open(model *made, const char *name)
{
    spur_error error;
    char path[512];
    (void)snprintf(path, sizeof path, "%s", data_path(name));
    assert_ok(owl_config_read(path, false, &made->config, &error), error);
    assert_ok(weights_open(path, false, &made->from, &error), error);
    assert_ok(owl_vision_expect(made->from, &made->config, &error), error);
    assert_ok(owl_heads_expect(made->from, &made->config, &error), error);
    assert_ok(owl_text_expect(made->from, &made->config, &error), error);
    assert_ok(weights_check_complete(made->from, &error), error);
    assert_ok(engine_open(&made->on, &error), error);
    assert_ok(owl_vision_open(made->on, made->from, &made->config, made->config.vision.eps,
                              &made->vision, &error),
              error);
    assert_ok(owl_heads_open(made->on, made->from, &made->config, ACTIVATION_GELU_ERF,
                             &made->heads, &error),
              error);
    assert_ok(owl_text_open(made->on, made->from, &made->config, &made->text, &error), error);
    (void)strncat(path, "/expected.safetensors", sizeof path - strlen(path) - 1);
    assert_ok(tensor_file_open(path, &made->expected, &error), error);
}

static void model_close(model *made)
{
    owl_text_close(made->text);
    owl_heads_close(made->heads);
    owl_vision_close(made->vision);
    engine_close(made->on);
    weights_close(made->from);
    tensor_file_close(made->expected);
}

static float *floats(size_t count)
{
    spur_error error;
    float *made = NULL;
    assert_ok(memory_new_zeroed(count, sizeof *made, &made, &error), error);
    return made;
}

static void compare_heads(const model *of, engine_worker *worker, const float *map,
                          comparison *with)
{
    spur_error error;
    size_t grid = of->config.side / of->config.patch, patches = grid * grid;
    size_t width = of->config.projection;
    float *embeddings = floats(owl_heads_map_rows(of->heads) * width);
    float *shift = floats(patches), *scale = floats(patches), *boxes = floats(4 * patches);
    float *objectness = floats(patches), *scratch = floats(owl_heads_scratch(of->heads));
    assert_ok(owl_heads_class(of->heads, worker, map, embeddings, shift, scale, &error), error);
    compare_rows(with, "class_raw", embeddings, patches, width, width);
    compare_rows(with, "shift", shift, patches, 1, 1);
    compare_rows(with, "scale", scale, patches, 1, 1);
    for (size_t first = 0; first < patches; first += HEAD_ROWS) {
        assert_ok(owl_heads_boxes(of->heads, worker, map, first, scratch, boxes, &error),
                  error);
    }
    compare_rows(with, "boxes", boxes, patches, 4, 4);
    if (of->config.is_v2) {
        assert_ok(owl_heads_objectness(of->heads, worker, map, scratch, objectness, &error),
                  error);
        compare_rows(with, "objectness", objectness, patches, 1, 1);
    }
    memory_free(embeddings);
    memory_free(shift);
    memory_free(scale);
    memory_free(boxes);
    memory_free(objectness);
    memory_free(scratch);
}

static void compare_image(const model *of, engine_worker *worker, comparison *with)
{
    spur_error error;
    char name[TENSOR_NAME_SIZE];
    size_t count = 0;
    float *scratch = floats(owl_vision_scratch(of->vision));
    float *map = floats(owl_heads_map_rows(of->heads) * row_stride(of->config.vision.width));
    tensor_name(name, "%s.pixel_values", with->prefix);
    const float *expected = expected_read(of, name, &count);
    assert_non_null(expected);
    float *pixels = floats(count);
    memcpy(pixels, expected, count * sizeof *pixels);
    const tower_watch watch = {with, show, NULL};
    assert_ok(owl_vision_run(of->vision, worker, pixels, scratch, map, &watch, &error), error);
    compare_heads(of, worker, map, with);
    memory_free(pixels);
    memory_free(scratch);
    memory_free(map);
}

/* Compares what the text tower shows with row `query` of text.STAGE [Q, 16, W] or [Q, W]; of
 * the layers only the rows up to the end token, which no padding reaches. */
typedef struct text_comparison {
    comparison *with;
    size_t query, tokens;
} text_comparison;

static void show_text(void *context, const char *stage, const float *rows, size_t count,
                      size_t width, size_t stride)
{
    text_comparison *text = context;
    char full[TENSOR_NAME_SIZE];
    size_t elements = 0;
    tensor_name(full, "text.%s", stage);
    const float *expected = expected_read(text->with->of, full, &elements);
    assert_non_null(expected);
    expected += text->query * count * width;
    size_t known = count > text->tokens ? text->tokens : count;
    double largest = 0;
    for (size_t i = 0; i < known * width; i++) {
        double value = (double)expected[i];
        double found = (double)rows[i / width * stride + i % width];
        largest = fmax(largest, fabs(found - value) / fmax(1, fabs(value)));
    }
    text->with->tally->cases++;
    text->with->largest = fmax(text->with->largest, largest);
    text->with->tally->passed += largest <= TOLERANCE;
    text->with->tally->failed += !(largest <= TOLERANCE);
    if (largest > TOLERANCE) {
        print_message("%s of query %zu: difference %g\n", full, text->query, largest);
    }
}

static void compare_texts(const model *of, engine_worker *worker, comparison *with)
{
    spur_error error;
    const tensor_info *info = tensor_file_find(of->expected, "text.input_ids");
    assert_non_null(info);
    int64_t ids[64 * 16];
    assert_true(info->bytes <= sizeof ids);
    assert_ok(tensor_file_read(of->expected, info, ids, &error), error);
    float *scratch = floats(owl_text_scratch(of->text)), *embed = floats(of->config.projection);
    size_t length = info->shape[1];
    for (size_t query = 0; query < info->shape[0]; query++) {
        int32_t short_ids[64];
        size_t count = 0, last = 0;
        for (; count < length; count++) {
            short_ids[count] = (int32_t)ids[query * length + count];
            last = short_ids[count] > short_ids[last] ? count : last;
        }
        text_comparison text = {with, query, last + 1};
        const tower_watch watch = {&text, show_text, NULL};
        assert_ok(
            owl_text_run(of->text, worker, short_ids, last + 1, scratch, embed, &watch, &error),
            error);
        show_text(&text, "normed", embed, 1, of->config.projection, of->config.projection);
    }
    memory_free(scratch);
    memory_free(embed);
}

static void run_model(const char *name, size_t images)
{
    spur_error error;
    model of = {0};
    golden_tally tally = {.name = name};
    comparison with = {.of = &of, .tally = &tally};
    engine_worker *worker = NULL;
    model_open(&of, name);
    assert_ok(engine_worker_new(of.on, &worker, &error), error);
    for (size_t i = 0; i < images; i++) {
        char prefix[16];
        (void)snprintf(prefix, sizeof prefix, "img%zu", i);
        with.prefix = prefix;
        compare_image(&of, worker, &with);
    }
    compare_texts(&of, worker, &with);
    golden_print(&tally);
    print_message("%s: largest relative difference %.3g, tolerance %.3g\n", name, with.largest,
                  TOLERANCE);
    engine_worker_free(worker);
    model_close(&of);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.cases, tally.passed);
}

static void test_owlvit(void **state)
{
    (void)state;
    run_model("tiny-owlvit", 3);
}

static void test_owlv2(void **state)
{
    (void)state;
    run_model("tiny-owlv2", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owlvit),
        cmocka_unit_test(test_owlv2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
