/*
 * test_zoom.c - OWLv2's blur and zoom: published numbers, and a naive twin that stores the
 * whole padded square.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "models/zoom.h"

static float values[256]; /* of a byte */

static void fill_values(float factor)
{
    for (int i = 0; i < 256; i++) {
        values[i] = (float)i * factor;
    }
}

static image make_picture(size_t width, size_t height)
{
    image made = {.width = width, .height = height};
    spur_error error;
    assert_ok(memory_new(width * height, 3, &made.pixels, &error), error);
    unsigned seed = (unsigned)(width * 31 + height);
    for (size_t i = 0; i < width * height * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        made.pixels[i] = (unsigned char)(seed >> 24);
    }
    return made;
}

static float *zoom(const image *src, size_t width, size_t height, bool blur, float pad)
{
    zoom_request request = {
        .width = width, .height = height, .blur = blur, .pad_value = pad, .values = values};
    float *planes = NULL;
    spur_error error;
    assert_ok(memory_new(width * height, 3 * sizeof *planes, &planes, &error), error);
    assert_ok(image_zoom(src, &request, planes, &error), error);
    return planes;
}

/* ---- numbers of the specification -------------------------------------------------------- */

/* A column [0, 1, 2, 10] zoomed to 8: the row index decides, so columns are constant. */
static void linear_interpolation_numbers(void **state)
{
    (void)state;
    static const unsigned char column[] = {0, 1, 2, 10};
    static const float expected[] = {0.25f, 0.25f, 0.75f, 1.25f, 1.75f, 4.0f, 8.0f, 8.0f};
    image src = make_picture(4, 4);
    for (size_t i = 0; i < 48; i++) {
        src.pixels[i] = column[i / 12];
    }
    fill_values(1.0f);
    float *planes = zoom(&src, 8, 8, true, 0.0f);
    for (size_t i = 0; i < 8 * 8; i++) {
        assert_true(planes[i] == expected[i / 8]);
    }
    memory_free(planes);
    image_free(&src);
}

/* Squares of 0 .. 9 shrunk to 4, the blur switched off. */
static void shrinking_without_blur(void **state)
{
    (void)state;
    static const float expected[] = {0.75f, 10.75f, 33.25f, 68.25f};
    image src = make_picture(10, 10);
    for (size_t i = 0; i < 300; i++) {
        src.pixels[i] = (unsigned char)((i / 3 % 10) * (i / 3 % 10));
    }
    fill_values(1.0f);
    float *planes = zoom(&src, 4, 4, false, 0.0f);
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabsf(planes[i] - expected[i]) < 1e-5f); /* observed: 0 */
    }
    memory_free(planes);
    image_free(&src);
}

/* ---- the naive twin ------------------------------------------------------------------ */

static size_t mirror(long i, long n)
{
    while (i < 0 || i >= n) {
        i = i < 0 ? -i : 2 * (n - 1) - i;
        i = n == 1 ? 0 : i;
    }
    return (size_t)i;
}

/* One axis of the Gaussian over square[side][side] (one channel). */
static void twin_blur(float *square, size_t side, double sigma, bool is_down)
{
    long radius = (long)(4.0 * sigma + 0.5);
    float *copy = malloc(side * side * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, square, side * side * sizeof *copy);
    for (size_t y = 0; y < side; y++) {
        for (size_t x = 0; x < side; x++) {
            double sum = 0.0;
            double total = 0.0;
            for (long j = -radius; j <= radius; j++) {
                double weight =
                    radius > 0 ? exp(-0.5 * (double)(j * j) / (sigma * sigma)) : 1.0;
                size_t at = is_down ? mirror((long)y + j, (long)side) * side + x
                                    : y * side + mirror((long)x + j, (long)side);
                sum += weight * (double)copy[at];
                total += weight;
            }
            square[y * side + x] = (float)(sum / total);
        }
    }
    free(copy);
}

static double twin_coordinate(size_t i, double factor, size_t side)
{
    double at = fabs(((double)i + 0.5) * factor - 0.5);
    double last = (double)side - 1.0;
    return at > last ? fabs(2.0 * last - at) : at;
}

