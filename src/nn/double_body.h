/*
 * double_body.h - products in double, included by kernel_body.h for every instruction set.
 *
 * Vectors of VECTOR_DOUBLE doubles are the compiler's own; a product and a sum are rounded
 * each, so that all instruction sets give the same bits. TILE_ROWS_DOUBLE rows of a panel of
 * sums stay in registers.
 */
typedef double vec_double __attribute__((vector_size(VECTOR_DOUBLE * sizeof(double))));

enum {
    LANES_DOUBLE = PANEL_WIDTH_DOUBLE,
    VECTORS_DOUBLE = LANES_DOUBLE / VECTOR_DOUBLE
};

INLINE vec_double load_double(const double *src)
{
    vec_double x;
    memcpy(&x, src, sizeof x);
    return x;
}

INLINE void multiply_tile_double(const product_double *what, size_t row, size_t panel,
                                 size_t rows)
{
    vec_double sum[TILE_ROWS_DOUBLE][VECTORS_DOUBLE];
    size_t stride = what->a_stride, step = what->a_step;
    const double *a = what->a + row * stride;
    const double *b = what->b + panel * what->depth * LANES_DOUBLE;
    double *c = what->c + (panel * what->rows + row) * LANES_DOUBLE;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < VECTORS_DOUBLE; j++)
        {
            sum[i][j] = load_double(c + i * LANES_DOUBLE + j * VECTOR_DOUBLE);
        }
    }
    for (size_t k = 0; k < what->depth; k++) {
        vec_double column[VECTORS_DOUBLE];
        UNROLL for (size_t j = 0; j < VECTORS_DOUBLE; j++)
        {
            column[j] = load_double(b + k * LANES_DOUBLE + j * VECTOR_DOUBLE);
        }
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            UNROLL for (size_t j = 0; j < VECTORS_DOUBLE; j++)
            {
                sum[i][j] += a[i * stride + k * step] * column[j];
            }
        }
    }
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < VECTORS_DOUBLE; j++)
        {
            memcpy(c + i * LANES_DOUBLE + j * VECTOR_DOUBLE, &sum[i][j], sizeof sum[i][j]);
        }
    }
}

static void multiply_double(const product_double *what)
{
    for (size_t panel = 0; panel < what->panels; panel++) {
        size_t row = 0;
        for (; row + TILE_ROWS_DOUBLE <= what->rows; row += TILE_ROWS_DOUBLE) {
            multiply_tile_double(what, row, panel, TILE_ROWS_DOUBLE);
        }
        for (; row < what->rows; row++) {
            multiply_tile_double(what, row, panel, 1);
        }
    }
}
