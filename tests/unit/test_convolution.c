/*
 * test_convolution.c - convolutions and pooling against plain loops over every output.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/convolution.h"
#include "nn/pool.h"
#include "nn/winograd.h"

typedef struct convolution_case {
    convolution_shape shape;
    size_t images;
    bool has_bias, has_residual;
} convolution_case;

typedef struct convolution_data {
    float *src, *weight, *bias, *residual, *dst;
    size_t height, width; /* of the output */
    size_t dst_count;
} convolution_data;

enum {
    SENTINEL = 77 /* what dst holds before */
};

/* Small numbers without pattern: a 32-bit mix of the index. */
static float *filled(size_t count, unsigned salt)
{
    float *values = NULL;
    spur_error error;
    assert_ok(memory_new(count, sizeof *values, &values, &error), error);
    for (size_t i = 0; i < count; i++) {
        uint32_t x = (uint32_t)i * 2654435761U + salt * 40503U + 1U;
        x ^= x >> 15;
        x *= 2246822519U;
        x ^= x >> 13;
        values[i] = (float)(x >> 8) / 16777216.0f * 2.0f - 1.0f;
    }
    return values;
}

static convolution_data data_make(const convolution_case *one)
{
    const convolution_shape *shape = &one->shape;
    convolution_data made;
    made.height = convolved_side(shape->height, shape->kernel, shape->step, shape->pad);
    made.width = convolved_side(shape->width, shape->kernel, shape->step, shape->pad);
    made.dst_count = one->images * made.height * made.width * shape->dst_stride;
    made.src = filled(one->images * shape->height * shape->width * shape->src_stride, 1);
    made.weight = filled(shape->out * shape->in * shape->kernel * shape->kernel, 2);
    made.bias = filled(shape->out, 3);
    made.residual = filled(made.dst_count, 4);
    made.dst = filled(made.dst_count, 5);
    for (size_t i = 0; i < made.dst_count; i++) {
        made.dst[i] = (float)SENTINEL;
    }
    return made;
}

static void data_free(convolution_data *data)
{
    memory_free(data->src);
    memory_free(data->weight);
    memory_free(data->bias);
    memory_free(data->residual);
    memory_free(data->dst);
}

/* Pixel (row, column) of an image; NULL outside. */
static const float *pixel_at(const convolution_case *one, const convolution_data *data,
                             size_t image, size_t row, size_t column)
{
    const convolution_shape *shape = &one->shape;
    if (row >= shape->height || column >= shape->width) {
        return NULL; /* rows above the first wrapped around */
    }
    return data->src +
           ((image * shape->height + row) * shape->width + column) * shape->src_stride;
}

/* One output as a chain of fused multiply-adds; in double its exact value and magnitude. */
static float expected_at(const convolution_case *one, const convolution_data *data, size_t at,
                         size_t out, double *exact, double *magnitude)
{
    const convolution_shape *shape = &one->shape;
    size_t area = shape->kernel * shape->kernel;
    size_t y = at / data->width % data->height, x = at % data->width;
    float sum = 0.0f;
    *exact = one->has_bias ? (double)data->bias[out] : 0.0;
    *magnitude = 1.0;
    for (size_t tap = 0; tap < area; tap++) {
        const float *pixel = pixel_at(one, data, at / data->width / data->height,
                                      y * shape->step + tap / shape->kernel - shape->pad,
                                      x * shape->step + tap % shape->kernel - shape->pad);
        for (size_t c = 0; pixel != NULL && c < shape->in; c++) {
            float weight = data->weight[(out * shape->in + c) * area + tap];
            sum = fmaf(pixel[c], weight, sum);
            *exact += (double)pixel[c] * (double)weight;
            *magnitude += fabs((double)pixel[c] * (double)weight);
        }
    }
    sum += one->has_bias ? data->bias[out] : 0.0f;
    if (one->has_residual) {
        sum += data->residual[at * shape->dst_stride + out];
        *exact += (double)data->residual[at * shape->dst_stride + out];
    }
    *exact = shape->relu && *exact < 0.0 ? 0.0 : *exact;
    return shape->relu && sum < 0.0f ? 0.0f : sum;
}

static void run(engine *on, const convolution_case *one, const convolution_data *data,
                size_t first, size_t images, float *dst)
{
    const convolution_shape *shape = &one->shape;
    spur_error error;
    convolution *made = NULL;
    engine_worker *worker = NULL;
    assert_ok(convolution_open(on, shape, data->weight, one->has_bias ? data->bias : NULL,
                               &made, &error),
              error);
    assert_true(convolution_bytes(made) >=
                shape->in * shape->out * shape->kernel * shape->kernel * sizeof(float));
    assert_ok(engine_worker_new(on, &worker, &error), error);
    const float *src = data->src + first * shape->height * shape->width * shape->src_stride;
    const float *residual =
        data->residual + first * data->height * data->width * shape->dst_stride;
    assert_ok(convolution_run(made, worker, images, src, one->has_residual ? residual : NULL,
                              dst, &error),
              error);
    engine_worker_free(worker);
    convolution_close(made);
}

