/*
 * kernel_body.h - the inner loops of every instruction set, written once over `vec`.
 *
 * Included by kernel_plain.c, kernel_avx2.c and kernel_avx512.c after the vector's operations
 * and TILE_ROWS, TILE_PANELS, DOT_ROWS, DOT_COLUMNS (sizes of register blocks) and KERNEL_NAME.
 * Register blocks are arrays with constant bounds that the compiler unrolls completely.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/kernel.h"

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

enum {
    LANES = PANEL_WIDTH
};

/* ---- partial vectors ------------------------------------------------------------------- */

INLINE vec load_part(const float *src, size_t count, float fill)
{
    float lanes[LANES];
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = i < count ? src[i] : fill;
    }
    return vec_load(lanes);
}

INLINE vec load_some(const float *src, size_t count, float fill)
{
    return count >= LANES ? vec_load(src) : load_part(src, count, fill);
}

INLINE void store_some(float *dst, size_t count, vec a)
{
    if (count >= LANES) {
        vec_store(dst, a);
        return;
    }
    float lanes[LANES];
    vec_store(lanes, a);
    memcpy(dst, lanes, count * sizeof *dst);
}

/* ---- functions of one vector ----------------------------------------------------------- */

/* e^x within 2 ulp; 0 below the normal range, at most 2^127 above. n = round(x / ln 2),
 * r = x - n ln 2 in two steps, e^r = 1 + r + r^2 P(r) with P the weighted minimax fit on
 * |r| <= ln 2 / 2 (relative error 3e-9 before rounding). */
INLINE vec vec_exp(vec x)
{
    vec lowest = vec_set(-87.33654f);
    vec clamped = vec_min(vec_set(88.37626f), vec_max(lowest, x));
    vec magic = vec_set(12582912.0f);
    vec shifted = vec_fma(clamped, vec_set(0x1.715476p+0f), magic);
    vec n = vec_sub(shifted, magic);
    vec r = vec_fma(n, vec_set(-0x1.62e400p-1f), clamped);
    r = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r);
    vec p = vec_set(0x1.6a2434p-10f);
    p = vec_fma(p, r, vec_set(0x1.1239e2p-7f));
    p = vec_fma(p, r, vec_set(0x1.5558f2p-5f));
    p = vec_fma(p, r, vec_set(0x1.555492p-3f));
    p = vec_fma(p, r, vec_set(0x1.fffffcp-2f));
    p = vec_fma(p, vec_mul(r, r), r);
    vec power = vec_power_of_two(shifted);
    return vec_zero_below(x, lowest, vec_fma(p, power, power));
}

/* x / (1 + e^(-slope)): x times the logistic function of slope. */
INLINE vec times_sigmoid(vec x, vec slope)
{
    vec one = vec_set(1.0f);
    return vec_div(x, vec_add(one, vec_exp(vec_sub(vec_set(0.0f), slope))));
}

INLINE vec quick_gelu(vec x)
{
    return times_sigmoid(x, vec_mul(x, vec_set(1.702f)));
}

/* x / 2 (1 + tanh(u)) = x sigma(2u), u = sqrt(2 / pi) (x + 0.044715 x^3). */
INLINE vec gelu_tanh(vec x)
{
    vec cubic = vec_fma(vec_mul(x, x), vec_set(0.07135481283f), vec_set(1.595769122f));
    return times_sigmoid(x, vec_mul(x, cubic));
}

/* x Phi(x) = max(x, 0) - |x| Q(|x|) with Q(a) = erfc(a / sqrt 2) / 2 = e^(-a^2/2) t P(t),
 * t = 1 / (1 + 0.2316419 a): the form of Abramowitz and Stegun 26.2.17 with eight
 * coefficients fitted on a <= 14 (relative error 1.4e-7 before rounding). */
