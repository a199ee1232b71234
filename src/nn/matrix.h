/*
 * matrix.h - products of two matrices that both change from call to call, on all threads.
 *
 * What a network multiplies is linear.h, whose weights are packed once; here both sides are
 * packed block by block. The result is cut into tiles of a fixed size and every tile is summed
 * by one thread in order of depth, so its bits do not depend on the number of threads.
 */
#ifndef NN_MATRIX_H
#define NN_MATRIX_H

#include <stdbool.h>

#include "nn/engine.h"

/* Inner loops, threads and the scratch of each. */
typedef struct matrix_team matrix_team;
spur_status matrix_team_open(const engine *on, size_t threads, matrix_team **out,
                             spur_error *error) SPUR_MUST_USE;
void matrix_team_close(matrix_team *block);
size_t matrix_team_threads(const matrix_team *of);

/* Element (i, j) stands at data[i * row_step + j * column_step]. */
typedef struct matrix {
    const float *data;
    size_t rows, columns, row_step, column_step;
} matrix;
/* Row-major with `stride` floats between rows; and a matrix turned over. */
matrix matrix_of(const float *data, size_t rows, size_t columns, size_t stride);
matrix matrix_turned(matrix of);

/* dst [a.rows, b.columns] = scale * a b (dst += when `add`). Sums run in float over about 2048
 * depths, then in dst's type: exactly one of `single` and `wide` is given. */
typedef struct matrix_result {
    float *single;
    double *wide;
    size_t stride;
    double scale;
    bool add;
} matrix_result;

spur_status matrix_multiply(matrix_team *team, matrix a, matrix b, const matrix_result *dst,
                            spur_error *error) SPUR_MUST_USE;

/* The same for doubles, summed in double: dst [m, n] += a b. a's element (i, k) stands at
 * a[i * a_row + k * a_step], b's (k, j) at b[k * b_step + j * b_column]. */
typedef struct matrix_double {
    size_t m, n, depth;
    const double *a, *b;
    size_t a_row, a_step, b_step, b_column;
    double *dst;
    size_t stride;
} matrix_double;

spur_status matrix_multiply_double(matrix_team *team, const matrix_double *what,
                                   spur_error *error) SPUR_MUST_USE;

#endif
