/*
 * recipe_folds.c - k-fold inside a subset, to choose C.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/recipe.h"

typedef struct drawn {
    uint32_t label;
    uint64_t key, position;
} drawn;

static int compare_drawn(const void *left, const void *right)
{
    const drawn *a = left, *b = right;
    if (a->label != b->label) {
        return a->label < b->label ? -1 : 1;
    }
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

spur_status recipe_deal_folds(const recipe_job *job, size_t *fold, spur_error *error)
{
    spur_status status;
    drawn *order = NULL;
    size_t count = job->rows.rows.count, turn = 0;
    random_key key = random_key_make(job->seed, "folds");
    TRY(memory_new(count, sizeof *order, &order, error));
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        uint64_t row = job->rows.rows.picked != NULL ? job->rows.rows.picked[i] : i;
        random_words(key, 0, row, words);
        order[i] = (drawn){job->rows.labels[i], (uint64_t)words[1] << 32 | words[0], i};
    }
    qsort(order, count, sizeof *order, compare_drawn);
    for (size_t i = 0; i < count; i++, turn++) {
        turn = i > 0 && order[i].label != order[i - 1].label ? 0 : turn;
        fold[order[i].position] = turn % job->folds;
    }
done:
    memory_free(order);
    return status;
}

/* The rows in (or outside) one fold. */
typedef struct part {
    uint64_t *picked;
    uint32_t *labels;
    double *weights;
    size_t count;
} part;

static void part_free(part *block)
{
    memory_free(block->picked);
    memory_free(block->labels);
    memory_free(block->weights);
}

static spur_status part_make(const recipe_job *job, const size_t *fold, size_t number,
                             bool is_inside, part *out, spur_error *error)
{
    spur_status status;
    part made = {0};
    size_t count = job->rows.rows.count;
    TRY(memory_new(count, sizeof *made.picked, &made.picked, error));
    TRY(memory_new(count, sizeof *made.labels, &made.labels, error));
    TRY(memory_new(count, sizeof *made.weights, &made.weights, error));
    for (size_t i = 0; i < count; i++) {
        if ((fold[i] == number) == is_inside) {
            made.picked[made.count] =
                job->rows.rows.picked != NULL ? job->rows.rows.picked[i] : i;
            made.labels[made.count] = job->rows.labels[i];
            made.weights[made.count++] = job->weights != NULL ? job->weights[i] : 1.0;
        }
    }
    *out = made;
    made = (part){0};
done:
    part_free(&made);
    return status;
}

static training_rows part_rows(const recipe_job *job, const part *from)
{
    training_rows rows = job->rows.rows;
    rows.picked = from->picked;
    rows.count = from->count;
    return rows;
}

static spur_status try_fold(const recipe_job *job, recipe_trial trial, const size_t *fold,
                            size_t number, recipe_result *into, spur_error *error)
{
    spur_status status;
    part inside = {0}, outside = {0};
    double accuracies[RECIPE_C_MOST] = {0};
    TRY(part_make(job, fold, number, true, &inside, error));
    TRY(part_make(job, fold, number, false, &outside, error));
    solver_rows rows = job->rows;
    rows.rows = part_rows(job, &outside);
    rows.labels = outside.labels;
    training_rows held_out = part_rows(job, &inside);
    TRY(trial(job, &rows, job->weights != NULL ? outside.weights : NULL, accuracies, &held_out,
              inside.labels, &into->is_cancelled, error));
    for (size_t c = 0; c < into->tried_count; c++) {
        into->tried_top1[c] += accuracies[c] / (double)job->folds;
    }
done:
    part_free(&inside);
    part_free(&outside);
    return status;
}

/* Folds that hold a row each. */
static spur_status limit_folds(recipe_job *job, spur_error *error)
{
    spur_status status;
    size_t *counts = NULL, largest = 0;
    TRY(memory_new_zeroed(job->rows.classes, sizeof *counts, &counts, error));
    for (size_t i = 0; i < job->rows.rows.count; i++) {
        size_t count = ++counts[job->rows.labels[i]];
        largest = count > largest ? count : largest;
    }
    if (largest < 2) {
        FAIL(SPUR_DATASET, "no class has two rows: C cannot be chosen by folds; give one C");
    }
    job->folds = job->folds < largest ? job->folds : largest;
done:
    memory_free(counts);
    return status;
}

spur_status recipe_choose(const recipe_job *given, recipe_trial trial, recipe_result *into,
                          spur_error *error)
{
    spur_status status;
    size_t *fold = NULL;
    size_t best = 0;
    recipe_job own = *given, *job = &own;
    into->C = job->C[0];
    if (job->C_count == 1) {
        return SPUR_OK;
    }
    into->tried_count = job->C_count;
    for (size_t c = 0; c < job->C_count; c++) {
        into->tried_C[c] = job->C[c];
        into->tried_top1[c] = 0.0;
    }
    TRY(limit_folds(job, error));
    TRY(memory_new(job->rows.rows.count, sizeof *fold, &fold, error));
    TRY(recipe_deal_folds(job, fold, error));
    for (size_t f = 0; f < job->folds && !into->is_cancelled; f++) {
        TRY(try_fold(job, trial, fold, f, into, error));
    }
    if (into->is_cancelled) {
        FAIL(SPUR_INTERRUPTED, "interrupted while C was chosen");
    }
    for (size_t c = 1; c < job->C_count; c++) {
        double ahead = into->tried_top1[c] - into->tried_top1[best];
        if (ahead > 1e-12 || (ahead > -1e-12 && job->C[c] < job->C[best])) {
            best = c;
        }
    }
    into->C = job->C[best];
done:
    memory_free(fold);
    return status;
}
