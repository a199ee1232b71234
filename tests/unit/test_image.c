/*
 * test_image.c - decoders on small files made here and on the seed pictures: pixels, options,
 * limits, names of foreign files, cut and damaged bytes, failed allocations.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/image.h"
#include "jsonl.h"

static const char *const SEEDS[] = {
    "seed_baseline.jpg",  "seed_progressive.jpg", "seed_arithmetic.jpg", "seed_lossy.webp",
    "seed_lossless.webp", "seed_alpha.webp",      "seed_animated.webp"};
enum {
    SEED_COUNT = sizeof SEEDS / sizeof SEEDS[0]
};

/* An encoded file. */
typedef struct encoded {
    unsigned char bytes[20000];
    size_t size;
} encoded;

static encoded load_seed(const char *name)
{
    char path[100];
    encoded seed;
    unsigned char *bytes = NULL;
    spur_error error;
    (void)snprintf(path, sizeof path, "images/%s", name);
    assert_ok(
        file_load(data_path(path), sizeof seed.bytes, SPUR_IMAGE, &bytes, &seed.size, &error),
        error);
    memcpy(seed.bytes, bytes, seed.size);
    memory_free(bytes);
    return seed;
}

/* ---- PNG files made here ---------------------------------------------------------------- */

enum {
    GREY = 0,
    RGB = 2,
    PALETTE = 3,
    RGBA = 6
};

static void put_u32(encoded *into, size_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        into->bytes[into->size++] = (unsigned char)(value >> shift);
    }
}

static void put_bytes(encoded *into, const void *bytes, size_t size)
{
    if (size > 0) {
        memcpy(into->bytes + into->size, bytes, size);
        into->size += size;
    }
}

static void put_chunk(encoded *into, const char *name, const void *body, size_t size)
{
    put_u32(into, size);
    size_t start = into->size;
    put_bytes(into, name, 4);
    put_bytes(into, body, size);
    put_u32(into, crc32(0, into->bytes + start, (unsigned)(into->size - start)));
}

static void put_header(encoded *into, size_t width, size_t height, int depth, int colour)
{
    encoded header = {.size = 0};
    const unsigned char rest[] = {(unsigned char)depth, (unsigned char)colour, 0, 0, 0};
    *into = (encoded){.size = 0};
    put_bytes(into, "\x89PNG\r\n\x1a\n", 8);
    put_u32(&header, width);
    put_u32(&header, height);
    put_bytes(&header, rest, sizeof rest);
    put_chunk(into, "IHDR", header.bytes, header.size);
}

/* rows: filter byte 0 and samples, row by row. */
static void put_picture(encoded *into, const void *rows, size_t size)
{
    unsigned char packed[1000];
    uLongf packed_size = sizeof packed;
    assert_int_equal(compress(packed, &packed_size, rows, (uLong)size), Z_OK);
    put_chunk(into, "IDAT", packed, packed_size);
    put_chunk(into, "IEND", NULL, 0);
}

static image decode(const encoded *from, const spur_image_options *options, image_info *info)
{
    image out = {0};
    spur_error error;
    assert_ok(image_decode(from->bytes, from->size, options, &out, info, &error), error);
    return out;
}

static void check_pixels(const encoded *from, const spur_image_options *options,
                         const unsigned char *expected)
{
    image out = decode(from, options, NULL);
    assert_memory_equal(out.pixels, expected, out.width * out.height * 3);
    image_free(&out);
}

static spur_image_options with(spur_alpha alpha, bool pillow_compat)
{
    spur_image_options options;
    spur_image_options_defaults(&options);
    options.alpha = alpha;
    options.pillow_compat = pillow_compat;
    return options;
}

