/*
 * matrix.c - tiles of a product: a block of both sides is packed where it does not stand as the
 * inner loops read it, multiplied, and added to the result.
 *
 * A tile is at most TILE_HEIGHT x TILE_WIDTH; its block of rows stays in the second-level cache
 * while the panels of columns pass.
 */
#include "nn/matrix.h"

#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "nn/kernel.h"

enum {
    TILE_HEIGHT = 240,
    TILE_WIDTH = 512,
    TILE_DEPTH = 256, /* about */
    TILE_DEPTH_MOST = 384,
    TILE_LEAST = 64,
    FLUSH_BLOCKS = 8, /* of depth, after which float sums go to the result */
    HEIGHT_DOUBLE = 240,
    WIDTH_DOUBLE = 64,
    DEPTH_DOUBLE = 128,
    TILE_ROWS_MOST = 16 /* no kernel's register block has more rows */
};

typedef struct lane {
    float *rows, *columns, *sums;
    double *wide_columns, *wide_sums;
} lane;

struct matrix_team {
    const kernel *loops;
    size_t threads;
    lane *lanes;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* ---- threads ---------------------------------------------------------------------------- */

static spur_status lane_open(lane *made, spur_error *error)
{
    spur_status status;
    const size_t height = TILE_HEIGHT + TILE_ROWS_MOST;
    TRY(memory_new(height * TILE_DEPTH_MOST, sizeof(float), &made->rows, error));
    TRY(memory_new((size_t)TILE_WIDTH * TILE_DEPTH_MOST, sizeof(float), &made->columns, error));
    TRY(memory_new(height * TILE_WIDTH, sizeof(float), &made->sums, error));
    TRY(memory_new((size_t)WIDTH_DOUBLE * DEPTH_DOUBLE, sizeof(double), &made->wide_columns,
                   error));
    TRY(memory_new((size_t)HEIGHT_DOUBLE * WIDTH_DOUBLE, sizeof(double), &made->wide_sums,
                   error));
done:
    return status;
}

spur_status matrix_team_open(const engine *on, size_t threads, matrix_team **out,
                             spur_error *error)
{
    spur_status status;
    matrix_team *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->loops = engine_kernel(on);
    made->threads = threads > 0 ? threads : parallel_processors();
    TRY(memory_new_zeroed(made->threads, sizeof *made->lanes, &made->lanes, error));
    for (size_t i = 0; i < made->threads; i++) {
        TRY(lane_open(&made->lanes[i], error));
    }
    *out = made;
    made = NULL;
done:
    matrix_team_close(made);
    return status;
}

void matrix_team_close(matrix_team *block)
{
    if (block != NULL) {
        for (size_t i = 0; block->lanes != NULL && i < block->threads; i++) {
            memory_free(block->lanes[i].rows);
            memory_free(block->lanes[i].columns);
            memory_free(block->lanes[i].sums);
            memory_free(block->lanes[i].wide_columns);
            memory_free(block->lanes[i].wide_sums);
        }
        memory_free(block->lanes);
        memory_free(block);
    }
}

size_t matrix_team_threads(const matrix_team *of)
{
    return of->threads;
}

matrix matrix_of(const float *data, size_t rows, size_t columns, size_t stride)
{
    return (matrix){data, rows, columns, stride, 1};
}

matrix matrix_turned(matrix of)
{
    return (matrix){of.data, of.columns, of.rows, of.column_step, of.row_step};
}

/* ---- floats ----------------------------------------------------------------------------- */

typedef struct float_job {
    matrix_team *team;
    matrix a, b;
    const matrix_result *dst;
    size_t height, width, block; /* of a tile: rows, columns, depths at a time */
    size_t across;               /* tiles side by side */
} float_job;

/* Equal blocks of depth, so that a bias does not make one of its own. */
static size_t block_depth(size_t depth)
{
    size_t blocks = (depth + TILE_DEPTH / 2) / TILE_DEPTH;
    return blocks > 1 ? ceil_div(depth, blocks) : TILE_DEPTH_MOST;
}

/* Tiles as large as fits and leaves every thread some: no sum depends on it. */
static size_t choose_tiles(float_job *job)
{
    job->block = block_depth(job->a.columns);
    job->height = TILE_HEIGHT;
    job->width = TILE_WIDTH;
    for (;;) {
        job->across = ceil_div(job->b.columns, job->width);
        size_t tiles = ceil_div(job->a.rows, job->height) * job->across;
        if (tiles >= 2 * job->team->threads || job->width <= TILE_LEAST) {
            return tiles;
        }
        job->width /= 2;
        job->height = job->height > 2 * TILE_LEAST ? job->height / 2 : job->height;
    }
}

/* Rows first .. of a, of whose steps one is 1, for the inner loops: as they stand, or, turned
 * over, packed to register blocks [tile_rows] by depth in `packed`. */
static void place_rows(const kernel *loops, const matrix *a, size_t first, size_t at,
                       float *packed, product *block)
{
    const float *src = a->data + first * a->row_step + at * a->column_step;
    if (a->column_step == 1) {
        block->a = src;
        block->a_stride = a->row_step;
        block->a_step = 1;
        block->a_tile = loops->tile_rows * a->row_step;
        return;
    }
    loops->pack_turned(src, a->column_step, block->rows, block->depth, packed);
    block->a = packed;
    block->a_stride = 1;
    block->a_step = loops->tile_rows;
    block->a_tile = loops->tile_rows * block->depth;
}

/* Columns first .. of b as panels [depth, 16], a row of b at a time. */
static void pack_columns(const matrix *b, size_t first, size_t columns, size_t at, size_t depth,
                         float *dst)
{
    for (size_t k = 0; k < depth; k++) {
        const float *src = b->data + (at + k) * b->row_step + first * b->column_step;
        for (size_t column = 0; column < columns; column += PANEL_WIDTH) {
            float *to = dst + column * depth + k * PANEL_WIDTH;
            size_t count = smaller(columns - column, PANEL_WIDTH);
            if (count == PANEL_WIDTH && b->column_step == 1) {
                memcpy(to, src + column, PANEL_WIDTH * sizeof *to);
                continue;
            }
            for (size_t j = 0; j < PANEL_WIDTH; j++) {
                to[j] = j < count ? src[(column + j) * b->column_step] : 0.0F;
            }
        }
    }
}

/* One row of a panel's sums to the result. */
static void flush_row(const matrix_result *dst, const float *sums, size_t at, size_t count,
                      bool add)
{
    for (size_t j = 0; j < count; j++) {
        double value = dst->scale * (double)sums[j];
        if (dst->wide != NULL) {
            dst->wide[at + j] = add ? dst->wide[at + j] + value : value;
        } else {
            dst->single[at + j] = (float)(add ? (double)dst->single[at + j] + value : value);
        }
    }
}

/* Sums [panels][rows][16] to the tile of the result. */
static void flush_tile(const matrix_result *dst, const float *sums, size_t row, size_t rows,
                       size_t column, size_t columns, bool add)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j += PANEL_WIDTH) {
            flush_row(dst, sums + j * rows + i * PANEL_WIDTH,
                      (row + i) * dst->stride + column + j, smaller(columns - j, PANEL_WIDTH),
                      add);
        }
    }
}

