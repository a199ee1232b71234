/*
 * experiment.c - which images, which blocks are missing, and the feeder between workers and
 * run.db.
 */
#include "pipeline/experiment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/random.h"
#include "base/text.h"
#include "io/store_results.h"

enum {
    WINDOW_PER_THREAD = 2
};

/* ---- which images ------------------------------------------------------------------------ */

typedef struct candidate {
    const feature_row *row;
    size_t class_index;
    uint64_t draw;  /* by image id */
    uint64_t place; /* among its class, in order of the draws */
} candidate;

static uint64_t draw_of(random_key key, const unsigned char *id)
{
    uint64_t halves[2];
    uint32_t words[4];
    memcpy(halves, id, sizeof halves);
    random_words(key, halves[0], halves[1], words);
    return (uint64_t)words[0] << 32 | words[1];
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By class, then draw; equal draws by row. */
static int by_draw(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    int order = compare_numbers(a->class_index, b->class_index);
    order = order == 0 ? compare_numbers(a->draw, b->draw) : order;
    return order == 0 ? compare_numbers((uintptr_t)a->row, (uintptr_t)b->row) : order;
}

/* Every class's first, then every class's second ... */
static int by_place(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    int order = compare_numbers(a->place, b->place);
    return order == 0 ? compare_numbers(a->class_index, b->class_index) : order;
}

static int by_row(const void *left, const void *right)
{
    return compare_numbers((uintptr_t)((const candidate *)left)->row,
                           (uintptr_t)((const candidate *)right)->row);
}

static size_t list_candidates(const feature_rows *from, random_key key, candidate *out)
{
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const feature_row *row = &from->rows[i];
        if (row->reason == NULL) {
            out[count++] = (candidate){row, row->class_index, draw_of(key, row->id), 0};
        }
    }
    return count;
}

static void choose_evenly(candidate *list, size_t count, size_t kept)
{
    qsort(list, count, sizeof *list, by_draw);
    for (size_t i = 1; i < count; i++) {
        bool is_same = list[i].class_index == list[i - 1].class_index;
        list[i].place = is_same ? list[i - 1].place + 1 : 0;
    }
    qsort(list, count, sizeof *list, by_place);
    qsort(list, kept, sizeof *list, by_row);
}

spur_status experiment_choose(const feature_rows *from, uint64_t limit, uint64_t seed,
                              experiment_images *out, spur_error *error)
{
    spur_status status;
    candidate *list = NULL;
    experiment_images made = {NULL, 0};
    TRY(memory_new(from->count, sizeof *list, &list, error));
    made.count = list_candidates(from, random_key_make(seed, "experiment"), list);
    if (limit > 0 && limit < made.count) {
        choose_evenly(list, made.count, (size_t)limit);
        made.count = (size_t)limit;
    }
    TRY(memory_new(made.count, sizeof(const feature_row *), &made.rows, error));
    for (size_t i = 0; i < made.count; i++) {
        made.rows[i] = list[i].row;
    }
    *out = made;
done:
    memory_free(list);
    return status;
}

spur_status experiment_split(const spur_run *run, const char *asked, const char *common,
                             const store_split **out, spur_error *error)
{
    const char *name = asked != NULL ? asked : common;
    size_t best = 0;
    if (name != NULL) {
        return run_find_split(run, name, out, error);
    }
    for (size_t i = run->split_count; i-- > 0;) {
        best = strcmp(run->splits[i].name, "train") != 0 ? i : best;
    }
    for (size_t i = 0; i < run->split_count; i++) {
        best = strcmp(run->splits[i].name, "val") == 0 ? i : best;
    }
    *out = &run->splits[best];
    return SPUR_OK;
}

/* ---- what is there ----------------------------------------------------------------------- */

typedef struct finding {
    const store_experiment *wanted;
    bool is_there;
} finding;

static bool is_same_key(const store_experiment *a, const store_experiment *b)
{
    return strcmp(a->stage, b->stage) == 0 && strcmp(a->subject, b->subject) == 0 &&
           strcmp(a->split, b->split) == 0;
}

static spur_status compare_experiment(void *context, const store_experiment *one,
                                      spur_error *error)
{
    finding *to = context;
    (void)error;
    if (is_same_key(one, to->wanted)) {
        to->is_there = strcmp(one->inputs, to->wanted->inputs) == 0 &&
                       strcmp(one->settings, to->wanted->settings) == 0 &&
                       one->images == to->wanted->images;
    }
    return SPUR_OK;
}

