/*
 * vector_plain.h - the 16-lane vector of kernel_body.h in plain C, for any processor.
 *
 * Lane by lane the same operations as the AVX2 and AVX-512 forms. Where C says that fmaf is
 * fast the bits are the same too; elsewhere product and sum are rounded separately.
 */
#ifndef NN_VECTOR_PLAIN_H
#define NN_VECTOR_PLAIN_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct vec {
    float lane[16];
} vec;

#define VEC_LANES(expression)                                                                  \
    vec out;                                                                                   \
    for (size_t i = 0; i < 16; i++) {                                                          \
        out.lane[i] = (expression);                                                            \
    }                                                                                          \
    return out

#ifdef FP_FAST_FMAF
static inline float lane_fma(float a, float b, float c)
{
    return fmaf(a, b, c);
}
#else
static inline float lane_fma(float a, float b, float c)
{
    return a * b + c;
}
#endif

static inline vec vec_set(float value)
{
    VEC_LANES(value);
}

static inline vec vec_load(const float *src)
{
    vec out;
    memcpy(out.lane, src, sizeof out.lane);
    return out;
}

static inline void vec_store(float *dst, vec a)
{
    memcpy(dst, a.lane, sizeof a.lane);
}

static inline vec vec_add(vec a, vec b)
{
    VEC_LANES(a.lane[i] + b.lane[i]);
}

static inline vec vec_sub(vec a, vec b)
{
    VEC_LANES(a.lane[i] - b.lane[i]);
}

static inline vec vec_mul(vec a, vec b)
{
    VEC_LANES(a.lane[i] * b.lane[i]);
}

static inline vec vec_div(vec a, vec b)
{
    VEC_LANES(a.lane[i] / b.lane[i]);
}

/* a * b + c */
static inline vec vec_fma(vec a, vec b, vec c)
{
    VEC_LANES(lane_fma(a.lane[i], b.lane[i], c.lane[i]));
}

/* The second operand when either is NaN, as the x86 instructions. */
static inline vec vec_max(vec a, vec b)
{
    VEC_LANES(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}

static inline vec vec_min(vec a, vec b)
{
    VEC_LANES(a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
}

static inline vec vec_abs(vec a)
{
    VEC_LANES(fabsf(a.lane[i]));
}

/* value where x >= limit or x is NaN, else 0. */
static inline vec vec_zero_below(vec x, vec limit, vec value)
{
    VEC_LANES(x.lane[i] < limit.lane[i] ? 0.0f : value.lane[i]);
}

/* 2^n from the low bits of a = n + 1.5 * 2^23. */
static inline vec vec_power_of_two(vec a)
{
    vec out;
    for (size_t i = 0; i < 16; i++) {
        uint32_t bits;
        memcpy(&bits, &a.lane[i], sizeof bits);
        bits = (bits << 23) + 0x3f800000U;
        memcpy(&out.lane[i], &bits, sizeof bits);
    }
    return out;
}

/* dst[k * step + i] = src[i * stride + k] for i, k < 4 */
static inline void transpose_four(const float *src, size_t stride, float *dst, size_t step)
{
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            dst[k * step + i] = src[i * stride + k];
        }
    }
}

/* The lanes in a fixed tree: distance 8, 4, 2, 1. */
static inline float vec_sum(vec a)
{
    for (size_t half = 8; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            a.lane[i] += a.lane[i + half];
        }
    }
    return a.lane[0];
}

static inline float vec_largest(vec a)
{
    for (size_t half = 8; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            a.lane[i] = a.lane[i] > a.lane[i + half] ? a.lane[i] : a.lane[i + half];
        }
    }
    return a.lane[0];
}

/* ---- 8 doubles, of double_body.h --------------------------------------------------------- */

typedef struct wide {
    double lane[8];
} wide;

static inline wide wide_load(const double *src)
{
    wide out;
    memcpy(out.lane, src, sizeof out.lane);
    return out;
}

static inline void wide_store(double *dst, wide x)
{
    memcpy(dst, x.lane, sizeof x.lane);
}

#ifdef FP_FAST_FMA
static inline double lane_fma_double(double a, double b, double c)
{
    return fma(a, b, c);
}
#else
static inline double lane_fma_double(double a, double b, double c)
{
    return a * b + c;
}
#endif

/* a * b + c */
static inline wide wide_fma(double a, wide b, wide c)
{
    wide out;
    for (size_t i = 0; i < 8; i++) {
        out.lane[i] = lane_fma_double(a, b.lane[i], c.lane[i]);
    }
    return out;
}

#endif
