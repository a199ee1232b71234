/*
 * image_jpeg.c - JPEG through libjpeg with its default, integer arithmetic.
 *
 * Defaults (accurate integer DCT, triangular chroma up-sampling) give Pillow's pixels bit for
 * bit. The traps: libjpeg calls a cut file a success, so the byte source notes when it runs
 * dry; damage inside the data only warns; a small file can hold thousands of scans of a large
 * picture, so scans are counted while they are read; and CMYK is left to us.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/memory.h"
#include "io/exif.h"
#include "io/image_decoder.h"

enum {
    CHANNELS = 3,
    SCAN_LIMIT = 100,
    CMYK_CHANNELS = 4
};

/* Everything one decoding needs; libjpeg's callbacks find it through client_data. */
typedef struct jpeg_state {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr messages;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    bool ran_dry; /* the file ended before the picture did */
    bool too_many_scans;
    const image_file *from;
    unsigned char *pixels;
    unsigned char *cmyk_row;
} jpeg_state;

/* ---- callbacks -------------------------------------------------------------------------- */

static jpeg_state *state_of(j_common_ptr codec)
{
    return codec->client_data;
}

static void leave_on_error(j_common_ptr codec)
{
    longjmp(state_of(codec)->leave, 1);
}

/* Warnings are counted by libjpeg's own emit_message, through this silent printer. */
static void print_nothing(j_common_ptr codec)
{
    (void)codec;
}

static void count_warning(j_common_ptr codec, int level)
{
    if (level < 0) {
        codec->err->num_warnings++;
    }
}

static void source_nothing(j_decompress_ptr codec)
{
    (void)codec;
}

/* The whole file is in the first buffer: asked for more, it ends the picture with a made-up
 * EOI marker and remembers. */
