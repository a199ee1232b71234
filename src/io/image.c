/*
 * image.c - which decoder reads a file, what other files look like, limits, alpha, turning.
 *
 * The first bytes decide, never the name. A file that no decoder knows is named after what it
 * looks like, because "not an image" hides the download that saved an error page.
 */
#include "io/image.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/image_decoder.h"

enum {
    CHANNELS = 3,
    SMALLEST_FILE = 4,   /* bytes; nothing shorter can hold a picture */
    SIDE_LIMIT = 1000000 /* pixels; the tables of a resize grow with a side */
};

/* Encoded files larger than this are refused unread. */
static const uint64_t FILE_LIMIT = (uint64_t)1 << 30;

void spur_image_options_defaults(spur_image_options *options)
{
    *options = (spur_image_options){.max_pixels = SPUR_MAX_PIXELS_DEFAULT,
                                    .orientation = SPUR_ORIENTATION_IGNORE,
                                    .alpha = SPUR_ALPHA_DROP};
}

void image_free(image *block)
{
    if (block != NULL) {
        memory_free(block->pixels);
        *block = (image){0};
    }
}

/* ---- limits and memory ------------------------------------------------------------------ */

spur_status image_allow_size(const spur_image_options *options, size_t width, size_t height,
                             spur_error *error)
{
    size_t pixels;
    if (!size_mul(width, height, &pixels) || pixels > options->max_pixels) {
        return error_set(error, SPUR_IMAGE, "image too large: %zu x %zu, limit %llu pixels",
                         width, height, (unsigned long long)options->max_pixels);
    }
    if (width > SIDE_LIMIT || height > SIDE_LIMIT) {
        return error_set(error, SPUR_IMAGE,
                         "image too large: %zu x %zu, limit %d pixels a side", width, height,
                         SIDE_LIMIT);
    }
    return SPUR_OK;
}

spur_status image_allocate(size_t width, size_t height, size_t channels, unsigned char **pixels,
                           spur_error *error)
{
    size_t row;
    if (!size_mul(width, channels, &row)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return memory_new_zeroed(height, row, pixels, error);
}

/* ---- alpha ------------------------------------------------------------------------------ */

/* round(value / 255) for value <= 255 * 255. */
static unsigned divide_255(unsigned value)
{
    unsigned t = value + 128;
    return ((t >> 8) + t) >> 8;
}

void alpha_flatten(unsigned char *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned char *src = pixels + i * 4;
        unsigned char *dst = pixels + i * CHANNELS;
        unsigned alpha = src[3];
        for (size_t c = 0; c < CHANNELS; c++) {
            dst[c] = (unsigned char)divide_255(src[c] * alpha + 255 * (255 - alpha));
        }
    }
}

/* ---- orientation ------------------------------------------------------------------------ */

/* Where pixel (0, 0) of the upright picture lies in the stored one, and the steps from there
 * to its right and lower neighbour: every orientation is such a walk. */
typedef struct walk {
    size_t width, height;         /* of the upright picture */
    ptrdiff_t start, right, down; /* in pixels */
} walk;

static walk walk_for(unsigned orientation, size_t width, size_t height)
{
    ptrdiff_t w = (ptrdiff_t)width;
    ptrdiff_t h = (ptrdiff_t)height;
    ptrdiff_t last_row = w * (h - 1);
    switch (orientation) {
    case 2:
        return (walk){width, height, w - 1, -1, w};
    case 3:
        return (walk){width, height, last_row + w - 1, -1, -w};
    case 4:
        return (walk){width, height, last_row, 1, -w};
    case 5:
        return (walk){height, width, 0, w, 1};
    case 6:
        return (walk){height, width, last_row, -w, 1};
    case 7:
        return (walk){height, width, last_row + w - 1, -w, -1};
    case 8:
        return (walk){height, width, w - 1, w, -1};
    default:
        return (walk){width, height, 0, 1, w};
    }
}

static spur_status image_turn(image *picture, unsigned orientation, spur_error *error)
{
    spur_status status;
    walk path = walk_for(orientation, picture->width, picture->height);
    unsigned char *pixels = NULL;
    TRY(image_allocate(path.width, path.height, CHANNELS, &pixels, error));
    unsigned char *dst = pixels;
    for (size_t y = 0; y < path.height; y++) {
        ptrdiff_t at = path.start + (ptrdiff_t)y * path.down;
        for (size_t x = 0; x < path.width; x++, at += path.right, dst += CHANNELS) {
            memcpy(dst, picture->pixels + at * CHANNELS, CHANNELS);
        }
    }
    image_free(picture);
    *picture = (image){path.width, path.height, pixels};
done:
    return status;
}

/* ---- what a file is --------------------------------------------------------------------- */

static bool begins_with(const image_file *from, size_t at, const char *magic, size_t length)
{
    return from->size >= at + length && memcmp(from->bytes + at, magic, length) == 0;
}

static bool is_jpeg(const image_file *from)
{
    return begins_with(from, 0, "\xFF\xD8", 2);
}

static bool is_png(const image_file *from)
{
    return begins_with(from, 0, "\x89PNG", 4);
}

static bool is_webp(const image_file *from)
{
    return begins_with(from, 0, "RIFF", 4) && begins_with(from, 8, "WEBP", 4);
}

typedef struct decoder {
    const char *name;
    bool (*recognises)(const image_file *from);
    spur_status (*decode)(const image_file *from, image *out, image_info *info,
                          spur_error *error);
} decoder;

static const decoder DECODERS[] = {
    {"JPEG", is_jpeg, jpeg_decode},
    {"PNG", is_png, png_decode},
    {"WebP", is_webp, webp_decode},
};

