/*
 * kernel_avx2.c - the inner loops with AVX2 and FMA.
 *
 * A register block is 6 x 16: 12 of the 16 registers hold sums, two the panel's row, one the
 * broadcast value.
 */
#include "nn/vector_avx2.h"

#define TILE_ROWS 6
#define TILE_ROWS_DOUBLE 6
#define TILE_PANELS 1
#define DOT_ROWS 2
#define DOT_COLUMNS 3
#define KERNEL_NAME "avx2"
#define KERNEL_TABLE kernel_avx2

#include "nn/kernel_body.h"
