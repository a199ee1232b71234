/*
 * test_matrix.c - products against three naive loops, for shapes around the tiles' sizes, and
 * the same bits for any number of threads.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "nn/matrix.h"

typedef struct shape {
    size_t m, n, depth;
} shape;

static const shape shapes[] = {{1, 1, 1},     {5, 3, 7},      {12, 16, 256},  {13, 17, 257},
                               {385, 257, 9}, {40, 30, 2100}, {100, 300, 600}};

static float *numbers(size_t count, unsigned seed)
{
    spur_error error;
    float *made = NULL;
    assert_ok(memory_new(count, sizeof *made, &made, &error), error);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        made[i] = (float)(seed >> 8) / 8388608.0F - 1.0F;
    }
    return made;
}

static matrix_team *team_of(engine **on, size_t threads)
{
    spur_error error;
    matrix_team *team = NULL;
    assert_ok(engine_open(on, &error), error);
    assert_ok(matrix_team_open(*on, threads, &team, &error), error);
    return team;
}

/* a may be turned over, b too: the layout must not matter to the value. */
static void check_float(const shape *s, bool turn_a, bool turn_b, size_t threads)
{
    spur_error error;
    engine *on;
    matrix_team *team = team_of(&on, threads);
    float *a = numbers(s->m * s->depth, 1), *b = numbers(s->depth * s->n, 2);
    float *c = numbers(s->m * s->n, 3), *before = numbers(s->m * s->n, 3);
    matrix left = turn_a ? matrix_turned(matrix_of(a, s->depth, s->m, s->m))
                         : matrix_of(a, s->m, s->depth, s->depth);
    matrix right = turn_b ? matrix_turned(matrix_of(b, s->n, s->depth, s->depth))
                          : matrix_of(b, s->depth, s->n, s->n);
    const matrix_result into = {.single = c, .stride = s->n, .scale = -0.5, .add = true};
    assert_ok(matrix_multiply(team, left, right, &into, &error), error);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0.0, size = 1.0;
            for (size_t k = 0; k < s->depth; k++) {
                double x = (double)a[turn_a ? k * s->m + i : i * s->depth + k];
                double y = (double)b[turn_b ? j * s->depth + k : k * s->n + j];
                sum += x * y;
                size += fabs(x * y);
            }
            double expected = (double)before[i * s->n + j] - 0.5 * sum;
            /* 1e-6 of the sum of sizes; observed 1.1e-7 */
            assert_true(fabs((double)c[i * s->n + j] - expected) <= 1e-6 * size);
        }
    }
    memory_free(a);
    memory_free(b);
    memory_free(c);
    memory_free(before);
    matrix_team_close(team);
    engine_close(on);
}

static void test_floats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_float(&shapes[i], false, false, 1);
        check_float(&shapes[i], true, false, 2);
        check_float(&shapes[i], false, true, 3);
        check_float(&shapes[i], true, true, 1);
    }
}

static void test_doubles(void **state)
{
    (void)state;
    spur_error error;
    engine *on;
    matrix_team *team = team_of(&on, 2);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        double *a = NULL, *b = NULL, *c = NULL;
        assert_ok(memory_new(s->m * s->depth, sizeof *a, &a, &error), error);
        assert_ok(memory_new(s->depth * s->n, sizeof *b, &b, &error), error);
        assert_ok(memory_new_zeroed(s->m * s->n, sizeof *c, &c, &error), error);
        for (size_t j = 0; j < s->m * s->depth; j++) {
            a[j] = sin((double)j);
        }
        for (size_t j = 0; j < s->depth * s->n; j++) {
            b[j] = cos(3.0 * (double)j);
        }
        const matrix_double what = {s->m, s->n, s->depth, a, b, s->depth, 1, s->n, 1, c, s->n};
        assert_ok(matrix_multiply_double(team, &what, &error), error);
        for (size_t j = 0; j < s->m * s->n; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < s->depth; k++) {
                sum += a[j / s->n * s->depth + k] * b[k * s->n + j % s->n];
            }
            /* observed 6.7e-17 */
            assert_true(fabs(c[j] - sum) <= 1e-15 * (double)(s->depth + 1));
        }
        memory_free(a);
        memory_free(b);
        memory_free(c);
    }
    matrix_team_close(team);
    engine_close(on);
}

/* Bits do not depend on threads. */
static void test_threads(void **state)
{
    (void)state;
    enum {
        N = 500,
        DEPTH = 700
    };
    spur_error error;
    float *a = numbers((size_t)N * DEPTH, 5), *one = numbers((size_t)N * N, 1);
    float *many = numbers((size_t)N * N, 1);
    static const size_t teams[] = {1, 3, 16}; /* the last one gets smaller tiles */
    for (size_t team_index = 0; team_index < 3; team_index++) {
        size_t threads = teams[team_index];
        engine *on;
        matrix_team *team = team_of(&on, threads);
        matrix x = matrix_of(a, DEPTH, N, N);
        const matrix_result into = {
            .single = threads == 1 ? one : many, .stride = N, .scale = 1.0};
        assert_ok(matrix_multiply(team, matrix_turned(x), x, &into, &error), error);
        matrix_team_close(team);
        engine_close(on);
        if (threads > 1) {
            assert_memory_equal(one, many, (size_t)N * N * sizeof *one);
        }
    }
    memory_free(a);
    memory_free(one);
    memory_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_floats),
                                       cmocka_unit_test(test_doubles),
                                       cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
