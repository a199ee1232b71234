/*
 * retrain.c - options, summary and measurements of trained heads.
 */
#include "pipeline/retrain.h"

#include <math.h>
#include <string.h>

enum {
    FOLDS_DEFAULT = 5
};

void spur_retrain_options_defaults(spur_retrain_options *options)
{
    *options = (spur_retrain_options){.folds = FOLDS_DEFAULT, .auto_drop = 1.0};
}

void spur_each_recipe(int (*visit)(void *context, const char *name, const char *summary,
                                   const char *text),
                      void *context)
{
    for (const recipe *const *entry = recipe_table; *entry != NULL; entry++) {
        if (visit(context, (*entry)->name, (*entry)->summary, (*entry)->text) != 0) {
            return;
        }
    }
}

/* ---- options ---------------------------------------------------------------------------- */

spur_status retrain_job(const spur_retrain_options *options, recipe_job *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (options->C_count > RECIPE_C_MOST) {
        FAIL(SPUR_USAGE, "C: %zu values, at most %d", options->C_count, RECIPE_C_MOST);
    }
    for (size_t i = 0; i < options->C_count; i++) {
        if (!isfinite(options->C[i]) || options->C[i] <= 0.0) {
            FAIL(SPUR_USAGE, "C: must be above 0");
        }
    }
    if (options->folds < 2) {
        FAIL(SPUR_USAGE, "k-fold: must be at least 2");
    }
    *out = (recipe_job){.C = options->C,
                        .C_count = options->C_count,
                        .folds = options->folds,
                        .is_balanced = options->balanced,
                        .keeps_raw = options->raw_features,
                        .warm_start = options->warm_start,
                        .seed = options->seed,
                        .threads = options->threads,
                        .tolerance = options->tolerance};
done:
    return status;
}

spur_status retrain_settings(const spur_retrain_options *options, text_buffer *into,
                             spur_error *error)
{
    spur_status status;
    char number[TEXT_NUMBER_SIZE];
    TRY(text_format(into, error, "recipe=%s\nC=", options->recipe));
    for (size_t i = 0; i < options->C_count; i++) {
        text_from_double(options->C[i], number);
        TRY(text_format(into, error, i > 0 ? " %s" : "%s", number));
    }
    text_from_double(options->tolerance, number);
    TRY(text_format(into, error,
                    "\nfolds=%zu\nbalanced=%d\nraw=%d\nwarm=%d\ninterpolate=%zu\nseed=%llu\n"
                    "tolerance=%s\n",
                    options->C_count > 1 ? options->folds : 0, options->balanced,
                    options->raw_features, options->warm_start, options->interpolate,
                    (unsigned long long)options->seed, number));
done:
    return status;
}

/* ---- summary ---------------------------------------------------------------------------- */

spur_status retrain_summary_new(size_t heads, retrain_summary **out, spur_error *error)
{
    spur_status status;
    retrain_summary *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->memory, error));
    TRY(memory_new_zeroed(heads, sizeof *made->open.heads, &made->open.heads, error));
    made->capacity = heads;
    *out = made;
    made = NULL;
done:
    if (made != NULL) {
        spur_retrain_summary_free(&made->open);
    }
    return status;
}

void spur_retrain_summary_free(spur_retrain_summary *summary)
{
    retrain_summary *block = (retrain_summary *)(void *)summary;
    if (block != NULL) {
        memory_free(block->open.heads);
        arena_free(block->memory);
        memory_free(block);
    }
}

spur_status retrain_text(retrain_summary *in, const char *text, const char **out,
                         spur_error *error)
{
    char *kept = NULL;
    spur_status status = arena_text(in->memory, text, strlen(text), &kept, error);
    if (status == SPUR_OK) {
        *out = kept;
    }
    return status;
}

