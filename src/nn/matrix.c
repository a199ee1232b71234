/*
 * matrix.c - tiles of a product: pack a block of both sides, multiply, add to the result.
 *
 * A tile is at most TILE_HEIGHT x TILE_WIDTH; its sums and the two packed blocks stay in the
 * second-level cache.
 */
#include "nn/matrix.h"

#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "nn/kernel.h"

enum {
    TILE_HEIGHT = 384,
    TILE_WIDTH = 256,
    TILE_DEPTH = 256,
    FLUSH_DEPTH = 2048, /* after which float sums go to the result */
    HEIGHT_DOUBLE = 128,
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
    TRY(memory_new(height * TILE_DEPTH, sizeof(float), &made->rows, error));
    TRY(memory_new((size_t)TILE_WIDTH * TILE_DEPTH, sizeof(float), &made->columns, error));
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
    matrix made = {data, rows, columns, stride, 1};
    return made;
}

matrix matrix_turned(matrix of)
{
    matrix made = {of.data, of.columns, of.rows, of.column_step, of.row_step};
    return made;
}

/* ---- floats ----------------------------------------------------------------------------- */

typedef struct float_job {
    matrix_team *team;
    matrix a, b;
    const matrix_result *dst;
    size_t across; /* tiles side by side */
} float_job;

/* Rows first .. of a, of whose steps one is 1, as register blocks [tile_rows] by depth. */
static void pack_rows(const kernel *loops, const matrix *a, size_t first, size_t rows,
                      size_t at, size_t depth, float *dst)
{
    const float *src = a->data + first * a->row_step + at * a->column_step;
    if (a->column_step == 1) {
        loops->pack(src, a->row_step, rows, depth, dst);
    } else {
        loops->pack_turned(src, a->column_step, rows, depth, dst);
    }
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
    size_t row = item / job->across * TILE_HEIGHT, column = item % job->across * TILE_WIDTH;
    size_t rows = smaller(job->a.rows - row, TILE_HEIGHT);
    size_t columns = smaller(job->b.columns - column, TILE_WIDTH);
    size_t depth = job->a.columns;
    (void)error;
    if (job->dst->is_lower && column >= row + rows) {
        return SPUR_OK;
    }
    bool is_fresh = true, add = job->dst->add;
    for (size_t at = 0; at < depth; at += TILE_DEPTH) {
        size_t count = smaller(depth - at, TILE_DEPTH);
        pack_rows(loops, &job->a, row, rows, at, count, own->rows);
        pack_columns(&job->b, column, columns, at, count, own->columns);
        const product block = {.rows = rows,
                               .panels = ceil_div(columns, PANEL_WIDTH),
                               .depth = count,
                               .a = own->rows,
                               .b = own->columns,
                               .c = own->sums,
                               .a_stride = 1,
                               .a_step = loops->tile_rows,
                               .a_tile = loops->tile_rows * count,
                               .b_panel = count * PANEL_WIDTH,
                               .c_stride = PANEL_WIDTH,
                               .c_panel = rows * PANEL_WIDTH,
                               .add = !is_fresh};
        loops->multiply(&block);
        is_fresh = (at + TILE_DEPTH) % FLUSH_DEPTH == 0 || at + count == depth;
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
    float_job job = {team, a, b, dst, ceil_div(b.columns, TILE_WIDTH)};
    size_t tiles = ceil_div(a.rows, TILE_HEIGHT) * job.across;
    return parallel_for(team->threads, tiles, multiply_tile, &job, error);
}

/* ---- doubles ---------------------------------------------------------------------------- */

typedef struct double_job {
    matrix_team *team;
    const matrix_double *what;
    size_t across;
} double_job;

static void pack_columns_double(const matrix_double *what, size_t first, size_t columns,
                                size_t at, size_t depth, double *dst)
{
    for (size_t k = 0; k < depth; k++) {
        const double *src = what->b + (at + k) * what->b_step + first * what->b_column;
        for (size_t column = 0; column < columns; column += PANEL_WIDTH_DOUBLE) {
            double *to = dst + column * depth + k * PANEL_WIDTH_DOUBLE;
            size_t count = smaller(columns - column, PANEL_WIDTH_DOUBLE);
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
    size_t row = item / job->across * HEIGHT_DOUBLE, column = item % job->across * WIDTH_DOUBLE;
    size_t rows = smaller(what->m - row, HEIGHT_DOUBLE);
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
    double_job job = {team, what, ceil_div(what->n, WIDTH_DOUBLE)};
    size_t tiles = ceil_div(what->m, HEIGHT_DOUBLE) * job.across;
    return parallel_for(team->threads, tiles, multiply_tile_wide, &job, error);
}
