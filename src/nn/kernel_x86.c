/*
 * kernel_x86.c - which inner loops an x86-64 processor gets.
 */
#include "nn/kernel.h"
#include "nn/onednn.h"

const kernel *kernel_native(void)
{
    onednn_level level = onednn_level_here();
    if (level >= ONEDNN_LEVEL_AVX512 && __builtin_cpu_supports("avx512f")) {
        return &kernel_avx512;
    }
    if (level >= ONEDNN_LEVEL_AVX2 && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma")) {
        return &kernel_avx2;
    }
    return &kernel_plain;
}
