/*
 * image_decoder.h - what image.c and the decoders of one format share.
 *
 * A decoder fills *info as soon as it knows, asks image_allow_size before it takes memory for
 * pixels, and gives R, G, B bytes. What alpha means is decided in one place, alpha_flatten.
 */
#ifndef IO_IMAGE_DECODER_H
#define IO_IMAGE_DECODER_H

#include <stdbool.h>

#include "io/image.h"

/* An encoded file in memory. */
typedef struct image_file {
    const unsigned char *bytes;
    size_t size;
    const spur_image_options *options;
} image_file;

spur_status jpeg_decode(const image_file *from, image *out, image_info *info,
                        spur_error *error) SPUR_MUST_USE;
spur_status png_decode(const image_file *from, image *out, image_info *info,
                       spur_error *error) SPUR_MUST_USE;
spur_status webp_decode(const image_file *from, image *out, image_info *info,
                        spur_error *error) SPUR_MUST_USE;

/* SPUR_IMAGE "image too large" when the header's size is over the limits. */
spur_status image_allow_size(const spur_image_options *options, size_t width, size_t height,
                             spur_error *error) SPUR_MUST_USE;

/* Pixels of `channels` bytes each, zeroed. */
spur_status image_allocate(size_t width, size_t height, size_t channels, unsigned char **pixels,
                           spur_error *error) SPUR_MUST_USE;

/* R, G, B, A pixels composited on white into R, G, B, in place. */
void alpha_flatten(unsigned char *pixels, size_t count);

#endif
