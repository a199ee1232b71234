/*
 * zoom.c - what scikit-image's resize does in OWLv2's image processor, row by row.
 *
 * The picture, W x H, stands in the top left of a square of side M = max(W, H); the rest is
 * the pad value. Per axis, M to m samples, f = M / m:
 *   blur: sigma = max(0, (f - 1) / 2), radius = trunc(4 sigma + 0.5), weights
 *         exp(-x^2 / 2 sigma^2) to sum 1, borders mirrored (edge not repeated); down, rounded
 *         to float32, then across, rounded to float32;
 *   zoom: u = (i + 0.5) f - 0.5 mirrored into [0, M - 1], k = floor(u), t = u - k,
 *         (1 - t) v[k] + t v[k + 1]; both axes in double, rounded once.
 * Then values are clipped to the range of the padded, unblurred picture. Only the source rows
 * that an output row looks at are blurred, and only the columns it looks at; padding is never
 * computed. The square is not stored: memory is a few rows.
 */
#include "models/zoom.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHANNELS = 3,
    LEVELS = 256 /* values of a byte */
};

/* One axis: `extent` samples of which the first `data` are the picture's. */
typedef struct zoom_axis {
    size_t extent, data, count, radius;
    double *kernel; /* [2 * radius + 1] */
    size_t *low;    /* [count]: the sample left of (above) each output */
    double *share;  /* [count]: of the sample after it */
} zoom_axis;

/* A source row as outputs see it: blurred, zoomed across, in double. */
typedef struct zoom_line {
    size_t row;     /* SIZE_MAX: none yet */
    double *values; /* [3, width] */
} zoom_line;

typedef struct zoom {
    const image *src;
    const zoom_request *request;
    zoom_axis across, down;
    size_t reach;  /* columns of a row that are not only padding when looked at */
    size_t active; /* leading output columns that see more than padding */
    float *row;    /* [radius + reach + radius, 3]: a row blurred downwards, borders added */
    double *sums;  /* [data, 3] */
    zoom_line lines[2];
    double levels[LEVELS]; /* request->values */
    float lowest, highest;
} zoom;

/* ---- axes ------------------------------------------------------------------------------- */

/* Index of sample i of an endless row mirrored about its first and last sample. */
static size_t mirror_index(ptrdiff_t i, size_t n)
{
    if (n == 1) {
        return 0;
    }
    ptrdiff_t period = 2 * ((ptrdiff_t)n - 1);
    ptrdiff_t at = i % period;
    at += at < 0 ? period : 0;
    return (size_t)(at < (ptrdiff_t)n ? at : period - at);
}

static spur_status kernel_make(zoom_axis *axis, double sigma, spur_error *error)
{
    axis->radius = (size_t)(4.0 * sigma + 0.5);
    size_t taps = 2 * axis->radius + 1;
    spur_status status = memory_new(taps, sizeof(double), &axis->kernel, error);
    if (status != SPUR_OK) {
        return status;
    }
    double sum = 0.0;
    for (size_t i = 0; i < taps; i++) {
        double x = (double)i - (double)axis->radius;
        axis->kernel[i] = axis->radius > 0 ? exp(-0.5 / (sigma * sigma) * (x * x)) : 1.0;
        sum += axis->kernel[i];
    }
    for (size_t i = 0; i < taps; i++) {
        axis->kernel[i] /= sum;
    }
    return SPUR_OK;
}

static spur_status axis_make(zoom_axis *axis, size_t extent, size_t data, size_t count,
                             bool blur, spur_error *error)
{
    spur_status status;
    double factor = (double)extent / (double)count;
    *axis = (zoom_axis){.extent = extent, .data = data, .count = count};
    TRY(kernel_make(axis, blur && factor > 1.0 ? (factor - 1.0) / 2.0 : 0.0, error));
    TRY(memory_new(count, sizeof(size_t), &axis->low, error));
    TRY(memory_new(count, sizeof(double), &axis->share, error));
    double last = (double)(extent - 1);
    for (size_t i = 0; i < count; i++) {
        double at = ((double)i + 0.5) * factor - 0.5;
        at = at < 0.0 ? -at : at;
        at = at > last ? 2.0 * last - at : at;
        at = at < 0.0 ? 0.0 : at; /* a single sample */
        axis->low[i] = (size_t)at;
        axis->share[i] = at - (double)axis->low[i];
    }
done:
    return status;
}

static void axis_free(zoom_axis *axis)
{
    memory_free(axis->kernel);
    memory_free(axis->low);
    memory_free(axis->share);
}

