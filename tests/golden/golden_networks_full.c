/*
 * golden_networks_full.c - full-size detectors on photographs, through the public interface,
 * against what Hugging Face computes.
 *
 * The weights are made from their names (model_maker.h), so no weight file is needed. What
 * runs, SPUR_PARITY says (comparison.h). Compared with the double run where there is one; the
 * references' pictures were resized in Pillow 13's order.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "comparison.h"
#include "jsonl.h"
#include "model_maker.h"
#include "owl_layout.h"
#include "weights_by_name.h"

#include "base/memory.h"

enum kind {
    PIXELS_V1,
    PIXELS_V2,
    TEXT,
    LOGITS,
    BOXES,
    OBJECTNESS,
    ENSEMBLE,
    KIND_COUNT
};

/* Observed over the four models (oneDNN 2.6.3, AVX2 or wider): 0, 0, 4.4e-7, 3.2e-5, 3.3e-6,
 * 2.2e-5, 3.5e-5. */
static observed kinds[KIND_COUNT] = {
    {"v1 pixels", 0, 0}, {"v2 pixels", 3e-7, 0},  {"text", 1e-5, 0},     {"logits", 1e-4, 0},
    {"boxes", 1e-5, 0},  {"objectness", 1e-4, 0}, {"ensemble", 1e-4, 0},
};

static const char *const templates[] = {"itap of a cat.",           "a bad photo of the cat.",
                                        "a origami cat.",           "a photo of the large cat.",
                                        "a cat in a video game.",   "art of the cat.",
                                        "a photo of the small cat."};
enum {
    TEMPLATES = sizeof templates / sizeof *templates
};

typedef struct run {
    const json_t *facts; /* of index.json */
    comparison with;
    spur_detector *model;
    spur_query *texts;
    expected patches; /* indices of the stored patches */
    bool is_v2;
} run;

/* ---- weights
 * ---------------------------------------------------------------------------------- */

