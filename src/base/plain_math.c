/*
 * plain_math.c - polynomials whose bits are the same on every machine.
 *
 * Only + - * / and exact calls (floor, frexp, ldexp) are used. Coefficients are the Taylor
 * series' own: the ranges are small enough for them.
 */
#include "base/plain_math.h"

double plain_sine(double turns)
{
    return plain_sine_near(turns - floor(turns + 0.5));
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
    return ldexp(plain_polynomial(series, sizeof(series) / sizeof(series[0]), x - whole),
                 (int)whole);
}

double plain_log2(double x)
{
    int exponent;
    double mantissa = frexp(x, &exponent);
    return plain_log2_of(mantissa, exponent);
}

double plain_power(double x, double power)
{
    if (x <= 0.0) {
        return power == 0.0 ? 1.0 : 0.0;
    }
    return plain_exp2(power * plain_log2(x));
}
