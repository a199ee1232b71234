/*
 * report_heads.c - counts what every head got right, class by class, and finds the images whose
 * answer changed.
 *
 * Two passes over the sets of predictions: the first counts, the second, for the judged split
 * only, picks images under the head that the first found best. One split's rows and two sets
 * are in memory at a time.
 */
#include "report/report_heads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/evaluation_rows.h"
#include "pipeline/predictions.h"
#include "report/report_data.h"

typedef struct heads_job {
    report_data *into;
    report_heads *heads;
    prediction_list list;
    evaluation_rows rows; /* of `split` */
    size_t split;         /* SIZE_MAX: none read yet */
} heads_job;

double report_accuracy(const report_tally *of)
{
    return of->n == 0 ? (double)NAN : (double)of->correct / (double)of->n;
}

double report_gap(const report_class_gap *of)
{
    return of->clear_n == 0 || of->hidden_n == 0
               ? (double)NAN
               : (double)of->clear_correct / (double)of->clear_n -
                     (double)of->hidden_correct / (double)of->hidden_n;
}

void report_heads_free(report_heads *block)
{
    for (size_t i = 0; i < block->count; i++) {
        memory_free(block->heads[i].classes);
    }
    for (size_t i = 0; i < block->backbone_count; i++) {
        memory_free(block->backbones[i].gaps);
        memory_free(block->backbones[i].taken);
    }
    memory_free(block->heads);
    memory_free(block->backbones);
    memory_free(block->changes);
    memset(block, 0, sizeof *block);
}

/* ---- sets -------------------------------------------------------------------------------- */

static size_t split_index(const spur_run *run, const char *name)
{
    size_t found = 0;
    while (found + 1 < run->split_count && strcmp(run->splits[found].name, name) != 0) {
        found++;
    }
    return found;
}

static spur_status read_rows(heads_job *job, size_t split, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (job->split != split) {
        evaluation_rows_free(&job->rows);
        job->split = SIZE_MAX;
        memset(&job->rows, 0, sizeof job->rows);
        TRY(evaluation_rows_make(job->into->run, job->into->run->splits[split].name, &job->rows,
                                 error));
        job->split = split;
    }
done:
    return status;
}

/* *is_there is false when the set is out of date: the report goes on without it. */
static spur_status load_set(heads_job *job, const prediction_name *name, prediction_set *out,
                            bool *is_there, spur_error *error)
{
    spur_error why;
    spur_status status = predictions_load(job->into->run, name, out, &why);
    *is_there = status == SPUR_OK;
    if (status == SPUR_DATASET) {
        job->heads->skipped++;
        return SPUR_OK;
    }
    return status == SPUR_OK ? SPUR_OK : error_set(error, status, "%s", why.message);
}

static bool is_original(const char *name)
{
    return strcmp(name, HEAD_ORIGINAL) == 0;
}

/* ---- counting ---------------------------------------------------------------------------- */

static void add_row(report_tally *to, bool is_right, bool has_before, bool was_right)
{
    to->n++;
    to->correct += is_right;
    to->fixed += has_before && is_right && !was_right;
    to->broken += has_before && !is_right && was_right;
}

static void count_set(const evaluation_rows *rows, const prediction_set *set,
                      const prediction_set *original, report_head *into)
{
    for (size_t i = 0; i < set->rows; i++) {
        uint32_t class_index = rows->class_index[i];
        bool is_judged = (set->flags[i] & PREDICTION_VALID) != 0;
        if (!is_judged || class_index == EVALUATION_NO_CLASS) {
            continue;
        }
        bool is_right = (set->flags[i] & PREDICTION_CORRECT) != 0;
        bool has_before = original != NULL && (original->flags[i] & PREDICTION_VALID) != 0;
        bool was_right = has_before && (original->flags[i] & PREDICTION_CORRECT) != 0;
        add_row(&into->classes[class_index], is_right, has_before, was_right);
        add_row(&into->all, is_right, has_before, was_right);
    }
}

