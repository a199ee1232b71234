/*
 * transpose_x86.h - the transposition that vector_avx2.h and vector_avx512.h share.
 */
#ifndef NN_TRANSPOSE_X86_H
#define NN_TRANSPOSE_X86_H

#include <immintrin.h>
#include <stddef.h>

static inline void transpose_four(const float *src, size_t stride, float *dst, size_t step)
{
    __m128 a = _mm_loadu_ps(src);
    __m128 b = _mm_loadu_ps(src + stride);
    __m128 c = _mm_loadu_ps(src + 2 * stride);
    __m128 d = _mm_loadu_ps(src + 3 * stride);
    __m128 ab = _mm_unpacklo_ps(a, b), cd = _mm_unpacklo_ps(c, d);
    _mm_storeu_ps(dst, _mm_movelh_ps(ab, cd));
    _mm_storeu_ps(dst + step, _mm_movehl_ps(cd, ab));
    ab = _mm_unpackhi_ps(a, b);
    cd = _mm_unpackhi_ps(c, d);
    _mm_storeu_ps(dst + 2 * step, _mm_movelh_ps(ab, cd));
    _mm_storeu_ps(dst + 3 * step, _mm_movehl_ps(cd, ab));
}

#endif
