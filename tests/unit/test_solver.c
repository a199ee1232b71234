/*
 * test_solver.c - derivatives against differences, and what a solved head promises.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/preconditioner.h"
#include "pipeline/solver.h"

enum {
    ROWS = 90,
    FEATURES = 7,
    CLASSES = 4,
    WIDTH = FEATURES + 1,
    SIZE = CLASSES * WIDTH
};

typedef struct world {
    float x[ROWS * FEATURES];
    uint32_t y[ROWS];
    double weights[ROWS];
} world;

static world *world_make(void)
{
    static world made;
    random_key key = random_key_make(7, "test-solver");
    for (size_t i = 0; i < ROWS; i++) {
        made.y[i] = (uint32_t)(i % CLASSES);
        made.weights[i] = 0.2 + random_uniform(key, 2, i);
        for (size_t j = 0; j < FEATURES; j++) {
            made.x[i * FEATURES + j] = (float)(random_normal(key, i, j) +
                                               (j % CLASSES == made.y[i] ? 0.8 : 0.0) + 3.0);
        }
    }
    return &made;
}

static solver_rows rows_of(const world *from)
{
    solver_rows rows = {
        .rows = {from->x, FEATURES, ROWS, NULL}, .labels = from->y, .classes = CLASSES};
    return rows;
}

/* ---- derivatives ------------------------------------------------------------------------ */

typedef struct bench {
    engine *on;
    matrix_team *team;
    training_set set;
    objective of;
} bench;

static void bench_open(bench *made, const world *from, const loss *kind)
{
    spur_error error;
    const training_rows rows = {from->x, FEATURES, ROWS, NULL};
    assert_ok(engine_open(&made->on, &error), error);
    assert_ok(matrix_team_open(made->on, 2, &made->team, &error), error);
    assert_ok(training_set_make(&rows, true, made->team, &made->set, &error), error);
    const objective_options options = {.kind = kind,
                                       .classes = CLASSES,
                                       .labels = from->y,
                                       .coefficient = from->weights,
                                       .ridge = 0.3};
    assert_ok(objective_make(&made->set, made->team, &options, &made->of, &error), error);
}

static void bench_close(bench *block)
{
    objective_free(&block->of);
    training_set_free(&block->set);
    matrix_team_close(block->team);
    engine_close(block->on);
}

static void fill_weights(double *w)
{
    for (size_t i = 0; i < SIZE; i++) {
        w[i] = 0.3 * sin(1.7 * (double)i + 0.4);
    }
}

static void check_derivatives(const loss *kind)
{
    bench b = {0};
    spur_error error;
    double w[SIZE], gradient[SIZE], up[SIZE], down[SIZE], value, high, low;
    float single[SIZE], direction[SIZE], product[SIZE];
    bench_open(&b, world_make(), kind);
    fill_weights(w);
    assert_ok(objective_evaluate_exact(&b.of, w, &value, gradient, &error), error);
    for (size_t i = 0; i < SIZE; i++) {
        double kept = w[i], step = 1e-5;
        w[i] = kept + step;
        assert_ok(objective_evaluate_exact(&b.of, w, &high, up, &error), error);
        w[i] = kept - step;
        assert_ok(objective_evaluate_exact(&b.of, w, &low, down, &error), error);
        w[i] = kept;
        /* central differences; observed 4.5e-11 of the value */
        assert_true(fabs((high - low) / (2 * step) - gradient[i]) <= 1e-6 * (1 + fabs(value)));
        memset(direction, 0, sizeof direction);
        direction[i] = 1.0F;
        assert_ok(objective_evaluate(&b.of, w, &low, single, &error), error);
        assert_ok(objective_curve(&b.of, direction, product, &error), error);
        for (size_t j = 0; j < SIZE; j++) {
            double expected = (up[j] - down[j]) / (2 * step);
            /* single precision: observed 4.7e-7 */
            assert_true(fabs(expected - (double)product[j]) <= 1e-4 * (1 + fabs(expected)));
        }
    }
    assert_true(fabs(low - value) <= 1e-5 * fabs(value));
    for (size_t j = 0; j < SIZE; j++) {
        assert_true(fabs((double)single[j] - gradient[j]) <= 1e-4 * (1 + fabs(gradient[j])));
    }
    bench_close(&b);
}

