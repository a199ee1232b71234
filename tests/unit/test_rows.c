/*
 * test_rows.c - operations on rows against double.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "nn/rows.h"

enum {
    ROWS = 3,
    STRIDE = 1100
};

static const size_t widths[] = {1, 2, 15, 16, 17, 33, 100, 768, 1024, 1097};

enum {
    WIDTHS = sizeof widths / sizeof widths[0]
};

static float value_at(size_t index, unsigned salt)
{
    uint32_t x = (uint32_t)index * 2654435761U + salt * 40503U + 1U;
    x ^= x >> 15;
    x *= 2246822519U;
    x ^= x >> 13;
    return (float)(x >> 8) / 16777216.0f * 2.0f - 1.0f;
}

static void fill(float *values, size_t count, unsigned salt, float scale, float shift)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = scale * value_at(i, salt) + shift;
    }
}

static double worse(double worst, double off)
{
    return off > worst || isnan(off) ? off : worst;
}

static void test_layer_norm(void **state)
{
    (void)state;
    static float src[ROWS * STRIDE], dst[ROWS * STRIDE], weight[STRIDE], bias[STRIDE];
    double worst = 0.0;
    fill(src, ROWS * STRIDE, 1, 3.0f, 10.0f);
    fill(weight, STRIDE, 2, 1.0f, 1.0f);
    fill(bias, STRIDE, 3, 1.0f, 0.0f);
    for (size_t i = 0; i < WIDTHS; i++) {
        size_t width = widths[i];
        rows_layer_norm(src, STRIDE, ROWS, width, weight, bias, 1e-5f, dst, STRIDE);
        for (size_t row = 0; row < ROWS; row++) {
            const float *x = src + row * STRIDE;
            double mean = 0.0, variance = 0.0;
            for (size_t k = 0; k < width; k++) {
                mean += (double)x[k] / (double)width;
            }
            for (size_t k = 0; k < width; k++) {
                variance += pow((double)x[k] - mean, 2.0) / (double)width;
            }
            for (size_t k = 0; k < width; k++) {
                double y = ((double)x[k] - mean) / sqrt(variance + (double)1e-5f);
                y = y * (double)weight[k] + (double)bias[k];
                worst = worse(worst, fabs((double)dst[row * STRIDE + k] - y));
            }
        }
    }
    print_message("layer norm: %.1e\n", worst);
    /* Observed 1.2e-6, for values up to 10. */
    assert_true(worst < 1e-5);
}

static double exact_activation(double x, activation act)
{
    double u = sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x);
    switch (act) {
    case ACTIVATION_QUICK_GELU:
        return x / (1.0 + exp(-1.702 * x));
    case ACTIVATION_GELU_ERF:
        return x * 0.5 * erfc(-x / sqrt(2.0));
    case ACTIVATION_GELU_TANH:
        return x / (1.0 + exp(-2.0 * u));
    case ACTIVATION_NONE:
        break;
    }
    return x;
}

/* Every activation on a dense grid: error relative to max(|x|, 1). */
static void test_activations(void **state)
{
    (void)state;
    static float grid[200001];
    const size_t count = sizeof grid / sizeof grid[0];
    static const activation acts[] = {ACTIVATION_NONE, ACTIVATION_QUICK_GELU,
                                      ACTIVATION_GELU_ERF, ACTIVATION_GELU_TANH};
    for (size_t i = 0; i < 4; i++) {
        double worst = 0.0;
        for (size_t k = 0; k < count; k++) {
            grid[k] = ((float)k - 100000.0f) * 2e-4f;
        }
        rows_activate(grid, count, 1, count, acts[i]);
        for (size_t k = 0; k < count; k++) {
            double x = (double)(((float)k - 100000.0f) * 2e-4f);
            double off = fabs((double)grid[k] - exact_activation(x, acts[i]));
            worst = worse(worst, off / fmax(1.0, fabs(x)));
        }
        print_message("activation %d: %.1e\n", (int)acts[i], worst);
        /* Observed 1.2e-7, that is 1 unit of 2^-23. */
        assert_true(worst < 4e-7);
    }
}

static void test_activation_extremes(void **state)
{
    (void)state;
    for (int act = ACTIVATION_QUICK_GELU; act <= ACTIVATION_GELU_TANH; act++) {
        float x[4] = {-1000.0f, 1000.0f, 0.0f, NAN};
        rows_activate(x, 4, 1, 4, (activation)act);
        assert_true(fabsf(x[0]) < 1e-30f);
        assert_true(x[1] == 1000.0f);
        assert_true(x[2] == 0.0f);
        assert_true(isnan(x[3]));
    }
}