static spur_status count_head(heads_job *job, const prediction_name *name,
                              const prediction_set *set, const prediction_set *original,
                              spur_error *error)
{
    spur_status status;
    report_head *into = &job->heads->heads[job->heads->count];
    char *backbone = NULL, *copy = NULL;
    TRY(memory_new_zeroed(job->into->run->class_count, sizeof *into->classes, &into->classes,
                          error));
    job->heads->count++;
    TRY(arena_text(job->into->texts, name->backbone, strlen(name->backbone), &backbone, error));
    TRY(arena_text(job->into->texts, name->head, strlen(name->head), &copy, error));
    into->backbone = backbone;
    into->head = copy;
    into->split = job->split;
    into->has_original = original != NULL && !is_original(name->head);
    count_set(&job->rows, set, into->has_original ? original : NULL, into);
done:
    return status;
}

/* The heads of one split and backbone, which stand together with the original first. */
static spur_status count_group(heads_job *job, size_t first, size_t end, spur_error *error)
{
    spur_status status;
    prediction_set original = {0}, set = {0};
    bool has_original = false, is_there;
    TRY(read_rows(job, split_index(job->into->run, job->list.names[first].split), error));
    for (size_t i = first; i < end; i++) {
        const prediction_name *name = &job->list.names[i];
        TRY(load_set(job, name, &set, &is_there, error));
        if (!is_there || set.rows != job->rows.count) {
            prediction_set_free(&set);
            memset(&set, 0, sizeof set);
            continue;
        }
        TRY(count_head(job, name, &set, has_original ? &original : NULL, error));
        if (is_original(name->head)) {
            original = set;
            has_original = true;
        } else {
            prediction_set_free(&set);
        }
        memset(&set, 0, sizeof set);
    }
done:
    prediction_set_free(&set);
    prediction_set_free(&original);
    return status;
}

static size_t group_end(const prediction_list *list, size_t first)
{
    size_t end = first + 1;
    while (end < list->count && strcmp(list->names[end].split, list->names[first].split) == 0 &&
           strcmp(list->names[end].backbone, list->names[first].backbone) == 0) {
        end++;
    }
    return end;
}

static spur_status count_all(heads_job *job, spur_error *error)
{
    spur_status status;
    report_heads *heads = job->heads;
    TRY(memory_new_zeroed(job->list.count, sizeof *heads->heads, &heads->heads, error));
    for (size_t first = 0; first < job->list.count;) {
        size_t end = group_end(&job->list, first);
        TRY(count_group(job, first, end, error));
        first = end;
    }
done:
    return status;
}

/* ---- what is spoken of ------------------------------------------------------------------- */

static void choose_split(const report_data *in, report_heads *heads)
{
    heads->judged = heads->heads[0].split;
    for (size_t i = heads->count; i-- > 0;) {
        if (heads->heads[i].split != in->main_index) {
            heads->judged = heads->heads[i].split;
        }
    }
    for (size_t i = 0; i < heads->count; i++) {
        if (strcmp(in->run->splits[heads->heads[i].split].name, "val") == 0) {
            heads->judged = heads->heads[i].split;
        }
    }
}

static bool is_better(const report_head *a, const report_head *b)
{
    return report_accuracy(&a->all) > report_accuracy(&b->all);
}

static bool is_new_backbone(const report_heads *heads, const char *name)
{
    return heads->backbone_count == 0 ||
           strcmp(heads->backbones[heads->backbone_count - 1].name, name) != 0;
}

static spur_status choose_backbones(heads_job *job, spur_error *error)
{
    spur_status status;
    report_heads *heads = job->heads;
    TRY(memory_new_zeroed(heads->count, sizeof *heads->backbones, &heads->backbones, error));
    for (size_t i = 0; i < heads->count; i++) {
        const report_head *one = &heads->heads[i];
        if (one->split != heads->judged) {
            continue;
        }
        if (is_new_backbone(heads, one->backbone)) {
            heads->backbones[heads->backbone_count++] =
                (report_backbone){one->backbone, SIZE_MAX, SIZE_MAX, NULL, NULL};
        }
        report_backbone *last = &heads->backbones[heads->backbone_count - 1];
        if (is_original(one->head)) {
            last->original = i;
        } else if (last->best == SIZE_MAX || is_better(one, &heads->heads[last->best])) {
            last->best = i;
        }
    }
done:
    return status;
}

/* ---- the judged split -------------------------------------------------------------------- */

