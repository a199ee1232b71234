/*
 * paint.c - drawing on pictures; everything is clipped, nothing can fail but memory.
 */
#include "report/paint.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

size_t paint_clip(double value, size_t high)
{
    return value <= 0 ? 0 : value >= (double)high ? high : (size_t)value;
}

area area_make(const image *on, double left, double top, double right, double bottom)
{
    return (area){paint_clip(floor(left), on->width), paint_clip(floor(top), on->height),
                  paint_clip(ceil(right), on->width), paint_clip(ceil(bottom), on->height)};
}

void area_fill(image *on, area where, colour paint)
{
    for (size_t y = where.top; y < where.bottom; y++) {
        for (size_t x = where.left; x < where.right; x++) {
            unsigned char *pixel = on->pixels + 3 * (y * on->width + x);
            pixel[0] = paint.red;
            pixel[1] = paint.green;
            pixel[2] = paint.blue;
        }
    }
}

void paint_frame(image *on, const float box[4], double thick, colour paint)
{
    double left = (double)box[0], top = (double)box[1];
    double right = (double)box[2], bottom = (double)box[3];
    area_fill(on, area_make(on, left, top, right, top + thick), paint);
    area_fill(on, area_make(on, left, bottom - thick, right, bottom), paint);
    area_fill(on, area_make(on, left, top, left + thick, bottom), paint);
    area_fill(on, area_make(on, right - thick, top, right, bottom), paint);
}

static void paint_glyph(image *on, char character, size_t left, size_t top, size_t scale,
                        colour ink)
{
    const unsigned char *columns = glyph_columns(character);
    for (size_t i = 0; i < (size_t)GLYPH_WIDTH * GLYPH_HEIGHT; i++) {
        size_t column = i / GLYPH_HEIGHT, row = i % GLYPH_HEIGHT;
        if ((columns[column] >> row & 1) != 0) {
            double x = (double)(left + column * scale), y = (double)(top + row * scale);
            area_fill(on, area_make(on, x, y, x + (double)scale, y + (double)scale), ink);
        }
    }
}

size_t paint_step(size_t scale)
{
    return (GLYPH_WIDTH + 1) * scale;
}

void paint_text(image *on, const char *text, size_t left, size_t top, size_t scale, colour ink)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        paint_glyph(on, text[i], left + i * paint_step(scale), top, scale, ink);
    }
}

void paint_picture(image *on, const image *src, size_t left, size_t top)
{
    if (left >= on->width) {
        return;
    }
    size_t width = src->width < on->width - left ? src->width : on->width - left;
    for (size_t y = 0; y < src->height && top + y < on->height; y++) {
        memcpy(on->pixels + 3 * ((top + y) * on->width + left),
               src->pixels + 3 * y * src->width, 3 * width);
    }
}

spur_status paint_new(size_t width, size_t height, colour paint, image *out, spur_error *error)
{
    spur_status status;
    size_t pixels;
    image made = {width, height, NULL};
    if (!size_mul(width, height, &pixels)) {
        FAIL(SPUR_RESOURCE, "a picture of %zu x %zu pixels is too large", width, height);
    }
    TRY(memory_new(pixels, 3, &made.pixels, error));
    area_fill(&made, (area){0, 0, width, height}, paint);
    *out = made;
done:
    return status;
}
