/*
 * retrain_auto.c - chooses how many images of a class to train on, how many of them the
 * clearest, and C, by folds of the split train; then trains heads/<backbone>/auto on all of it.
 *
 * The trials are notes of the head's file; the stage "auto" of run.db is made of them, so a
 * call that was killed between the two makes up for it.
 */
#include <string.h>

#include "io/file.h"
#include "io/store_results.h"
#include "pipeline/auto_trials.h"
#include "pipeline/evaluation_rows.h"
#include "pipeline/result_list.h"
#include "pipeline/retrain_heads.h"

#define SPLIT "train"
#define NAME "auto"
#define USUAL_AMOUNTS "10%,25%,50%,100%"
#define USUAL_SHARES "0,25,50,75,100"

static const double usual_C[] = {0.001, 0.01, 0.1};

typedef struct choice {
    retrain_run *in;
    const split_rows *split;
    auto_pool pool;
    auto_candidate *candidates;
    size_t candidate_count;
    recipe_job job;
    auto_score *scores; /* [candidate_count * C_count] */
} choice;

static void choice_close(choice *on)
{
    auto_pool_free(&on->pool);
    memory_free(on->candidates);
    memory_free(on->scores);
}

/* ---- what is asked ------------------------------------------------------------------------
 */

static spur_status job_make(choice *on, spur_error *error)
{
    spur_status status;
    const spur_retrain_options *options = on->in->options;
    if (strcmp(on->in->with->name, "dfr") != 0) {
        FAIL(SPUR_USAGE, "--auto chooses C and images for recipe dfr, not for %s",
             on->in->with->name);
    }
    if (!(options->auto_drop >= 0.0 && options->auto_drop <= 100.0)) {
        FAIL(SPUR_USAGE, "--auto-drop: expected points from 0 to 100");
    }
    TRY(retrain_job(options, &on->job, error));
    if (on->job.C_count == 0) {
        on->job.C = usual_C;
        on->job.C_count = sizeof usual_C / sizeof *usual_C;
    }
    on->job.visit = retrain_watch;
    on->job.context = on->in;
done:
    return status;
}

static spur_status pool_make(choice *on, spur_error *error)
{
    spur_status status;
    evaluation_rows rows = {0};
    auto_pool *pool = &on->pool;
    on->split = retrain_split(on->in, SPLIT);
    if (on->split == NULL) {
        FAIL(SPUR_DATASET,
             "--auto chooses by folds of split " SPLIT ", which has no features in this run");
    }
    TRY(evaluation_rows_make(on->in->run, SPLIT, &rows, error));
    TRY(memory_new(rows.count, sizeof *pool->rows, &pool->rows, error));
    TRY(memory_new(rows.count, sizeof *pool->labels, &pool->labels, error));
    TRY(memory_new(rows.count, sizeof *pool->rank, &pool->rank, error));
    TRY(memory_new(rows.count, sizeof *pool->size, &pool->size, error));
    pool->classes = on->in->run->class_count;
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.rank[i] > 0 && on->split->matrix.valid[i] != 0) {
            pool->rows[pool->count] = i;
            pool->labels[pool->count] = rows.class_index[i];
            pool->rank[pool->count] = rows.rank[i];
            pool->size[pool->count++] = rows.size[i];
        }
    }
    if (pool->count == 0) {
        FAIL(SPUR_DATASET, "split " SPLIT " has no image with features");
    }
done:
    evaluation_rows_free(&rows);
    return status;
}

static spur_status candidates_make(choice *on, spur_error *error)
{
    spur_status status;
    auto_lists lists;
    const spur_retrain_options *options = on->in->options;
    const char *amounts = options->auto_amounts, *shares = options->auto_clear;
    TRY(auto_parse_amounts(amounts != NULL ? amounts : USUAL_AMOUNTS, &lists, error));
    TRY(auto_parse_shares(shares != NULL ? shares : USUAL_SHARES, &lists, error));
    TRY(auto_candidates(&on->pool, &lists, &on->candidates, &on->candidate_count, error));
    TRY(memory_new(on->candidate_count * on->job.C_count, sizeof *on->scores, &on->scores,
                   error));
done:
    return status;
}

/* "100" or "10%": of a subset's name "clear-10pct". */
static void amount_text(const subset_key *key, char dst[SUBSET_KEY_SIZE])
{
    char name[SUBSET_KEY_SIZE];
    subset_key_text(key, SPUR_NAMING_CONTENT, name);
    text_copy(strchr(name, '-') + 1, dst, SUBSET_KEY_SIZE);
    char *unit = strstr(dst, "pct");
    if (unit != NULL) {
        memcpy(unit, "%", sizeof "%");
    }
}

