/*
 * test_patches.c - the patch embedding (gather, then a product) against a plain convolution.
 */
#include "support.h"

#include <math.h>

#include "base/memory.h"
#include "nn/linear.h"
#include "nn/patches.h"

enum {
    SIDE = 23,
    PATCH = 5,
    GRID = 4,
    OUT = 7,
    IN = 3 * PATCH * PATCH,
    ROWS = 20
};

static float value_at(size_t i)
{
    return (float)((i * 2654435761U) % 1000) / 500.0F - 1.0F;
}

/* sum over channel, y, x of weight[o, c, y, x] pixels[c, row p + y, column p + x]; the last
 * rows and columns of a picture that is no multiple of the patch are not seen. */
static double convolve(const float *pixels, const float *weight, size_t n, size_t o)
{
    double sum = 0;
    for (size_t c = 0; c < 3; c++) {
        for (size_t y = 0; y < PATCH; y++) {
            for (size_t x = 0; x < PATCH; x++) {
                size_t row = n / GRID * PATCH + y, column = n % GRID * PATCH + x;
                sum += (double)weight[((o * 3 + c) * PATCH + y) * PATCH + x] *
                       (double)pixels[(c * SIDE + row) * SIDE + column];
            }
        }
    }
    return sum;
}

/* Tolerance 1e-5 for sums of 75 products of values up to 1; observed 2e-6. */
static void test_patch_embedding_is_a_convolution(void **state)
{
    (void)state;
    spur_error error;
    static float pixels[3 * SIDE * SIDE], weight[OUT * IN], rows[ROWS * IN], out[ROWS * OUT];
    for (size_t i = 0; i < sizeof pixels / sizeof pixels[0]; i++) {
        pixels[i] = value_at(i + 1);
    }
    for (size_t i = 0; i < sizeof weight / sizeof weight[0]; i++) {
        weight[i] = value_at(i + 5000);
    }
    engine *on = NULL;
    engine_worker *worker = NULL;
    linear *embed = NULL;
    const linear_shape shape = {
        .rows = ROWS, .in = IN, .out = OUT, .src_stride = IN, .dst_stride = OUT};
    assert_ok(engine_open(&on, &error), error);
    assert_ok(linear_open(on, &shape, weight, NULL, &embed, &error), error);
    assert_ok(engine_worker_new(on, &worker, &error), error);
    patches_gather(pixels, SIDE, PATCH, 0, ROWS, rows, IN);
    assert_ok(linear_run(embed, worker, rows, out, &error), error);
    for (size_t n = 0; n < ROWS; n++) {
        for (size_t o = 0; o < OUT; o++) {
            double expected = n < (size_t)GRID * GRID ? convolve(pixels, weight, n, o) : 0;
            assert_true(fabs((double)out[n * OUT + o] - expected) < 1e-5);
        }
    }
    linear_close(embed);
    engine_worker_free(worker);
    engine_close(on);
}

static void test_a_block_is_the_same_rows(void **state)
{
    (void)state;
    static float pixels[3 * SIDE * SIDE], all[GRID * GRID * IN], block[6 * IN];
    for (size_t i = 0; i < sizeof pixels / sizeof pixels[0]; i++) {
        pixels[i] = value_at(i);
    }
    patches_gather(pixels, SIDE, PATCH, 0, (size_t)GRID * GRID, all, IN);
    patches_gather(pixels, SIDE, PATCH, 7, 6, block, IN);
    assert_memory_equal(block, all + 7 * IN, sizeof block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patch_embedding_is_a_convolution),
        cmocka_unit_test(test_a_block_is_the_same_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
