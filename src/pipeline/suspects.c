/*
 * suspects.c - images whose label may be wrong: the object of the label is hardly visible, and
 * that of another class is as visible as in half of that class's own images.
 *
 * Two passes over the rows of a split: first the levels (image-level logits) of every class on
 * its own images, then each image against them. Only the five best other classes are in a run.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/statistics.h"
#include "pipeline/rank.h"
#include "pipeline/truth_column.h"

#define HIDDEN_BELOW 0.1 /* quantile of the own class */
#define VISIBLE_FROM 0.5 /* quantile of the proposed class */
#define MARGIN_SETTING "minus best other class"

/* The public part first: its address is the whole block's. */
typedef struct suspects_block {
    spur_suspect_summary shown;
    arena *texts;
    size_t capacity;
} suspects_block;

typedef struct class_level {
    size_t class_index;
    float level;
} class_level;

typedef struct suspects_job {
    spur_run *run;
    suspects_block *into;
    bool has_margin;     /* the score is the own level minus another: add that again */
    bool has_others;     /* some row has logits of other classes */
    class_level *levels; /* of one split, by class, rising */
    size_t count, capacity;
    size_t *first; /* [class_count + 1] */
    float *sorted; /* [count], the same without the class */
    const char *split;
    const truth_column *truth;
    const truth_cell *cells; /* of the split, or NULL */
} suspects_job;

void spur_suspect_options_defaults(spur_suspect_options *options)
{
    *options = (spur_suspect_options){NULL, NULL};
}

void spur_suspect_summary_free(spur_suspect_summary *summary)
{
    if (summary != NULL) {
        suspects_block *block = (suspects_block *)(void *)summary;
        memory_free(summary->suspects);
        arena_free(block->texts);
        memory_free(block);
    }
}

