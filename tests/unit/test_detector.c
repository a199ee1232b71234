/*
 * test_detector.c - what must hold of any detector, on the tiny ones: a query does not feel
 * other queries, one box equals its row of all, workers and file formats give the same bits.
 */
#include "support.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "models/detector.h"

enum {
    SIDE = 90,
    PATCHES_MAX = 64,
    WIDTH_MAX = 64
};

typedef struct eye {
    detector *model;
    detector_worker *worker;
    image picture;
} eye;

static void eye_open(eye *made, const char *folder)
{
    spur_error error;
    assert_ok(detector_open(data_path(folder), NULL, &made->model, &error), error);
    assert_ok(detector_worker_new(made->model, &made->worker, &error), error);
    made->picture = (image){.width = SIDE, .height = SIDE / 2};
    assert_ok(memory_new((size_t)3 * SIDE * SIDE / 2, 1, &made->picture.pixels, &error), error);
    for (size_t i = 0; i < (size_t)3 * SIDE * SIDE / 2; i++) {
        made->picture.pixels[i] = (unsigned char)(i * i / 7 % 251);
    }
    assert_ok(detector_look(made->worker, &made->picture, &error), error);
}

static void eye_close(eye *block)
{
    image_free(&block->picture);
    detector_worker_free(block->worker);
    detector_close(block->model);
}

static void encode(const eye *with, const char *text, float *embed)
{
    spur_error error;
    assert_ok(detector_encode_text(with->worker, text, strlen(text), embed, NULL, &error),
              error);
}

static void test_a_query_does_not_feel_the_others(void **state)
{
    (void)state;
    eye with;
    float queries[3 * WIDTH_MAX], alone[PATCHES_MAX], together[3 * PATCHES_MAX];
    eye_open(&with, "tiny-owlvit");
    size_t width = detector_embedding(with.model), patches = detector_patches(with.model);
    encode(&with, "a photo of a cat", queries);
    encode(&with, "a photo of a dog", queries + width);
    encode(&with, "red", queries + 2 * width);
    detector_logits(with.worker, queries, 3, false, together);
    for (size_t j = 0; j < 3; j++) {
        detector_logits(with.worker, queries + j * width, 1, false, alone);
        for (size_t n = 0; n < patches; n++) {
            assert_memory_equal(&alone[n], &together[3 * n + j], sizeof alone[n]);
        }
    }
    eye_close(&with);
}

/* A mean of logits over templates is one query with the mean of the normalised embeddings
 * (method.md 1); tolerance 1e-5, observed 2e-6. */
static void test_an_ensemble_is_one_query(void **state)
{
    (void)state;
    static const char *const texts[] = {"itap of a cat.", "a bad photo of the cat.",
                                        "art of the cat."};
    eye with;
    float queries[3 * WIDTH_MAX], mean[WIDTH_MAX] = {0};
    float each[3 * PATCHES_MAX], joint[PATCHES_MAX];
    eye_open(&with, "tiny-owlv2");
    size_t width = detector_embedding(with.model), patches = detector_patches(with.model);
    for (size_t j = 0; j < 3; j++) {
        encode(&with, texts[j], queries + j * width);
        for (size_t i = 0; i < width; i++) {
            mean[i] += queries[j * width + i] / 3;
        }
    }
    detector_logits(with.worker, queries, 3, false, each);
    detector_logits(with.worker, mean, 1, true, joint);
    for (size_t n = 0; n < patches; n++) {
        float expected = (each[3 * n] + each[3 * n + 1] + each[3 * n + 2]) / 3;
        assert_true(fabsf(joint[n] - expected) < 1e-5F * fmaxf(1, fabsf(expected)));
    }
    eye_close(&with);
}