static const convolution_case cases[] = {
    /* in, out, height, width, kernel, step, pad, src stride, dst stride */
    {{1, 1, 1, 1, 1, 1, 0, 1, 1, false}, 1, true, false},
    {{3, 5, 9, 7, 3, 1, 1, 4, 6, true}, 2, true, false},
    {{3, 20, 23, 23, 7, 2, 0, 3, 36, true}, 2, true, false},
    {{3, 20, 17, 17, 7, 2, 3, 3, 20, true}, 1, false, false},
    {{16, 16, 8, 8, 1, 1, 0, 16, 16, false}, 3, true, true},
    {{17, 33, 7, 6, 1, 2, 0, 20, 48, true}, 2, true, true},
    {{64, 48, 5, 5, 3, 2, 1, 80, 64, true}, 3, true, true},
    {{130, 19, 6, 9, 3, 1, 1, 130, 19, true}, 2, true, true},
    {{500, 32, 3, 4, 3, 1, 1, 500, 32, false}, 1, true, true},
    {{900, 40, 4, 4, 1, 1, 0, 916, 56, true}, 4, true, true},
    {{8, 8, 2, 2, 3, 1, 1, 8, 8, true}, 5, true, false},
    {{16, 16, 40, 40, 3, 1, 1, 16, 16, true}, 1, true, true},
    {{48, 32, 7, 5, 3, 1, 1, 50, 40, false}, 3, true, true},
    {{32, 16, 3, 3, 3, 1, 1, 32, 16, true}, 1, false, false},
    {{144, 16, 11, 10, 3, 1, 1, 144, 16, true}, 7, true, false},
    {{512, 32, 7, 7, 3, 1, 1, 528, 32, true}, 2, true, true},
};

/* Compares every output: the bits of the chain where there is one, else the error in units of
 * 2^-23 of the sum of magnitudes. Floats behind the channels stay as they were. */
static double compare(const convolution_case *one, const convolution_data *data, bool is_chain)
{
    size_t stride = one->shape.dst_stride;
    double worst = 0.0;
    for (size_t i = 0; i < data->dst_count; i++) {
        float found = data->dst[i];
        double exact, magnitude;
        if (i % stride >= one->shape.out) {
            assert_true(found == (float)SENTINEL);
            continue;
        }
        float wanted = expected_at(one, data, i / stride, i % stride, &exact, &magnitude);
        assert_true(!is_chain || found == wanted);
        double off = fabs((double)found - exact) / magnitude * 0x1p23;
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst;
}

static void test_against_loops(void **state)
{
    (void)state;
    spur_error error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        engine *on = NULL;
        assert_ok(engine_open(&on, &error), error);
        convolution_data data = data_make(&cases[i]);
        run(on, &cases[i], &data, 0, cases[i].images, data.dst);
        bool is_fused = strcmp(engine_isa(on), "plain") != 0;
        double worst = compare(&cases[i], &data, is_fused && !winograd_fits(&cases[i].shape));
        print_message("case %zu: %.2f\n", i, worst);
        /* Observed: 1.60 (chains), 0.77 (transformed tiles). */
        assert_true(worst < 4.0);
        data_free(&data);
        engine_close(on);
    }
}

/* The bits of an image depend on neither the number of images nor its place among them. */
static void test_image_alone(void **state)
{
    (void)state;
    spur_error error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        engine *on = NULL;
        assert_ok(engine_open(&on, &error), error);
        convolution_data data = data_make(&cases[i]);
        run(on, &cases[i], &data, 0, cases[i].images, data.dst);
        size_t one_image = data.dst_count / cases[i].images;
        float *alone = filled(one_image, 1);
        for (size_t image = 0; image < cases[i].images; image++) {
            for (size_t j = 0; j < one_image; j++) {
                alone[j] = (float)SENTINEL;
            }
            run(on, &cases[i], &data, image, 1, alone);
            assert_memory_equal(alone, data.dst + image * one_image, one_image * sizeof *alone);
        }
        memory_free(alone);
        data_free(&data);
        engine_close(on);
    }
}

static void test_residual_in_place(void **state)
{
    (void)state;
    spur_error error;
    const convolution_case one = {{24, 40, 9, 9, 3, 1, 1, 24, 40, true}, 2, true, true};
    engine *on = NULL;
    assert_ok(engine_open(&on, &error), error);
    convolution_data data = data_make(&one);
    run(on, &one, &data, 0, 2, data.dst);
    run(on, &one, &data, 0, 2, data.residual);
    assert_memory_equal(data.residual, data.dst, data.dst_count * sizeof *data.dst);
    data_free(&data);
    engine_close(on);
}

