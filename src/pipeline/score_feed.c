/*
 * score_feed.c - feeds the pending batches of every split through the workers into the store.
 *
 * A batch is STORE_BATCH_ROWS consecutive rows of a split: batch and slot depend on the row's
 * index alone. What is finished together is committed together.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/monitor.h"
#include "pipeline/score_job.h"

enum {
    FAILURE_LIMIT = 1000, /* consecutive failed images before giving up */
    WINDOW_PER_THREAD = 8,
    REASON_SIZE = 256,
    PROBE_IMAGES = 4
};

/* One batch on its way from a worker to the writer. */
typedef struct batch_slot {
    store_row rows[STORE_BATCH_ROWS];
    char reasons[STORE_BATCH_ROWS][REASON_SIZE];
    uint16_t *bins; /* [STORE_BATCH_ROWS, bin_count] */
    size_t count;
} batch_slot;

typedef struct feed {
    score_job *job;
    const manifest_split *split;
    uint64_t *pending; /* batch numbers */
    size_t pending_count;
    batch_slot *slots;
    size_t window;
    atomic_uint_fast64_t done, failed; /* rows that left the workers */
    uint64_t failures;                 /* consecutive, in row order */
} feed;

/* ---- one image ----------------------------------------------------------------------- */

/* First 128 bits of SHA-256 over split, NUL, file name. */
static spur_status make_id(const char *split, const char *name, unsigned char *id,
                           spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    TRY(text_add(&bytes, split, strlen(split) + 1, error));
    TRY(text_add(&bytes, name, strlen(name), error));
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    memcpy(id, sum, STORE_ID_SIZE);
done:
    text_buffer_free(&bytes);
    return status;
}

static void describe_picture(const picture *from, store_row *row)
{
    const image_info *info = &from->info;
    bool is_read = info->format != NULL;
    row->format = info->format;
    row->width = from->pixels.pixels != NULL ? from->pixels.width : info->width;
    row->height = from->pixels.pixels != NULL ? from->pixels.height : info->height;
    row->orientation = is_read ? info->orientation : 0;
    row->has_alpha = info->has_alpha;
    row->is_animated = info->is_animated;
    row->is_truncated = info->is_truncated;
    row->warnings = info->warnings;
    row->has_digest = from->has_digest;
    memcpy(row->file_digest, from->digest, sizeof row->file_digest);
}

/* A failed image is a row with a reason; other failures end the run. */
static spur_status score_image(score_job *job, scorer *with, store_row *row, uint16_t *bins,
                               char reason[REASON_SIZE], spur_error *error)
{
    spur_status status;
    spur_error cause = {SPUR_OK, ""};
    picture loaded;
    char *path = NULL;
    memset(&loaded, 0, sizeof loaded);
    status = manifest_path(job->rows, row->file_name, &path, &cause);
    if (status == SPUR_OK) {
        status = picture_load(job->gate, path, &job->image, &loaded, &cause);
    }
    describe_picture(&loaded, row);
    if (status == SPUR_OK) {
        status = scorer_look(with, &loaded.pixels, row, bins, &cause);
    }
    picture_free(job->gate, &loaded);
    memory_free(path);
    if (status == SPUR_IMAGE) {
        text_copy(cause.message, reason, REASON_SIZE);
        row->reason = reason;
        return SPUR_OK;
    }
    return status == SPUR_OK
               ? SPUR_OK
               : error_set(error, status, "%s: %s", row->file_name, cause.message);
}

static void start_row(const score_job *job, const manifest_split *split, uint64_t index,
                      store_row *row)
{
    size_t at = split->first + (size_t)index;
    const manifest_detail *detail = job->rows->details == NULL ? NULL : &job->rows->details[at];
    memset(row, 0, sizeof *row);
    row->row = index;
    row->file_name = job->rows->rows[at].file_name;
    row->class_index = job->rows->rows[at].class_index;
    row->group = detail == NULL ? NULL : detail->group;
    row->extra = detail == NULL ? NULL : detail->extra;
    row->weight = detail == NULL ? 1.0 : detail->weight;
}

/* ---- one batch ----------------------------------------------------------------------- */