/* Everything beside the common settings that decides the choice. */
static spur_status settle(const choice *on, spur_error *error)
{
    spur_status status;
    text_buffer more = {0};
    char number[TEXT_NUMBER_SIZE], text[SUBSET_KEY_SIZE], hex[DIGEST_HEX_SIZE];
    unsigned char ranks[DIGEST_SIZE];
    TRY(digest_of(on->pool.rank, on->pool.count * sizeof *on->pool.rank, ranks, error));
    digest_hex(ranks, DIGEST_SIZE, hex);
    text_from_double(on->in->options->auto_drop, number);
    TRY(text_format(&more, error, "auto drop=%s folds=%zu ranks=%s\n", number, on->job.folds,
                    hex));
    for (size_t i = 0; i < on->candidate_count; i++) {
        amount_text(&on->candidates[i].amount, text);
        text_from_double(on->candidates[i].clear, number);
        TRY(text_format(&more, error, "%s %s\n", text, number));
    }
    for (size_t i = 0; i < on->job.C_count; i++) {
        text_from_double(on->job.C[i], number);
        TRY(text_format(&more, error, "C %s\n", number));
    }
    TRY(retrain_settle(on->in, SPLIT, more.data, error));
done:
    text_buffer_free(&more);
    return status;
}

/* ---- the choice ------------------------------------------------------------------------- */

static spur_status fill_trials(choice *on, spur_head_summary *row, spur_error *error)
{
    spur_status status;
    size_t count = on->candidate_count * on->job.C_count;
    TRY(arena_take(on->in->made->memory, count, sizeof *row->trials, &row->trials, error));
    for (size_t i = 0; i < count; i++) {
        const auto_candidate *from = &on->candidates[i / on->job.C_count];
        char text[SUBSET_KEY_SIZE];
        amount_text(&from->amount, text);
        row->trials[i] = (spur_auto_trial){.clear = from->clear,
                                           .C = on->job.C[i % on->job.C_count],
                                           .worst = on->scores[i].worst,
                                           .mean = on->scores[i].mean};
        TRY(retrain_text(on->in->made, text, &row->trials[i].amount, error));
    }
    row->trial_count = count;
    row->chosen = auto_choose(on->scores, count, on->in->options->auto_drop / 100.0);
done:
    return status;
}

static spur_status train(choice *on, spur_head_summary *row, spur_error *error)
{
    spur_status status;
    auto_rows picked = {0};
    const auto_job job = {.pool = &on->pool,
                          .features = on->split->matrix.values,
                          .width = on->split->matrix.width,
                          .candidates = on->candidates,
                          .candidate_count = on->candidate_count,
                          .with = &on->job};
    TRY(auto_try_all(&job, on->scores, error));
    TRY(fill_trials(on, row, error));
    const spur_auto_trial *chosen = &row->trials[row->chosen];
    TRY(auto_pick(&on->pool, NULL, 0, &on->candidates[row->chosen / on->job.C_count],
                  on->job.seed, &picked, error));
    const head_rows rows = {.split = on->split->name,
                            .rows = picked.rows,
                            .labels = picked.labels,
                            .count = picked.count,
                            .amount = chosen->amount,
                            .seed = on->job.seed};
    TRY(retrain_make(on->in, &rows, &chosen->C, row, error));
done:
    auto_rows_free(&picked);
    return status;
}

spur_status retrain_auto(retrain_run *in, spur_error *error)
{
    spur_status status;
    choice on = {.in = in};
    bool is_finished = false;
    spur_head_summary *row = &in->made->open.heads[in->made->open.count];
    TRY(retrain_place(in, NAME, row, error));
    TRY(job_make(&on, error));
    TRY(pool_make(&on, error));
    TRY(candidates_make(&on, error));
    TRY(settle(&on, error));
    TRY(retrain_find(in, row, &is_finished, error));
    if (!is_finished) {
        TRY(train(&on, row, error));
    }
    TRY(retrain_report(in, row, error));
done:
    if (status == SPUR_DATASET) {
        error_prefix(error, "head " NAME " of %s", in->backbone->name);
    }
    choice_close(&on);
    return status;
}

/* ---- the stage -------------------------------------------------------------------------- */

typedef struct stage {
    arena *memory;
    store_result *results;
    size_t count, capacity;
    store_finding *findings;
    size_t finding_count, finding_capacity;
    text_buffer inputs;
} stage;

static void stage_close(stage *block)
{
    arena_free(block->memory);
    memory_free(block->results);
    memory_free(block->findings);
    text_buffer_free(&block->inputs);
}

/* "auto/BACKBONE/OF/WHAT" */
static spur_status add_result(stage *into, const char *backbone, const char *of,
                              const char *what, double value, spur_error *error)
{
    spur_status status;
    text_buffer key = {0};
    char *kept;
    TRY(text_format(&key, error, "auto/%s/%s/%s", backbone, of, what));
    TRY(memory_grow(&into->results, &into->capacity, into->count + 1, sizeof *into->results,
                    error));
    TRY(arena_text(into->memory, key.data, key.length, &kept, error));
    into->results[into->count++] = (store_result){kept, value};
done:
    text_buffer_free(&key);
    return status;
}

/* A list may name a value twice: its trials are alike. */
static bool is_repeat(const spur_head_summary *row, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        const spur_auto_trial *a = &row->trials[i], *b = &row->trials[j];
        bool is_share = !(a->clear < b->clear) && !(a->clear > b->clear);
        bool is_C = !(a->C < b->C) && !(a->C > b->C);
        if (is_share && is_C && strcmp(a->amount, b->amount) == 0) {
            return true;
        }
    }
    return false;
}

