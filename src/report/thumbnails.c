/*
 * thumbnails.c - decodes the shown images again and keeps small WebP of them.
 *
 * Workers share nothing but the gate for large pictures; an item's result depends on its image
 * alone. A failed image never fails the report.
 */
#include "report/thumbnails.h"

#include <stdio.h>
#include <string.h>

#include "base/monitor.h"
#include "base/parallel.h"
#include "io/file.h"
#include "io/resize.h"
#include "pipeline/feeder.h"
#include "pipeline/image_settings.h"
#include "pipeline/picture.h"
#include "pipeline/split_way.h"

#define THUMBNAIL_QUALITY 78.0F
#define SMALL_QUALITY 70.0F
#define MOST_BYTES ((uint64_t)1 << 20) /* of a thumbnail's file */

enum {
    WINDOW = 64,
    RIFF_SIZE = 12
};

typedef struct thumbnail_job {
    const report_data *of;
    const spur_monitor *monitor;
    thumbnails *into;
    spur_image_options how;
    char *settings;  /* how images are read, as text */
    size_t *borders; /* [splits of the run] */
    picture_gate *gate;
    uint64_t done;
} thumbnail_job;

void thumbnails_free(thumbnails *block)
{
    for (size_t i = 0; block->items != NULL && i < block->count; i++) {
        memory_free(block->items[i].problem);
    }
    memory_free(block->items);
    memory_free(block->folder);
    memset(block, 0, sizeof *block);
}

/* ---- names and sizes --------------------------------------------------------------------- */

static void fit(size_t width, size_t height, size_t side, size_t *out_width, size_t *out_height)
{
    size_t longest = width > height ? width : height;
    if (longest > side) {
        width = (width * side + longest / 2) / longest;
        height = (height * side + longest / 2) / longest;
    }
    *out_width = width > 0 ? width : 1;
    *out_height = height > 0 ? height : 1;
}

static spur_status name_thumbnail(const thumbnail_job *job, const report_image *shown,
                                  thumbnail *out, spur_error *error)
{
    spur_status status;
    digest *hash = NULL;
    unsigned char sum[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    char form[64];
    uint64_t border = job->borders[shown->split];
    (void)snprintf(form, sizeof form, "webp %d q%.0f", (int)THUMBNAIL_SIDE,
                   (double)THUMBNAIL_QUALITY);
    TRY(digest_new(&hash, error));
    TRY(digest_add(hash, shown->digest, sizeof shown->digest, error));
    TRY(digest_add(hash, shown->has_digest ? "d" : (const char *)shown->image_id,
                   shown->has_digest ? 1 : sizeof shown->image_id, error));
    TRY(digest_add(hash, job->settings, strlen(job->settings), error));
    TRY(digest_add(hash, form, strlen(form), error));
    if (border > 0) {
        TRY(digest_add(hash, &border, sizeof border, error));
    }
    TRY(digest_finish(hash, sum, error));
    digest_hex(sum, STORE_ID_SIZE, hex);
    (void)snprintf(out->name, sizeof out->name, "%.32s.webp", hex);
    fit(shown->width, shown->height, THUMBNAIL_SIDE, &out->width, &out->height);
done:
    digest_free(hash);
    return status;
}

/* A whole WebP: what a loss of power cut short is made again. */
static bool is_whole(const char *path)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    bool is_good = file_kind_of(path) == FILE_REGULAR &&
                   file_load(path, MOST_BYTES, SPUR_RESOURCE, &bytes, &size, NULL) == SPUR_OK &&
                   size > RIFF_SIZE && memcmp(bytes, "RIFF", 4) == 0 &&
                   memcmp(bytes + 8, "WEBP", 4) == 0 &&
                   size - 8 == ((size_t)bytes[4] | (size_t)bytes[5] << 8 |
                                (size_t)bytes[6] << 16 | (size_t)bytes[7] << 24);
    memory_free(bytes);
    return is_good;
}

/* ---- one thumbnail ----------------------------------------------------------------------- */

static spur_status check_content(const report_image *shown, const picture *found,
                                 spur_error *error)
{
    if (shown->has_digest && memcmp(shown->digest, found->digest, sizeof shown->digest) != 0) {
        return error_set(error, SPUR_IMAGE, "the file has changed since it was scored");
    }
    return SPUR_OK;
}

static spur_status load_pixels(const thumbnail_job *job, const report_image *shown,
                               picture *out, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    spur_image_options how = job->how;
    const char *root = job->of->run->splits[shown->split].root;
    TRY(file_join(shown->file_name[0] == '/' ? "" : root, shown->file_name, &path, error));
    how.border = job->borders[shown->split];
    status = picture_load(job->gate, path, &how, out, error);
    /* Another file is the better explanation of what a decoder did not like. */
    if (out->has_digest && check_content(shown, out, NULL) != SPUR_OK) {
        status = check_content(shown, out, error);
    }
done:
    memory_free(path);
    return status;
}

