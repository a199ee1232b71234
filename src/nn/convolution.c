/*
 * convolution.c - convolutions as matrix products whose rows are addressed, not copied.
 *
 * Output pixels of all images form the rows, walked in blocks that keep their input in the
 * second-level cache; for a block the addresses of its pixels under every tap are listed once
 * (Dukhan, The Indirect Convolution Algorithm, 2019), taps outside the image point to zeros.
 * Depth is cut into steps whose weights fit the first-level cache. Without padding and with
 * pixels side by side a whole kernel row is one tap: so the three-channel stem is deep enough.
 * 3 x 3 kernels of step 1 go to winograd.c.
 */
#include "nn/convolution.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "nn/kernel.h"
#include "nn/winograd.h"

enum {
    BLOCK_FLOATS = 65536, /* of input that a block of pixels reads, about */
    BLOCK_MOST = 240,     /* pixels of a block */
    BLOCK_LEAST = 48,
    STEP_DEPTH = 384
};

struct convolution {
    winograd *faster; /* does it all when the shape fits; NULL else */
    convolution_shape shape;
    const kernel *loops;
    size_t out_height, out_width;
    size_t tap_columns, tap_depth; /* taps of a kernel row; floats under one tap */
    size_t taps, depth;            /* of the whole kernel; floats of an output's sum */
    size_t step_taps, step_depth;  /* of one step: whole taps or a part of one */
    size_t panels, block;          /* block: pixels, whole register blocks */
    float *packed;                 /* [panels][taps][tap_depth][16] */
    float *bias;                   /* [panels][16] */
    float *zeros;                  /* what a tap outside the image reads */
    size_t address_floats, floats; /* of scratch: for addresses; in all */
};

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t convolved_side(size_t side, size_t window, size_t step, size_t pad)
{
    return side + 2 * pad < window ? 0 : (side + 2 * pad - window) / step + 1;
}

/* ---- opening ----------------------------------------------------------------------------- */

static size_t block_size(const convolution_shape *shape, size_t tile)
{
    size_t pixels = BLOCK_FLOATS / (shape->in * shape->step * shape->step);
    pixels = pixels < BLOCK_LEAST ? BLOCK_LEAST : smaller(pixels, BLOCK_MOST);
    return ceil_div(pixels, tile) * tile;
}

/* How the depth is cut: whole kernel rows or single pixels as taps, steps of several taps or
 * of an equal part of one. */
static void plan_depth(convolution *made)
{
    const convolution_shape *shape = &made->shape;
    bool is_joined = shape->pad == 0 && shape->src_stride == shape->in;
    made->tap_columns = is_joined ? 1 : shape->kernel;
    made->tap_depth = is_joined ? shape->kernel * shape->in : shape->in;
    made->taps = shape->kernel * made->tap_columns;
    made->depth = made->taps * made->tap_depth;
    if (made->tap_depth <= STEP_DEPTH) {
        size_t steps = ceil_div(made->taps, STEP_DEPTH / made->tap_depth);
        made->step_taps = ceil_div(made->taps, steps);
        made->step_depth = made->tap_depth;
    } else {
        made->step_taps = 1;
        made->step_depth = ceil_div(made->tap_depth, ceil_div(made->tap_depth, STEP_DEPTH));
    }
}

static spur_status plan(convolution *made, spur_error *error)
{
    const convolution_shape *shape = &made->shape;
    size_t tile = made->loops->tile_rows, inputs, area;
    if (!size_mul(shape->kernel, shape->kernel, &area) || !size_mul(area, shape->in, &inputs) ||
        inputs > SIZE_MAX / 1024) {
        return error_no_memory(error, SIZE_MAX);
    }
    made->out_height = convolved_side(shape->height, shape->kernel, shape->step, shape->pad);
    made->out_width = convolved_side(shape->width, shape->kernel, shape->step, shape->pad);
    plan_depth(made);
    made->panels = ceil_div(shape->out, PANEL_WIDTH);
    made->block = block_size(shape, tile);
    made->address_floats = ceil_div(made->block * made->taps * sizeof(float *), 64) * 16;
    made->floats = made->address_floats + made->block * PANEL_WIDTH * 2;
    return SPUR_OK;
}

