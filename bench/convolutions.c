/*
 * convolutions.c - times every kind of convolution of ResNet-50 at 224 pixels with made-up
 * weights, on one thread: which one reaches which rate.
 *
 * convolutions [REPEATS]. Prints milliseconds of processor time per image, the rate of the
 * plain sum's multiplications, and the total of the whole network.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "nn/convolution.h"

typedef struct kind {
    size_t in, out, side, kernel, step;
    size_t times;  /* in the network */
    size_t images; /* run together, as resnet.c does */
} kind;

/* The stem reads an image with its zeros around; see resnet.c. */
static const kind kinds[] = {
    {3, 64, 230, 7, 2, 1, 1},    {64, 64, 56, 1, 1, 1, 1},     {256, 64, 56, 1, 1, 2, 1},
    {64, 64, 56, 3, 1, 3, 1},    {64, 256, 56, 1, 1, 4, 1},    {256, 128, 56, 1, 1, 1, 2},
    {128, 128, 56, 3, 2, 1, 2},  {512, 128, 28, 1, 1, 3, 2},   {128, 128, 28, 3, 1, 3, 2},
    {128, 512, 28, 1, 1, 4, 2},  {256, 512, 56, 1, 2, 1, 2},   {512, 256, 28, 1, 1, 1, 4},
    {256, 256, 28, 3, 2, 1, 4},  {1024, 256, 14, 1, 1, 5, 4},  {256, 256, 14, 3, 1, 5, 4},
    {256, 1024, 14, 1, 1, 6, 4}, {512, 1024, 28, 1, 2, 1, 4},  {1024, 512, 14, 1, 1, 1, 8},
    {512, 512, 14, 3, 2, 1, 8},  {2048, 512, 7, 1, 1, 2, 8},   {512, 512, 7, 3, 1, 2, 8},
    {512, 2048, 7, 1, 1, 3, 8},  {1024, 2048, 14, 1, 2, 1, 8},
};

enum {
    KINDS = sizeof kinds / sizeof kinds[0],
    SPARE = 16 /* floats behind a pixel's channels */
};

/* Processor time of this thread: other work on the machine does not count. */
static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static spur_status filled(size_t count, float scale, float **out, spur_error *error)
{
    spur_status status = memory_new(count, sizeof **out, out, error);
    uint32_t x = 1;
    for (size_t i = 0; status == SPUR_OK && i < count; i++) {
        x = x * 1664525U + 1013904223U;
        (*out)[i] = scale * ((float)(x >> 8) / 16777216.0f - 0.5f);
    }
    return status;
}

static convolution_shape shape_of(const kind *what)
{
    bool is_stem = what->in == 3;
    return (convolution_shape){.in = what->in,
                               .out = what->out,
                               .height = what->side,
                               .width = what->side,
                               .kernel = what->kernel,
                               .step = what->step,
                               .pad = is_stem ? 0 : what->kernel / 2,
                               .src_stride = what->in + (is_stem ? 0 : SPARE),
                               .dst_stride = what->out + SPARE,
                               .relu = true};
}

/* Seconds of the fastest run, per image. */
static spur_status time_kind(const kind *what, size_t repeats, double *seconds,
                             spur_error *error)
{
    spur_status status;
    const convolution_shape shape = shape_of(what);
    size_t side = convolved_side(what->side, what->kernel, what->step, shape.pad);
    size_t area = what->kernel * what->kernel;
    engine *on = NULL;
    convolution *made = NULL;
    engine_worker *worker = NULL;
    float *weight = NULL, *src = NULL, *dst = NULL;
    TRY(engine_open(&on, error));
    TRY(filled(what->in * what->out * area, 0.1f, &weight, error));
    TRY(filled(what->images * what->side * what->side * shape.src_stride, 2.0f, &src, error));
    TRY(filled(what->images * side * side * shape.dst_stride, 2.0f, &dst, error));
    TRY(convolution_open(on, &shape, weight, NULL, &made, error));
    TRY(engine_worker_new(on, &worker, error));
    *seconds = 1e9;
    for (size_t i = 0; i < repeats; i++) {
        double start = now();
        TRY(convolution_run(made, worker, what->images, src, NULL, dst, error));
        double took = (now() - start) / (double)what->images;
        *seconds = took < *seconds ? took : *seconds;
    }
done:
    memory_free(weight);
    memory_free(src);
    memory_free(dst);
    engine_worker_free(worker);
    convolution_close(made);
    engine_close(on);
    return status;
}

int main(int count, char **arguments)
{
    double total = 0, products = 0;
    size_t repeats = count > 1 ? (size_t)strtoul(arguments[1], NULL, 10) : 5;
    for (size_t i = 0; i < KINDS; i++) {
        const kind *what = &kinds[i];
        spur_error error;
        double seconds = 0;
        spur_status status = time_kind(what, repeats, &seconds, &error);
        if (status != SPUR_OK) {
            (void)fprintf(stderr, "convolutions: %s\n", error.message);
            return (int)status;
        }
        size_t pad = what->in == 3 ? 0 : what->kernel / 2;
        size_t side = convolved_side(what->side, what->kernel, what->step, pad);
        double operations = 2.0 * (double)(what->in * what->out * what->kernel * what->kernel) *
                            (double)(side * side);
        (void)printf(
            "%4zu -> %4zu, %3zu pixels, %zux%zu / %zu, %zu times: %6.2f ms %6.1f GFLOP/s\n",
            what->in, what->out, what->side, what->kernel, what->kernel, what->step,
            what->times, 1e3 * seconds, 1e-9 * operations / seconds);
        total += seconds * (double)what->times;
        products += operations * (double)what->times;
    }
    (void)printf("all: %.2f ms, %.1f GFLOP/s\n", 1e3 * total, 1e-9 * products / total);
    return 0;
}
