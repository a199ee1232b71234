/*
 * features_feed.c - the missing blocks of one feature file, through the workers to the disk.
 *
 * A block is FEATURE_BLOCK_ROWS consecutive rows, in slots of their index: nothing depends on
 * threads or on what was there before. Its bytes are synced before run.db lists it, so what is
 * listed can be read back after any interruption.
 */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "io/file.h"
#include "pipeline/features_job.h"
#include "pipeline/row_picture.h"

enum {
    CHANNELS = 3,
    FAILURE_LIMIT = 1000, /* consecutive failed images before giving up */
    WINDOW_PER_THREAD = 4,
    REASON_SIZE = 256
};

/* One block on its way from a worker to the file. */
typedef struct block_slot {
    size_t rows;
    float *features;    /* [FEATURE_BLOCK_ROWS, width] */
    unsigned char *raw; /* the same as it is stored */
    unsigned char ids[FEATURE_BLOCK_ROWS][STORE_ID_SIZE];
    unsigned char valid[FEATURE_BLOCK_ROWS];
    char reasons[FEATURE_BLOCK_ROWS][REASON_SIZE];
    unsigned char digest[DIGEST_SIZE];
} block_slot;

typedef struct feed {
    const feature_task *task;
    feature_layout layout;
    part_file *into;
    float **pixels;    /* [threads]: [FEATURE_BLOCK_ROWS, 3, side, side] */
    uint64_t *pending; /* block numbers */
    size_t pending_count;
    block_slot *slots;
    size_t window;                     /* slots */
    atomic_uint_fast64_t done, failed; /* rows that left the workers */
    uint64_t failures;                 /* consecutive, in row order */
} feed;

/* ---- one image ----------------------------------------------------------------------- */

static spur_status prepare_pixels(const feature_task *task, const feature_row *row, float *dst,
                                  spur_error *error)
{
    spur_status status;
    picture loaded;
    const row_source from = {task->gate, task->split->root, task->image};
    TRY(row_picture_load(&from, row->file_name, row->digest, &loaded, error));
    TRY(preprocess_run(task->network->recipe, &loaded.pixels, dst, NULL, error));
done:
    picture_free(task->gate, &loaded);
    return status;
}

/* A failed image is a slot of zeros with a reason; other failures end the run. */
static spur_status prepare_slot(const feature_task *task, const feature_row *row, size_t i,
                                float *pixels, block_slot *into, spur_error *error)
{
    spur_error cause = {SPUR_OK, ""};
    spur_status status = SPUR_IMAGE;
    size_t floats = CHANNELS * task->network->side * task->network->side;
    if (row->reason != NULL) {
        text_copy(row->reason, cause.message, sizeof cause.message);
    } else {
        status = prepare_pixels(task, row, pixels, &cause);
    }
    into->valid[i] = status == SPUR_OK;
    if (status == SPUR_OK) {
        return SPUR_OK;
    }
    memset(pixels, 0, floats * sizeof *pixels);
    if (status == SPUR_IMAGE) {
        text_copy(cause.message, into->reasons[i], REASON_SIZE);
        return SPUR_OK;
    }
    return error_set(error, status, "%s: %s", row->file_name, cause.message);
}

/* ---- one block ----------------------------------------------------------------------- */

static const char *judge_features(const float *features, size_t width, bool is_half)
{
    for (size_t i = 0; i < width; i++) {
        if (!isfinite(features[i])) {
            return "non-finite features";
        }
        if (is_half && (half_from_float(features[i]) & 0x7FFF) == 0x7C00) {
            return "features too large for float16";
        }
    }
    return NULL;
}

