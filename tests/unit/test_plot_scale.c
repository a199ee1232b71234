/*
 * test_plot_scale.c - ticks against a search through all steps, and the texts of numbers.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_scale.h"

/* The finest of the steps m * 10^e that has at most `most` multiples in the range. */
static double naive_step(double low, double high, size_t most)
{
    static const double mantissas[] = {1, 2, 5};
    for (int e = -20; e <= 20; e++) {
        for (size_t m = 0; m < 3; m++) {
            double step = mantissas[m] * pow(10.0, e);
            double first = ceil(low / step - 1e-9);
            double last = floor(high / step + 1e-9);
            if (last - first + 1.0 <= (double)most && step * (double)most >= high - low) {
                return step;
            }
        }
    }
    return (double)NAN;
}

static void ticks_are_the_finest_that_fit(void **state)
{
    static const double ends[][2] = {{0, 1},        {0, 100},     {0.613, 0.874}, {-3.7, 12.2},
                                     {1e-7, 3e-7},  {-1e9, 2e9},  {-8, 4},        {0.5, 50.5},
                                     {99.9, 100.1}, {-0.05, 0.31}};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (size_t most = 2; most <= 12; most++) {
            plot_scale scale =
                plot_scale_make(ends[i][0], ends[i][1], most, false, PLOT_NUMBER);
            double step = plot_tick_value(&scale, 1);
            double expected = naive_step(ends[i][0], ends[i][1], most);
            /* Relative difference allowed 1e-12; observed at most 2e-16. */
            if (fabs(step - expected) > 1e-12 * expected) {
                fail_msg("%g .. %g, %zu ticks: step %g, expected %g", ends[i][0], ends[i][1],
                         most, step, expected);
            }
            assert_true(scale.last - scale.first + 1 <= (int64_t)most);
            assert_true(plot_tick_value(&scale, scale.first) >= ends[i][0] - 1e-9 * step);
            assert_true(plot_tick_value(&scale, scale.last) <= ends[i][1] + 1e-9 * step);
            assert_true(plot_tick_value(&scale, scale.first - 1) < ends[i][0]);
            assert_true(plot_tick_value(&scale, scale.last + 1) > ends[i][1]);
            assert_true(scale.mantissa == 1 || scale.mantissa == 2 || scale.mantissa == 5);
        }
    }
}

static void wide_ranges_end_on_ticks(void **state)
{
    (void)state;
    plot_scale scale = plot_scale_make(0.613, 0.874, 6, true, PLOT_SHARE);
    assert_true(fabs(scale.low - 0.60) < 1e-12 && fabs(scale.high - 0.90) < 1e-12);
    assert_int_equal(scale.last - scale.first, 3);
    scale = plot_scale_make(0.0, 1.0, 6, true, PLOT_SHARE);
    assert_true(scale.low == 0.0 && scale.high == 1.0); /* exact */
}

static void equal_ends_are_widened(void **state)
{
    static const double values[] = {0.0, 1.0, 0.5, -3.0, 1e90, 1e-90, -1e100, 1e9};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        plot_scale scale = plot_scale_make(values[i], values[i], 6, true, PLOT_NUMBER);
        assert_true(isfinite(scale.low) && isfinite(scale.high) && scale.low < scale.high);
        assert_true(scale.low <= values[i] && values[i] <= scale.high);
        assert_true(scale.last - scale.first < 12);
    }
    plot_scale share = plot_scale_make(1.0, 1.0, 6, true, PLOT_SHARE);
    assert_true(share.high <= 1.0);
    share = plot_scale_make(0.0, 0.0, 6, true, PLOT_SHARE);
    assert_true(share.low >= 0.0 && share.high > 0.0);
}

static void tick_is(double low, double high, plot_form form, int64_t index,
                    const char *expected)
{
    char text[PLOT_NUMBER_SIZE];
    plot_scale scale = plot_scale_make(low, high, 6, false, form);
    plot_tick_text(&scale, scale.first + index, form, true, text);
    assert_string_equal(text, expected);
}

static void ticks_are_exact_texts(void **state)
{
    (void)state;
    tick_is(0.0, 1.0, PLOT_NUMBER, 1, "0.2");
    tick_is(0.0, 0.5, PLOT_NUMBER, 3, "0.3");
    tick_is(0.0, 1.0, PLOT_SHARE, 3, "60%");
    tick_is(0.5, 0.52, PLOT_SHARE, 1, "50.5%");
    tick_is(-0.2, 0.3, PLOT_CHANGE, 0,
            "\xE2\x88\x92"
            "20");
    tick_is(-0.2, 0.3, PLOT_CHANGE, 2, "0");
    tick_is(-0.2, 0.3, PLOT_CHANGE, 3, "+10");
    tick_is(0.0, 50000.0, PLOT_NUMBER, 1, "10,000");
    tick_is(0.0, 5000.0, PLOT_NUMBER, 1, "1000");
    tick_is(0.0, 5e11, PLOT_NUMBER, 1, "1e+11");
    tick_is(0.0, 5e-9, PLOT_NUMBER, 1, "1e-09");
}

static void number_is(double value, plot_form form, const char *expected)
{
    char text[PLOT_NUMBER_SIZE];
    plot_number_text(value, form, text);
    assert_string_equal(text, expected);
}

static void numbers_are_short(void **state)
{
    (void)state;
    number_is(0.8314, PLOT_SHARE, "83.1%");
    number_is(1.0, PLOT_SHARE, "100.0%");
    number_is(0.032, PLOT_CHANGE, "+3.2");
    number_is(-0.032, PLOT_CHANGE,
              "\xE2\x88\x92"
              "3.2");
    number_is(-0.0001, PLOT_CHANGE, "0.0");
    number_is(12.3456, PLOT_NUMBER, "12.346");
    number_is(5.0, PLOT_NUMBER, "5");
    number_is(-2.5, PLOT_NUMBER,
              "\xE2\x88\x92"
              "2.5");
    number_is(0.0004, PLOT_NUMBER, "0.0004");
    number_is(0.0, PLOT_NUMBER, "0");
    number_is(1300000.0, PLOT_NUMBER, "1,300,000");
    number_is((double)NAN, PLOT_SHARE, "\xE2\x80\x93");
    number_is(HUGE_VAL, PLOT_NUMBER, "\xE2\x80\x93");
    number_is(1e300, PLOT_NUMBER, "1e+300");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_the_finest_that_fit),
        cmocka_unit_test(wide_ranges_end_on_ticks),
        cmocka_unit_test(equal_ends_are_widened),
        cmocka_unit_test(ticks_are_exact_texts),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
