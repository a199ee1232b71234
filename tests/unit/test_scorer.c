/*
 * test_scorer.c - the numbers of a row for every way to score, against the detector asked
 * directly, and scores that are no numbers.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/json.h"
#include "io/store.h"

/* data_path's text lives for four calls only. */
static const char *model_path(bool is_v2)
{
    static char paths[2][512];
    (void)snprintf(paths[is_v2], sizeof paths[0], "%s",
                   data_path(is_v2 ? "tiny-owlv2" : "tiny-owlvit"));
    return paths[is_v2];
}

static const char *put(void *state, const char *name, const char *text)
{
    spur_error error;
    const char *path = temp_in(state, name);
    assert_ok(file_replace(path, text, strlen(text), &error), error);
    return path;
}

/* A manifest that names three of our pictures. */
static const char *make_manifest(void *state)
{
    char text[2000];
    (void)snprintf(text, sizeof text,
                   "file_name,label\n%s/ball/ball1.png,ball\n%s/box/box2.png,box\n"
                   "%s/tree/tree3.png,tree\n",
                   data_path("photos-tiny"), data_path("photos-tiny"),
                   data_path("photos-tiny"));
    return put(state, "list.csv", text);
}

/* Rows of a run in order. */
typedef struct rows {
    store_row row[3];
    size_t count;
} rows;

static spur_status keep_row(void *context, const store_row *row, spur_error *error)
{
    rows *all = context;
    (void)error;
    assert_true(all->count < 3);
    all->row[all->count] = *row;
    all->row[all->count].file_name = NULL; /* dies with the visit */
    all->row[all->count].reason = row->reason == NULL ? NULL : "failed";
    all->count++;
    return SPUR_OK;
}

static rows score(void *state, const char *model, const spur_score_options *options)
{
    spur_error error;
    store *db = NULL;
    rows all = {.count = 0};
    spur_score_options again = *options;
    again.restart = true;
    again.threads = 1;
    const char *run = temp_in(state, "run");
    assert_ok(spur_score(make_manifest(state), run, model, &again, NULL, NULL, &error), error);
    assert_ok(store_open(run, &db, &error), error);
    assert_ok(store_each_row(db, "train", keep_row, &all, &error), error);
    store_close(db);
    assert_int_equal(all.count, 3);
    return all;
}

/* What the detector says of picture 1 (a box) for some texts. */
static spur_detect_result *look(const char *model, const char *const *texts, size_t count)
{
    spur_error error;
    spur_detector *detector = NULL;
    spur_query *query = NULL;
    spur_detect_result *result = NULL;
    spur_detect_options options;
    spur_detect_options_defaults(&options);
    assert_ok(spur_detector_open(model, NULL, &detector, &error), error);
    assert_ok(spur_query_from_text(detector, texts, count, &query, &error), error);
    assert_ok(spur_detect(detector, data_path("photos-tiny/box/box2.png"), query, &options,
                          &result, &error),
              error);
    spur_query_free(query);
    spur_detector_close(detector);
    return result;
}

static const char *const class_texts[] = {"a photo of a ball.", "a photo of a box.",
                                          "a photo of a tree."};

static size_t best_patch(const spur_detect_result *from, size_t query)
{
    size_t best = 0;
    for (size_t p = 1; p < from->patches; p++) {
        if (from->logits[p * from->queries + query] >
            from->logits[best * from->queries + query]) {
            best = p;
        }
    }
    return best;
}

static void own_and_others(void **state)
{
    spur_score_options options;
    spur_score_options_defaults(&options);
    const char *model = model_path(false);
    rows all = score(*state, model, &options);
    spur_detect_result *result = look(model, class_texts, 3);
    const store_row *row = &all.row[1];
    size_t patch = best_patch(result, 1);
    const float *there = result->logits + patch * 3;
    assert_int_equal(row->patch, patch);
    assert_true(row->logit == there[1]); /* the same bits */
    size_t other = there[0] >= there[2] ? 0 : 2;
    assert_int_equal(row->other_class, other);
    assert_true(row->other_logit == there[other]);
    assert_int_equal(row->best_count, 2);
    float ball = result->logits[best_patch(result, 0) * 3];
    float tree = result->logits[best_patch(result, 2) * 3 + 2];
    assert_true(row->best[0].logit == fmaxf(ball, tree));
    assert_true(row->best[1].logit == fminf(ball, tree));
    /* OWL-ViT is asked with the picture stretched: boxes grow with width and height. */
    const float *box = result->boxes + patch * 4;
    float width = (float)result->width;
    assert_true(fabsf(row->box[0] - (box[0] - box[2] / 2) * width) <= 1e-4F * width);
    assert_true(fabsf(row->box[2] - (box[0] + box[2] / 2) * width) <= 1e-4F * width);

    options.margin = true;
    rows margins = score(*state, model, &options);
    assert_true(margins.row[1].logit == row->logit - row->other_logit);
    spur_detect_result_free(result);
}

static void several_prompts(void **state)
{
    static const char *const texts[] = {"itap of a box.",           "a bad photo of the box.",
                                        "a origami box.",           "a photo of the large box.",
                                        "a box in a video game.",   "art of the box.",
                                        "a photo of the small box."};
    spur_score_options options;
    spur_score_options_defaults(&options);
    options.prompts = "best7";
    const char *model = model_path(false);
    rows all = score(*state, model, &options);
    spur_detect_result *result = look(model, texts, 7);
    double best = -INFINITY;
    for (size_t p = 0; p < result->patches; p++) {
        double sum = 0.0;
        for (size_t q = 0; q < 7; q++) {
            sum += (double)result->logits[p * 7 + q];
        }
        best = fmax(best, sum / 7.0);
    }
    double difference = fabs((double)all.row[1].logit - best);
    print_message("mean of seven prompts: difference %.2g\n", difference);
    assert_true(difference <= 1e-5 * fmax(1.0, fabs(best))); /* observed 1.4e-7 */
    spur_detect_result_free(result);

    char templates[600] = "";
    for (size_t q = 0; q < 7; q++) {
        const char *hole = strstr(texts[q], "box");
        size_t used = strlen(templates);
        (void)snprintf(templates + used, sizeof templates - used, "%.*s{}%s\r\n",
                       (int)(hole - texts[q]), texts[q], hole + 3);
    }
    options.prompts = put(*state, "templates", templates);
    rows same = score(*state, model, &options);
    assert_true(same.row[1].logit == all.row[1].logit);
}

