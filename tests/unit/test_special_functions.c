/*
 * test_special_functions.c - closed forms, identities between the functions, and ends.
 */
#include "support.h"

#include <math.h>

#include "base/special_functions.h"

static double relative(double found, double wanted)
{
    return fabs(found - wanted) / fabs(wanted);
}

static void normal_is_its_own_inverse(void **state)
{
    (void)state;
    static const double levels[] = {1e-300, 1e-20, 1e-5, 0.2499, 0.25, 0.2501, 0.4999, 0.5};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        double x = normal_quantile(levels[i]);
        assert_true(relative(normal_upper(-x), levels[i]) < 1e-12); /* observed 7.8e-14 */
        if (levels[i] > 0.01) {
            assert_true(fabs(normal_quantile(1 - levels[i]) + x) < 1e-14); /* observed 0 */
        }
    }
    assert_true(normal_quantile(0.5) == 0);
    assert_true(relative(normal_quantile(0.975), 1.959963984540054) < 1e-15);
    assert_true(normal_quantile(0) == -(double)INFINITY && normal_quantile(1) > 1e300);
    assert_true(isnan(normal_quantile(-0.1)) && isnan(normal_quantile((double)NAN)));
}

/* I_x(a, 1) = x^a, I_x(1, b) = 1 - (1 - x)^b, I_x(a, b) = 1 - I_{1-x}(b, a),
 * I_x(1/2, 1/2) = 2/pi asin(sqrt x). Tolerance 1e-13, observed 5.3e-15. */
static void beta_has_its_closed_forms(void **state)
{
    (void)state;
    for (double x = 0.0625; x < 1; x += 0.0625) {
        assert_true(relative(beta_lower(x, 7.5, 1), pow(x, 7.5)) < 1e-13);
        assert_true(relative(beta_lower(x, 1, 3.25), 1 - pow(1 - x, 3.25)) < 1e-13);
        assert_true(relative(beta_lower(x, 0.5, 0.5), asin(sqrt(x)) / asin(1)) < 1e-13);
        assert_true(fabs(beta_lower(x, 3, 40) + beta_lower(1 - x, 40, 3) - 1) < 1e-13);
        assert_true(relative(beta_quantile(beta_lower(x, 4, 9), 4, 9), x) <
                    1e-9); /* observed 8.4e-11:
  the tail is flat at 15/16 */
    }
    assert_true(beta_lower(0, 2, 3) == 0 && beta_lower(1, 2, 3) == 1);
    assert_true(beta_quantile(0, 2, 3) == 0 && beta_quantile(1, 2, 3) == 1);
    assert_true(isnan(beta_lower(0.5, 0, 1)) && isnan(beta_quantile(2, 1, 1)));
}

/* A quantile far below the mean of a wide distribution: the bracket must not creep. */
static void beta_quantiles_of_tiny_chances(void **state)
{
    (void)state;
    double x = beta_quantile(1e-30, 0.5, 5);
    assert_true(relative(beta_lower(x, 0.5, 5), 1e-30) < 1e-12); /* observed 2.3e-15 */
    x = beta_quantile(1e-12, 3, 1e6);
    assert_true(relative(beta_lower(x, 3, 1e6), 1e-12) < 1e-10); /* observed 4.0e-16 */
}

/* Q(1, x) = exp(-x), Q(1/2, x) = erfc(sqrt x). Tolerance 1e-13, observed 5.0e-15. */
static void gamma_has_its_closed_forms(void **state)
{
    (void)state;
    for (double x = 0.25; x < 40; x *= 1.5) {
        assert_true(relative(gamma_upper(1, x), exp(-x)) < 1e-13);
        assert_true(relative(gamma_upper(0.5, x), erfc(sqrt(x))) < 1e-13);
        assert_true(relative(chi_squared_upper(x, 2), exp(-x / 2)) < 1e-13);
    }
    assert_true(gamma_upper(3, 0) == 1 && isnan(gamma_upper(0, 1)));
}

/* One degree of freedom is the Cauchy distribution, two have a closed form. */
static void student_has_its_closed_forms(void **state)
{
    (void)state;
    double quarter = asin(1) / 2, pi = 4 * quarter;
    for (double t = 0.125; t < 100; t *= 2) {
        assert_true(relative(student_upper(t, 1), atan2(1, t) / pi) < 1e-13);
        assert_true(relative(student_upper(t, 2), 1 / (2 + t * t + t * sqrt(2 + t * t))) <
                    1e-13); /* observed 1.5e-15 */
        assert_true(fabs(student_upper(-t, 5) + student_upper(t, 5) - 1) < 1e-15);
    }
    assert_true(student_upper(0, 7) == 0.5 && student_upper((double)INFINITY, 7) == 0);
}

static void binomial_counts(void **state)
{
    (void)state;
    /* 10 coins: 1 10 45 120 ... of 1024. */
    assert_true(relative(binomial_mass(2, 10, 0.5), 45.0 / 1024) < 1e-14);
    assert_true(relative(binomial_lower(3, 10, 0.5), 176.0 / 1024) < 1e-14);
    assert_true(binomial_lower(10, 10, 0.3) == 1 && binomial_lower(0, 0, 0.3) == 1);
    assert_true(binomial_mass(0, 5, 0) == 1 && binomial_mass(1, 5, 0) == 0);
    assert_true(isnan(binomial_mass(6, 5, 0.5)) && isnan(binomial_lower(1, 5, 1.5)));
    double sum = 0;
    for (uint64_t k = 0; k <= 200; k++) {
        sum += binomial_mass(k, 200, 0.37);
        assert_true(fabs(binomial_lower(k, 200, 0.37) - sum) < 1e-13); /* observed 1.1e-15 */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normal_is_its_own_inverse),
                                       cmocka_unit_test(beta_has_its_closed_forms),
                                       cmocka_unit_test(beta_quantiles_of_tiny_chances),
                                       cmocka_unit_test(gamma_has_its_closed_forms),
                                       cmocka_unit_test(student_has_its_closed_forms),
                                       cmocka_unit_test(binomial_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
