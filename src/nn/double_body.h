/*
 * double_body.h - products in double, included by kernel_body.h for every instruction set.
 *
 * A product and its sum are rounded once, as in kernel_body.h. TILE_ROWS_DOUBLE rows of a
 * panel of sums stay in registers.
 */
enum {
    LANES_DOUBLE = PANEL_WIDTH_DOUBLE
};

INLINE void multiply_tile_double(const product_double *what, size_t row, size_t panel,
                                 size_t rows)
{
    wide sum[TILE_ROWS_DOUBLE];
    size_t stride = what->a_stride, step = what->a_step;
    const double *a = what->a + row * stride;
    const double *b = what->b + panel * what->depth * LANES_DOUBLE;
    double *c = what->c + (panel * what->rows + row) * LANES_DOUBLE;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        sum[i] = wide_load(c + i * LANES_DOUBLE);
    }
    for (size_t k = 0; k < what->depth; k++) {
        wide column = wide_load(b + k * LANES_DOUBLE);
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            sum[i] = wide_fma(a[i * stride + k * step], column, sum[i]);
        }
    }
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        wide_store(c + i * LANES_DOUBLE, sum[i]);
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
