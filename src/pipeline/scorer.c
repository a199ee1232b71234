/*
 * scorer.c - logits of all class queries, reduced to an image's row.
 *
 * Objectness is added to every query's logits before anything is reduced, so own and other
 * classes stay comparable; margin is subtracted last, from the own logit alone.
 */
#include "pipeline/scorer.h"

#include <math.h>

#include "base/memory.h"
#include "pipeline/aggregate.h"

struct scorer {
    const scorer_task *task;
    detector_worker *worker;
    tower_watch watch;
    size_t patches, count; /* count: queries asked per image */
    float *logits;         /* [patches, count] */
    float *levels;         /* [count] image-level logits */
    float *column;         /* [patches] */
};

size_t scorer_query_count(const scorer_task *task)
{
    return task->class_count <= SCORER_ALL_CLASSES ? task->class_count : 1;
}

spur_status scorer_new(const scorer_task *task, scorer **out, spur_error *error)
{
    spur_status status;
    scorer *made = NULL;
    size_t size;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->task = task;
    made->patches = detector_patches(task->model);
    made->count = scorer_query_count(task);
    if (!size_mul(made->patches, made->count, &size)) {
        FAIL(SPUR_RESOURCE, "too many classes");
    }
    TRY(memory_new(size, sizeof(float), &made->logits, error));
    TRY(memory_new(made->count, sizeof(float), &made->levels, error));
    TRY(memory_new(made->patches, sizeof(float), &made->column, error));
    TRY(detector_worker_new(task->model, &made->worker, error));
    *out = made;
    made = NULL;
done:
    scorer_free(made);
    return status;
}

void scorer_free(scorer *block)
{
    if (block != NULL) {
        memory_free(block->logits);
        memory_free(block->levels);
        memory_free(block->column);
        detector_worker_free(block->worker);
        memory_free(block);
    }
}

detector_worker *scorer_detector(scorer *from)
{
    return from->worker;
}

static spur_status add_objectness(scorer *from, size_t count, spur_error *error)
{
    const float *objectness = NULL;
    spur_status status = detector_objectness(from->worker, &objectness, error);
    for (size_t p = 0; status == SPUR_OK && p < from->patches; p++) {
        for (size_t c = 0; c < count; c++) {
            from->logits[p * count + c] += objectness[p];
        }
    }
    return status;
}

/* from->logits [patches, count] of the classes from `first` on. */
static spur_status ask(scorer *from, const image *src, size_t first, size_t count,
                       spur_error *error)
{
    spur_status status;
    const scorer_task *task = from->task;
    TRY(detector_look(from->worker, src, error));
    detector_logits(from->worker, task->queries + first * detector_embedding(task->model),
                    count, task->as_given, from->logits);
    TRY(task->objectness ? add_objectness(from, count, error) : SPUR_OK);
done:
    return status;
}

static bool are_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

/* The best other class on the winning patch, and the best five anywhere. */
static void find_others(const scorer *from, size_t own, store_row *row)
{
    size_t best[STORE_BEST];
    const float *patch = from->logits + row->patch * from->count;
    row->has_other = aggregate_largest(patch, from->count, own, 1, best) == 1;
    if (row->has_other) {
        row->other_class = best[0];
        row->other_logit = patch[best[0]];
    }
    row->best_count = aggregate_largest(from->levels, from->count, own, STORE_BEST, best);
    for (size_t i = 0; i < row->best_count; i++) {
        row->best[i] = (store_best){best[i], from->levels[best[i]]};
    }
}

static spur_status find_box(scorer *from, const image *src, size_t patch, float out[4],
                            spur_error *error)
{
    float box[4];
    spur_status status = detector_box(from->worker, patch, box, error);
    if (status == SPUR_OK) {
        detector_box_to_pixels(from->task->model, box, src->width, src->height, out);
    }
    return status;
}

void scorer_watch(scorer *from, const atomic_bool *cancelled)
{
    from->watch.cancelled = cancelled;
    detector_worker_watch(from->worker, &from->watch);
}

spur_status scorer_look(scorer *from, const image *src, store_row *row, uint16_t *bins,
                        spur_error *error)
{
    spur_status status;
    const scorer_task *task = from->task;
    bool is_single = from->count < task->class_count;
    size_t own = is_single ? 0 : row->class_index;
    size_t first = is_single ? row->class_index : 0;
    TRY(ask(from, src, first, from->count, error));
    aggregate_logits(task->aggregate, from->logits, from->patches, from->count, from->column,
                     from->levels);
    if (!are_finite(from->levels, from->count)) {
        FAIL(SPUR_IMAGE, "non-finite score");
    }
    row->logit = from->levels[own];
    row->patch = aggregate_best_patch(from->logits, from->patches, from->count, own);
    TRY(find_box(from, src, row->patch, row->box, error));
    find_others(from, own, row);
    if (task->margin && row->has_other) {
        row->logit -= row->other_logit;
    }
    if (!are_finite(row->box, 4) || !isfinite(row->logit) ||
        (row->has_other && !isfinite(row->other_logit))) {
        FAIL(SPUR_IMAGE, "non-finite score");
    }
    for (size_t i = 0; i < from->count; i++) {
        bins[i] = aggregate_bin(from->levels[i]);
    }
    row->bin_count = is_single ? 0 : from->count;
    row->bins = bins;
done:
    return status;
}

spur_status scorer_boxes(scorer *from, const image *src, size_t class_index, double logit,
                         float (*boxes)[4], size_t *count, spur_error *error)
{
    spur_status status;
    size_t found = 0;
    TRY(ask(from, src, class_index, 1, error));
    if (!are_finite(from->logits, from->patches)) {
        FAIL(SPUR_IMAGE, "non-finite score");
    }
    for (size_t p = 0; p < from->patches; p++) {
        if ((double)from->logits[p] >= logit) {
            TRY(find_box(from, src, p, boxes[found++], error));
        }
    }
    if (!are_finite(boxes[0], 4 * found)) {
        FAIL(SPUR_IMAGE, "non-finite score");
    }
    *count = found;
done:
    return status;
}
