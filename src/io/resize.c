/*
 * resize.c - Pillow's 8-bit resampling, bit for bit, of a whole picture or a window of it.
 *
 * One axis, n source to m output samples, filter f of support r:
 *   scale = n / m,  stretch = max(1, scale),  centre(i) = (i + 0.5) * scale,
 *   w_j = f((j - centre + 0.5) / stretch) for the samples within r * stretch of the centre,
 *   divided by their sum, then k_j = w_j * 2^22 rounded half away from zero;
 *   output = clamp((2^21 + sum p_j k_j) >> 22, 0, 255).
 * The trap: the picture between the two passes is rounded to 8 bits again, so the order of
 * the passes shows. The rounded weights are not normalised a second time.
 */
#include "io/resize.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHANNELS = 3,
    WEIGHT_BITS = 22,
    LANES = 64 /* bytes of a row blended together by the vertical pass */
};

static const double PI = 3.14159265358979323846;

/* ---- filters ---------------------------------------------------------------------------- */

static double filter_box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double filter_bilinear(double x)
{
    double t = fabs(x);
    return t < 1.0 ? 1.0 - t : 0.0;
}

static double filter_hamming(double x)
{
    double t = fabs(x);
    if (t == 0.0) {
        return 1.0;
    }
    if (t >= 1.0) {
        return 0.0;
    }
    t *= PI;
    return sin(t) / t * (0.54 + 0.46 * cos(t));
}

static double filter_bicubic(double x)
{
    const double a = -0.5;
    double t = fabs(x);
    if (t < 1.0) {
        return ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0;
    }
    return t < 2.0 ? (((t - 5.0) * t + 8.0) * t - 4.0) * a : 0.0;
}

static double sinc(double x)
{
    return x == 0.0 ? 1.0 : sin(x * PI) / (x * PI);
}

static double filter_lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

typedef struct filter_kind {
    double (*weight)(double x);
    double support;
} filter_kind;

/* Indexed by resize_filter; nearest has its own path. */
static const filter_kind FILTERS[] = {
    [RESIZE_NEAREST] = {filter_box, 0.5},       [RESIZE_LANCZOS] = {filter_lanczos, 3.0},
    [RESIZE_BILINEAR] = {filter_bilinear, 1.0}, [RESIZE_BICUBIC] = {filter_bicubic, 2.0},
    [RESIZE_BOX] = {filter_box, 0.5},           [RESIZE_HAMMING] = {filter_hamming, 1.0},
};

/* ---- weights of one axis ---------------------------------------------------------------- */

/* Output i of the window is made of taps[i] source samples from first[i] on, with the
 * weights at weights + i * stride. first is increasing. */
typedef struct axis {
    size_t count, stride;
    size_t *first, *taps;
    int32_t *weights;
} axis;

/* A source axis of n samples resized to m, of which the window needs count from start. */
typedef struct axis_span {
    size_t n, m, start, count;
} axis_span;

static void axis_free(axis *block)
{
    memory_free(block->first);
    memory_free(block->taps);
    memory_free(block->weights);
    *block = (axis){0};
}

