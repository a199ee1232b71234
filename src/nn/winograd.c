/*
 * winograd.c - F(2 x 2, 3 x 3): Lavin and Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2016.
 *
 *     y = A^T [ (G g G^T) * (B^T d B) ] A      for each tile of 2 x 2 outputs
 *
 * d: the 4 x 4 inputs around the tile, g: the kernel, *: element by element. Summed over
 * channels, each of the 16 elements is a matrix product [tiles, in] [in, out]. Tiles of all
 * images are walked in blocks; an output's bits depend on the inputs of its tile alone. The
 * kernels are transformed in double and rounded once; against the plain sum the error grows by
 * a small factor (the transforms only add, subtract and halve).
 */
#include "nn/winograd.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "nn/kernel.h"

enum {
    ELEMENTS = 16,
    STEP_DEPTH = 384,
    SKEW = 16,          /* floats that keep rows and elements out of one set of a cache */
    FEW_CHANNELS = 128, /* up to here a block's elements fit the second-level cache */
    BLOCK_FEW = 48,     /* tiles */
    BLOCK_MANY = 192
};

struct winograd {
    convolution_shape shape;
    const kernel *loops;
    size_t panels, block;
    size_t tile_rows, tile_columns; /* tiles of an image */
    size_t row_floats, input_step;  /* between a block's tiles; between its elements */
    size_t panel_floats, sum_step;  /* between sums' panels; between their elements */
    float *packed;                  /* [16][panels][in][16] */
    float *bias;
    float *zeros;
};

bool winograd_fits(const convolution_shape *shape)
{
    return shape->kernel == 3 && shape->step == 1 && shape->pad == 1 &&
           shape->in % PANEL_WIDTH == 0 && shape->out % PANEL_WIDTH == 0 && shape->height > 2 &&
           shape->width > 2;
}

/* ---- opening ----------------------------------------------------------------------------- */

