/*
 * convolve_body.h - the inner loop of convolutions, written once over `vec`.
 *
 * Included by kernel_body.h. A register block is TILE_ROWS output pixels x TILE_PANELS panels
 * of channels; every tap (position under the kernel) reads its pixels where they lie, through a
 * table of addresses, so nothing is copied before it is multiplied.
 */

/* The finished sums of pixels tile .. of one panel: bias, residual, ReLU, store. */
INLINE void convolve_finish(const convolve_step *what, size_t tile, size_t panel, vec *sum,
                            size_t sum_step)
{
    const convolve_last *last = what->last;
    vec bias = vec_load(last->bias + panel * LANES);
    size_t columns = last->columns - panel * LANES;
    size_t first = tile * TILE_ROWS;
    size_t rows = what->pixels - first < TILE_ROWS ? what->pixels - first : TILE_ROWS;
    UNROLL for (size_t i = 0; i < TILE_ROWS; i++)
    {
        if (i < rows) {
            size_t at = (first + i) * last->stride + panel * LANES;
            vec x = vec_add(sum[i * sum_step], bias);
            if (last->residual != NULL) {
                x = vec_add(x, load_some(last->residual + at, columns, 0.0f));
            }
            if (last->relu) {
                x = vec_max(x, vec_set(0.0f));
            }
            store_some(last->dst + at, columns, x);
        }
    }
}

/* Fetches what the block will finish into while it is multiplied. */
INLINE void convolve_fetch(const convolve_step *what, size_t tile, size_t panel)
{
    const convolve_last *last = what->last;
    size_t left = what->pixels - tile * TILE_ROWS;
    for (size_t i = 0; last != NULL && i < TILE_ROWS && i < left; i++) {
        size_t at = (tile * TILE_ROWS + i) * last->stride + panel * LANES;
        __builtin_prefetch(last->dst + at, 1);
        if (last->residual != NULL) {
            __builtin_prefetch(last->residual + at, 0);
        }
    }
}

/* The panels' depths that follow come from memory while this one is multiplied; every block of
 * pixels fetches its share. */
INLINE void convolve_fetch_ahead(const convolve_step *what, size_t tile, size_t panel,
                                 size_t panels, size_t tiles)
{
    size_t depth = what->taps * what->depth;
    size_t end = (tile + 1) * depth / tiles;
    for (size_t line = tile * depth / tiles; line < end; line++) {
        for (size_t j = 0; j < panels; j++) {
            const float *next = what->b + (panel + j) * what->b_panel + depth * LANES;
            __builtin_prefetch(next + line * LANES, 0, 2);
        }
    }
}

/* `panels` is constant where this is inlined. */
INLINE void convolve_tile(const convolve_step *what, size_t tile, size_t panel, size_t panels)
{
    vec sum[TILE_ROWS][TILE_PANELS];
    const float *const *pixels = what->addresses + tile * what->tile_addresses;
    const float *b = what->b + panel * what->b_panel;
    float *c = what->c + panel * what->c_panel + tile * TILE_ROWS * LANES;
    size_t depth = what->depth;
    UNROLL for (size_t i = 0; i < TILE_ROWS; i++)
    {
        UNROLL for (size_t j = 0; j < panels; j++)
        {
            sum[i][j] = what->add ? vec_load(c + i * LANES + j * what->c_panel) : vec_set(0.0f);
        }
    }
    for (size_t tap = 0; tap < what->taps; tap++) {
        const float *a[TILE_ROWS];
        UNROLL for (size_t i = 0; i < TILE_ROWS; i++)
        {
            a[i] = pixels[i] + what->first;
        }
        for (size_t k = 0; k < depth; k++) {
            vec column[TILE_PANELS];
            UNROLL for (size_t j = 0; j < panels; j++)
            {
                column[j] = vec_load(b + j * what->b_panel + k * LANES);
            }
            UNROLL for (size_t i = 0; i < TILE_ROWS; i++)
            {
                vec value = vec_set(a[i][k]);
                UNROLL for (size_t j = 0; j < panels; j++)
                {
                    sum[i][j] = vec_fma(value, column[j], sum[i][j]);
                }
            }
        }
        pixels += TILE_ROWS;
        b += depth * LANES;
    }
    if (what->last != NULL) {
        UNROLL for (size_t j = 0; j < panels; j++)
        {
            convolve_finish(what, tile, panel + j, &sum[0][j], TILE_PANELS);
        }
        return;
    }
    UNROLL for (size_t i = 0; i < TILE_ROWS; i++)
    {
        UNROLL for (size_t j = 0; j < panels; j++)
        {
            vec_store(c + i * LANES + j * what->c_panel, sum[i][j]);
        }
    }
}

INLINE void convolve_panels(const convolve_step *what, size_t panel, size_t panels)
{
    size_t tiles = (what->pixels + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t tile = 0; tile < tiles; tile++) {
        for (size_t j = 0; j < panels; j++) {
            convolve_fetch(what, tile, panel + j);
        }
        convolve_fetch_ahead(what, tile, panel, panels, tiles);
        convolve_tile(what, tile, panel, panels);
    }
}

static void convolve(const convolve_step *what)
{
    size_t panel = 0;
    for (; panel + TILE_PANELS <= what->panels; panel += TILE_PANELS) {
        convolve_panels(what, panel, TILE_PANELS);
    }
    for (; panel < what->panels; panel++) {
        convolve_panels(what, panel, 1);
    }
}
