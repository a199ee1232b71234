/*
 * test_ood.c - the best among some classes, the line through heads, averages over groups.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "pipeline/group_figures.h"
#include "pipeline/masked_head.h"
#include "pipeline/robustness.h"

/* Five outputs for three classes: 0 is output 3, 1 is 0, 2 is 4; 1 and 2 are none. */
static void only_classes_of_the_mask_compete(void **state)
{
    head own = {.classes = 5, .features = 1};
    uint32_t class_of[] = {1, UINT32_MAX, UINT32_MAX, 0, 2}, output_of[] = {3, 0, 4};
    unsigned char absent[5] = {0};
    judged_head with = {.own = &own,
                        .class_count = 3,
                        .class_of = class_of,
                        .output_of = output_of,
                        .absent = absent};
    const unsigned char all[] = {1, 1, 1}, some[] = {1, 0, 1};
    const float logits[] = {5, 9, 7, 4, 3};
    const float equal[] = {2, 0, 0, 2, 2};
    const float broken[] = {NAN, 0, 0, NAN, 1};
    (void)state;
    assert_true(masked_is_right(&with, logits, 1, all)); /* outputs of no class are out */
    assert_false(masked_is_right(&with, logits, 0, all));
    assert_true(masked_is_right(&with, logits, 0, some)); /* class 1 is not in the set */
    assert_false(masked_is_right(&with, logits, 2, some));
    assert_true(masked_is_right(&with, equal, 1, all)); /* of equals the first output */
    assert_true(masked_is_right(&with, equal, 0, some));
    assert_false(masked_is_right(&with, equal, 2, some));
    assert_true(masked_is_right(&with, broken, 2, some));
    absent[3] = 1;
    assert_true(masked_is_right(&with, logits, 2, some)); /* a class never seen */
    absent[4] = 1;
    assert_false(masked_is_right(&with, logits, 2, some));
}

/* Expected values: numpy.polyfit(x, y, 1) on the same points. Tolerance 1e-12, observed 0. */
static void a_line_through_heads(void **state)
{
    const double x[] = {0.0, 1.0, 2.0, 4.0}, y[] = {-1.0, 0.5, 0.5, 3.0};
    const double same[] = {1.0, 1.0, 1.0};
    (void)state;
    robustness_line line = robustness_fit(x, y, 4);
    assert_true(line.is_fit);
    assert_true(fabs(line.slope - 0.942857142857143) < 1e-12);
    assert_true(fabs(line.intercept - -0.9) < 1e-12);
    double logit = line.intercept + 2.0 * line.slope;
    assert_true(fabs(robustness_expected(&line, 2.0) - 1.0 / (1.0 + exp(-logit))) < 1e-15);
    assert_false(robustness_fit(x, y, 2).is_fit);
    assert_false(robustness_fit(same, y, 3).is_fit);
    assert_true(robustness_fit(x, y, 3).is_fit);
    assert_true(fabs(robustness_logit(3, 3) - log(7.0)) < 1e-15);
    assert_true(fabs(robustness_logit(0, 3) + robustness_logit(3, 3)) < 1e-15);
    assert_true(fabs(robustness_logit(5, 10)) < 1e-15);
}

/* By hand: accuracies 1/2, 9/10, none, 1/5; weights of train 30, 60, 10, 0. */
static void averages_have_their_weights(void **state)
{
    const group_unit units[] = {{4, 2, 30}, {10, 9, 60}, {0, 0, 10}, {5, 1, 0}};
    const group_unit nothing[] = {{0, 0, 7}};
    (void)state;
    group_average plain = group_mean(units, 4, false, 1.959963984540054);
    assert_true(fabs(plain.value - (0.5 + 0.9 + 0.2) / 3.0) < 1e-15);
    assert_true(fabs(plain.covered - 0.75) < 1e-15);
    group_average train = group_mean(units, 4, true, 1.959963984540054);
    assert_true(fabs(train.value - (0.5 + 2.0 * 0.9) / 3.0) < 1e-15);
    assert_true(fabs(train.covered - 0.9) < 1e-15);
    double first = 2.5 / 5.0, second = 9.5 / 11.0;
    double half = 1.959963984540054 * sqrt(first * (1 - first) / 4.0 / 9.0 +
                                           second * (1 - second) / 10.0 * 4.0 / 9.0);
    assert_true(fabs(train.low - (train.value - half)) < 1e-15);
    assert_true(train.high == fmin(train.value + half, 1.0));
    assert_true(isnan(group_mean(nothing, 1, false, 1.96).value));
    assert_true(isnan(group_mean(units + 3, 1, true, 1.96).value));
}

static void the_worst_needs_images(void **state)
{
    const group_unit units[] = {{4, 0, 0}, {20, 9, 0}, {40, 18, 0}, {10, 8, 0}};
    (void)state;
    group_worst worst = group_find_worst(units, 4, 10, 0.05);
    assert_int_equal(worst.at, 1); /* the first of equals */
    assert_int_equal(worst.candidates, 3);
    assert_true(fabs(worst.value - 0.45) < 1e-15);
    /* statsmodels proportion_confint(9, 20, 0.05 / 3, "wilson"); tolerance 1e-9 */
    assert_true(fabs(worst.low - 0.22608316652646204) < 1e-9);
    assert_true(fabs(worst.high - 0.6961899991470137) < 1e-9);
    assert_int_equal(group_find_worst(units, 4, 1, 0.05).at, 0);
    assert_int_equal(group_find_worst(units, 4, 41, 0.05).at, 4);
    assert_true(isnan(group_find_worst(units, 4, 41, 0.05).low));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_classes_of_the_mask_compete),
                                       cmocka_unit_test(a_line_through_heads),
                                       cmocka_unit_test(averages_have_their_weights),
                                       cmocka_unit_test(the_worst_needs_images)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
