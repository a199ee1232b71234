/*
 * test_statistics_ranks.c - correlations and areas counted by hand, and against pair by pair
 * definitions on values with many ties.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/statistics_ranks.h"

enum {
    MANY = 60
};

/* Small whole numbers, so that ties abound. */
static void fill(double *values, size_t count, uint32_t seed, uint32_t kinds)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (double)((seed >> 16) % kinds);
    }
}

static double sign(double value)
{
    return (double)((value > 0) - (value < 0));
}

static void ranks_share_ties(void **state)
{
    (void)state;
    const double x[] = {3, -0.0, 5, 0.0, 3, 3};
    const double wanted[] = {4, 1.5, 6, 1.5, 4, 4};
    double ranks[6];
    spur_error error;
    assert_ok(statistics_ranks(x, 6, ranks, &error), error);
    assert_memory_equal(ranks, wanted, sizeof ranks);
}

static void correlations_by_hand(void **state)
{
    (void)state;
    spur_error error;
    statistics_correlation rho, tau;
    const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 3, 5};
    /* Squared differences of ranks: 4, so rho = 1 - 6 * 4 / (5 * 24); 2 of 10 pairs swapped. */
    assert_ok(statistics_spearman(x, y, 5, &rho, &error), error);
    assert_ok(statistics_kendall(x, y, 5, &tau, &error), error);
    assert_true(fabs(rho.value - 0.8) < 1e-15 && fabs(tau.value - 0.6) < 1e-15);
    /* Fisher's z with variance 1.32 / 2: tanh(1.0986 -+ 1.96 * 0.8124). */
    assert_true(fabs(rho.low - tanh(log(3) - 1.959963984540054 * sqrt(0.66))) < 1e-14);
    assert_true(fabs(rho.high - tanh(log(3) + 1.959963984540054 * sqrt(0.66))) < 1e-14);
    assert_true(isnan(tau.low));
    double reversed[] = {5, 4, 3, 2, 1};
    assert_ok(statistics_spearman(x, reversed, 5, &rho, &error), error);
    assert_ok(statistics_kendall(x, reversed, 5, &tau, &error), error);
    assert_true(rho.value == -1 && rho.p == 0 && isnan(rho.low));
    assert_true(tau.value == -1);
}

/* Constant sides and too few values have no correlation. */
static void undefined_is_not_a_number(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, flat[] = {7, 7, 7};
    for (size_t count = 0; count <= 3; count++) {
        spur_error error;
        statistics_correlation rho, tau;
        double weighted;
        const double *y = count == 3 ? flat : x;
        assert_ok(statistics_spearman(x, y, count, &rho, &error), error);
        assert_ok(statistics_kendall(x, y, count, &tau, &error), error);
        assert_ok(
            statistics_weighted_tau(x, y, count, STATISTICS_TAU_BOTH, false, &weighted, &error),
            error);
        if (count == 2) {
            assert_true(rho.value == 1 && tau.value == 1 && weighted == 1 && isnan(rho.p));
        } else {
            assert_true(isnan(rho.value) && isnan(tau.value) && isnan(weighted));
        }
    }
}

/* tau = sum of w_ij sign(dx) sign(dy) / sqrt(sum of w_ij |sign dx| * sum of w_ij |sign dy|). */
static double tau_by_pairs(const double *x, const double *y, size_t count, bool is_weighted,
                           bool is_product)
{
    double agreement = 0, in_x = 0, in_y = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            double a = is_weighted ? 1 / (double)(i + 1) : 0.5;
            double b = is_weighted ? 1 / (double)(j + 1) : 0.5;
            double weight = is_product ? a * b : a + b;
            double dx = sign(x[i] - x[j]), dy = sign(y[i] - y[j]);
            agreement += weight * dx * dy;
            in_x += weight * fabs(dx);
            in_y += weight * fabs(dy);
        }
    }
    return agreement / sqrt(in_x * in_y);
}

static void taus_equal_their_definition(void **state)
{
    (void)state;
    double x[MANY], y[MANY];
    for (uint32_t seed = 0; seed < 40; seed++) {
        spur_error error;
        statistics_correlation tau;
        size_t count = 3 + seed;
        fill(x, count, seed, 3 + seed / 2);
        fill(y, count, seed + 1000, 4 + seed);
        x[0] = 50; /* not constant */
        y[1] = 60;
        assert_ok(statistics_kendall(x, y, count, &tau, &error), error);
        /* Tolerance 1e-13, observed 0. */
        assert_true(fabs(tau.value - tau_by_pairs(x, y, count, false, false)) < 1e-13);
        for (int is_product = 0; is_product < 2; is_product++) {
            double weighted;
            assert_ok(statistics_weighted_tau(x, y, count, STATISTICS_TAU_INDEX,
                                              is_product == 1, &weighted, &error),
                      error);
            /* Tolerance 1e-13, observed 7.3e-16. */
            assert_true(fabs(weighted - tau_by_pairs(x, y, count, true, is_product == 1)) <
                        1e-13);
        }
    }
}