static void test_sides(void **state)
{
    (void)state;
    assert_int_equal(convolved_side(224, 7, 2, 3), 112);
    assert_int_equal(convolved_side(7, 3, 2, 1), 4);
    assert_int_equal(convolved_side(1, 3, 1, 1), 1);
    assert_int_equal(convolved_side(2, 5, 1, 1), 0);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    spur_error error;
    const convolution_case one = {{4, 20, 5, 5, 3, 1, 1, 4, 20, true}, 1, true, false};
    convolution_data data = data_make(&one);
    engine *on = NULL;
    assert_ok(engine_open(&on, &error), error);
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        convolution *made = NULL;
        assert_int_equal(status, SPUR_RESOURCE);
        (void)memory_fail_at(n, true);
        status = convolution_open(on, &one.shape, data.weight, data.bias, &made, &error);
        (void)memory_fail_at(0, false);
        assert_true(status != SPUR_OK || made != NULL);
        convolution_close(made);
    }
    data_free(&data);
    engine_close(on);
}

/* ---- pooling ----------------------------------------------------------------------------- */

static float largest_around(const pool_shape *shape, const float *image, size_t y, size_t x,
                            size_t channel)
{
    float largest = -INFINITY;
    for (size_t row = 0; row < shape->height; row++) {
        for (size_t column = 0; column < shape->width; column++) {
            bool is_near = row + 1 >= 2 * y && row <= 2 * y + 1 && column + 1 >= 2 * x &&
                           column <= 2 * x + 1;
            float value = image[(row * shape->width + column) * shape->stride + channel];
            largest = is_near && value > largest ? value : largest;
        }
    }
    return largest;
}

static void test_pool_largest(void **state)
{
    (void)state;
    const pool_shape shapes[] = {{5, 7, 6, 5}, {3, 8, 8, 9}, {16, 1, 1, 16}, {2, 2, 3, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const pool_shape *shape = &shapes[i];
        size_t height = (shape->height + 1) / 2, width = (shape->width + 1) / 2;
        size_t pixels = 2 * height * width, area = shape->height * shape->width;
        float *src = filled(2 * area * shape->stride, 1);
        float *dst = filled(pixels * shape->stride, 2);
        pool_largest(shape, 2, src, dst);
        for (size_t j = 0; j < pixels * shape->channels; j++) {
            size_t pixel = j / shape->channels, channel = j % shape->channels;
            const float *image = src + pixel / (height * width) * area * shape->stride;
            assert_true(
                dst[pixel * shape->stride + channel] ==
                largest_around(shape, image, pixel / width % height, pixel % width, channel));
        }
        memory_free(src);
        memory_free(dst);
    }
}

static void test_pool_mean(void **state)
{
    (void)state;
    const pool_shape shape = {70, 3, 5, 75};
    float *src = filled(2 * 15 * shape.stride, 1);
    float *dst = filled(2 * shape.channels, 2);
    pool_mean(&shape, 2, src, dst);
    for (size_t i = 0; i < 2 * shape.channels; i++) {
        const float *image = src + i / shape.channels * 15 * shape.stride;
        double sum = 0.0;
        for (size_t pixel = 0; pixel < 15; pixel++) {
            sum += (double)image[pixel * shape.stride + i % shape.channels];
        }
        assert_true(dst[i] == (float)(sum / 15.0));
    }
    memory_free(src);
    memory_free(dst);
}

static void test_planes_interleave(void **state)
{
    (void)state;
    enum {
        CHANNELS = 3,
        SIDE = 4,
        PAD = 2,
        WIDE = SIDE + 2 * PAD
    };
    float *planes = filled(CHANNELS * SIDE * SIDE, 1);
    float dst[WIDE * WIDE * CHANNELS] = {0};
    planes_interleave(planes, CHANNELS, SIDE, PAD, dst);
    for (size_t i = 0; i < WIDE * WIDE * CHANNELS; i++) {
        size_t y = i / CHANNELS / WIDE - PAD, x = i / CHANNELS % WIDE - PAD;
        bool is_inside = y < SIDE && x < SIDE;
        float wanted = is_inside ? planes[(i % CHANNELS * SIDE + y) * SIDE + x] : 0.0f;
        assert_true(dst[i] == wanted);
    }
    memory_free(planes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_loops),       cmocka_unit_test(test_image_alone),
        cmocka_unit_test(test_residual_in_place),   cmocka_unit_test(test_sides),
        cmocka_unit_test(test_allocation_failures), cmocka_unit_test(test_pool_largest),
        cmocka_unit_test(test_pool_mean),           cmocka_unit_test(test_planes_interleave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
