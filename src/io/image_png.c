/*
 * image_png.c - PNG through libpng, text and colour chunks ignored; and writing PNG.
 *
 * The header is read here first, so that the size is checked before libpng takes memory. Only
 * IHDR, PLTE, tRNS and IDAT are given a meaning: what a zTXt or iCCP chunk would expand to is
 * never computed, and damage in a chunk without meaning does not matter. A palette picture
 * without a palette is black, as entries missing from a short palette are.
 */
#include <setjmp.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/exif.h"
#include "io/file.h"
#include "io/image_decoder.h"

enum {
    CHANNELS = 3,
    SIGNATURE_SIZE = 8,
    CHUNK_OVERHEAD = 12, /* length, name, CRC */
    HEADER_END = SIGNATURE_SIZE + CHUNK_OVERHEAD + 13,
    PART_COUNT = 3,
    CHUNK_LIMIT = 1 << 20, /* bytes of one chunk with a meaning, IDAT excepted */
    CHUNK_COUNT_LIMIT = 1000,
    TEXT_SIZE = 160
};

/* What a walk over the chunks tells before libpng looks. */
typedef struct png_facts {
    size_t width, height;
    unsigned depth, colour;
    bool has_palette, has_transparency, is_animated;
    size_t data_at; /* of the first IDAT chunk; 0 when there is none */
    orientation_source orientation;
} png_facts;

typedef struct byte_span {
    const unsigned char *bytes;
    size_t size;
} byte_span;

/* One decoding; libpng's callbacks find it through their pointers. */
typedef struct png_state {
    png_structp codec;
    png_infop info;
    jmp_buf leave;
    const image_file *from;
    const png_facts *facts;
    byte_span parts[PART_COUNT]; /* what is left to give, in order */
    size_t part;
    bool ran_dry, out_of_memory;
    char message[TEXT_SIZE];
    unsigned char *pixels;
} png_state;

/* A PLTE chunk of one black entry. */
static const unsigned char BLACK_PALETTE[] = {0x00, 0x00, 0x00, 0x03, 'P',  'L',  'T', 'E',
                                              0x00, 0x00, 0x00, 0xA7, 0x7A, 0x3D, 0xDA};

/* ---- the chunks ------------------------------------------------------------------------- */

