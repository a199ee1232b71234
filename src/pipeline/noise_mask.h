/*
 * noise_mask.h - where the object is on a classifier's input: its boxes, or a picture of it.
 */
#ifndef PIPELINE_NOISE_MASK_H
#define PIPELINE_NOISE_MASK_H

#include "models/preprocess.h"

typedef struct noise_boxes {
    const float (*boxes)[4]; /* xmin, ymin, xmax, ymax in pixels of a picture */
    size_t count;
} noise_boxes;

/* mask[recipe->height, recipe->width] = 1 where a sample's centre, mapped back through crop and
 * resize, lies inside one of the boxes (xmin <= x < xmax, clipped to the width x height
 * picture), else 0. *inside = number of ones. */
spur_status noise_mask_boxes(const preprocess *recipe, size_t width, size_t height,
                             const noise_boxes *boxes, unsigned char *mask, size_t *inside,
                             spur_error *error) SPUR_MUST_USE;

/* The same from a picture of the same size: inside where the pixel under the sample's centre is
 * not black. SPUR_IMAGE when it has another size. */
spur_status noise_mask_picture(const preprocess *recipe, size_t width, size_t height,
                               const image *objects, unsigned char *mask, size_t *inside,
                               spur_error *error) SPUR_MUST_USE;

/* ROOT/NAME with its ending replaced by .png; free with memory_free. SPUR_USAGE for a name that
 * is not relative. */
spur_status noise_mask_path(const char *root, const char *file_name, char **out,
                            spur_error *error) SPUR_MUST_USE;

#endif