/* From what the network said to what is stored. */
static void store_block(const feature_layout *layout, block_slot *slot)
{
    size_t width = layout->width;
    for (size_t i = 0; i < slot->rows; i++) {
        float *row = slot->features + i * width;
        const char *reason =
            slot->valid[i] == 0 ? NULL : judge_features(row, width, layout->is_half);
        if (reason != NULL) {
            slot->valid[i] = 0;
            text_copy(reason, slot->reasons[i], REASON_SIZE);
        }
        if (slot->valid[i] == 0) {
            memset(row, 0, width * sizeof *row);
        }
    }
    if (!layout->is_half) {
        memcpy(slot->raw, slot->features, slot->rows * width * sizeof(float));
        return;
    }
    for (size_t i = 0; i < slot->rows * width; i++) {
        uint16_t half = half_from_float(slot->features[i]);
        memcpy(slot->raw + 2 * i, &half, sizeof half);
    }
}

static spur_status prepare_block(feed *work, float *pixels, uint64_t first, block_slot *into,
                                 const atomic_bool *cancelled, spur_error *error)
{
    spur_status status = SPUR_OK;
    const feature_task *task = work->task;
    size_t floats = CHANNELS * task->network->side * task->network->side;
    for (size_t i = 0; i < FEATURE_BLOCK_ROWS; i++) {
        if (atomic_load(cancelled)) {
            return SPUR_INTERRUPTED;
        }
        if (i >= into->rows) {
            memset(pixels + i * floats, 0, floats * sizeof *pixels);
            continue;
        }
        const feature_row *row = &task->rows->rows[first + i];
        memcpy(into->ids[i], row->id, STORE_ID_SIZE);
        TRY(prepare_slot(task, row, i, pixels + i * floats, into, error));
    }
done:
    return status;
}

static size_t count_valid(const block_slot *slot)
{
    size_t count = 0;
    for (size_t i = 0; i < slot->rows; i++) {
        count += slot->valid[i];
    }
    return count;
}

/* Another program's features instead of a network's. */
static void take_given(const feature_task *task, uint64_t first, size_t width, block_slot *into)
{
    for (size_t i = 0; i < into->rows; i++) {
        const feature_row *row = &task->rows->rows[first + i];
        const float *given = task->given[first + i];
        memcpy(into->ids[i], row->id, STORE_ID_SIZE);
        into->valid[i] = row->reason == NULL && given != NULL;
        if (into->valid[i] != 0) {
            memcpy(into->features + i * width, given, width * sizeof *given);
        } else {
            text_copy(row->reason == NULL ? "no features" : row->reason, into->reasons[i],
                      REASON_SIZE);
        }
    }
}

static spur_status compute_block(feed *work, size_t worker, uint64_t first, block_slot *into,
                                 const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    const feature_task *task = work->task;
    const feature_network *network = task->network;
    const tower_watch watch = {.cancelled = cancelled};
    float *pixels = work->pixels[worker];
    TRY(prepare_block(work, pixels, first, into, cancelled, error));
    if (count_valid(into) > 0) {
        TRY(network->run(network->context, task->workers[worker], pixels, FEATURE_BLOCK_ROWS,
                         into->features, &watch, error));
    }
done:
    return status;
}

static spur_status fill_block(feed *work, size_t worker, uint64_t block, block_slot *into,
                              const atomic_bool *cancelled, spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t first = block * FEATURE_BLOCK_ROWS;
    const unsigned char *parts[FEATURE_PARTS] = {into->raw, into->ids[0], into->valid};
    into->rows = feature_block_rows(&work->layout, block);
    if (work->task->network == NULL) {
        take_given(work->task, first, work->layout.width, into);
    } else {
        TRY(compute_block(work, worker, first, into, cancelled, error));
    }
    store_block(&work->layout, into);
    TRY(feature_block_digest(&work->layout, into->rows, parts, into->digest, error));
done:
    return status;
}

static spur_status work_block(void *context, size_t worker, size_t slot, uint64_t item,
                              const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    feed *work = context;
    block_slot *into = &work->slots[slot];
    TRY(fill_block(work, worker, work->pending[item], into, cancelled, error));
    atomic_fetch_add(&work->done, into->rows);
    atomic_fetch_add(&work->failed, into->rows - count_valid(into));
done:
    return status;
}