static spur_status keep_text(suspects_block *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

/* ---- levels of the classes --------------------------------------------------------------- */

static float level_of(const suspects_job *job, const store_row *row)
{
    return job->has_margin && row->has_other ? row->logit + row->other_logit : row->logit;
}

static spur_status take_level(void *context, const store_row *row, spur_error *error)
{
    suspects_job *job = context;
    if (row->reason != NULL) {
        return SPUR_OK;
    }
    job->has_others = job->has_others || row->best_count > 0;
    spur_status status =
        memory_grow(&job->levels, &job->capacity, job->count + 1, sizeof *job->levels, error);
    if (status == SPUR_OK) {
        job->levels[job->count++] = (class_level){row->class_index, level_of(job, row)};
        job->first[row->class_index + 1]++;
    }
    return status;
}

static int compare_levels(const void *a, const void *b)
{
    const class_level *left = a, *right = b;
    if (left->class_index != right->class_index) {
        return left->class_index < right->class_index ? -1 : 1;
    }
    return (left->level > right->level) - (left->level < right->level);
}

static spur_status read_levels(suspects_job *job, spur_error *error)
{
    spur_status status;
    size_t classes = job->run->class_count;
    job->count = 0;
    memset(job->first, 0, (classes + 1) * sizeof *job->first);
    TRY(store_each_row(job->run->db, job->split, take_level, job, error));
    for (size_t i = 0; i < classes; i++) {
        job->first[i + 1] += job->first[i];
    }
    if (job->count > 1) {
        qsort(job->levels, job->count, sizeof *job->levels, compare_levels);
    }
    memory_free(job->sorted);
    job->sorted = NULL;
    TRY(memory_new(job->count, sizeof *job->sorted, &job->sorted, error));
    for (size_t i = 0; i < job->count; i++) {
        job->sorted[i] = job->levels[i].level;
    }
    job->into->shown.images += job->count;
done:
    return status;
}

/* How many of the rising values are below x, or, with_equal, not above it. */
static size_t count_below(const float *sorted, size_t count, float x, bool with_equal)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (with_equal && sorted[middle] == x)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Share of a class's own images below the level, equal ones counting half. */
static double percentile(const suspects_job *job, size_t class_index, float level)
{
    const float *sorted = job->sorted + job->first[class_index];
    size_t count = job->first[class_index + 1] - job->first[class_index];
    return (double)(count_below(sorted, count, level, false) +
                    count_below(sorted, count, level, true)) /
           (2.0 * (double)count);
}

static double class_quantile(const suspects_job *job, size_t class_index, double q)
{
    size_t first = job->first[class_index];
    return statistics_quantile(job->sorted + first, job->first[class_index + 1] - first, q);
}

/* ---- images ------------------------------------------------------------------------------ */

/* The other class with the highest percentile among those that reach their median; the higher
 * logit decides between equal ones. NULL when there is none. */
static const store_best *find_proposed(const suspects_job *job, const store_row *row,
                                       double *best)
{
    const store_best *found = NULL;
    for (size_t i = 0; i < row->best_count; i++) {
        const store_best *other = &row->best[i];
        /* Not a number, so not reached, for a class without images. */
        if (!((double)other->logit >= class_quantile(job, other->class_index, VISIBLE_FROM))) {
            continue;
        }
        double place = percentile(job, other->class_index, other->logit);
        if (found == NULL || place > *best) {
            found = other;
            *best = place;
        }
    }
    return found;
}

static spur_status add_suspect(suspects_job *job, const store_row *row,
                               const store_best *proposed, spur_suspect *made,
                               spur_error *error)
{
    spur_status status;
    suspects_block *into = job->into;
    const store_class *own = &job->run->classes[row->class_index];
    const store_class *other = &job->run->classes[proposed->class_index];
    TRY(memory_grow(&into->shown.suspects, &into->capacity, into->shown.count + 1,
                    sizeof *into->shown.suspects, error));
    made->split = job->split;
    made->row = row->row;
    made->class_index = row->class_index;
    made->proposed_index = proposed->class_index;
    TRY(keep_text(into, row->file_name, &made->file_name, error));
    TRY(keep_text(into, own->label, &made->label, error));
    TRY(keep_text(into, own->name, &made->name, error));
    TRY(keep_text(into, other->label, &made->proposed_label, error));
    TRY(keep_text(into, other->name, &made->proposed_name, error));
    into->shown.suspects[into->shown.count++] = *made;
done:
    return status;
}

static spur_suspect_value *truth_of(const suspects_job *job, const store_row *row)
{
    const truth_cell *cell = job->cells == NULL ? NULL : &job->cells[row->row];
    return cell == NULL || cell->is_missing ? NULL : &job->into->shown.values[cell->value];
}

static spur_status look_at_row(void *context, const store_row *row, spur_error *error)
{
    suspects_job *job = context;
    spur_suspect made = {.logit = 0};
    if (row->reason != NULL) {
        return SPUR_OK;
    }
    spur_suspect_value *truth = truth_of(job, row);
    if (truth != NULL) {
        truth->images++;
        made.truth = truth->value;
    }
    made.logit = level_of(job, row);
    if (!((double)made.logit < class_quantile(job, row->class_index, HIDDEN_BELOW))) {
        return SPUR_OK;
    }
    const store_best *proposed = find_proposed(job, row, &made.proposed_percentile);
    if (proposed == NULL) {
        return SPUR_OK;
    }
    made.percentile = percentile(job, row->class_index, made.logit);
    made.proposed_logit = proposed->logit;
    if (truth != NULL) {
        truth->suspects++;
    }
    return add_suspect(job, row, proposed, &made, error);
}

/* ---- the list ---------------------------------------------------------------------------- */

static int compare_suspects(const void *a, const void *b)
{
    const spur_suspect *left = a, *right = b;
    double left_gap = left->proposed_percentile - left->percentile;
    double right_gap = right->proposed_percentile - right->percentile;
    if (left_gap != right_gap) {
        return left_gap > right_gap ? -1 : 1;
    }
    int order = strcmp(left->split, right->split);
    return order != 0 ? order : strcmp(left->file_name, right->file_name);
}

static int compare_values(const void *a, const void *b)
{
    const spur_suspect_value *left = a, *right = b;
    return strcmp(left->value, right->value);
}

static spur_status take_values(suspects_job *job, spur_error *error)
{
    spur_status status;
    spur_suspect_summary *shown = &job->into->shown;
    TRY(truth_column_needs_categories(job->truth, error));
    TRY(arena_take(job->into->texts, job->truth->value_count, sizeof *shown->values,
                   &shown->values, error));
    memset(shown->values, 0, job->truth->value_count * sizeof *shown->values);
    for (size_t i = 0; i < job->truth->value_count; i++) {
        TRY(keep_text(job->into, job->truth->values[i], &shown->values[i].value, error));
    }
    shown->value_count = job->truth->value_count;
done:
    return status;
}

static spur_status find_in_split(suspects_job *job, size_t index, spur_error *error)
{
    spur_status status;
    TRY(keep_text(job->into, job->run->splits[index].name, &job->split, error));
    job->cells = job->truth == NULL ? NULL : job->truth->cells[index];
    TRY(read_levels(job, error));
    TRY(store_each_row(job->run->db, job->split, look_at_row, job, error));
done:
    return status;
}

static spur_status find_suspects(suspects_job *job, const store_split *only, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_suspect_summary *shown = &job->into->shown;
    for (size_t i = 0; i < job->run->split_count; i++) {
        if (only == NULL || only == &job->run->splits[i]) {
            TRY(find_in_split(job, i, error));
        }
    }
    if (!job->has_others && job->run->class_count > STORE_TALLY_CLASSES) {
        FAIL(SPUR_DATASET,
             "the run has %zu classes and with more than %d no logits of other classes are "
             "kept: no label suspects",
             job->run->class_count, STORE_TALLY_CLASSES);
    }
    if (shown->count > 1) {
        qsort(shown->suspects, shown->count, sizeof *shown->suspects, compare_suspects);
    }
    if (shown->value_count > 1) {
        qsort(shown->values, shown->value_count, sizeof *shown->values, compare_values);
    }
done:
    return status;
}

static spur_status prepare(suspects_job *job, const spur_suspect_options *options,
                           truth_column **truth, spur_error *error)
{
    spur_status status;
    char *how = NULL;
    TRY(store_get_setting(job->run->db, "score", &how, error));
    job->has_margin = how != NULL && strstr(how, MARGIN_SETTING) != NULL;
    TRY(memory_new_zeroed(1, sizeof *job->into, &job->into, error));
    TRY(arena_new(&job->into->texts, error));
    TRY(memory_new(job->run->class_count + 1, sizeof *job->first, &job->first, error));
    if (options->truth != NULL) {
        TRY(truth_column_read(job->run, options->truth, options->split, truth, error));
        job->truth = *truth;
        TRY(take_values(job, error));
    }
done:
    memory_free(how);
    return status;
}

spur_status spur_suspects(spur_run *run, const spur_suspect_options *options,
                          spur_suspect_summary **out, spur_error *error)
{
    spur_status status;
    spur_suspect_options defaults;
    truth_column *truth = NULL;
    const store_split *only = NULL;
    suspects_job job = {.run = run};
    spur_suspect_options_defaults(&defaults);
    options = options == NULL ? &defaults : options;
    TRY(options->split == NULL ? SPUR_OK : run_find_split(run, options->split, &only, error));
    TRY(prepare(&job, options, &truth, error));
    TRY(find_suspects(&job, only, error));
    *out = &job.into->shown;
    job.into = NULL;
done:
    spur_suspect_summary_free(job.into == NULL ? NULL : &job.into->shown);
    truth_column_free(truth);
    memory_free(job.levels);
    memory_free(job.first);
    memory_free(job.sorted);
    return status;
}
