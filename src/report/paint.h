/*
 * paint.h - rectangles, frames, labels and pictures put on a picture.
 */
#ifndef REPORT_PAINT_H
#define REPORT_PAINT_H

#include "io/image.h"
#include "report/glyphs.h"

typedef struct colour {
    unsigned char red, green, blue;
} colour;

/* The whole part of value, cut to 0 .. high. */
size_t paint_clip(double value, size_t high);

/* A rectangle in whole pixels, half-open, clipped to the picture. */
typedef struct area {
    size_t left, top, right, bottom;
} area;

/* Outwards to whole pixels. */
area area_make(const image *on, double left, double top, double right, double bottom);
void area_fill(image *on, area where, colour paint);

/* The border of a box (xmin, ymin, xmax, ymax), `thick` pixels wide, inside it. */
void paint_frame(image *on, const float box[4], double thick, colour paint);

/* Printable ASCII in squares of `scale` pixels; a character advances paint_step(scale). */
size_t paint_step(size_t scale);
void paint_text(image *on, const char *text, size_t left, size_t top, size_t scale, colour ink);

/* src at (left, top); what reaches beyond the picture is cut. */
void paint_picture(image *on, const image *src, size_t left, size_t top);

/* A new picture of one colour. */
spur_status paint_new(size_t width, size_t height, colour paint, image *out,
                      spur_error *error) SPUR_MUST_USE;

#endif