static void test_softmax(void **state)
{
    (void)state;
    static float values[ROWS * STRIDE], before[ROWS * STRIDE];
    double worst = 0.0;
    for (size_t i = 0; i < WIDTHS; i++) {
        size_t width = widths[i];
        fill(values, ROWS * STRIDE, 5, 40.0f, 500.0f);
        memcpy(before, values, sizeof before);
        rows_softmax(values, STRIDE, ROWS, width);
        for (size_t row = 0; row < ROWS; row++) {
            const float *x = before + row * STRIDE;
            double peak = (double)-INFINITY, total = 0.0;
            for (size_t k = 0; k < width; k++) {
                peak = fmax(peak, (double)x[k]);
            }
            for (size_t k = 0; k < width; k++) {
                total += exp((double)x[k] - peak);
            }
            for (size_t k = 0; k < width; k++) {
                double y = exp((double)x[k] - peak) / total;
                double off = fabs((double)values[row * STRIDE + k] - y) / fmax(y, 1e-37);
                worst = worse(worst, off);
            }
            assert_true(values[row * STRIDE + width] == before[row * STRIDE + width]);
        }
    }
    print_message("softmax: %.1e relative\n", worst);
    /* Observed 1.9e-7. */
    assert_true(worst < 1e-6);
}

static void test_l2(void **state)
{
    (void)state;
    static float src[ROWS * STRIDE], dst[ROWS * STRIDE];
    double worst = 0.0;
    fill(src, ROWS * STRIDE, 6, 2.0f, 0.3f);
    for (size_t i = 0; i < WIDTHS; i++) {
        size_t width = widths[i];
        rows_l2_normalise(src, STRIDE, ROWS, width, 1e-6f, dst, STRIDE);
        for (size_t row = 0; row < ROWS; row++) {
            double squares = 0.0;
            for (size_t k = 0; k < width; k++) {
                squares += pow((double)src[row * STRIDE + k], 2.0);
            }
            for (size_t k = 0; k < width; k++) {
                double y = (double)src[row * STRIDE + k] / (sqrt(squares) + (double)1e-6f);
                worst = worse(worst, fabs((double)dst[row * STRIDE + k] - y));
            }
        }
    }
    print_message("l2: %.1e\n", worst);
    /* Observed 6.3e-8. */
    assert_true(worst < 5e-7);
}

/* All products at once, and each alone with the same bits. */
static void test_dot(void **state)
{
    (void)state;
    enum {
        A_ROWS = 7,
        B_ROWS = 11
    };
    static float a[A_ROWS * STRIDE], b[B_ROWS * STRIDE], dst[A_ROWS * 13];
    double worst = 0.0;
    fill(a, A_ROWS * STRIDE, 7, 1.0f, 0.0f);
    fill(b, B_ROWS * STRIDE, 8, 1.0f, 0.0f);
    for (size_t i = 0; i < WIDTHS; i++) {
        size_t width = widths[i];
        rows_dot(a, STRIDE, A_ROWS, b, STRIDE, B_ROWS, width, dst, 13);
        for (size_t at = 0; at < A_ROWS * B_ROWS; at++) {
            size_t row = at / B_ROWS, column = at % B_ROWS;
            double sum = 0.0;
            for (size_t k = 0; k < width; k++) {
                sum += (double)a[row * STRIDE + k] * (double)b[column * STRIDE + k];
            }
            float alone;
            rows_dot(a + row * STRIDE, STRIDE, 1, b + column * STRIDE, STRIDE, 1, width, &alone,
                     1);
            assert_memory_equal(&alone, &dst[row * 13 + column], sizeof alone);
            worst = worse(worst, fabs((double)alone - sum));
        }
    }
    print_message("dot: %.1e\n", worst);
    /* Observed 4.6e-6, for sums of up to 1097 products. */
    assert_true(worst < 2e-5);
}

static void test_add(void **state)
{
    (void)state;
    float src[6] = {1, 2, 3, 4, 5, 6}, dst[8] = {10, 20, 30, 40, 50, 60, 70, 80};
    const float expected[8] = {11, 22, 30, 40, 54, 65, 70, 80};
    rows_add(src, 3, 2, 2, dst, 4);
    assert_memory_equal(dst, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layer_norm), cmocka_unit_test(test_activations),
        cmocka_unit_test(test_softmax),    cmocka_unit_test(test_activation_extremes),
        cmocka_unit_test(test_l2),         cmocka_unit_test(test_dot),
        cmocka_unit_test(test_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