INLINE vec gelu_erf(vec x)
{
    vec a = vec_abs(x);
    vec one = vec_set(1.0f);
    vec t = vec_div(one, vec_fma(a, vec_set(0.23164189f), one));
    vec p = vec_set(-0.07032328844070435f);
    p = vec_fma(p, t, vec_set(0.2472536414861679f));
    p = vec_fma(p, t, vec_set(-0.20088694989681244f));
    p = vec_fma(p, t, vec_set(0.22451026737689972f));
    p = vec_fma(p, t, vec_set(0.013965614140033722f));
    p = vec_fma(p, t, vec_set(0.10251714289188385f));
    p = vec_fma(p, t, vec_set(0.09044302254915237f));
    p = vec_fma(p, t, vec_set(0.09252061694860458f));
    vec tail = vec_exp(vec_mul(vec_mul(a, a), vec_set(-0.5f)));
    vec q = vec_mul(vec_mul(p, t), vec_mul(tail, a));
    return vec_sub(vec_max(vec_set(0.0f), x), q);
}

INLINE vec activated(vec x, activation act)
{
    switch (act) {
    case ACTIVATION_QUICK_GELU:
        return quick_gelu(x);
    case ACTIVATION_GELU_ERF:
        return gelu_erf(x);
    case ACTIVATION_GELU_TANH:
        return gelu_tanh(x);
    case ACTIVATION_NONE:
        break;
    }
    return x;
}

/* ---- products --------------------------------------------------------------------------- */

/* One register block: `rows` x `panels` vectors, both constant where this is inlined. */
INLINE void multiply_tile(const product *what, size_t row, size_t panel, size_t rows,
                          size_t panels)
{
    vec sum[TILE_ROWS][TILE_PANELS];
    size_t stride = what->a_stride, step = what->a_step;
    const float *a = what->a + row / TILE_ROWS * what->a_tile + row % TILE_ROWS * stride;
    const float *b = what->b + panel * what->b_panel;
    float *c = what->c + panel * what->c_panel + row * what->c_stride;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < panels; j++)
        {
            sum[i][j] = what->add ? vec_load(c + i * what->c_stride + j * what->c_panel)
                                  : vec_set(0.0f);
        }
    }
    for (size_t k = 0; k < what->depth; k++) {
        vec column[TILE_PANELS];
        UNROLL for (size_t j = 0; j < panels; j++)
        {
            column[j] = vec_load(b + j * what->b_panel + k * LANES);
        }
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            vec value = vec_set(a[i * stride + k * step]);
            UNROLL for (size_t j = 0; j < panels; j++)
            {
                sum[i][j] = vec_fma(value, column[j], sum[i][j]);
            }
        }
    }
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < panels; j++)
        {
            vec_store(c + i * what->c_stride + j * what->c_panel, sum[i][j]);
        }
    }
}

/* Fetches the share of one register block of rows of the panels that follow: a panel comes
 * from memory while the one before it is multiplied. */
INLINE void fetch_ahead(const product *what, size_t row, size_t panel, size_t panels)
{
    const float *next = what->b + (panel + panels) * what->b_panel;
    size_t lines = panels * what->depth;
    size_t end = (row + TILE_ROWS) * lines / what->rows;
    for (size_t line = row * lines / what->rows; line < end; line++) {
        __builtin_prefetch(next + line * LANES, 0, 2);
    }
}

INLINE void finish_with(const product *what, const finish *last, size_t row, size_t panel,
                        size_t rows, activation act)
{
    vec bias = vec_load(last->bias + panel * LANES);
    size_t columns = last->columns - panel * LANES;
    for (size_t i = row; i < row + rows; i++) {
        float *dst = last->dst + i * last->dst_stride + panel * LANES;
        vec x = vec_load(what->c + panel * what->c_panel + i * what->c_stride);
        x = activated(vec_add(x, bias), act);
        if (last->add) {
            x = vec_add(load_some(dst, columns, 0.0f), x);
        }
        store_some(dst, columns, x);
    }
}

/* One register block at a time: its stores reach memory while the next is multiplied. */
static void finish_tile(const product *what, size_t row, size_t panel, size_t rows)
{
    const finish *last = what->last;
    switch (last->act) {
    case ACTIVATION_NONE:
        finish_with(what, last, row, panel, rows, ACTIVATION_NONE);
        break;
    case ACTIVATION_QUICK_GELU:
        finish_with(what, last, row, panel, rows, ACTIVATION_QUICK_GELU);
        break;
    case ACTIVATION_GELU_ERF:
        finish_with(what, last, row, panel, rows, ACTIVATION_GELU_ERF);
        break;
    case ACTIVATION_GELU_TANH:
        finish_with(what, last, row, panel, rows, ACTIVATION_GELU_TANH);
        break;
    }
}