/* ---- writing ------------------------------------------------------------------------- */

static spur_status write_bytes(feed *work, uint64_t block, const block_slot *from,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    const feature_layout *layout = &work->layout;
    const unsigned char *parts[FEATURE_PARTS] = {from->raw, from->ids[0], from->valid};
    for (size_t p = 0; p < FEATURE_PARTS; p++) {
        TRY(part_file_write(
            work->into, layout->offsets[p] + block * FEATURE_BLOCK_ROWS * layout->row_bytes[p],
            parts[p], from->rows * layout->row_bytes[p], error));
    }
done:
    return status;
}

static spur_status list_block(feed *work, uint64_t block, const block_slot *from,
                              spur_error *error)
{
    store_feature_failure failures[FEATURE_BLOCK_ROWS];
    store_feature_block entry = {.block = block, .images = from->rows, .failures = failures};
    memcpy(entry.digest, from->digest, sizeof entry.digest);
    for (size_t i = 0; i < from->rows; i++) {
        if (from->valid[i] == 0) {
            failures[entry.failure_count++] =
                (store_feature_failure){block * FEATURE_BLOCK_ROWS + i, from->reasons[i]};
        }
    }
    return store_put_feature_block(work->task->db, work->task->backbone->name,
                                   work->task->split->name, &entry, error);
}

/* What a row that failed here means for the run; one that failed before was judged then. */
static spur_status judge_row(feed *work, uint64_t row, const char *reason, spur_error *error)
{
    const feature_task *task = work->task;
    const feature_row *of = &task->rows->rows[row];
    if (reason == NULL) {
        work->failures = 0;
    }
    if (reason == NULL || of->reason != NULL) {
        return SPUR_OK;
    }
    work->failures++;
    if (task->strict) {
        return error_set(error, SPUR_IMAGE, "row %llu: %s: %s", (unsigned long long)row + 1,
                         of->file_name, reason);
    }
    if (work->failures >= FAILURE_LIMIT && !task->keep_going) {
        return error_set(
            error, SPUR_DATASET,
            "%d images in a row failed, the last: %s: %s; check that the images are where "
            "they were scored, or go on with --keep-going",
            FAILURE_LIMIT, of->file_name, reason);
    }
    return SPUR_OK;
}

static spur_status write_blocks(void *context, uint64_t first, size_t count, spur_error *error)
{
    spur_status status = SPUR_OK;
    feed *work = context;
    for (size_t i = 0; i < count; i++) {
        TRY(write_bytes(work, work->pending[first + i],
                        &work->slots[(first + i) % work->window], error));
    }
    TRY(part_file_sync(work->into, error));
    TRY(store_begin(work->task->db, error));
    for (size_t i = 0; i < count; i++) {
        TRY(list_block(work, work->pending[first + i], &work->slots[(first + i) % work->window],
                       error));
    }
    TRY(store_commit(work->task->db, error));
    for (size_t i = 0; i < count; i++) {
        const block_slot *from = &work->slots[(first + i) % work->window];
        uint64_t row = work->pending[first + i] * FEATURE_BLOCK_ROWS;
        for (size_t j = 0; j < from->rows; j++) {
            TRY(judge_row(work, row + j, from->valid[j] == 0 ? from->reasons[j] : NULL, error));
        }
    }
done:
    return status;
}

static bool tell_progress(void *context)
{
    feed *work = context;
    return monitor_cancels_after(work->task->monitor, work->task->progress,
                                 atomic_load(&work->done), atomic_load(&work->failed));
}

/* ---- what is already there ----------------------------------------------------------- */

