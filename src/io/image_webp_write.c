/*
 * image_webp_write.c - lossy WebP of small pictures, through libwebp's own encoder.
 *
 * One thread, fixed settings: the same pixels and library give the same bytes.
 */
#include <string.h>

#include <webp/encode.h>

#include "base/memory.h"
#include "io/image.h"

enum {
    CHANNELS = 3
};

spur_status image_encode_webp(const image *src, float quality, unsigned char **bytes,
                              size_t *size, spur_error *error)
{
    spur_status status;
    uint8_t *encoded = NULL;
    unsigned char *copy = NULL;
    if (src->width == 0 || src->height == 0 || src->width > WEBP_MAX_DIMENSION ||
        src->height > WEBP_MAX_DIMENSION) {
        return error_set(error, SPUR_IMAGE, "%zu x %zu pixels do not fit a WebP", src->width,
                         src->height);
    }
    size_t length = WebPEncodeRGB(src->pixels, (int)src->width, (int)src->height,
                                  (int)(src->width * CHANNELS), quality, &encoded);
    if (length == 0) {
        return error_set(error, SPUR_RESOURCE, "out of memory while encoding a WebP");
    }
    TRY(memory_new(length, 1, &copy, error));
    memcpy(copy, encoded, length);
    *bytes = copy;
    *size = length;
done:
    WebPFree(encoded);
    return status;
}
