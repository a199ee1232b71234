/*
 * test_confounds.c - gaps inside strata by hand, partial correlations against their closed form
 * and against an effect that is only a confound.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/statistics_ranks.h"
#include "pipeline/confounds.h"

enum {
    SIZE = 400,
    CLASSES = 3,
    IMAGES = SIZE * CLASSES
};

/* Class a: ten images, numbers 0 0 1 1 2 2 3 3 4 4, so a stratum holds neighbours in rank;
 * class b: four images with one number, hence one stratum, and one without. */
static void strata_by_hand(void **state)
{
    spur_error error;
    const size_t first[] = {0, 10, 15};
    const unsigned char correct[] = {0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1};
    const double numbers[] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 7, 7, NAN, 7, 7};
    const uint32_t ends[] = {5, 2};
    const confound_rows rows = {2, first, correct, ends};
    confound_gap out[2 * CONFOUND_STRATA];
    (void)state;
    assert_ok(confound_strata(&rows, numbers, out, &error), error);
    for (size_t s = 0; s < CONFOUND_STRATA; s++) {
        assert_true(out[s].images == 2 && out[s].n == 1);
    }
    assert_true(out[0].hidden == 0 && out[0].clear == 1 && out[2].clear == 0);
    confound_gap b = out[CONFOUND_STRATA + 2];
    assert_true(b.images == 4 && b.n == 2 && b.hidden == 0 && b.clear == 2);
    assert_true(out[CONFOUND_STRATA].images == 0 && out[CONFOUND_STRATA].n == 0);
    /* a: +1 +1 -1 0 0 of five pairs; b: two of two. */
    confound_gap all = confound_gap_sum(out, 2, CONFOUND_STRATA);
    assert_true(all.images == 14 && all.n == 7 && confound_gap_value(&all) == 3.0 / 7);
    confound_gap third = confound_gap_sum(out, 2, 2);
    assert_true(third.n == 3 && confound_gap_value(&third) == 1.0 / 3);
    confound_gap none = {0, 0, 0, 0};
    assert_true(isnan(confound_gap_value(&none)));
}

/* In one class the correlations are Spearman's, and with one number given there is a formula.
 */
static void closed_form(void **state)
{
    spur_error error;
    const size_t first[] = {0, SIZE};
    unsigned char correct[SIZE];
    double rank[SIZE], right[SIZE], number[SIZE];
    const double *numbers[] = {number, number};
    const uint32_t ends[] = {SIZE / 2};
    const confound_rows rows = {1, first, correct, ends};
    random_key key = random_key_make(5, "test");
    statistics_correlation xy, xz, yz;
    confound_correlation plain, given;
    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        number[i] = floor(random_uniform(key, 0, i) * 20 + (double)i / 40);
        correct[i] = random_uniform(key, 1, i) * 30 < number[i];
        rank[i] = (double)i;
        right[i] = correct[i];
    }
    assert_ok(statistics_spearman(rank, right, SIZE, &xy, &error), error);
    assert_ok(statistics_spearman(rank, number, SIZE, &xz, &error), error);
    assert_ok(statistics_spearman(right, number, SIZE, &yz, &error), error);
    assert_ok(confound_correlate(&rows, NULL, 0, &plain, &error), error);
    assert_ok(confound_correlate(&rows, numbers, 1, &given, &error), error);
    double partial = (xy.value - xz.value * yz.value) /
                     sqrt((1 - xz.value * xz.value) * (1 - yz.value * yz.value));
    assert_true(fabs(plain.value - xy.value) < 1e-13); /* observed: below 1e-15 */
    assert_true(fabs(plain.low - xy.low) < 1e-13 && fabs(plain.high - xy.high) < 1e-13);
    assert_true(fabs(given.value - partial) < 1e-13);
    assert_true(plain.images == SIZE && given.given == 1 && given.freedom == SIZE - 3);
    /* A number twice says nothing new. */
    confound_correlation twice;
    assert_ok(confound_correlate(&rows, numbers, 2, &twice, &error), error);
    assert_true(twice.given == 1 && fabs(twice.value - given.value) < 1e-13);
}

/* Right depends on the number alone, and rank follows it: no correlation is left. */
static void a_confound_is_taken_off(void **state)
{
    spur_error error;
    static unsigned char correct[IMAGES];
    static double number[IMAGES], flat[IMAGES];
    const double *numbers[] = {flat, number};
    const size_t first[] = {0, SIZE, 2 * SIZE, 3 * SIZE};
    const uint32_t ends[] = {100, 100, 100};
    const confound_rows rows = {CLASSES, first, correct, ends};
    random_key key = random_key_make(6, "test");
    confound_correlation plain, given;
    confound_gap cells[CLASSES * CONFOUND_STRATA];
    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        double place = (double)(i % SIZE) / SIZE;
        number[i] = place + random_uniform(key, 0, i);
        correct[i] = random_uniform(key, 1, i) < number[i] / 2;
        flat[i] = 3;
    }
    assert_ok(confound_correlate(&rows, numbers, 0, &plain, &error), error);
    assert_ok(confound_correlate(&rows, numbers, 2, &given, &error), error);
    assert_true(plain.low > 0.15);
    assert_true(given.low < 0 && given.high > 0 && given.given == 1);
    assert_ok(confound_strata(&rows, number, cells, &error), error);
    confound_gap within = confound_gap_sum(cells, CLASSES, CONFOUND_STRATA);
    assert_ok(confound_strata(&rows, flat, cells, &error), error);
    confound_gap whole = confound_gap_sum(cells, CLASSES, CONFOUND_STRATA);
    assert_true(within.n == 300 && whole.n == 300);
    assert_true(confound_gap_value(&whole) > 0.25);
    assert_true(fabs(confound_gap_value(&within)) < 0.12);
}

static void undefined_is_nan(void **state)
{
    spur_error error;
    const size_t first[] = {0, 3, 3};
    const unsigned char correct[] = {1, 1, 1};
    const uint32_t ends[] = {1, 0};
    const confound_rows rows = {2, first, correct, ends};
    confound_correlation out;
    (void)state;
    assert_ok(confound_correlate(&rows, NULL, 0, &out, &error), error);
    assert_true(isnan(out.value) && isnan(out.low) && out.images == 3);
}

static void memory_can_fail(void **state)
{
    const size_t first[] = {0, 3};
    const unsigned char correct[] = {1, 0, 1};
    const uint32_t ends[] = {1};
    const double number[] = {3, 1, 2};
    const double *numbers[] = {number};
    const confound_rows rows = {1, first, correct, ends};
    confound_gap cells[CONFOUND_STRATA];
    confound_correlation out;
    (void)state;
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        assert_in_range(n, 1, 200);
        memory_fail_at(n, false);
        status = confound_correlate(&rows, numbers, 1, &out, NULL);
        status = status == SPUR_OK ? confound_strata(&rows, number, cells, NULL) : status;
        memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strata_by_hand),          cmocka_unit_test(closed_form),
        cmocka_unit_test(a_confound_is_taken_off), cmocka_unit_test(undefined_is_nan),
        cmocka_unit_test(memory_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
