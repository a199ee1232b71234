/*
 * linear.c - y = act(x W^T + b) [+ y] over packed panels of 16 output columns.
 *
 * Blocks of rows x 256 columns x depth: a panel's slice of one depth block stays in the first
 * level cache while it meets all rows of the block, the rows' slice in the second. Every
 * output is one chain of multiply-adds over the whole depth, so a row's bits depend on
 * neither the block it is in nor the other rows.
 */
#include "nn/linear.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "nn/kernel.h"

enum {
    BLOCK_ROWS = 192,
    BLOCK_DEPTH = 256,
    BLOCK_PANELS = 16,
    STEP_PANELS = 2, /* panels multiplied and finished together */
    ROW_MULTIPLE = 12
};

struct linear {
    linear_shape shape;
    const kernel *loops;
    size_t panels, block_rows;
    float *packed; /* [panels, in, 16] */
    float *bias;   /* [panels, 16] */
};

/* rows cut into nearly equal blocks of about BLOCK_ROWS, whole register blocks each. */
static size_t block_of(size_t rows)
{
    size_t blocks = (rows + BLOCK_ROWS / 2) / BLOCK_ROWS;
    size_t each = blocks == 0 ? rows : (rows + blocks - 1) / blocks;
    return (each + ROW_MULTIPLE - 1) / ROW_MULTIPLE * ROW_MULTIPLE;
}

static void pack_panel(const linear_shape *shape, const float *weight, size_t panel, float *dst)
{
    size_t first = panel * PANEL_WIDTH;
    size_t count = shape->out - first < PANEL_WIDTH ? shape->out - first : PANEL_WIDTH;
    for (size_t k = 0; k < shape->in; k++) {
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            dst[k * PANEL_WIDTH + j] = j < count ? weight[(first + j) * shape->in + k] : 0.0F;
        }
    }
}

spur_status linear_open(engine *on, const linear_shape *shape, const float *weight,
                        const float *bias, linear **out, spur_error *error)
{
    spur_status status;
    linear *made = NULL;
    size_t columns = 0;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->loops = engine_kernel(on);
    made->panels = (shape->out + PANEL_WIDTH - 1) / PANEL_WIDTH;
    made->block_rows = block_of(shape->rows);
    if (!size_mul(made->panels, PANEL_WIDTH * sizeof(float), &columns)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(columns, shape->in, &made->packed, error));
    TRY(memory_new_zeroed(columns, 1, &made->bias, error));
    for (size_t panel = 0; panel < made->panels; panel++) {
        pack_panel(shape, weight, panel, made->packed + panel * PANEL_WIDTH * shape->in);
    }
    if (bias != NULL) {
        memcpy(made->bias, bias, shape->out * sizeof *bias);
    }
    engine_reserve(on, made->block_rows * BLOCK_PANELS * PANEL_WIDTH);
    *out = made;
    made = NULL;
done:
    linear_close(made);
    return status;
}

void linear_close(linear *block)
{
    if (block != NULL) {
        memory_free(block->packed);
        memory_free(block->bias);
        memory_free(block);
    }
}

size_t linear_bytes(const linear *from)
{
    return from->panels * PANEL_WIDTH * (from->shape.in + 1) * sizeof(float);
}

/* act, residual and store of one finished panel of a block of rows. */
static void finish_columns(const linear *from, const product *block, size_t panel, size_t index,
                           float *dst)
{
    const linear_shape *shape = &from->shape;
    size_t first = panel * PANEL_WIDTH;
    const finish last = {.rows = block->rows,
                         .columns = shape->out - first,
                         .c = block->c + index * block->c_panel,
                         .bias = from->bias + first,
                         .c_stride = block->c_stride,
                         .dst_stride = shape->dst_stride,
                         .dst = dst + first,
                         .act = shape->act,
                         .add = shape->add};
    from->loops->finish(&last);
}

/* One depth block of the panels first .. first + count - 1; the last depth block ends with
 * finish_columns. `block` describes rows and scratch. */
static void multiply_depth(const linear *from, const product *block, size_t depth_from,
                           size_t first, float *dst)
{
    size_t in = from->shape.in;
    size_t depth = in - depth_from < BLOCK_DEPTH ? in - depth_from : BLOCK_DEPTH;
    for (size_t step = 0; step < block->panels; step += STEP_PANELS) {
        size_t left = block->panels - step;
        product part = *block;
        part.panels = left < STEP_PANELS ? left : STEP_PANELS;
        part.depth = depth;
        part.a = block->a + depth_from;
        part.b = from->packed + ((first + step) * in + depth_from) * PANEL_WIDTH;
        part.b_panel = in * PANEL_WIDTH;
        part.c = block->c + step * block->c_panel;
        part.add = depth_from > 0;
        from->loops->multiply(&part);
        for (size_t i = 0; depth_from + depth == in && i < part.panels; i++) {
            finish_columns(from, &part, first + step + i, i, dst);
        }
    }
}

static void multiply_rows(const linear *from, float *scratch, size_t rows, const float *src,
                          float *dst)
{
    for (size_t first = 0; first < from->panels; first += BLOCK_PANELS) {
        size_t left = from->panels - first;
        const product block = {.rows = rows,
                               .panels = left < BLOCK_PANELS ? left : BLOCK_PANELS,
                               .a = src,
                               .a_stride = from->shape.src_stride,
                               .c = scratch,
                               .c_stride = PANEL_WIDTH,
                               .c_panel = from->block_rows * PANEL_WIDTH};
        for (size_t depth = 0; depth < from->shape.in; depth += BLOCK_DEPTH) {
            multiply_depth(from, &block, depth, first, dst);
        }
    }
}

spur_status linear_run(const linear *from, engine_worker *worker, const float *src, float *dst,
                       spur_error *error)
{
    const linear_shape *shape = &from->shape;
    float *scratch = engine_scratch(worker, from->block_rows * BLOCK_PANELS * PANEL_WIDTH);
    if (scratch == NULL) {
        return error_set(error, SPUR_INTERNAL, "a worker is older than the product it runs");
    }
    for (size_t row = 0; row < shape->rows; row += from->block_rows) {
        size_t left = shape->rows - row;
        multiply_rows(from, scratch, left < from->block_rows ? left : from->block_rows,
                      src + row * shape->src_stride, dst + row * shape->dst_stride);
    }
    return SPUR_OK;
}