static spur_status find_experiment(store *db, const store_experiment *wanted, bool *is_there,
                                   spur_error *error)
{
    finding to = {wanted, false};
    spur_status status = store_each_experiment(db, compare_experiment, &to, error);
    *is_there = to.is_there;
    return status;
}

static size_t block_images(uint64_t images, uint64_t block)
{
    uint64_t left = images - block * EXPERIMENT_BLOCK_IMAGES;
    return (size_t)(left < EXPERIMENT_BLOCK_IMAGES ? left : EXPERIMENT_BLOCK_IMAGES);
}

typedef struct loading {
    const store_experiment *record;
    size_t row_bytes;
    unsigned char *outcomes; /* or NULL */
    unsigned char *done;     /* [blocks], or NULL */
    uint64_t images;         /* of the blocks there are */
} loading;

static spur_status load_block(void *context, const store_experiment_block *block,
                              spur_error *error)
{
    loading *to = context;
    size_t count = block_images(to->record->images, block->block);
    if (block->length != count * to->row_bytes) {
        return error_set(error, SPUR_DATASET,
                         "run.db: experiment %s: block %llu has %zu bytes, expected %zu; the "
                         "file is damaged: restore a copy",
                         to->record->stage, (unsigned long long)block->block, block->length,
                         count * to->row_bytes);
    }
    if (to->outcomes != NULL) {
        memcpy(to->outcomes + block->block * EXPERIMENT_BLOCK_IMAGES * to->row_bytes,
               block->outcomes, block->length);
    }
    if (to->done != NULL) {
        to->done[block->block] = 1;
    }
    to->images += count;
    return SPUR_OK;
}

spur_status experiment_load(store *db, const store_experiment *record, size_t row_bytes,
                            unsigned char *outcomes, bool *is_complete, spur_error *error)
{
    spur_status status;
    loading to = {record, row_bytes, outcomes, NULL, 0};
    bool is_there;
    TRY(find_experiment(db, record, &is_there, error));
    if (is_there) {
        TRY(store_each_experiment_block(db, record, load_block, &to, error));
    }
    *is_complete = is_there && to.images == record->images;
done:
    return status;
}

/* ---- running ----------------------------------------------------------------------------- */

typedef struct running {
    const experiment *what;
    uint64_t *pending; /* block numbers */
    size_t pending_count;
    experiment_block *slots;
    unsigned char *bytes; /* [window, EXPERIMENT_BLOCK_IMAGES, row_bytes] */
    size_t window;
    atomic_uint_fast64_t done, failed; /* images that left the workers */
} running;

static size_t count_failed(const experiment_block *block, size_t row_bytes)
{
    size_t failed = 0;
    for (size_t i = 0; i < block->count; i++) {
        failed += block->outcomes[i * row_bytes] == 0;
    }
    return failed;
}

static spur_status work_block(void *context, size_t worker, size_t slot, uint64_t item,
                              const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    running *work = context;
    const experiment *what = work->what;
    experiment_block *block = &work->slots[slot];
    uint64_t number = work->pending[item];
    size_t size = EXPERIMENT_BLOCK_IMAGES * what->row_bytes;
    *block = (experiment_block){.images = what->images->rows + number * EXPERIMENT_BLOCK_IMAGES,
                                .count = block_images(what->record.images, number),
                                .outcomes = work->bytes + slot * size};
    memset(block->outcomes, 0, size);
    TRY(what->work(what->context, worker, block, cancelled, error));
    atomic_fetch_add(&work->done, block->count);
    atomic_fetch_add(&work->failed, count_failed(block, what->row_bytes));
done:
    return status;
}

static void log_failures(const experiment *what, const experiment_block *block)
{
    spur_error line;
    for (size_t i = 0; i < block->count && monitor_has_log(what->monitor); i++) {
        if (block->outcomes[i * what->row_bytes] == 0 &&
            error_set(&line, SPUR_IMAGE, "%s: %s", block->images[i]->file_name,
                      block->reasons[i]) != SPUR_OK) {
            monitor_warn(what->monitor, line.message);
        }
    }
}