INLINE void run_tile(const product *what, size_t row, size_t panel, size_t rows, size_t panels)
{
    for (size_t i = 0; what->last != NULL && i < rows; i++) {
        __builtin_prefetch(what->last->dst + (row + i) * what->last->dst_stride + panel * LANES,
                           1);
    }
    multiply_tile(what, row, panel, rows, panels);
    for (size_t j = 0; what->last != NULL && j < panels; j++) {
        finish_tile(what, row, panel + j, rows);
    }
}

/* The rows behind the last whole register block, at most 5 of them as one smaller block: each
 * block takes at least the time that a multiply-add takes to be done. */
INLINE void multiply_rest(const product *what, size_t row, size_t panel, size_t panels)
{
    for (; what->rows - row > 5; row += 4) {
        run_tile(what, row, panel, 4, panels);
    }
    switch (what->rows - row) {
    case 5:
        run_tile(what, row, panel, TILE_ROWS < 5 ? TILE_ROWS : 5, panels);
        break;
    case 4:
        run_tile(what, row, panel, 4, panels);
        break;
    case 3:
        run_tile(what, row, panel, 3, panels);
        break;
    case 2:
        run_tile(what, row, panel, 2, panels);
        break;
    case 1:
        run_tile(what, row, panel, 1, panels);
        break;
    default:
        break;
    }
}

INLINE void multiply_panels(const product *what, size_t panel, size_t panels)
{
    size_t row = 0;
    for (; row + TILE_ROWS <= what->rows; row += TILE_ROWS) {
        if (what->streams) {
            fetch_ahead(what, row, panel, panels);
        }
        run_tile(what, row, panel, TILE_ROWS, panels);
    }
    multiply_rest(what, row, panel, panels);
}

/* Rows row .. of one register block, four at a time; the last four may overlap the ones
 * before, which writes the same values twice. */
static void pack_tile(const float *src, size_t stride, size_t depth, float *dst)
{
    for (size_t i = 0; i < TILE_ROWS; i += 4) {
        size_t row = i + 4 <= TILE_ROWS ? i : TILE_ROWS - 4;
        const float *from = src + row * stride;
        size_t k = 0;
        for (; k + 4 <= depth; k += 4) {
            transpose_four(from + k, stride, dst + k * TILE_ROWS + row, TILE_ROWS);
        }
        for (; k < depth; k++) {
            for (size_t j = 0; j < 4; j++) {
                dst[k * TILE_ROWS + row + j] = from[j * stride + k];
            }
        }
    }
}

static void pack(const float *src, size_t stride, size_t rows, size_t depth, float *dst)
{
    size_t row = 0;
    for (; row + TILE_ROWS <= rows; row += TILE_ROWS) {
        pack_tile(src + row * stride, stride, depth, dst);
        dst += depth * TILE_ROWS;
    }
    for (size_t i = 0; row < rows && i < TILE_ROWS; i++) {
        for (size_t k = 0; k < depth; k++) {
            dst[k * TILE_ROWS + i] = row + i < rows ? src[(row + i) * stride + k] : 0.0f;
        }
    }
}

/* Along the rows of src, which are read once. */
static void pack_turned(const float *src, size_t stride, size_t rows, size_t depth, float *dst)
{
    size_t whole = rows / TILE_ROWS * TILE_ROWS;
    for (size_t k = 0; k < depth; k++) {
        const float *from = src + k * stride;
        float *to = dst + k * TILE_ROWS;
        for (size_t row = 0; row < whole; row += TILE_ROWS) {
            memcpy(to, from + row, TILE_ROWS * sizeof *to);
            to += depth * TILE_ROWS;
        }
        for (size_t i = 0; whole < rows && i < TILE_ROWS; i++) {
            to[i] = whole + i < rows ? from[whole + i] : 0.0f;
        }
    }
}

static void multiply(const product *what)
{
    size_t panel = 0;
    for (; panel + TILE_PANELS <= what->panels; panel += TILE_PANELS) {
        multiply_panels(what, panel, TILE_PANELS);
    }
    for (; panel < what->panels; panel++) {
        multiply_panels(what, panel, 1);
    }
}

#include "nn/convolve_body.h"
#include "nn/double_body.h"
#include "nn/winograd_body.h"

