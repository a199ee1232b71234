/*
 * test_noise_rates.c - intervals over images against numpy's, and the corners of the formulas.
 */
#include "support.h"

#include <math.h>

#include "base/statistics_intervals.h"
#include "pipeline/noise_rates.h"

enum {
    IMAGES = 8
};

static const uint32_t INSIDE[IMAGES] = {3, 3, 0, 1, 2, 3, 0, 3};
static const uint32_t OUTSIDE[IMAGES] = {3, 3, 2, 1, 3, 3, 1, 3};

/* Tolerance 1e-12; observed below 3e-16. */
static void assert_rate(noise_rate found, double value, double low, double high)
{
    assert_true(fabs(found.value - value) < 1e-12);
    assert_true(fabs(found.low - low) < 1e-12);
    assert_true(fabs(found.high - high) < 1e-12);
}

static void accuracy_is_numpys(void **state)
{
    (void)state;
    assert_rate(noise_accuracy((noise_counts){INSIDE, IMAGES, 3}), 0.625, 0.32253079098896115,
                0.8536870362482722);
    assert_rate(noise_accuracy((noise_counts){OUTSIDE, IMAGES, 3}), 0.7916666666666666,
                0.531660412961543, 0.9271147336354311);
}

/* One trial: Wilson's interval of the images. */
static void one_trial_is_wilson(void **state)
{
    (void)state;
    const uint32_t right[5] = {1, 0, 1, 1, 0};
    statistics_interval plain = statistics_wilson(3, 5, 0.05);
    assert_rate(noise_accuracy((noise_counts){right, 5, 1}), 0.6, plain.low, plain.high);
}

/* Alike trials tell no more than one; images that always differ inside tell as much as all. */
static void trials_of_an_image_are_not_images(void **state)
{
    (void)state;
    const uint32_t alike[4] = {3, 0, 3, 0}, mixed[4] = {2, 1, 2, 1}, all[4] = {3, 3, 3, 3};
    statistics_interval of_four = statistics_wilson(2, 4, 0.05);
    statistics_interval of_twelve = statistics_wilson(6, 12, 0.05);
    statistics_interval sure = statistics_wilson(4, 4, 0.05);
    assert_rate(noise_accuracy((noise_counts){alike, 4, 3}), 0.5, of_four.low, of_four.high);
    assert_rate(noise_accuracy((noise_counts){mixed, 4, 3}), 0.5, of_twelve.low,
                of_twelve.high);
    assert_rate(noise_accuracy((noise_counts){all, 4, 3}), 1, sure.low, sure.high);
}

static void sensitivity_is_numpys(void **state)
{
    (void)state;
    const uint32_t few[IMAGES] = {0, 1, 0, 1, 2, 0, 0, 0},
                   more[IMAGES] = {1, 1, 2, 1, 3, 0, 1, 0};
    assert_rate(noise_sensitivity((noise_counts){INSIDE, IMAGES, 3},
                                  (noise_counts){OUTSIDE, IMAGES, 3}),
                0.2857142857142856, 0.038217029872778835, 0.5332115415557923);
    assert_rate(
        noise_sensitivity((noise_counts){few, IMAGES, 3}, (noise_counts){more, IMAGES, 3}),
        0.38461538461538464, 0.050094644055769244, 0.719136125175);
}

static void sensitivity_of_all_or_nothing_is_zero(void **state)
{
    (void)state;
    const uint32_t all[3] = {2, 2, 2}, none[3] = {0, 0, 0};
    noise_counts right = {all, 3, 2}, wrong = {none, 3, 2};
    assert_rate(noise_sensitivity(right, right), 0, 0, 0);
    assert_rate(noise_sensitivity(wrong, wrong), 0, 0, 0);
    assert_rate(noise_sensitivity(wrong, right), 1, 1, 1);    /* only the object matters */
    assert_rate(noise_sensitivity(right, wrong), -1, -1, -1); /* only the background */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accuracy_is_numpys),
        cmocka_unit_test(one_trial_is_wilson),
        cmocka_unit_test(trials_of_an_image_are_not_images),
        cmocka_unit_test(sensitivity_is_numpys),
        cmocka_unit_test(sensitivity_of_all_or_nothing_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
