/*
 * image_webp.c - WebP, still and animated (the first frame), through libwebp and its demuxer.
 *
 * The canvas is checked before anything is decoded. A frame that does not fill the canvas
 * stands on black, or on white when alpha is composited, as a viewer would show it.
 */
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "base/memory.h"
#include "io/exif.h"
#include "io/image_decoder.h"

enum {
    CHANNELS = 3
};

/* The first chunk of a kind, borrowed from the file's bytes. */
static void find_chunk(const WebPDemuxer *demuxer, const char *name,
                       const unsigned char **bytes, size_t *size)
{
    WebPChunkIterator chunk;
    if (WebPDemuxGetChunk(demuxer, name, 1, &chunk)) {
        *bytes = chunk.chunk.bytes;
        *size = chunk.chunk.size;
        WebPDemuxReleaseChunkIterator(&chunk);
    }
}

static void read_info(const WebPDemuxer *demuxer, image_info *info)
{
    orientation_source found = {0};
    uint32_t flags = WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS);
    find_chunk(demuxer, "EXIF", &found.exif, &found.exif_size);
    find_chunk(demuxer, "XMP ", &found.xmp, &found.xmp_size);
    info->width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    info->height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    info->has_alpha = (flags & ALPHA_FLAG) != 0;
    info->is_animated = (flags & ANIMATION_FLAG) != 0;
    info->orientation = orientation_find(&found);
}

static spur_status refuse(VP8StatusCode code, spur_error *error)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return error_set(error, SPUR_RESOURCE, "out of memory while decoding a WebP");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return error_set(error, SPUR_IMAGE, "truncated WebP");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return error_set(error, SPUR_IMAGE, "unsupported WebP kind");
    default:
        return error_set(error, SPUR_IMAGE, "corrupt WebP: its image data cannot be decoded");
    }
}

/* Opens the container; a file that ends early is told from one that makes no sense. */
static spur_status open_demuxer(const image_file *from, WebPDemuxer **out, spur_error *error)
{
    WebPData data = {from->bytes, from->size};
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (state == WEBP_DEMUX_DONE && demuxer != NULL) {
        *out = demuxer;
        return SPUR_OK;
    }
    WebPDemuxDelete(demuxer);
    if (state == WEBP_DEMUX_PARSING_HEADER || state == WEBP_DEMUX_PARSED_HEADER) {
        return error_set(error, SPUR_IMAGE, "truncated WebP");
    }
    return error_set(error, SPUR_IMAGE, "corrupt WebP: its chunks make no sense");
}

/* Decodes a frame to its place on the canvas. */
static spur_status draw_frame(const WebPIterator *frame, size_t width, size_t channels,
                              unsigned char *pixels, spur_error *error)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return error_set(error, SPUR_INTERNAL, "libwebp is older than its header");
    }
    size_t stride = width * channels;
    size_t skip = (size_t)frame->y_offset * stride + (size_t)frame->x_offset * channels;
    size_t rows = (size_t)frame->height;
    config.output.colorspace = channels == CHANNELS ? MODE_RGB : MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels + skip;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = (rows - 1) * stride + (size_t)frame->width * channels;
    VP8StatusCode code = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    return code == VP8_STATUS_OK ? SPUR_OK : refuse(code, error);
}

static spur_status draw_first_frame(const WebPDemuxer *demuxer, const image_info *info,
                                    size_t channels, unsigned char *pixels, spur_error *error)
{
    WebPIterator frame;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
        return error_set(error, SPUR_IMAGE, "no image data");
    }
    size_t right = (size_t)frame.x_offset + (size_t)frame.width;
    size_t bottom = (size_t)frame.y_offset + (size_t)frame.height;
    spur_status status = SPUR_OK;
    if (frame.width <= 0 || frame.height <= 0 || right > info->width || bottom > info->height) {
        status = error_set(error, SPUR_IMAGE, "corrupt WebP: a frame outside its canvas");
    } else {
        status = draw_frame(&frame, info->width, channels, pixels, error);
    }
    WebPDemuxReleaseIterator(&frame);
    return status;
}

spur_status webp_decode(const image_file *from, image *out, image_info *info, spur_error *error)
{
    spur_status status;
    WebPDemuxer *demuxer = NULL;
    unsigned char *pixels = NULL;
    TRY(open_demuxer(from, &demuxer, error));
    read_info(demuxer, info);
    TRY(image_allow_size(from->options, info->width, info->height, error));
    bool on_white = info->has_alpha && from->options->alpha == SPUR_ALPHA_WHITE;
    size_t channels = on_white ? CHANNELS + 1 : CHANNELS;
    TRY(image_allocate(info->width, info->height, channels, &pixels, error));
    TRY(draw_first_frame(demuxer, info, channels, pixels, error));
    if (on_white) {
        alpha_flatten(pixels, info->width * info->height);
    }
    *out = (image){info->width, info->height, pixels};
    pixels = NULL;
done:
    WebPDemuxDelete(demuxer);
    memory_free(pixels);
    return status;
}
