/*
 * auto_trials.c - fold by fold, candidate by candidate; the C of one training set share its
 * statistics and eigenvectors.
 */
#include "pipeline/auto_trials.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/rank_curve.h"

enum {
    BLOCK_ROWS = 256
};

/* Certified gap against the objective: what decides a prediction is far above it. */
#define TOLERANCE 1e-7

typedef struct trials {
    const auto_job *job;
    size_t *fold;   /* [pool] */
    size_t at_fold; /* at hand */
    size_t at_candidate;
    unsigned char *correct; /* [trial, pool] */
    float *block, *logits;  /* [BLOCK_ROWS, ..] */
} trials;

static int visit_fit(void *context, const descent_progress *progress)
{
    const trials *on = context;
    const recipe_job *with = on->job->with;
    char detail[128];
    (void)snprintf(detail, sizeof detail,
                   "fold %zu of %zu  candidate %zu of %zu  objective %.6g", on->at_fold + 1,
                   with->folds, on->at_candidate + 1, on->job->candidate_count,
                   progress->objective);
    return with->visit != NULL ? with->visit(with->context, detail) : 0;
}

/* Rows of the pool that are held out, from *at on: their features into the block. */
static size_t gather(trials *on, size_t *at, size_t *positions)
{
    const auto_job *job = on->job;
    size_t count = 0;
    for (; *at < job->pool->count && count < BLOCK_ROWS; (*at)++) {
        if (on->fold[*at] == on->at_fold) {
            memcpy(on->block + count * job->width,
                   job->features + (size_t)job->pool->rows[*at] * job->width,
                   job->width * sizeof(float));
            positions[count++] = *at;
        }
    }
    return count;
}

static spur_status judge(trials *on, const head *own, unsigned char *correct, spur_error *error)
{
    spur_status status = SPUR_OK;
    const auto_job *job = on->job;
    size_t positions[BLOCK_ROWS], at = 0;
    for (size_t count; (count = gather(on, &at, positions)) > 0;) {
        TRY(head_run(own, on->block, count, job->with->threads, on->logits, error));
        for (size_t i = 0; i < count; i++) {
            size_t best = tally_best(on->logits + i * own->classes, own->classes);
            correct[positions[i]] = job->pool->labels[positions[i]] == best ? 1 : 0;
        }
    }
done:
    return status;
}

static void options_for(trials *on, double C, softmax_options *out)
{
    softmax_options_defaults(out);
    out->C = C;
    out->is_balanced = on->job->with->is_balanced;
    out->descent.tolerance = TOLERANCE;
    out->descent.visit = visit_fit;
    out->descent.context = on;
}

/* All C on one training set. */
static spur_status try_candidate(trials *on, spur_error *error)
{
    spur_status status;
    const auto_job *job = on->job;
    auto_rows rows = {0};
    solver *with = NULL;
    softmax_result made = {0};
    TRY(auto_pick(job->pool, on->fold, on->at_fold, &job->candidates[on->at_candidate],
                  job->with->seed, &rows, error));
    const solver_rows from = {.rows = {job->features, job->width, rows.count, rows.rows},
                              .labels = rows.labels,
                              .classes = job->pool->classes,
                              .keep_raw = job->with->keeps_raw};
    TRY(solver_open(&from, job->with->threads, &with, error));
    for (size_t c = 0; c < job->with->C_count; c++) {
        size_t trial = on->at_candidate * job->with->C_count + c;
        softmax_options options;
        options_for(on, job->with->C[c], &options);
        TRY(softmax_fit(with, &options, &made, error));
        if (made.steps.is_cancelled) {
            FAIL(SPUR_INTERRUPTED, "interrupted while training sets were tried");
        }
        TRY(judge(on, &made.own, on->correct + trial * job->pool->count, error));
        softmax_result_free(&made);
    }
done:
    softmax_result_free(&made);
    solver_close(with);
    auto_rows_free(&rows);
    return status;
}

static spur_status try_fold(trials *on, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < on->job->candidate_count; i++) {
        on->at_candidate = i;
        TRY(try_candidate(on, error));
    }
done:
    return status;
}

static spur_status score(const auto_pool *pool, unsigned char *correct, auto_score *out,
                         spur_error *error)
{
    spur_status status;
    curve_bin *bins = NULL;
    size_t count, right = 0;
    const curve_rows rows = {.count = pool->count,
                             .class_count = pool->classes,
                             .class_index = pool->labels,
                             .rank = pool->rank,
                             .size = pool->size,
                             .correct = correct};
    TRY(curve_bins(&rows, &bins, &count, error));
    for (size_t i = 0; i < pool->count; i++) {
        right += correct[i];
    }
    size_t worst = curve_worst_bin(bins, count);
    out->worst = worst < count ? bins[worst].accuracy : 0.0;
    out->mean = (double)right / (double)pool->count;
done:
    memory_free(bins);
    return status;
}

static spur_status deal(trials *on, spur_error *error)
{
    const auto_pool *pool = on->job->pool;
    recipe_job dealt = *on->job->with;
    dealt.rows.rows =
        (training_rows){on->job->features, on->job->width, pool->count, pool->rows};
    dealt.rows.labels = pool->labels;
    dealt.rows.classes = pool->classes;
    return recipe_deal_folds(&dealt, on->fold, error);
}

static void trials_close(trials *on)
{
    memory_free(on->fold);
    memory_free(on->correct);
    memory_free(on->block);
    memory_free(on->logits);
}

spur_status auto_try_all(const auto_job *job, auto_score *scores, spur_error *error)
{
    spur_status status;
    trials on = {.job = job};
    const auto_pool *pool = job->pool;
    size_t trial_count = job->candidate_count * job->with->C_count;
    TRY(memory_new(pool->count, sizeof *on.fold, &on.fold, error));
    TRY(memory_new_zeroed(trial_count, pool->count, &on.correct, error));
    TRY(memory_new(BLOCK_ROWS * job->width, sizeof(float), &on.block, error));
    TRY(memory_new(BLOCK_ROWS * pool->classes, sizeof(float), &on.logits, error));
    TRY(deal(&on, error));
    for (on.at_fold = 0; on.at_fold < job->with->folds; on.at_fold++) {
        TRY(try_fold(&on, error));
    }
    for (size_t i = 0; i < trial_count; i++) {
        TRY(score(pool, on.correct + i * pool->count, &scores[i], error));
    }
done:
    trials_close(&on);
    return status;
}
