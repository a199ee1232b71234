/*
 * evaluate_curves.c - stage "eval": accuracy of every head on every split, by rank and over
 * all.
 */
#include <string.h>

#include "base/digest.h"
#include "base/monitor.h"
#include "io/store_digest.h"
#include "io/store_subsets.h"
#include "pipeline/curve_group.h"
#include "pipeline/evaluate.h"
#include "pipeline/select.h"

static const char stage_name[] = "eval";

typedef struct curve_job {
    spur_run *run;
    const spur_eval_options *options;
    const spur_monitor *monitor;
    prediction_list sets;
    curve_k ks[CURVE_MOST_K]; /* as the run's subsets have them */
    size_t k_count;
    evaluation_rows rows; /* of the split at hand */
    result_list made;
} curve_job;

/* ---- sizes of the ends ------------------------------------------------------------------- */

static void add_k(curve_job *job, curve_k k)
{
    for (size_t i = 0; i < job->k_count; i++) {
        if (job->ks[i].amount == k.amount && job->ks[i].is_share == k.is_share) {
            return;
        }
    }
    if (job->k_count < CURVE_MOST_K) {
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
static void cut_ks(const curve_job *job, const curve_rows *rows, curve_group *into)
{
    bool is_even;
    uint64_t half = curve_largest(rows, &is_even) / 2;
    for (size_t i = 0; i < job->k_count; i++) {
        curve_k k = job->ks[i];
        bool is_new = true;
        k.amount = !k.is_share && k.amount > half ? half : k.amount;
        for (size_t j = 0; j < into->k_count; j++) {
            is_new = is_new &&
                     (into->ks[j].amount != k.amount || into->ks[j].is_share != k.is_share);
        }
        if (is_new && k.amount > 0) {
            into->ks[into->k_count++] = k;
        }
    }
}

/* ---- the heads of one backbone on one split ---------------------------------------------- */

static void group_free(curve_group *block)
{
    for (size_t i = 0; i < block->count; i++) {
        if (i > 0) {
            curve_rows *rows = &block->heads[i].rows;
            rows->class_index = rows->rank = rows->size = NULL;
        }
        prediction_set_free(&block->heads[i].set);
        curve_rows_free(&block->heads[i].rows);
        bootstrap_draws_free(&block->heads[i].draws);
    }
    memory_free(block->heads);
}

/* The arrays of the first head serve all: the same images are judged. Of a set only the flags
 * are needed further on. */
static void share_arrays(const curve_group *group, group_head *with)
{
    memory_free(with->set.predicted);
    memory_free(with->set.margin);
    with->set.predicted = NULL;
    with->set.margin = NULL;
    if (with != group->heads) {
        memory_free(with->rows.class_index);
        memory_free(with->rows.rank);
        memory_free(with->rows.size);
        with->rows.class_index = group->heads[0].rows.class_index;
        with->rows.rank = group->heads[0].rows.rank;
        with->rows.size = group->heads[0].rows.size;
    }
}

static spur_status load_head(const curve_job *job, const prediction_name *name,
                             curve_group *into, spur_error *error)
{
    spur_status status;
    group_head *one = &into->heads[into->count];
    memset(one, 0, sizeof *one);
    one->name = name;
    into->count++;
    TRY(predictions_load(job->run, name, &one->set, error));
    TRY(curve_rows_make(&job->rows, &one->set, &one->rows, error));
    share_arrays(into, one);
done:
    return status;
}

static size_t count_classes(const curve_rows *rows)
{
    size_t classes = 0;
    uint32_t largest = 0;
    for (size_t i = 0; i < rows->count && classes < 2; i++) {
        bool is_new = classes == 0 || rows->class_index[i] != largest;
        classes += is_new ? 1 : 0;
        largest = rows->class_index[i];
    }
    return classes;
}

static spur_status report(const curve_job *job, size_t done, spur_error *error)
{
    const spur_progress progress = {.stage = "curves", .done = done, .total = job->sets.count};
    return monitor_show(job->monitor, &progress, error);
}

/* All heads are drawn with the same classes; `before` sets are done. */
static spur_status draw_heads(const curve_job *job, size_t before, curve_group *into,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    bootstrap_weights weights = {0, 0, NULL};
    into->has_draws = job->options->draws > 1 && count_classes(&into->heads[0].rows) > 1;
    if (into->has_draws) {
        TRY(bootstrap_weights_make(&into->heads[0].rows, job->options->seed,
                                   job->options->draws, into->threads, &weights, error));
    }
    for (size_t i = 0; into->has_draws && i < into->count; i++) {
        group_head *one = &into->heads[i];
        TRY(report(job, before + i, error));
        TRY(bootstrap_curve(&one->rows, &weights, into->ks, into->k_count, into->threads,
                            &one->draws, error));
    }
done:
    bootstrap_weights_free(&weights);
    return status;
}

static spur_status find_trained(void *context, const store_subset *subset, spur_error *error)
{
    curve_group *group = context;
    (void)error;
    group->is_trained_on =
        group->is_trained_on || strcmp(subset->split, group->images->split) == 0;
    return SPUR_OK;
}

/* Sets first .. first + count - 1 are a group. */
static spur_status evaluate_group(curve_job *job, size_t first, size_t count, spur_error *error)
{
    spur_status status;
    const prediction_name *names = job->sets.names + first;
    curve_group group = {
        .images = &job->rows, .results = &job->made, .threads = job->options->threads};
    if (job->rows.split == NULL || strcmp(job->rows.split, names[0].split) != 0) {
        evaluation_rows_free(&job->rows);
        TRY(evaluation_rows_make(job->run, names[0].split, &job->rows, error));
    }
    TRY(store_each_subset(job->run->db, find_trained, &group, error));
    TRY(memory_new(count, sizeof *group.heads, &group.heads, error));
    for (size_t i = 0; i < count; i++) {
        TRY(load_head(job, &names[i], &group, error));
    }
    cut_ks(job, &group.heads[0].rows, &group);
    TRY(draw_heads(job, first, &group, error));
    TRY(curve_group_figures(&group, error));
    TRY(curve_group_tests(&group, error));
    TRY(curve_group_findings(&group, error));
done:
    group_free(&group);
    return status;
}

static spur_status evaluate_groups_of(curve_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t count = 0;
    for (size_t first = 0; first < job->sets.count; first += count) {
        count = prediction_list_beside(&job->sets, first);
        TRY(evaluate_group(job, first, count, error));
    }
done:
    return status;
}

/* ---- the stage --------------------------------------------------------------------------- */

/* Everything the numbers depend on. */
static spur_status digest_inputs(const curve_job *job, char hex[DIGEST_HEX_SIZE],
                                 spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_text(&bytes, "curves 3", error));
    TRY(digest_u64(&bytes, job->options->seed, error));
    TRY(digest_u64(&bytes, job->options->draws, error));
    for (size_t i = 0; i < job->k_count; i++) {
        TRY(digest_u64(&bytes, job->ks[i].amount, error));
        TRY(digest_u64(&bytes, job->ks[i].is_share, error));
    }
    for (size_t i = 0; i < job->sets.count; i++) {
        TRY(prediction_name_digest(&job->sets.names[i], &bytes, error));
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    digest_hex(sum, DIGEST_SIZE, hex);
done:
    text_buffer_free(&bytes);
    return status;
}

static void warn_of_nothing(const curve_job *job)
{
    if (job->sets.count == 0) {
        monitor_warn(job->monitor,
                     "no head could be evaluated; `spur retrain RUN` makes heads");
    }
}

spur_status evaluate_curves(spur_run *run, const spur_eval_options *options,
                            const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    curve_job job = {.run = run, .options = options, .monitor = monitor};
    char inputs[DIGEST_HEX_SIZE];
    bool is_current = false;
    const predictions_request request = {options->split, options->backbone, 0, NULL};
    TRY(find_ks(&job, error));
    TRY(prediction_list_make(run, &request, &job.sets, error));
    warn_of_nothing(&job);
    TRY(digest_inputs(&job, inputs, error));
    TRY(results_are_current(run, stage_name, inputs, &is_current, error));
    if (!is_current) {
        TRY(evaluate_groups_of(&job, error));
        TRY(result_list_save(&job.made, run, stage_name, inputs, error));
    }
done:
    result_list_free(&job.made);
    evaluation_rows_free(&job.rows);
    prediction_list_free(&job.sets);
    return status;
}
