/*
 * test_attention.c - tiled attention with a running softmax against loops in double.
 */
#include "support.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "nn/attention.h"

typedef struct attention_data {
    attention_shape shape;
    float *qkv, *dst;
    double *expected;
    size_t dst_count;
} attention_data;

/* Numbers in [-1, 1) without pattern: a 32-bit mix of the index. */
static float value_at(size_t index)
{
    uint32_t x = (uint32_t)index * 2654435761U + 12345U;
    x ^= x >> 15;
    x *= 2246822519U;
    x ^= x >> 13;
    return (float)(x >> 8) / 16777216.0f * 2.0f - 1.0f;
}

static attention_data data_make(const attention_shape *shape, float scale)
{
    spur_error error;
    attention_data made = {.shape = *shape};
    size_t count = shape->tokens * shape->src_stride;
    made.dst_count = shape->tokens * shape->dst_stride;
    assert_ok(memory_new(count, sizeof(float), &made.qkv, &error), error);
    assert_ok(memory_new_zeroed(made.dst_count, sizeof(float), &made.dst, &error), error);
    assert_ok(memory_new_zeroed(made.dst_count, sizeof(double), &made.expected, &error), error);
    for (size_t i = 0; i < count; i++) {
        made.qkv[i] = scale * value_at(i);
    }
    return made;
}

static void data_free(attention_data *data)
{
    memory_free(data->qkv);
    memory_free(data->dst);
    memory_free(data->expected);
}

static double score_of(const attention_data *data, size_t head, size_t query, size_t key)
{
    const attention_shape *shape = &data->shape;
    size_t size = shape->head_size;
    const float *q = data->qkv + query * shape->src_stride + head * size;
    const float *k = data->qkv + key * shape->src_stride + (shape->heads + head) * size;
    double sum = 0.0;
    for (size_t i = 0; i < size; i++) {
        sum += (double)q[i] * (double)k[i];
    }
    return sum;
}

/* Fills expected for one head and query. */
static void expect_row(attention_data *data, size_t head, size_t query, double *scores)
{
    const attention_shape *shape = &data->shape;
    size_t size = shape->head_size;
    size_t keys = shape->causal ? query + 1 : shape->tokens;
    double peak = (double)-INFINITY, total = 0.0;
    for (size_t key = 0; key < keys; key++) {
        scores[key] = score_of(data, head, query, key);
        peak = fmax(peak, scores[key]);
    }
    for (size_t key = 0; key < keys; key++) {
        scores[key] = exp(scores[key] - peak);
        total += scores[key];
    }
    double *dst = data->expected + query * shape->dst_stride + head * size;
    for (size_t key = 0; key < keys; key++) {
        const float *v = data->qkv + key * shape->src_stride + (2 * shape->heads + head) * size;
        for (size_t i = 0; i < size; i++) {
            dst[i] += scores[key] / total * (double)v[i];
        }
    }
}

static void expect_all(attention_data *data)
{
    spur_error error;
    double *scores = NULL;
    assert_ok(memory_new(data->shape.tokens, sizeof *scores, &scores, &error), error);
    for (size_t head = 0; head < data->shape.heads; head++) {
        for (size_t query = 0; query < data->shape.tokens; query++) {
            expect_row(data, head, query, scores);
        }
    }
    memory_free(scores);
}

static void run(const attention_data *data, float *dst)
{
    spur_error error;
    engine *on = NULL;
    attention *made = NULL;
    engine_worker *worker = NULL;
    assert_ok(engine_open(&on, &error), error);
    assert_ok(attention_open(on, &data->shape, &made, &error), error);
    assert_ok(engine_worker_new(on, &worker, &error), error);
    assert_ok(attention_run(made, worker, data->qkv, data->shape.tokens, dst, &error), error);
    engine_worker_free(worker);
    attention_close(made);
    engine_close(on);
}

/* tokens, heads, head size, source stride, destination stride, causal */
static const attention_shape cases[] = {
    {1, 1, 1, 3, 1, false},       {1, 2, 10, 60, 20, true},      {2, 1, 16, 48, 16, true},
    {16, 8, 64, 1552, 528, true}, {17, 4, 12, 150, 48, true},    {17, 4, 12, 150, 50, false},
    {25, 3, 8, 72, 24, false},    {257, 2, 10, 60, 20, true},    {300, 2, 20, 128, 40, false},
    {300, 1, 33, 99, 33, true},   {577, 2, 64, 400, 144, false}, {1030, 1, 7, 21, 7, true},
};

