/*
 * picture.c - reading, hashing and decoding one image file.
 */
#include "pipeline/picture.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"

#define PICTURE_MAX_BYTES ((uint64_t)1 << 30)
#define LARGE_PIXELS ((uint64_t)24 * 1000 * 1000)

struct picture_gate {
    pthread_mutex_t large;
};

spur_status picture_gate_new(picture_gate **out, spur_error *error)
{
    picture_gate *made = NULL;
    spur_status status = memory_new(1, sizeof *made, &made, error);
    if (status == SPUR_OK) {
        (void)pthread_mutex_init(&made->large, NULL);
        *out = made;
    }
    return status;
}

void picture_gate_free(picture_gate *block)
{
    if (block != NULL) {
        (void)pthread_mutex_destroy(&block->large);
        memory_free(block);
    }
}

static bool is_large(const image_info *info)
{
    return info->width > 0 && info->height > LARGE_PIXELS / info->width;
}

/* The first attempt refuses large images before memory is taken; they are decoded when no
 * other large one is in memory. */
static spur_status decode(picture_gate *gate, const unsigned char *bytes, size_t size,
                          const spur_image_options *options, picture *out, spur_error *error)
{
    spur_image_options modest = *options;
    if (modest.max_pixels > LARGE_PIXELS) {
        modest.max_pixels = LARGE_PIXELS;
    }
    spur_status status = image_decode(bytes, size, &modest, &out->pixels, &out->info, error);
    if (status == SPUR_IMAGE && options->max_pixels > LARGE_PIXELS && is_large(&out->info)) {
        (void)pthread_mutex_lock(&gate->large);
        out->holds_gate = true;
        status = image_decode(bytes, size, options, &out->pixels, &out->info, error);
    }
    return status;
}

/* The middle of the picture, in its own memory. */
static spur_status cut_border(image *block, size_t border, spur_error *error)
{
    if (block->width <= 2 * border || block->height <= 2 * border) {
        return error_set(error, SPUR_IMAGE,
                         "%zu x %zu pixels: nothing is left without a border of %zu",
                         block->width, block->height, border);
    }
    size_t row = 3 * block->width, width = block->width - 2 * border;
    block->height -= 2 * border;
    for (size_t y = 0; y < block->height; y++) {
        memmove(block->pixels + y * 3 * width, block->pixels + (y + border) * row + 3 * border,
                3 * width);
    }
    block->width = width;
    return SPUR_OK;
}

spur_status picture_load(picture_gate *gate, const char *path,
                         const spur_image_options *options, picture *out, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    TRY(file_load(path, PICTURE_MAX_BYTES, SPUR_IMAGE, &bytes, &size, error));
    TRY(digest_of(bytes, size, out->digest, error));
    out->has_digest = true;
    TRY(decode(gate, bytes, size, options, out, error));
    TRY(options->border == 0 ? SPUR_OK : cut_border(&out->pixels, options->border, error));
done:
    memory_free(bytes);
    return status;
}

void picture_free(picture_gate *gate, picture *block)
{
    image_free(&block->pixels);
    if (block->holds_gate) {
        (void)pthread_mutex_unlock(&gate->large);
    }
    memset(block, 0, sizeof *block);
}
