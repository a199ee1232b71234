/*
 * bench.c - how fast a detector or backbone looks at images, beside what the machine can
 * multiply.
 *
 * Absolute times hold for one machine at one moment, so the matrix rate is measured in the
 * same call, before and after, and the larger of the two counts.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "io/file.h"
#include "io/image.h"
#include "nn/peak.h"
#include "pipeline/bench_subject.h"

enum {
    ROUNDS_MAX = 64,
    BENCH_WIDTH = 500,
    BENCH_HEIGHT = 375
};

typedef struct bench {
    bench_subject subject;
    void **workers;
    size_t threads;
    double seconds;       /* how long each part may take */
    double until;         /* end of the parallel part, monotonic seconds */
    uint64_t *looks;      /* by worker */
    unsigned char *bytes; /* the image file, or NULL */
    size_t size;
    image picture;
    float *pixels;
} bench;

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Median of the times of `step`, repeated for about `seconds` and at least three times. */
static spur_status median_time(bench *of, spur_status (*step)(bench *of, spur_error *error),
                               double seconds, double *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    double times[ROUNDS_MAX], end = clock_seconds() + seconds;
    size_t count = 0;
    while (count < ROUNDS_MAX && (count < 3 || clock_seconds() < end)) {
        double start = clock_seconds();
        TRY(step(of, error));
        times[count++] = clock_seconds() - start;
    }
    qsort(times, count, sizeof *times, compare_double);
    *out = times[count / 2];
done:
    return status;
}

static spur_status step_decode(bench *of, spur_error *error)
{
    image decoded = {0};
    image_info info;
    spur_status status = image_decode(of->bytes, of->size, NULL, &decoded, &info, error);
    image_free(&decoded);
    return status;
}

static spur_status step_preprocess(bench *of, spur_error *error)
{
    return preprocess_run(of->subject.recipe, &of->picture, of->pixels, NULL, error);
}

static spur_status step_look(bench *of, spur_error *error)
{
    return of->subject.look(of->workers[0], &of->picture, error);
}

/* A smooth picture of the size of a typical photograph. */
static spur_status picture_generate(image *out, spur_error *error)
{
    image made = {.width = BENCH_WIDTH, .height = BENCH_HEIGHT};
    size_t count = 3 * made.width * made.height;
    spur_status status = memory_new(count, 1, &made.pixels, error);
    if (status == SPUR_OK) {
        for (size_t i = 0; i < count; i++) {
            size_t x = i / 3 % made.width, y = i / 3 / made.width;
            made.pixels[i] = (unsigned char)((x * (1 + i % 3) + y * y / 64) % 256);
        }
        *out = made;
    }
    return status;
}

static spur_status picture_open(bench *of, const char *path, spur_error *error)
{
    spur_status status;
    image_info info;
    if (path == NULL) {
        TRY(picture_generate(&of->picture, error));
    } else {
        TRY(file_load(path, UINT32_MAX, SPUR_IMAGE, &of->bytes, &of->size, error));
        TRY(image_decode(of->bytes, of->size, NULL, &of->picture, &info, error));
    }
done:
    return status;
}

/* The subject is open. */
static spur_status bench_open(bench *of, const char *path, spur_error *error)
{
    spur_status status;
    const preprocess *recipe = of->subject.recipe;
    TRY(memory_new_zeroed(of->threads, sizeof *of->workers, &of->workers, error));
    TRY(memory_new_zeroed(of->threads, sizeof *of->looks, &of->looks, error));
    for (size_t i = 0; i < of->threads; i++) {
        TRY(of->subject.worker_new(of->subject.model, &of->workers[i], error));
    }
    TRY(memory_new(3 * recipe->width * recipe->height, sizeof *of->pixels, &of->pixels, error));
    status = picture_open(of, path, error);
    if (status != SPUR_OK && path != NULL) {
        error_prefix(error, "%s", path);
    }
done:
    return status;
}

