/*
 * plain_math.h - sine, powers of two and logarithms of our own, for numbers that decide pixels.
 *
 * The C library's differ in the last bit between machines. These are polynomials evaluated in
 * IEEE double, one operation after another, so every machine gives the same bits (the whole
 * project is compiled with -ffp-contract=off). Accurate to about 1e-12 absolute.
 */
#ifndef BASE_PLAIN_MATH_H
#define BASE_PLAIN_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* c[0] + c[1] x + ... + c[count-1] x^(count-1). */
static inline double plain_polynomial(const double *coefficients, size_t count, double x)
{
    double sum = coefficients[count - 1];
    for (size_t i = count - 1; i-- > 0;) {
        sum = sum * x + coefficients[i];
    }
    return sum;
}

/* sin(2 pi x) for x in [-1/2, 1/2]. Inlined with the next for loops over many numbers. */
static inline double plain_sine_near(double x)
{
    /* (-1)^k (2 pi)^(2k+1) / (2k+1)! */
    static const double series[] = {
        6.283185307179586,   -41.341702240399755,  81.60524927607504,  -76.70585975306136,
        42.058693944897655,  -15.09464257682298,   3.8199525848482823, -0.7181223017785005,
        0.10422916220813978, -0.012031585942120622};
    double y = x > 0.25 ? 0.5 - x : x;
    y = x < -0.25 ? -0.5 - x : y;
    return y * plain_polynomial(series, sizeof(series) / sizeof(series[0]), y * y);
}

/* log2(m) + exponent for m in [1/2, 1). */
static inline double plain_log2_of(double mantissa, int exponent)
{
    /* log2(m) = 2 / ln 2 * atanh(s), s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)) */
    static const double series[] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7, 1.0 / 9,
                                    1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17};
    bool is_low = mantissa < 0.7071067811865476;
    double m = is_low ? mantissa * 2.0 : mantissa;
    double s = (m - 1.0) / (m + 1.0);
    double sum = s * plain_polynomial(series, sizeof(series) / sizeof(series[0]), s * s);
    return (double)(is_low ? exponent - 1 : exponent) + 2.8853900817779268 * sum;
}

/* plain_log2 of normal numbers: frexp by bits. */
static inline double plain_log2_normal(double x)
{
    uint64_t bits;
    double mantissa;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1022;
    bits = (bits & 0xFFFFFFFFFFFFFu) | 0x3FE0000000000000u;
    memcpy(&mantissa, &bits, sizeof mantissa);
    return plain_log2_of(mantissa, exponent);
}

/* sin(2 pi turns) and cos(2 pi turns). */
double plain_sine(double turns);
double plain_cosine(double turns);

/* sin(2 pi turns) to about 4e-6, for the inner loops of textures. */
float plain_wave(float turns);

double plain_exp2(double x); /* |x| < 1000 */
double plain_log2(double x); /* x > 0 */

/* x^power for x in [0, infinity). */
double plain_power(double x, double power);

/* The largest integer not above x; |x| < 2^31. Inlined: before SSE4.1 floorf is a call. */
static inline float plain_floor(float x)
{
    float whole = (float)(int)x;
    return x < whole ? whole - 1.0f : whole;
}

static inline float plain_fraction(float x)
{
    return x - plain_floor(x);
}

#endif
