/*
 * onednn.h - the little of oneDNN that Spur uses, alike for its 2.x and 3.x C interfaces.
 *
 * CMake compiles onednn_v2.c or onednn_v3.c by the version it found.
 */
#ifndef NN_ONEDNN_H
#define NN_ONEDNN_H

/* "2.6.3" */
const char *onednn_version(void);

/* The widest instruction set oneDNN may use here: what the processor has, limited by
 * ONEDNN_MAX_CPU_ISA. */
typedef enum onednn_level {
    ONEDNN_LEVEL_BASIC,
    ONEDNN_LEVEL_AVX2,
    ONEDNN_LEVEL_AVX512
} onednn_level;
onednn_level onednn_level_here(void);

#endif