static spur_status add_trials(stage *into, const char *backbone, const spur_head_summary *row,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer of = {0};
    for (size_t i = 0; i < row->trial_count; i++) {
        const spur_auto_trial *trial = &row->trials[i];
        char clear[TEXT_NUMBER_SIZE], C[TEXT_NUMBER_SIZE];
        if (is_repeat(row, i)) {
            continue;
        }
        text_from_rounded(100.0 * trial->clear, clear);
        text_from_rounded(trial->C, C);
        of.length = 0;
        TRY(text_format(&of, error, "%s/%s/%s", trial->amount, clear, C));
        TRY(add_result(into, backbone, of.data, "worst_bin", trial->worst, error));
        TRY(add_result(into, backbone, of.data, "top1", trial->mean, error));
    }
done:
    text_buffer_free(&of);
    return status;
}

static spur_status add_chosen(stage *into, const char *backbone, const spur_head_summary *row,
                              spur_error *error)
{
    spur_status status;
    const spur_auto_trial *chosen = &row->trials[row->chosen];
    TRY(add_result(into, backbone, "chosen", "clear", chosen->clear, error));
    TRY(add_result(into, backbone, "chosen", "C", chosen->C, error));
    TRY(add_result(into, backbone, "chosen", "images", (double)row->images, error));
    TRY(add_result(into, backbone, "chosen", "worst_bin", chosen->worst, error));
    TRY(add_result(into, backbone, "chosen", "top1", chosen->mean, error));
done:
    return status;
}

static spur_status add_finding(stage *into, const char *backbone, const spur_head_summary *row,
                               spur_error *error)
{
    spur_status status;
    text_buffer text = {0};
    char *kept;
    double best = 0.0;
    const spur_auto_trial *chosen = &row->trials[row->chosen];
    for (size_t i = 0; i < row->trial_count; i++) {
        best = row->trials[i].mean > best ? row->trials[i].mean : best;
    }
    TRY(text_format(&text, error,
                    "%s: of %zu training sets and C tried on held-out train images, %s%s of "
                    "each class, %.0f %% of them the clearest, with C %.6g is best: worst bin "
                    "%.1f %%, mean %.1f %% (the best mean is %.1f %%)",
                    backbone, row->trial_count, chosen->amount,
                    strchr(chosen->amount, '%') != NULL ? "" : " images", 100.0 * chosen->clear,
                    chosen->C, 100.0 * chosen->worst, 100.0 * chosen->mean, 100.0 * best));
    TRY(memory_grow(&into->findings, &into->finding_capacity, into->finding_count + 1,
                    sizeof *into->findings, error));
    TRY(arena_text(into->memory, text.data, text.length, &kept, error));
    into->findings[into->finding_count++] = (store_finding){"auto", kept};
done:
    text_buffer_free(&text);
    return status;
}

/* Nothing is added for a backbone without such a head. */
static spur_status add_backbone(stage *into, retrain_run *in, const char *backbone,
                                spur_error *error)
{
    spur_status status;
    text_buffer path = {0};
    head_file *from = NULL;
    spur_head_summary row = {0};
    TRY(text_format(&path, error, "%s/heads/%s/" NAME ".safetensors", in->run->folder,
                    backbone));
    if (file_kind_of(path.data) != FILE_REGULAR) {
        goto done;
    }
    TRY(head_file_open(path.data, &from, error));
    TRY(retrain_read(in->made, from, &row, error));
    if (row.trial_count == 0 || row.chosen >= row.trial_count ||
        head_file_note(from, "settings") == NULL) {
        FAIL(SPUR_DATASET, "%s: holds no trials; train it again: --auto --restart", path.data);
    }
    TRY(text_format(&into->inputs, error, "%s %s\n", backbone,
                    head_file_note(from, "settings")));
    TRY(add_trials(into, backbone, &row, error));
    TRY(add_chosen(into, backbone, &row, error));
    TRY(add_finding(into, backbone, &row, error));
done:
    head_file_close(from);
    text_buffer_free(&path);
    return status;
}

spur_status retrain_auto_store(retrain_run *in, spur_error *error)
{
    spur_status status;
    stage made = {0};
    const store_backbone *backbones;
    size_t count;
    unsigned char raw[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    bool is_current;
    TRY(arena_new(&made.memory, error));
    TRY(store_get_backbones(in->run->db, &backbones, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(add_backbone(&made, in, backbones[i].name, error));
    }
    TRY(digest_of(made.inputs.data, made.inputs.length, raw, error));
    digest_hex(raw, DIGEST_SIZE, hex);
    TRY(results_are_current(in->run, NAME, hex, &is_current, error));
    if (is_current) {
        goto done;
    }
    const store_stage whole = {.name = "auto",
                               .inputs = hex,
                               .results = made.results,
                               .count = made.count,
                               .findings = made.findings,
                               .finding_count = made.finding_count};
    TRY(store_begin(in->run->db, error));
    TRY(store_put_stage(in->run->db, &whole, error));
    TRY(store_commit(in->run->db, error));
done:
    stage_close(&made);
    return status;
}
