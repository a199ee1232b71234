/*
 * kernel_avx512.c - the inner loops with AVX-512.
 *
 * A register block is 12 x 32: 24 of the 32 registers hold sums, two the panels' row.
 */
#include "nn/vector_avx512.h"

#define TILE_ROWS 12
#define TILE_ROWS_DOUBLE 8
#define TILE_PANELS 2
#define DOT_ROWS 4
#define DOT_COLUMNS 4
#define KERNEL_NAME "avx512"
#define KERNEL_TABLE kernel_avx512

#include "nn/kernel_body.h"