static size_t read_u32(const unsigned char *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

static bool is_chunk(const unsigned char *chunk, const char *name)
{
    return memcmp(chunk + 4, name, 4) == 0;
}

/* An uncompressed iTXt of the XMP keyword: the packet behind language and translation. */
static void note_xmp(const unsigned char *body, size_t size, orientation_source *into)
{
    static const char keyword[18] = "XML:com.adobe.xmp";
    if (into->xmp == NULL && size > sizeof keyword + 2 &&
        memcmp(body, keyword, sizeof keyword) == 0 && body[sizeof keyword] == 0) {
        into->xmp = body + sizeof keyword + 2;
        into->xmp_size = size - sizeof keyword - 2;
    }
}

static void note_chunk(const unsigned char *chunk, size_t size, size_t at, png_facts *into)
{
    const unsigned char *body = chunk + 8;
    bool is_early = into->data_at == 0;
    if (is_chunk(chunk, "IDAT") && is_early) {
        into->data_at = at;
    } else if (is_chunk(chunk, "PLTE")) {
        into->has_palette |= is_early;
    } else if (is_chunk(chunk, "tRNS")) {
        into->has_transparency |= is_early;
    } else if (is_chunk(chunk, "acTL")) {
        into->is_animated |= is_early;
    } else if (is_chunk(chunk, "eXIf") && into->orientation.exif == NULL) {
        into->orientation.exif = body;
        into->orientation.exif_size = size;
    } else if (is_chunk(chunk, "iTXt")) {
        note_xmp(body, size, &into->orientation);
    }
}

/* Reads the header and walks the chunks as far as they go. */
static spur_status read_facts(const image_file *from, png_facts *out, spur_error *error)
{
    const unsigned char *bytes = from->bytes;
    if (from->size < HEADER_END) {
        return error_set(error, SPUR_IMAGE, "truncated PNG");
    }
    if (!is_chunk(bytes + SIGNATURE_SIZE, "IHDR")) {
        return error_set(error, SPUR_IMAGE, "corrupt PNG: its first chunk is not IHDR");
    }
    *out = (png_facts){.width = read_u32(bytes + 16),
                       .height = read_u32(bytes + 20),
                       .depth = bytes[24],
                       .colour = bytes[25]};
    size_t at = HEADER_END;
    while (from->size - at >= CHUNK_OVERHEAD && !is_chunk(bytes + at, "IEND")) {
        size_t size = read_u32(bytes + at);
        if (size > from->size - at - CHUNK_OVERHEAD) {
            if (is_chunk(bytes + at, "IDAT") && out->data_at == 0) {
                out->data_at = at;
            }
            break;
        }
        note_chunk(bytes + at, size, at, out);
        at += CHUNK_OVERHEAD + size;
    }
    return SPUR_OK;
}

static bool has_alpha(const png_facts *facts)
{
    return (facts->colour & PNG_COLOR_MASK_ALPHA) != 0 || facts->has_transparency;
}

/* ---- callbacks -------------------------------------------------------------------------- */

static void leave_on_error(png_structp codec, png_const_charp text)
{
    png_state *state = png_get_error_ptr(codec);
    text_copy(text, state->message, sizeof state->message);
    longjmp(state->leave, 1);
}

static void ignore_warning(png_structp codec, png_const_charp text)
{
    (void)codec;
    (void)text;
}

/* libpng's own message of this would be lost among others, so a flag notes it. */
static png_voidp take_memory(png_structp codec, png_alloc_size_t size)
{
    bool *out_of_memory = png_get_mem_ptr(codec);
    void *block = NULL;
    if (memory_new(size, 1, &block, NULL) != SPUR_OK) {
        *out_of_memory = true;
        return NULL;
    }
    return block;
}

static void give_memory(png_structp codec, png_voidp block)
{
    (void)codec;
    memory_free(block);
}

static void give_bytes(png_structp codec, png_bytep dst, size_t wanted)
{
    png_state *state = png_get_io_ptr(codec);
    while (wanted > 0 && state->part < PART_COUNT) {
        byte_span *part = &state->parts[state->part];
        size_t count = wanted < part->size ? wanted : part->size;
        if (count > 0) {
            memcpy(dst, part->bytes, count);
        }
        part->bytes += count;
        part->size -= count;
        dst += count;
        wanted -= count;
        state->part += part->size == 0;
    }
    if (wanted > 0) {
        state->ran_dry = true;
        png_error(codec, "end of file");
    }
}

/* ---- reading ---------------------------------------------------------------------------- */

static spur_status refuse(const png_state *state, spur_error *error)
{
    if (state->out_of_memory) {
        return error_set(error, SPUR_RESOURCE, "out of memory while decoding a PNG");
    }
    if (state->ran_dry) {
        return error_set(error, SPUR_IMAGE, "truncated PNG");
    }
    if (state->facts->data_at == 0) {
        return error_set(error, SPUR_IMAGE, "no image data");
    }
    return error_set(error, SPUR_IMAGE, "corrupt PNG: %s", state->message);
}

/* The file, with a palette put before the pixels of a palette picture that has none. */
static void state_feed(png_state *state, const image_file *from)
{
    const png_facts *facts = state->facts;
    bool is_blind = facts->colour == PNG_COLOR_TYPE_PALETTE && !facts->has_palette;
    size_t split = is_blind ? facts->data_at : 0;
    state->parts[0] = (byte_span){from->bytes, split};
    state->parts[1] = (byte_span){BLACK_PALETTE, split > 0 ? sizeof BLACK_PALETTE : 0};
    state->parts[2] = (byte_span){from->bytes + split, from->size - split};
    png_set_read_fn(state->codec, state, give_bytes);
}

/* Everything but the picture itself is skipped; the size has been checked already. */
static void set_limits(png_structp codec)
{
    png_set_keep_unknown_chunks(codec, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(codec, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(codec, CHUNK_LIMIT);
    png_set_chunk_cache_max(codec, CHUNK_COUNT_LIMIT);
}

/* Pillow keeps 16-bit grey as it is and saturates it later: asked to do the same, the samples
 * are read whole. */
static bool keeps_16_bits(const png_state *state)
{
    return state->from->options->pillow_compat && state->facts->depth == 16 &&
           state->facts->colour == PNG_COLOR_TYPE_GRAY;
}

/* Asks libpng for 8-bit R, G, B (, A) or for 16-bit grey (, alpha); returns bytes a pixel. */
static size_t set_layout(png_state *state)
{
    png_structp codec = state->codec;
    bool with_alpha =
        has_alpha(state->facts) && state->from->options->alpha == SPUR_ALPHA_WHITE;
    bool is_wide = keeps_16_bits(state);
    png_set_expand(codec);
    if (!is_wide) {
        png_set_strip_16(codec);
        png_set_gray_to_rgb(codec);
    }
    if (with_alpha) {
        png_set_add_alpha(codec, 0xFFFF, PNG_FILLER_AFTER);
    } else {
        png_set_strip_alpha(codec);
    }
    size_t channels = (is_wide ? 1u : CHANNELS) + (with_alpha ? 1u : 0u);
    return channels * (is_wide ? 2u : 1u);
}

static spur_status read_pixels(png_state *state, size_t *pixel_size, spur_error *error)
{
    spur_status status;
    size_t width = state->facts->width;
    if (setjmp(state->leave) != 0) {
        return refuse(state, error);
    }
    set_limits(state->codec);
    png_read_info(state->codec, state->info);
    *pixel_size = set_layout(state);
    int passes = png_set_interlace_handling(state->codec);
    png_read_update_info(state->codec, state->info);
    size_t row_size = png_get_rowbytes(state->codec, state->info);
    if (row_size != width * *pixel_size) {
        return error_set(error, SPUR_INTERNAL, "libpng gives rows of %zu bytes, not %zu",
                         row_size, width * *pixel_size);
    }
    TRY(image_allocate(width, state->facts->height, *pixel_size, &state->pixels, error));
    for (int pass = 0; pass < passes; pass++) {
        for (size_t y = 0; y < state->facts->height; y++) {
            png_read_row(state->codec, state->pixels + y * row_size, NULL);
        }
    }
done:
    return status;
}

/* 16-bit big-endian grey (, alpha) to R, G, B (, A): larger values saturate, as in Pillow. */
static spur_status saturate(png_state *state, size_t count, size_t pixel_size,
                            spur_error *error)
{
    size_t channels = pixel_size == 2 ? CHANNELS : CHANNELS + 1;
    unsigned char *pixels = NULL;
    spur_status status = memory_new(count, channels, &pixels, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char *src = state->pixels + i * pixel_size;
        unsigned char *dst = pixels + i * channels;
        memset(dst, src[0] != 0 ? 255 : src[1], CHANNELS);
        if (channels > CHANNELS) {
            dst[CHANNELS] = src[2];
        }
    }
    memory_free(state->pixels);
    state->pixels = pixels;
    return SPUR_OK;
}

/* Brings the pixels libpng gave to R, G, B. */
static spur_status finish_pixels(png_state *state, size_t pixel_size, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t count = state->facts->width * state->facts->height;
    bool is_wide = keeps_16_bits(state);
    if (is_wide) {
        status = saturate(state, count, pixel_size, error);
    }
    if (status == SPUR_OK && pixel_size == CHANNELS + 1) {
        alpha_flatten(state->pixels, count);
    }
    return status;
}

static spur_status state_open(png_state *state, spur_error *error)
{
    state->codec =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, state, leave_on_error, ignore_warning,
                                 &state->out_of_memory, take_memory, give_memory);
    if (state->codec != NULL) {
        state->info = png_create_info_struct(state->codec);
    }
    if (state->info == NULL) {
        return error_set(error, SPUR_RESOURCE, "out of memory while decoding a PNG");
    }
    state_feed(state, state->from);
    return SPUR_OK;
}

spur_status png_decode(const image_file *from, image *out, image_info *info, spur_error *error)
{
    spur_status status;
    png_facts facts;
    png_state state = {.from = from, .facts = &facts};
    size_t pixel_size = 0;
    TRY(read_facts(from, &facts, error));
    info->width = facts.width;
    info->height = facts.height;
    info->has_alpha = has_alpha(&facts);
    info->is_animated = facts.is_animated;
    info->orientation = orientation_find(&facts.orientation);
    TRY(image_allow_size(from->options, facts.width, facts.height, error));
    TRY(state_open(&state, error));
    TRY(read_pixels(&state, &pixel_size, error));
    TRY(finish_pixels(&state, pixel_size, error));
    *out = (image){facts.width, facts.height, state.pixels};
    state.pixels = NULL;
done:
    png_destroy_read_struct(&state.codec, &state.info, NULL);
    memory_free(state.pixels);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* An encoded PNG growing in memory, and how writing it went. */
typedef struct png_output {
    unsigned char *bytes;
    size_t size, capacity;
    jmp_buf leave;
    bool out_of_memory;
} png_output;

static void leave_writing(png_structp codec, png_const_charp text)
{
    png_output *output = png_get_error_ptr(codec);
    (void)text;
    longjmp(output->leave, 1);
}

static void append_bytes(png_structp codec, png_bytep src, size_t count)
{
    png_output *output = png_get_io_ptr(codec);
    size_t need;
    if (!size_add(output->size, count, &need) ||
        memory_grow(&output->bytes, &output->capacity, need, 1, NULL) != SPUR_OK) {
        png_error(codec, "out of memory");
    }
    memcpy(output->bytes + output->size, src, count);
    output->size += count;
}

static void flush_nothing(png_structp codec)
{
    (void)codec;
}

/* Writes the picture into output; false when memory is short, the only way to fail. */
static bool encode(png_structp codec, png_infop info, const image *src, bool is_quick,
                   png_output *output)
{
    if (setjmp(output->leave) != 0) {
        return false;
    }
    png_set_write_fn(codec, output, append_bytes, flush_nothing);
    png_set_IHDR(codec, info, (png_uint_32)src->width, (png_uint_32)src->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (is_quick) { /* noise holds no repetitions to search for */
        png_set_filter(codec, PNG_FILTER_TYPE_BASE, PNG_FILTER_AVG);
        png_set_compression_level(codec, 1);
        png_set_compression_strategy(codec, Z_RLE);
    }
    png_write_info(codec, info);
    for (size_t y = 0; y < src->height; y++) {
        png_write_row(codec, src->pixels + y * src->width * CHANNELS);
    }
    png_write_end(codec, info);
    return true;
}

spur_status image_encode_png(const image *src, bool is_quick, unsigned char **bytes,
                             size_t *size, spur_error *error)
{
    spur_status status = SPUR_OK;
    png_output output = {0};
    png_infop info = NULL;
    png_structp codec =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &output, leave_writing, ignore_warning,
                                  &output.out_of_memory, take_memory, give_memory);
    if (codec != NULL) {
        info = png_create_info_struct(codec);
    }
    if (info == NULL || !encode(codec, info, src, is_quick, &output)) {
        FAIL(SPUR_RESOURCE, "out of memory while encoding a PNG");
    }
    *bytes = output.bytes;
    *size = output.size;
    output.bytes = NULL;
done:
    png_destroy_write_struct(&codec, &info);
    memory_free(output.bytes);
    return status;
}

spur_status image_write_png(const char *path, const image *src, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t size;
    TRY(image_encode_png(src, false, &bytes, &size, error));
    TRY(file_replace(path, bytes, size, error));
done:
    memory_free(bytes);
    return status;
}
