/*
 * rank_truth.c - how well the order in class agrees with a truth column.
 *
 * Numbers: rank correlations of the score with the column. Categories: the area under the ROC
 * curve of good images against others. The same measures over all classes of a split thrown
 * together are the `pooled` ones; they also see the classes' different levels of score.
 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/statistics_ranks.h"
#include "base/text.h"
#include "pipeline/rank.h"
#include "pipeline/truth_column.h"

enum {
    ALL_OTHERS = -1 /* all values but the good one */
};

/* The public part first: its address is the whole block's. */
typedef struct truth_block {
    spur_truth_summary shown;
    arena *texts;
    size_t class_capacity, total_capacity;
} truth_block;

typedef struct truth_job {
    spur_run *run;
    const truth_column *column;
    int good; /* index of the good value; numbers: unused */
    truth_block *into;
    /* What is known of the images at hand, [count], in order of score: */
    double *scores, *numbers;
    int *values;
    size_t count;
    uint64_t missing;
    /* And the part of it that a measure looks at: */
    double *part;
    bool *is_good;
} truth_job;

void spur_truth_options_defaults(spur_truth_options *options)
{
    *options = (spur_truth_options){NULL, NULL};
}

void spur_truth_summary_free(spur_truth_summary *summary)
{
    if (summary != NULL) {
        truth_block *block = (truth_block *)(void *)summary;
        memory_free(summary->classes);
        memory_free(summary->totals);
        arena_free(block->texts);
        memory_free(block);
    }
}

static spur_status keep_text(truth_block *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

/* ---- what the column is ------------------------------------------------------------------ */

static bool is_numeric(const truth_column *column)
{
    return column->text == NULL && column->number_count != 2;
}

static int find_value(const truth_column *column, const char *text)
{
    for (size_t i = 0; i < column->value_count; i++) {
        if (strcasecmp(column->values[i], text) == 0) {
            return (int)i;
        }
    }
    return TRUTH_MISSING;
}

/* The larger of two numbers; the column holds only such. */
static int larger_value(const truth_column *column)
{
    double largest = fmax(column->numbers[0], column->numbers[1]);
    for (size_t i = 0; i < column->value_count; i++) {
        double number;
        if (text_to_double(column->values[i], &number) && number == largest) {
            return (int)i;
        }
    }
    return TRUTH_MISSING;
}

static spur_status fail_no_good(const truth_column *column, const char *asked,
                                spur_error *error)
{
    spur_status status;
    text_buffer list = {NULL, 0, 0};
    for (size_t i = 0; i < column->value_count; i++) {
        TRY(text_format(&list, error, "%s%s", i == 0 ? "" : ", ", column->values[i]));
    }
    if (asked != NULL) {
        FAIL(SPUR_DATASET, "column %s has no value %s; it holds: %s", column->name, asked,
             list.data);
    }
    FAIL(SPUR_DATASET,
         "column %s holds none of ok, 1, true, yes; say which value is good (--truth-good): %s",
         column->name, list.data);
done:
    text_buffer_free(&list);
    return status;
}

static spur_status find_good(const truth_column *column, const char *asked, int *out,
                             spur_error *error)
{
    static const char *const words[] = {"ok", "1", "true", "yes"};
    int found = asked == NULL ? TRUTH_MISSING : find_value(column, asked);
    spur_status status = truth_column_needs_categories(column, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; asked == NULL && found < 0 && i < sizeof words / sizeof *words; i++) {
        found = find_value(column, words[i]);
    }
    if (asked == NULL && found < 0 && column->text == NULL) {
        found = larger_value(column);
    }
    *out = found;
    return found < 0 ? fail_no_good(column, asked, error) : SPUR_OK;
}

/* ---- one measure ------------------------------------------------------------------------- */

/* The images of a span of the ranking that have a value. */
static void gather(truth_job *job, const truth_cell *cells, const rank_entry *entries,
                   size_t count)
{
    job->count = 0;
    job->missing = 0;
    for (size_t i = 0; i < count; i++) {
        const truth_cell *cell = &cells[entries[i].row];
        if (cell->is_missing) {
            job->missing++;
            continue;
        }
        job->scores[job->count] = (double)entries[i].logit;
        job->numbers[job->count] = cell->number;
        job->values[job->count] = cell->value;
        job->count++;
    }
}

static bool is_constant(const double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (values[i] != values[0]) {
            return false;
        }
    }
    return true;
}