/* Slope, bend and value on a line against the objective in double at its points. */
static void check_line(const loss *kind)
{
    bench b = {0};
    spur_error error;
    double w[SIZE], there[SIZE], gradient[SIZE], value, slope, bend, low, high;
    float single[SIZE], direction[SIZE];
    bench_open(&b, world_make(), kind);
    fill_weights(w);
    for (size_t i = 0; i < SIZE; i++) {
        direction[i] = 0.2F * cosf((float)i);
    }
    double ends[2], lengths[2] = {0.7 - 1e-4, 0.7 + 1e-4};
    for (size_t end = 0; end < 2; end++) {
        for (size_t i = 0; i < SIZE; i++) {
            there[i] = w[i] + lengths[end] * (double)direction[i];
        }
        assert_ok(objective_evaluate_exact(&b.of, there, &ends[end], gradient, &error), error);
    }
    assert_ok(objective_start(&b.of, w, &value, single, &error), error);
    assert_ok(objective_aim(&b.of, w, direction, &error), error);
    assert_ok(objective_along(&b.of, 0.7, &slope, &bend, &error), error);
    /* single precision: observed 5e-8 and 3e-7 relative */
    assert_true(fabs((ends[1] - ends[0]) / 2e-4 - slope) <= 2e-5 * (1 + fabs(slope)));
    assert_ok(objective_along(&b.of, 0.6, &low, &value, &error), error);
    assert_ok(objective_along(&b.of, 0.8, &high, &value, &error), error);
    assert_true(fabs((high - low) / 0.2 - bend) <= 0.02 * bend);
    for (size_t i = 0; i < SIZE; i++) {
        there[i] = w[i] + 0.7 * (double)direction[i];
    }
    assert_ok(objective_move(&b.of, 0.7, there, &value, single, &error), error);
    assert_ok(objective_evaluate_exact(&b.of, there, &high, gradient, &error), error);
    assert_true(fabs(value - high) <= 1e-5 * fabs(high));
    for (size_t j = 0; j < SIZE; j++) {
        assert_true(fabs((double)single[j] - gradient[j]) <= 1e-4 * (1 + fabs(gradient[j])));
    }
    bench_close(&b);
}

static void test_line(void **state)
{
    (void)state;
    check_line(&loss_softmax);
    check_line(&loss_one_vs_rest);
}

static double bias_slope(const double *gradient)
{
    double most = 0.0;
    for (size_t k = 0; k < CLASSES; k++) {
        most = fmax(most, fabs(gradient[k * WIDTH + FEATURES]));
    }
    return most;
}

/* The best biases: no slope in them is left, and the weights stay. */
static void test_settle(void **state)
{
    bench b = {0};
    spur_error error;
    double w[SIZE], before[SIZE], gradient[SIZE], value;
    float single[SIZE];
    (void)state;
    bench_open(&b, world_make(), &loss_softmax);
    fill_weights(w);
    memcpy(before, w, sizeof w);
    assert_ok(objective_start(&b.of, w, &value, single, &error), error);
    assert_ok(objective_settle(&b.of, w, &value, single, &error), error);
    assert_ok(objective_evaluate_exact(&b.of, w, &value, gradient, &error), error);
    /* the coefficients of this problem sum to 63; observed 6e-6 */
    assert_true(bias_slope(gradient) <= 1e-4);
    assert_ok(objective_mend_biases(&b.of, gradient, w, &error), error);
    assert_ok(objective_evaluate_exact(&b.of, w, &value, gradient, &error), error);
    assert_true(bias_slope(gradient) <= 1e-10); /* observed 1.2e-12 */
    for (size_t i = 0; i < SIZE; i++) {
        assert_true(i % WIDTH == FEATURES || (w[i] >= before[i] && w[i] <= before[i]));
    }
    bench_close(&b);
}

static void test_derivatives(void **state)
{
    (void)state;
    check_derivatives(&loss_softmax);
    check_derivatives(&loss_one_vs_rest);
}