static void alpha_is_dropped_or_laid_on_white(void **state)
{
    (void)state;
    static const unsigned char rows[] = {0,  200, 100, 50,  255, 200, 100,
                                         50, 0,   200, 100, 50,  128};
    static const unsigned char dropped[] = {200, 100, 50, 200, 100, 50, 200, 100, 50};
    static const unsigned char on_white[] = {200, 100, 50, 255, 255, 255, 227, 177, 152};
    spur_image_options white = with(SPUR_ALPHA_WHITE, false);
    encoded made;
    image_info info;
    put_header(&made, 3, 1, 8, RGBA);
    put_picture(&made, rows, sizeof rows);
    check_pixels(&made, NULL, dropped);
    check_pixels(&made, &white, on_white);
    image out = decode(&made, NULL, &info);
    assert_true(info.has_alpha);
    assert_string_equal(info.format, "PNG");
    image_free(&out);
}

static void a_transparent_colour_is_alpha(void **state)
{
    (void)state;
    static const unsigned char rows[] = {0, 9, 8, 7, 1, 2, 3};
    static const unsigned char key[] = {0, 9, 0, 8, 0, 7};
    static const unsigned char on_white[] = {255, 255, 255, 1, 2, 3};
    spur_image_options white = with(SPUR_ALPHA_WHITE, false);
    encoded made;
    put_header(&made, 2, 1, 8, RGB);
    put_chunk(&made, "tRNS", key, sizeof key);
    put_picture(&made, rows, sizeof rows);
    check_pixels(&made, NULL, (const unsigned char[]){9, 8, 7, 1, 2, 3});
    check_pixels(&made, &white, on_white);
}

static void sixteen_bit_grey(void **state)
{
    (void)state;
    static const unsigned char rows[] = {0, 0x12, 0x34, 0x00, 0xC8, 0xFF, 0xFF};
    static const unsigned char key[] = {0x00, 0xC8};
    static const unsigned char high[] = {0x12, 0x12, 0x12, 0, 0, 0, 0xFF, 0xFF, 0xFF};
    static const unsigned char full[] = {255, 255, 255, 200, 200, 200, 255, 255, 255};
    static const unsigned char keyed[] = {255, 255, 255, 255, 255, 255, 255, 255, 255};
    spur_image_options compat = with(SPUR_ALPHA_DROP, true);
    spur_image_options compat_white = with(SPUR_ALPHA_WHITE, true);
    encoded made;
    put_header(&made, 3, 1, 16, GREY);
    put_chunk(&made, "tRNS", key, sizeof key);
    put_picture(&made, rows, sizeof rows);
    check_pixels(&made, NULL, high);
    check_pixels(&made, &compat, full);
    check_pixels(&made, &compat_white, keyed);
}

static void missing_palette_entries_are_black(void **state)
{
    (void)state;
    static const unsigned char rows[] = {0, 0, 1, 2};
    static const unsigned char one[] = {10, 20, 30};
    static const unsigned char black[9] = {0};
    encoded made;
    put_header(&made, 3, 1, 8, PALETTE);
    put_chunk(&made, "PLTE", one, sizeof one);
    put_picture(&made, rows, sizeof rows);
    check_pixels(&made, NULL, (const unsigned char[]){10, 20, 30, 0, 0, 0, 0, 0, 0});
    put_header(&made, 3, 1, 8, PALETTE);
    put_picture(&made, rows, sizeof rows);
    check_pixels(&made, NULL, black);
}

/* ---- orientation ------------------------------------------------------------------------- */

/* A 3 x 2 PNG of grey 0 .. 5 with an orientation. */
static encoded make_oriented(unsigned orientation)
{
    static const unsigned char rows[] = {0, 0, 1, 2, 0, 3, 4, 5};
    unsigned char exif[] = "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\0\0\0\0\0\0";
    encoded made;
    exif[19] = (unsigned char)orientation;
    put_header(&made, 3, 2, 8, GREY);
    put_chunk(&made, "eXIf", exif, sizeof exif);
    put_picture(&made, rows, sizeof rows);
    return made;
}

