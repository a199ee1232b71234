/*
 * fuzz_image.c - any bytes as an image file, with the options that change the path through the
 * decoders. Pixels are capped so that a run is about parsing, and every pixel is read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "io/image.h"

enum {
    PIXEL_LIMIT = 1 << 16
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    spur_image_options options;
    spur_image_options_defaults(&options);
    options.max_pixels = PIXEL_LIMIT;
    if (size > 0) { /* the last byte is outside every format's meaning */
        uint8_t choice = data[size - 1];
        options.orientation =
            (choice & 1) != 0 ? SPUR_ORIENTATION_APPLY : SPUR_ORIENTATION_IGNORE;
        options.alpha = (choice & 2) != 0 ? SPUR_ALPHA_WHITE : SPUR_ALPHA_DROP;
        options.allow_truncated = (choice & 4) != 0;
        options.pillow_compat = (choice & 8) != 0;
    }
    image picture = {0};
    image_info info;
    spur_error error;
    if (image_decode(data, size, &options, &picture, &info, &error) == SPUR_OK) {
        unsigned sum = 0;
        for (size_t i = 0; i < picture.width * picture.height * 3; i++) {
            sum += picture.pixels[i];
        }
        if (sum == UINT32_MAX || info.orientation < 1 || info.orientation > 8 ||
            picture.width * picture.height > PIXEL_LIMIT) {
            abort();
        }
        image_free(&picture);
    }
    return 0;
}
