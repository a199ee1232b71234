/*
 * peak.c - counts the matrix products that threads finish until a common deadline.
 *
 * Every thread has its own weights and rows, 6 MB together: products of a network, whose
 * weights come from the last level of cache or from memory, cannot be much faster.
 */
#include "nn/peak.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/linear.h"

enum {
    ROWS = 576,
    WIDTH = 768,
    STRIDE = WIDTH + 16 /* no multiple of 4 KiB: such rows share a set of the cache */
};

/* What one thread multiplies. */
typedef struct lane {
    engine *on;
    linear *product;
    engine_worker *worker;
    float *src, *dst;
    size_t done; /* products before the deadline */
    double took; /* seconds for them */
} lane;

typedef struct race {
    lane *lanes;
    double seconds;
} race;

static spur_status lane_open(lane *made, spur_error *error)
{
    spur_status status;
    const linear_shape shape = {.rows = ROWS,
                                .in = WIDTH,
                                .out = WIDTH,
                                .src_stride = STRIDE,
                                .dst_stride = STRIDE,
                                .act = ACTIVATION_NONE};
    float *weight = NULL;
    TRY(memory_new((size_t)WIDTH * WIDTH, sizeof *weight, &weight, error));
    for (size_t i = 0; i < (size_t)WIDTH * WIDTH; i++) {
        weight[i] = (float)(i % 97) * 0.01F - 0.5F;
    }
    TRY(engine_open(&made->on, error));
    TRY(linear_open(made->on, &shape, weight, NULL, &made->product, error));
    TRY(engine_worker_new(made->on, &made->worker, error));
    TRY(memory_new_zeroed((size_t)ROWS * STRIDE, sizeof(float), &made->dst, error));
    TRY(memory_new((size_t)ROWS * STRIDE, sizeof(float), &made->src, error));
    for (size_t i = 0; i < (size_t)ROWS * STRIDE; i++) {
        made->src[i] = (float)(i % 89) * 0.01F - 0.4F;
    }
done:
    memory_free(weight);
    return status;
}

static void lane_close(lane *block)
{
    engine_worker_free(block->worker);
    linear_close(block->product);
    engine_close(block->on);
    memory_free(block->src);
    memory_free(block->dst);
}

static spur_status lane_run(void *context, size_t worker, size_t item, spur_error *error)
{
    spur_status status = SPUR_OK;
    const race *all = context;
    lane *one = &all->lanes[item];
    (void)worker;
    TRY(linear_run(one->product, one->worker, one->src, one->dst, error)); /* warm */
    double start = clock_seconds();
    do {
        TRY(linear_run(one->product, one->worker, one->src, one->dst, error));
        one->done++;
        one->took = clock_seconds() - start;
    } while (one->took < all->seconds);
done:
    return status;
}

spur_status peak_measure(size_t threads, double seconds, double *gflops, spur_error *error)
{
    spur_status status;
    race all = {.seconds = seconds};
    double rate = 0.0;
    TRY(memory_new_zeroed(threads, sizeof *all.lanes, &all.lanes, error));
    for (size_t i = 0; i < threads; i++) {
        TRY(lane_open(&all.lanes[i], error));
    }
    TRY(parallel_for(threads, threads, lane_run, &all, error));
    for (size_t i = 0; i < threads; i++) {
        rate += (double)all.lanes[i].done / all.lanes[i].took;
    }
    *gflops = rate * 2e-9 * ROWS * WIDTH * WIDTH;
done:
    for (size_t i = 0; all.lanes != NULL && i < threads; i++) {
        lane_close(&all.lanes[i]);
    }
    memory_free(all.lanes);
    return status;
}
