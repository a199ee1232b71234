/*
 * evaluate_groups.c - stage "groups": accuracy of every head by group of images, the worst
 * group, and averages over groups by different weights, each under its own name.
 *
 * A group is a value of a column of the manifest; a cell is a class in a group. Weights are
 * those of the split train, whatever the subset a head was trained on.
 */
#include <math.h>
#include <string.h>

#include "base/digest.h"
#include "io/store_digest.h"
#include "pipeline/evaluate.h"
#include "pipeline/group_figures.h"
#include "pipeline/group_values.h"
#include "pipeline/predictions.h"
#include "pipeline/result_list.h"

static const char stage_name[] = "groups";

#define ALPHA 0.05
#define NORMAL_975 1.959963984540054
#define PERCENT 100.0

enum {
    LEAST_IMAGES = 10
};

typedef struct group_job {
    spur_run *run;
    const spur_eval_options *options;
    group_values values;
    uint64_t least;
    size_t cells;         /* classes * groups */
    group_unit *by_cell;  /* [classes, groups] of the head at hand */
    group_unit *by_group; /* [groups] */
    uint64_t *train;      /* [classes, groups]; zeros without a split train */
    evaluation_rows rows; /* of the split at hand */
    const uint32_t *of;   /* [images] their groups */
    prediction_list sets;
    result_list made;
} group_job;

#define KEY "groups/%s/%s/%s/"
#define NAME(set) (set)->split, (set)->backbone, (set)->head

static void job_free(group_job *job)
{
    group_values_free(&job->values);
    memory_free(job->by_cell);
    memory_free(job->by_group);
    memory_free(job->train);
    evaluation_rows_free(&job->rows);
    prediction_list_free(&job->sets);
    result_list_free(&job->made);
}

/* ---- counts ------------------------------------------------------------------------------ */

static size_t place_of_split(const spur_run *run, const char *name)
{
    size_t i = 0;
    while (i < run->split_count && strcmp(run->splits[i].name, name) != 0) {
        i++;
    }
    return i;
}

static spur_status count_train(group_job *job, spur_error *error)
{
    spur_status status;
    size_t place = place_of_split(job->run, "train");
    evaluation_rows rows;
    memset(&rows, 0, sizeof rows);
    TRY(memory_new_zeroed(job->cells, sizeof *job->train, &job->train, error));
    if (place == job->run->split_count) {
        return SPUR_OK;
    }
    TRY(evaluation_rows_make(job->run, "train", &rows, error));
    for (size_t i = 0; i < rows.count; i++) {
        uint32_t group = job->values.of[place][i];
        if (group != GROUP_NONE && rows.class_index[i] != EVALUATION_NO_CLASS) {
            job->train[rows.class_index[i] * job->values.count + group]++;
        }
    }
done:
    evaluation_rows_free(&rows);
    return status;
}

static spur_status make_arrays(group_job *job, spur_error *error)
{
    spur_status status;
    if (!size_mul(job->run->class_count, job->values.count, &job->cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(job->cells, sizeof *job->by_cell, &job->by_cell, error));
    TRY(memory_new(job->values.count, sizeof *job->by_group, &job->by_group, error));
    TRY(count_train(job, error));
done:
    return status;
}

static void count_head(group_job *job, const prediction_set *set)
{
    size_t groups = job->values.count;
    memset(job->by_group, 0, groups * sizeof *job->by_group);
    for (size_t i = 0; i < job->cells; i++) {
        job->by_cell[i] = (group_unit){0, 0, job->train[i]};
        job->by_group[i % groups].train += job->train[i];
    }
    for (size_t i = 0; i < job->rows.count; i++) {
        uint32_t group = job->of[i], class_index = job->rows.class_index[i];
        if (group == GROUP_NONE || class_index == EVALUATION_NO_CLASS ||
            (set->flags[i] & PREDICTION_VALID) == 0) {
            continue;
        }
        uint64_t right = (set->flags[i] & PREDICTION_CORRECT) != 0 ? 1 : 0;
        job->by_cell[class_index * groups + group].n++;
        job->by_cell[class_index * groups + group].right += right;
        job->by_group[group].n++;
        job->by_group[group].right += right;
    }
}

/* ---- numbers ----------------------------------------------------------------------------- */

static spur_status add_interval(group_job *job, const prediction_name *name, const char *metric,
                                double value, double low, double high, spur_error *error)
{
    spur_status status;
    result_list *into = &job->made;
    TRY(result_add(into, error, value, KEY "%s", NAME(name), metric));
    TRY(result_add(into, error, low, KEY "%s_low", NAME(name), metric));
    TRY(result_add(into, error, high, KEY "%s_high", NAME(name), metric));
done:
    return status;
}

static spur_status add_groups(group_job *job, const prediction_name *name, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t g = 0; g < job->values.count; g++) {
        const group_unit *unit = &job->by_group[g];
        const group_worst own = group_find_worst(unit, 1, 1, ALPHA);
        if (unit->n > 0) {
            TRY(result_add(&job->made, error, (double)unit->n, KEY "group/%s/n", NAME(name),
                           job->values.names[g]));
            TRY(result_add(&job->made, error, own.value, KEY "group/%s/top1", NAME(name),
                           job->values.names[g]));
            TRY(result_add(&job->made, error, own.low, KEY "group/%s/low", NAME(name),
                           job->values.names[g]));
            TRY(result_add(&job->made, error, own.high, KEY "group/%s/high", NAME(name),
                           job->values.names[g]));
        }
    }
done:
    return status;
}

