/*
 * kernel_plain.c - the inner loops in plain C: every processor, and the twin that tests
 * compare the others with.
 */
#include "nn/vector_plain.h"

#define TILE_ROWS 4
#define TILE_ROWS_DOUBLE 2
#define TILE_PANELS 1
#define DOT_ROWS 1
#define DOT_COLUMNS 2
#define KERNEL_NAME "plain"
#define KERNEL_TABLE kernel_plain

#include "nn/kernel_body.h"