/* Scores up to about +-size; with scale 6 the softmax is nearly one-hot. */
static void test_against_loops(void **state)
{
    (void)state;
    static const float scales[] = {0.5f, 1.0f, 6.0f};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof scales / sizeof scales[0]; j++) {
            attention_data data = data_make(&cases[i], scales[j]);
            expect_all(&data);
            run(&data, data.dst);
            double worst = 0.0;
            for (size_t at = 0; at < data.dst_count; at++) {
                double off = fabs((double)data.dst[at] - data.expected[at]);
                worst = off > worst || isnan(off) ? off : worst;
            }
            worst /= (double)scales[j];
            print_message("tokens %zu size %zu scale %g: %.1e\n", cases[i].tokens,
                          cases[i].head_size, (double)scales[j], worst);
            /* Relative to |v|; scores of size s carry rounding errors of s 2^-24. Observed
             * 1.3e-6 up to scale 1 and 4.4e-5 at scale 6 (scores up to 700). */
            assert_true(worst < (scales[j] > 1.0f ? 1e-4 : 4e-6));
            data_free(&data);
        }
    }
}

/* Far-away scores: probabilities 0 and 1 without overflow or NaN. */
static void test_large_scores(void **state)
{
    (void)state;
    const attention_shape shape = {40, 1, 1, 3, 1, false};
    attention_data data = data_make(&shape, 1.0f);
    for (size_t token = 0; token < shape.tokens; token++) {
        data.qkv[token * 3] = 1.0f;
        data.qkv[token * 3 + 1] = token == 23 ? 1e30f : -1e30f;
        data.qkv[token * 3 + 2] = (float)token;
    }
    run(&data, data.dst);
    for (size_t token = 0; token < shape.tokens; token++) {
        assert_true(data.dst[token] == 23.0f);
    }
    data_free(&data);
}

typedef struct worker_job {
    const attention *made;
    const engine *on;
    const attention_data *data;
    float *dst;
    spur_status status;
} worker_job;

static void *work(void *context)
{
    worker_job *job = context;
    spur_error error;
    engine_worker *worker = NULL;
    job->status = engine_worker_new(job->on, &worker, &error);
    for (size_t i = 0; i < 10 && job->status == SPUR_OK; i++) {
        job->status = attention_run(job->made, worker, job->data->qkv, job->data->shape.tokens,
                                    job->dst, &error);
    }
    engine_worker_free(worker);
    return NULL;
}

/* Two workers at the same time, many times over: the bits of one worker, once. */
static void test_two_workers(void **state)
{
    (void)state;
    spur_error error;
    const attention_shape shape = {300, 2, 20, 128, 40, true};
    attention_data data = data_make(&shape, 1.0f);
    run(&data, data.dst);
    engine *on = NULL;
    attention *made = NULL;
    assert_ok(engine_open(&on, &error), error);
    assert_ok(attention_open(on, &shape, &made, &error), error);
    worker_job jobs[2];
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        jobs[i] = (worker_job){made, on, &data, NULL, SPUR_OK};
        assert_ok(memory_new(data.dst_count, sizeof(float), &jobs[i].dst, &error), error);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(jobs[i].status, SPUR_OK);
        assert_memory_equal(jobs[i].dst, data.dst, data.dst_count * sizeof *data.dst);
        memory_free(jobs[i].dst);
    }
    attention_close(made);
    engine_close(on);
    data_free(&data);
}

/* An operation opened after the worker is refused, not run in too little scratch. */
static void test_worker_too_old(void **state)
{
    (void)state;
    spur_error error;
    const attention_shape shape = {20, 1, 4, 12, 4, false};
    attention_data data = data_make(&shape, 1.0f);
    engine *on = NULL;
    attention *made = NULL;
    engine_worker *worker = NULL;
    assert_ok(engine_open(&on, &error), error);
    assert_ok(engine_worker_new(on, &worker, &error), error);
    assert_ok(attention_open(on, &shape, &made, &error), error);
    assert_int_equal(attention_run(made, worker, data.qkv, 20, data.dst, &error),
                     SPUR_INTERNAL);
    engine_worker_free(worker);
    attention_close(made);
    engine_close(on);
    data_free(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_loops),
        cmocka_unit_test(test_large_scores),
        cmocka_unit_test(test_two_workers),
        cmocka_unit_test(test_worker_too_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
