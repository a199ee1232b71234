/*
 * winograd_body.h - the transforms of winograd.c, written once over `vec`.
 *
 * Included by kernel_body.h. B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1], A^T = [1 1 1 0;
 * 0 1 -1 -1]: applied to the columns, then to the rows of a tile.
 */

/* (a, b, c, d) -> B^T (a, b, c, d) */
INLINE void winograd_spread(vec a, vec b, vec c, vec d, vec out[4])
{
    out[0] = vec_sub(a, c);
    out[1] = vec_add(b, c);
    out[2] = vec_sub(c, b);
    out[3] = vec_sub(b, d);
}

static void winograd_gather(const winograd_input *what)
{
    for (size_t at = 0; at < what->channels; at += LANES) {
        vec column[4][4];
        UNROLL for (size_t j = 0; j < 4; j++)
        {
            winograd_spread(vec_load(what->pixels[j] + at), vec_load(what->pixels[4 + j] + at),
                            vec_load(what->pixels[8 + j] + at),
                            vec_load(what->pixels[12 + j] + at), column[j]);
        }
        UNROLL for (size_t i = 0; i < 4; i++)
        {
            vec row[4];
            winograd_spread(column[0][i], column[1][i], column[2][i], column[3][i], row);
            UNROLL for (size_t j = 0; j < 4; j++)
            {
                vec_store(what->dst + (4 * i + j) * what->dst_step + at, row[j]);
            }
        }
    }
}

INLINE void winograd_store(const winograd_output *what, size_t pixel, size_t at, vec x)
{
    if (what->dst[pixel] == NULL) {
        return;
    }
    x = vec_add(x, vec_load(what->bias + at));
    if (what->residual[pixel] != NULL) {
        x = vec_add(x, vec_load(what->residual[pixel] + at));
    }
    if (what->relu) {
        x = vec_max(x, vec_set(0.0f));
    }
    vec_store(what->dst[pixel] + at, x);
}

static void winograd_scatter(const winograd_output *what)
{
    for (size_t panel = 0; panel < what->panels; panel++) {
        const float *src = what->src + panel * what->panel_step;
        vec upper[4], lower[4];
        UNROLL for (size_t j = 0; j < 4; j++)
        {
            vec a = vec_load(src + j * what->src_step);
            vec b = vec_load(src + (4 + j) * what->src_step);
            vec c = vec_load(src + (8 + j) * what->src_step);
            vec d = vec_load(src + (12 + j) * what->src_step);
            upper[j] = vec_add(vec_add(a, b), c);
            lower[j] = vec_sub(vec_sub(b, c), d);
        }
        size_t at = panel * LANES;
        winograd_store(what, 0, at, vec_add(vec_add(upper[0], upper[1]), upper[2]));
        winograd_store(what, 1, at, vec_sub(vec_sub(upper[1], upper[2]), upper[3]));
        winograd_store(what, 2, at, vec_add(vec_add(lower[0], lower[1]), lower[2]));
        winograd_store(what, 3, at, vec_sub(vec_sub(lower[1], lower[2]), lower[3]));
    }
}