/* dst = M v, from the rows: in coordinates of mean 0 a bias is b + v mean. */
static void multiply_base(const training_set *set, curvature_scale by, const float *v,
                          double *dst)
{
    size_t rows = set->rows.count;
    double mean[FEATURES] = {0}, bias = (double)v[FEATURES];
    for (size_t i = 0; i < rows * FEATURES; i++) {
        mean[i % FEATURES] +=
            (double)set->x[i / FEATURES * set->stride + i % FEATURES] / (double)rows;
    }
    for (size_t j = 0; j < FEATURES; j++) {
        bias += mean[j] * (double)v[j];
    }
    dst[FEATURES] = by.c * (1.0 + CURVATURE_BIAS_RIDGE) * bias;
    for (size_t j = 0; j < FEATURES; j++) {
        dst[j] = by.ridge * (double)v[j] + mean[j] * dst[FEATURES];
    }
    for (size_t i = 0; i < rows; i++) {
        const float *x = set->x + i * set->stride;
        double dot = 0.0;
        for (size_t k = 0; k < FEATURES; k++) {
            dot += ((double)x[k] - mean[k]) * (double)v[k];
        }
        for (size_t j = 0; j < FEATURES; j++) {
            dst[j] += by.c * dot * ((double)x[j] - mean[j]) / (double)rows;
        }
    }
}

/* M^-1 M v = v where all eigenvectors are kept, with more rows than features and fewer. */
static void check_curvature(size_t rows_count, bool standardise)
{
    spur_error error;
    curvature *base = NULL;
    engine *on;
    matrix_team *team;
    training_set set = {0};
    const curvature_scale by = {0.2, 0.05};
    const world *from = world_make();
    const training_rows rows = {from->x, FEATURES, rows_count, NULL};

    assert_ok(engine_open(&on, &error), error);
    assert_ok(matrix_team_open(on, 1, &team, &error), error);
    assert_ok(training_set_make(&rows, standardise, team, &set, &error), error);
    assert_ok(curvature_open(&set, team, &base, &error), error);
    float v[WIDTH], multiplied[WIDTH], solved[WIDTH];
    double product[WIDTH];
    for (size_t j = 0; j < WIDTH; j++) {
        v[j] = cosf((float)j);
    }
    multiply_base(&set, by, v, product);
    for (size_t j = 0; j < WIDTH; j++) {
        multiplied[j] = (float)product[j];
    }
    assert_ok(curvature_solve(base, by, multiplied, 1, solved, &error), error);
    for (size_t j = 0; j < WIDTH; j++) {
        assert_true(fabsf(solved[j] - v[j]) <= 5e-5F); /* observed 7.7e-6 */
    }
    curvature_close(base);
    training_set_free(&set);
    matrix_team_close(team);
    engine_close(on);
}

static void test_curvature(void **state)
{
    (void)state;
    check_curvature(ROWS, true);
    check_curvature(3, true);
    check_curvature(ROWS, false);
}

/* Features enough that not all eigenvectors are kept: the bound holds, and says more than the
 * trace. */
static void test_bound(void **state)
{
    enum {
        MANY_ROWS = 300,
        MANY = 200
    };
    spur_error error;
    curvature *base = NULL;
    engine *on;
    matrix_team *team;
    training_set set = {0};
    float *x = NULL;
    double v[MANY], norm = 0.0, trace = 0.0;
    random_key key = random_key_make(3, "test-bound");
    (void)state;
    assert_ok(memory_new((size_t)MANY_ROWS * MANY, sizeof *x, &x, &error), error);
    for (size_t i = 0; i < (size_t)MANY_ROWS * MANY; i++) {
        double common = random_normal(key, 1, i / MANY);
        x[i] = (float)(random_normal(key, 2, i) + common * (i % MANY < 60 ? 1.0 : 0.0));
    }
    const training_rows rows = {x, MANY, MANY_ROWS, NULL};
    assert_ok(engine_open(&on, &error), error);
    assert_ok(matrix_team_open(on, 2, &team, &error), error);
    assert_ok(training_set_make(&rows, true, team, &set, &error), error);
    assert_ok(curvature_open(&set, team, &base, &error), error);
    for (size_t j = 0; j < MANY; j++) {
        v[j] = j < 60 ? 1.0 : 0.1;
    }
    for (size_t step = 0; step < 50; step++) { /* the largest eigenvalue by powers */
        double next[MANY] = {0.0};
        for (size_t i = 0; i < MANY_ROWS; i++) {
            const float *row = set.x + i * set.stride;
            double dot = 0.0;
            for (size_t j = 0; j < MANY; j++) {
                dot += (double)row[j] * v[j];
            }
            for (size_t j = 0; j < MANY; j++) {
                next[j] += dot * (double)row[j] / MANY_ROWS;
            }
        }
        norm = 0.0;
        for (size_t j = 0; j < MANY; j++) {
            norm += next[j] * next[j];
        }
        norm = sqrt(norm);
        for (size_t j = 0; j < MANY; j++) {
            v[j] = next[j] / norm;
        }
    }
    trace = set.square_mean;
    assert_true(curvature_bound(base) >= norm);        /* observed 3.5 times */
    assert_true(curvature_bound(base) <= 0.7 * trace); /* observed 0.55 */
    curvature_close(base);
    training_set_free(&set);
    matrix_team_close(team);
    engine_close(on);
    memory_free(x);
}

