/*
 * layers.c - times the vision layers of OWL-ViT B/32 with made-up weights, one thread per
 * worker: which product reaches which rate, and what a whole stack takes.
 *
 * layers [WORKERS [REPEATS [BLOCK_ROWS [onednn]]]]. Every layer has its own weights, as in the
 * model, so that they come from memory and not from a cache.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/rows.h"

enum {
    TOKENS = 577,
    HEADS = 12,
    HEAD = 64,
    WIDTH = HEADS * HEAD,
    HIDDEN = 4 * WIDTH,
    LAYERS = 12,
    STRIDE = WIDTH + 16,
    QKV_STRIDE = 3 * WIDTH + 16,
    HIDDEN_STRIDE = HIDDEN + 16,
    MOST_WORKERS = 64
};

enum {
    STAGE_NORM,
    STAGE_QKV,
    STAGE_ATTENTION,
    STAGE_OUT,
    STAGE_FC1,
    STAGE_FC2,
    STAGES
};

static const char *const stage_names[STAGES] = {"norm", "qkv", "attention",
                                                "out",  "fc1", "fc2"};
/* Multiply-adds of one layer, in the order of the stages. */
static const double stage_products[STAGES] = {
    0.0,
    (double)TOKENS *WIDTH * 3 * WIDTH,
    2.0 * TOKENS *TOKENS *WIDTH,
    (double)TOKENS *WIDTH *WIDTH,
    (double)TOKENS *WIDTH *HIDDEN,
    (double)TOKENS *HIDDEN *WIDTH,
};

typedef struct stack {
    engine *on;
    size_t block, rows; /* rows: TOKENS rounded up to whole blocks */
    linear *qkv[LAYERS], *out[LAYERS], *fc1[LAYERS], *fc2[LAYERS];
    attention *attend;
    float *ones, *zeros;
} stack;

typedef struct worker {
    const stack *layers;
    engine_worker *scratch;
    float *x, *normed, *qkv, *attended, *hidden;
    size_t repeats;
    double seconds[STAGES], best;
    spur_status status;
    spur_error error;
} worker;

/* Processor time of this thread: other work on the machine does not count. */
static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Small numbers without pattern. */
static void fill(float *values, size_t count, float scale)
{
    uint32_t x = 1;
    for (size_t i = 0; i < count; i++) {
        x = x * 1664525U + 1013904223U;
        values[i] = scale * ((float)(x >> 8) / 16777216.0f - 0.5f);
    }
}

static spur_status open_product(stack *made, linear_shape shape, linear **out,
                                spur_error *error)
{
    spur_status status;
    float *weight = NULL, *bias = NULL;
    shape.rows = made->block;
    TRY(memory_new(shape.in * shape.out, sizeof *weight, &weight, error));
    TRY(memory_new(shape.out, sizeof *bias, &bias, error));
    fill(weight, shape.in * shape.out, 2.0f / sqrtf((float)shape.in));
    fill(bias, shape.out, 0.1f);
    TRY(linear_open(made->on, &shape, weight, bias, out, error));
done:
    memory_free(weight);
    memory_free(bias);
    return status;
}

static spur_status stack_open(stack *made, engine_products products, size_t block,
                              spur_error *error)
{
    spur_status status;
    const linear_shape qkv = {0, WIDTH, 3 * WIDTH, STRIDE, QKV_STRIDE, ACTIVATION_NONE, false};
    const linear_shape out = {0, WIDTH, WIDTH, STRIDE, STRIDE, ACTIVATION_NONE, true};
    const linear_shape fc1 = {0,    WIDTH, HIDDEN, STRIDE, HIDDEN_STRIDE, ACTIVATION_QUICK_GELU,
                              false};
    const linear_shape fc2 = {0, HIDDEN, WIDTH, HIDDEN_STRIDE, STRIDE, ACTIVATION_NONE, true};
    const attention_shape attend = {TOKENS, HEADS, HEAD, QKV_STRIDE, STRIDE, false};
    made->block = block;
    made->rows = (TOKENS + block - 1) / block * block;
    TRY(engine_open_with(products, &made->on, error));
    for (size_t i = 0; i < LAYERS; i++) {
        TRY(open_product(made, qkv, &made->qkv[i], error));
        TRY(open_product(made, out, &made->out[i], error));
        TRY(open_product(made, fc1, &made->fc1[i], error));
        TRY(open_product(made, fc2, &made->fc2[i], error));
    }
    TRY(attention_open(made->on, &attend, &made->attend, error));
    TRY(memory_new_zeroed(WIDTH, sizeof(float), &made->zeros, error));
    TRY(memory_new_zeroed(WIDTH, sizeof(float), &made->ones, error));
    for (size_t i = 0; i < WIDTH; i++) {
        made->ones[i] = 1.0f;
    }
done:
    return status;
}

static void stack_close(stack *made)
{
    for (size_t i = 0; i < LAYERS; i++) {
        linear_close(made->qkv[i]);
        linear_close(made->out[i]);
        linear_close(made->fc1[i]);
        linear_close(made->fc2[i]);
    }
    attention_close(made->attend);
    memory_free(made->ones);
    memory_free(made->zeros);
    engine_close(made->on);
}

static spur_status worker_open(worker *made, const stack *layers, spur_error *error)
{
    spur_status status;
    made->layers = layers;
    made->best = 1e30;
    TRY(engine_worker_new(layers->on, &made->scratch, error));
    TRY(memory_new_zeroed(layers->rows * STRIDE, sizeof(float), &made->x, error));
    TRY(memory_new_zeroed(layers->rows * STRIDE, sizeof(float), &made->normed, error));
    TRY(memory_new_zeroed(layers->rows * STRIDE, sizeof(float), &made->attended, error));
    TRY(memory_new_zeroed(layers->rows * QKV_STRIDE, sizeof(float), &made->qkv, error));
    TRY(memory_new_zeroed(layers->rows * HIDDEN_STRIDE, sizeof(float), &made->hidden, error));
done:
    return status;
}