/* G g G^T of one kernel, G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]. */
static void transform_kernel(const float *kernel_values, double out[ELEMENTS])
{
    static const double g[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    double half[4][3] = {{0}};
    for (size_t i = 0; i < 4 * 3 * 3; i++) {
        size_t row = i / 9, column = i / 3 % 3, k = i % 3;
        half[row][column] += g[row][k] * (double)kernel_values[k * 3 + column];
    }
    for (size_t i = 0; i < ELEMENTS; i++) {
        out[i] = 0.0;
        for (size_t k = 0; k < 3; k++) {
            out[i] += half[i / 4][k] * g[i % 4][k];
        }
    }
}

static void pack(winograd *made, const float *weight)
{
    const convolution_shape *shape = &made->shape;
    size_t element_floats = made->panels * shape->in * PANEL_WIDTH;
    for (size_t out = 0; out < shape->out; out++) {
        for (size_t in = 0; in < shape->in; in++) {
            double values[ELEMENTS];
            transform_kernel(weight + (out * shape->in + in) * 9, values);
            size_t at = (out / PANEL_WIDTH * shape->in + in) * PANEL_WIDTH + out % PANEL_WIDTH;
            for (size_t i = 0; i < ELEMENTS; i++) {
                made->packed[i * element_floats + at] = (float)values[i];
            }
        }
    }
}

static void plan(winograd *made)
{
    const convolution_shape *shape = &made->shape;
    size_t tile = made->loops->tile_rows;
    size_t block = shape->in > FEW_CHANNELS ? BLOCK_MANY : BLOCK_FEW;
    made->block = (block + tile - 1) / tile * tile;
    made->panels = shape->out / PANEL_WIDTH;
    made->tile_rows = (shape->height + 1) / 2;
    made->tile_columns = (shape->width + 1) / 2;
    made->row_floats = shape->in + SKEW;
    made->input_step = made->block * made->row_floats + SKEW;
    made->panel_floats = made->block * PANEL_WIDTH;
    made->sum_step = made->panels * made->panel_floats + SKEW;
}

static size_t scratch_floats(const winograd *from)
{
    return ELEMENTS * (from->input_step + from->sum_step);
}

spur_status winograd_open(engine *on, const convolution_shape *shape, const float *weight,
                          const float *bias, winograd **out, spur_error *error)
{
    spur_status status;
    winograd *made = NULL;
    size_t floats;
    if (!size_mul(shape->in, shape->out, &floats) || !size_mul(floats, ELEMENTS, &floats)) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->loops = engine_kernel(on);
    plan(made);
    /* Behind the last panel the fetch ahead ends. */
    floats += 2 * shape->in * PANEL_WIDTH;
    TRY(memory_new(floats, sizeof(float), &made->packed, error));
    TRY(memory_new_zeroed(shape->out, sizeof(float), &made->bias, error));
    TRY(memory_new_zeroed(shape->in, sizeof(float), &made->zeros, error));
    pack(made, weight);
    if (bias != NULL) {
        memcpy(made->bias, bias, shape->out * sizeof *bias);
    }
    engine_reserve(on, scratch_floats(made));
    *out = made;
    made = NULL;
done:
    winograd_close(made);
    return status;
}

void winograd_close(winograd *block)
{
    if (block != NULL) {
        memory_free(block->packed);
        memory_free(block->bias);
        memory_free(block->zeros);
        memory_free(block);
    }
}

size_t winograd_bytes(const winograd *from)
{
    return (ELEMENTS * from->shape.out + 2 * PANEL_WIDTH) * from->shape.in * sizeof(float);
}

/* ---- running ----------------------------------------------------------------------------- */

/* A tile of all images: its image and the output pixel at its upper left. */
typedef struct tile_place {
    size_t image, y, x;
} tile_place;

static tile_place place_of(const winograd *from, size_t tile)
{
    size_t area = from->tile_rows * from->tile_columns;
    return (tile_place){tile / area, tile % area / from->tile_columns * 2,
                        tile % from->tile_columns * 2};
}

static void gather(const winograd *from, const float *src, size_t tile, float *dst)
{
    const convolution_shape *shape = &from->shape;
    tile_place at = place_of(from, tile);
    const float *image = src + at.image * shape->height * shape->width * shape->src_stride;
    winograd_input what = {.channels = shape->in, .dst = dst, .dst_step = from->input_step};
    for (size_t i = 0; i < ELEMENTS; i++) {
        size_t row = at.y + i / 4 - 1, column = at.x + i % 4 - 1; /* wraps before the image */
        bool is_inside = row < shape->height && column < shape->width;
        what.pixels[i] =
            is_inside ? image + (row * shape->width + column) * shape->src_stride : from->zeros;
    }
    from->loops->winograd_gather(&what);
}

static void scatter(const winograd *from, const float *sums, size_t tile, const float *residual,
                    float *dst)
{
    const convolution_shape *shape = &from->shape;
    tile_place at = place_of(from, tile);
    size_t image = at.image * shape->height * shape->width;
    winograd_output what = {.src = sums,
                            .src_step = from->sum_step,
                            .panel_step = from->panel_floats,
                            .panels = from->panels,
                            .bias = from->bias,
                            .relu = shape->relu};
    for (size_t i = 0; i < 4; i++) {
        size_t row = at.y + i / 2, column = at.x + i % 2;
        size_t pixel = (image + row * shape->width + column) * shape->dst_stride;
        bool is_inside = row < shape->height && column < shape->width;
        what.dst[i] = is_inside ? dst + pixel : NULL;
        what.residual[i] = is_inside && residual != NULL ? residual + pixel : NULL;
    }
    from->loops->winograd_scatter(&what);
}

/* sums[panels, tiles, 16] = input[tiles, in] times the packed kernels of one element. */
static void multiply_element(const winograd *from, size_t tiles, const float *input,
                             const float *weight, float *sums)
{
    size_t in = from->shape.in;
    for (size_t at = 0; at < in; at += STEP_DEPTH) {
        const product block = {.rows = tiles,
                               .panels = from->panels,
                               .depth = in - at < STEP_DEPTH ? in - at : STEP_DEPTH,
                               .a = input + at,
                               .b = weight + at * PANEL_WIDTH,
                               .c = sums,
                               .a_stride = from->row_floats,
                               .a_step = 1,
                               .a_tile = from->row_floats * from->loops->tile_rows,
                               .b_panel = in * PANEL_WIDTH,
                               .c_stride = PANEL_WIDTH,
                               .c_panel = from->panel_floats,
                               .add = at > 0,
                               .streams = true};
        from->loops->multiply(&block);
    }
}

spur_status winograd_run(const winograd *from, engine_worker *worker, size_t images,
                         const float *src, const float *residual, float *dst, spur_error *error)
{
    size_t total = images * from->tile_rows * from->tile_columns;
    size_t element_floats = from->panels * from->shape.in * PANEL_WIDTH;
    float *input = engine_scratch(worker, scratch_floats(from));
    if (input == NULL) {
        return error_set(error, SPUR_INTERNAL, "a worker is older than what it runs");
    }
    float *sums = input + ELEMENTS * from->input_step;
    for (size_t first = 0; first < total; first += from->block) {
        size_t tiles = total - first < from->block ? total - first : from->block;
        for (size_t i = 0; i < tiles; i++) {
            gather(from, src, first + i, input + i * from->row_floats);
        }
        for (size_t i = 0; i < ELEMENTS; i++) {
            multiply_element(from, tiles, input + i * from->input_step,
                             from->packed + i * element_floats, sums + i * from->sum_step);
        }
        for (size_t i = 0; i < tiles; i++) {
            scatter(from, sums + i * PANEL_WIDTH, first + i, residual, dst);
        }
    }
    return SPUR_OK;
}