static const tensor_out *find_tensor(const tensor_out *tensors, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, name) == 0) {
            return &tensors[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

/* First and last value and the sum, as the other program made them. */
static bool has_sum(const char *salt, const tensor_out *tensor, const json_t *check)
{
    const size_t count = tensor->shape[0] * tensor->shape[1];
    float *values = NULL;
    double sum = 0;
    spur_error error;
    assert_ok(memory_new(count, sizeof *values, &values, &error), error);
    weights_fill(weights_key(salt, tensor->name),
                 weights_scale_of(tensor->name, tensor->shape, tensor->rank), 0, count, values);
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
    }
    bool same = (double)values[0] == json_real_value(json_array_get(check, 0)) &&
                (double)values[count - 1] == json_real_value(json_array_get(check, 1)) &&
                fabs(sum - json_real_value(json_array_get(check, 2))) < 1e-6;
    memory_free(values);
    return same;
}

static void check_weights(const run *of)
{
    const char *salt = jsonl_text(of->facts, "salt"), *name;
    json_t *checks = json_object_get(of->facts, "weight_check_first_last_sum"), *check;
    arena *owner = NULL;
    tensor_out *tensors = NULL;
    size_t count = 0;
    spur_error error;
    assert_ok(arena_new(&owner, &error), error);
    assert_ok(
        owl_layout_make(owl_size_find(of->with.name), 49408, owner, &tensors, &count, &error),
        error);
    json_object_foreach(checks, name, check)
    {
        count_case(&of->with, name, has_sum(salt, find_tensor(tensors, count, name), check));
    }
    arena_free(owner);
}

/* ---- one picture
 * ------------------------------------------------------------------------------- */

/* Rows of a [P, columns] result at the stored patches. */
static double difference_at_patches(const run *of, const expected *wanted, const float *found,
                                    size_t columns)
{
    double largest = 0;
    if (wanted->count != of->patches.count * columns) {
        return HUGE_VAL;
    }
    for (size_t i = 0; i < of->patches.count; i++) {
        expected row = {wanted->values + i * columns, columns, columns};
        const float *values = found + (size_t)of->patches.values[i] * columns;
        largest = fmax(largest, largest_difference(&row, values, columns));
    }
    return largest;
}

static void check_rows(const run *of, size_t picture, const char *name, enum kind kind,
                       const float *found, size_t columns)
{
    expected wanted;
    assert_true(read_of_picture(&of->with, picture, name, &wanted));
    count_case(&of->with, name,
               observe(&kinds[kind], difference_at_patches(of, &wanted, found, columns)));
    expected_free(&wanted);
}

static void check_pixels(const run *of, size_t picture, const spur_detect_result *result)
{
    expected places, wanted;
    bool passed = true;
    assert_true(read_of_picture(&of->with, picture, "pixel_index", &places));
    assert_true(read_of_picture(&of->with, picture, "pixel_value", &wanted));
    for (size_t i = 0; i < places.count; i++) {
        expected one = {wanted.values + i, 1, 1};
        double difference =
            largest_difference(&one, &result->pixel_values[(size_t)places.values[i]], 1);
        passed = observe(&kinds[of->is_v2 ? PIXELS_V2 : PIXELS_V1], difference) && passed;
    }
    count_case(&of->with, "pixel samples", passed);
    expected_free(&places);
    expected_free(&wanted);
}

/* v1: every byte of the input. */
static void check_pixel_digest(const run *of, size_t picture, const spur_detect_result *result)
{
    if (!of->is_v2) {
        count_case(&of->with, "pixel digest",
                   is_pixel_digest(of->facts, picture, result->pixel_values, result->side));
    }
}

static size_t best_patch(const spur_detect_result *result, size_t query)
{
    size_t best = 0;
    for (size_t n = 1; n < result->patches; n++) {
        if (result->logits[n * result->queries + query] >
            result->logits[best * result->queries + query]) {
            best = n;
        }
    }
    return best;
}

/* Over all patches, stored or not. */
static void check_best(const run *of, size_t picture, const spur_detect_result *result)
{
    expected patches, logits, boxes;
    bool passed = true;
    assert_true(read_of_picture(&of->with, picture, "best_patch", &patches));
    assert_true(read_of_picture(&of->with, picture, "best_logit", &logits));
    assert_true(read_of_picture(&of->with, picture, "best_box", &boxes));
    for (size_t query = 0; query < result->queries; query++) {
        size_t best = best_patch(result, query);
        expected logit = {logits.values + query, 1, 1}, box = {boxes.values + 4 * query, 4, 4};
        passed = passed && (double)best == patches.values[query] &&
                 observe(&kinds[LOGITS],
                         largest_difference(
                             &logit, &result->logits[best * result->queries + query], 1)) &&
                 observe(&kinds[BOXES], largest_difference(&box, &result->boxes[4 * best], 4));
    }
    count_case(&of->with, "best patch", passed);
    expected_free(&patches);
    expected_free(&logits);
    expected_free(&boxes);
}

static spur_detect_result *detect(const run *of, size_t picture, const spur_query *query)
{
    spur_detect_result *result = NULL;
    spur_detect_options options;
    spur_error error;
    spur_detect_options_defaults(&options);
    assert_ok(spur_detect(of->model, full_photo_path(of->facts, picture), query, &options,
                          &result, &error),
              error);
    return result;
}

static void check_texts(const run *of, const spur_detect_result *result)
{
    assert_true(compare_tensor(&of->with, "text.normed", &kinds[TEXT], result->text_embeds,
                               result->queries * result->embedding));
    assert_true(compare_token_ids(&of->with, result));
}

static void check_picture(const run *of, size_t picture)
{
    spur_detect_result *result = detect(of, picture, of->texts);
    check_pixels(of, picture, result);
    check_pixel_digest(of, picture, result);
    check_rows(of, picture, "logits", LOGITS, result->logits, result->queries);
    check_rows(of, picture, "boxes", BOXES, result->boxes, 4);
    if (of->is_v2) {
        check_rows(of, picture, "objectness", OBJECTNESS, result->objectness, 1);
    }
    check_best(of, picture, result);
    if (picture == 0) {
        check_texts(of, result);
    }
    spur_detect_result_free(result);
}

/* Logits of seven templates averaged, on the first picture. */
static void check_ensemble(const run *of)
{
    spur_query *query = NULL;
    float *means = NULL;
    expected wanted;
    spur_error error;
    if (!expected_read(of->with.reference, "ensemble.img0.logits", &wanted)) {
        return;
    }
    assert_ok(spur_query_from_text(of->model, templates, TEMPLATES, &query, &error), error);
    spur_detect_result *result = detect(of, 0, query);
    assert_ok(memory_new(result->patches, sizeof *means, &means, &error), error);
    for (size_t n = 0; n < result->patches; n++) {
        double sum = 0;
        for (size_t k = 0; k < TEMPLATES; k++) {
            sum += (double)result->logits[n * TEMPLATES + k];
        }
        means[n] = (float)(sum / TEMPLATES);
    }
    count_case(&of->with, "ensemble",
               observe(&kinds[ENSEMBLE], difference_at_patches(of, &wanted, means, 1)));
    memory_free(means);
    spur_detect_result_free(result);
    spur_query_free(query);
    expected_free(&wanted);
}

/* ---- a model
 * ------------------------------------------------------------------------------------ */

static void make_folder(const run *of, const char *folder)
{
    const model_request request = {of->with.name, false, jsonl_text(of->facts, "salt"),
                                   shared_path("golden/data/tokenizer"), folder};
    spur_error error;
    assert_ok(model_make(&request, &error), error);
}

static void make_queries(run *of)
{
    const char *texts[8];
    const json_t *list = json_object_get(of->facts, "queries");
    spur_error error;
    size_t count = json_array_size(list);
    assert_in_range(count, 1, 8);
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_string_value(json_array_get(list, i));
    }
    assert_ok(spur_query_from_text(of->model, texts, count, &of->texts, &error), error);
}

