/*
 * double_body.h - products in double, included by kernel_body.h for every instruction set.
 *
 * Eight doubles are one vector of the compiler's own; a product and a sum are rounded each, so
 * that all instruction sets give the same bits.
 */
typedef double vec_double __attribute__((vector_size(64)));

enum {
    LANES_DOUBLE = PANEL_WIDTH_DOUBLE,
    TILE_ROWS_DOUBLE = 8
};

INLINE void multiply_tile_double(const product_double *what, size_t row, size_t panel,
                                 size_t rows)
{
    vec_double sum[TILE_ROWS_DOUBLE];
    size_t stride = what->a_stride, step = what->a_step;
    const double *a = what->a + row * stride;
    const double *b = what->b + panel * what->depth * LANES_DOUBLE;
    double *c = what->c + (panel * what->rows + row) * LANES_DOUBLE;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        memcpy(&sum[i], c + i * LANES_DOUBLE, sizeof sum[i]);
    }
    for (size_t k = 0; k < what->depth; k++) {
        vec_double column;
        memcpy(&column, b + k * LANES_DOUBLE, sizeof column);
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            sum[i] += a[i * stride + k * step] * column;
        }
    }
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        memcpy(c + i * LANES_DOUBLE, &sum[i], sizeof sum[i]);
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
