/*
 * image.h - an image file to RGB bytes: format by content, limits before memory, Pillow's
 * pixels.
 *
 * Every failure of a decoder is SPUR_IMAGE with a reason for people ("truncated JPEG",
 * "image too large: 65500 x 65500, limit 178956970 pixels").
 */
#ifndef IO_IMAGE_H
#define IO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* pixels: [height, width, 3] R, G, B, row-major without padding. */
typedef struct image {
    size_t width, height;
    unsigned char *pixels;
} image;

void image_free(image *block);

typedef struct image_info {
    const char *format;   /* "JPEG", "PNG", "WebP" */
    size_t width, height; /* as stored, before orientation */
    unsigned orientation; /* EXIF 1..8; 1 when there is none */
    bool has_alpha;       /* an alpha channel or a tRNS entry */
    bool is_animated;     /* only the first frame is read */
    bool is_truncated;    /* accepted because options->allow_truncated */
    unsigned warnings;    /* libjpeg's warnings: damaged entropy data, scored all the same */
} image_info;

/* Decodes one image. options may be NULL for the defaults, info too. *out is freed with
 * image_free. *info holds what became known even when the picture is refused. */
spur_status image_decode(const unsigned char *bytes, size_t size,
                         const spur_image_options *options, image *out, image_info *info,
                         spur_error *error) SPUR_MUST_USE;

/* file_load + image_decode. */
spur_status image_load(const char *path, const spur_image_options *options, image *out,
                       image_info *info, spur_error *error) SPUR_MUST_USE;

/* Encodes a PNG; *bytes is freed with memory_free. is_quick: a quarter of the time, for noisy
 * pictures hardly larger. The same library versions give the same bytes. */
spur_status image_encode_png(const image *src, bool is_quick, unsigned char **bytes,
                             size_t *size, spur_error *error) SPUR_MUST_USE;

/* Encodes a lossy WebP, quality in [0, 100]; at most 16383 pixels a side. The same for equal
 * library versions. */
spur_status image_encode_webp(const image *src, float quality, unsigned char **bytes,
                              size_t *size, spur_error *error) SPUR_MUST_USE;

/* Writes a PNG atomically. */
spur_status image_write_png(const char *path, const image *src,
                            spur_error *error) SPUR_MUST_USE;

#endif