/* Source pixel of each output pixel, by the table of the EXIF standard. */
static void orientations_turn_the_picture(void **state)
{
    (void)state;
    static const unsigned char expected[][6] = {
        {0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0}, {3, 4, 5, 0, 1, 2},
        {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
    spur_image_options apply;
    spur_image_options_defaults(&apply);
    apply.orientation = SPUR_ORIENTATION_APPLY;
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        encoded made = make_oriented(orientation);
        image_info info;
        image turned = decode(&made, &apply, &info);
        image plain = decode(&made, NULL, NULL);
        bool is_on_its_side = orientation > 4;
        assert_int_equal(info.orientation, orientation);
        assert_int_equal(info.width, 3);
        assert_int_equal(turned.width, is_on_its_side ? 2 : 3);
        assert_int_equal(turned.height, is_on_its_side ? 3 : 2);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(turned.pixels[i * 3], expected[orientation - 1][i]);
            assert_int_equal(plain.pixels[i * 3], i);
        }
        image_free(&turned);
        image_free(&plain);
    }
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void check_refused(const void *bytes, size_t size, const spur_image_options *options,
                          const char *message)
{
    image out = {0};
    spur_error error = {0};
    spur_status status = image_decode(bytes, size, options, &out, NULL, &error);
    assert_int_equal(status, SPUR_IMAGE);
    assert_string_equal(error.message, message);
    assert_null(out.pixels);
}

static void foreign_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *name;
    } kinds[] = {
        {"GIF89a......", "GIF"},
        {"BM..........", "BMP"},
        {"%PDF-1.7", "PDF"},
        {"8BPS....", "PSD"},
        {"....ftypheic....", "HEIC"},
        {"....ftypmif1....", "HEIC"},
        {"....ftypavif....", "AVIF"},
        {"....ftypisom....", "a video"},
        {"\xEF\xBB\xBF \n<!DOCTYPE HTML>", "an HTML page"},
        {"<html lang=\"en\">", "an HTML page"},
        {"<?xml version=\"1.0\"?>", "XML"},
        {"<svg xmlns=\"\">", "SVG"},
        {" {\"error\": 404}", "JSON"},
        {"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"},
        {"PK\3\4......", "a ZIP archive"},
        {"RIFF....WAVE", "a RIFF file that is not WebP"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char message[200];
        (void)snprintf(message, sizeof message, "not a JPEG, PNG or WebP file (looks like %s)",
                       kinds[i].name);
        check_refused(kinds[i].bytes, strlen(kinds[i].bytes), NULL, message);
    }
    check_refused("II*\0\10\0\0\0", 8, NULL, "not a JPEG, PNG or WebP file (looks like TIFF)");
    check_refused("MM\0*\0\0\0\10", 8, NULL, "not a JPEG, PNG or WebP file (looks like TIFF)");
    check_refused("hello world", 11, NULL, "not a JPEG, PNG or WebP file");
    check_refused("    ", 4, NULL, "not a JPEG, PNG or WebP file");
}

static void nearly_empty_files(void **state)
{
    (void)state;
    check_refused("", 0, NULL, "empty file");
    check_refused("\xFF", 1, NULL, "no image data");
    check_refused("\xFF\xD8", 2, NULL, "no image data");
    check_refused("\xFF\xD8\xFF\xD9", 4, NULL, "no image data");
    check_refused("\x89PNG\r\n\x1a\n", 8, NULL, "truncated PNG");
    check_refused("RIFF\4\0\0\0WEBP", 12, NULL, "truncated WebP");
}