/* dst += s u (u v) of class k, from the rows and their logits. */
static void add_own_rows(const bench *b, const double *w, size_t k, const float *v, double *dst)
{
    double whole = 0.0, s = 0.0, dot = 0.0, u[WIDTH] = {0};
    for (size_t i = k; i < ROWS; i += CLASSES) { /* labels are i % CLASSES */
        const float *x = b->set.x + i * b->set.stride;
        double a = b->of.is.coefficient[i], own = 0.0, sum = 0.0;
        for (size_t c = 0; c < CLASSES; c++) {
            double z = 0.0;
            for (size_t j = 0; j < WIDTH; j++) {
                z += w[c * WIDTH + j] * (double)x[j];
            }
            sum += exp(z);
            own = c == k ? exp(z) : own;
        }
        s += a * (own / sum) * (1.0 - own / sum);
        whole += a;
        for (size_t j = 0; j < WIDTH; j++) {
            u[j] += a * (double)x[j];
        }
    }
    for (size_t j = 0; j < WIDTH; j++) {
        u[j] /= whole;
        dot += u[j] * (double)v[j];
    }
    for (size_t j = 0; j < WIDTH; j++) {
        dst[j] += s * dot * u[j];
    }
}

/* P^-1 P v = v. */
static void test_preconditioner(void **state)
{
    spur_error error;
    bench b = {0};
    curvature *base = NULL;
    preconditioner with;
    double w[SIZE], value;
    float v[SIZE], multiplied[SIZE], solved[SIZE];
    (void)state;
    bench_open(&b, world_make(), &loss_softmax);
    fill_weights(w);
    assert_ok(objective_evaluate(&b.of, w, &value, solved, &error), error);
    assert_ok(curvature_open(&b.set, b.team, &base, &error), error);
    assert_ok(preconditioner_open(base, &b.of, &with, &error), error);
    assert_ok(preconditioner_follow(&with, &error), error);
    for (size_t k = 0; k < CLASSES; k++) {
        double product[WIDTH];
        for (size_t j = 0; j < WIDTH; j++) {
            v[k * WIDTH + j] = cosf((float)(k * WIDTH + j));
        }
        multiply_base(&b.set, with.by, v + k * WIDTH, product);
        add_own_rows(&b, w, k, v + k * WIDTH, product);
        for (size_t j = 0; j < WIDTH; j++) {
            multiplied[k * WIDTH + j] = (float)product[j];
        }
    }
    assert_ok(preconditioner_solve(&with, multiplied, solved, &error), error);
    for (size_t j = 0; j < SIZE; j++) {
        assert_true(fabsf(solved[j] - v[j]) <= 5e-5F); /* observed 8.2e-6 */
    }
    preconditioner_close(&with);
    curvature_close(base);
    bench_close(&b);
}

/* ---- heads ------------------------------------------------------------------------------ */

static softmax_result fit(const solver_rows *rows, const softmax_options *options,
                          size_t threads)
{
    spur_error error;
    solver *with = NULL;
    softmax_result made = {0};
    assert_ok(solver_open(rows, threads, &with, &error), error);
    assert_ok(softmax_fit(with, options, &made, &error), error);
    solver_close(with);
    return made;
}

