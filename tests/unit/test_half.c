/*
 * test_half.c - all 65536 halves there and back, and every border between two of them.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/half.h"

static bool is_nan(uint16_t half)
{
    return (half & 0x7FFF) > 0x7C00;
}

static void every_half_survives(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= UINT16_MAX; i++) {
        uint16_t half = (uint16_t)i;
        uint16_t back = half_from_float(half_to_float(half));
        assert_true(is_nan(half) ? is_nan(back) : back == half);
    }
}

/* Between two neighbours: the middle goes to the even one, anything past it to that side. */
static void rounds_to_nearest_even(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x7BFF; i++) {
        float low = half_to_float((uint16_t)i);
        float high = half_to_float((uint16_t)(i + 1));
        float middle = (low + high) / 2; /* exact */
        assert_int_equal(half_from_float(middle), i + (i & 1));
        assert_int_equal(half_from_float(nextafterf(middle, 0.0F)), i);
        assert_int_equal(half_from_float(nextafterf(middle, INFINITY)), i + 1);
        assert_int_equal(half_from_float(-middle), 0x8000 | (i + (i & 1)));
    }
}

static void large_values_become_infinite(void **state)
{
    (void)state;
    assert_int_equal(half_from_float(65504.0F), 0x7BFF);
    assert_int_equal(half_from_float(65519.99F), 0x7BFF);
    assert_int_equal(half_from_float(65520.0F), 0x7C00);
    assert_int_equal(half_from_float(-1e30F), 0xFC00);
    assert_int_equal(half_from_float(INFINITY), 0x7C00);
    assert_int_equal(half_from_float(1e-40F), 0);
}

static void widens_in_place(void **state)
{
    float values[4];
    const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7BFF};
    (void)state;
    memcpy((unsigned char *)values + sizeof halves, halves, sizeof halves);
    half_widen(values, 4);
    assert_true(values[0] == 1.0F && values[1] == -2.0F && values[2] == 0x1p-24F &&
                values[3] == 65504.0F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_survives), cmocka_unit_test(rounds_to_nearest_even),
        cmocka_unit_test(large_values_become_infinite), cmocka_unit_test(widens_in_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