/* Reads a listed block back from the partial file. */
static spur_status check_block(feed *work, uint64_t block, const unsigned char *expected,
                               unsigned char *bytes, spur_error *error)
{
    spur_status status = SPUR_OK;
    const feature_layout *layout = &work->layout;
    const unsigned char *parts[FEATURE_PARTS];
    unsigned char sum[DIGEST_SIZE];
    size_t rows = feature_block_rows(layout, block);
    unsigned char *at = bytes;
    for (size_t p = 0; p < FEATURE_PARTS; p++) {
        size_t length = rows * layout->row_bytes[p];
        TRY(part_file_read(
            work->into, layout->offsets[p] + block * FEATURE_BLOCK_ROWS * layout->row_bytes[p],
            at, length, error));
        parts[p] = at;
        at += length;
    }
    TRY(feature_block_digest(layout, rows, parts, sum, error));
    if (memcmp(sum, expected, sizeof sum) != 0) {
        FAIL(SPUR_DATASET,
             "%s.part: rows from %llu do not match their digest in run.db: the file is "
             "damaged; use --restart",
             layout->path, (unsigned long long)block * FEATURE_BLOCK_ROWS);
    }
done:
    return status;
}

/* Another matrix under the same name must not pass for the one that is there. */
static spur_status check_given(feed *work, uint64_t block, const unsigned char *expected,
                               spur_error *error)
{
    spur_status status;
    block_slot *slot = work->slots;
    TRY(fill_block(work, 0, block, slot, NULL, error));
    if (memcmp(slot->digest, expected, sizeof slot->digest) != 0) {
        FAIL(SPUR_DATASET,
             "backbone %s: split %s has other features from row %llu on; use --restart to "
             "replace them",
             work->task->backbone->name, work->task->split->name,
             (unsigned long long)block * FEATURE_BLOCK_ROWS);
    }
    memset(slot->reasons, 0, sizeof slot->reasons);
done:
    return status;
}

static size_t block_bytes(const feature_layout *layout)
{
    return FEATURE_BLOCK_ROWS *
           (layout->row_bytes[FEATURE_VALUES] + layout->row_bytes[FEATURE_IDS] + 1);
}

static spur_status make_folder_of(const char *path, spur_error *error)
{
    char *folder = NULL;
    const char *slash = strrchr(path, '/');
    spur_status status = memory_copy_text(path, (size_t)(slash - path), &folder, error);
    if (status == SPUR_OK) {
        status = file_make_folder(folder, error);
    }
    memory_free(folder);
    return status;
}

static spur_status open_part(feed *work, size_t done_count, spur_error *error)
{
    spur_status status;
    const feature_layout *layout = &work->layout;
    if (done_count > 0) {
        return part_file_continue(layout->path, layout->start.data, layout->start.length,
                                  layout->size, &work->into, error);
    }
    TRY(make_folder_of(layout->path, error));
    TRY(part_file_remove(layout->path, error)); /* of a restart that was killed */
    TRY(part_file_create(layout->path, layout->start.data, layout->start.length, layout->size,
                         &work->into, error));
done:
    return status;
}

/* Lists the pending blocks; opens the partial file and compares what is in it. */
static spur_status open_blocks(feed *work, spur_error *error)
{
    spur_status status;
    const feature_task *task = work->task;
    size_t count = work->layout.block_count;
    unsigned char *done = NULL;
    unsigned char(*digests)[STORE_DIGEST_SIZE] = NULL;
    unsigned char *bytes = NULL;
    TRY(memory_new_zeroed(count, 1, &done, error));
    TRY(memory_new(count, sizeof *digests, &digests, error));
    TRY(memory_new(count, sizeof *work->pending, &work->pending, error));
    TRY(memory_new(block_bytes(&work->layout), 1, &bytes, error));
    TRY(store_list_feature_blocks(task->db, task->backbone->name, task->split->name, done,
                                  digests, count, error));
    for (size_t b = 0; b < count; b++) {
        if (done[b] == 0) {
            work->pending[work->pending_count++] = b;
        } else if (task->given != NULL) {
            TRY(check_given(work, b, digests[b], error));
        }
    }
    if (work->pending_count == 0 && !part_file_exists(work->layout.path)) {
        goto done; /* finished before: reading it compares everything */
    }
    TRY(open_part(work, count - work->pending_count, error));
    for (size_t b = 0; b < count; b++) {
        TRY(done[b] == 0 ? SPUR_OK : check_block(work, b, digests[b], bytes, error));
    }
done:
    memory_free(done);
    memory_free(digests);
    memory_free(bytes);
    return status;
}

