/*
 * test_resize.c - the published tables of Pillow's tests, windows, orders, failed allocations.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/resize.h"
#include "jsonl.h"

static const char *const FILTER_NAMES[] = {"nearest", "lanczos", "bilinear",
                                           "bicubic", "box",     "hamming"};

static image make_image(size_t width, size_t height)
{
    image made = {.width = width, .height = height};
    spur_error error;
    assert_ok(memory_new(width * height, 3, &made.pixels, &error), error);
    return made;
}

static image make_noise(size_t width, size_t height, unsigned seed)
{
    image made = make_image(width, height);
    for (size_t i = 0; i < width * height * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        made.pixels[i] = (unsigned char)(seed >> 24);
    }
    return made;
}

static image resize(const image *src, size_t width, size_t height, resize_filter filter,
                    spur_resize_order order)
{
    image out = {0};
    spur_error error;
    assert_ok(image_resize(src, width, height, filter, order, &out, &error), error);
    assert_int_equal(out.width, width);
    assert_int_equal(out.height, height);
    return out;
}

/* ---- tables ----------------------------------------------------------------------------- */

/* n x n picture: 0xE1 top left and bottom right, 0x1E elsewhere. */
static image make_quadrants(size_t n)
{
    image made = make_image(n, n);
    for (size_t i = 0; i < n * n; i++) {
        bool is_light = (i % n < n / 2) == (i / n < n / 2);
        memset(made.pixels + i * 3, is_light ? 0xE1 : 0x1E, 3);
    }
    return made;
}

/* Top-left quarter of the n x n picture resized to m x m; the others follow by symmetry. */
static void check_table(size_t n, size_t m, resize_filter filter, const unsigned char *quarter)
{
    image src = make_quadrants(n);
    image out = resize(&src, m, m, filter, SPUR_RESIZE_PILLOW12);
    for (size_t y = 0; y < m; y++) {
        for (size_t x = 0; x < m; x++) {
            size_t near_x = x < m / 2 ? x : m - 1 - x;
            size_t near_y = y < m / 2 ? y : m - 1 - y;
            unsigned value = quarter[near_y * (m / 2) + near_x];
            bool is_mirrored = (x < m / 2) != (y < m / 2);
            assert_int_equal(out.pixels[(y * m + x) * 3], is_mirrored ? 255 - value : value);
        }
    }
    image_free(&src);
    image_free(&out);
}

static void pillow_tables(void **state)
{
    (void)state;
    static const unsigned char bilinear_down[] = {0xe1, 0xc9, 0xc9, 0xb7};
    static const unsigned char bicubic_down[] = {0xe1, 0xe3, 0xd4, 0xe3, 0xe5,
                                                 0xd6, 0xd4, 0xd6, 0xc9};
    static const unsigned char bilinear_up[] = {0xe1, 0xb0, 0xb0, 0x98};
    static const unsigned char bicubic_up[] = {0xe1, 0xe5, 0xee, 0xb9, 0xe5, 0xe9, 0xf3, 0xbc,
                                               0xee, 0xf3, 0xfd, 0xc1, 0xb9, 0xbc, 0xc1, 0xa2};
    check_table(8, 4, RESIZE_BILINEAR, bilinear_down);
    check_table(12, 6, RESIZE_BICUBIC, bicubic_down);
    check_table(2, 4, RESIZE_BILINEAR, bilinear_up);
    check_table(4, 8, RESIZE_BICUBIC, bicubic_up);
}

/* A row of i * 37 mod 256, i = 0 .. 12. */
static void check_row(resize_filter filter, size_t count, const unsigned char *expected)
{
    image src = make_image(13, 1);
    for (size_t i = 0; i < 39; i++) {
        src.pixels[i] = (unsigned char)(i / 3 * 37);
    }
    image out = resize(&src, count, 1, filter, SPUR_RESIZE_PILLOW12);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out.pixels[i * 3], expected[i]);
    }
    image_free(&src);
    image_free(&out);
}

static void rows_of_the_specification(void **state)
{
    (void)state;
    static const unsigned char bilinear_5[] = {39, 124, 142, 64, 149};
    static const unsigned char bilinear_8[] = {15, 72, 133, 190, 75, 55, 116, 173};
    static const unsigned char bicubic_5[] = {32, 133, 143, 55, 156};
    static const unsigned char bicubic_8[] = {12, 71, 132, 203, 73, 46, 117, 176};
    static const unsigned char bicubic_20[] = {0,   14, 42, 66, 90, 114, 138, 162, 186, 229,
                                               161, 6,  15, 50, 74, 98,  122, 146, 174, 191};
    check_row(RESIZE_BILINEAR, 5, bilinear_5);
    check_row(RESIZE_BILINEAR, 8, bilinear_8);
    check_row(RESIZE_BICUBIC, 5, bicubic_5);
    check_row(RESIZE_BICUBIC, 8, bicubic_8);
    check_row(RESIZE_BICUBIC, 20, bicubic_20);
}