/* ---- softmax ---------------------------------------------------------------------------- */

static float largest_of(const float *row, size_t width)
{
    vec most = vec_set(-INFINITY);
    for (size_t i = 0; i < width; i += LANES) {
        most = vec_max(most, load_some(row + i, width - i, -INFINITY));
    }
    return vec_largest(most);
}

/* row[i] = e^(row[i] - peak) for i < width, 0 up to the end of the last vector; returns the
 * sum. */
static float exp_row(float *row, size_t width, float peak)
{
    vec total = vec_set(0.0f);
    vec shift = vec_set(peak);
    for (size_t i = 0; i < width; i += LANES) {
        vec x = vec_exp(vec_sub(load_some(row + i, width - i, -INFINITY), shift));
        vec_store(row + i, x);
        total = vec_add(total, x);
    }
    return vec_sum(total);
}

static float exp_one(float x)
{
    float lanes[LANES];
    vec_store(lanes, vec_exp(vec_set(x)));
    return lanes[0];
}

static void clear_row(float *row, size_t from, size_t width)
{
    if (from < width) {
        memset(row + from, 0, (width - from) * sizeof *row);
    }
}

/* How many keys of the block row `row` sees. */
INLINE size_t keys_seen(const softmax_step *what, size_t row)
{
    size_t reach = what->query + row + 1;
    if (!what->causal || reach >= what->key + what->keys) {
        return what->keys;
    }
    return reach > what->key ? reach - what->key : 0;
}

static void run_softmax_step(const softmax_step *what)
{
    for (size_t row = 0; row < what->rows; row++) {
        float *scores = what->scores + row * what->stride;
        size_t seen = keys_seen(what, row);
        float before = what->key == 0 ? -INFINITY : what->peak[row];
        float peak = largest_of(scores, seen);
        peak = peak > before ? peak : before;
        float sum = exp_row(scores, seen, peak);
        clear_row(scores, seen, what->keys);
        what->peak[row] = peak;
        what->rescale[row] = what->key == 0 ? 0.0f : exp_one(before - peak);
        what->total[row] = what->key == 0 ? sum : what->total[row] * what->rescale[row] + sum;
    }
}

static void scale_panel(float *values, size_t rows, const float *factors)
{
    for (size_t row = 0; row < rows; row++) {
        float *at = values + row * LANES;
        vec_store(at, vec_mul(vec_load(at), vec_set(factors[row])));
    }
}

/* exp_row for a row whose last vector may not be written whole. */
static void softmax_row(float *row, size_t width)
{
    vec shift = vec_set(largest_of(row, width));
    vec total = vec_set(0.0f);
    for (size_t i = 0; i < width; i += LANES) {
        vec x = vec_exp(vec_sub(load_some(row + i, width - i, -INFINITY), shift));
        store_some(row + i, width - i, x);
        total = vec_add(total, x);
    }
    vec divisor = vec_set(vec_sum(total));
    for (size_t i = 0; i < width; i += LANES) {
        store_some(row + i, width - i, vec_div(load_some(row + i, width - i, 0.0f), divisor));
    }
}

/* ---- rows ------------------------------------------------------------------------------- */

static void activate_row(float *row, size_t width, activation act)
{
    for (size_t i = 0; i < width; i += LANES) {
        store_some(row + i, width - i, activated(load_some(row + i, width - i, 0.0f), act));
    }
}

static float sum_of(const float *src, size_t width)
{
    vec total = vec_set(0.0f);
    for (size_t i = 0; i < width; i += LANES) {
        total = vec_add(total, load_some(src + i, width - i, 0.0f));
    }
    return vec_sum(total);
}

/* Sum of (src - centre)^2. */
static float squares_of(const float *src, size_t width, float centre)
{
    vec total = vec_set(0.0f);
    vec shift = vec_set(centre);
    for (size_t i = 0; i < width; i += LANES) {
        vec x = vec_sub(load_some(src + i, width - i, centre), shift);
        total = vec_fma(x, x, total);
    }
    return vec_sum(total);
}