static void test_threads(void **state)
{
    (void)state;
    softmax_options options;
    softmax_options_defaults(&options);
    options.is_balanced = true;
    options.weights = world_make()->weights;
    const solver_rows rows = rows_of(world_make());
    softmax_result one = fit(&rows, &options, 1);
    for (size_t threads = 2; threads <= 8; threads = threads == 3 ? 8 : threads + 1) {
        softmax_result many = fit(&rows, &options, threads);
        assert_memory_equal(one.own.weight, many.own.weight,
                            CLASSES * FEATURES * sizeof(float));
        assert_memory_equal(one.own.bias, many.own.bias, CLASSES * sizeof(float));
        assert_true(one.proof.gap <= many.proof.gap && many.proof.gap <= one.proof.gap);
        softmax_result_free(&many);
    }
    softmax_result_free(&one);
}

/* Rows in another order: the same optimum within both certificates. */
static void test_permutation(void **state)
{
    (void)state;
    softmax_options options;
    uint64_t turned[ROWS];
    uint32_t labels[ROWS];
    solver_rows rows = rows_of(world_make());
    softmax_options_defaults(&options);
    softmax_result straight = fit(&rows, &options, 1);
    for (size_t i = 0; i < ROWS; i++) {
        turned[i] = ROWS - 1 - i;
        labels[i] = rows.labels[ROWS - 1 - i];
    }
    rows.rows.picked = turned;
    rows.labels = labels;
    softmax_result other = fit(&rows, &options, 1);
    assert_true(straight.proof.gap <= 1e-12 && other.proof.gap <= 1e-12);
    assert_true(fabs(straight.proof.objective - other.proof.objective) <= 1e-12);
    for (size_t i = 0; i < CLASSES * FEATURES; i++) {
        double away = fabs((double)straight.own.weight[i] - (double)other.own.weight[i]);
        /* deviations are near 1, so raw and standardised weights are alike; observed equal */
        assert_true(away <= 2 * (straight.proof.weight_error + other.proof.weight_error));
    }
    softmax_result_free(&straight);
    softmax_result_free(&other);
}

/* A class without a row is never predicted; the others are solved for as if it did not exist.
 */
/* Enough rows for a start on a part of them: any tolerance is met, with any threads. */
static void test_many_rows(void **state)
{
    enum {
        MANY = 4500
    };
    static float x[MANY * FEATURES];
    static uint32_t y[MANY];
    softmax_options options;
    (void)state;
    random_key key = random_key_make(8, "test-solver-many");
    for (size_t i = 0; i < MANY; i++) {
        y[i] = (uint32_t)(i % CLASSES);
        for (size_t j = 0; j < FEATURES; j++) {
            double shift = j % CLASSES == y[i] ? 1.0 : 0.0;
            x[i * FEATURES + j] = (float)(random_normal(key, i, j) + shift);
        }
    }
    const solver_rows rows = {
        .rows = {x, FEATURES, MANY, NULL}, .labels = y, .classes = CLASSES};
    softmax_options_defaults(&options);
    softmax_result exact = fit(&rows, &options, 1);
    assert_true(exact.proof.gap <= 1e-12 * exact.proof.objective); /* observed 3e-14 */
    options.descent.tolerance = 1e-5;
    softmax_result one = fit(&rows, &options, 1);
    softmax_result three = fit(&rows, &options, 3);
    assert_true(one.proof.gap <= 1e-5 * one.proof.objective);
    assert_true(one.steps.products < exact.steps.products);
    double above = one.proof.objective - exact.proof.objective;
    assert_true(above >= -exact.proof.gap && above <= one.proof.gap);
    assert_memory_equal(one.own.weight, three.own.weight, CLASSES * FEATURES * sizeof(float));
    assert_memory_equal(one.own.bias, three.own.bias, CLASSES * sizeof(float));
    softmax_result_free(&exact);
    softmax_result_free(&one);
    softmax_result_free(&three);
}

