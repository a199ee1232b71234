/*
 * curvature.c - Gram matrix, its blocked Cholesky factor, and the factor's inverse.
 *
 * R is the ridge of every feature and, for the bias, which has none, a small one that keeps M
 * definite. With d + 1 <= 2 n: M = scale G + R = L L^T over features, and v M^-1 = (v T^T) T
 * with T = L^-1. Else over rows (Woodbury): A = X (ridge R^-1) X^T / n + (ridge / scale) I, and
 * v M^-1 = (v - ((v ridge R^-1 X^T / n) A^-1) X) R^-1. Single precision is enough: the factor
 * only steers other methods.
 */
#include "pipeline/curvature.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    BLOCK = 96 /* columns factored together */
};

/* Smallest ridge against the Gram matrix's bound: beyond, single precision breaks down. */
#define RIDGE_LEAST 1e-5
/* How far the scale falls at once: a step too far can leave no curvature for a moment. */
#define FALL_MOST 0.25

struct curvature {
    const training_set *set;
    matrix_team *team;
    size_t width, order; /* features + 1; rows and columns of the Gram matrix */
    bool is_over_rows;
    double bound;
    double ridge, bias_ridge;        /* R */
    double scale_asked, ridge_asked; /* what curvature_follow factored; scale 0: nothing */
    float *gram;                     /* [order, order], lower part */
    float *factor, *panel;           /* L; one block of its columns */
    float *inverse, *turned;         /* T and T^T */
    float *inner, *outer;            /* [rows of v, order] twice */
    size_t room;                     /* rows that inner and outer hold */
};

/* ---- Gram matrix ------------------------------------------------------------------------ */

static matrix rows_matrix(const curvature *of)
{
    return matrix_of(of->set->x, of->set->rows.count, of->width, of->set->stride);
}

static void measure_gram(curvature *of)
{
    double squares = 0.0;
    for (size_t i = 0; i < of->order; i++) {
        const float *row = of->gram + i * of->order;
        for (size_t j = 0; j < i; j++) {
            squares += 2.0 * (double)row[j] * (double)row[j];
        }
        squares += (double)row[i] * (double)row[i];
    }
    /* 1e-4: far above what single precision may have lost in the sums */
    of->bound = sqrt(squares) * (1.0 + 1e-4);
}

spur_status curvature_open(const training_set *set, matrix_team *team, curvature **out,
                           spur_error *error)
{
    spur_status status;
    curvature *made = NULL;
    size_t cells, width = set->rows.width + 1, rows = set->rows.count;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->set = set;
    made->team = team;
    made->width = width;
    made->is_over_rows = width / 2 > rows;
    made->order = made->is_over_rows ? rows : width;
    if (!size_mul(made->order, made->order, &cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new_zeroed(cells, sizeof(float), &made->gram, error));
    TRY(memory_new_zeroed(cells, sizeof(float), &made->factor, error));
    TRY(memory_new_zeroed(cells, sizeof(float), &made->inverse, error));
    TRY(memory_new_zeroed(cells, sizeof(float), &made->turned, error));
    TRY(memory_new_zeroed(made->order * BLOCK, sizeof(float), &made->panel, error));
    const matrix_result into = {.single = made->gram,
                                .stride = made->order,
                                .scale = 1.0 / (double)rows,
                                .is_lower = true};
    matrix x = rows_matrix(made), turned = matrix_turned(x);
    TRY(matrix_multiply(team, made->is_over_rows ? x : turned, made->is_over_rows ? turned : x,
                        &into, error));
    measure_gram(made);
    *out = made;
    made = NULL;
done:
    curvature_close(made);
    return status;
}

void curvature_close(curvature *block)
{
    if (block != NULL) {
        memory_free(block->gram);
        memory_free(block->factor);
        memory_free(block->inverse);
        memory_free(block->turned);
        memory_free(block->panel);
        memory_free(block->inner);
        memory_free(block->outer);
        memory_free(block);
    }
}

double curvature_bound(const curvature *of)
{
    return of->bound;
}

/* ---- factor ----------------------------------------------------------------------------- */

/* The diagonal block at `at`, in place, in double; its inverse to `inverse`. False when it is
 * not positive. */
static bool factor_block(float *factor, size_t order, size_t at, size_t count,
                         double inverse[BLOCK][BLOCK])
{
    double a[BLOCK][BLOCK];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = (double)factor[(at + i) * order + at + j];
            for (size_t k = 0; k < j; k++) {
                sum -= a[i][k] * a[j][k];
            }
            if (i == j && !(sum > 0.0)) {
                return false;
            }
            a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
            factor[(at + i) * order + at + j] = (float)a[i][j];
        }
    }
    for (size_t j = 0; j < count; j++) {
        for (size_t i = j; i < count; i++) {
            double sum = i == j ? 1.0 : 0.0;
            for (size_t k = j; k < i; k++) {
                sum -= a[i][k] * inverse[k][j];
            }
            inverse[i][j] = sum / a[i][i];
        }
    }
    return true;
}

