/*
 * noise_mask.c - a box through resize and crop: rows and columns apart, for both are one range.
 */
#include "pipeline/noise_mask.h"

#include <string.h>

/* Samples first .. last-1 of an axis. */
typedef struct range {
    size_t first, last;
} range;

/* One axis: `count` samples of the input, the first `offset` samples inside the picture resized
 * from `n` to `resized`; the box from low to high. */
typedef struct axis {
    size_t count, n, resized;
    ptrdiff_t offset;
    double low, high;
} axis;

static double clip(double value, size_t n)
{
    value = value > 0.0 ? value : 0.0;
    return value < (double)n ? value : (double)n;
}

static range covered(const axis *along)
{
    double scale = (double)along->n / (double)along->resized;
    double low = clip(along->low, along->n);
    double high = clip(along->high, along->n);
    range found = {0, 0};
    for (size_t i = 0; i < along->count; i++) {
        double centre = ((double)((ptrdiff_t)i + along->offset) + 0.5) * scale;
        if (centre >= low && centre < high) {
            found.first = found.last == 0 ? i : found.first;
            found.last = i + 1;
        }
    }
    return found;
}

spur_status noise_mask_box(const preprocess *recipe, size_t width, size_t height,
                           const float box[4], unsigned char *mask, size_t *inside,
                           spur_error *error)
{
    spur_status status;
    preprocess_window window;
    TRY(preprocess_locate(recipe, width, height, &window, error));
    const axis across = {recipe->width, width,          window.width,
                         window.left,   (double)box[0], (double)box[2]};
    const axis down = {recipe->height, height,         window.height,
                       window.top,     (double)box[1], (double)box[3]};
    range columns = covered(&across);
    range rows = covered(&down);
    size_t length = columns.last - columns.first;
    memset(mask, 0, recipe->width * recipe->height);
    for (size_t y = rows.first; y < rows.last; y++) {
        memset(mask + y * recipe->width + columns.first, 1, length);
    }
    *inside = length * (rows.last - rows.first);
done:
    return status;
}