static spur_status make_one(const thumbnail_job *job, size_t item, const char *path,
                            spur_error *error)
{
    spur_status status;
    const report_image *shown = &job->of->images[item];
    thumbnail *into = &job->into->items[item];
    picture from = {.holds_gate = false};
    image small = {0, 0, NULL};
    unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(load_pixels(job, shown, &from, error));
    fit(from.pixels.width, from.pixels.height, THUMBNAIL_SIDE, &into->width, &into->height);
    TRY(image_resize(&from.pixels, into->width, into->height, RESIZE_BICUBIC,
                     SPUR_RESIZE_PILLOW12, &small, error));
    TRY(image_encode_webp(&small, THUMBNAIL_QUALITY, &bytes, &size, error));
    TRY(file_replace_quickly(path, bytes, size, error));
done:
    picture_free(job->gate, &from);
    image_free(&small);
    memory_free(bytes);
    return status;
}

static spur_status keep_problem(thumbnail *into, const char *why, spur_error *error)
{
    return memory_copy_text(why, strlen(why), &into->problem, error);
}

static spur_status work(void *context, size_t worker, size_t slot, uint64_t item,
                        const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    thumbnail_job *job = context;
    thumbnail *into = &job->into->items[item];
    spur_error why;
    char *path = NULL;
    (void)worker, (void)slot;
    if (atomic_load(cancelled)) {
        return SPUR_INTERRUPTED;
    }
    TRY(name_thumbnail(job, &job->of->images[item], into, error));
    TRY(file_join(job->into->folder, into->name, &path, error));
    into->was_there = is_whole(path);
    if (into->was_there) {
        goto done;
    }
    status = make_one(job, (size_t)item, path, &why);
    if (status == SPUR_IMAGE) {
        status = keep_problem(into, why.message, error);
    } else if (status != SPUR_OK) {
        status = error_set(error, status, "%s", why.message);
    }
done:
    memory_free(path);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------- */

static spur_status finish(void *context, uint64_t first, size_t count, spur_error *error)
{
    thumbnail_job *job = context;
    (void)error;
    for (uint64_t i = first; i < first + count; i++) {
        const thumbnail *item = &job->into->items[i];
        job->into->failed += item->problem != NULL;
        job->into->made += item->problem == NULL && !item->was_there;
    }
    job->done = first + count;
    return SPUR_OK;
}

static bool tick(void *context)
{
    const thumbnail_job *job = context;
    const spur_progress progress = {"report",         job->done, job->into->failed,
                                    job->into->count, 0,         NULL};
    return monitor_cancels(job->monitor, &progress);
}

static spur_status prepare(thumbnail_job *job, spur_error *error)
{
    spur_status status;
    const spur_run *run = job->of->run;
    TRY(store_get_setting(run->db, "images", &job->settings, error));
    if (job->settings == NULL) {
        FAIL(SPUR_DATASET, "%s: the run does not say how its images are read", run->folder);
    }
    TRY(image_settings_parse(job->settings, &job->how, error));
    TRY(memory_new_zeroed(run->split_count, sizeof *job->borders, &job->borders, error));
    for (size_t i = 0; i < run->split_count; i++) {
        TRY(split_border(run->db, run->splits[i].name, &job->borders[i], error));
    }
    TRY(picture_gate_new(&job->gate, error));
    TRY(file_make_folder(job->into->folder, error));
done:
    return status;
}

spur_status thumbnails_make(const report_data *of, const char *folder,
                            const spur_monitor *monitor, thumbnails *out, spur_error *error)
{
    spur_status status;
    thumbnails made = {.count = of->image_count};
    thumbnail_job job = {.of = of, .monitor = monitor, .into = &made};
    size_t threads = of->options->threads > 0 ? of->options->threads : parallel_processors();
    TRY(memory_copy_text(folder, strlen(folder), &made.folder, error));
    TRY(memory_new_zeroed(made.count, sizeof *made.items, &made.items, error));
    TRY(prepare(&job, error));
    feeder_job all = {.threads = threads,
                      .window = WINDOW,
                      .count = made.count,
                      .context = &job,
                      .work = work,
                      .finish = finish,
                      .tick = tick};
    TRY(made.count > 0 ? feeder_run(&all, error) : SPUR_OK);
    *out = made;
    memset(&made, 0, sizeof made);
done:
    picture_gate_free(job.gate);
    memory_free(job.settings);
    memory_free(job.borders);
    thumbnails_free(&made);
    return status;
}

spur_status thumbnails_small(const thumbnails *of, size_t item, unsigned char **bytes,
                             size_t *size, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    image large = {0, 0, NULL}, small = {0, 0, NULL};
    size_t width, height;
    TRY(file_join(of->folder, of->items[item].name, &path, error));
    TRY(image_load(path, NULL, &large, NULL, error));
    fit(large.width, large.height, THUMBNAIL_SMALL, &width, &height);
    TRY(image_resize(&large, width, height, RESIZE_BICUBIC, SPUR_RESIZE_PILLOW12, &small,
                     error));
    TRY(image_encode_webp(&small, SMALL_QUALITY, bytes, size, error));
done:
    memory_free(path);
    image_free(&large);
    image_free(&small);
    return status;
}