static spur_status measure_numbers(const truth_job *job, spur_truth_class *out,
                                   spur_error *error)
{
    spur_status status;
    statistics_correlation spearman, kendall;
    TRY(statistics_spearman(job->scores, job->numbers, job->count, &spearman, error));
    TRY(statistics_kendall(job->scores, job->numbers, job->count, &kendall, error));
    TRY(statistics_weighted_tau(job->scores, job->numbers, job->count, STATISTICS_TAU_BOTH,
                                false, &out->weighted_tau, error));
    out->images = job->count;
    out->quality = spearman.value;
    out->low = spearman.low;
    out->high = spearman.high;
    out->kendall = kendall.value;
    out->undefined = job->count == 0                         ? "no image with a value"
                     : job->count == 1                       ? "only one image with a value"
                     : is_constant(job->numbers, job->count) ? "the column is constant"
                     : is_constant(job->scores, job->count)  ? "the score is constant"
                                                             : NULL;
done:
    return status;
}

/* Share of `other` images among the lowest tenth (rounded up) of all with a value. */
static double share_in_hidden(const truth_job *job, int other, uint64_t others)
{
    uint64_t found = 0;
    for (size_t i = 0; i < (job->count + 9) / 10; i++) {
        int value = job->values[i];
        found += value == other || (other == ALL_OTHERS && value != job->good);
    }
    return others == 0 ? (double)NAN : (double)found / (double)others;
}

static spur_status measure_categories(const truth_job *job, int other, spur_truth_class *out,
                                      spur_error *error)
{
    statistics_auc auc;
    size_t count = 0;
    for (size_t i = 0; i < job->count; i++) {
        bool is_good = job->values[i] == job->good;
        if (is_good || other == ALL_OTHERS || job->values[i] == other) {
            job->part[count] = job->scores[i];
            job->is_good[count++] = is_good;
            *(is_good ? &out->images : &out->others) += 1;
        }
    }
    spur_status status = statistics_auc_of(job->part, job->is_good, NULL, count, &auc, error);
    if (status != SPUR_OK) {
        return status;
    }
    out->quality = auc.area;
    statistics_auc_interval(auc.area, (double)out->images, (double)out->others, &out->low,
                            &out->high);
    out->undefined = out->images == 0   ? "no good image"
                     : out->others == 0 ? "no other image"
                                        : NULL;
    return SPUR_OK;
}

static spur_status measure(const truth_job *job, int other, spur_truth_class *out,
                           spur_error *error)
{
    spur_status status;
    double nan = (double)NAN;
    memset(out, 0, sizeof *out);
    out->quality = out->low = out->high = out->kendall = out->weighted_tau = nan;
    out->in_hidden = nan;
    out->missing = job->missing;
    TRY(job->into->shown.kind == SPUR_TRUTH_NUMBERS
            ? measure_numbers(job, out, error)
            : measure_categories(job, other, out, error));
    if (job->into->shown.kind == SPUR_TRUTH_CATEGORIES) {
        out->in_hidden = share_in_hidden(job, other, out->others);
    }
done:
    return status;
}

/* ---- one split --------------------------------------------------------------------------- */

static spur_status name_class(const truth_job *job, const char *split, size_t class_index,
                              spur_truth_class *into, spur_error *error)
{
    spur_status status;
    const store_class *class = &job->run->classes[class_index];
    into->split = split;
    TRY(keep_text(job->into, class->label, &into->label, error));
    TRY(keep_text(job->into, class->name, &into->name, error));
done:
    return status;
}

static void add_to_total(const spur_truth_class *row, spur_truth_total *into, double *pairs)
{
    if (isnan(row->quality)) {
        into->undefined++;
        return;
    }
    double weight = (double)row->images * (double)row->others;
    if (into->classes == 0 || row->quality < into->worst) {
        into->worst = row->quality;
        into->worst_label = row->label;
        into->worst_name = row->name;
    }
    into->classes++;
    into->mean += row->quality;
    into->pairs += row->quality * weight;
    *pairs += weight;
}

static spur_status finish_total(truth_job *job, const truth_cell *cells, const ranking *order,
                                int other, spur_truth_total *into, spur_error *error)
{
    spur_status status;
    spur_truth_class pooled;
    gather(job, cells, order->entries, order->count);
    TRY(measure(job, other, &pooled, error));
    into->images = pooled.images;
    into->others = pooled.others;
    into->missing = pooled.missing;
    into->pooled = pooled.quality;
    if (into->classes == 0) {
        into->mean = into->worst = (double)NAN;
    } else {
        into->mean /= (double)into->classes;
    }
done:
    return status;
}

/* All classes of a split under one measure. A class without images of the other value gets no
 * row of its own when there are more values; the total counts it as undefined. */