static int32_t weight_to_fixed(double weight)
{
    double scaled = weight * (double)(1 << WEIGHT_BITS);
    return (int32_t)(weight < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

/* Truncates towards zero into [0, n]. */
static size_t clamp_index(double at, size_t n)
{
    if (at <= 0.0) {
        return 0;
    }
    return at >= (double)n ? n : (size_t)at;
}

/* Fills output `slot` of the axis; scratch holds axis->stride doubles. */
static void axis_fill(axis *into, size_t slot, axis_span span, const filter_kind *filter,
                      double *scratch)
{
    double scale = (double)span.n / (double)span.m;
    double stretch = scale > 1.0 ? scale : 1.0;
    double reach = filter->support * stretch;
    double per_step = 1.0 / stretch;
    double centre = ((double)(span.start + slot) + 0.5) * scale;
    size_t low = clamp_index(centre - reach + 0.5, span.n);
    size_t high = clamp_index(centre + reach + 0.5, span.n);
    size_t taps = high - low;
    assert(low <= high && taps <= into->stride);
    double sum = 0.0;
    for (size_t j = 0; j < taps; j++) {
        scratch[j] = filter->weight(((double)(j + low) - centre + 0.5) * per_step);
        sum += scratch[j];
    }
    int32_t *weights = into->weights + slot * into->stride;
    for (size_t j = 0; j < taps; j++) {
        weights[j] = weight_to_fixed(sum != 0.0 ? scratch[j] / sum : scratch[j]);
    }
    into->first[slot] = low;
    into->taps[slot] = taps;
}

static spur_status axis_allocate(axis *into, size_t count, size_t stride, spur_error *error)
{
    spur_status status;
    size_t cells;
    into->count = count;
    into->stride = stride;
    if (!size_mul(count, stride, &cells)) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new(count, sizeof(size_t), &into->first, error));
    TRY(memory_new(count, sizeof(size_t), &into->taps, error));
    TRY(memory_new(cells, sizeof(int32_t), &into->weights, error));
done:
    return status;
}

/* An unchanged axis: every output is its source sample. */
static spur_status axis_identity(axis *into, axis_span span, spur_error *error)
{
    spur_status status = axis_allocate(into, span.count, 1, error);
    for (size_t i = 0; status == SPUR_OK && i < span.count; i++) {
        into->first[i] = span.start + i;
        into->taps[i] = 1;
        into->weights[i] = 1 << WEIGHT_BITS;
    }
    return status;
}

static spur_status axis_make(axis *into, axis_span span, resize_filter filter,
                             spur_error *error)
{
    spur_status status;
    double *scratch = NULL;
    *into = (axis){0};
    if (span.n == span.m) {
        return axis_identity(into, span, error);
    }
    const filter_kind *kind = &FILTERS[filter];
    double scale = (double)span.n / (double)span.m;
    double reach = kind->support * (scale > 1.0 ? scale : 1.0);
    TRY(axis_allocate(into, span.count, 2 * (size_t)ceil(reach) + 1, error));
    TRY(memory_new(into->stride, sizeof(double), &scratch, error));
    for (size_t i = 0; i < span.count; i++) {
        axis_fill(into, i, span, kind, scratch);
    }
done:
    memory_free(scratch);
    return status;
}

static size_t axis_begin(const axis *of)
{
    return of->first[0];
}

static size_t axis_end(const axis *of)
{
    return of->first[of->count - 1] + of->taps[of->count - 1];
}

/* ---- the two passes --------------------------------------------------------------------- */

/* Rows of bytes inside some picture. */
typedef struct plane {
    unsigned char *bytes;
    size_t stride; /* bytes from row to row */
} plane;

static unsigned char to_byte(int32_t sum)
{
    int32_t value = sum >> WEIGHT_BITS;
    return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static const int32_t HALF = 1 << (WEIGHT_BITS - 1);

/* One row: src begins at source column `origin`. */
static void resize_row(const axis *along, const unsigned char *src, size_t origin,
                       unsigned char *dst)
{
    for (size_t i = 0; i < along->count; i++) {
        const unsigned char *pixel = src + (along->first[i] - origin) * CHANNELS;
        const int32_t *weights = along->weights + i * along->stride;
        int32_t red = HALF;
        int32_t green = HALF;
        int32_t blue = HALF;
        for (size_t j = 0; j < along->taps[i]; j++) {
            red += weights[j] * pixel[j * CHANNELS];
            green += weights[j] * pixel[j * CHANNELS + 1];
            blue += weights[j] * pixel[j * CHANNELS + 2];
        }
        dst[i * CHANNELS] = to_byte(red);
        dst[i * CHANNELS + 1] = to_byte(green);
        dst[i * CHANNELS + 2] = to_byte(blue);
    }
}

/* LANES bytes of an output row: a weighted sum of `taps` source rows. The fixed count lets
 * the compiler keep whole vectors of sums. */
static void blend_lanes(const unsigned char *src, size_t stride, const int32_t *weights,
                        size_t taps, unsigned char *dst)
{
    int32_t sum[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        sum[lane] = HALF;
    }
    for (size_t j = 0; j < taps; j++) {
        const unsigned char *row = src + j * stride;
        int32_t weight = weights[j];
        for (size_t lane = 0; lane < LANES; lane++) {
            sum[lane] += weight * row[lane];
        }
    }
    for (size_t lane = 0; lane < LANES; lane++) {
        dst[lane] = to_byte(sum[lane]);
    }
}

static void blend_rows(const unsigned char *src, size_t stride, size_t bytes,
                       const int32_t *weights, size_t taps, unsigned char *dst)
{
    size_t at = 0;
    for (; at + LANES <= bytes; at += LANES) {
        blend_lanes(src + at, stride, weights, taps, dst + at);
    }
    for (; at < bytes; at++) {
        int32_t sum = HALF;
        for (size_t j = 0; j < taps; j++) {
            sum += weights[j] * src[j * stride + at];
        }
        dst[at] = to_byte(sum);
    }
}

static void pass_horizontal(const axis *along, plane src, size_t origin, size_t rows, plane dst)
{
    for (size_t y = 0; y < rows; y++) {
        resize_row(along, src.bytes + y * src.stride, origin, dst.bytes + y * dst.stride);
    }
}

/* src begins at source row `origin`; every row has `bytes` bytes. */
static void pass_vertical(const axis *along, plane src, size_t origin, size_t bytes, plane dst)
{
    for (size_t i = 0; i < along->count; i++) {
        blend_rows(src.bytes + (along->first[i] - origin) * src.stride, src.stride, bytes,
                   along->weights + i * along->stride, along->taps[i],
                   dst.bytes + i * dst.stride);
    }
}

/* ---- a window of the resized picture ---------------------------------------------------- */

static bool is_vertical_first(const image *src, const resize_request *request)
{
    if (request->order != SPUR_RESIZE_PILLOW13 || request->width == src->width ||
        request->height >= src->height) {
        return false;
    }
    size_t shrink = src->height - request->height;
    return request->width >= src->width || shrink > 2 * (src->width - request->width);
}

static spur_status plane_new(size_t width, size_t rows, plane *out, spur_error *error)
{
    size_t stride;
    if (!size_mul(width, CHANNELS, &stride)) {
        return error_no_memory(error, SIZE_MAX);
    }
    out->stride = stride;
    return memory_new(rows, stride, &out->bytes, error);
}

static plane plane_of(const image *src, size_t column, size_t row)
{
    size_t stride = src->width * CHANNELS;
    return (plane){src->pixels + row * stride + column * CHANNELS, stride};
}

/* Both passes through an intermediate picture of exactly the rows (or columns) needed. */
static spur_status resample(const image *src, const axis *across, const axis *down,
                            bool vertical_first, plane dst, spur_error *error)
{
    spur_status status;
    plane between = {NULL, 0};
    size_t left = axis_begin(across);
    size_t columns = axis_end(across) - left;
    size_t top = axis_begin(down);
    size_t rows = axis_end(down) - top;
    plane source = plane_of(src, left, top);
    if (vertical_first) {
        TRY(plane_new(columns, down->count, &between, error));
        pass_vertical(down, source, top, columns * CHANNELS, between);
        pass_horizontal(across, between, left, down->count, dst);
    } else {
        TRY(plane_new(across->count, rows, &between, error));
        pass_horizontal(across, source, left, rows, between);
        pass_vertical(down, between, top, across->count * CHANNELS, dst);
    }
done:
    memory_free(between.bytes);
    return status;
}

/* Source index of each output: Pillow adds the step again and again instead of multiplying,
 * and the rounding of that sum decides which sample is nearest. */
static void nearest_index(axis_span span, size_t *index)
{
    double step = (double)span.n / (double)span.m;
    double at = step * 0.5;
    for (size_t i = 0; i < span.start + span.count; i++) {
        if (i >= span.start) {
            size_t nearest = (size_t)at;
            index[i - span.start] = nearest < span.n ? nearest : span.n - 1;
        }
        at += step;
    }
}

static spur_status take_nearest(const image *src, axis_span across, axis_span down, plane dst,
                                spur_error *error)
{
    spur_status status;
    size_t *columns = NULL;
    size_t *rows = NULL;
    TRY(memory_new(across.count, sizeof *columns, &columns, error));
    TRY(memory_new(down.count, sizeof *rows, &rows, error));
    nearest_index(across, columns);
    nearest_index(down, rows);
    for (size_t y = 0; y < down.count; y++) {
        const unsigned char *line = src->pixels + rows[y] * src->width * CHANNELS;
        unsigned char *out = dst.bytes + y * dst.stride;
        for (size_t x = 0; x < across.count; x++) {
            memcpy(out + x * CHANNELS, line + columns[x] * CHANNELS, CHANNELS);
        }
    }
done:
    memory_free(columns);
    memory_free(rows);
    return status;
}

static spur_status take_filtered(const image *src, const resize_request *request,
                                 axis_span across, axis_span down, plane dst, spur_error *error)
{
    spur_status status;
    axis horizontal = {0};
    axis vertical = {0};
    TRY(axis_make(&horizontal, across, request->filter, error));
    TRY(axis_make(&vertical, down, request->filter, error));
    TRY(resample(src, &horizontal, &vertical, is_vertical_first(src, request), dst, error));
done:
    axis_free(&horizontal);
    axis_free(&vertical);
    return status;
}

spur_status image_resize_window(const image *src, const resize_request *request, image *out,
                                spur_error *error)
{
    spur_status status;
    plane pixels = {NULL, 0};
    axis_span across = {src->width, request->width, request->left, request->window_width};
    axis_span down = {src->height, request->height, request->top, request->window_height};
    assert(src->width > 0 && src->height > 0 && across.count > 0 && down.count > 0);
    assert(across.start < across.m && across.count <= across.m - across.start);
    assert(down.start < down.m && down.count <= down.m - down.start);
    TRY(plane_new(across.count, down.count, &pixels, error));
    if (request->filter == RESIZE_NEAREST) {
        TRY(take_nearest(src, across, down, pixels, error));
    } else {
        TRY(take_filtered(src, request, across, down, pixels, error));
    }
    *out = (image){across.count, down.count, pixels.bytes};
    pixels.bytes = NULL;
done:
    memory_free(pixels.bytes);
    return status;
}

spur_status image_resize(const image *src, size_t width, size_t height, resize_filter filter,
                         spur_resize_order order, image *out, spur_error *error)
{
    resize_request request = {.width = width,
                              .height = height,
                              .filter = filter,
                              .order = order,
                              .window_width = width,
                              .window_height = height};
    return image_resize_window(src, &request, out, error);
}
