/*
 * compare_heads.h - one head in two runs, on the images that both judged.
 */
#ifndef PIPELINE_COMPARE_HEADS_H
#define PIPELINE_COMPARE_HEADS_H

#include "pipeline/image_pairs.h"
#include "pipeline/predictions.h"

/* Fills the numbers of *out, not its texts. difference, low, high: accuracy over images, second
 * minus first, with a 95 % interval over classes drawn with replacement; NaN without images. */
spur_status heads_compare(const image_pairs *images, size_t class_count,
                          const prediction_set *first, const prediction_set *second,
                          const spur_compare_options *options, spur_compare_head *out,
                          spur_error *error) SPUR_MUST_USE;

#endif