/* The panel's columns of weight [out, in, kernel, kernel], 0 behind the last. */
static void pack_panel(const convolution_shape *shape, const float *weight, size_t panel,
                       float *dst)
{
    size_t first = panel * PANEL_WIDTH, area = shape->kernel * shape->kernel;
    size_t count = smaller(shape->out - first, PANEL_WIDTH);
    for (size_t position = 0; position < area; position++) {
        for (size_t channel = 0; channel < shape->in; channel++) {
            const float *from = weight + (first * shape->in + channel) * area + position;
            for (size_t j = 0; j < PANEL_WIDTH; j++) {
                dst[j] = j < count ? from[j * shape->in * area] : 0.0F;
            }
            dst += PANEL_WIDTH;
        }
    }
}

static spur_status pack(convolution *made, const float *weight, const float *bias,
                        spur_error *error)
{
    spur_status status;
    /* One step behind the last panel, where the fetch ahead ends. */
    size_t columns = (made->panels + 2) * PANEL_WIDTH;
    TRY(memory_new(made->depth, columns * sizeof(float), &made->packed, error));
    TRY(memory_new_zeroed(columns, sizeof(float), &made->bias, error));
    TRY(memory_new_zeroed(made->tap_depth, sizeof(float), &made->zeros, error));
    for (size_t panel = 0; panel < made->panels; panel++) {
        pack_panel(&made->shape, weight, panel,
                   made->packed + panel * made->depth * PANEL_WIDTH);
    }
    if (bias != NULL) {
        memcpy(made->bias, bias, made->shape.out * sizeof *bias);
    }
done:
    return status;
}

spur_status convolution_open(engine *on, const convolution_shape *shape, const float *weight,
                             const float *bias, convolution **out, spur_error *error)
{
    spur_status status;
    convolution *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->loops = engine_kernel(on);
    if (winograd_fits(shape)) {
        TRY(winograd_open(on, shape, weight, bias, &made->faster, error));
    } else {
        TRY(plan(made, error));
        TRY(pack(made, weight, bias, error));
        engine_reserve(on, made->floats);
    }
    *out = made;
    made = NULL;
done:
    convolution_close(made);
    return status;
}

void convolution_close(convolution *block)
{
    if (block != NULL) {
        winograd_close(block->faster);
        memory_free(block->packed);
        memory_free(block->bias);
        memory_free(block->zeros);
        memory_free(block);
    }
}

size_t convolution_bytes(const convolution *from)
{
    if (from->faster != NULL) {
        return winograd_bytes(from->faster);
    }
    return (from->panels + 2) * PANEL_WIDTH * (from->depth + 1) * sizeof(float);
}

/* ---- running ----------------------------------------------------------------------------- */

/* Lists where the taps of output pixel (y, x) of an image lie, tile_rows entries apart; taps
 * outside point to zeros. */
static void list_taps(const convolution *from, const float *image, size_t y, size_t x,
                      const float **dst)
{
    const convolution_shape *shape = &from->shape;
    size_t tile = from->loops->tile_rows;
    for (size_t i = 0; i < shape->kernel; i++) {
        size_t row = y * shape->step + i - shape->pad; /* wraps above the image */
        const float *line =
            row < shape->height ? image + row * shape->width * shape->src_stride : NULL;
        for (size_t j = 0; j < from->tap_columns; j++) {
            size_t column = x * shape->step + j - shape->pad;
            bool is_inside = line != NULL && column < shape->width;
            *dst = is_inside ? line + column * shape->src_stride : from->zeros;
            dst += tile;
        }
    }
}

/* The addresses of `count` pixels from the first-th of all images; the places behind the last
 * in its register block read zeros. */