/* ---- all blocks ---------------------------------------------------------------------- */

static spur_status open_pixels(feed *work, spur_error *error)
{
    spur_status status;
    const feature_task *task = work->task;
    size_t floats = CHANNELS * task->network->side * task->network->side;
    TRY(memory_new_zeroed(task->threads, sizeof *work->pixels, &work->pixels, error));
    for (size_t i = 0; i < task->threads; i++) {
        TRY(memory_new(FEATURE_BLOCK_ROWS, floats * sizeof(float), &work->pixels[i], error));
    }
done:
    return status;
}

static spur_status open_slots(feed *work, spur_error *error)
{
    spur_status status;
    const feature_task *task = work->task;
    work->window = WINDOW_PER_THREAD * task->threads;
    TRY(memory_new_zeroed(work->window, sizeof *work->slots, &work->slots, error));
    for (size_t i = 0; i < work->window; i++) {
        TRY(memory_new_zeroed(FEATURE_BLOCK_ROWS, work->layout.width * sizeof(float),
                              &work->slots[i].features, error));
        TRY(memory_new(FEATURE_BLOCK_ROWS, work->layout.row_bytes[FEATURE_VALUES],
                       &work->slots[i].raw, error));
    }
    TRY(task->network == NULL ? SPUR_OK : open_pixels(work, error));
done:
    return status;
}

static void feed_close(feed *block)
{
    for (size_t i = 0; block->slots != NULL && i < block->window; i++) {
        memory_free(block->slots[i].features);
        memory_free(block->slots[i].raw);
    }
    for (size_t i = 0; block->pixels != NULL && i < block->task->threads; i++) {
        memory_free(block->pixels[i]);
    }
    memory_free(block->pixels);
    memory_free(block->slots);
    memory_free(block->pending);
    part_file_close(block->into);
    feature_layout_free(&block->layout);
}

static spur_status feed_blocks(feed *work, spur_error *error)
{
    spur_status status;
    feeder_job feeding = {.threads = work->task->threads,
                          .window = work->window,
                          .count = work->pending_count,
                          .context = work,
                          .work = work_block,
                          .finish = write_blocks,
                          .tick = tell_progress,
                          .any_order = true};
    TRY(feeder_run(&feeding, error));
done:
    return status;
}

static void count_skipped(const feed *work)
{
    uint64_t pending = 0;
    for (size_t i = 0; i < work->pending_count; i++) {
        pending += feature_block_rows(&work->layout, work->pending[i]);
    }
    *work->task->skipped = work->layout.rows - pending;
    work->task->progress->done += *work->task->skipped;
    work->task->progress->skipped += *work->task->skipped;
}

spur_status feature_feed(const feature_task *task, spur_error *error)
{
    spur_status status;
    feed work = {.task = task};
    atomic_init(&work.done, 0);
    atomic_init(&work.failed, 0);
    TRY(feature_layout_make(task->run_folder, task->backbone, task->split, &work.layout,
                            error));
    TRY(open_slots(&work, error));
    TRY(open_blocks(&work, error));
    count_skipped(&work);
    if (work.into == NULL) {
        goto done;
    }
    TRY(work.pending_count == 0 ? SPUR_OK : feed_blocks(&work, error));
    TRY(part_file_finish(work.into, error));
    task->progress->done += atomic_load(&work.done);
    task->progress->failed += atomic_load(&work.failed);
done:
    feed_close(&work);
    return status;
}
