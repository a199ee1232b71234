/*
 * zoom.h - OWLv2's resize: pad to a square, anti-aliasing Gaussian, linear zoom, in float.
 */
#ifndef MODELS_ZOOM_H
#define MODELS_ZOOM_H

#include "io/image.h"

typedef struct zoom_request {
    size_t width, height; /* of the output */
    bool blur;
    float pad_value;     /* below and right of the picture */
    const float *values; /* [256]: the float of a byte */
} zoom_request;

/* planes: [3, height, width], clipped to the range of the padded picture. */
spur_status image_zoom(const image *src, const zoom_request *request, float *planes,
                       spur_error *error) SPUR_MUST_USE;

#endif
