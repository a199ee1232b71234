/*
 * kernel.h - the inner loops, one table per instruction set: plain C, AVX2, AVX-512.
 *
 * All tables are compiled from kernel_body.h over a vector of 16 lanes, so AVX2 and AVX-512
 * give the same bits: a product is one chain of fused multiply-adds in order of depth, a sum
 * runs over 16 lanes and then a fixed tree. Nothing here depends on how rows are grouped.
 */
#ifndef NN_KERNEL_H
#define NN_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/linear.h"

enum {
    PANEL_WIDTH = 16,      /* columns of a packed panel */
    PANEL_WIDTH_DOUBLE = 8 /* of a panel of doubles */
};

/* What happens to a product whose depth is complete: dst[rows, columns] = act(c + bias)
 * (+ dst when `add`). Columns counts from the product's first panel; its last panel may be
 * cut. */
typedef struct finish {
    const float *bias; /* whole panels */
    float *dst;
    size_t dst_stride, columns;
    activation act;
    bool add;
} finish;

/* c[rows, 16 panels] = a[rows, depth] * b (+ c when `add`). b is packed: panel n is
 * [depth, 16] at b + n * b_panel; panel n of c is at c + n * c_panel with rows c_stride
 * apart. `streams`: the panels lie one behind the other and are read once, so what follows
 * is fetched ahead. `last` may be NULL. */
typedef struct product {
    size_t rows, panels, depth;
    const float *a, *b;
    float *c;
    /* Floats between rows, depths and register blocks of a: packed 1, tile_rows, tile_rows *
     * depth; plain rows stride, 1, tile_rows * stride. */
    size_t a_stride, a_step, a_tile;
    size_t b_panel, c_stride, c_panel;
    bool add, streams;
    const finish *last;
} product;

/* What happens to a finished block of pixels: dst = [relu](c + bias [+ residual]). dst and
 * residual begin at the block's first pixel and the step's first channel. */
typedef struct convolve_last {
    const float *bias;     /* whole panels */
    const float *residual; /* NULL without; pixels as in dst */
    float *dst;
    size_t stride, columns; /* floats between pixels; channels left from the first panel */
    bool relu;
} convolve_last;

/* c[pixels, panels] = sum over taps and depth of a * b (+ c when `add`): some taps of a
 * convolution, or a part of the channels of one. Pixels are taken in register blocks of
 * tile_rows; addresses of block t, tap k: tile_rows pixels at addresses + t * tile_addresses +
 * k * tile_rows, each the place of its channel 0; `first` is the first channel read. Panel n of
 * b is [taps, depth, 16] at b + n * b_panel, of c [pixels, 16] at c + n * c_panel; c is read
 * and written in whole register blocks, and not at all when one step is first and last. */
typedef struct convolve_step {
    size_t pixels, panels, taps, depth, first;
    const float *const *addresses;
    size_t tile_addresses;
    const float *b;
    float *c;
    size_t b_panel, c_panel;
    bool add;
    const convolve_last *last; /* NULL while depth is left */
} convolve_step;

/* c[rows, 8 panels] += a[rows, depth] * b in double: b is packed, panel n is [depth, 8] at
 * b + n * 8 * depth, panel n of c is [rows, 8] at c + n * 8 * rows. Every output is one chain
 * of fused multiply-adds in order of depth. */
typedef struct product_double {
    size_t rows, panels, depth;
    const double *a, *b;
    double *c;
    size_t a_stride, a_step; /* doubles between rows and depths */
} product_double;

/* Element i of dst (dst_step apart) = element i of B^T d B over all channels; d: the 4 x 4
 * pixels of a tile's input, row by row. Channels are whole vectors. See winograd.c. */
typedef struct winograd_input {
    const float *pixels[16];
    size_t channels;
    float *dst;
    size_t dst_step;
} winograd_input;

/* The 2 x 2 outputs of a tile: dst[i] = [relu](A^T m A + bias [+ residual[i]]), m the elements
 * of src (src_step apart, panels panel_step apart). A dst of NULL is outside the image. */
typedef struct winograd_output {
    const float *src;
    size_t src_step, panel_step, panels;
    const float *bias;
    const float *residual[4];
    float *dst[4];
    bool relu;
} winograd_output;

/* One step of a running softmax: row r of scores [rows, keys] belongs to query + r, column j
 * to key + j; a causal query sees no key behind itself. Scores become e^(score - peak), 0
 * where nothing is seen; peak, total and rescale (what the sums of earlier blocks must be
 * multiplied with) are kept per row. The first block has key 0. */
typedef struct softmax_step {
    float *scores;
    size_t stride, rows, keys; /* whole vectors of a row are written */
    size_t query, key;
    bool causal;
    float *peak, *total, *rescale;
} softmax_step;

/* The arguments of rows.h. */
typedef struct dot_rows {
    const float *a, *b;
    size_t a_stride, a_rows, b_stride, b_rows, width;
    float *dst;
    size_t dst_stride;
} dot_rows;

typedef struct kernel {
    const char *name;
    size_t tile_rows, tile_panels; /* rows and panels of a register block */
    /* Packs a for products: [ceil(rows / tile_rows), depth, tile_rows]. */
    void (*pack)(const float *src, size_t stride, size_t rows, size_t depth, float *dst);
    /* The same from a turned over: src [depth, rows] with `stride` floats between its rows. */
    void (*pack_turned)(const float *src, size_t stride, size_t rows, size_t depth, float *dst);
    void (*multiply)(const product *what);
    void (*convolve)(const convolve_step *what);
    void (*multiply_double)(const product_double *what);
    void (*winograd_gather)(const winograd_input *what);
    void (*winograd_scatter)(const winograd_output *what);
    void (*softmax_step)(const softmax_step *what);
    /* values[row, 16] *= factors[row] */
    void (*scale_panel)(float *values, size_t rows, const float *factors);
    void (*softmax_row)(float *row, size_t width);
    void (*activate_row)(float *row, size_t width, activation act);
    void (*layer_norm_row)(const float *src, size_t width, const float *weight,
                           const float *bias, float eps, float *dst);
    void (*l2_row)(const float *src, size_t width, float eps, float *dst);
    void (*dot)(const dot_rows *what);
} kernel;

extern const kernel kernel_plain;
extern const kernel kernel_avx2;
extern const kernel kernel_avx512;

/* The widest table this processor and oneDNN's limit (ONEDNN_MAX_CPU_ISA) allow. */
const kernel *kernel_native(void);

#endif