/* True when a blurred sample at `at` can see the picture. */
static bool sees_data(const zoom_axis *axis, size_t at)
{
    bool near_data = at < axis->data + axis->radius;
    bool mirror_reaches_data = axis->data + axis->radius >= axis->extent;
    return near_data || mirror_reaches_data;
}

/* ---- one source row --------------------------------------------------------------------- */

/* sums += weight * value of each byte. */
static void add_row(double *sums, const unsigned char *bytes, size_t count,
                    const double values[LEVELS], double weight)
{
    for (size_t i = 0; i < count; i++) {
        sums[i] += weight * values[bytes[i]];
    }
}

static const unsigned char *source_row(const zoom *of, size_t y)
{
    return of->src->pixels + y * of->src->width * CHANNELS;
}

/* The picture's part of row y blurred downwards, into dst[data * 3]. */
static void blur_down(zoom *of, size_t y, float *dst)
{
    const zoom_axis *down = &of->down;
    size_t count = of->across.data * CHANNELS;
    double padding = 0.0;
    memset(of->sums, 0, count * sizeof *of->sums);
    for (size_t j = 0; j < 2 * down->radius + 1; j++) {
        ptrdiff_t at = (ptrdiff_t)(y + j) - (ptrdiff_t)down->radius;
        size_t row = mirror_index(at, down->extent);
        if (row < down->data) {
            add_row(of->sums, source_row(of, row), count, of->levels, down->kernel[j]);
        } else {
            padding += down->kernel[j] * (double)of->request->pad_value;
        }
    }
    for (size_t i = 0; i < count; i++) {
        dst[i] = (float)(of->sums[i] + padding);
    }
}

static void copy_row(const zoom *of, size_t y, float *dst)
{
    size_t count = of->across.data * CHANNELS;
    const unsigned char *bytes = source_row(of, y);
    for (size_t i = 0; i < count; i++) {
        dst[i] = of->request->values[bytes[i]];
    }
}

/* Fills of->row: the row's data, padding behind it as far as it is looked at, mirrored ends. */
static void fill_row(zoom *of, size_t y)
{
    size_t radius = of->across.radius;
    float *start = of->row + radius * CHANNELS;
    if (of->down.radius > 0) {
        blur_down(of, y, start);
    } else {
        copy_row(of, y, start);
    }
    for (size_t i = of->across.data * CHANNELS; i < of->reach * CHANNELS; i++) {
        start[i] = of->request->pad_value;
    }
    for (size_t i = 0; i < radius; i++) {
        size_t before = mirror_index(-(ptrdiff_t)(i + 1), of->across.extent);
        size_t after = mirror_index((ptrdiff_t)(of->reach + i), of->across.extent);
        for (size_t c = 0; c < CHANNELS; c++) {
            float pad = of->request->pad_value;
            start[-(ptrdiff_t)((i + 1) * CHANNELS) + (ptrdiff_t)c] =
                before < of->reach ? start[before * CHANNELS + c] : pad;
            start[(of->reach + i) * CHANNELS + c] =
                after < of->reach ? start[after * CHANNELS + c] : pad;
        }
    }
}

/* Three channels of column x blurred across. */
static void blur_across(const zoom *of, size_t x, float out[CHANNELS])
{
    const float *first = of->row + x * CHANNELS;
    size_t taps = 2 * of->across.radius + 1;
    double sums[CHANNELS] = {0.0, 0.0, 0.0};
    for (size_t j = 0; j < taps; j++) {
        for (size_t c = 0; c < CHANNELS; c++) {
            sums[c] += of->across.kernel[j] * (double)first[j * CHANNELS + c];
        }
    }
    for (size_t c = 0; c < CHANNELS; c++) {
        out[c] = (float)sums[c];
    }
}

static void fill_line(zoom *of, size_t y, zoom_line *line)
{
    const zoom_axis *across = &of->across;
    size_t width = across->count;
    line->row = y;
    for (size_t i = 0; i < width * CHANNELS; i++) {
        line->values[i] = (double)of->request->pad_value;
    }
    if (!sees_data(&of->down, y)) {
        return;
    }
    fill_row(of, y);
    float low[CHANNELS];
    float high[CHANNELS];
    size_t known = SIZE_MAX; /* the column in `high` */
    for (size_t x = 0; x < of->active; x++) {
        size_t next = across->low[x] + 1 < across->extent ? across->low[x] + 1 : across->low[x];
        double share = across->share[x];
        if (across->low[x] == known) {
            memcpy(low, high, sizeof low);
        } else {
            blur_across(of, across->low[x], low);
        }
        blur_across(of, next, high);
        known = next;
        for (size_t c = 0; c < CHANNELS; c++) {
            line->values[c * width + x] =
                (1.0 - share) * (double)low[c] + share * (double)high[c];
        }
    }
}

