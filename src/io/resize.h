/*
 * resize.h - Pillow's 8-bit resampling, bit for bit.
 *
 * Two passes with an 8-bit intermediate, coefficients in 22-bit fixed point (models.md, the
 * formulas are in resize.c). The order of the passes is a choice: horizontal first (Pillow up
 * to 12 and torchvision) or the rule of Pillow 13.
 */
#ifndef IO_RESIZE_H
#define IO_RESIZE_H

#include "io/image.h"

typedef enum resize_filter { /* the values are PIL's resample codes */
    RESIZE_NEAREST = 0,
    RESIZE_LANCZOS = 1,
    RESIZE_BILINEAR = 2,
    RESIZE_BICUBIC = 3,
    RESIZE_BOX = 4,
    RESIZE_HAMMING = 5
} resize_filter;

/* A new image of width x height (both > 0); the same size is a copy. */
spur_status image_resize(const image *src, size_t width, size_t height, resize_filter filter,
                         spur_resize_order order, image *out, spur_error *error) SPUR_MUST_USE;

/* A part of a picture resized to width x height: window_width x window_height pixels from
 * column left, row top. Equal to cutting it out of the whole, but nothing else is computed:
 * a centre crop of a very long picture costs no more than of a square one. */
typedef struct resize_request {
    size_t width, height;
    resize_filter filter;
    spur_resize_order order;
    size_t left, top, window_width, window_height; /* inside width x height, not empty */
} resize_request;

spur_status image_resize_window(const image *src, const resize_request *request, image *out,
                                spur_error *error) SPUR_MUST_USE;

#endif
