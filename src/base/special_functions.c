/*
 * special_functions.c - normal, beta, gamma and the distributions made of them.
 *
 * Densities are written as a deviance plus Stirling's error, never as a difference of large
 * log gammas: x^a y^b / B(a, b) with x + y = 1, n = a + b is
 *     sqrt(a b / (2 pi n)) exp(S(n) - S(a) - S(b) - D(a, n x) - D(b, n y)),
 * D(u, v) = u ln(u / v) + v - u, S(z) = ln Gamma(z) - [(z - 1/2) ln z - z + ln(2 pi) / 2]
 * (Loader, Fast and accurate computation of binomial probabilities, 2000). The tails are
 * continued fractions (DLMF 8.17.22, 8.9.2) or series (DLMF 8.11.4).
 */
#include "base/special_functions.h"

#include <float.h>
#include <math.h>

#define TWO_PI 6.283185307179586
#define SQRT_HALF 0.7071067811865476

enum {
    FRACTION_STEPS = 100000, /* about sqrt(a) are needed */
    NEWTON_STEPS = 200
};

/* ---- pieces ----------------------------------------------------------------------------- */

/* S(z), z > 0: Stirling's series from 16 on, below through S(z) - S(z + 1) =
 * (z + 1/2) ln(1 + 1 / z) - 1. */
static double stirling_error(double z)
{
    double sum = 0;
    while (z < 16) {
        sum += (z + 0.5) * log1p(1 / z) - 1;
        z += 1;
    }
    double r = 1 / (z * z);
    double series =
        1.0 / 12 +
        r * (-1.0 / 360 +
             r * (1.0 / 1260 +
                  r * (-1.0 / 1680 + r * (1.0 / 1188 + r * (-691.0 / 360360 + r / 156)))));
    return sum + series / z;
}

/* D(u, v) for v > 0, u > 0. With d = (u - v) / (u + v), ln(u / v) = 2 atanh d; the series is
 * used where the closed form would cancel. */
static double deviance(double u, double v)
{
    double difference = u - v;
    double d = difference / (u + v);
    if (fabs(d) > 0.1) {
        return u * log(u / v) - difference;
    }
    double sum = difference * d, power = 2 * u * d, square = d * d;
    for (int k = 3; k < 60; k += 2) {
        power *= square;
        double next = sum + power / k;
        if (next == sum) {
            break;
        }
        sum = next;
    }
    return sum;
}

/* Lentz's method needs a zero replaced by something tiny. */
static double never_zero(double value)
{
    return fabs(value) < 1e-300 ? 1e-300 : value;
}

/* ---- normal ------------------------------------------------------------------------------ */

double normal_upper(double x)
{
    return 0.5 * erfc(x * SQRT_HALF);
}

/* x <= 0 with P(Z <= x) = p <= 1/2: Newton on ln P, which is concave, so that from the first
 * step on all estimates stay on one side and the error falls quadratically. */
static double lower_quantile(double p)
{
    double x = p > 0.25 ? -sqrt(TWO_PI) * (0.5 - p) : -sqrt(-2 * log(2 * p));
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double tail = normal_upper(-x);
        double density = exp(-x * x / 2) / sqrt(TWO_PI);
        double step = tail / density * log(p / tail);
        if (p > 0.25) { /* near the middle ln P loses what erf keeps */
            step = (0.5 * erf(-x * SQRT_HALF) - (0.5 - p)) / density;
        }
        x += step;
        if (!(fabs(step) > 1e-16 * fabs(x))) {
            break;
        }
    }
    return x > 0 ? 0 : x;
}

double normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1)) {
        return (double)NAN;
    }
    if (p == 0 || p == 1) {
        return p == 0 ? (double)-INFINITY : (double)INFINITY;
    }
    return p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
}

/* ---- beta -------------------------------------------------------------------------------- */

/* x^a y^b / B(a, b) */
static double beta_front(double x, double y, double a, double b)
{
    double n = a + b;
    return sqrt(a / n * b / TWO_PI) *
           exp(stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) -
               deviance(b, n * y));
}

