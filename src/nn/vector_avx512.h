/*
 * vector_avx512.h - the 16-lane vector of kernel_body.h as one AVX-512 register.
 *
 * See vector_plain.h for what each operation means; the bits are the same as with AVX2.
 */
#ifndef NN_VECTOR_AVX512_H
#define NN_VECTOR_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "nn/transpose_x86.h"

typedef struct vec {
    __m512 all;
} vec;

static inline vec vec_of(__m512 all)
{
    vec out = {all};
    return out;
}

static inline vec vec_set(float value)
{
    return vec_of(_mm512_set1_ps(value));
}

static inline vec vec_load(const float *src)
{
    return vec_of(_mm512_loadu_ps(src));
}

static inline void vec_store(float *dst, vec a)
{
    _mm512_storeu_ps(dst, a.all);
}

static inline vec vec_add(vec a, vec b)
{
    return vec_of(_mm512_add_ps(a.all, b.all));
}

static inline vec vec_sub(vec a, vec b)
{
    return vec_of(_mm512_sub_ps(a.all, b.all));
}

static inline vec vec_mul(vec a, vec b)
{
    return vec_of(_mm512_mul_ps(a.all, b.all));
}

static inline vec vec_div(vec a, vec b)
{
    return vec_of(_mm512_div_ps(a.all, b.all));
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return vec_of(_mm512_fmadd_ps(a.all, b.all, c.all));
}

static inline vec vec_max(vec a, vec b)
{
    return vec_of(_mm512_max_ps(a.all, b.all));
}

static inline vec vec_min(vec a, vec b)
{
    return vec_of(_mm512_min_ps(a.all, b.all));
}

static inline vec vec_abs(vec a)
{
    return vec_of(_mm512_abs_ps(a.all));
}

static inline vec vec_zero_below(vec x, vec limit, vec value)
{
    __mmask16 kept = _mm512_cmp_ps_mask(x.all, limit.all, _CMP_NLT_UQ);
    return vec_of(_mm512_maskz_mov_ps(kept, value.all));
}

static inline vec vec_power_of_two(vec a)
{
    __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(a.all), 23);
    return vec_of(
        _mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(0x3f800000))));
}

static inline __m256 upper_half(__m512 a)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
}

static inline float vec_sum(vec a)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.all), upper_half(a.all));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float vec_largest(vec a)
{
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.all), upper_half(a.all));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* ---- 8 doubles, of double_body.h --------------------------------------------------------- */

typedef struct wide {
    __m512d all;
} wide;

static inline wide wide_load(const double *src)
{
    return (wide){_mm512_loadu_pd(src)};
}

static inline void wide_store(double *dst, wide x)
{
    _mm512_storeu_pd(dst, x.all);
}

static inline wide wide_fma(double a, wide b, wide c)
{
    return (wide){_mm512_fmadd_pd(_mm512_set1_pd(a), b.all, c.all)};
}

#endif