/* SHA-256 of what Pillow 13.0.0 makes of the 61 x 45 noise, by filter code: all six filters,
 * shrinking, growing, and both orders of passes. */
static const struct {
    size_t width, height;
    const char *digests[6];
} pillow_digests[] = {
    {40,
     80,
     {"71eacf8a3c067e8c4bb2ce897b682d2b3bf241946d9218232a1a3f462e1b8ab1",
      "d03ba24e2039ffbc679d648674fded059ef0f49f3c4a355daf0b81790096364f",
      "a176ec45cc8d2780f3fb30787c1470e20ce2e11b813555110900b86adccb44e1",
      "78da17420be53f1dc67820768cce1c1562bf1cd50e6452bbf8f483d808e840ba",
      "9ef1cb2854a7874478a6c37d0a1a2696e73716cfea720d8cd6b2aff93dd6d888",
      "6962a845aeb9451281af1a35c05f8f7fb5fb7bab771a1ee3bb828b28c58bf484"}},
    {100,
     31,
     {"8a02a706d87bb3908ce00e3da5f49792520b23bae83ef5290fc95f7fb3ea8eae",
      "2ecb9192dfd66a8c18e5c634cfab5150c7ed569ffe70eb8d1012284530e0b9ac",
      "d06019fe32dbf1cf2af5d3c0aa1ea364d39790a755d20950d5ef921405d2a46e",
      "fc3c3090cb8b0190489beb218e5d2f5574502eb028b2830790b8743d68105f09",
      "711cbeec1bf687b9826c8f9e5e4117709821434f57ebe9767169b9578adb8a1d",
      "3c2ebee2e9e1b20267f5f45d334ff24f7f76633d8371cdf683614adaa7cba0e8"}},
    {9,
     23,
     {"d3b0ccb0a1527868269a8923ae20046c1e54f53c0f2496bfc59039f7b4d05813",
      "e4857191e2b7b31506d59bca599709ff46d6e31e348353e42cdd0e5319cbf1e4",
      "ae1c6dd0908955e660ceb359aac30ef92e536db1ee15e5ee988a447b5600c9c4",
      "0f49c0adcc618f2191f3bf3800901b0b583a4acae5cc31e9497be1f56a35653b",
      "a9bdb3a509b43125964d774b95cd32bdcb530385dc1c20262f6c8274c4404b81",
      "7521442e0bf6b0eaeefb711e7c24118a32160bfdda00df0e19f72c42a0d9d259"}},
};

static void every_filter_is_pillows(void **state)
{
    (void)state;
    image src = make_noise(61, 45, 7);
    for (size_t i = 0; i < sizeof pillow_digests / sizeof pillow_digests[0]; i++) {
        for (int filter = RESIZE_NEAREST; filter <= RESIZE_HAMMING; filter++) {
            image out = resize(&src, pillow_digests[i].width, pillow_digests[i].height,
                               (resize_filter)filter, SPUR_RESIZE_PILLOW13);
            assert_string_equal(hex_of(out.pixels, out.width * out.height * 3),
                                pillow_digests[i].digests[filter]);
            image_free(&out);
        }
    }
    image_free(&src);
}

/* ---- properties ---------------------------------------------------------------------- */

static void constant_pictures_stay_constant(void **state)
{
    (void)state;
    for (int filter = RESIZE_NEAREST; filter <= RESIZE_HAMMING; filter++) {
        image src = make_image(23, 17);
        memset(src.pixels, 201, 23 * 17 * 3);
        image out = resize(&src, 31, 5, (resize_filter)filter, SPUR_RESIZE_PILLOW13);
        for (size_t i = 0; i < 31 * 5 * 3; i++) {
            assert_int_equal(out.pixels[i], 201);
        }
        image_free(&src);
        image_free(&out);
    }
}

static void the_same_size_is_a_copy(void **state)
{
    (void)state;
    image src = make_noise(19, 21, 1);
    for (int filter = RESIZE_NEAREST; filter <= RESIZE_HAMMING; filter++) {
        image out = resize(&src, 19, 21, (resize_filter)filter, SPUR_RESIZE_PILLOW13);
        assert_memory_equal(out.pixels, src.pixels, 19 * 21 * 3);
        image_free(&out);
    }
    image_free(&src);
}