spur_status retrain_fill(retrain_summary *in, spur_head_summary *row, const recipe_result *from,
                         spur_error *error)
{
    spur_status status;
    TRY(arena_take(in->memory, from->tried_count + 1, sizeof *row->folds, &row->folds, error));
    for (size_t i = 0; i < from->tried_count; i++) {
        row->folds[i] = (spur_head_fold){from->tried_C[i], from->tried_top1[i]};
    }
    row->fold_count = from->tried_count;
    row->features = from->own.features;
    row->classes = from->own.classes;
    row->absent = 0;
    for (size_t k = 0; k < from->own.classes; k++) {
        row->absent += from->own.bias[k] <= TALLY_ABSENT_BIAS ? 1 : 0;
    }
    row->C = from->C;
    row->is_certified = from->is_certified;
    row->is_cancelled = from->is_cancelled;
    row->objective = from->weight_sum > 0.0 ? from->proof.objective : (double)NAN;
    row->weight_gradient = from->proof.weight_gradient;
    row->bias_gradient = from->proof.bias_gradient;
    row->gap = from->proof.gap;
    row->weight_error = from->proof.weight_error;
    row->bias_error = from->proof.bias_error;
    row->steps = from->steps.steps;
    row->products = from->steps.products;
    row->epochs = from->epochs;
    row->seconds = from->seconds;
done:
    return status;
}

/* ---- measurements ----------------------------------------------------------------------- */

static spur_status count_correct(const head *own, const training_rows *rows,
                                 const uint32_t *labels, size_t threads, uint64_t *out,
                                 spur_error *error)
{
    prediction_tally tally;
    const tally_question question = {
        .own = own, .rows = rows, .labels = labels, .threads = threads};
    spur_status status = tally_predictions(&question, &tally, error);
    if (status == SPUR_OK) {
        *out = tally.correct;
    }
    return status;
}

spur_status retrain_tally(const recipe_result *from, const head *original,
                          const training_rows *rows, const uint32_t *labels, size_t threads,
                          spur_head_split *out, spur_error *error)
{
    spur_status status;
    prediction_tally tally;
    const tally_question question = {.own = &from->own,
                                     .rows = rows,
                                     .labels = labels,
                                     .proof = from->is_certified ? &from->proof : NULL,
                                     .set = from->with != NULL ? solver_set(from->with) : NULL,
                                     .threads = threads};
    TRY(tally_predictions(&question, &tally, error));
    out->original_correct = UINT64_MAX;
    if (original != NULL) {
        TRY(count_correct(original, rows, labels, threads, &out->original_correct, error));
    }
    out->images = tally.count;
    out->known = tally.present;
    out->correct = tally.correct;
    out->unsafe = from->is_certified ? tally.unsafe : UINT64_MAX;
done:
    return status;
}

/* A class absent from the new head keeps the old one's row in the blend until share 1. */
static void blend_heads(const head *a, const head *b, float share, head *out)
{
    for (size_t k = 0; k < out->classes; k++) {
        bool is_absent = b->bias[k] <= TALLY_ABSENT_BIAS && share < 1.0F;
        float by = is_absent ? 0.0F : share;
        for (size_t j = 0; j < out->features; j++) {
            size_t i = k * out->features + j;
            out->weight[i] = (1.0F - by) * a->weight[i] + by * b->weight[i];
        }
        out->bias[k] = (1.0F - by) * a->bias[k] + by * b->bias[k];
    }
}

/* NOLINTNEXTLINE(readability-function-size): arrays with their sizes */
spur_status retrain_blend(retrain_summary *in, const head *original, const head *own,
                          const training_rows *rows, const uint32_t *labels, size_t steps,
                          size_t threads, spur_head_summary *out, spur_error *error)
{
    spur_status status;
    head mixed = {0};
    TRY(arena_take(in->memory, steps + 1, sizeof *out->blends, &out->blends, error));
    TRY(head_make(own->classes, own->features, &mixed, error));
    for (size_t i = 0; i <= steps; i++) {
        uint64_t correct;
        double share = (double)i / (double)steps;
        blend_heads(original, own, (float)share, &mixed);
        TRY(count_correct(&mixed, rows, labels, threads, &correct, error));
        out->blends[i] = (spur_head_blend){share, (double)correct / (double)rows->count};
    }
    out->blend_count = steps + 1;
done:
    head_free(&mixed);
    return status;
}
