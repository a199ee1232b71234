/*
 * image_pairs.h - the images that two runs have in common.
 *
 * An image is the same in both when its id (split and file name) is; a class when its label
 * is. Images whose label differs are counted and left out.
 */
#ifndef PIPELINE_IMAGE_PAIRS_H
#define PIPELINE_IMAGE_PAIRS_H

#include "pipeline/rank.h"

/* An image of both runs; class_index and file_name are the first run's. */
typedef struct image_pair {
    const char *file_name;
    size_t class_index;
    uint64_t first_row, second_row;
    double first, second; /* logits */
} image_pair;

/* Images of one split that both runs scored, by class, then by the bytes of the file name. */
typedef struct image_pairs {
    ranking first, second; /* own the names */
    image_pair *items;
    size_t count;
    size_t *class_first; /* [class_count + 1] */
    uint64_t relabelled;
} image_pairs;

spur_status image_pairs_make(spur_run *first, spur_run *second, const char *split,
                             image_pairs *out, spur_error *error) SPUR_MUST_USE;
void image_pairs_free(image_pairs *block);

#endif
