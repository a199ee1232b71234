/*
 * sharpness.c - variance of the Laplacian, image by image.
 *
 * Sums go over pixels in row order and of whole numbers (thousandths of a grey level), so the
 * figure is the same on every machine.
 */
#include "pipeline/sharpness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "io/resize.h"
#include "pipeline/features_job.h"
#include "pipeline/feeder.h"
#include "pipeline/image_settings.h"
#include "pipeline/row_picture.h"
#include "pipeline/split_way.h"

enum {
    SHORTER_SIDE = 256,
    WINDOW_PER_THREAD = 4
};

/* ---- one picture ------------------------------------------------------------------------- */

static spur_status shrink(const image *src, image *out, spur_error *error)
{
    size_t width = src->width, height = src->height;
    size_t shorter = width < height ? width : height;
    if (shorter > SHORTER_SIDE) {
        width = (size_t)((uint64_t)width * SHORTER_SIDE / shorter);
        height = (size_t)((uint64_t)height * SHORTER_SIDE / shorter);
    }
    return image_resize(src, width, height, RESIZE_BILINEAR, SPUR_RESIZE_PILLOW12, out, error);
}

/* Thousandths of a grey level. */
static int32_t grey(const image *src, size_t x, size_t y)
{
    const unsigned char *rgb = src->pixels + 3 * (y * src->width + x);
    return 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2];
}

static double variance_of_laplacian(const image *src)
{
    double sum = 0, squares = 0;
    double count = (double)(src->width - 2) * (double)(src->height - 2);
    for (size_t y = 1; y + 1 < src->height; y++) {
        int64_t row = 0, row_squares = 0;
        for (size_t x = 1; x + 1 < src->width; x++) {
            int64_t value = (int64_t)grey(src, x - 1, y) + grey(src, x + 1, y) +
                            grey(src, x, y - 1) + grey(src, x, y + 1) -
                            4 * (int64_t)grey(src, x, y);
            row += value;
            row_squares += value * value;
        }
        sum += (double)row;
        squares += (double)row_squares;
    }
    double mean = sum / count;
    return fmax(0, squares / count - mean * mean) * 1e-6;
}

spur_status sharpness_of(const image *src, double *out, spur_error *error)
{
    image small = {0, 0, NULL};
    *out = (double)NAN;
    if (src->width < 3 || src->height < 3) {
        return SPUR_OK;
    }
    spur_status status = shrink(src, &small, error);
    if (status == SPUR_OK) {
        *out = variance_of_laplacian(&small);
    }
    image_free(&small);
    return status;
}

/* ---- a split ----------------------------------------------------------------------------- */

typedef struct sharpness_job {
    feature_rows rows;
    spur_image_options image;
    row_source source;
    double *values;
    const spur_monitor *monitor;
    spur_progress progress;
} sharpness_job;

/* A file that cannot be read leaves no number and no error. */
static spur_status look_at_image(void *context, size_t worker, size_t slot, uint64_t item,
                                 const atomic_bool *cancelled, spur_error *error)
{
    const sharpness_job *job = context;
    const feature_row *row = &job->rows.rows[item];
    picture loaded;
    (void)worker;
    (void)slot;
    if (atomic_load(cancelled)) {
        return SPUR_INTERRUPTED;
    }
    if (row->reason != NULL) {
        return SPUR_OK;
    }
    spur_status status =
        row_picture_load(&job->source, row->file_name, row->digest, &loaded, error);
    if (status == SPUR_OK) {
        status = sharpness_of(&loaded.pixels, &job->values[item], error);
    }
    picture_free(job->source.gate, &loaded);
    return status == SPUR_IMAGE ? SPUR_OK : status;
}

static spur_status count_done(void *context, uint64_t first, size_t count, spur_error *error)
{
    sharpness_job *job = context;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        bool is_bad = job->rows.rows[first + i].reason == NULL && isnan(job->values[first + i]);
        job->progress.failed += is_bad ? 1 : 0;
    }
    job->progress.done += count;
    return SPUR_OK;
}

static bool tick(void *context)
{
    sharpness_job *job = context;
    return monitor_cancels(job->monitor, &job->progress);
}

static void report_failed(const sharpness_job *job, const char *split)
{
    char text[300];
    if (job->progress.failed > 0) {
        (void)snprintf(text, sizeof text,
                       "%llu images of split %.100s have no sharpness: they cannot be read or "
                       "have changed since they were scored",
                       (unsigned long long)job->progress.failed, split);
        monitor_warn(job->monitor, text);
    }
}

spur_status sharpness_of_split(spur_run *run, const store_split *split, size_t threads,
                               const spur_monitor *monitor, double *values, spur_error *error)
{
    spur_status status;
    sharpness_job job = {.values = values, .monitor = monitor};
    char *settings = NULL;
    threads = threads == 0 ? parallel_processors() : threads;
    TRY(feature_rows_read(run->db, split, &job.rows, error));
    TRY(store_get_setting(run->db, "images", &settings, error));
    TRY(image_settings_parse(settings == NULL ? "" : settings, &job.image, error));
    TRY(split_border(run->db, split->name, &job.image.border, error));
    TRY(picture_gate_new(&job.source.gate, error));
    job.source.root = split->root;
    job.source.image = &job.image;
    job.progress = (spur_progress){.stage = "sharpness", .total = job.rows.count};
    for (size_t i = 0; i < job.rows.count; i++) {
        values[i] = (double)NAN;
    }
    const feeder_job feed = {.threads = threads,
                             .window = threads * WINDOW_PER_THREAD,
                             .count = job.rows.count,
                             .context = &job,
                             .work = look_at_image,
                             .finish = count_done,
                             .tick = tick};
    TRY(feeder_run(&feed, error));
    report_failed(&job, split->name);
done:
    picture_gate_free(job.source.gate);
    feature_rows_free(&job.rows);
    memory_free(settings);
    return status;
}
