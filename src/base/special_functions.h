/*
 * special_functions.h - the distributions that intervals and tests need, in double.
 *
 * Outside their domain the functions return NaN.
 */
#ifndef BASE_SPECIAL_FUNCTIONS_H
#define BASE_SPECIAL_FUNCTIONS_H

#include <stdint.h>

/* P(Z > x) of the standard normal distribution, and x with P(Z <= x) = p. */
double normal_upper(double x);
double normal_quantile(double p);

/* Regularised incomplete beta function I_x(a, b), a, b > 0, and its inverse in x. */
double beta_lower(double x, double a, double b);
double beta_quantile(double p, double a, double b);

/* Regularised upper incomplete gamma function Q(a, x), a > 0. */
double gamma_upper(double a, double x);

/* P(T > t) of Student's t, P(X > x) of chi-squared, with `freedom` degrees of freedom. */
double student_upper(double t, double freedom);
double chi_squared_upper(double x, double freedom);

/* P(X = k) and P(X <= k) of the binomial distribution with n trials. */
double binomial_mass(uint64_t k, uint64_t n, double p);
double binomial_lower(uint64_t k, uint64_t n, double p);

#endif
