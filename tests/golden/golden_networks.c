/*
 * golden_networks.c - the six tiny detectors through the public interface, picture in, boxes
 * out, against what Hugging Face computes.
 *
 * Compared with the double run where there is one. A case is one tensor of one picture, or
 * the whole of its detections. The references' pictures were resized in Pillow 13's order.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "comparison.h"

enum kind {
    PIXELS_V1,
    PIXELS_V2,
    TEXT,
    LOGITS,
    BOXES,
    OBJECTNESS,
    SCORES,
    PIXEL_BOXES,
    KIND_COUNT
};

/* Observed (oneDNN 2.6.3, AVX2 or wider): 0, 0, 3.0e-7, 1.0e-5, 8.9e-7, 2.4e-6, 1.5e-6, 7.6e-5.
 */
static observed kinds[KIND_COUNT] = {
    {"v1 pixels", 0, 0}, {"v2 pixels", 3e-7, 0},  {"text", 1e-6, 0},   {"logits", 5e-5, 0},
    {"boxes", 2e-5, 0},  {"objectness", 1e-4, 0}, {"scores", 1e-5, 0}, {"pixel boxes", 2e-3, 0},
};

static const char *const queries[] = {
    "a photo of a cat", "a photo of a dog", "red bicycle", "Traffic  LIGHT",
    "an old photo of the small yellow umbrella on a wooden table near the window"};

typedef struct run {
    comparison with;
    spur_detector *model;
    spur_query *texts;
    spur_detector_info facts;
} run;

/* One tensor, when the reference has it. */
static void check_tensor(const run *of, const char *name, enum kind kind, const float *found,
                         size_t count)
{
    (void)compare_tensor(&of->with, name, &kinds[kind], found, count);
}

static void check_named(const run *of, size_t picture, const char *name, enum kind kind,
                        const float *found, size_t count)
{
    char full[64];
    (void)snprintf(full, sizeof full, "img%zu.%s", picture, name);
    check_tensor(of, full, kind, found, count);
}

/* ---- detections
 * ------------------------------------------------------------------------------ */

/* prefix.scores, prefix.boxes and, for texts, prefix.labels. */
static void check_detections(const run *of, const char *prefix,
                             const spur_detect_result *result)
{
    char name[3][64];
    expected scores, boxes, labels = {NULL, 0, 0};
    (void)snprintf(name[0], sizeof name[0], "%s.scores", prefix);
    (void)snprintf(name[1], sizeof name[1], "%s.boxes", prefix);
    (void)snprintf(name[2], sizeof name[2], "%s.labels", prefix);
    if (!expected_read(of->with.reference, name[0], &scores)) {
        return;
    }
    assert_true(expected_read(of->with.reference, name[1], &boxes));
    bool has_labels = expected_read(of->with.reference, name[2], &labels);
    bool passed = scores.count == result->detection_count;
    for (size_t i = 0; passed && i < scores.count; i++) {
        const spur_detection *found = &result->detections[i];
        expected score = {scores.values + i, 1, 1}, box = {boxes.values + 4 * i, 4, 4};
        passed = observe(&kinds[SCORES], largest_difference(&score, &found->score, 1)) &&
                 observe(&kinds[PIXEL_BOXES], largest_difference(&box, found->box, 4)) &&
                 (!has_labels || labels.values[i] == (double)found->query);
    }
    count_case(&of->with, prefix, passed);
    expected_free(&scores);
    expected_free(&boxes);
    expected_free(&labels);
}

/* Picture 1 is the query, picture 0 the target. */
static void check_guided(const run *of)
{
    spur_query *query = NULL;
    spur_detect_result *result = NULL;
    spur_detect_options options;
    spur_error error;
    if (tensor_file_find(of->with.reference, "guided.logits") == NULL) {
        return;
    }
    spur_detect_options_defaults(&options);
    assert_ok(
        spur_query_from_image(of->model, shared_path(tiny_pictures[1]), NULL, &query, &error),
        error);
    assert_ok(
        spur_detect(of->model, shared_path(tiny_pictures[0]), query, &options, &result, &error),
        error);
    check_tensor(of, "guided.logits", LOGITS, result->logits, result->patches);
    check_tensor(of, "guided.target_boxes", BOXES, result->boxes, 4 * result->patches);
    check_detections(of, "guided.post", result);
    spur_detect_result_free(result);
    spur_query_free(query);
}

/* ---- texts
 * ------------------------------------------------------------------------------------ */