static void bench_close(bench *of)
{
    for (size_t i = 0; of->workers != NULL && i < of->threads; i++) {
        of->subject.worker_free(of->workers[i]);
    }
    memory_free(of->workers);
    memory_free(of->looks);
    memory_free(of->bytes);
    memory_free(of->pixels);
    image_free(&of->picture);
    if (of->subject.close != NULL) {
        of->subject.close(of->subject.model);
    }
}

/* One worker looking until the time is up. */
static spur_status look_until(void *context, size_t worker, size_t item, spur_error *error)
{
    bench *of = context;
    spur_status status = SPUR_OK;
    (void)item;
    do {
        TRY(of->subject.look(of->workers[worker], &of->picture, error));
        of->looks[worker]++;
    } while (clock_seconds() < of->until);
done:
    return status;
}

static spur_status throughput_measure(bench *of, double *images_per_second, spur_error *error)
{
    spur_status status;
    double start = clock_seconds();
    of->until = start + of->seconds;
    TRY(parallel_for(of->threads, of->threads, look_until, of, error));
    double looks = 0;
    for (size_t i = 0; i < of->threads; i++) {
        looks += (double)of->looks[i];
    }
    *images_per_second = looks * (double)of->subject.images / (clock_seconds() - start);
done:
    return status;
}

static size_t resident_peak(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

static spur_status bench_measure(bench *of, spur_bench_result *out, spur_error *error)
{
    spur_status status;
    double before = 0, after = 0;
    TRY(peak_measure(of->threads, of->seconds / 8, &before, error));
    if (of->bytes != NULL) {
        TRY(median_time(of, step_decode, of->seconds / 8, &out->decode_seconds, error));
    }
    TRY(median_time(of, step_preprocess, of->seconds / 8, &out->preprocess_seconds, error));
    TRY(median_time(of, step_look, of->seconds / 2, &out->seconds_per_image, error));
    TRY(throughput_measure(of, &out->images_per_second, error));
    TRY(peak_measure(of->threads, of->seconds / 8, &after, error));
    TRY(peak_measure(1, of->seconds / 8, &out->matrix_gflops_one, error));
    out->matrix_gflops = before > after ? before : after;
    out->seconds_per_image /= (double)of->subject.images;
    out->network_seconds = out->seconds_per_image - out->preprocess_seconds;
    out->seconds_per_image += out->decode_seconds;
    out->gmac_per_image = of->subject.gmac;
    out->gflops = 2 * out->gmac_per_image * out->images_per_second;
    out->packed_bytes = of->subject.weight_bytes;
    out->resident_bytes = resident_peak();
done:
    return status;
}

static spur_status bench_run(const char *model,
                             spur_status (*subject_open)(const char *, bench_subject *,
                                                         spur_error *),
                             const char *image_path, size_t threads, double seconds,
                             spur_bench_result *out, spur_error *error)
{
    spur_status status;
    bench of = {.threads = threads > 0 ? threads : parallel_processors(),
                .seconds = seconds > 0 ? seconds : 8};
    spur_bench_result result = {.threads = of.threads};
    TRY(subject_open(model, &of.subject, error));
    TRY(bench_open(&of, image_path, error));
    TRY(bench_measure(&of, &result, error));
    *out = result;
done:
    bench_close(&of);
    return status;
}

spur_status spur_bench_detector(const char *detector_path, const char *image_path,
                                size_t threads, double seconds, spur_bench_result *out,
                                spur_error *error)
{
    return bench_run(detector_path, bench_detector_open, image_path, threads, seconds, out,
                     error);
}

spur_status spur_bench_backbone(const char *backbone_path, const char *image_path,
                                size_t threads, double seconds, spur_bench_result *out,
                                spur_error *error)
{
    return bench_run(backbone_path, bench_backbone_open, image_path, threads, seconds, out,
                     error);
}