static spur_status multiply_tile(void *context, size_t worker, size_t item, spur_error *error)
{
    const float_job *job = context;
    const kernel *loops = job->team->loops;
    const lane *own = &job->team->lanes[worker];
    size_t row = item / job->across * job->height, column = item % job->across * job->width;
    size_t rows = smaller(job->a.rows - row, job->height);
    size_t columns = smaller(job->b.columns - column, job->width);
    size_t depth = job->a.columns;
    bool is_fresh = true, add = job->dst->add;
    (void)error;
    for (size_t at = 0; at < depth; at += job->block) {
        size_t count = smaller(depth - at, job->block);
        product block = {.rows = rows,
                         .panels = ceil_div(columns, PANEL_WIDTH),
                         .depth = count,
                         .b = own->columns,
                         .c = own->sums,
                         .b_panel = count * PANEL_WIDTH,
                         .c_stride = PANEL_WIDTH,
                         .c_panel = rows * PANEL_WIDTH,
                         .add = !is_fresh};
        place_rows(loops, &job->a, row, at, own->rows, &block);
        pack_columns(&job->b, column, columns, at, count, own->columns);
        loops->multiply(&block);
        is_fresh = (at / job->block + 1) % FLUSH_BLOCKS == 0 || at + count == depth;
        if (is_fresh) {
            flush_tile(job->dst, own->sums, row, rows, column, columns, add);
            add = true;
        }
    }
    return SPUR_OK;
}