static spur_status add_averages(group_job *job, const prediction_name *name, spur_error *error)
{
    spur_status status;
    const struct {
        const char *metric;
        const group_unit *units;
        size_t count;
        bool is_weighted;
    } averages[] = {{"mean_groups", job->by_group, job->values.count, false},
                    {"mean_cells", job->by_cell, job->cells, false},
                    {"train_weighted_groups", job->by_group, job->values.count, true},
                    {"adjusted", job->by_cell, job->cells, true}};
    for (size_t i = 0; i < sizeof averages / sizeof averages[0]; i++) {
        group_average mean = group_mean(averages[i].units, averages[i].count,
                                        averages[i].is_weighted, NORMAL_975);
        TRY(add_interval(job, name, averages[i].metric, mean.value, mean.low, mean.high,
                         error));
        if (averages[i].is_weighted) {
            TRY(result_add(&job->made, error, mean.covered, KEY "%s_covered", NAME(name),
                           averages[i].metric));
        }
    }
    group_unit all = {0, 0, 0};
    for (size_t g = 0; g < job->values.count; g++) {
        all.n += job->by_group[g].n;
        all.right += job->by_group[g].right;
    }
    group_worst whole = group_find_worst(&all, 1, 1, ALPHA);
    TRY(result_add(&job->made, error, (double)all.n, KEY "n", NAME(name)));
    TRY(add_interval(job, name, "mean_images", whole.value, whole.low, whole.high, error));
done:
    return status;
}

static spur_status add_worst(group_job *job, const prediction_name *name,
                             const group_worst *group, const group_worst *cell,
                             spur_error *error)
{
    spur_status status;
    result_list *into = &job->made;
    size_t present = 0;
    for (size_t i = 0; i < job->cells; i++) {
        present += job->by_cell[i].n > 0 ? 1 : 0;
    }
    TRY(add_interval(job, name, "worst_group", group->value, group->low, group->high, error));
    TRY(add_interval(job, name, "worst_cell", cell->value, cell->low, cell->high, error));
    TRY(result_add(into, error, (double)present, KEY "cells", NAME(name)));
    TRY(result_add(into, error, (double)(present - cell->candidates), KEY "cells_small",
                   NAME(name)));
    if (group->at < job->values.count) {
        TRY(result_add(into, error, (double)job->by_group[group->at].n, KEY "worst_group_n",
                       NAME(name)));
    }
    if (cell->at < job->cells) {
        TRY(result_add(into, error, (double)job->by_cell[cell->at].n, KEY "worst_cell_n",
                       NAME(name)));
    }
done:
    return status;
}

/* ---- sentences --------------------------------------------------------------------------- */

/* One for the first head of a split and backbone: the model's own where it is judged. */
static spur_status say_worst(group_job *job, const prediction_name *name,
                             const group_worst *group, const group_worst *cell,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    if (group->candidates < 2) {
        return result_find(&job->made, error, "groups-small",
                           "%s, %s: %s of %s has %llu images, so there is no worst group.",
                           name->split, name->backbone,
                           group->candidates == 0 ? "no value" : "only one value",
                           job->values.column, (unsigned long long)job->least);
    }
    TRY(result_find(
        &job->made, error, "worst-group",
        "%s, %s: head %s is right on %.1f %% of the %llu images of its worst group, "
        "%s %s (95 %% interval for the worst of %zu: %.1f to %.1f).",
        name->split, name->backbone, name->head, PERCENT * group->value,
        (unsigned long long)job->by_group[group->at].n, job->values.column,
        job->values.names[group->at], group->candidates, PERCENT * group->low,
        PERCENT * group->high));
    if (cell->at < job->cells) {
        TRY(result_find(
            &job->made, error, "worst-cell",
            "%s, %s: of the %zu classes by %s with at least %llu images head %s is worst on "
            "class %s with %s %s: %.1f %% of %llu images (%.1f to %.1f).",
            name->split, name->backbone, cell->candidates, job->values.column,
            (unsigned long long)job->least, name->head,
            job->run->classes[cell->at / job->values.count].label, job->values.column,
            job->values.names[cell->at % job->values.count], PERCENT * cell->value,
            (unsigned long long)job->by_cell[cell->at].n, PERCENT * cell->low,
            PERCENT * cell->high));
    }
done:
    return status;
}

