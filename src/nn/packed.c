/*
 * packed.c - y = act(x W^T + b) [+ y] over packed panels of 16 output columns.
 *
 * Blocks of rows x 256 columns x depth: a panel's slice of one depth block stays in the first
 * level cache while it meets all rows of the block, the rows' slice in the second; W lies in
 * the order it is read. Every output is one chain of multiply-adds over the whole depth, so a
 * row's bits depend on neither the block it is in nor the other rows.
 */
#include "nn/packed.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "nn/kernel.h"

enum {
    BLOCK_ROWS = 192,
    BLOCK_DEPTH = 384,
    BLOCK_PANELS = 16,
    SPARE_PANELS = 2 /* behind the last panel, where the fetch ahead ends */
};

struct packed_product {
    linear_shape shape;
    const kernel *loops;
    size_t panels, block_rows, block_depth;
    float *packed; /* [panels / 16][depth blocks][16 panels][block_depth][16 columns] */
    float *bias;   /* [panels][16] */
    size_t floats; /* of scratch */
};

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- packing ----------------------------------------------------------------------------- */

/* Columns 16 panel .. + 15 and depths from .. from + depth - 1 of W, 0 behind the last. */
static void pack_panel(const linear_shape *shape, const float *weight, size_t panel,
                       size_t depth_from, size_t depth, float *dst)
{
    size_t first = panel * PANEL_WIDTH;
    size_t count = smaller(shape->out - first, PANEL_WIDTH);
    for (size_t k = 0; k < depth; k++) {
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            dst[j] = j < count ? weight[(first + j) * shape->in + depth_from + k] : 0.0F;
        }
        dst += PANEL_WIDTH;
    }
}

static void pack_weight(packed_product *made, const float *weight)
{
    float *dst = made->packed;
    size_t in = made->shape.in;
    for (size_t group = 0; group < made->panels; group += BLOCK_PANELS) {
        size_t end = smaller(group + BLOCK_PANELS, made->panels);
        for (size_t from = 0; from < in; from += made->block_depth) {
            size_t depth = smaller(in - from, made->block_depth);
            for (size_t panel = group; panel < end; panel++) {
                pack_panel(&made->shape, weight, panel, from, depth, dst);
                dst += depth * PANEL_WIDTH;
            }
        }
    }
}

/* Equal blocks of at most (depth) or about (rows) the size that suits the caches. */
static spur_status packed_size(packed_product *made, spur_error *error)
{
    const linear_shape *shape = &made->shape;
    size_t tile = made->loops->tile_rows, packed;
    size_t blocks = (shape->rows + BLOCK_ROWS / 2) / BLOCK_ROWS;
    size_t rows = ceil_div(shape->rows, blocks == 0 ? 1 : blocks);
    made->panels = ceil_div(shape->out, PANEL_WIDTH);
    made->block_depth = ceil_div(shape->in, ceil_div(shape->in, BLOCK_DEPTH));
    made->block_rows = ceil_div(rows, tile) * tile;
    if (!size_mul(made->block_rows, shape->in, &packed) ||
        !size_add(packed, made->block_rows * BLOCK_PANELS * PANEL_WIDTH, &made->floats)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return SPUR_OK;
}

spur_status packed_open(engine *on, const linear_shape *shape, const float *weight,
                        const float *bias, packed_product **out, spur_error *error)
{
    spur_status status;
    packed_product *made = NULL;
    size_t panels;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->loops = engine_kernel(on);
    TRY(packed_size(made, error));
    if (!size_add(made->panels, SPARE_PANELS, &panels) ||
        !size_mul(panels, PANEL_WIDTH * sizeof(float), &panels)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(panels, shape->in, &made->packed, error));
    TRY(memory_new_zeroed(panels, 1, &made->bias, error));
    pack_weight(made, weight);
    if (bias != NULL) {
        memcpy(made->bias, bias, shape->out * sizeof *bias);
    }
    engine_reserve(on, made->floats);
    *out = made;
    made = NULL;
done:
    packed_close(made);
    return status;
}

void packed_close(packed_product *block)
{
    if (block != NULL) {
        memory_free(block->packed);
        memory_free(block->bias);
        memory_free(block);
    }
}

size_t packed_bytes(const packed_product *from)
{
    return (from->panels + SPARE_PANELS) * PANEL_WIDTH * (from->shape.in + 1) * sizeof(float);
}

/* ---- running ----------------------------------------------------------------------------- */

/* All panels of one block of rows; packed holds the rows' depth blocks one after another. */
static void multiply_rows(const packed_product *from, size_t rows, const float *packed,
                          float *sums, float *dst)
{
    const linear_shape *shape = &from->shape;
    size_t tile = from->loops->tile_rows, in = shape->in;
    size_t tiles = ceil_div(rows, tile);
    const float *weight = from->packed;
    for (size_t first = 0; first < from->panels; first += BLOCK_PANELS) {
        size_t panels = smaller(from->panels - first, BLOCK_PANELS);
        size_t column = first * PANEL_WIDTH;
        const finish last = {.bias = from->bias + column,
                             .dst = dst + column,
                             .dst_stride = shape->dst_stride,
                             .columns = shape->out - column,
                             .act = shape->act,
                             .add = shape->add};
        for (size_t at = 0; at < in; at += from->block_depth) {
            size_t depth = smaller(in - at, from->block_depth);
            const product block = {.rows = rows,
                                   .panels = panels,
                                   .depth = depth,
                                   .a = packed + at * tiles * tile,
                                   .b = weight,
                                   .c = sums,
                                   .a_stride = 1,
                                   .a_step = tile,
                                   .a_tile = tile * depth,
                                   .b_panel = depth * PANEL_WIDTH,
                                   .c_stride = PANEL_WIDTH,
                                   .c_panel = from->block_rows * PANEL_WIDTH,
                                   .add = at > 0,
                                   .streams = true,
                                   .last = at + depth == in ? &last : NULL};
            from->loops->multiply(&block);
            weight += panels * block.b_panel;
        }
    }
}

/* Packs the rows' depth blocks one after another, as multiply_rows reads them. */
static void pack_rows(const packed_product *from, size_t rows, const float *src, float *dst)
{
    const linear_shape *shape = &from->shape;
    size_t tile = from->loops->tile_rows;
    for (size_t at = 0; at < shape->in; at += from->block_depth) {
        size_t depth = smaller(shape->in - at, from->block_depth);
        from->loops->pack(src + at, shape->src_stride, rows, depth, dst);
        dst += ceil_div(rows, tile) * tile * depth;
    }
}

spur_status packed_run(const packed_product *from, engine_worker *worker, const float *src,
                       size_t rows, float *dst, spur_error *error)
{
    const linear_shape *shape = &from->shape;
    float *packed = engine_scratch(worker, from->floats);
    if (packed == NULL) {
        return error_set(error, SPUR_INTERNAL, "a worker is older than the product it runs");
    }
    float *sums = packed + from->block_rows * shape->in;
    size_t wanted = smaller(rows, shape->rows);
    for (size_t row = 0; row < wanted; row += from->block_rows) {
        size_t count = smaller(wanted - row, from->block_rows);
        pack_rows(from, count, src + row * shape->src_stride, packed);
        multiply_rows(from, count, packed, sums, dst + row * shape->dst_stride);
    }
    return SPUR_OK;
}
