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