static spur_status measure_split(truth_job *job, const char *split, const truth_cell *cells,
                                 const ranking *order, int other, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_truth_summary *shown = &job->into->shown;
    spur_truth_total total = {.split = split};
    double pairs = 0;
    if (other != ALL_OTHERS) {
        TRY(keep_text(job->into, job->column->values[other], &total.other, error));
    }
    for (size_t i = 0; i < job->run->class_count; i++) {
        spur_truth_class row;
        size_t count = order->first[i + 1] - order->first[i];
        if (count == 0) {
            continue;
        }
        gather(job, cells, order->entries + order->first[i], count);
        TRY(measure(job, other, &row, error));
        TRY(name_class(job, split, i, &row, error));
        row.other = total.other;
        add_to_total(&row, &total, &pairs);
        if (row.others == 0 && other != ALL_OTHERS && job->column->value_count > 2) {
            continue;
        }
        TRY(memory_grow(&shown->classes, &job->into->class_capacity, shown->class_count + 1,
                        sizeof *shown->classes, error));
        shown->classes[shown->class_count++] = row;
    }
    TRY(finish_total(job, cells, order, other, &total, error));
    total.pairs = pairs > 0 ? total.pairs / pairs : (double)NAN;
    TRY(memory_grow(&shown->totals, &job->into->total_capacity, shown->total_count + 1,
                    sizeof *shown->totals, error));
    shown->totals[shown->total_count++] = total;
done:
    return status;
}

static spur_status measure_values(truth_job *job, const char *split, const truth_cell *cells,
                                  const ranking *order, spur_error *error)
{
    spur_status status;
    const truth_column *column = job->column;
    if (job->into->shown.kind == SPUR_TRUTH_NUMBERS || column->value_count != 2) {
        TRY(measure_split(job, split, cells, order, ALL_OTHERS, error));
    }
    for (int i = 0; job->into->shown.kind == SPUR_TRUTH_CATEGORIES &&
                    i < (int)column->value_count && column->value_count > 1;
         i++) {
        if (i != job->good) {
            TRY(measure_split(job, split, cells, order, i, error));
        }
    }
    status = SPUR_OK;
done:
    return status;
}

static spur_status make_room(truth_job *job, size_t count, spur_error *error)
{
    spur_status status;
    TRY(memory_new(count, sizeof *job->scores, &job->scores, error));
    TRY(memory_new(count, sizeof *job->numbers, &job->numbers, error));
    TRY(memory_new(count, sizeof *job->values, &job->values, error));
    TRY(memory_new(count, sizeof *job->part, &job->part, error));
    TRY(memory_new(count, sizeof *job->is_good, &job->is_good, error));
done:
    return status;
}

static void free_room(truth_job *job)
{
    memory_free(job->scores);
    memory_free(job->numbers);
    memory_free(job->values);
    memory_free(job->part);
    memory_free(job->is_good);
    job->scores = job->numbers = job->part = NULL;
    job->values = NULL;
    job->is_good = NULL;
}

static spur_status rank_split_truth(truth_job *job, size_t index, spur_error *error)
{
    spur_status status;
    spur_truth_summary *shown = &job->into->shown;
    const char *split = NULL;
    ranking order = {NULL, NULL, 0, 0, NULL, NULL};
    TRY(keep_text(job->into, job->run->splits[index].name, &split, error));
    TRY(ranking_make(job->run, split, &order, error));
    TRY(make_room(job, order.count, error));
    gather(job, job->column->cells[index], order.entries, order.count);
    shown->images += job->count;
    shown->missing += job->missing;
    for (size_t i = 0; i < job->run->class_count; i++) {
        shown->failed += order.failed[i];
    }
    TRY(measure_values(job, split, job->column->cells[index], &order, error));
done:
    free_room(job);
    ranking_free(&order);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------- */

static spur_status resolve_kind(truth_job *job, const char *asked, spur_error *error)
{
    spur_status status;
    spur_truth_summary *shown = &job->into->shown;
    bool has_numbers = asked == NULL && is_numeric(job->column);
    shown->kind = has_numbers ? SPUR_TRUTH_NUMBERS : SPUR_TRUTH_CATEGORIES;
    TRY(keep_text(job->into, job->column->name, &shown->column, error));
    if (!has_numbers) {
        TRY(find_good(job->column, asked, &job->good, error));
        TRY(keep_text(job->into, job->column->values[job->good], &shown->good, error));
    }
done:
    return status;
}

spur_status spur_rank_truth(spur_run *run, const char *column,
                            const spur_truth_options *options, spur_truth_summary **out,
                            spur_error *error)
{
    spur_status status;
    spur_truth_options defaults;
    truth_column *read = NULL;
    truth_job job = {.run = run};
    spur_truth_options_defaults(&defaults);
    options = options == NULL ? &defaults : options;
    TRY(truth_column_read(run, column, options->split, &read, error));
    TRY(memory_new_zeroed(1, sizeof *job.into, &job.into, error));
    TRY(arena_new(&job.into->texts, error));
    job.column = read;
    TRY(resolve_kind(&job, options->good, error));
    for (size_t i = 0; i < run->split_count; i++) {
        if (read->cells[i] != NULL) {
            TRY(rank_split_truth(&job, i, error));
        }
    }
    *out = &job.into->shown;
    job.into = NULL;
done:
    truth_column_free(read);
    spur_truth_summary_free(job.into == NULL ? NULL : &job.into->shown);
    return status;
}