spur_status matrix_multiply(matrix_team *team, matrix a, matrix b, const matrix_result *dst,
                            spur_error *error)
{
    float_job job = {.team = team, .a = a, .b = b, .dst = dst};
    return parallel_for(team->threads, choose_tiles(&job), multiply_tile, &job, error);
}

/* ---- doubles ---------------------------------------------------------------------------- */

typedef struct double_job {
    matrix_team *team;
    const matrix_double *what;
    size_t height, across; /* rows of a tile; tiles side by side */
} double_job;

static void pack_columns_double(const matrix_double *what, size_t first, size_t columns,
                                size_t at, size_t depth, double *dst)
{
    for (size_t k = 0; k < depth; k++) {
        const double *src = what->b + (at + k) * what->b_step + first * what->b_column;
        for (size_t column = 0; column < columns; column += PANEL_WIDTH_DOUBLE) {
            double *to = dst + column * depth + k * PANEL_WIDTH_DOUBLE;
            size_t count = smaller(columns - column, PANEL_WIDTH_DOUBLE);
            if (count == PANEL_WIDTH_DOUBLE && what->b_column == 1) {
                memcpy(to, src + column, PANEL_WIDTH_DOUBLE * sizeof *to);
                continue;
            }
            for (size_t j = 0; j < PANEL_WIDTH_DOUBLE; j++) {
                to[j] = j < count ? src[(column + j) * what->b_column] : 0.0;
            }
        }
    }
}

static void flush_double(const matrix_double *what, const double *sums, size_t row, size_t rows,
                         size_t column, size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        double *dst = what->dst + (row + i) * what->stride + column;
        for (size_t j = 0; j < columns; j++) {
            dst[j] += sums[(j / PANEL_WIDTH_DOUBLE * rows + i) * PANEL_WIDTH_DOUBLE +
                           j % PANEL_WIDTH_DOUBLE];
        }
    }
}

static spur_status multiply_tile_wide(void *context, size_t worker, size_t item,
                                      spur_error *error)
{
    const double_job *job = context;
    const matrix_double *what = job->what;
    const lane *own = &job->team->lanes[worker];
    size_t row = item / job->across * job->height, column = item % job->across * WIDTH_DOUBLE;
    size_t rows = smaller(what->m - row, job->height);
    size_t columns = smaller(what->n - column, WIDTH_DOUBLE);
    (void)error;
    memset(own->wide_sums, 0, (size_t)HEIGHT_DOUBLE * WIDTH_DOUBLE * sizeof(double));
    for (size_t at = 0; at < what->depth; at += DEPTH_DOUBLE) {
        size_t count = smaller(what->depth - at, DEPTH_DOUBLE);
        pack_columns_double(what, column, columns, at, count, own->wide_columns);
        const product_double block = {.rows = rows,
                                      .panels = ceil_div(columns, PANEL_WIDTH_DOUBLE),
                                      .depth = count,
                                      .a = what->a + row * what->a_row + at * what->a_step,
                                      .b = own->wide_columns,
                                      .c = own->wide_sums,
                                      .a_stride = what->a_row,
                                      .a_step = what->a_step};
        job->team->loops->multiply_double(&block);
    }
    flush_double(what, own->wide_sums, row, rows, column, columns);
    return SPUR_OK;
}

spur_status matrix_multiply_double(matrix_team *team, const matrix_double *what,
                                   spur_error *error)
{
    size_t down = ceil_div(what->m, HEIGHT_DOUBLE);
    double_job job = {team, what, ceil_div(what->m, down > 0 ? down : 1),
                      ceil_div(what->n, WIDTH_DOUBLE)};
    return parallel_for(team->threads, down * job.across, multiply_tile_wide, &job, error);
}