static void large_pictures_are_refused_by_their_header(void **state)
{
    (void)state;
    encoded made;
    spur_image_options small;
    spur_image_options_defaults(&small);
    small.max_pixels = 5;
    put_header(&made, 65000, 65000, 1, GREY);
    check_refused(made.bytes, made.size, NULL,
                  "image too large: 65000 x 65000, limit 178956970 pixels");
    put_header(&made, 1000001, 1, 1, GREY);
    check_refused(made.bytes, made.size, NULL,
                  "image too large: 1000001 x 1, limit 1000000 pixels a side");
    put_header(&made, 0xFFFFFFFF, 0xFFFFFFFF, 1, GREY);
    check_refused(made.bytes, made.size, NULL,
                  "image too large: 4294967295 x 4294967295, limit 178956970 pixels");
    encoded oriented = make_oriented(1);
    check_refused(oriented.bytes, oriented.size, &small,
                  "image too large: 3 x 2, limit 5 pixels");
    for (size_t i = 0; i < SEED_COUNT; i++) {
        encoded seed = load_seed(SEEDS[i]);
        image_info info;
        image picture = decode(&seed, NULL, &info);
        char message[100];
        (void)snprintf(message, sizeof message, "image too large: %zu x %zu, limit 5 pixels",
                       picture.width, picture.height);
        check_refused(seed.bytes, seed.size, &small, message);
        image_free(&picture);
    }
}

static void info_tells_what_became_known(void **state)
{
    (void)state;
    encoded seed = load_seed("seed_baseline.jpg");
    image out = {0};
    image_info info;
    spur_error error;
    assert_int_equal(image_decode(seed.bytes, seed.size - 2, NULL, &out, &info, &error),
                     SPUR_IMAGE);
    assert_string_equal(error.message, "truncated JPEG");
    assert_string_equal(info.format, "JPEG");
    assert_true(info.width > 0 && info.height > 0);
    assert_int_equal(info.orientation, 1);
    assert_int_equal(image_load("/nonexistent/x.jpg", NULL, &out, &info, &error), SPUR_IMAGE);
    assert_null(info.format);
}

/* ---- seeds, whole and damaged -------------------------------------------------------- */

static void seeds_have_their_pixels(void **state)
{
    (void)state;
    json_t *expected = json_load_file(data_path("images/expected.json"), 0, NULL);
    assert_non_null(expected);
    for (size_t i = 0; i < SEED_COUNT; i++) {
        encoded seed = load_seed(SEEDS[i]);
        image_info info;
        image picture = decode(&seed, NULL, &info);
        assert_string_equal(hex_of(picture.pixels, picture.width * picture.height * 3),
                            jsonl_text(expected, SEEDS[i]));
        assert_int_equal(info.warnings, 0);
        assert_int_equal(info.is_animated, strstr(SEEDS[i], "animated") != NULL);
        assert_int_equal(info.has_alpha, i >= 5); /* the animated one says it has */
        image_free(&picture);
    }
    json_decref(expected);
}

/* Every shorter file is refused, by name of its format, and reads nothing behind its end (the
 * bytes are a block of exactly that size, for the address sanitizer). */
static void check_cuts(const encoded *whole, const char *format)
{
    for (size_t size = 12; size < whole->size; size++) {
        unsigned char *bytes = malloc(size);
        image out = {0};
        spur_error error = {0};
        assert_non_null(bytes);
        memcpy(bytes, whole->bytes, size);
        assert_int_equal(image_decode(bytes, size, NULL, &out, NULL, &error), SPUR_IMAGE);
        assert_non_null(strstr(error.message, format));
        free(bytes);
    }
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEED_COUNT; i++) {
        encoded seed = load_seed(SEEDS[i]);
        check_cuts(&seed, strstr(SEEDS[i], "jpg") != NULL ? "truncated JPEG" : "WebP");
    }
    encoded made = make_oriented(6);
    made.size -= 12; /* without IEND it is still whole */
    check_cuts(&made, "PNG");
}

static void cut_jpegs_are_scored_on_request(void **state)
{
    (void)state;
    encoded seed = load_seed("seed_baseline.jpg");
    spur_image_options tolerant;
    spur_image_options_defaults(&tolerant);
    tolerant.allow_truncated = true;
    seed.size -= 2;
    image_info info;
    image picture = decode(&seed, &tolerant, &info);
    assert_true(info.is_truncated);
    image_free(&picture);
}

