/*
 * noise_mask.c - boxes through resize and crop: rows and columns apart, for both are one range;
 * and the pixels under the input's samples.
 */
#include "pipeline/noise_mask.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"

enum {
    CHANNELS = 3
};

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

/* Where the centre of sample i lies, in pixels of the picture. */
static double centre_of(const axis *along, size_t i)
{
    double scale = (double)along->n / (double)along->resized;
    return ((double)((ptrdiff_t)i + along->offset) + 0.5) * scale;
}

static range covered(const axis *along)
{
    double low = clip(along->low, along->n);
    double high = clip(along->high, along->n);
    range found = {0, 0};
    for (size_t i = 0; i < along->count; i++) {
        double centre = centre_of(along, i);
        if (centre >= low && centre < high) {
            found.first = found.last == 0 ? i : found.first;
            found.last = i + 1;
        }
    }
    return found;
}

static size_t count_ones(const unsigned char *mask, size_t area)
{
    size_t count = 0;
    for (size_t i = 0; i < area; i++) {
        count += mask[i];
    }
    return count;
}

spur_status noise_mask_boxes(const preprocess *recipe, size_t width, size_t height,
                             const noise_boxes *boxes, unsigned char *mask, size_t *inside,
                             spur_error *error)
{
    spur_status status;
    preprocess_window window;
    TRY(preprocess_locate(recipe, width, height, &window, error));
    memset(mask, 0, recipe->width * recipe->height);
    for (size_t i = 0; i < boxes->count; i++) {
        const float *box = boxes->boxes[i];
        const axis across = {recipe->width, width,          window.width,
                             window.left,   (double)box[0], (double)box[2]};
        const axis down = {recipe->height, height,         window.height,
                           window.top,     (double)box[1], (double)box[3]};
        range columns = covered(&across);
        range rows = covered(&down);
        for (size_t y = rows.first; y < rows.last; y++) {
            memset(mask + y * recipe->width + columns.first, 1, columns.last - columns.first);
        }
    }
    *inside = count_ones(mask, recipe->width * recipe->height);
done:
    return status;
}

/* Pixel under sample i, or `n` where there is none. */
static size_t pixel_under(const axis *along, size_t i)
{
    double centre = centre_of(along, i);
    return centre >= 0.0 && centre < (double)along->n ? (size_t)centre : along->n;
}

static bool is_object(const image *objects, size_t x, size_t y)
{
    const unsigned char *pixel = objects->pixels + (y * objects->width + x) * CHANNELS;
    return (pixel[0] | pixel[1] | pixel[2]) != 0;
}

spur_status noise_mask_picture(const preprocess *recipe, size_t width, size_t height,
                               const image *objects, unsigned char *mask, size_t *inside,
                               spur_error *error)
{
    spur_status status;
    preprocess_window window;
    size_t count = 0;
    TRY(preprocess_locate(recipe, width, height, &window, error));
    if (objects->width != width || objects->height != height) {
        FAIL(SPUR_IMAGE, "its mask is %zux%zu, the picture %zux%zu", objects->width,
             objects->height, width, height);
    }
    const axis across = {recipe->width, width, window.width, window.left, 0.0, 0.0};
    const axis down = {recipe->height, height, window.height, window.top, 0.0, 0.0};
    for (size_t i = 0; i < recipe->height; i++) {
        size_t y = pixel_under(&down, i);
        for (size_t j = 0; j < recipe->width; j++) {
            size_t x = pixel_under(&across, j);
            bool is_inside = x < width && y < height && is_object(objects, x, y);
            mask[i * recipe->width + j] = is_inside ? 1 : 0;
            count += is_inside;
        }
    }
    *inside = count;
done:
    return status;
}

spur_status noise_mask_path(const char *root, const char *file_name, char **out,
                            spur_error *error)
{
    spur_status status;
    text_buffer name = {NULL, 0, 0};
    const char *slash = strrchr(file_name, '/');
    const char *dot = strrchr(slash == NULL ? file_name : slash, '.');
    size_t length = dot == NULL ? strlen(file_name) : (size_t)(dot - file_name);
    if (file_name[0] == '/') {
        FAIL(SPUR_USAGE, "%s: masks are found by relative names, this one is absolute",
             file_name);
    }
    TRY(text_add(&name, file_name, length, error));
    TRY(text_add(&name, ".png", 4, error));
    TRY(file_join(root, name.data, out, error));
done:
    text_buffer_free(&name);
    return status;
}
