/*
 * test_aggregate.c - reductions against their formulas, written out plainly.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "io/store.h"
#include "pipeline/aggregate.h"

enum {
    PATCHES = 37,
    CLASSES = 5
};

static void fill(float *logits, size_t count, double scale, double shift)
{
    random_key key = random_key_make(3, "test");
    for (size_t i = 0; i < count; i++) {
        logits[i] = (float)(random_normal(key, 0, i) * scale + shift);
    }
}

static int descending(const void *a, const void *b)
{
    float left = *(const float *)a;
    float right = *(const float *)b;
    return (left < right) - (left > right);
}

/* The formulas in long double, term by term. */
static long double expected(spur_aggregate kind, const float *column)
{
    float sorted[PATCHES];
    long double sum = 0.0L;
    memcpy(sorted, column, sizeof sorted);
    qsort(sorted, PATCHES, sizeof sorted[0], descending);
    switch (kind) {
    case SPUR_AGGREGATE_MAX:
        return (long double)sorted[0];
    case SPUR_AGGREGATE_MEAN_TOP5:
        for (size_t i = 0; i < 5; i++) {
            sum += (long double)sorted[i];
        }
        return sum / 5.0L;
    case SPUR_AGGREGATE_LOGSUMEXP:
        for (size_t i = 0; i < PATCHES; i++) {
            sum += expl((long double)column[i]);
        }
        return logl(sum);
    default:
        for (size_t i = 0; i < PATCHES; i++) {
            sum += log1pl(expl((long double)column[i]));
        }
        return logl(expm1l(sum));
    }
}

static void equals_formulas(void **state)
{
    static const double shifts[] = {-35.0, -31.0, -29.0, -8.0, 0.0, 9.0};
    float logits[PATCHES * CLASSES];
    float column[PATCHES];
    float out[CLASSES];
    double worst = 0.0;
    (void)state;
    for (size_t s = 0; s < sizeof shifts / sizeof shifts[0]; s++) {
        fill(logits, PATCHES * CLASSES, 3.0, shifts[s]);
        for (unsigned kind = 0; kind <= SPUR_AGGREGATE_NOISY_OR; kind++) {
            aggregate_logits((spur_aggregate)kind, logits, PATCHES, CLASSES, column, out);
            for (size_t c = 0; c < CLASSES; c++) {
                float one[PATCHES];
                for (size_t p = 0; p < PATCHES; p++) {
                    one[p] = logits[p * CLASSES + c];
                }
                long double wanted = expected((spur_aggregate)kind, one);
                double difference = fabs((double)((long double)out[c] - wanted));
                worst = fmax(worst, difference / fmax(1.0, fabs((double)wanted)));
            }
        }
    }
    print_message("largest relative difference %.2g\n", worst);
    assert_true(worst <= 6.1e-8); /* half a float ulp; observed 5.1e-8 */
}

static void extremes(void **state)
{
    float column[4];
    float out[1];
    (void)state;
    for (unsigned kind = 0; kind <= SPUR_AGGREGATE_NOISY_OR; kind++) {
        static const float cases[4][4] = {{-800.0F, -900.0F, -850.0F, -1000.0F},
                                          {800.0F, 2.0F, 900.0F, 3.0F},
                                          {1.0F, NAN, 2.0F, 3.0F},
                                          {NAN, 1.0F, 2.0F, 3.0F}};
        for (size_t i = 0; i < 4; i++) {
            aggregate_logits((spur_aggregate)kind, cases[i], 4, 1, column, out);
            assert_int_equal(isnan(out[0]) != 0, i >= 2);
            assert_true(i >= 2 || isfinite(out[0]));
        }
        aggregate_logits((spur_aggregate)kind, cases[0], 1, 1, column, out);
        assert_true(out[0] == -800.0F);
    }
}

static void largest_and_best(void **state)
{
    static const float values[] = {1.0F, 5.0F, 5.0F, -2.0F, 9.0F, 5.0F};
    size_t found[8];
    (void)state;
    assert_int_equal(aggregate_largest(values, 6, 4, 3, found), 3);
    assert_int_equal(found[0], 1);
    assert_int_equal(found[1], 2);
    assert_int_equal(found[2], 5);
    assert_int_equal(aggregate_largest(values, 6, 6, 8, found), 6);
    assert_int_equal(found[0], 4);
    assert_int_equal(found[5], 3);
    assert_int_equal(aggregate_largest(values, 1, 0, 5, found), 0);
    assert_int_equal(aggregate_best_patch(values, 3, 2, 1), 0); /* 5, -2, 5: the first */
    assert_int_equal(aggregate_best_patch(values, 3, 2, 0), 2);
}

static void bins(void **state)
{
    (void)state;
    assert_int_equal(aggregate_bin(-40.0F), 0);
    assert_int_equal(aggregate_bin(-1e30F), 0);
    assert_int_equal(aggregate_bin(-39.96F), 0);
    assert_int_equal(aggregate_bin(-39.94F), 1);
    assert_int_equal(aggregate_bin(0.0F), STORE_BINS / 2);
    assert_int_equal(aggregate_bin(-0.01F), STORE_BINS / 2 - 1);
    assert_int_equal(aggregate_bin(39.99F), STORE_BINS - 1);
    assert_int_equal(aggregate_bin(40.0F), STORE_BINS - 1);
    assert_int_equal(aggregate_bin(1e30F), STORE_BINS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_formulas),
        cmocka_unit_test(extremes),
        cmocka_unit_test(largest_and_best),
        cmocka_unit_test(bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
