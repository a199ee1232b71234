/*
 * recipe_lasso.c - the published form of deep feature reweighting: L1, one class against the
 * rest, C by k-fold, the mean of fits on class-balanced resamples.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/recipes.h"

enum {
    RESAMPLES = 10,
    STEPS = 300
};

/* Violation of the optimality conditions, against that at zero. */
#define TOLERANCE_TRIAL 1e-4
#define TOLERANCE 1e-7

static const double grid[] = {1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01};

static descent_options options_for(const recipe_job *job, double tolerance)
{
    descent_options options = {.tolerance = tolerance, .steps = STEPS, .visit = recipe_visit};
    options.context = (void *)(uintptr_t)job; /* only read */
    return options;
}

/* NOLINTNEXTLINE(readability-function-size): the signature of a trial */
static spur_status lasso_trial(const recipe_job *job, const solver_rows *rows,
                               const double *weights, double *accuracies,
                               const training_rows *held_out, const uint32_t *held_labels,
                               bool *is_cancelled, spur_error *error)
{
    spur_status status;
    solver *with = NULL;
    one_vs_rest_result made = {0};
    (void)weights;
    TRY(solver_open(rows, job->threads, &with, error));
    for (size_t c = 0; c < job->C_count && !*is_cancelled; c++) {
        const descent_options options = options_for(job, TOLERANCE_TRIAL);
        prediction_tally tally;
        TRY(one_vs_rest_fit(with, job->C[c], false, &options, &made, error));
        const tally_question question = {
            .own = &made.own, .rows = held_out, .labels = held_labels, .threads = job->threads};
        TRY(tally_predictions(&question, &tally, error));
        accuracies[c] = (double)tally.correct / (double)tally.count;
        *is_cancelled = made.steps.is_cancelled;
        head_free(&made.own);
    }
done:
    head_free(&made.own);
    solver_close(with);
    return status;
}

/* ---- resamples -------------------------------------------------------------------------- */

typedef struct ticket {
    uint64_t key, position;
} ticket;

static int compare_tickets(const void *left, const void *right)
{
    const ticket *a = left, *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

/* As many rows of each class as the smallest has, drawn without replacement; in row order. */
static spur_status draw_rows(const recipe_job *job, const solver *with, size_t number,
                             uint64_t *picked, uint32_t *labels, size_t *count,
                             spur_error *error)
{
    spur_status status;
    const training_rows *rows = &job->rows.rows;
    ticket *order = NULL;
    size_t *left = NULL, least = SIZE_MAX, kept = 0;
    unsigned char *is_kept = NULL;
    random_key key = random_key_make(job->seed, "resample");
    TRY(memory_new(rows->count, sizeof *order, &order, error));
    TRY(memory_new_zeroed(rows->count, 1, &is_kept, error));
    TRY(memory_new(job->rows.classes, sizeof *left, &left, error));
    for (size_t k = 0; k < job->rows.classes; k++) {
        size_t own = solver_counts(with)[k];
        least = own > 0 && own < least ? own : least;
    }
    for (size_t k = 0; k < job->rows.classes; k++) {
        left[k] = least;
    }
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t words[4];
        random_words(key, number, rows->picked != NULL ? rows->picked[i] : i, words);
        order[i] = (ticket){(uint64_t)words[1] << 32 | words[0], i};
    }
    qsort(order, rows->count, sizeof *order, compare_tickets);
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = (size_t)order[i].position;
        if (left[job->rows.labels[at]] > 0) {
            left[job->rows.labels[at]]--;
            is_kept[at] = 1;
        }
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (is_kept[i] != 0) {
            picked[kept] = rows->picked != NULL ? rows->picked[i] : i;
            labels[kept++] = job->rows.labels[i];
        }
    }
    *count = kept;
done:
    memory_free(order);
    memory_free(left);
    memory_free(is_kept);
    return status;
}