static void test_absent_class(void **state)
{
    (void)state;
    softmax_options options;
    softmax_options_defaults(&options);
    world *from = world_make();
    solver_rows rows = rows_of(from);
    softmax_result without = fit(&rows, &options, 1);
    uint32_t labels[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = from->y[i] < 2 ? from->y[i] : from->y[i] + 1;
    }
    rows.labels = labels;
    rows.classes = CLASSES + 2;
    softmax_result with = fit(&rows, &options, 1);
    assert_int_equal(with.own.classes, CLASSES + 2);
    assert_true(with.own.bias[2] <= -1e30F && with.own.bias[CLASSES + 1] <= -1e30F);
    for (size_t j = 0; j < FEATURES; j++) {
        assert_true(fabsf(with.own.weight[2 * FEATURES + j]) <= 0.0F);
    }
    assert_memory_equal(with.own.weight, without.own.weight, 2 * FEATURES * sizeof(float));
    assert_memory_equal(with.own.weight + 3 * FEATURES, without.own.weight + 2 * FEATURES,
                        2 * FEATURES * sizeof(float));
    softmax_result_free(&with);
    softmax_result_free(&without);
}

static int stop_at_once(void *context, const descent_progress *progress)
{
    (void)context;
    return progress->step >= 1;
}

static void test_cancel(void **state)
{
    (void)state;
    softmax_options options;
    softmax_options_defaults(&options);
    options.descent.visit = stop_at_once;
    const solver_rows rows = rows_of(world_make());
    softmax_result made = fit(&rows, &options, 1);
    assert_true(made.steps.is_cancelled);
    assert_true(isinf(made.proof.gap) != 0);
    assert_true(made.proof.objective < log(CLASSES)); /* better than the start */
    softmax_result_free(&made);
}

static void refuse(const solver_rows *rows, const softmax_options *options, spur_status status,
                   const char *message)
{
    spur_error error = {SPUR_OK, ""};
    solver *with = NULL;
    softmax_result made;
    spur_status found = solver_open(rows, 1, &with, &error);
    if (found == SPUR_OK) {
        found = softmax_fit(with, options, &made, &error);
    }
    assert_int_equal(found, status);
    if (strstr(error.message, message) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, message);
    }
    solver_close(with);
}

static void test_bad_input(void **state)
{
    (void)state;
    static world broken;
    softmax_options options;
    softmax_options_defaults(&options);
    broken = *world_make();
    solver_rows rows = rows_of(&broken);
    broken.x[5 * FEATURES + 2] = NAN;
    refuse(&rows, &options, SPUR_DATASET, "row 5 holds nan in column 2");
    broken = *world_make();
    broken.y[9] = CLASSES;
    refuse(&rows, &options, SPUR_DATASET, "row 9 has label 4, expected below 4");
    memset(broken.y, 0, sizeof broken.y);
    refuse(&rows, &options, SPUR_DATASET, "at least two classes");
    broken = *world_make();
    rows.rows.count = 0;
    refuse(&rows, &options, SPUR_DATASET, "at least two classes");
    rows.rows.count = ROWS;
    options.C = 0.0;
    refuse(&rows, &options, SPUR_USAGE, "C: must be above 0");
    options.C = 1.0;
    broken.weights[3] = -1.0;
    options.weights = broken.weights;
    refuse(&rows, &options, SPUR_DATASET, "row 3 has sample weight -1");
    memset(broken.weights, 0, sizeof broken.weights);
    refuse(&rows, &options, SPUR_DATASET, "weights sum to 0");
}

static void test_memory(void **state)
{
    (void)state;
    spur_error error;
    softmax_options options;
    softmax_options_defaults(&options);
    const solver_rows rows = rows_of(world_make());
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n++) {
        solver *with = NULL;
        softmax_result made = {0};
        (void)memory_fail_at(n, false);
        status = solver_open(&rows, 1, &with, &error);
        if (status == SPUR_OK) {
            status = softmax_fit(with, &options, &made, &error);
        }
        (void)memory_fail_at(0, false);
        softmax_result_free(&made);
        solver_close(with);
    }
    assert_int_equal(status, SPUR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivatives), cmocka_unit_test(test_line),
        cmocka_unit_test(test_settle),      cmocka_unit_test(test_curvature),
        cmocka_unit_test(test_bound),       cmocka_unit_test(test_preconditioner),
        cmocka_unit_test(test_threads),     cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_many_rows),   cmocka_unit_test(test_absent_class),
        cmocka_unit_test(test_cancel),      cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
