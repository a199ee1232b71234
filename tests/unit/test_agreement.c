/*
 * test_agreement.c - two orders of the same images, counted by hand.
 */
#include "support.h"

#include <math.h>

#include "base/memory.h"
#include "pipeline/agreement.h"

static void places_are_distinct(void **state)
{
    spur_error error;
    const double x[] = {2, 1, 2, 0, -0.0};
    uint32_t places[5];
    (void)state;
    assert_ok(agreement_places(x, 5, places, &error), error);
    assert_true(places[3] == 1 && places[4] == 2 && places[1] == 3);
    assert_true(places[0] == 4 && places[2] == 5);
}

static void counted_by_hand(void **state)
{
    spur_error error;
    agreement found;
    const double x[] = {1, 2, 3, 4, 5};
    const double y[] = {1, 2, 3, 5, 4};
    (void)state;
    assert_ok(agreement_measure(x, y, 5, &found, &error), error);
    /* One exchanged pair of ten: rho = 1 - 6 * 2 / 120, tau = (9 - 1) / 10; exact. */
    assert_true(fabs(found.spearman - 0.9) < 1e-15 && fabs(found.kendall - 0.8) < 1e-15);
    assert_true(found.low < 0.9 && found.high > 0.9);
    /* A tenth of five is one image: the lowest is shared, the highest is not. */
    assert_true(found.hidden == 1 && found.clear == 0);
}

static void undefined_is_nan(void **state)
{
    spur_error error;
    agreement found;
    const double x[] = {1, 2, 3}, flat[] = {7, 7, 7};
    (void)state;
    assert_ok(agreement_measure(x, flat, 3, &found, &error), error);
    assert_true(isnan(found.spearman) && isnan(found.kendall));
    assert_ok(agreement_measure(x, x, 0, &found, &error), error);
    assert_true(isnan(found.spearman) && isnan(found.clear) && isnan(found.hidden));
}

static void memory_can_fail(void **state)
{
    const double x[] = {3, 1, 2};
    agreement found;
    (void)state;
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        assert_in_range(n, 1, 100);
        memory_fail_at(n, false);
        status = agreement_measure(x, x, 3, &found, NULL);
        memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_distinct), cmocka_unit_test(counted_by_hand),
        cmocka_unit_test(undefined_is_nan), cmocka_unit_test(memory_can_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
