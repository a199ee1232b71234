/*
 * test_peak.c - the measured rate is a rate, and too little memory is said.
 */
#include "support.h"

#include "base/memory.h"
#include "nn/peak.h"

static void test_rate(void **state)
{
    (void)state;
    spur_error error;
    double gflops = 0.0;
    assert_ok(peak_measure(2, 0.05, &gflops, &error), error);
    print_message("2 threads: %.1f GFLOP/s\n", gflops);
    assert_true(gflops > 0.01 && gflops < 1e5);
}

static void test_no_memory(void **state)
{
    (void)state;
    spur_error error;
    double gflops = -1.0;
    for (size_t n = 1; n <= 6; n++) {
        (void)memory_fail_at(n, true);
        spur_status status = peak_measure(1, 0.01, &gflops, &error);
        (void)memory_fail_at(0, false);
        assert_int_equal(status, SPUR_RESOURCE);
        assert_true(gflops == -1.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