static spur_status work_batch(void *context, size_t worker, size_t slot, uint64_t item,
                              const atomic_bool *cancelled, spur_error *error)
{
    spur_status status = SPUR_OK;
    feed *work = context;
    score_job *job = work->job;
    batch_slot *into = &work->slots[slot];
    size_t bin_count = scorer_query_count(&job->task);
    uint64_t first = work->pending[item] * STORE_BATCH_ROWS;
    into->count = 0;
    scorer_watch(job->scorers[worker], cancelled);
    for (uint64_t i = first; i < first + STORE_BATCH_ROWS && i < work->split->count; i++) {
        store_row *row = &into->rows[into->count];
        if (atomic_load(cancelled)) {
            return SPUR_INTERRUPTED;
        }
        start_row(job, work->split, i, row);
        TRY(make_id(work->split->name, row->file_name, row->image_id, error));
        TRY(score_image(job, job->scorers[worker], row, into->bins + into->count * bin_count,
                        into->reasons[into->count], error));
        atomic_fetch_add(&work->done, 1);
        atomic_fetch_add(&work->failed, row->reason != NULL);
        into->count++;
    }
done:
    return status;
}

/* What a row that failed means for the run. */
static spur_status judge_row(feed *work, const store_row *row, spur_error *error)
{
    const spur_score_options *options = work->job->options;
    if (row->reason == NULL) {
        work->failures = 0;
        return SPUR_OK;
    }
    work->failures++;
    if (options->strict) {
        return error_set(error, SPUR_IMAGE, "row %llu: %s: %s",
                         (unsigned long long)row->row + 1, row->file_name, row->reason);
    }
    if (work->failures >= FAILURE_LIMIT && !options->keep_going) {
        return error_set(
            error, SPUR_DATASET,
            "%d images in a row failed, the last: %s: %s; check the dataset, or go "
            "on with --keep-going",
            FAILURE_LIMIT, row->file_name, row->reason);
    }
    return SPUR_OK;
}

static spur_status write_batches(void *context, uint64_t first, size_t count, spur_error *error)
{
    spur_status status;
    feed *work = context;
    TRY(store_begin(work->job->db, error));
    for (size_t i = 0; i < count; i++) {
        const batch_slot *from = &work->slots[(first + i) % work->window];
        TRY(store_put_batch(work->job->db, work->split->name, work->pending[first + i],
                            from->rows, from->count, error));
    }
    TRY(store_commit(work->job->db, error));
    for (size_t i = 0; i < count; i++) {
        const batch_slot *from = &work->slots[(first + i) % work->window];
        for (size_t j = 0; j < from->count; j++) {
            TRY(judge_row(work, &from->rows[j], error));
        }
    }
done:
    return status;
}

static bool tell_progress(void *context)
{
    feed *work = context;
    return monitor_cancels_after(work->job->monitor, &work->job->progress,
                                 atomic_load(&work->done), atomic_load(&work->failed));
}

/* ---- what is already there ----------------------------------------------------------- */

static size_t batch_count(const manifest_split *split)
{
    return (split->count + STORE_BATCH_ROWS - 1) / STORE_BATCH_ROWS;
}

/* Lists the batches of a split that the run lacks. */
static spur_status list_pending(const score_job *job, const manifest_split *split,
                                uint64_t **pending, size_t *count, spur_error *error)
{
    spur_status status;
    unsigned char *done = NULL;
    uint64_t *list = NULL;
    size_t batches = batch_count(split);
    TRY(memory_new_zeroed(batches, 1, &done, error));
    TRY(memory_new(batches, sizeof *list, &list, error));
    if (job->db != NULL) {
        TRY(store_list_batches(job->db, split->name, done, batches, error));
    }
    *count = 0;
    for (size_t i = 0; i < batches; i++) {
        if (done[i] == 0) {
            list[(*count)++] = i;
        }
    }
    *pending = list;
    list = NULL;
done:
    memory_free(done);
    memory_free(list);
    return status;
}

/* The consecutive failures that end where the pending rows begin. */
typedef struct failure_tail {
    feed *work;
    uint64_t end;
} failure_tail;