/* Bytes at an offset that give another kind of file away. */
typedef struct foreign_kind {
    const char *name;
    size_t at;
    const char *magic;
    size_t length;
} foreign_kind;

static const foreign_kind FOREIGN[] = {
    {"GIF", 0, "GIF8", 4},
    {"TIFF", 0, "II*\0", 4},
    {"TIFF", 0, "MM\0*", 4},
    {"BigTIFF", 0, "II+\0", 4},
    {"AVIF", 4, "ftypavif", 8},
    {"AVIF", 4, "ftypavis", 8},
    {"HEIC", 4, "ftyphei", 7},
    {"HEIC", 4, "ftyphev", 7},
    {"HEIC", 4, "ftypmif1", 8},
    {"HEIC", 4, "ftypmsf1", 8},
    {"a video", 4, "ftyp", 4},
    {"PDF", 0, "%PDF", 4},
    {"PSD", 0, "8BPS", 4},
    {"JPEG XL", 0, "\xFF\x0A", 2},
    {"JPEG XL", 0, "\0\0\0\x0CJXL ", 8},
    {"JPEG 2000", 0, "\0\0\0\x0CjP  ", 8},
    {"JPEG 2000", 0, "\xFF\x4F\xFF\x51", 4},
    {"ICO", 0, "\0\0\1\0", 4},
    {"OpenEXR", 0, "\x76\x2F\x31\x01", 4},
    {"Radiance HDR", 0, "#?RADIANCE", 10},
    {"PostScript", 0, "%!PS", 4},
    {"a Git LFS pointer", 0, "version https://git-lfs", 23},
    {"a ZIP archive", 0, "PK\3\4", 4},
    {"gzip", 0, "\x1F\x8B", 2},
    {"a tar archive", 257, "ustar", 5},
    {"a NumPy array", 0, "\x93NUMPY", 6},
    {"a RIFF file that is not WebP", 0, "RIFF", 4},
    {"BMP", 0, "BM", 2},
};

/* Text kinds: the first characters after a BOM and white space, whatever their case. */
static const char *text_kind(const image_file *from)
{
    size_t at = begins_with(from, 0, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (at < from->size && at < 1024 && strchr(" \t\r\n", from->bytes[at]) != NULL &&
           from->bytes[at] != '\0') {
        at++;
    }
    char head[16] = "";
    size_t left = from->size - at;
    memcpy(head, from->bytes + at, left < sizeof head - 1 ? left : sizeof head - 1);
    if (strncasecmp(head, "<!doctype html", 14) == 0 || strncasecmp(head, "<html", 5) == 0 ||
        strncasecmp(head, "<head", 5) == 0 || strncasecmp(head, "<body", 5) == 0) {
        return "an HTML page";
    }
    if (strncasecmp(head, "<svg", 4) == 0) {
        return "SVG";
    }
    if (strncasecmp(head, "<?xml", 5) == 0) {
        return "XML";
    }
    return head[0] == '{' || head[0] == '[' ? "JSON" : NULL;
}

static const char *foreign_name(const image_file *from)
{
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++) {
        const foreign_kind *kind = &FOREIGN[i];
        if (begins_with(from, kind->at, kind->magic, kind->length)) {
            return kind->name;
        }
    }
    return text_kind(from);
}

static spur_status refuse_foreign(const image_file *from, spur_error *error)
{
    const char *name = foreign_name(from);
    if (name == NULL) {
        return error_set(error, SPUR_IMAGE, "not a JPEG, PNG or WebP file");
    }
    return error_set(error, SPUR_IMAGE, "not a JPEG, PNG or WebP file (looks like %s)", name);
}

static spur_status find_decoder(const image_file *from, const decoder **out, spur_error *error)
{
    if (from->size == 0) {
        return error_set(error, SPUR_IMAGE, "empty file");
    }
    if (from->size < SMALLEST_FILE) {
        return error_set(error, SPUR_IMAGE, "no image data");
    }
    for (size_t i = 0; i < sizeof DECODERS / sizeof DECODERS[0]; i++) {
        if (DECODERS[i].recognises(from)) {
            *out = &DECODERS[i];
            return SPUR_OK;
        }
    }
    return refuse_foreign(from, error);
}

/* ---- decoding --------------------------------------------------------------------------- */

spur_status image_decode(const unsigned char *bytes, size_t size,
                         const spur_image_options *options, image *out, image_info *info,
                         spur_error *error)
{
    spur_status status;
    spur_image_options defaults;
    spur_image_options_defaults(&defaults);
    image_info unused;
    image_info *facts = info != NULL ? info : &unused;
    image_file from = {bytes, size, options != NULL ? options : &defaults};
    image picture = {0};
    const decoder *chosen = NULL;
    *facts = (image_info){.orientation = 1};
    TRY(find_decoder(&from, &chosen, error));
    facts->format = chosen->name;
    TRY(chosen->decode(&from, &picture, facts, error));
    if (from.options->orientation == SPUR_ORIENTATION_APPLY && facts->orientation > 1) {
        TRY(image_turn(&picture, facts->orientation, error));
    }
    *out = picture;
    picture.pixels = NULL;
done:
    image_free(&picture);
    return status;
}

spur_status image_load(const char *path, const spur_image_options *options, image *out,
                       image_info *info, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t size = 0;
    if (info != NULL) {
        *info = (image_info){.orientation = 1};
    }
    TRY(file_load(path, FILE_LIMIT, SPUR_IMAGE, &bytes, &size, error));
    TRY(image_decode(bytes, size, options, out, info, error));
done:
    memory_free(bytes);
    return status;
}