/* Any byte may be anything: a picture or a refusal, and with all pixels initialised. */
static void damaged_files_end_well(void **state)
{
    (void)state;
    size_t refused = 0;
    size_t read = 0;
    for (size_t i = 0; i < SEED_COUNT; i++) {
        encoded seed = load_seed(SEEDS[i]);
        for (size_t at = 0; at < seed.size; at++) {
            encoded damaged = seed;
            image out = {0};
            spur_error error = {0};
            damaged.bytes[at] ^= (unsigned char)(1u << at % 8);
            spur_status status =
                image_decode(damaged.bytes, damaged.size, NULL, &out, NULL, &error);
            assert_true(status == SPUR_OK || status == SPUR_IMAGE);
            read += status == SPUR_OK;
            refused += status != SPUR_OK;
            image_free(&out);
        }
    }
    print_message("one bit flipped: %zu read, %zu refused\n", read, refused);
    assert_true(read > 100 && refused > 100);
}

/* ---- memory and writing -------------------------------------------------------------- */

static size_t sweep_allocations(const encoded *from, const spur_image_options *options)
{
    spur_status status = SPUR_RESOURCE;
    size_t failures = 0;
    for (size_t n = 1; status != SPUR_OK; n++) {
        image out = {0};
        spur_error error = {0};
        (void)memory_fail_at(n, n % 2 == 0);
        status = image_decode(from->bytes, from->size, options, &out, NULL, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        failures += status != SPUR_OK;
        image_free(&out);
    }
    return failures;
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    spur_image_options options = with(SPUR_ALPHA_WHITE, true);
    options.orientation = SPUR_ORIENTATION_APPLY;
    for (size_t i = 0; i < SEED_COUNT; i++) {
        encoded seed = load_seed(SEEDS[i]);
        assert_true(sweep_allocations(&seed, &options) >= 1);
    }
    encoded made = make_oriented(6);
    assert_true(sweep_allocations(&made, &options) >= 5);
}

static void pictures_written_are_read_back(void **state)
{
    (void)state;
    char path[100];
    image src = {.width = 33, .height = 7};
    image back = {0};
    image_info info;
    spur_error error;
    assert_ok(memory_new(33 * 7, 3, &src.pixels, &error), error);
    for (size_t i = 0; i < 33 * 7 * 3; i++) {
        src.pixels[i] = (unsigned char)(i * 7);
    }
    (void)snprintf(path, sizeof path, "%s/written.png", temp_make());
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        (void)memory_fail_at(n, false);
        status = image_write_png(path, &src, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
    assert_ok(image_load(path, NULL, &back, &info, &error), error);
    assert_int_equal(back.width, 33);
    assert_int_equal(back.height, 7);
    assert_memory_equal(back.pixels, src.pixels, 33 * 7 * 3);
    assert_false(info.has_alpha);
    image_free(&back);
    assert_int_equal(image_write_png("/nonexistent/x.png", &src, &error), SPUR_RESOURCE);
    image_free(&src);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_is_dropped_or_laid_on_white),
        cmocka_unit_test(a_transparent_colour_is_alpha),
        cmocka_unit_test(sixteen_bit_grey),
        cmocka_unit_test(missing_palette_entries_are_black),
        cmocka_unit_test(orientations_turn_the_picture),
        cmocka_unit_test(foreign_files_are_named),
        cmocka_unit_test(nearly_empty_files),
        cmocka_unit_test(large_pictures_are_refused_by_their_header),
        cmocka_unit_test(info_tells_what_became_known),
        cmocka_unit_test(seeds_have_their_pixels),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(cut_jpegs_are_scored_on_request),
        cmocka_unit_test(damaged_files_end_well),
        cmocka_unit_test(failed_allocations_are_reported),
        cmocka_unit_test(pictures_written_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