/* The fraction of DLMF 8.17.22; converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / never_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m < FRACTION_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / never_zero(1 + even * d);
        c = never_zero(1 + even / c);
        value *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / never_zero(1 + odd * d);
        c = never_zero(1 + odd / c);
        double factor = d * c;
        value *= factor;
        if (fabs(factor - 1) < DBL_EPSILON) {
            break;
        }
    }
    return value;
}

/* I_x(a, b) with y = 1 - x given as well, so that neither end loses digits. */
static double beta_both(double x, double y, double a, double b)
{
    if (x <= 0) {
        return 0;
    }
    if (y <= 0) {
        return 1;
    }
    double front = beta_front(x, y, a, b);
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a
                                     : 1 - front * beta_fraction(y, b, a) / b;
}

double beta_lower(double x, double a, double b)
{
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) {
        return (double)NAN;
    }
    return beta_both(x, 1 - x, a, b);
}

/* Newton's steps, kept inside a bracket that is halved when a step leaves it. Below the median
 * on the logarithms, where I_x is nearly the straight line a ln x. */
double beta_quantile(double p, double a, double b)
{
    if (!(a > 0 && b > 0 && p >= 0 && p <= 1)) {
        return (double)NAN;
    }
    double low = 0, high = 1, x = a / (a + b);
    for (int i = 0; i < NEWTON_STEPS && p > 0 && p < 1; i++) {
        double found = beta_lower(x, a, b);
        *(found < p ? &low : &high) = x;
        double slope = beta_front(x, 1 - x, a, b) / (x * (1 - x));
        double next =
            p < 0.5 ? x * exp(log(p / found) * found / (x * slope)) : x - (found - p) / slope;
        if (found == p || fabs(next - x) <= DBL_EPSILON * x) {
            break;
        }
        x = next > low && next < high ? next : low + (high - low) / 2;
    }
    return p == 0 || p == 1 ? p : x;
}

/* ---- gamma ------------------------------------------------------------------------------- */

/* x^a exp(-x) / Gamma(a) */
static double gamma_front(double a, double x)
{
    return sqrt(a / TWO_PI) * exp(-stirling_error(a) - deviance(a, x));
}

/* P(a, x) for x < a + 1 */
static double gamma_series(double a, double x)
{
    double term = 1 / a, sum = term;
    for (int k = 1; k < FRACTION_STEPS && term > sum * DBL_EPSILON / 4; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum * gamma_front(a, x);
}

/* Q(a, x) for x >= a + 1 */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a;
    double c = 1e300, d = 1 / b;
    double value = d;
    for (int k = 1; k < FRACTION_STEPS; k++) {
        double numerator = -k * (k - a);
        b += 2;
        d = 1 / never_zero(numerator * d + b);
        c = never_zero(b + numerator / c);
        double factor = d * c;
        value *= factor;
        if (fabs(factor - 1) < DBL_EPSILON) {
            break;
        }
    }
    return value * gamma_front(a, x);
}

double gamma_upper(double a, double x)
{
    if (!(a > 0 && x >= 0)) {
        return (double)NAN;
    }
    if (x == 0) {
        return 1;
    }
    return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

/* ---- distributions ----------------------------------------------------------------------- */

double student_upper(double t, double freedom)
{
    if (!(freedom > 0) || isnan(t)) {
        return (double)NAN;
    }
    /* x = f / (f + t^2), both parts without cancellation. */
    double square = t * t;
    double tail = isinf(square)
                      ? 0
                      : 0.5 * beta_both(freedom / (freedom + square),
                                        square / (freedom + square), freedom / 2, 0.5);
    return t >= 0 ? tail : 1 - tail;
}

double chi_squared_upper(double x, double freedom)
{
    return gamma_upper(freedom / 2, x / 2);
}

double binomial_mass(uint64_t k, uint64_t n, double p)
{
    if (!(p >= 0 && p <= 1) || k > n) {
        return (double)NAN;
    }
    if (p == 0 || p == 1) {
        return k == (p == 0 ? 0 : n) ? 1 : 0;
    }
    if (k == 0 || k == n) {
        return exp((double)n * (k == 0 ? log1p(-p) : log(p)));
    }
    /* k (n - k) / n times the density of the beta distribution's front. */
    double a = (double)k, b = (double)(n - k);
    return beta_front(p, 1 - p, a, b) * (double)n / (a * b);
}

double binomial_lower(uint64_t k, uint64_t n, double p)
{
    if (!(p >= 0 && p <= 1) || k > n) {
        return (double)NAN;
    }
    return k == n ? 1 : beta_both(1 - p, p, (double)(n - k), (double)k + 1);
}
