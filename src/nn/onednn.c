/*
 * onednn.c - what the 2.x and the 3.x interface of oneDNN have in common.
 */
#include "nn/onednn.h"

#include <oneapi/dnnl/dnnl.h>

#define TEXT(value) #value
#define JOINED(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *onednn_version(void)
{
    return JOINED(DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
}

onednn_level onednn_level_here(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned avx2 = (unsigned)dnnl_cpu_isa_avx2;
    unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core;
    if ((isa & avx512) == avx512) {
        return ONEDNN_LEVEL_AVX512;
    }
    return (isa & avx2) == avx2 ? ONEDNN_LEVEL_AVX2 : ONEDNN_LEVEL_BASIC;
}
