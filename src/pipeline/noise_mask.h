/*
 * noise_mask.h - the winning box as a mask on a classifier's input.
 */
#ifndef PIPELINE_NOISE_MASK_H
#define PIPELINE_NOISE_MASK_H

#include "models/preprocess.h"

/* mask[recipe->height, recipe->width] = 1 where a sample's centre, mapped back through crop and
 * resize, lies inside the box (pixels of the width x height picture; xmin <= x < xmax, clipped
 * to the picture), else 0. *inside = number of ones. */
spur_status noise_mask_box(const preprocess *recipe, size_t width, size_t height,
                           const float box[4], unsigned char *mask, size_t *inside,
                           spur_error *error) SPUR_MUST_USE;

#endif
