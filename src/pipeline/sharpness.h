/*
 * sharpness.h - how sharp the images of a split are, read again from their files.
 *
 * The picture is shrunk so that its shorter side is 256 (Pillow's bilinear; smaller ones stay),
 * y = (299 R + 587 G + 114 B) / 1000, and the figure is the population variance of y(left) +
 * y(right) + y(above) + y(below) - 4 y over all pixels that have four neighbours.
 */
#ifndef PIPELINE_SHARPNESS_H
#define PIPELINE_SHARPNESS_H

#include "io/image.h"
#include "pipeline/run.h"

/* NaN when a side is below 3. */
spur_status sharpness_of(const image *src, double *out, spur_error *error) SPUR_MUST_USE;

/* values [images of the split]; NaN where the image was not scored, cannot be read, or has
 * changed since: the monitor's log says how many. threads 0: all processors. */
spur_status sharpness_of_split(spur_run *run, const store_split *split, size_t threads,
                               const spur_monitor *monitor, double *values,
                               spur_error *error) SPUR_MUST_USE;

#endif
