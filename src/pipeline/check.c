/*
 * check.c - reads every file of a dataset and says what is wrong with which.
 *
 * Files are decoded by many workers and reported in order by the calling thread.
 */
#include <string.h>

#include "base/monitor.h"
#include "base/parallel.h"
#include "base/text.h"
#include "pipeline/feeder.h"
#include "pipeline/manifest.h"
#include "pipeline/picture.h"

enum {
    WINDOW_PER_THREAD = 8
};

typedef struct check_slot {
    spur_check_row row;
    char reason[sizeof((spur_error *)0)->message];
} check_slot;

typedef struct checking {
    const spur_check_options *options;
    const spur_monitor *monitor;
    int (*visit)(void *context, const spur_check_row *row);
    void *context;
    manifest *rows;
    picture_gate *gate;
    check_slot *slots;
    size_t window;
    spur_progress progress;
} checking;

void spur_check_options_defaults(spur_check_options *options)
{
    memset(options, 0, sizeof *options);
    spur_image_options_defaults(&options->image);
    spur_data_options_defaults(&options->data);
}

static spur_status hash_pixels(const image *src, char hex[DIGEST_HEX_SIZE], spur_error *error)
{
    unsigned char sum[DIGEST_SIZE];
    spur_status status = digest_of(src->pixels, src->width * src->height * 3, sum, error);
    if (status == SPUR_OK) {
        digest_hex(sum, sizeof sum, hex);
    }
    return status;
}

static void describe(const picture *from, check_slot *into)
{
    spur_check_row *row = &into->row;
    const image_info *info = &from->info;
    row->format = info->format;
    row->width = info->width;
    row->height = info->height;
    row->orientation = info->format == NULL ? 0 : info->orientation;
    row->has_alpha = info->has_alpha;
    row->warnings = info->warnings;
}

static spur_status work_file(void *context, size_t worker, size_t slot, uint64_t item,
                             const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    checking *work = context;
    check_slot *into = &work->slots[slot];
    picture loaded;
    spur_error cause = {SPUR_OK, ""};
    char *path = NULL;
    (void)worker;
    if (atomic_load(cancelled)) {
        return SPUR_INTERRUPTED;
    }
    memset(&loaded, 0, sizeof loaded);
    memset(&into->row, 0, sizeof into->row);
    into->row.file_name = work->rows->rows[item].file_name;
    TRY(manifest_path(work->rows, into->row.file_name, &path, error));
    status = picture_load(work->gate, path, &work->options->image, &loaded, &cause);
    describe(&loaded, into);
    if (status == SPUR_OK && work->options->sha256) {
        status = hash_pixels(&loaded.pixels, into->row.rgb_sha256, &cause);
    }
    if (status == SPUR_IMAGE) {
        text_copy(cause.message, into->reason, sizeof into->reason);
        into->row.status = SPUR_IMAGE;
        into->row.reason = into->reason;
        status = SPUR_OK;
    } else if (status != SPUR_OK) {
        status = error_set(error, status, "%s: %s", into->row.file_name, cause.message);
    }
done:
    picture_free(work->gate, &loaded);
    memory_free(path);
    return status;
}

static spur_status show_files(void *context, uint64_t first, size_t count, spur_error *error)
{
    checking *work = context;
    for (size_t i = 0; i < count; i++) {
        const spur_check_row *row = &work->slots[(first + i) % work->window].row;
        work->progress.done++;
        work->progress.failed += row->status != SPUR_OK;
        if (work->visit != NULL && work->visit(work->context, row) != 0) {
            return error_set(error, SPUR_INTERRUPTED, "interrupted");
        }
    }
    return SPUR_OK;
}

static bool tell_progress(void *context)
{
    const checking *work = context;
    return monitor_cancels(work->monitor, &work->progress);
}

static void log_warnings(const checking *work)
{
    for (size_t i = 0; i < work->rows->warning_count; i++) {
        monitor_warn(work->monitor, work->rows->warnings[i]);
    }
}

spur_status spur_check(const char *path, const spur_check_options *options,
                       const spur_monitor *monitor,
                       int (*visit)(void *context, const spur_check_row *row), void *context,
                       spur_error *error)
{
    spur_status status;
    spur_check_options defaults;
    spur_check_options_defaults(&defaults);
    checking work = {.options = options == NULL ? &defaults : options,
                     .monitor = monitor,
                     .visit = visit,
                     .context = context};
    if (path == NULL) {
        FAIL(SPUR_USAGE, "a folder, a manifest or a file is needed");
    }
    TRY(manifest_list(path, &work.options->data, &work.rows, error));
    log_warnings(&work);
    size_t threads = work.options->threads == 0 ? parallel_processors() : work.options->threads;
    threads = threads < work.rows->count ? threads : work.rows->count;
    work.window = WINDOW_PER_THREAD * threads;
    work.progress = (spur_progress){.stage = "check", .total = work.rows->count};
    TRY(picture_gate_new(&work.gate, error));
    TRY(memory_new_zeroed(work.window, sizeof *work.slots, &work.slots, error));
    feeder_job feed = {.threads = threads,
                       .window = work.window,
                       .count = work.rows->count,
                       .context = &work,
                       .work = work_file,
                       .finish = show_files,
                       .tick = tell_progress};
    TRY(feeder_run(&feed, error));
done:
    memory_free(work.slots);
    picture_gate_free(work.gate);
    manifest_free(work.rows);
    return status;
}