static boolean source_end(j_decompress_ptr codec)
{
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    state_of((j_common_ptr)codec)->ran_dry = true;
    codec->src->next_input_byte = end;
    codec->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void source_skip(j_decompress_ptr codec, long count)
{
    struct jpeg_source_mgr *source = codec->src;
    if (count <= 0) {
        return;
    }
    if ((unsigned long)count > source->bytes_in_buffer) {
        (void)source_end(codec);
        return;
    }
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
}

/* The walk over the markers counts scans first; this holds where libjpeg sees more of them. */
static void stop_at_scan_limit(j_common_ptr common)
{
    jpeg_state *state = state_of(common);
    if (state->codec.input_scan_number > SCAN_LIMIT) {
        state->too_many_scans = true;
        longjmp(state->leave, 1);
    }
}

static void state_connect(jpeg_state *state)
{
    state->codec.err = jpeg_std_error(&state->messages);
    state->messages.error_exit = leave_on_error;
    state->messages.output_message = print_nothing;
    state->messages.emit_message = count_warning;
    state->codec.client_data = state;
}

static void state_feed(jpeg_state *state)
{
    state->source = (struct jpeg_source_mgr){.next_input_byte = state->from->bytes,
                                             .bytes_in_buffer = state->from->size,
                                             .init_source = source_nothing,
                                             .fill_input_buffer = source_end,
                                             .skip_input_data = source_skip,
                                             .resync_to_restart = jpeg_resync_to_restart,
                                             .term_source = source_nothing};
    state->progress.progress_monitor = stop_at_scan_limit;
    state->codec.src = &state->source;
    state->codec.progress = &state->progress;
}

/* ---- messages --------------------------------------------------------------------------- */

static spur_status refuse_cut(spur_error *error)
{
    return error_set(error, SPUR_IMAGE, "truncated JPEG");
}

static spur_status refuse_scans(spur_error *error)
{
    return error_set(error, SPUR_IMAGE, "too many scans: more than %d", SCAN_LIMIT);
}

/* Turns libjpeg's last error into ours. */
static spur_status refuse(jpeg_state *state, spur_error *error)
{
    char text[JMSG_LENGTH_MAX];
    if (state->too_many_scans) {
        return refuse_scans(error);
    }
    switch (state->messages.msg_code) {
    case JERR_OUT_OF_MEMORY:
        return error_set(error, SPUR_RESOURCE, "out of memory while decoding a JPEG");
    case JERR_NO_IMAGE:
        break;
    case JERR_SOF_UNSUPPORTED:
        return error_set(error, SPUR_IMAGE, "unsupported JPEG kind: %s",
                         state->messages.msg_parm.i[0] == 0xC3 ? "lossless"
                                                               : "hierarchical or lossless");
    case JERR_BAD_PRECISION:
        return error_set(error, SPUR_IMAGE, "unsupported JPEG kind: %d-bit samples",
                         state->codec.data_precision);
    case JERR_EMPTY_IMAGE:
        return error_set(error, SPUR_IMAGE,
                         "unsupported JPEG kind: width or height 0 in its header");
    default:
        if (!state->ran_dry) {
            state->messages.format_message((j_common_ptr)&state->codec, text);
            return error_set(error, SPUR_IMAGE, "corrupt JPEG: %s", text);
        }
        return refuse_cut(error);
    }
    bool is_bare = state->from->size <= 4 || !state->ran_dry;
    return is_bare ? error_set(error, SPUR_IMAGE, "no image data") : refuse_cut(error);
}

/* ---- a walk over the markers ------------------------------------------------------------ */

/* What the segments tell before libjpeg looks. */
typedef struct jpeg_facts {
    orientation_source orientation;
    size_t scans;
} jpeg_facts;

/* Notes the EXIF block or XMP packet of an APP1 segment; the first of each kind counts. */
static void note_segment(const unsigned char *segment, size_t size, orientation_source *into)
{
    static const char exif[6] = "Exif\0";
    static const char xmp[29] = "http://ns.adobe.com/xap/1.0/";
    if (into->exif == NULL && size >= sizeof exif && memcmp(segment, exif, sizeof exif) == 0) {
        into->exif = segment;
        into->exif_size = size;
    } else if (into->xmp == NULL && size >= sizeof xmp &&
               memcmp(segment, xmp, sizeof xmp) == 0) {
        into->xmp = segment + sizeof xmp;
        into->xmp_size = size - sizeof xmp;
    }
}

static bool has_no_length(unsigned marker)
{
    return marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

/* Index of the next marker's second byte at or behind `at`; size when there is none. Bytes
 * that are no marker are skipped, as libjpeg skips them: entropy-coded data among them. */
static size_t next_marker(const unsigned char *bytes, size_t size, size_t at)
{
    while (at < size) {
        const unsigned char *found = memchr(bytes + at, 0xFF, size - at);
        if (found == NULL) {
            return size;
        }
        at = (size_t)(found - bytes) + 1;
        while (at < size && bytes[at] == 0xFF) { /* fill bytes */
            at++;
        }
        if (at < size && !has_no_length(bytes[at])) {
            return at;
        }
    }
    return size;
}

/* Walks the segments up to the end marker. Counting scans here refuses a file of thousands
 * before the first is decoded; and libjpeg's own list of saved markers would cost quadratic
 * time on a file made of tiny segments. */
static void read_facts(const unsigned char *bytes, size_t size, jpeg_facts *out)
{
    *out = (jpeg_facts){.scans = 0};
    for (size_t at = next_marker(bytes, size, 2); at < size;
         at = next_marker(bytes, size, at)) {
        unsigned marker = bytes[at];
        if (marker == 0xD9 || size - at < 3) {
            break;
        }
        size_t length = (size_t)bytes[at + 1] << 8 | bytes[at + 2];
        if (length < 2 || length > size - at - 1) {
            break;
        }
        out->scans += marker == 0xDA;
        if (marker == 0xE1 && out->scans == 0) {
            note_segment(bytes + at + 3, length - 2, &out->orientation);
        }
        at += 1 + length;
    }
}

/* ---- pixels ----------------------------------------------------------------------------- */

static unsigned multiply_255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* Pillow takes every CMYK JPEG as inverted, whether an Adobe marker says so or not: a byte
 * holds 255 - ink. */
static void cmyk_to_rgb(const unsigned char *src, size_t count, unsigned char *dst)
{
    for (size_t i = 0; i < count; i++) {
        unsigned paper = src[i * CMYK_CHANNELS + 3];
        for (size_t c = 0; c < CHANNELS; c++) {
            unsigned ink = 255u - src[i * CMYK_CHANNELS + c];
            dst[i * CHANNELS + c] = (unsigned char)(paper - multiply_255(paper, ink));
        }
    }
}

static spur_status choose_colour(jpeg_state *state, spur_error *error)
{
    int components = state->codec.num_components;
    if (components != 1 && components != 3 && components != 4) {
        return error_set(error, SPUR_IMAGE, "unsupported JPEG kind: %d components", components);
    }
    state->codec.out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
    return SPUR_OK;
}

static spur_status allocate_pixels(jpeg_state *state, spur_error *error)
{
    size_t width = state->codec.image_width;
    spur_status status =
        image_allocate(width, state->codec.image_height, CHANNELS, &state->pixels, error);
    if (status == SPUR_OK && state->codec.out_color_space == JCS_CMYK) {
        status = memory_new(width, CMYK_CHANNELS, &state->cmyk_row, error);
    }
    return status;
}

/* A cut file that nobody asked for: a large picture of nothing is not worth finishing. */
static bool is_refused(const jpeg_state *state)
{
    return state->ran_dry && !state->from->options->allow_truncated;
}

/* Reads the next row into the picture. */
static void read_row(jpeg_state *state)
{
    struct jpeg_decompress_struct *codec = &state->codec;
    size_t width = codec->image_width;
    unsigned char *row = state->pixels + (size_t)codec->output_scanline * width * CHANNELS;
    JSAMPROW target = state->cmyk_row != NULL ? state->cmyk_row : row;
    if (jpeg_read_scanlines(codec, &target, 1) == 1 && state->cmyk_row != NULL) {
        cmyk_to_rgb(state->cmyk_row, width, row);
    }
}

/* The calls that may leave through state->leave. */
static spur_status read_header(jpeg_state *state, image_info *info, spur_error *error)
{
    spur_status status;
    if (setjmp(state->leave) != 0) {
        return refuse(state, error);
    }
    jpeg_create_decompress(&state->codec);
    state_feed(state);
    (void)jpeg_read_header(&state->codec, TRUE);
    info->width = state->codec.image_width;
    info->height = state->codec.image_height;
    TRY(image_allow_size(state->from->options, info->width, info->height, error));
    TRY(choose_colour(state, error));
done:
    return status;
}

static spur_status read_pixels(jpeg_state *state, spur_error *error)
{
    spur_status status;
    if (setjmp(state->leave) != 0) {
        return refuse(state, error);
    }
    TRY(allocate_pixels(state, error));
    (void)jpeg_start_decompress(&state->codec);
    while (state->codec.output_scanline < state->codec.output_height && !is_refused(state)) {
        read_row(state);
    }
    if (!is_refused(state)) {
        (void)jpeg_finish_decompress(&state->codec);
    }
    if (is_refused(state)) {
        TRY(refuse_cut(error));
    }
done:
    return status;
}

spur_status jpeg_decode(const image_file *from, image *out, image_info *info, spur_error *error)
{
    spur_status status;
    jpeg_state state = {.from = from};
    state_connect(&state);
    jpeg_facts facts;
    TRY(read_header(&state, info, error));
    read_facts(from->bytes, from->size, &facts);
    info->orientation = orientation_find(&facts.orientation);
    if (facts.scans > SCAN_LIMIT) {
        TRY(refuse_scans(error));
    }
    TRY(read_pixels(&state, error));
    info->warnings = (unsigned)state.messages.num_warnings;
    info->is_truncated = state.ran_dry;
    *out = (image){info->width, info->height, state.pixels};
    state.pixels = NULL;
done:
    jpeg_destroy_decompress(&state.codec);
    memory_free(state.cmyk_row);
    memory_free(state.pixels);
    return status;
}
