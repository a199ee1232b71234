/*
 * test_detections.c - thresholds, suppression and the choice of an image query, by hand-made
 * boxes whose answers can be read off.
 */
#include "support.h"

#include <math.h>

#include "pipeline/detections.h"

/* Three boxes: 0 and 1 overlap with IoU 0.6, 2 stands apart. */
static const float BOXES[12] = {0.3F, 0.5F, 0.4F, 0.4F, 0.4F, 0.5F,
                                0.4F, 0.4F, 0.9F, 0.1F, 0.1F, 0.1F};

static void test_text_takes_the_best_query_of_each_patch(void **state)
{
    (void)state;
    const float logits[6] = {2, 1, -1, 3, -4, -5};
    spur_detection found[3];
    assert_int_equal(detections_from_text(logits, BOXES, 3, 2, 0.1F, found), 2);
    assert_int_equal(found[0].query, 0);
    assert_int_equal(found[1].query, 1);
    assert_int_equal(found[1].patch, 1);
    assert_true(fabsf(found[0].box[0] - 0.1F) < 1e-6F);
    assert_true(fabsf(found[0].score - 0.880797078F) < 1e-7F);
}

static void test_threshold_is_strict(void **state)
{
    (void)state;
    const float logits[3] = {0, 0, 0};
    spur_detection found[3];
    assert_int_equal(detections_from_text(logits, BOXES, 3, 1, 0.5F, found), 0);
    assert_int_equal(detections_from_text(logits, BOXES, 3, 1, 0.4999F, found), 3);
}

static void test_suppression_stays_within_a_query(void **state)
{
    (void)state;
    const float same[3] = {2, 3, 1};
    spur_detection found[3];
    size_t count = detections_from_text(same, BOXES, 3, 1, 0, found);
    assert_int_equal(detections_keep_best(found, count, 0.5F, 0), 2);
    assert_int_equal(found[0].patch, 1);
    assert_int_equal(found[1].patch, 2);
    count = detections_from_text(same, BOXES, 3, 1, 0, found);
    assert_int_equal(detections_keep_best(found, count, 0.7F, 0), 3);
    const float other[6] = {2, -9, -9, 3, 1, -9};
    count = detections_from_text(other, BOXES, 3, 2, 0.1F, found);
    assert_int_equal(detections_keep_best(found, count, 0.5F, 0), 3);
}

static void test_top_keeps_the_best(void **state)
{
    (void)state;
    const float logits[3] = {1, 3, 2};
    spur_detection found[3];
    size_t count = detections_from_text(logits, BOXES, 3, 1, 0, found);
    assert_int_equal(detections_keep_best(found, count, 0, 2), 2);
    assert_int_equal(found[0].patch, 1);
    assert_int_equal(found[1].patch, 2);
}

static void test_image_query_scales_the_scores(void **state)
{
    (void)state;
    const float logits[3] = {2, 3, -8};
    spur_detection found[3];
    spur_error error;
    size_t count = 0;
    assert_ok(detections_from_image(logits, BOXES, 3, 0, 0.5F, found, &count, &error), error);
    /* Patch 0 is suppressed by 1, patch 2 is under a tenth of the best. */
    assert_int_equal(count, 1);
    assert_int_equal(found[0].patch, 1);
    assert_true(found[0].score > 0.999F && found[0].score <= 1);
}

static void test_query_patch_is_the_odd_one_of_those_that_fill(void **state)
{
    (void)state;
    const float boxes[16] = {0.5F, 0.5F, 1, 1,     0.5F, 0.5F, 1,    0.9F,
                             0.5F, 0.5F, 1, 0.95F, 0.5F, 0.5F, 0.1F, 0.1F};
    const float embeddings[8] = {1, 0, 1, 0.1F, 0.2F, 0.1F, -9, -9};
    spur_error error;
    size_t patch = 99;
    assert_ok(detections_query_patch(boxes, embeddings, 4, 2, &patch, &error), error);
    /* The mean points to (-, -): the least similar of the three large ones is patch 1. */
    assert_int_equal(patch, 1);
}

static void test_query_patch_without_any_overlap(void **state)
{
    (void)state;
    const float boxes[8] = {2, 2, 0.5F, 0.5F, 5, 5, 0.5F, 0.5F};
    const float embeddings[4] = {1, 1, 1, 1};
    spur_error error;
    size_t patch = 99;
    assert_ok(detections_query_patch(boxes, embeddings, 2, 2, &patch, &error), error);
    assert_int_equal(patch, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_takes_the_best_query_of_each_patch),
        cmocka_unit_test(test_threshold_is_strict),
        cmocka_unit_test(test_suppression_stays_within_a_query),
        cmocka_unit_test(test_top_keeps_the_best),
        cmocka_unit_test(test_image_query_scales_the_scores),
        cmocka_unit_test(test_query_patch_is_the_odd_one_of_those_that_fill),
        cmocka_unit_test(test_query_patch_without_any_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
