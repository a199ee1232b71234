/*
 * vector_avx2.h - the 16-lane vector of kernel_body.h as two AVX registers.
 *
 * See vector_plain.h for what each operation means; the bits are the same.
 */
#ifndef NN_VECTOR_AVX2_H
#define NN_VECTOR_AVX2_H

#include <immintrin.h>
#include <stddef.h>

#include "nn/transpose_x86.h"

typedef struct vec {
    __m256 lo, hi;
} vec;

static inline vec vec_of(__m256 lo, __m256 hi)
{
    vec out = {lo, hi};
    return out;
}

static inline vec vec_set(float value)
{
    return vec_of(_mm256_set1_ps(value), _mm256_set1_ps(value));
}

static inline vec vec_load(const float *src)
{
    return vec_of(_mm256_loadu_ps(src), _mm256_loadu_ps(src + 8));
}

static inline void vec_store(float *dst, vec a)
{
    _mm256_storeu_ps(dst, a.lo);
    _mm256_storeu_ps(dst + 8, a.hi);
}

static inline vec vec_add(vec a, vec b)
{
    return vec_of(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi));
}

static inline vec vec_sub(vec a, vec b)
{
    return vec_of(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi));
}

static inline vec vec_mul(vec a, vec b)
{
    return vec_of(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi));
}

static inline vec vec_div(vec a, vec b)
{
    return vec_of(_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi));
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return vec_of(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}

static inline vec vec_max(vec a, vec b)
{
    return vec_of(_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi));
}

static inline vec vec_min(vec a, vec b)
{
    return vec_of(_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi));
}

static inline vec vec_abs(vec a)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return vec_of(_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi));
}

static inline vec vec_zero_below(vec x, vec limit, vec value)
{
    return vec_of(_mm256_andnot_ps(_mm256_cmp_ps(x.lo, limit.lo, _CMP_LT_OQ), value.lo),
                  _mm256_andnot_ps(_mm256_cmp_ps(x.hi, limit.hi, _CMP_LT_OQ), value.hi));
}

static inline __m256 half_power_of_two(__m256 a)
{
    __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(a), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(0x3f800000)));
}

static inline vec vec_power_of_two(vec a)
{
    return vec_of(half_power_of_two(a.lo), half_power_of_two(a.hi));
}

static inline float vec_sum(vec a)
{
    __m256 eight = _mm256_add_ps(a.lo, a.hi);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float vec_largest(vec a)
{
    __m256 eight = _mm256_max_ps(a.lo, a.hi);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* ---- 8 doubles, of double_body.h --------------------------------------------------------- */

typedef struct wide {
    __m256d lo, hi;
} wide;

static inline wide wide_load(const double *src)
{
    return (wide){_mm256_loadu_pd(src), _mm256_loadu_pd(src + 4)};
}

static inline void wide_store(double *dst, wide x)
{
    _mm256_storeu_pd(dst, x.lo);
    _mm256_storeu_pd(dst + 4, x.hi);
}

static inline wide wide_fma(double a, wide b, wide c)
{
    __m256d all = _mm256_set1_pd(a);
    return (wide){_mm256_fmadd_pd(all, b.lo, c.lo), _mm256_fmadd_pd(all, b.hi, c.hi)};
}

#endif
