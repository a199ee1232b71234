/*
 * evaluate_curves.c - stage "eval": accuracy of every head on every split, by rank and over
 * all.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/statistics_intervals.h"
#include "io/store_digest.h"
#include "pipeline/evaluate.h"
#include "pipeline/predictions.h"
#include "pipeline/rank_curve.h"
#include "pipeline/result_list.h"
#include "pipeline/select.h"

static const char stage_name[] = "eval";

#define INTERVAL_MISS 0.05

typedef struct curve_job {
    spur_run *run;
    const spur_eval_options *options;
    prediction_list sets;
    curve_k ks[64];
    size_t k_count;
    evaluation_rows rows; /* of the split at hand */
    result_list made;
} curve_job;

/* ---- sizes of the ends ------------------------------------------------------------------- */

static void add_k(curve_job *job, curve_k k)
{
    size_t most = sizeof job->ks / sizeof job->ks[0];
    for (size_t i = 0; i < job->k_count; i++) {
        if (job->ks[i].amount == k.amount && job->ks[i].is_share == k.is_share) {
            return;
        }
    }
    if (job->k_count < most) {
        job->ks[job->k_count++] = k;
    }
}

/* The sizes of the run's subsets, or the paper's. */
static spur_status find_ks(curve_job *job, spur_error *error)
{
    spur_status status;
    subset_key *keys = NULL;
    size_t count = 0;
    TRY(subset_list(job->run, &keys, &count, error));
    for (size_t i = 0; i < count; i++) {
        add_k(job, (curve_k){keys[i].amount, keys[i].is_fraction});
    }
    for (uint64_t k = 50; count == 0 && k <= 200; k *= 2) {
        add_k(job, (curve_k){k, false});
    }
done:
    memory_free(keys);
    return status;
}

/* Cut to half of the largest class; a size that became an earlier one's is left out. */
static size_t cut_ks(const curve_job *job, const curve_rows *rows, curve_k *out)
{
    bool is_even;
    uint64_t half = curve_largest(rows, &is_even) / 2;
    size_t count = 0;
    for (size_t i = 0; i < job->k_count; i++) {
        curve_k k = job->ks[i];
        bool is_new = true;
        k.amount = !k.is_share && k.amount > half ? half : k.amount;
        for (size_t j = 0; j < count; j++) {
            is_new = is_new && (out[j].amount != k.amount || out[j].is_share != k.is_share);
        }
        if (is_new && k.amount > 0) {
            out[count++] = k;
        }
    }
    return count;
}

/* "100", "10pct" */
static void name_k(curve_k k, char out[SUBSET_KEY_SIZE])
{
    char name[SUBSET_KEY_SIZE];
    const subset_key key = {SUBSET_CLEAR, k.amount, k.is_share, 0};
    subset_key_text(&key, SPUR_NAMING_CONTENT, name);
    (void)snprintf(out, SUBSET_KEY_SIZE, "%s", strchr(name, '-') + 1);
}

/* ---- over all images --------------------------------------------------------------------- */

typedef struct tallies {
    uint64_t n, correct, top5, known;
    double class_mean; /* of the accuracies of classes with images */
} tallies;