/* The block's inverse into the diagonal of `inverse`. */
static void place_inverse(const curvature *of, size_t at, size_t count,
                          double inverse[BLOCK][BLOCK])
{
    for (size_t i = 0; i < count; i++) {
        float *row = of->inverse + (at + i) * of->order + at;
        for (size_t j = 0; j < count; j++) {
            row[j] = j <= i ? (float)inverse[i][j] : 0.0F;
        }
    }
}

/* One block of columns of L, from the columns before it. */
static spur_status factor_columns(curvature *of, size_t at, size_t count, bool *is_positive,
                                  spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t order = of->order, below = at + count;
    double inverse[BLOCK][BLOCK];
    if (at > 0) {
        const matrix_result into = {.single = of->factor + at * order + at,
                                    .stride = order,
                                    .scale = -1.0,
                                    .add = true};
        matrix left = matrix_of(of->factor + at * order, order - at, at, order);
        matrix right = matrix_of(of->factor + at * order, count, at, order);
        TRY(matrix_multiply(of->team, left, matrix_turned(right), &into, error));
    }
    *is_positive = factor_block(of->factor, order, at, count, inverse);
    if (!*is_positive) {
        goto done;
    }
    place_inverse(of, at, count, inverse);
    if (below < order) {
        for (size_t i = below; i < order; i++) {
            memcpy(of->panel + (i - below) * BLOCK, of->factor + i * order + at,
                   count * sizeof(float));
        }
        const matrix_result into = {
            .single = of->factor + below * order + at, .stride = order, .scale = 1.0};
        matrix right = matrix_of(of->inverse + at * order + at, count, count, order);
        TRY(matrix_multiply(of->team, matrix_of(of->panel, order - below, count, BLOCK),
                            matrix_turned(right), &into, error));
    }
done:
    return status;
}

/* Rows at .. of T = L^-1 left of the diagonal: -T_ii (L_i T). */
static spur_status invert_rows(curvature *of, size_t at, size_t count, spur_error *error)
{
    spur_status status;
    size_t order = of->order;
    /* turned is free until the end: it takes L_i T. */
    const matrix_result first = {.single = of->turned, .stride = order, .scale = 1.0};
    const matrix_result second = {
        .single = of->inverse + at * order, .stride = order, .scale = -1.0};
    TRY(matrix_multiply(of->team, matrix_of(of->factor + at * order, count, at, order),
                        matrix_triangle(matrix_of(of->inverse, at, at, order), MATRIX_LOWER),
                        &first, error));
    TRY(matrix_multiply(of->team, matrix_of(of->inverse + at * order + at, count, count, order),
                        matrix_of(of->turned, count, at, order), &second, error));
done:
    return status;
}

/* turned = T^T, by squares that stay in the cache; above the diagonal T is zero. */
static void turn_inverse(curvature *of)
{
    size_t order = of->order;
    for (size_t top = 0; top < order; top += BLOCK) {
        for (size_t left = 0; left < order; left += BLOCK) {
            size_t down = top + BLOCK < order ? top + BLOCK : order;
            size_t right = left + BLOCK < order ? left + BLOCK : order;
            for (size_t i = top; i < down; i++) {
                for (size_t j = left; j < right; j++) {
                    of->turned[j * order + i] = of->inverse[i * order + j];
                }
            }
        }
    }
}

static spur_status factor_all(curvature *of, bool *is_positive, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t order = of->order;
    *is_positive = true;
    for (size_t at = 0; at < order && *is_positive; at += BLOCK) {
        size_t count = order - at < BLOCK ? order - at : BLOCK;
        TRY(factor_columns(of, at, count, is_positive, error));
    }
    for (size_t at = BLOCK; at < order && *is_positive; at += BLOCK) {
        size_t count = order - at < BLOCK ? order - at : BLOCK;
        TRY(invert_rows(of, at, count, error));
    }
    if (*is_positive) {
        turn_inverse(of);
    }
done:
    return status;
}

/* factor = scale (gram + lift 1 1^T), and on its diagonal `ridge`, in the end `last`. */
typedef struct filling {
    double scale, lift, ridge, last;
} filling;

static void fill_factor(curvature *of, filling with)
{
    memset(of->inverse, 0, of->order * of->order * sizeof(float));
    for (size_t i = 0; i < of->order; i++) {
        float *dst = of->factor + i * of->order;
        const float *src = of->gram + i * of->order;
        double own = i + 1 == of->order ? with.last : with.ridge;
        for (size_t j = 0; j <= i; j++) {
            double value = with.scale * ((double)src[j] + with.lift);
            dst[j] = (float)(value + (i == j ? own : 0.0));
        }
    }
}

/* Over rows M is divided by scale, and the ones of the bias count ridge / bias_ridge times. */
static filling filling_of(const curvature *of, double scale)
{
    if (!of->is_over_rows) {
        return (filling){scale, 0.0, of->ridge, of->bias_ridge};
    }
    double own = of->ridge / scale, rows = (double)of->order;
    return (filling){1.0, (of->ridge / of->bias_ridge - 1.0) / rows, own, own};
}

