/*
 * picture.h - from a path to pixels, within a budget that all workers share.
 */
#ifndef PIPELINE_PICTURE_H
#define PIPELINE_PICTURE_H

#include "base/digest.h"
#include "io/image.h"

/* Images above 24 million pixels are decoded one at a time: the memory of many workers stays
 * within what one large image needs. */
typedef struct picture_gate picture_gate;
spur_status picture_gate_new(picture_gate **out, spur_error *error) SPUR_MUST_USE;
void picture_gate_free(picture_gate *block);

typedef struct picture {
    image pixels;
    image_info info; /* what became known, also of a refused image */
    bool has_digest; /* the file could be read */
    unsigned char digest[DIGEST_SIZE];
    bool holds_gate;
} picture;

/* SPUR_IMAGE: the image is bad, and *out holds what is known of it. Free *out in any case. */
spur_status picture_load(picture_gate *gate, const char *path,
                         const spur_image_options *options, picture *out,
                         spur_error *error) SPUR_MUST_USE;
void picture_free(picture_gate *gate, picture *block);

#endif