static void test_one_box_equals_its_row_of_all(void **state)
{
    (void)state;
    eye with;
    spur_error error;
    float all[4 * PATCHES_MAX], one[4];
    eye_open(&with, "tiny-owlv2");
    for (size_t n = detector_patches(with.model); n-- > 0;) {
        assert_ok(detector_box(with.worker, n, all + 4 * n, &error), error);
    }
    for (size_t n = 0; n < detector_patches(with.model); n += 5) {
        assert_ok(detector_look(with.worker, &with.picture, &error), error);
        assert_ok(detector_box(with.worker, n, one, &error), error);
        assert_memory_equal(one, all + 4 * n, sizeof one);
    }
    eye_close(&with);
}

typedef struct crowd {
    const eye *with;
    float logits[8][PATCHES_MAX];
} crowd;

static spur_status look_again(void *context, size_t worker, size_t item, spur_error *error)
{
    spur_status status;
    crowd *of = context;
    detector_worker *own = NULL;
    float query[WIDTH_MAX];
    (void)worker;
    TRY(detector_worker_new(of->with->model, &own, error));
    TRY(detector_encode_text(own, "a dog", 5, query, NULL, error));
    TRY(detector_look(own, &of->with->picture, error));
    detector_logits(own, query, 1, false, of->logits[item]);
done:
    detector_worker_free(own);
    return status;
}

static void test_workers_give_the_same_bits(void **state)
{
    (void)state;
    eye with;
    spur_error error;
    eye_open(&with, "tiny-owlvit");
    static crowd of;
    of.with = &with;
    assert_ok(parallel_for(4, 8, look_again, &of, &error), error);
    for (size_t i = 1; i < 8; i++) {
        assert_memory_equal(of.logits[i], of.logits[0],
                            detector_patches(with.model) * sizeof(float));
    }
    eye_close(&with);
}

static void test_formats_give_the_same_bits(void **state)
{
    (void)state;
    static const char *const folders[] = {"tiny-owlvit", "tiny-owlvit-bin",
                                          "tiny-owlvit-sharded"};
    float query[WIDTH_MAX], first[PATCHES_MAX], other[PATCHES_MAX];
    for (size_t i = 0; i < 3; i++) {
        eye with;
        eye_open(&with, folders[i]);
        encode(&with, "a photo of a cat!", query);
        detector_logits(with.worker, query, 1, false, i == 0 ? first : other);
        if (i > 0) {
            assert_memory_equal(first, other, detector_patches(with.model) * sizeof *first);
        }
        eye_close(&with);
    }
}

static void test_long_text_is_cut_and_says_so(void **state)
{
    (void)state;
    eye with;
    spur_error error;
    float embed[WIDTH_MAX];
    token_ids ids = {0};
    const char *text = "one two three four five six seven eight nine ten eleven twelve";
    eye_open(&with, "tiny-owlvit");
    assert_ok(detector_encode_text(with.worker, text, strlen(text), embed, &ids, &error),
              error);
    assert_true(ids.truncated);
    assert_int_equal(ids.count, detector_max_tokens(with.model));
    assert_int_equal(ids.ids[ids.count - 1], tokenizer_end(detector_tokenizer(with.model)));
    token_ids_free(&ids);
    detector_drop_text(with.model);
    assert_int_equal(detector_encode_text(with.worker, text, 3, embed, NULL, &error),
                     SPUR_INTERNAL);
    eye_close(&with);
}

static void test_boxes_scale_by_the_geometry(void **state)
{
    (void)state;
    const float box[4] = {0.5F, 0.5F, 0.5F, 0.25F};
    float pixels[4];
    eye v1, v2;
    eye_open(&v1, "tiny-owlvit");
    eye_open(&v2, "tiny-owlv2");
    detector_box_to_pixels(v1.model, box, 200, 100, pixels);
    assert_true(pixels[0] == 50 && pixels[1] == 37.5F && pixels[2] == 150 &&
                pixels[3] == 62.5F);
    detector_box_to_pixels(v2.model, box, 200, 100, pixels);
    assert_true(pixels[0] == 50 && pixels[1] == 75 && pixels[2] == 150 && pixels[3] == 125);
    eye_close(&v1);
    eye_close(&v2);
}

