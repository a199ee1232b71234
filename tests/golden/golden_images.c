/*
 * golden_images.c - every file of the image set against Pillow: verdict, pixels, orientation,
 * compositing. Digests of whole pictures: the tolerance is zero.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "io/image.h"
#include "jsonl.h"

typedef struct verdict {
    golden_tally tally;
} verdict;

static bool is_foreign(const char *format)
{
    return format != NULL && (strcmp(format, "GIF") == 0 || strcmp(format, "BMP") == 0);
}

/* Decodes and gives the digest of the pixels, or NULL and the reason. */
static const char *decode(const char *file, const spur_image_options *options, image_info *info,
                          spur_error *error)
{
    char name[300];
    image picture = {0};
    (void)snprintf(name, sizeof name, "golden/data/images/%s", file);
    if (image_load(shared_path(name), options, &picture, info, error) != SPUR_OK) {
        return NULL;
    }
    const char *hex = hex_of(picture.pixels, picture.width * picture.height * 3);
    image_free(&picture);
    return hex;
}

/* True when decoding with the options gives the digest under `key` (or no such key exists). */
static bool matches(const json_t *row, const char *key, const spur_image_options *options)
{
    const char *file = jsonl_text(row, "file");
    const char *expected = jsonl_text(row, key);
    image_info info;
    spur_error error = {0};
    if (expected == NULL) {
        return true;
    }
    const char *found = decode(file, options, &info, &error);
    if (found == NULL || strcmp(found, expected) != 0) {
        print_message("%s: %s: %s\n", file, key, found == NULL ? error.message : "differs");
        return false;
    }
    return true;
}

static bool info_matches(const json_t *row)
{
    const char *file = jsonl_text(row, "file");
    const json_t *size = json_object_get(row, "size");
    const json_t *orientation = json_object_get(row, "pillow_orientation");
    json_int_t tag = json_is_integer(orientation) ? json_integer_value(orientation) : 1;
    spur_error error = {0};
    image_info info;
    if (decode(file, NULL, &info, &error) == NULL) {
        return false;
    }
    bool is_equal = info.width == (size_t)json_integer_value(json_array_get(size, 0)) &&
                    info.height == (size_t)json_integer_value(json_array_get(size, 1)) &&
                    info.orientation == (tag >= 1 && tag <= 8 ? (unsigned)tag : 1) &&
                    info.has_alpha == json_is_true(json_object_get(row, "has_alpha"));
    if (!is_equal) {
        print_message("%s: says %zu x %zu, orientation %u, alpha %d\n", file, info.width,
                      info.height, info.orientation, info.has_alpha);
    }
    return is_equal;
}

/* The four readings of a file that decodes. */
static bool decodes_as_expected(const json_t *row)
{
    spur_image_options options;
    spur_image_options_defaults(&options);
    options.pillow_compat = true;
    bool is_right = matches(row, "sha256_rgb", &options) && info_matches(row);
    options.orientation = SPUR_ORIENTATION_APPLY;
    is_right = matches(row, "sha256_exif_rgb", &options) && is_right;
    options.orientation = SPUR_ORIENTATION_IGNORE;
    options.alpha = SPUR_ALPHA_WHITE;
    return matches(row, "sha256_rgb_over_white", &options) && is_right;
}

/* True when the defaults differ from Pillow on purpose: 16-bit grey. */
static bool differs_by_decision(const json_t *row)
{
    image_info info;
    spur_error error;
    const char *found = decode(jsonl_text(row, "file"), NULL, &info, &error);
    const char *mode = jsonl_text(row, "mode");
    bool is_equal = found != NULL && strcmp(found, jsonl_text(row, "sha256_rgb")) == 0;
    assert_true(is_equal || strcmp(mode, "I;16") == 0);
    return !is_equal;
}

static bool is_refused(const json_t *row)
{
    image_info info;
    spur_error error = {0};
    const char *file = jsonl_text(row, "file");
    if (decode(file, NULL, &info, &error) != NULL) {
        print_message("%s: decodes, Pillow refuses it\n", file);
        return false;
    }
    return error.status == SPUR_IMAGE && error.message[0] != '\0';
}

/* Cut files scored on request: Pillow's picture of what is there. */
static bool tolerates_cut(const json_t *row)
{
    spur_image_options options;
    spur_image_options_defaults(&options);
    options.allow_truncated = true;
    return matches(row, "tolerant_sha256_rgb", &options);
}

static void judge(const json_t *row, void *context)
{
    golden_tally *tally = context;
    const char *file = jsonl_text(row, "file");
    bool accepts = strcmp(jsonl_text(row, "verdict"), "ok") == 0;
    if (accepts && is_foreign(jsonl_text(row, "format"))) {
        bool is_named = is_refused(row); /* other formats are out of scope, but named */
        tally->by_decision += is_named;
        tally->failed += !is_named;
    } else if (strcmp(file, "png_ancillary_crc.png") == 0) {
        bool is_right = tolerates_cut(row); /* decided: scored, Pillow refuses */
        tally->by_decision += is_right;
        tally->failed += !is_right;
    } else if (accepts) {
        bool is_right = decodes_as_expected(row);
        bool by_decision = is_right && differs_by_decision(row);
        tally->by_decision += by_decision;
        tally->passed += is_right && !by_decision;
        tally->failed += !is_right;
    } else {
        bool is_right = is_refused(row);
        tally->passed += is_right;
        tally->failed += !is_right;
    }
}

static void every_image_matches_pillow(void **state)
{
    (void)state;
    golden_tally tally = {.name = "images"};
    tally.cases = jsonl_each("golden/data/images/expected.jsonl", judge, &tally);
    golden_print(&tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.passed + tally.by_decision, tally.cases);
}

/* Cut JPEGs read on request. The progressive one may differ by a few values: libjpeg
 * versions smooth what is missing differently (observed: at most 2 of 255). */
static void judge_cut(const json_t *row, void *context)
{
    golden_tally *tally = context;
    const char *file = jsonl_text(row, "file");
    bool is_cut =
        strncmp(file, "bad_trunc_base", 14) == 0 || strcmp(file, "jpg_no_eoi.jpg") == 0;
    if (is_cut) {
        bool is_right = tolerates_cut(row);
        tally->cases++;
        tally->passed += is_right;
        tally->failed += !is_right;
    }
}

static void cut_files_match_on_request(void **state)
{
    (void)state;
    golden_tally tally = {.name = "cut images"};
    (void)jsonl_each("golden/data/images/expected.jsonl", judge_cut, &tally);
    golden_print(&tally);
    assert_int_equal(tally.cases, 3);
    assert_int_equal(tally.passed, tally.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_matches_pillow),
        cmocka_unit_test(cut_files_match_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