static spur_status write_blocks(void *context, uint64_t first, size_t count, spur_error *error)
{
    spur_status status;
    running *work = context;
    const experiment *what = work->what;
    TRY(store_begin(what->db, error));
    for (size_t i = 0; i < count; i++) {
        const experiment_block *from = &work->slots[(first + i) % work->window];
        const store_experiment_block block = {.block = work->pending[first + i],
                                              .outcomes = from->outcomes,
                                              .length = from->count * what->row_bytes};
        TRY(store_put_experiment_block(what->db, &what->record, &block, error));
    }
    TRY(store_commit(what->db, error));
    for (size_t i = 0; i < count; i++) {
        log_failures(what, &work->slots[(first + i) % work->window]);
    }
done:
    return status;
}

static bool tell_progress(void *context)
{
    running *work = context;
    return monitor_cancels_after(work->what->monitor, work->what->progress,
                                 atomic_load(&work->done), atomic_load(&work->failed));
}

/* Which blocks are missing; what is there counts as skipped. */
static spur_status list_pending(running *work, size_t blocks, spur_error *error)
{
    spur_status status;
    const experiment *what = work->what;
    unsigned char *done = NULL;
    loading to = {&what->record, what->row_bytes, NULL, NULL, 0};
    bool is_there;
    TRY(memory_new_zeroed(blocks, 1, &done, error));
    TRY(memory_new(blocks, sizeof *work->pending, &work->pending, error));
    TRY(find_experiment(what->db, &what->record, &is_there, error));
    to.done = done;
    TRY(is_there ? store_each_experiment_block(what->db, &what->record, load_block, &to, error)
                 : store_put_experiment(what->db, &what->record, error));
    for (size_t b = 0; b < blocks; b++) {
        if (done[b] == 0) {
            work->pending[work->pending_count++] = b;
        }
    }
    what->progress->done += to.images;
    what->progress->skipped += to.images;
done:
    memory_free(done);
    return status;
}

static spur_status feed(running *work, spur_error *error)
{
    spur_status status;
    const experiment *what = work->what;
    size_t count;
    work->window = WINDOW_PER_THREAD * what->threads;
    if (!size_mul(work->window, EXPERIMENT_BLOCK_IMAGES, &count)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(work->window, sizeof *work->slots, &work->slots, error));
    TRY(memory_new(count, what->row_bytes, &work->bytes, error));
    const feeder_job job = {.threads = what->threads,
                            .window = work->window,
                            .count = work->pending_count,
                            .context = work,
                            .work = work_block,
                            .finish = write_blocks,
                            .tick = tell_progress,
                            .any_order = true};
    TRY(feeder_run(&job, error));
done:
    return status;
}

spur_status experiment_run(const experiment *what, spur_error *error)
{
    spur_status status;
    running work = {.what = what};
    size_t blocks =
        (what->images->count + EXPERIMENT_BLOCK_IMAGES - 1) / EXPERIMENT_BLOCK_IMAGES;
    atomic_init(&work.done, 0);
    atomic_init(&work.failed, 0);
    TRY(list_pending(&work, blocks, error));
    TRY(work.pending_count == 0 ? SPUR_OK : feed(&work, error));
    what->progress->done += atomic_load(&work.done);
    what->progress->failed += atomic_load(&work.failed);
done:
    memory_free(work.pending);
    memory_free(work.slots);
    memory_free(work.bytes);
    return status;
}

/* ---- numbers without outcomes ------------------------------------------------------------ */

spur_status experiment_forget(const spur_run *run, const char *stage, spur_error *error)
{
    spur_status status;
    TRY(store_begin(run->db, error));
    TRY(store_drop_stage(run->db, stage, error));
    TRY(store_commit(run->db, error));
done:
    return status;
}

typedef struct search {
    const char *stage;
    bool is_there;
} search;

static spur_status find_stage(void *context, const store_experiment *one, spur_error *error)
{
    search *to = context;
    (void)error;
    to->is_there = to->is_there || strcmp(one->stage, to->stage) == 0;
    return SPUR_OK;
}

spur_status experiment_check(const spur_run *run, const char *stage, spur_error *error)
{
    spur_status status;
    search to = {stage, false};
    char *inputs = NULL;
    TRY(store_get_stage_inputs(run->db, stage, &inputs, error));
    TRY(store_each_experiment(run->db, find_stage, &to, error));
    TRY(inputs == NULL || to.is_there ? SPUR_OK : experiment_forget(run, stage, error));
done:
    memory_free(inputs);
    return status;
}
