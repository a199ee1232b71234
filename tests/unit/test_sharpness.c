/*
 * test_sharpness.c - the variance of the Laplacian by hand, blur against noise.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/sharpness.h"
#include "run_maker.h"

static double sharpness(size_t width, size_t height, unsigned char *pixels)
{
    spur_error error;
    double value = -1;
    const image src = {width, height, pixels};
    assert_ok(sharpness_of(&src, &value, &error), error);
    return value;
}

static void by_hand(void **state)
{
    unsigned char pixels[4 * 3 * 3] = {0};
    (void)state;
    /* Two inner pixels; white at (1, 1): -4 * 255 there and +255 beside it, half of the
     * difference squared. */
    memset(pixels + 3 * (4 + 1), 255, 3);
    double half = 5 * 255.0 / 2;
    assert_true(fabs(sharpness(4, 3, pixels) - half * half) < 1e-6); /* of 406406; seen: 0 */
    assert_true(sharpness(3, 3, pixels) == 0);
    assert_true(isnan(sharpness(2, 6, pixels)) && isnan(sharpness(6, 2, pixels)));
    /* Grey is 0.299 R + 0.587 G + 0.114 B. */
    memset(pixels, 0, sizeof pixels);
    pixels[3 * (4 + 1) + 1] = 100;
    half = 5 * 58.7 / 2;
    assert_true(fabs(sharpness(4, 3, pixels) - half * half) < 1e-6);
}

static void noise_is_sharper_than_its_mean(void **state)
{
    enum {
        SIDE = 600
    };
    unsigned char *noise = NULL, *smooth = NULL;
    spur_error error;
    random_key key = random_key_make(1, "test");
    (void)state;
    assert_ok(memory_new(SIDE * SIDE, 3, &noise, &error), error);
    assert_ok(memory_new(SIDE * SIDE, 3, &smooth, &error), error);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        unsigned char value = (unsigned char)random_below(key, 0, i, 256);
        memset(noise + 3 * i, value, 3);
        memset(smooth + 3 * i, (int)(i % SIDE * 255 / SIDE), 3);
    }
    double sharp = sharpness(SIDE, SIDE, noise);
    assert_true(sharp > 100 * sharpness(SIDE, SIDE, smooth));
    /* Shrunk to 256: averaged noise, far below the 20 * 255^2 / 12 of raw noise. */
    assert_true(sharp < 20 * 255.0 * 255.0 / 12);
    memory_free(noise);
    memory_free(smooth);
}

/* A run that does not say how its images are read. */
static void unknown_settings_are_refused(void **state)
{
    spur_error error;
    static const run_row rows[] = {{.file_name = "a"}};
    double value = 0;
    spur_run *run = make_run(temp_in(*state, "run"), 1, rows, 1);
    assert_int_equal(sharpness_of_split(run, &run->splits[0], 1, NULL, &value, &error),
                     SPUR_DATASET);
    assert_non_null(strstr(error.message, "image settings"));
    spur_run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand), cmocka_unit_test(noise_is_sharper_than_its_mean),
        cmocka_unit_test_setup_teardown(unknown_settings_are_refused, temp_setup,
                                        temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
