/*
 * plain_math.c - polynomials whose bits are the same on every machine.
 *
 * Only + - * / and exact calls (floor, frexp, ldexp) are used. Coefficients are the Taylor
 * series' own: the ranges are small enough for them.
 */
#include "base/plain_math.h"

#include <stddef.h>

static double polynomial(const double *coefficients, size_t count, double x)
{
    double sum = coefficients[count - 1];
    for (size_t i = count - 1; i-- > 0;) {
        sum = sum * x + coefficients[i];
    }
    return sum;
}

double plain_sine(double turns)
{
    /* (-1)^k (2 pi)^(2k+1) / (2k+1)! */
    static const double series[] = {
        6.283185307179586,   -41.341702240399755,  81.60524927607504,  -76.70585975306136,
        42.058693944897655,  -15.09464257682298,   3.8199525848482823, -0.7181223017785005,
        0.10422916220813978, -0.012031585942120622};
    double x = turns - floor(turns + 0.5); /* -.5 .. .5 */
    if (x > 0.25) {
        x = 0.5 - x;
    } else if (x < -0.25) {
        x = -0.5 - x;
    }
    return x * polynomial(series, sizeof(series) / sizeof(series[0]), x * x);
}

double plain_cosine(double turns)
{
    return plain_sine(turns + 0.25);
}

float plain_wave(float turns)
{
    float x = turns - plain_floor(turns + 0.5f);
    if (x > 0.25f) {
        x = 0.5f - x;
    } else if (x < -0.25f) {
        x = -0.5f - x;
    }
    float s = x * x;
    return x * (6.2831853f +
                s * (-41.341702f + s * (81.605249f + s * (-76.705860f + s * 42.058694f))));
}

double plain_exp2(double x)
{
    /* ln(2)^k / k! */
    static const double series[] = {1.0,
                                    0.6931471805599453,
                                    0.24022650695910072,
                                    0.05550410866482158,
                                    0.009618129107628477,
                                    0.0013333558146428443,
                                    0.0001540353039338161,
                                    1.5252733804059841e-05,
                                    1.3215486790144309e-06,
                                    1.0178086009239699e-07,
                                    7.054911620801122e-09,
                                    4.445538271870811e-10};
    double whole = floor(x + 0.5);
    return ldexp(polynomial(series, sizeof(series) / sizeof(series[0]), x - whole), (int)whole);
}

double plain_log2(double x)
{
    /* log2(m) = 2 / ln 2 * atanh(s), s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)) */
    static const double series[] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7, 1.0 / 9,
                                    1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17};
    int exponent;
    double mantissa = frexp(x, &exponent);
    if (mantissa < 0.7071067811865476) {
        mantissa *= 2.0;
        exponent--;
    }
    double s = (mantissa - 1.0) / (mantissa + 1.0);
    double sum = s * polynomial(series, sizeof(series) / sizeof(series[0]), s * s);
    return (double)exponent + 2.8853900817779268 * sum;
}

double plain_power(double x, double power)
{
    if (x <= 0.0) {
        return power == 0.0 ? 1.0 : 0.0;
    }
    return plain_exp2(power * plain_log2(x));
}