static void head_add(head *sum, const head *one, float factor)
{
    for (size_t i = 0; i < sum->classes * sum->features; i++) {
        sum->weight[i] += factor * one->weight[i];
    }
    for (size_t k = 0; k < sum->classes; k++) {
        sum->bias[k] += factor * one->bias[k];
    }
}

/* Features are standardised by each resample's own rows. */
static spur_status fit_resample(const recipe_job *job, const uint64_t *picked,
                                const uint32_t *labels, size_t count, float share,
                                recipe_result *into, spur_error *error)
{
    spur_status status;
    solver *with = NULL;
    one_vs_rest_result made = {0};
    solver_rows rows = job->rows;
    const descent_options options = options_for(job, TOLERANCE);
    rows.rows.picked = picked;
    rows.rows.count = count;
    rows.labels = labels;
    TRY(solver_open(&rows, job->threads, &with, error));
    TRY(one_vs_rest_fit(with, into->C, false, &options, &made, error));
    into->is_cancelled = into->is_cancelled || made.steps.is_cancelled;
    into->steps.steps += made.steps.steps;
    into->steps.products += made.steps.products;
    head_add(&into->own, &made.own, share);
done:
    head_free(&made.own);
    solver_close(with);
    return status;
}

static spur_status fit_resamples(const recipe_job *job, recipe_result *into, spur_error *error)
{
    spur_status status;
    solver *with = NULL;
    uint64_t *picked = NULL;
    uint32_t *labels = NULL;
    size_t count, fits = RESAMPLES;
    TRY(solver_open(&job->rows, job->threads, &with, error));
    TRY(head_make(job->rows.classes, job->rows.rows.width, &into->own, error));
    TRY(memory_new(job->rows.rows.count, sizeof *picked, &picked, error));
    TRY(memory_new(job->rows.rows.count, sizeof *labels, &labels, error));
    for (size_t i = 0; i < fits && !into->is_cancelled; i++) {
        TRY(draw_rows(job, with, i, picked, labels, &count, error));
        /* Classes of one size: every resample is the whole, one fit is the mean. */
        fits = count == job->rows.rows.count ? 1 : fits;
        TRY(fit_resample(job, picked, labels, count, 1.0F / (float)fits, into, error));
    }
    for (size_t k = 0; k < job->rows.classes; k++) {
        into->own.bias[k] = solver_counts(with)[k] == 0 ? TALLY_ABSENT_BIAS : into->own.bias[k];
    }
done:
    memory_free(picked);
    memory_free(labels);
    solver_close(with);
    return status;
}

static spur_status lasso_fit(const recipe_job *given, recipe_result *out, spur_error *error)
{
    spur_status status;
    recipe_result result = {0};
    recipe_job job = *given;
    if (given->weights != NULL || given->is_balanced) {
        FAIL(SPUR_USAGE, "recipe dfr-l1 takes no sample or class weights: its resamples are "
                         "balanced");
    }
    job.C = given->C_count > 0 ? given->C : grid;
    job.C_count = given->C_count > 0 ? given->C_count : sizeof grid / sizeof *grid;
    job.rows.keep_raw = given->keeps_raw;
    TRY(recipe_choose(&job, lasso_trial, &result, error));
    TRY(fit_resamples(&job, &result, error));
    *out = result;
    result = (recipe_result){0};
done:
    recipe_result_free(&result);
    return status;
}

const recipe recipe_dfr_l1 = {
    .name = "dfr-l1",
    .summary = "one class against the rest with an L1 penalty, as first published",
    .text = "standardised features, one-vs-rest L1 logistic regression in liblinear's form "
            "(||w||_1 + |b| + C sum log(1 + e^-t z)), C by 5-fold accuracy from 1, 0.7, 0.3, "
            "0.1, 0.07, 0.03, 0.01, then the mean of 10 fits on class-balanced resamples "
            "(one fit where all classes have the same size); not certified",
    .fit = lasso_fit};