/* The line of a source row; two are kept, the one that is not `keep` is replaced. */
static const double *line_of(zoom *of, size_t y, size_t keep)
{
    for (size_t i = 0; i < 2; i++) {
        if (of->lines[i].row == y) {
            return of->lines[i].values;
        }
    }
    zoom_line *line = &of->lines[of->lines[0].row == keep ? 1 : 0];
    fill_line(of, y, line);
    return line->values;
}

/* ---- the picture ------------------------------------------------------------------------ */

static float clip(double value, float lowest, float highest)
{
    float v = (float)value;
    return v < lowest ? lowest : v > highest ? highest : v;
}

static void zoom_row(zoom *of, size_t i, float *planes)
{
    const zoom_axis *down = &of->down;
    size_t width = of->across.count;
    size_t low = down->low[i];
    size_t high = low + 1 < down->extent ? low + 1 : low;
    double share = down->share[i];
    const double *above = line_of(of, low, high);
    const double *below = line_of(of, high, low);
    for (size_t c = 0; c < CHANNELS; c++) {
        float *dst = planes + (c * down->count + i) * width;
        for (size_t x = 0; x < width; x++) {
            double value = (1.0 - share) * above[c * width + x] + share * below[c * width + x];
            dst[x] = clip(value, of->lowest, of->highest);
        }
    }
}

/* Smallest and largest value of the padded picture. */
static void find_range(zoom *of)
{
    const image *src = of->src;
    unsigned char lowest = 255;
    unsigned char highest = 0;
    size_t count = src->width * src->height * CHANNELS;
    for (size_t i = 0; i < count; i++) {
        lowest = src->pixels[i] < lowest ? src->pixels[i] : lowest;
        highest = src->pixels[i] > highest ? src->pixels[i] : highest;
    }
    of->lowest = of->request->values[lowest];
    of->highest = of->request->values[highest];
    if (src->width != src->height) {
        of->lowest = fminf(of->lowest, of->request->pad_value);
        of->highest = fmaxf(of->highest, of->request->pad_value);
    }
}

/* How much of a row matters: output columns over nothing but padding are left alone. */
static void find_reach(zoom *of)
{
    const zoom_axis *across = &of->across;
    of->active = 0;
    of->reach = across->data;
    for (size_t x = 0; x < across->count; x++) {
        if (sees_data(across, across->low[x])) {
            of->active = x + 1;
            size_t end =
                across->low[x] + 2 < across->extent ? across->low[x] + 2 : across->extent;
            of->reach = end > of->reach ? end : of->reach;
        }
    }
}

static spur_status zoom_open(zoom *of, spur_error *error)
{
    spur_status status;
    const image *src = of->src;
    size_t extent = src->width > src->height ? src->width : src->height;
    size_t line_size;
    TRY(axis_make(&of->across, extent, src->width, of->request->width, of->request->blur,
                  error));
    TRY(axis_make(&of->down, extent, src->height, of->request->height, of->request->blur,
                  error));
    for (size_t level = 0; level < LEVELS; level++) {
        of->levels[level] = (double)of->request->values[level];
    }
    find_reach(of);
    find_range(of);
    TRY(memory_new(of->reach + 2 * of->across.radius, CHANNELS * sizeof(float), &of->row,
                   error));
    TRY(memory_new(src->width, CHANNELS * sizeof(double), &of->sums, error));
    if (!size_mul(of->request->width, CHANNELS, &line_size)) {
        FAIL(SPUR_RESOURCE, "out of memory: rows of %zu pixels", of->request->width);
    }
    for (size_t i = 0; i < 2; i++) {
        of->lines[i].row = SIZE_MAX;
        TRY(memory_new(line_size, sizeof(double), &of->lines[i].values, error));
    }
done:
    return status;
}

static void zoom_close(zoom *of)
{
    axis_free(&of->across);
    axis_free(&of->down);
    memory_free(of->row);
    memory_free(of->sums);
    memory_free(of->lines[0].values);
    memory_free(of->lines[1].values);
}

spur_status image_zoom(const image *src, const zoom_request *request, float *planes,
                       spur_error *error)
{
    zoom of = {.src = src, .request = request};
    assert(src->width > 0 && src->height > 0 && request->width > 0 && request->height > 0);
    spur_status status = zoom_open(&of, error);
    for (size_t i = 0; status == SPUR_OK && i < request->height; i++) {
        zoom_row(&of, i, planes);
    }
    zoom_close(&of);
    return status;
}