static void test_objectness_is_owlv2s(void **state)
{
    (void)state;
    eye with;
    spur_error error;
    const float *objectness = NULL;
    eye_open(&with, "tiny-owlvit");
    assert_int_equal(detector_objectness(with.worker, &objectness, &error), SPUR_USAGE);
    assert_non_null(strstr(error.message, "OWLv2"));
    eye_close(&with);
}

static void test_scenic_geometry_changes_the_digest(void **state)
{
    (void)state;
    spur_error error;
    spur_detector_options options;
    detector *hf = NULL, *scenic = NULL;
    spur_detector_options_defaults(&options);
    assert_ok(detector_open(data_path("tiny-owlvit"), &options, &hf, &error), error);
    options.geometry = SPUR_GEOMETRY_SCENIC;
    assert_ok(detector_open(data_path("tiny-owlvit"), &options, &scenic, &error), error);
    assert_string_not_equal(detector_digest(hf), detector_digest(scenic));
    assert_int_equal(detector_preprocess(scenic)->geometry, PREPROCESS_PAD_ZOOM);
    detector_close(hf);
    detector_close(scenic);
    options.without_digest = true; /* for those who do not ask */
    assert_ok(detector_open(data_path("tiny-owlvit"), &options, &hf, &error), error);
    assert_string_equal(detector_digest(hf), "");
    detector_close(hf);
}

static void cancel_after_first(void *context, const char *stage, const float *rows,
                               size_t count, size_t width, size_t stride)
{
    const tower_watch *watch = context;
    (void)rows;
    (void)count;
    (void)width;
    (void)stride;
    if (strcmp(stage, "layer0") == 0) {
        atomic_store((atomic_bool *)(uintptr_t)watch->cancelled, true);
    }
    assert_string_not_equal(stage, "layer1");
}

static void test_a_look_can_be_cut_short(void **state)
{
    (void)state;
    eye with;
    spur_error error;
    atomic_bool cancelled;
    atomic_init(&cancelled, false);
    tower_watch watch = {&watch, cancel_after_first, &cancelled};
    eye_open(&with, "tiny-owlvit");
    detector_worker_watch(with.worker, &watch);
    assert_int_equal(detector_look(with.worker, &with.picture, &error), SPUR_INTERRUPTED);
    detector_worker_watch(with.worker, NULL);
    assert_ok(detector_look(with.worker, &with.picture, &error), error);
    eye_close(&with);
}

static void test_a_folder_without_a_model_is_named(void **state)
{
    (void)state;
    spur_error error;
    detector *made = NULL;
    assert_int_equal(detector_open(data_path("photos-tiny"), NULL, &made, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "config.json"));
    assert_null(made);
}

/* Each allocation of opening and looking fails once: a clean error or an unharmed result. */
static void test_failed_allocations_are_clean(void **state)
{
    (void)state;
    spur_error error;
    size_t failures = 0;
    for (size_t n = 1; n < 100000; n += n < 40 ? 1 : 37) {
        detector *made = NULL;
        (void)memory_fail_at(n, false);
        spur_status status = detector_open(data_path("tiny-owlvit"), NULL, &made, &error);
        size_t count = memory_fail_at(0, false);
        detector_close(made);
        if (status == SPUR_OK && count < n) {
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
        failures++;
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query_does_not_feel_the_others),
        cmocka_unit_test(test_an_ensemble_is_one_query),
        cmocka_unit_test(test_one_box_equals_its_row_of_all),
        cmocka_unit_test(test_workers_give_the_same_bits),
        cmocka_unit_test(test_formats_give_the_same_bits),
        cmocka_unit_test(test_long_text_is_cut_and_says_so),
        cmocka_unit_test(test_boxes_scale_by_the_geometry),
        cmocka_unit_test(test_objectness_is_owlv2s),
        cmocka_unit_test(test_scenic_geometry_changes_the_digest),
        cmocka_unit_test(test_a_look_can_be_cut_short),
        cmocka_unit_test(test_a_folder_without_a_model_is_named),
        cmocka_unit_test(test_failed_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