/* The normalised embedding from text.projected, where text.normed is not stored. */
static void normalize_rows(expected *rows)
{
    for (size_t start = 0; start < rows->count; start += rows->columns) {
        double sum = 0;
        for (size_t i = 0; i < rows->columns; i++) {
            sum += rows->values[start + i] * rows->values[start + i];
        }
        for (size_t i = 0; i < rows->columns; i++) {
            rows->values[start + i] /= sqrt(sum);
        }
    }
}

static void check_texts(const run *of, const spur_detect_result *result)
{
    expected wanted;
    if (!expected_read_best(of->with.reference, "text.normed", &wanted)) {
        assert_true(expected_read(of->with.reference, "text.projected", &wanted));
        normalize_rows(&wanted);
    }
    double difference =
        largest_difference(&wanted, result->text_embeds, result->queries * result->embedding);
    count_case(&of->with, "text", observe(&kinds[TEXT], difference));
    expected_free(&wanted);
    (void)compare_token_ids(&of->with, result);
}

/* ---- a folder
 * ---------------------------------------------------------------------------------- */

static void check_picture(const run *of, size_t picture)
{
    spur_detect_result *result = NULL;
    spur_detect_options options;
    spur_error error;
    char prefix[32];
    spur_detect_options_defaults(&options);
    assert_ok(spur_detect(of->model, shared_path(tiny_pictures[picture]), of->texts, &options,
                          &result, &error),
              error);
    check_named(of, picture, "pixel_values", of->facts.has_objectness ? PIXELS_V2 : PIXELS_V1,
                result->pixel_values, 3 * result->side * result->side);
    check_named(of, picture, "logits", LOGITS, result->logits,
                result->patches * result->queries);
    check_named(of, picture, "boxes", BOXES, result->boxes, 4 * result->patches);
    if (result->objectness != NULL) {
        check_named(of, picture, "objectness", OBJECTNESS, result->objectness, result->patches);
    }
    (void)snprintf(prefix, sizeof prefix, "img%zu.post", picture);
    check_detections(of, prefix, result);
    if (picture == 0) {
        check_texts(of, result);
    }
    spur_detect_result_free(result);
}

/* The number of cases the reference file of a folder holds. */
static void check_folder(const char *folder, size_t cases)
{
    golden_tally tally = {.name = folder};
    run of = {.model = NULL};
    spur_detector_options options;
    spur_error error;
    char path[64], reference[96];
    (void)snprintf(path, sizeof path, "golden/net/%s", folder);
    (void)snprintf(reference, sizeof reference, "%s/expected.safetensors", path);
    spur_detector_options_defaults(&options);
    options.resize_order = SPUR_RESIZE_PILLOW13;
    comparison_open(&of.with, folder, &tally, reference);
    assert_ok(spur_detector_open(shared_path(path), &options, &of.model, &error), error);
    assert_ok(spur_query_from_text(of.model, queries, 5, &of.texts, &error), error);
    spur_detector_describe(of.model, &of.facts);
    for (size_t picture = 0; picture < TINY_PICTURES; picture++) {
        check_picture(&of, picture);
    }
    check_guided(&of);
    spur_query_free(of.texts);
    spur_detector_close(of.model);
    comparison_close(&of.with);
    golden_finish(&tally, cases);
}

/* Whole sets: 3 pictures of pixels, logits, boxes, detections (and objectness), 2 of texts,
 * 3 of image-guided detection. The others hold logits, boxes and the texts' projection. */
static void test_owlvit(void **state)
{
    (void)state;
    check_folder("tiny-owlvit", 3 * 4 + 2 + 3);
}

static void test_owlv2(void **state)
{
    (void)state;
    check_folder("tiny-owlv2", 3 * 5 + 2 + 3);
}

static void test_pytorch_file(void **state)
{
    (void)state;
    check_folder("tiny-owlvit-bin", 3 * 2 + 1);
}

static void test_shards(void **state)
{
    (void)state;
    check_folder("tiny-owlvit-sharded", 3 * 2 + 1);
}

static void test_bfloat16(void **state)
{
    (void)state;
    check_folder("tiny-owlvit-bf16", 3 * 2 + 1);
}

static void test_float16(void **state)
{
    (void)state;
    check_folder("tiny-owlvit-f16", 3 * 2 + 1);
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
        cmocka_unit_test(test_owlvit),       cmocka_unit_test(test_owlv2),
        cmocka_unit_test(test_pytorch_file), cmocka_unit_test(test_shards),
        cmocka_unit_test(test_bfloat16),     cmocka_unit_test(test_float16),
    };
    return cmocka_run_group_tests(tests, NULL, print_observed);
}