/* Of a single candidate none is the worst. */
static group_worst find_worst(const group_job *job, const group_unit *units, size_t count)
{
    group_worst worst = group_find_worst(units, count, job->least, ALPHA);
    if (worst.candidates < 2) {
        worst.value = worst.low = worst.high = (double)NAN;
        worst.at = count;
    }
    return worst;
}

/* ---- one head ---------------------------------------------------------------------------- */

static spur_status open_split(group_job *job, const char *split, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (job->rows.split == NULL || strcmp(job->rows.split, split) != 0) {
        evaluation_rows_free(&job->rows);
        TRY(evaluation_rows_make(job->run, split, &job->rows, error));
        job->of = job->values.of[place_of_split(job->run, split)];
    }
done:
    return status;
}

static bool has_groups(const group_job *job)
{
    for (size_t i = 0; i < job->rows.count; i++) {
        if (job->of[i] != GROUP_NONE) {
            return true;
        }
    }
    return false;
}

static spur_status evaluate_head(group_job *job, const prediction_name *name, bool is_first,
                                 spur_error *error)
{
    spur_status status;
    prediction_set set = {0, NULL, NULL, NULL};
    TRY(open_split(job, name->split, error));
    if (!has_groups(job)) {
        goto done;
    }
    TRY(predictions_load(job->run, name, &set, error));
    count_head(job, &set);
    const group_worst group = find_worst(job, job->by_group, job->values.count);
    const group_worst cell = find_worst(job, job->by_cell, job->cells);
    TRY(add_groups(job, name, error));
    TRY(add_averages(job, name, error));
    TRY(add_worst(job, name, &group, &cell, error));
    TRY(is_first ? say_worst(job, name, &group, &cell, error) : SPUR_OK);
done:
    prediction_set_free(&set);
    return status;
}

static spur_status evaluate_heads(group_job *job, spur_error *error)
{
    spur_status status;
    TRY(make_arrays(job, error));
    for (size_t i = 0; i < job->sets.count; i++) {
        const prediction_name *name = &job->sets.names[i];
        TRY(evaluate_head(job, name, i == 0 || !prediction_is_beside(name - 1, name), error));
    }
done:
    return status;
}

/* ---- the stage --------------------------------------------------------------------------- */

/* Everything the numbers depend on: the columns of the splits are in their digests. */
static spur_status digest_inputs(const group_job *job, char hex[DIGEST_HEX_SIZE],
                                 spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_text(&bytes, "groups 1", error));
    TRY(digest_text(&bytes, job->options->groups_column, error));
    TRY(digest_u64(&bytes, job->least, error));
    for (size_t i = 0; i < job->run->split_count; i++) {
        TRY(digest_text(&bytes, job->run->splits[i].name, error));
        TRY(digest_text(&bytes, job->run->splits[i].manifest_digest, error));
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

spur_status evaluate_groups(spur_run *run, const spur_eval_options *options,
                            const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    group_job job = {.run = run, .options = options};
    char inputs[DIGEST_HEX_SIZE];
    bool is_current = false;
    const predictions_request request = {options->split, options->backbone, 0, monitor};
    job.least = options->groups_least == 0 ? LEAST_IMAGES : options->groups_least;
    TRY(prediction_list_make(run, &request, &job.sets, error));
    TRY(digest_inputs(&job, inputs, error));
    TRY(results_are_current(run, stage_name, inputs, &is_current, error));
    if (is_current) {
        goto done;
    }
    TRY(group_values_make(run, options->groups_column, &job.values, error));
    if (job.values.count == 0) {
        TRY(results_forget(run, stage_name, error));
        goto done;
    }
    TRY(evaluate_heads(&job, error));
    TRY(result_list_save(&job.made, run, stage_name, inputs, error));
done:
    job_free(&job);
    return status;
}