static void layer_norm_row(const float *src, size_t width, const float *weight,
                           const float *bias, float eps, float *dst)
{
    float mean = sum_of(src, width) / (float)width;
    float variance = squares_of(src, width, mean) / (float)width;
    vec scale = vec_set(1.0f / sqrtf(variance + eps));
    vec shift = vec_set(mean);
    for (size_t i = 0; i < width; i += LANES) {
        size_t count = width - i;
        vec x = vec_mul(vec_sub(load_some(src + i, count, 0.0f), shift), scale);
        x = vec_fma(x, load_some(weight + i, count, 0.0f), load_some(bias + i, count, 0.0f));
        store_some(dst + i, count, x);
    }
}

static void l2_row(const float *src, size_t width, float eps, float *dst)
{
    vec divisor = vec_set(sqrtf(squares_of(src, width, 0.0f)) + eps);
    for (size_t i = 0; i < width; i += LANES) {
        store_some(dst + i, width - i, vec_div(load_some(src + i, width - i, 0.0f), divisor));
    }
}

/* ---- dot products ------------------------------------------------------------------------ */

/* sum[i][j] += a[i][k..] b[j][k..] over one vector, of which `count` lanes count. */
INLINE void dot_step(const dot_rows *what, const float *a, const float *b, size_t count,
                     size_t rows, size_t columns, vec sum[DOT_ROWS][DOT_COLUMNS])
{
    vec right[DOT_COLUMNS];
    UNROLL for (size_t j = 0; j < columns; j++)
    {
        right[j] = load_some(b + j * what->b_stride, count, 0.0f);
    }
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        vec left = load_some(a + i * what->a_stride, count, 0.0f);
        UNROLL for (size_t j = 0; j < columns; j++)
        {
            sum[i][j] = vec_fma(left, right[j], sum[i][j]);
        }
    }
}

/* `rows` x `columns` products of consecutive rows of a and b, both constant where inlined. */
INLINE void dot_tile(const dot_rows *what, size_t row, size_t column, size_t rows,
                     size_t columns)
{
    vec sum[DOT_ROWS][DOT_COLUMNS];
    const float *a = what->a + row * what->a_stride;
    const float *b = what->b + column * what->b_stride;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < columns; j++)
        {
            sum[i][j] = vec_set(0.0f);
        }
    }
    size_t k = 0;
    for (; k + LANES <= what->width; k += LANES) {
        dot_step(what, a + k, b + k, LANES, rows, columns, sum);
    }
    if (k < what->width) {
        dot_step(what, a + k, b + k, what->width - k, rows, columns, sum);
    }
    float *dst = what->dst + row * what->dst_stride + column;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < columns; j++)
        {
            dst[i * what->dst_stride + j] = vec_sum(sum[i][j]);
        }
    }
}

/* `rows` rows of a against the columns from .. end - 1. */
INLINE void dot_columns(const dot_rows *what, size_t row, size_t rows, size_t from, size_t end)
{
    size_t column = from;
    for (; column + DOT_COLUMNS <= end; column += DOT_COLUMNS) {
        dot_tile(what, row, column, rows, DOT_COLUMNS);
    }
    for (; column < end; column++) {
        dot_tile(what, row, column, rows, 1);
    }
}

/* A few rows of b stay in the first-level cache while they meet all rows of a. */
static void dot(const dot_rows *what)
{
    const size_t block = 4 * DOT_COLUMNS;
    for (size_t from = 0; from < what->b_rows; from += block) {
        size_t end = what->b_rows - from < block ? what->b_rows : from + block;
        size_t row = 0;
        for (; row + DOT_ROWS <= what->a_rows; row += DOT_ROWS) {
            dot_columns(what, row, DOT_ROWS, from, end);
        }
        for (; row < what->a_rows; row++) {
            dot_columns(what, row, 1, from, end);
        }
    }
}

const kernel KERNEL_TABLE = {
    .name = KERNEL_NAME,
    .tile_rows = TILE_ROWS,
    .tile_panels = TILE_PANELS,
    .pack = pack,
    .pack_turned = pack_turned,
    .multiply = multiply,
    .convolve = convolve,
    .multiply_double = multiply_double,
    .winograd_gather = winograd_gather,
    .winograd_scatter = winograd_scatter,
    .softmax_step = run_softmax_step,
    .scale_panel = scale_panel,
    .softmax_row = softmax_row,
    .activate_row = activate_row,
    .layer_norm_row = layer_norm_row,
    .l2_row = l2_row,
    .dot = dot,
};