static void list_block(const convolution *from, const float *src, size_t first, size_t count,
                       const float **addresses)
{
    const convolution_shape *shape = &from->shape;
    size_t tile = from->loops->tile_rows, area = from->out_height * from->out_width;
    size_t image_floats = shape->height * shape->width * shape->src_stride;
    const float *image = src + first / area * image_floats;
    size_t y = first % area / from->out_width, x = first % from->out_width;
    size_t end = ceil_div(count, tile) * tile;
    for (size_t i = 0; i < end; i++) {
        const float **dst = addresses + i / tile * tile * from->taps + i % tile;
        if (i >= count) {
            for (size_t tap = 0; tap < from->taps; tap++) {
                dst[tap * tile] = from->zeros;
            }
            continue;
        }
        list_taps(from, image, y, x, dst);
        if (++x == from->out_width) {
            x = 0;
            y++;
        }
        if (y == from->out_height) {
            y = 0;
            image += image_floats;
        }
    }
}

/* All depth of `panels` neighbouring panels (as many as the loops take at once) for one block
 * of pixels. */
static void run_panels(const convolution *from, convolve_step step, const convolve_last *last)
{
    const float *weight = step.b;
    const float *const *addresses = step.addresses;
    size_t tile = from->loops->tile_rows;
    for (size_t tap = 0; tap < from->taps; tap += from->step_taps) {
        step.taps = smaller(from->taps - tap, from->step_taps);
        step.addresses = addresses + tap * tile;
        for (size_t at = 0; at < from->tap_depth; at += from->step_depth) {
            bool is_end =
                tap + step.taps == from->taps && at + from->step_depth >= from->tap_depth;
            step.first = at;
            step.depth = smaller(from->tap_depth - at, from->step_depth);
            step.b = weight;
            step.last = is_end ? last : NULL;
            from->loops->convolve(&step);
            step.add = true;
            weight += step.taps * step.depth * PANEL_WIDTH;
        }
    }
}

static void run_block(const convolution *from, size_t pixels, const float *const *addresses,
                      float *sums, const float *residual, float *dst)
{
    const convolution_shape *shape = &from->shape;
    size_t together = from->loops->tile_panels;
    for (size_t panel = 0; panel < from->panels; panel += together) {
        size_t column = panel * PANEL_WIDTH;
        const convolve_last last = {.bias = from->bias + column,
                                    .residual = residual == NULL ? NULL : residual + column,
                                    .dst = dst + column,
                                    .stride = shape->dst_stride,
                                    .columns = shape->out - column,
                                    .relu = shape->relu};
        const convolve_step step = {.pixels = pixels,
                                    .panels = smaller(from->panels - panel, together),
                                    .addresses = addresses,
                                    .tile_addresses = from->taps * from->loops->tile_rows,
                                    .b = from->packed + column * from->depth,
                                    .c = sums,
                                    .b_panel = from->depth * PANEL_WIDTH,
                                    .c_panel = from->block * PANEL_WIDTH};
        run_panels(from, step, &last);
    }
}

spur_status convolution_run(const convolution *from, engine_worker *worker, size_t images,
                            const float *src, const float *residual, float *dst,
                            spur_error *error)
{
    if (from->faster != NULL) {
        return winograd_run(from->faster, worker, images, src, residual, dst, error);
    }
    size_t stride = from->shape.dst_stride;
    size_t total = images * from->out_height * from->out_width;
    float *scratch = engine_scratch(worker, from->floats);
    if (scratch == NULL) {
        return error_set(error, SPUR_INTERNAL, "a worker is older than what it runs");
    }
    void *addresses = scratch;
    for (size_t first = 0; first < total; first += from->block) {
        size_t pixels = smaller(total - first, from->block);
        list_block(from, src, first, pixels, addresses);
        run_block(from, pixels, addresses, scratch + from->address_floats,
                  residual == NULL ? NULL : residual + first * stride, dst + first * stride);
    }
    return SPUR_OK;
}