/* Agreement among the largest values counts more than among the smallest. */
static void weighted_tau_looks_at_the_top(void **state)
{
    (void)state;
    spur_error error;
    double top, bottom;
    const double x[] = {1, 2, 3, 4, 5, 6}, swapped_top[] = {1, 2, 3, 4, 6, 5},
                 swapped_bottom[] = {2, 1, 3, 4, 5, 6};
    assert_ok(
        statistics_weighted_tau(x, swapped_top, 6, STATISTICS_TAU_BOTH, false, &top, &error),
        error);
    assert_ok(statistics_weighted_tau(x, swapped_bottom, 6, STATISTICS_TAU_BOTH, false, &bottom,
                                      &error),
              error);
    assert_true(top < bottom && bottom < 1);
}

/* Of the six orders of three values 1, 2, 2 and 1 have 0, 1, 2 and 3 inversions. */
static void exact_kendall_counts_orders(void **state)
{
    (void)state;
    static const double wanted[] = {2.0 / 6, 1, 1, 2.0 / 6};
    for (size_t discordant = 0; discordant < 4; discordant++) {
        spur_error error;
        double p;
        assert_ok(statistics_kendall_exact(discordant, 3, &p, &error), error);
        assert_true(fabs(p - wanted[discordant]) < 1e-15);
    }
}

/* Pairs won, counted one by one, equal the area, also of a score turned round. */
static void areas_equal_their_definition(void **state)
{
    (void)state;
    double scores[MANY], turned[MANY], classes[MANY];
    bool is_positive[MANY];
    for (uint32_t seed = 0; seed < 30; seed++) {
        spur_error error;
        statistics_auc auc, other;
        size_t count = 5 + seed;
        double won = 0, positives = 0;
        fill(scores, count, seed, 6);
        fill(classes, count, seed + 9, 2);
        for (size_t i = 0; i < count; i++) {
            is_positive[i] = i == 0 || (i > 1 && classes[i] > 0);
            positives += is_positive[i];
            turned[i] = -scores[i];
        }
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < count; j++) {
                if (is_positive[i] && !is_positive[j]) {
                    won += 0.5 + sign(scores[i] - scores[j]) / 2;
                }
            }
        }
        assert_ok(statistics_auc_of(scores, is_positive, NULL, count, &auc, &error), error);
        assert_ok(statistics_auc_of(turned, is_positive, NULL, count, &other, &error), error);
        assert_true(auc.area == won / (positives * ((double)count - positives)));
        assert_true(fabs(auc.area + other.area - 1) < 1e-15); /* observed 0 */
    }
}

static void average_precision_by_hand(void **state)
{
    (void)state;
    spur_error error;
    double found;
    /* From the top: hit, miss, two at once (hit, miss), hit: 1/3 (1 + 2/4 + 3/5). */
    const double scores[] = {9, 8, 7, 7, 1};
    const bool is_positive[] = {true, false, true, false, true}, none[5] = {false};
    assert_ok(statistics_average_precision(scores, is_positive, NULL, 5, &found, &error),
              error);
    assert_true(fabs(found - 0.7) < 1e-15);
    assert_ok(statistics_average_precision(scores, none, NULL, 5, &found, &error), error);
    assert_true(found == 0);
    assert_ok(statistics_average_precision(scores, none, NULL, 0, &found, &error), error);
    assert_true(isnan(found));
}

static void failing_allocations_are_clean(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4}, y[] = {1, 3, 2, 2};
    const bool is_positive[] = {true, false, true, false};
    for (size_t what = 0; what < 5; what++) {
        bool was_reached = true;
        for (size_t n = 1; was_reached; n++) {
            spur_error error;
            statistics_correlation correlation;
            statistics_auc auc;
            double value;
            (void)memory_fail_at(n, false);
            spur_status status =
                what == 0   ? statistics_spearman(x, y, 4, &correlation, &error)
                : what == 1 ? statistics_kendall(x, y, 4, &correlation, &error)
                : what == 2 ? statistics_weighted_tau(x, y, 4, STATISTICS_TAU_BOTH, true,
                                                      &value, &error)
                : what == 3 ? statistics_auc_of(x, is_positive, NULL, 4, &auc, &error)
                            : statistics_kendall_exact(3, 4, &value, &error);
            was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
            assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranks_share_ties),
                                       cmocka_unit_test(correlations_by_hand),
                                       cmocka_unit_test(undefined_is_not_a_number),
                                       cmocka_unit_test(taus_equal_their_definition),
                                       cmocka_unit_test(weighted_tau_looks_at_the_top),
                                       cmocka_unit_test(exact_kendall_counts_orders),
                                       cmocka_unit_test(areas_equal_their_definition),
                                       cmocka_unit_test(average_precision_by_hand),
                                       cmocka_unit_test(failing_allocations_are_clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