static void open_model(run *of, const char *folder, bool literal)
{
    spur_detector_options options;
    spur_error error;
    spur_detector_options_defaults(&options);
    options.resize_order = SPUR_RESIZE_PILLOW13;
    options.literal_config = literal;
    assert_ok(spur_detector_open(folder, &options, &of->model, &error), error);
    make_queries(of);
}

static void close_model(run *of)
{
    spur_query_free(of->texts);
    spur_detector_close(of->model);
}

/* owlvit-large-patch14's config.json states 16 text heads: taken at its word. */
static void check_literal(run *of, const char *folder)
{
    expected wanted;
    if (!expected_read(of->with.reference, "text16.img0.logits", &wanted)) {
        return;
    }
    open_model(of, folder, true);
    spur_detect_result *result = detect(of, 0, of->texts);
    count_case(&of->with, "16 text heads",
               observe(&kinds[LOGITS],
                       difference_at_patches(of, &wanted, result->logits, result->queries)));
    spur_detect_result_free(result);
    close_model(of);
    expected_free(&wanted);
}

/* Every picture, with the model as Spur opens it. */
static void check_pictures(run *of, const char *folder)
{
    open_model(of, folder, false);
    size_t pictures = json_array_size(json_object_get(of->facts, "images"));
    for (size_t picture = 0; picture < pictures; picture++) {
        check_picture(of, picture);
    }
    check_ensemble(of);
    close_model(of);
}

static void check_model(const char *name, size_t cases)
{
    golden_tally tally = {.name = name};
    run of = {.is_v2 = strncmp(name, "owlv2", 5) == 0};
    json_t *index = full_index_read();
    of.facts = full_index_find(index, name);
    full_reference_open(&of.with, name, &tally);
    assert_true(expected_read(of.with.reference, "patch_index", &of.patches));
    check_weights(&of);
    const char *folder = temp_make();
    make_folder(&of, folder);
    check_literal(&of, folder);
    check_pictures(&of, folder);
    temp_remove();
    expected_free(&of.patches);
    comparison_close(&of.with);
    json_decref(index);
    golden_finish(&tally, cases);
}

/* 4 weight checks, 5 per picture (v2: no digest, objectness instead), 2 texts,
 * ensemble; large: 16 text heads instead. */
static void test_base_32(void **state)
{
    (void)state;
    skip_when(parity_is("0") || parity_is("backbones"));
    check_model("owlvit-base-patch32", 4 + 3 * 5 + 2 + 1);
}

static void test_base_16(void **state)
{
    (void)state;
    skip_when(!parity_is("1"));
    check_model("owlvit-base-patch16", 4 + 3 * 5 + 2 + 1);
}

static void test_v2_base_16(void **state)
{
    (void)state;
    skip_when(!parity_is("1"));
    check_model("owlv2-base-patch16-ensemble", 4 + 3 * 5 + 2 + 1);
}

static void test_large_14(void **state)
{
    (void)state;
    skip_when(!parity_is("1"));
    check_model("owlvit-large-patch14", 4 + 1 * 5 + 2 + 1);
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
        cmocka_unit_test(test_base_32),
        cmocka_unit_test(test_base_16),
        cmocka_unit_test(test_v2_base_16),
        cmocka_unit_test(test_large_14),
    };
    return cmocka_run_group_tests(tests, NULL, print_observed);
}
