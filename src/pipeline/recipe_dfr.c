/*
 * recipe_dfr.c - softmax regression to a certified optimum: on standardised features from
 * zero (dfr), or around the model's own head (afr).
 *
 * dfr: Kirichenko, Izmailov, Wilson, "Last Layer Re-Training is Sufficient for Robustness to
 * Spurious Correlations", 2023. afr: Qiu, Potapczynski, Izmailov, Wilson, "Simple and Fast
 * Group Robustness by Automatic Feature Reweighting", 2023.
 */
#include <math.h>

#include "base/memory.h"
#include "pipeline/recipes.h"

#define DFR_C 0.01
#define AFR_GAMMA 4.0
#define AFR_LAMBDA 0.1

static void options_for(const recipe_job *job, softmax_options *out)
{
    softmax_options_defaults(out);
    out->is_balanced = job->is_balanced;
    out->start = job->warm_start ? job->original : NULL;
    out->descent.visit = recipe_visit;
    /* The visit only reads the job. */
    out->descent.context = (void *)(uintptr_t)job;
    if (job->tolerance > 0.0) {
        out->descent.tolerance = job->tolerance;
    }
}

static void result_take(recipe_result *into, softmax_result *from)
{
    into->own = from->own;
    into->proof = from->proof;
    into->steps = from->steps;
    into->weight_sum = from->weight_sum;
    into->is_cancelled = into->is_cancelled || from->steps.is_cancelled;
    into->is_certified = !from->steps.is_cancelled && isfinite(from->proof.weight_error) != 0;
    from->own = (head){0};
}

/* ---- dfr -------------------------------------------------------------------------------- */

static spur_status dfr_measure(const softmax_result *made, const recipe_job *job,
                               const training_rows *held_out, const uint32_t *labels,
                               double *accuracy, spur_error *error)
{
    prediction_tally tally;
    const tally_question question = {
        .own = &made->own, .rows = held_out, .labels = labels, .threads = job->threads};
    spur_status status = tally_predictions(&question, &tally, error);
    if (status == SPUR_OK) {
        *accuracy = (double)tally.correct / (double)tally.count;
    }
    return status;
}

/* All C on one set of rows: they share its statistics and eigenvectors. */
/* NOLINTNEXTLINE(readability-function-size): the signature of a trial */
static spur_status dfr_trial(const recipe_job *job, const solver_rows *rows,
                             const double *weights, double *accuracies,
                             const training_rows *held_out, const uint32_t *held_labels,
                             bool *is_cancelled, spur_error *error)
{
    spur_status status;
    solver *with = NULL;
    softmax_result made = {0};
    TRY(solver_open(rows, job->threads, &with, error));
    for (size_t c = 0; c < job->C_count && !*is_cancelled; c++) {
        softmax_options options;
        options_for(job, &options);
        options.C = job->C[c];
        options.weights = weights;
        options.descent.tolerance =
            options.descent.tolerance > 1e-7 ? options.descent.tolerance : 1e-7;
        TRY(softmax_fit(with, &options, &made, error));
        *is_cancelled = made.steps.is_cancelled;
        TRY(dfr_measure(&made, job, held_out, held_labels, &accuracies[c], error));
        softmax_result_free(&made);
    }
done:
    softmax_result_free(&made);
    solver_close(with);
    return status;
}

static spur_status dfr_fit(const recipe_job *given, recipe_result *out, spur_error *error)
{
    static const double usual = DFR_C;
    spur_status status;
    recipe_result result = {0};
    softmax_result made = {0};
    softmax_options options;
    recipe_job job = *given;
    job.C = given->C_count > 0 ? given->C : &usual;
    job.C_count = given->C_count > 0 ? given->C_count : 1;
    job.rows.keep_raw = given->keeps_raw;
    TRY(recipe_choose(&job, dfr_trial, &result, error));
    TRY(solver_open(&job.rows, job.threads, &result.with, error));
    options_for(&job, &options);
    options.C = result.C;
    options.weights = job.weights;
    TRY(softmax_fit(result.with, &options, &made, error));
    result_take(&result, &made);
    *out = result;
    result = (recipe_result){0};
done:
    softmax_result_free(&made);
    recipe_result_free(&result);
    return status;
}

const recipe recipe_dfr = {
    .name = "dfr",
    .summary = "softmax regression from zero on standardised features, certified (default)",
    .text = "minimises mean CE + ||W||^2 / (2 C n), C 0.01, weights from zero, features "
            "standardised by the subset's mean and population deviation, no penalty on the "
            "bias; several C: the best accuracy of a k-fold inside the subset; --class-weight "
            "balanced weights classes n / (K n_class)",
    .usual_C = DFR_C,
    .fit = dfr_fit};

/* ---- afr -------------------------------------------------------------------------------- */

/* w_i = exp(-gamma p_i) / n_class: p_i the old head's probability of the label. */
static spur_status afr_weights(const recipe_job *job, const solver *with, double *weights,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    const training_rows *rows = &job->rows.rows;
    size_t classes = job->original->classes;
    float *logits = NULL;
    double *wide = NULL;
    TRY(memory_new(classes, sizeof *logits, &logits, error));
    TRY(memory_new(classes, sizeof *wide, &wide, error));
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = rows->picked != NULL ? (size_t)rows->picked[i] : i;
        TRY(head_run(job->original, rows->features + row * rows->width, 1, 1, logits, error));
        for (size_t k = 0; k < classes; k++) {
            wide[k] = (double)logits[k];
        }
        uint32_t label = job->rows.labels[i];
        double p = exp(-loss_softmax.row_exact(wide, classes, label));
        weights[i] = exp(-AFR_GAMMA * p) / (double)solver_counts(with)[label];
        weights[i] *= job->weights != NULL ? job->weights[i] : 1.0;
    }
done:
    memory_free(logits);
    memory_free(wide);
    return status;
}

static spur_status afr_fit(const recipe_job *given, recipe_result *out, spur_error *error)
{
    spur_status status;
    recipe_result result = {0};
    softmax_result made = {0};
    softmax_options options;
    double *weights = NULL;
    recipe_job job = *given;
    job.rows.keep_raw = true;
    TRY(solver_open(&job.rows, job.threads, &result.with, error));
    TRY(memory_new(job.rows.rows.count, sizeof *weights, &weights, error));
    TRY(afr_weights(&job, result.with, weights, error));
    options_for(&job, &options);
    options.is_balanced = false;
    options.weights = weights;
    options.start = options.centre = job.original;
    options.pull = AFR_LAMBDA;
    TRY(softmax_fit(result.with, &options, &made, error));
    result_take(&result, &made);
    *out = result;
    result = (recipe_result){0};
done:
    memory_free(weights);
    softmax_result_free(&made);
    recipe_result_free(&result);
    return status;
}

const recipe recipe_afr = {
    .name = "afr",
    .summary = "around the model's own head, with rows it gets wrong weighted up, certified",
    .text = "minimises sum w CE / sum w + 0.1 ||W - W0||^2 from the model's own head W0, raw "
            "features; w = exp(-4 p) / n_class with p the old head's probability of the label",
    .needs_original = true,
    .fit = afr_fit};
