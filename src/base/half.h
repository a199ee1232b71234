/*
 * half.h - IEEE 754 half precision: 1 sign, 5 exponent (bias 15), 10 fraction bits.
 */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Exact. */
float half_to_float(uint16_t half);
/* Rounded to nearest, ties to even; what is too large becomes infinite. */
uint16_t half_from_float(float value);

/* Widens `count` halves that stand in the upper half of dst's bytes, in place. */
void half_widen(float *dst, size_t count);

#endif