static spur_status count_all(const evaluation_rows *rows, const prediction_set *set,
                             tallies *out, spur_error *error)
{
    spur_status status;
    curve_point *classes = NULL;
    tallies made = {.class_mean = (double)NAN};
    TRY(memory_new_zeroed(rows->class_count, sizeof *classes, &classes, error));
    for (size_t i = 0; i < rows->count; i++) {
        unsigned flags = set->flags[i];
        if ((flags & PREDICTION_VALID) != 0) {
            uint64_t is_right = (flags & PREDICTION_CORRECT) != 0 ? 1 : 0;
            made.n++;
            made.correct += is_right;
            made.top5 += (flags & PREDICTION_TOP5) != 0 ? 1 : 0;
            made.known += (flags & PREDICTION_KNOWN) != 0 ? 1 : 0;
            classes[rows->class_index[i]].n++;
            classes[rows->class_index[i]].correct += is_right;
        }
    }
    made.class_mean = curve_mean(classes, rows->class_count);
    *out = made;
done:
    memory_free(classes);
    return status;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

#define KEY "%s/%s/%s/"
#define NAME(set) (set)->split, (set)->backbone, (set)->head

static spur_status add_tallies(curve_job *job, const prediction_name *name, const tallies *from,
                               spur_error *error)
{
    spur_status status;
    result_list *into = &job->made;
    statistics_interval wilson = statistics_wilson(from->correct, from->n, INTERVAL_MISS);
    TRY(result_add(into, error, (double)from->n, KEY "n", NAME(name)));
    TRY(result_add(into, error, share(from->correct, from->n), KEY "top1", NAME(name)));
    TRY(result_add(into, error, from->class_mean, KEY "top1_class_mean", NAME(name)));
    TRY(result_add(into, error, share(from->top5, from->n), KEY "top5", NAME(name)));
    TRY(result_add(into, error, wilson.low, KEY "wilson_low", NAME(name)));
    TRY(result_add(into, error, wilson.high, KEY "wilson_high", NAME(name)));
    TRY(result_add(into, error, (double)from->known, KEY "known_n", NAME(name)));
    TRY(result_add(into, error, share(from->correct, from->known), KEY "known_top1",
                   NAME(name)));
done:
    return status;
}

/* ---- by rank ----------------------------------------------------------------------------- */

static spur_status add_gaps(curve_job *job, const prediction_name *name, const curve_rows *rows,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    curve_k ks[sizeof job->ks / sizeof job->ks[0]];
    size_t count = cut_ks(job, rows, ks);
    for (size_t i = 0; i < count; i++) {
        char k[SUBSET_KEY_SIZE];
        curve_gap gap = curve_gap_at(rows, ks[i]);
        name_k(ks[i], k);
        TRY(result_add(&job->made, error, gap.gap, KEY "gap_at_%s", NAME(name), k));
        TRY(result_add(&job->made, error, share(gap.clear_correct, gap.clear_n),
                       KEY "clear_at_%s", NAME(name), k));
        TRY(result_add(&job->made, error, share(gap.hidden_correct, gap.hidden_n),
                       KEY "hidden_at_%s", NAME(name), k));
    }
done:
    return status;
}

static spur_status add_bins(curve_job *job, const prediction_name *name, const curve_rows *rows,
                            spur_error *error)
{
    spur_status status;
    curve_bin *bins = NULL;
    size_t count = 0;
    TRY(curve_bins(rows, &bins, &count, error));
    size_t worst = curve_worst_bin(bins, count);
    for (size_t b = 0; b < count; b++) {
        TRY(result_add(&job->made, error, (double)bins[b].n, KEY "bin/%02zu/n", NAME(name),
                       b + 1));
        TRY(result_add(&job->made, error, bins[b].accuracy, KEY "bin/%02zu/top1", NAME(name),
                       b + 1));
    }
    if (worst < count) {
        TRY(result_add(&job->made, error, bins[worst].accuracy, KEY "worst_bin", NAME(name)));
    }
done:
    memory_free(bins);
    return status;
}

static spur_status add_curve(curve_job *job, const prediction_name *name,
                             const curve_rows *rows, spur_error *error)
{
    spur_status status;
    curve_point *points = NULL;
    size_t count = 0;
    TRY(curve_points(rows, &points, &count, error));
    TRY(result_add(&job->made, error, curve_mean(points, count), KEY "curve_mean", NAME(name)));
    TRY(result_add(&job->made, error, curve_slope(rows), KEY "slope", NAME(name)));
    TRY(add_gaps(job, name, rows, error));
    TRY(add_bins(job, name, rows, error));
done:
    memory_free(points);
    return status;
}

/* ---- the stage --------------------------------------------------------------------------- */

static spur_status evaluate_set(curve_job *job, const prediction_name *name, spur_error *error)
{
    spur_status status = SPUR_OK;
    prediction_set set = {0, NULL, NULL, NULL};
    curve_rows rows = {.count = 0};
    tallies all;
    if (job->rows.split == NULL || strcmp(job->rows.split, name->split) != 0) {
        evaluation_rows_free(&job->rows);
        TRY(evaluation_rows_make(job->run, name->split, &job->rows, error));
    }
    TRY(predictions_load(job->run, name, &set, error));
    TRY(count_all(&job->rows, &set, &all, error));
    TRY(add_tallies(job, name, &all, error));
    TRY(curve_rows_make(&job->rows, &set, &rows, error));
    TRY(add_curve(job, name, &rows, error));
done:
    curve_rows_free(&rows);
    prediction_set_free(&set);
    return status;
}

/* Everything the numbers depend on. */
static spur_status digest_inputs(const curve_job *job, char hex[DIGEST_HEX_SIZE],
                                 spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_text(&bytes, "curves 1", error));
    TRY(digest_u64(&bytes, job->options->seed, error));
    TRY(digest_u64(&bytes, job->options->draws, error));
    for (size_t i = 0; i < job->k_count; i++) {
        TRY(digest_u64(&bytes, job->ks[i].amount, error));
        TRY(digest_u64(&bytes, job->ks[i].is_share, error));
    }
    for (size_t i = 0; i < job->sets.count; i++) {
        TRY(digest_text(&bytes, job->sets.names[i].split, error));
        TRY(digest_text(&bytes, job->sets.names[i].backbone, error));
        TRY(digest_text(&bytes, job->sets.names[i].head, error));
        TRY(digest_text(&bytes, job->sets.names[i].inputs, error));
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    digest_hex(sum, DIGEST_SIZE, hex);
done:
    text_buffer_free(&bytes);
    return status;
}

spur_status evaluate_curves(spur_run *run, const spur_eval_options *options,
                            const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    curve_job job = {.run = run, .options = options};
    char inputs[DIGEST_HEX_SIZE];
    bool is_current = false;
    const predictions_request request = {options->split, options->backbone, 0, NULL};
    (void)monitor;
    TRY(find_ks(&job, error));
    TRY(prediction_list_make(run, &request, &job.sets, error));
    TRY(digest_inputs(&job, inputs, error));
    TRY(results_are_current(run, stage_name, inputs, &is_current, error));
    for (size_t i = 0; !is_current && i < job.sets.count; i++) {
        TRY(evaluate_set(&job, &job.sets.names[i], error));
    }
    if (!is_current) {
        TRY(result_list_save(&job.made, run, stage_name, inputs, error));
    }
done:
    result_list_free(&job.made);
    evaluation_rows_free(&job.rows);
    prediction_list_free(&job.sets);
    return status;
}