static void worker_close(worker *made)
{
    engine_worker_free(made->scratch);
    memory_free(made->x);
    memory_free(made->normed);
    memory_free(made->attended);
    memory_free(made->qkv);
    memory_free(made->hidden);
}

/* Adds the time since *mark to a stage and moves the mark. */
static void lap(worker *at, int stage, double *mark)
{
    double time = now();
    at->seconds[stage] += time - *mark;
    *mark = time;
}

static void norm_rows(worker *at, size_t row)
{
    const stack *layers = at->layers;
    rows_layer_norm(at->x + row * STRIDE, STRIDE, layers->block, WIDTH, layers->ones,
                    layers->zeros, 1e-5f, at->normed, STRIDE);
}

static spur_status run_layer(worker *at, size_t index, spur_error *error)
{
    spur_status status = SPUR_OK;
    const stack *layers = at->layers;
    double mark = now();
    for (size_t row = 0; row < layers->rows; row += layers->block) {
        norm_rows(at, row);
        lap(at, STAGE_NORM, &mark);
        TRY(linear_run(layers->qkv[index], at->scratch, at->normed, at->qkv + row * QKV_STRIDE,
                       error));
        lap(at, STAGE_QKV, &mark);
    }
    TRY(attention_run(layers->attend, at->scratch, at->qkv, TOKENS, at->attended, error));
    lap(at, STAGE_ATTENTION, &mark);
    for (size_t row = 0; row < layers->rows; row += layers->block) {
        TRY(linear_run(layers->out[index], at->scratch, at->attended + row * STRIDE,
                       at->x + row * STRIDE, error));
        lap(at, STAGE_OUT, &mark);
        norm_rows(at, row);
        lap(at, STAGE_NORM, &mark);
        TRY(linear_run(layers->fc1[index], at->scratch, at->normed, at->hidden, error));
        lap(at, STAGE_FC1, &mark);
        TRY(linear_run(layers->fc2[index], at->scratch, at->hidden, at->x + row * STRIDE,
                       error));
        lap(at, STAGE_FC2, &mark);
    }
done:
    return status;
}

static spur_status run_stack(worker *at, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < at->repeats; i++) {
        fill(at->x, at->layers->rows * STRIDE, 2.0f);
        double start = now();
        for (size_t layer = 0; layer < LAYERS; layer++) {
            TRY(run_layer(at, layer, error));
        }
        double took = now() - start;
        at->best = took < at->best ? took : at->best;
    }
done:
    return status;
}

static void *work(void *context)
{
    worker *at = context;
    at->status = run_stack(at, &at->error);
    return NULL;
}

static void report(const worker *at)
{
    double all = 0.0, products = 0.0;
    for (int stage = 0; stage < STAGES; stage++) {
        double seconds = at->seconds[stage] / (double)at->repeats;
        double rate = 2e-9 * LAYERS * stage_products[stage] / seconds;
        (void)printf("  %-10s %7.1f ms %7.1f GFLOP/s\n", stage_names[stage], seconds * 1e3,
                     rate);
        all += seconds;
        products += LAYERS * stage_products[stage];
    }
    (void)printf("  %-10s %7.1f ms %7.1f GFLOP/s, best %.1f ms\n", "all", all * 1e3,
                 2e-9 * products / all, at->best * 1e3);
}

static size_t argument(int count, char **values, int index, size_t otherwise)
{
    uint64_t value = otherwise;
    if (index < count && !text_to_u64(values[index], &value)) {
        value = otherwise;
    }
    return (size_t)value;
}

static spur_status run_workers(const stack *layers, worker *workers, size_t count,
                               size_t repeats, spur_error *error)
{
    spur_status status = SPUR_OK;
    pthread_t threads[MOST_WORKERS];
    size_t started = 0;
    for (size_t i = 0; i < count; i++) {
        workers[i].repeats = repeats;
        TRY(worker_open(&workers[i], layers, error));
    }
    for (; started < count; started++) {
        if (pthread_create(&threads[started], NULL, work, &workers[started]) != 0) {
            FAIL(SPUR_RESOURCE, "no thread");
        }
    }
done:
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return status;
}

int main(int count, char **values)
{
    spur_status status;
    spur_error failure = {0}, *error = &failure;
    static stack layers;
    static worker workers[MOST_WORKERS];
    size_t used = argument(count, values, 1, 1);
    used = used == 0 || used > MOST_WORKERS ? 1 : used;
    TRY(stack_open(&layers, count > 4 ? ENGINE_PRODUCTS_ONEDNN : ENGINE_PRODUCTS_OWN,
                   argument(count, values, 3, TOKENS), error));
    TRY(run_workers(&layers, workers, used, argument(count, values, 2, 3), error));
    (void)printf("products: %s; loops: %s; oneDNN %s\n", count > 4 ? "oneDNN" : "our own",
                 engine_isa(layers.on), engine_library_version());
    for (size_t i = 0; i < used; i++) {
        status = workers[i].status;
        error = &workers[i].error;
        TRY(status);
        report(&workers[i]);
    }
done:
    if (status != SPUR_OK) {
        (void)fprintf(stderr, "layers: %s\n", error->message);
    }
    for (size_t i = 0; i < used; i++) {
        worker_close(&workers[i]);
    }
    stack_close(&layers);
    return (int)status;
}