static double twin_sample(const float *square, size_t side, double y, double x)
{
    size_t row = (size_t)y;
    size_t column = (size_t)x;
    size_t below = row + 1 < side ? row + 1 : row;
    size_t right = column + 1 < side ? column + 1 : column;
    double v = y - (double)row;
    double h = x - (double)column;
    return (1.0 - v) * ((1.0 - h) * (double)square[row * side + column] +
                        h * (double)square[row * side + right]) +
           v * ((1.0 - h) * (double)square[below * side + column] +
                h * (double)square[below * side + right]);
}

/* Largest difference from the twin over one channel. */
static double twin_difference(const image *src, size_t channel, size_t count, float pad,
                              const float *plane)
{
    size_t side = src->width > src->height ? src->width : src->height;
    double factor = (double)side / (double)count;
    double worst = 0.0;
    float *square = malloc(side * side * sizeof *square);
    assert_non_null(square);
    for (size_t i = 0; i < side * side; i++) {
        bool is_data = i % side < src->width && i / side < src->height;
        size_t at = i / side * src->width + i % side;
        square[i] = is_data ? values[src->pixels[at * 3 + channel]] : pad;
    }
    if (factor > 1.0) {
        twin_blur(square, side, (factor - 1.0) / 2.0, true);
        twin_blur(square, side, (factor - 1.0) / 2.0, false);
    }
    for (size_t i = 0; i < count * count; i++) {
        double wanted = twin_sample(square, side, twin_coordinate(i / count, factor, side),
                                    twin_coordinate(i % count, factor, side));
        worst = fmax(worst, fabs(wanted - (double)plane[i]));
    }
    free(square);
    return worst;
}

/* Sizes that reach every border: wide, tall, square, one pixel, shrinking and growing. */
static void the_twin_agrees(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{40, 30, 12}, {30, 40, 12}, {50, 50, 11}, {1, 1, 7},
                                      {1, 60, 9},   {60, 1, 9},   {59, 60, 10}, {60, 59, 10},
                                      {5, 4, 16},   {13, 2, 16},  {90, 3, 2},   {64, 64, 1}};
    double worst = 0.0;
    fill_values(1.0f / 255.0f);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        image src = make_picture(sizes[i][0], sizes[i][1]);
        size_t count = sizes[i][2];
        for (int pad = 0; pad < 2; pad++) {
            float *planes = zoom(&src, count, count, true, (float)pad * 0.5f);
            for (size_t c = 0; c < 3; c++) {
                worst = fmax(worst, twin_difference(&src, c, count, (float)pad * 0.5f,
                                                    planes + c * count * count));
            }
            memory_free(planes);
        }
        image_free(&src);
    }
    print_message("largest difference from the twin: %.3g\n", worst);
    assert_true(worst <= 6.1e-8); /* one unit of float32 below 1; observed 3e-8 */
}

/* A row of a million pixels: only what is seen may be computed. */
static void long_pictures_are_quick(void **state)
{
    (void)state;
    fill_values(1.0f / 255.0f);
    for (int i = 0; i < 2; i++) {
        image src = make_picture(i == 0 ? 1000000 : 1, i == 0 ? 1 : 1000000);
        float *planes = zoom(&src, 64, 64, true, 0.0f);
        assert_true(planes[64 * 64 - 1] == 0.0f);
        assert_true(planes[0] > 0.0f);
        memory_free(planes);
        image_free(&src);
    }
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    image src = make_picture(40, 30);
    float planes[3 * 64];
    zoom_request request = {.width = 8, .height = 8, .blur = true, .values = values};
    spur_status status = SPUR_RESOURCE;
    size_t failures = 0;
    fill_values(1.0f);
    for (size_t n = 1; status != SPUR_OK; n++) {
        spur_error error = {0};
        (void)memory_fail_at(n, false);
        status = image_zoom(&src, &request, planes, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        failures += status != SPUR_OK;
    }
    assert_int_equal(failures, 10);
    image_free(&src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_interpolation_numbers),
        cmocka_unit_test(shrinking_without_blur),
        cmocka_unit_test(the_twin_agrees),
        cmocka_unit_test(long_pictures_are_quick),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