static void count_gaps(const evaluation_rows *rows, const prediction_set *set,
                       report_class_gap *gaps)
{
    for (size_t i = 0; i < set->rows; i++) {
        uint32_t rank = rows->rank[i], half = rows->size[i] / 2;
        if (rank == 0 || (set->flags[i] & PREDICTION_VALID) == 0) {
            continue;
        }
        report_class_gap *gap = &gaps[rows->class_index[i]];
        bool is_right = (set->flags[i] & PREDICTION_CORRECT) != 0;
        bool is_hidden = rank <= half, is_clear = rank > rows->size[i] - half;
        gap->hidden_n += is_hidden;
        gap->clear_n += is_clear;
        gap->hidden_correct += is_hidden && is_right;
        gap->clear_correct += is_clear && is_right;
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Puts a count into a class's list, highest first; equal ones stay in rising class order. */
static void add_taken(report_taken *list, report_taken one)
{
    for (size_t i = 0; i < REPORT_TAKEN_FOR; i++) {
        if (one.images > list[i].images) {
            report_taken moved = list[i];
            list[i] = one;
            one = moved;
        }
    }
}

static spur_status count_taken(const evaluation_rows *rows, const prediction_set *set,
                               report_taken *taken, spur_error *error)
{
    spur_status status;
    uint64_t *pairs = NULL;
    size_t count = 0;
    TRY(memory_new(set->rows, sizeof *pairs, &pairs, error));
    for (size_t i = 0; i < set->rows; i++) {
        bool is_wrong =
            (set->flags[i] & (PREDICTION_VALID | PREDICTION_CORRECT)) == PREDICTION_VALID;
        if (is_wrong && set->predicted[i] < rows->class_count &&
            rows->class_index[i] != EVALUATION_NO_CLASS) {
            pairs[count++] = (uint64_t)rows->class_index[i] << 32 | set->predicted[i];
        }
    }
    if (count > 1) {
        qsort(pairs, count, sizeof *pairs, compare_pairs);
    }
    for (size_t i = 0, first = 0; i < count; i++) {
        if (i + 1 == count || pairs[i + 1] != pairs[i]) {
            report_taken one = {(uint32_t)pairs[i], (uint32_t)(i + 1 - first)};
            add_taken(taken + (pairs[i] >> 32) * REPORT_TAKEN_FOR, one);
            first = i + 1;
        }
    }
done:
    memory_free(pairs);
    return status;
}

typedef struct changed_image {
    uint32_t class_index, rank;
    bool is_fixed;
    size_t row;
} changed_image;

static int compare_changed(const void *a, const void *b)
{
    const changed_image *left = a, *right = b;
    if (left->class_index != right->class_index) {
        return left->class_index < right->class_index ? -1 : 1;
    }
    if (left->is_fixed != right->is_fixed) {
        return left->is_fixed ? -1 : 1;
    }
    return (left->rank > right->rank) - (left->rank < right->rank);
}

/* Scored images that both heads judged, one of them right. */
static spur_status find_changed(const evaluation_rows *rows, const prediction_set *before,
                                const prediction_set *after, changed_image **out, size_t *count,
                                spur_error *error)
{
    spur_status status;
    changed_image *made = NULL;
    TRY(memory_new(before->rows, sizeof *made, &made, error));
    *count = 0;
    for (size_t i = 0; i < before->rows; i++) {
        unsigned both = before->flags[i] & after->flags[i];
        unsigned one = before->flags[i] ^ after->flags[i];
        if (rows->rank[i] > 0 && (both & PREDICTION_VALID) != 0 &&
            (one & PREDICTION_CORRECT) != 0) {
            made[(*count)++] = (changed_image){rows->class_index[i], rows->rank[i],
                                               (after->flags[i] & PREDICTION_CORRECT) != 0, i};
        }
    }
    if (*count > 1) {
        qsort(made, *count, sizeof *made, compare_changed);
    }
    *out = made;
done:
    return status;
}

/* The most hidden ones of each class; backbones share the places. */
static spur_status pick_changed(heads_job *job, size_t backbone, const prediction_set *before,
                                const prediction_set *after, spur_error *error)
{
    spur_status status;
    report_heads *heads = job->heads;
    changed_image *changed = NULL;
    size_t count = 0, taken = 0;
    size_t most = REPORT_PER_CHANGE / heads->backbone_count;
    TRY(find_changed(&job->rows, before, after, &changed, &count, error));
    for (size_t i = 0; i < count; i++) {
        const changed_image *one = &changed[i];
        bool is_same = i > 0 && one[-1].class_index == one->class_index &&
                       one[-1].is_fixed == one->is_fixed;
        taken = is_same ? taken + 1 : 0;
        if (taken >= most) {
            continue;
        }
        report_pick pick = {.class_index = one->class_index,
                            .role = one->is_fixed ? REPORT_FIXED : REPORT_BROKEN,
                            .place = backbone * REPORT_PER_CHANGE + taken,
                            .split = job->split,
                            .row = one->row,
                            .rank = one->rank,
                            .images = job->rows.size[one->row],
                            .note = heads->change_count};
        TRY(memory_grow(&heads->changes, &heads->change_capacity, heads->change_count + 1,
                        sizeof *heads->changes, error));
        heads->changes[heads->change_count++] =
            (report_change){heads->backbones[backbone].best, before->predicted[one->row],
                            after->predicted[one->row]};
        TRY(report_pick_add(job->into, &pick, error));
    }
done:
    memory_free(changed);
    return status;
}

static spur_status load_head(heads_job *job, size_t index, prediction_set *out,
                             spur_error *error)
{
    const report_head *of = &job->heads->heads[index];
    prediction_name name = {.split = job->into->run->splits[of->split].name,
                            .backbone = of->backbone,
                            .head = of->head};
    return predictions_load(job->into->run, &name, out, error);
}

static spur_status look_at_backbone(heads_job *job, size_t index, spur_error *error)
{
    spur_status status;
    report_backbone *backbone = &job->heads->backbones[index];
    size_t classes = job->into->run->class_count;
    prediction_set before = {0}, after = {0};
    TRY(memory_new_zeroed(classes, sizeof *backbone->gaps, &backbone->gaps, error));
    TRY(memory_new_zeroed(classes * REPORT_TAKEN_FOR, sizeof *backbone->taken, &backbone->taken,
                          error));
    if (backbone->original == SIZE_MAX) {
        goto done;
    }
    TRY(load_head(job, backbone->original, &before, error));
    count_gaps(&job->rows, &before, backbone->gaps);
    TRY(count_taken(&job->rows, &before, backbone->taken, error));
    if (backbone->best != SIZE_MAX) {
        TRY(load_head(job, backbone->best, &after, error));
        TRY(pick_changed(job, index, &before, &after, error));
    }
done:
    prediction_set_free(&before);
    prediction_set_free(&after);
    return status;
}

spur_status report_heads_read(report_data *into, spur_error *error)
{
    spur_status status;
    predictions_request all = {.split = NULL};
    heads_job job = {.into = into, .heads = &into->heads, .split = SIZE_MAX};
    TRY(prediction_list_make(into->run, &all, &job.list, error));
    TRY(job.list.count > 0 ? count_all(&job, error) : SPUR_OK);
    if (into->heads.count == 0) {
        goto done;
    }
    choose_split(into, &into->heads);
    TRY(choose_backbones(&job, error));
    TRY(read_rows(&job, into->heads.judged, error));
    for (size_t i = 0; i < into->heads.backbone_count; i++) {
        TRY(look_at_backbone(&job, i, error));
    }
done:
    evaluation_rows_free(&job.rows);
    prediction_list_free(&job.list);
    return status;
}

/* ---- marks beside pictures --------------------------------------------------------------- */

static void mark_images(report_data *into, size_t split, const prediction_set *set,
                        uint32_t bit)
{
    for (size_t i = 0; i < into->image_count; i++) {
        report_image *image = &into->images[i];
        if (image->split == split && image->row < set->rows &&
            (set->flags[image->row] & PREDICTION_VALID) != 0) {
            image->judged |= bit;
            image->right |= (set->flags[image->row] & PREDICTION_CORRECT) != 0 ? bit : 0;
        }
    }
}

spur_status report_heads_mark(report_data *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    prediction_set set = {0};
    heads_job job = {.into = into, .heads = &into->heads};
    for (size_t i = 0; i < into->heads.count; i++) {
        const report_head *of = &into->heads.heads[i];
        for (size_t b = 0; b < into->heads.backbone_count && b < REPORT_MARKED_HEADS; b++) {
            if (is_original(of->head) &&
                strcmp(of->backbone, into->heads.backbones[b].name) == 0) {
                TRY(load_head(&job, i, &set, error));
                mark_images(into, of->split, &set, (uint32_t)1 << b);
                prediction_set_free(&set);
            }
        }
    }
done:
    prediction_set_free(&set);
    return status;
}
