/*
 * half.c - float to half and back, on the bits.
 */
#include "base/half.h"

#include <string.h>

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1F;
    uint32_t fraction = half & 0x3FF;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 */
        float value = (float)fraction * 0x1p-24f;
        return sign != 0 ? -value : value;
    }
    uint32_t wide = exponent == 0x1F ? 0xFF : exponent + (127 - 15);
    return float_of(sign | wide << 23 | fraction << 13);
}

/* value >> shift, rounded to nearest, ties to even; 0 < shift < 32. */
static uint32_t shift_rounded(uint32_t value, unsigned shift)
{
    uint32_t kept = value >> shift;
    uint32_t lost = value & ((1u << shift) - 1);
    uint32_t middle = 1u << (shift - 1);
    return kept + (lost > middle || (lost == middle && (kept & 1) != 0));
}

uint16_t half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7FFFFFFF;
    if (magnitude >= 0x7F800000) { /* infinite, or not a number: quiet */
        return (uint16_t)(sign | 0x7C00 | (magnitude > 0x7F800000 ? 0x200 : 0));
    }
    if (magnitude >= 0x47800000) { /* 65536 and more */
        return (uint16_t)(sign | 0x7C00);
    }
    if (magnitude >= 0x38800000) { /* normal: 2^-14 and more; a carry reaches the exponent */
        return (uint16_t)(sign | (shift_rounded(magnitude, 13) - ((127 - 15) << 10)));
    }
    uint32_t exponent = magnitude >> 23;
    if (exponent < 102) { /* under 2^-25 */
        return (uint16_t)sign;
    }
    uint32_t fraction = (magnitude & 0x7FFFFF) | 0x800000;
    return (uint16_t)(sign | shift_rounded(fraction, 126 - exponent));
}

/* Front to back is safe: value i ends at byte 4i + 4 <= 2 * count + 2i + 2, where the next
 * unread one begins. */
void half_widen(float *dst, size_t count)
{
    const unsigned char *src = (const unsigned char *)dst + 2 * count;
    for (size_t i = 0; i < count; i++) {
        uint16_t value;
        memcpy(&value, src + 2 * i, sizeof value);
        dst[i] = half_to_float(value);
    }
}