static void bad_prompts(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {{"a {}\nb\n", "line 2: the template has no {}"},
                 {"\n", "no templates"},
                 {"\xFF{}\n", "line 1: the template is not UTF-8"}};
    spur_error error;
    spur_score_options options;
    spur_score_options_defaults(&options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options.prompts = put(*state, "templates", cases[i].text);
        assert_int_equal(spur_score(make_manifest(*state), temp_in(*state, "run"),
                                    data_path("tiny-owlvit"), &options, NULL, NULL, &error),
                         SPUR_DATASET);
        assert_non_null(strstr(error.message, cases[i].message));
    }
}

static void with_objectness(void **state)
{
    spur_score_options options;
    spur_score_options_defaults(&options);
    const char *model = model_path(true);
    options.objectness = true;
    rows all = score(*state, model, &options);
    spur_detect_result *result = look(model, class_texts, 3);
    assert_non_null(result->objectness);
    float best = -INFINITY;
    for (size_t p = 0; p < result->patches; p++) {
        best = fmaxf(best, result->logits[p * 3 + 1] + result->objectness[p]);
    }
    assert_true(all.row[1].logit == best);
    spur_detect_result_free(result);
}

/* More than 2000 classes: only the own one is asked, with the same answer. */
static void many_classes(void **state)
{
    spur_error error;
    spur_score_options options;
    spur_score_options_defaults(&options);
    const char *model = model_path(false);
    rows few = score(*state, model, &options);
    text_buffer list = {NULL, 0, 0};
    for (unsigned i = 0; i < 2001; i++) {
        static const char *const names[] = {"tree", "box", "ball"};
        if (i % 1000 == 0) {
            assert_ok(text_format(&list, &error, "%s\n", names[i / 1000]), error);
        } else {
            assert_ok(text_format(&list, &error, "class %u\n", i), error);
        }
    }
    options.data.class_list = put(*state, "classes", list.data);
    rows many = score(*state, model, &options);
    text_buffer_free(&list);
    for (size_t i = 0; i < 3; i++) {
        assert_true(many.row[i].logit == few.row[i].logit);
        assert_int_equal(many.row[i].patch, few.row[i].patch);
        assert_false(many.row[i].has_other);
        assert_int_equal(many.row[i].best_count, 0);
    }
    assert_int_equal(many.row[0].class_index, 2000);
    spur_run *run = NULL;
    spur_rank_summary *summary = NULL;
    assert_ok(spur_run_open(temp_in(*state, "run"), &run, &error), error);
    assert_ok(spur_rank(run, &summary, &error), error);
    assert_int_equal(summary->class_count, 3);
    assert_true(isnan(summary->classes[0].auc));
    assert_false(summary->classes[0].is_invisible);
    spur_rank_summary_free(summary);
    spur_run_close(run);
}

/* A copy of a model in which one number of a tensor is not finite. */
static const char *spoil_model(void *state, const char *tensor)
{
    static const char *const files[] = {"config.json", "preprocessor_config.json",
                                        "tokenizer.json", "model.safetensors"};
    spur_error error;
    for (size_t i = 0; i < 4; i++) {
        char from[600];
        char to[64];
        unsigned char *bytes;
        size_t size;
        (void)snprintf(from, sizeof from, "%s/%s", data_path("tiny-owlvit"), files[i]);
        assert_ok(file_load(from, 1 << 26, SPUR_MODEL, &bytes, &size, &error), error);
        if (i == 3) {
            json_t *header = NULL;
            size_t length = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
            assert_ok(
                json_read((const char *)bytes + 8, length, false, SPUR_MODEL, &header, &error),
                error);
            const json_t *offsets =
                json_object_get(json_object_get(header, tensor), "data_offsets");
            size_t at = (size_t)json_integer_value(json_array_get(offsets, 0));
            float bad = NAN;
            memcpy(bytes + 8 + length + at, &bad, sizeof bad);
            json_decref(header);
        }
        (void)snprintf(to, sizeof to, "model/%s", files[i]);
        assert_ok(file_make_folder(temp_in(state, "model"), &error), error);
        assert_ok(file_replace(temp_in(state, to), bytes, size, &error), error);
        memory_free(bytes);
    }
    return temp_in(state, "model");
}

static void numbers_that_are_none(void **state)
{
    spur_error error;
    spur_score_options options;
    spur_score_options_defaults(&options);
    char model[600];
    (void)snprintf(model, sizeof model, "%s",
                   spoil_model(*state, "class_head.logit_shift.bias"));
    assert_int_equal(spur_score(make_manifest(*state), temp_in(*state, "run"), model, &options,
                                NULL, NULL, &error),
                     SPUR_MODEL);
    options.detector.allow_nonfinite = true;
    rows all = score(*state, model, &options);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(all.row[i].reason);
        assert_int_equal(all.row[i].best_count, 0);
        assert_true(all.row[i].width > 0); /* the picture itself was fine */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_and_others, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(several_prompts, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(bad_prompts, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(with_objectness, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(many_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(numbers_that_are_none, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