spur_status curvature_factor(curvature *of, double scale, double ridge, spur_error *error)
{
    spur_status status;
    bool is_positive = false;
    scale = scale > 0.0 ? scale : 1e-12;
    double least = RIDGE_LEAST * scale * (of->bound > 0.0 ? of->bound : 1.0);
    of->ridge = ridge > least ? ridge : least;
    double own = CURVATURE_BIAS_RIDGE * scale;
    of->bias_ridge = own < of->ridge ? own : of->ridge;
    for (size_t attempt = 0; attempt < 30 && !is_positive; attempt++) {
        fill_factor(of, filling_of(of, scale));
        TRY(factor_all(of, &is_positive, error));
        if (!is_positive) {
            of->ridge *= 10.0;
            of->bias_ridge *= 10.0;
        }
    }
    if (!is_positive) {
        FAIL(SPUR_INTERNAL, "the Gram matrix has no Cholesky factor");
    }
done:
    return status;
}

spur_status curvature_follow(curvature *of, double scale, double ridge, bool *is_new,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    scale = scale > FALL_MOST * of->scale_asked ? scale : FALL_MOST * of->scale_asked;
    scale = scale > 0.0 ? scale : 1e-12;
    bool is_near = of->scale_asked <= 1.5 * scale && of->scale_asked >= scale / 1.5;
    *is_new = !is_near || ridge < of->ridge_asked || ridge > of->ridge_asked;
    if (*is_new) {
        of->scale_asked = 0.0;
        TRY(curvature_factor(of, scale, ridge, error));
        of->scale_asked = scale;
        of->ridge_asked = ridge;
    }
done:
    return status;
}

void curvature_forget(curvature *of)
{
    of->scale_asked = 0.0;
}

/* ---- solving ---------------------------------------------------------------------------- */

static spur_status make_room(curvature *of, size_t rows, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (rows > of->room) {
        of->room = 0;
        memory_free(of->inner);
        memory_free(of->outer);
        of->inner = of->outer = NULL;
        TRY(memory_new(rows * of->order, sizeof(float), &of->inner, error));
        TRY(memory_new(rows * of->order, sizeof(float), &of->outer, error));
        of->room = rows;
    }
done:
    return status;
}

/* dst [rows, order] = src A^-1; inner is overwritten, dst may not be. */
static spur_status solve_factor(curvature *of, const float *src, size_t rows, float *between,
                                float *dst, spur_error *error)
{
    spur_status status;
    size_t order = of->order;
    const matrix_result first = {.single = between, .stride = order, .scale = 1.0};
    const matrix_result second = {.single = dst, .stride = order, .scale = 1.0};
    TRY(matrix_multiply(
        of->team, matrix_of(src, rows, order, order),
        matrix_triangle(matrix_of(of->turned, order, order, order), MATRIX_UPPER), &first,
        error));
    TRY(matrix_multiply(
        of->team, matrix_of(between, rows, order, order),
        matrix_triangle(matrix_of(of->inverse, order, order, order), MATRIX_LOWER), &second,
        error));
done:
    return status;
}

/* dst = v, the bias multiplied by `by`. */
static void copy_with_bias(const curvature *of, const float *v, size_t rows, double by,
                           float *dst)
{
    memcpy(dst, v, rows * of->width * sizeof *dst);
    for (size_t i = 1; i <= rows; i++) {
        dst[i * of->width - 1] = (float)(by * (double)dst[i * of->width - 1]);
    }
}

/* gram is X X^T / n, so (v X^T) is divided by n too. */
static spur_status solve_over_rows(curvature *of, const float *v, size_t rows, float *dst,
                                   spur_error *error)
{
    spur_status status;
    size_t order = of->order;
    const matrix_result first = {
        .single = of->outer, .stride = order, .scale = 1.0 / (double)order};
    const matrix_result last = {.single = dst, .stride = of->width, .scale = -1.0, .add = true};
    copy_with_bias(of, v, rows, of->ridge / of->bias_ridge, dst);
    TRY(matrix_multiply(of->team, matrix_of(dst, rows, of->width, of->width),
                        matrix_turned(rows_matrix(of)), &first, error));
    TRY(solve_factor(of, of->outer, rows, of->inner, of->outer, error));
    memcpy(dst, v, rows * of->width * sizeof *dst);
    TRY(matrix_multiply(of->team, matrix_of(of->outer, rows, order, order), rows_matrix(of),
                        &last, error));
    for (size_t i = 0; i < rows * of->width; i++) {
        bool is_bias = i % of->width == of->width - 1;
        dst[i] = (float)((double)dst[i] / (is_bias ? of->bias_ridge : of->ridge));
    }
done:
    return status;
}

spur_status curvature_solve(curvature *of, const float *v, size_t rows, float *dst,
                            spur_error *error)
{
    spur_status status;
    TRY(make_room(of, rows, error));
    if (of->is_over_rows) {
        TRY(solve_over_rows(of, v, rows, dst, error));
    } else {
        TRY(solve_factor(of, v, rows, of->inner, dst, error));
    }
done:
    return status;
}