static void check_window(const image *src, const image *whole, resize_request request)
{
    image part = {0};
    spur_error error;
    assert_ok(image_resize_window(src, &request, &part, &error), error);
    for (size_t y = 0; y < part.height; y++) {
        size_t at = ((request.top + y) * whole->width + request.left) * 3;
        assert_memory_equal(part.pixels + y * part.width * 3, whole->pixels + at,
                            part.width * 3);
    }
    image_free(&part);
}

static void windows_are_parts_of_the_whole(void **state)
{
    (void)state;
    static const size_t sizes[][4] = {{37, 90, 30, 20},
                                      {37, 90, 80, 120},
                                      {90, 37, 91, 36},
                                      {5, 300, 5, 40},
                                      {64, 48, 24, 48}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        image src = make_noise(sizes[i][0], sizes[i][1], (unsigned)i);
        for (int variant = 0; variant < 12; variant++) {
            resize_request request = {.width = sizes[i][2],
                                      .height = sizes[i][3],
                                      .filter = (resize_filter)(variant % 6),
                                      .order = variant < 6 ? SPUR_RESIZE_PILLOW12
                                                           : SPUR_RESIZE_PILLOW13};
            image whole =
                resize(&src, request.width, request.height, request.filter, request.order);
            request.left = request.width / 5;
            request.top = request.height / 3;
            request.window_width = request.width - request.left - request.width / 7;
            request.window_height = 3;
            check_window(&src, &whole, request);
            image_free(&whole);
        }
        image_free(&src);
    }
}

/* Where the order of the passes must and must not show, and that it can show at all. */
static void the_order_of_passes_follows_pillow(void **state)
{
    (void)state;
    static const struct {
        size_t from[2], to[2];
        bool shows;
    } cases[] = {{{300, 900}, {256, 256}, true},  /* shrinks much more in height */
                 {{500, 375}, {768, 768}, false}, /* grows */
                 {{100, 120}, {90, 100}, false},  /* 20 is not more than 2 * 10 */
                 {{100, 121}, {90, 100}, true},   /* 21 is */
                 {{100, 300}, {100, 90}, false}}; /* one axis only */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        image src = make_noise(cases[i].from[0], cases[i].from[1], (unsigned)i);
        image old =
            resize(&src, cases[i].to[0], cases[i].to[1], RESIZE_BICUBIC, SPUR_RESIZE_PILLOW12);
        image new =
            resize(&src, cases[i].to[0], cases[i].to[1], RESIZE_BICUBIC, SPUR_RESIZE_PILLOW13);
        bool differs = memcmp(old.pixels, new.pixels, old.width * old.height * 3) != 0;
        assert_int_equal(differs, cases[i].shows);
        image_free(&src);
        image_free(&old);
        image_free(&new);
    }
}

/* A centre crop of a very long picture: the whole would be 224 x 13,440,000 pixels. */
static void long_pictures_cost_their_window(void **state)
{
    (void)state;
    image src = make_noise(1, 60000, 5);
    image out = {0};
    spur_error error;
    resize_request request = {.width = 224,
                              .height = 224 * 60000,
                              .filter = RESIZE_BILINEAR,
                              .top = 224 * 30000,
                              .window_width = 224,
                              .window_height = 224};
    assert_ok(image_resize_window(&src, &request, &out, &error), error);
    assert_int_equal(out.height, 224);
    image_free(&src);
    image_free(&out);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    image src = make_noise(40, 30, 3);
    for (int filter = RESIZE_NEAREST; filter <= RESIZE_LANCZOS; filter++) {
        spur_status status = SPUR_RESOURCE;
        size_t failures = 0;
        for (size_t n = 1; status != SPUR_OK; n++) {
            image out = {0};
            spur_error error = {0};
            (void)memory_fail_at(n, false);
            status = image_resize(&src, 20, 50, (resize_filter)filter, SPUR_RESIZE_PILLOW12,
                                  &out, &error);
            (void)memory_fail_at(0, false);
            assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
            assert_true(status == SPUR_OK || out.pixels == NULL);
            failures += status != SPUR_OK;
            image_free(&out);
        }
        print_message("%s: %zu failed allocations\n", FILTER_NAMES[filter], failures);
        assert_true(failures >= 3);
    }
    image_free(&src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pillow_tables),
        cmocka_unit_test(rows_of_the_specification),
        cmocka_unit_test(every_filter_is_pillows),
        cmocka_unit_test(constant_pictures_stay_constant),
        cmocka_unit_test(the_same_size_is_a_copy),
        cmocka_unit_test(windows_are_parts_of_the_whole),
        cmocka_unit_test(the_order_of_passes_follows_pillow),
        cmocka_unit_test(long_pictures_cost_their_window),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