static spur_status follow_row(void *context, const store_row *row, spur_error *error)
{
    failure_tail *tail = context;
    return row->row < tail->end ? judge_row(tail->work, row, error) : SPUR_OK;
}

static spur_status judge_done(feed *work, spur_error *error)
{
    uint64_t end = work->pending_count == 0 ? UINT64_MAX : work->pending[0] * STORE_BATCH_ROWS;
    failure_tail tail = {work, end};
    if (end == 0 || (!work->job->options->strict && work->job->options->keep_going)) {
        return SPUR_OK;
    }
    return store_each_row(work->job->db, work->split->name, follow_row, &tail, error);
}

spur_status score_count_done(score_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    job->progress = (spur_progress){.stage = "score", .total = job->rows->count};
    for (size_t i = 0; job->db != NULL && i < job->rows->split_count; i++) {
        store_counts counts;
        TRY(store_count(job->db, job->rows->splits[i].name, &counts, error));
        job->progress.done += counts.scored + counts.failed;
        job->progress.failed += counts.failed;
    }
    job->progress.skipped = job->progress.done;
done:
    return status;
}

/* ---- all batches --------------------------------------------------------------------- */

static spur_status open_slots(feed *work, spur_error *error)
{
    spur_status status;
    size_t bins = scorer_query_count(&work->job->task) * STORE_BATCH_ROWS;
    work->window = WINDOW_PER_THREAD * work->job->threads;
    TRY(memory_new_zeroed(work->window, sizeof *work->slots, &work->slots, error));
    for (size_t i = 0; i < work->window; i++) {
        TRY(memory_new(bins, sizeof(uint16_t), &work->slots[i].bins, error));
    }
done:
    return status;
}

static void feed_free(feed *block)
{
    for (size_t i = 0; block->slots != NULL && i < block->window; i++) {
        memory_free(block->slots[i].bins);
    }
    memory_free(block->slots);
    memory_free(block->pending);
}

static spur_status feed_split(score_job *job, const manifest_split *split, spur_error *error)
{
    spur_status status;
    feed work = {.job = job, .split = split};
    atomic_init(&work.done, 0);
    atomic_init(&work.failed, 0);
    TRY(list_pending(job, split, &work.pending, &work.pending_count, error));
    TRY(judge_done(&work, error));
    TRY(open_slots(&work, error));
    feeder_job feeding = {.threads = job->threads,
                          .window = work.window,
                          .count = work.pending_count,
                          .context = &work,
                          .work = work_batch,
                          .finish = write_batches,
                          .tick = tell_progress,
                          .any_order = true};
    TRY(work.pending_count == 0 ? SPUR_OK : feeder_run(&feeding, error));
    job->progress.done += atomic_load(&work.done);
    job->progress.failed += atomic_load(&work.failed);
done:
    feed_free(&work);
    return status;
}

spur_status score_feed(score_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < job->rows->split_count; i++) {
        TRY(feed_split(job, &job->rows->splits[i], error));
    }
    TRY(store_settle(job->db, error));
done:
    return status;
}

/* ---- probe --------------------------------------------------------------------------- */

spur_status score_probe(score_job *job, double *seconds, spur_error *error)
{
    spur_status status;
    uint16_t *bins = NULL;
    char reason[REASON_SIZE];
    double sum = 0.0;
    size_t scored = 0;
    size_t count = job->rows->count < PROBE_IMAGES ? job->rows->count : PROBE_IMAGES;
    TRY(memory_new(scorer_query_count(&job->task), sizeof *bins, &bins, error));
    for (size_t i = 0; i < count; i++) {
        store_row row;
        manifest_split all = {.first = 0, .count = job->rows->count};
        start_row(job, &all, i * job->rows->count / count, &row);
        double start = clock_seconds();
        TRY(score_image(job, job->scorers[0], &row, bins, reason, error));
        if (row.reason == NULL) {
            sum += clock_seconds() - start;
            scored++;
        }
    }
    *seconds = scored == 0 ? 0.0 : sum / (double)scored;
done:
    memory_free(bins);
    return status;
}
