/*
 * test_plain_math.c - the polynomials against the C library, and bits that may never change.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/plain_math.h"

/* Largest difference seen with glibc 2.36: 9e-13 (sine), 4e-13 relative (exp2), 6e-13 (log2),
 * 3.6e-6 (wave). */
static void test_agrees_with_libm(void **state)
{
    (void)state;
    for (int i = -40000; i <= 40000; i++) {
        double x = i / 9973.0;
        double turns = 6.283185307179586 * x;
        assert_true(fabs(plain_sine(x) - sin(turns)) < 5e-12);
        assert_true(fabs(plain_cosine(x) - cos(turns)) < 5e-12);
        assert_true(fabs((double)plain_wave((float)x) - sin(turns)) < 2e-5);
        assert_true(fabs(plain_exp2(x) / exp2(x) - 1.0) < 5e-12);
        assert_true(fabs(plain_exp2(50.0 * x) / exp2(50.0 * x) - 1.0) < 5e-12);
        assert_true(i <= 0 || fabs(plain_log2(x) - log2(x)) < 5e-12);
        assert_true(i <= 0 || fabs(plain_power(x, 1.5) - pow(x, 1.5)) < 1e-10);
    }
}

static void test_edges(void **state)
{
    (void)state;
    assert_true(plain_sine(0.0) == 0.0 && plain_exp2(0.0) == 1.0 && plain_log2(1.0) == 0.0);
    assert_true(plain_exp2(10.0) == 1024.0 && plain_log2(0.125) == -3.0);
    assert_true(plain_power(0.0, 1.5) == 0.0 && plain_power(0.0, 0.0) == 1.0);
    assert_true(plain_floor(-0.25f) == -1.0f && plain_floor(-3.0f) == -3.0f);
    assert_true(plain_floor(2.75f) == 2.0f && plain_fraction(-0.25f) == 0.75f);
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The same on every machine and for every compiler: pixels depend on these bits. */
static void test_bits(void **state)
{
    (void)state;
    static const struct {
        double (*function)(double x);
        double at;
        uint64_t bits;
    } cases[] = {{plain_sine, 0.1, 0x3FE2CF2304755A5Eu},
                 {plain_cosine, 0.7, 0xBFD3C6EF372FE954u},
                 {plain_exp2, 1.3, 0x4003B2C47BFF8329u},
                 {plain_log2, 2.9, 0x3FF893AC34B7528Au}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t found = bits_of(cases[i].function(cases[i].at));
        if (found != cases[i].bits) {
            fail_msg("case %zu: %llx", i, (unsigned long long)found);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_agrees_with_libm),
                                       cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
