/*
 * compare.c - two runs side by side: what they were made with, how they order the images they
 * share, and which images moved most.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/store_features.h"
#include "pipeline/agreement.h"
#include "pipeline/compare_heads.h"
#include "pipeline/image_pairs.h"

/* The public part first: its address is the whole block's. */
typedef struct compare_block {
    spur_compare_summary shown;
    arena *texts;
    size_t setting_capacity, split_capacity, class_capacity, moved_capacity, head_capacity;
} compare_block;

typedef struct compare_job {
    spur_run *first, *second;
    spur_compare_options options;
    compare_block *into;
} compare_job;

void spur_compare_options_defaults(spur_compare_options *options)
{
    *options = (spur_compare_options){.moved = 20, .draws = 2000};
}

void spur_compare_summary_free(spur_compare_summary *summary)
{
    if (summary != NULL) {
        compare_block *block = (compare_block *)(void *)summary;
        memory_free(summary->settings);
        memory_free(summary->splits);
        memory_free(summary->classes);
        memory_free(summary->moved);
        memory_free(summary->heads);
        arena_free(block->texts);
        memory_free(block);
    }
}

static spur_status keep_text(compare_block *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

/* ---- what the runs were made with -------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static spur_status add_setting(compare_job *job, const char *key, const char *first,
                               const char *second, spur_error *error)
{
    spur_status status = SPUR_OK;
    compare_block *into = job->into;
    spur_compare_summary *shown = &into->shown;
    spur_compare_setting made;
    if (is_same(first, second)) {
        return SPUR_OK;
    }
    TRY(keep_text(into, key, &made.key, error));
    TRY(keep_text(into, first, &made.first, error));
    TRY(keep_text(into, second, &made.second, error));
    TRY(memory_grow(&shown->settings, &into->setting_capacity, shown->setting_count + 1,
                    sizeof *shown->settings, error));
    shown->settings[shown->setting_count++] = made;
done:
    return status;
}

static spur_status compare_setting(compare_job *job, const char *key, spur_error *error)
{
    spur_status status;
    char *first = NULL, *second = NULL;
    TRY(store_get_setting(job->first->db, key, &first, error));
    TRY(store_get_setting(job->second->db, key, &second, error));
    TRY(add_setting(job, key, first, second, error));
done:
    memory_free(first);
    memory_free(second);
    return status;
}

static const store_class *find_class(const spur_run *run, const char *label)
{
    for (size_t i = 0; i < run->class_count; i++) {
        if (strcmp(run->classes[i].label, label) == 0) {
            return &run->classes[i];
        }
    }
    return NULL;
}

/* Classes, and the first class that goes by another name. */
static spur_status compare_classes(compare_job *job, spur_error *error)
{
    spur_status status;
    char first[32], second[32];
    (void)snprintf(first, sizeof first, "%zu", job->first->class_count);
    (void)snprintf(second, sizeof second, "%zu", job->second->class_count);
    TRY(add_setting(job, "classes", first, second, error));
    for (size_t i = 0; i < job->first->class_count; i++) {
        const store_class *own = &job->first->classes[i];
        const store_class *other =
            i < job->second->class_count && is_same(own->label, job->second->classes[i].label)
                ? &job->second->classes[i]
                : find_class(job->second, own->label);
        if (other != NULL && !is_same(own->name, other->name)) {
            return add_setting(job, "first other name", own->name, other->name, error);
        }
    }
done:
    return status;
}

/* Backbones of one name with other weights. */
static spur_status compare_backbones(compare_job *job, spur_error *error)
{
    spur_status status;
    const store_backbone *first = NULL, *second = NULL;
    size_t first_count = 0, second_count = 0;
    text_buffer key = {NULL, 0, 0};
    TRY(store_get_backbones(job->first->db, &first, &first_count));
    TRY(store_get_backbones(job->second->db, &second, &second_count));
    for (size_t i = 0; i < first_count; i++) {
        for (size_t j = 0; j < second_count; j++) {
            if (strcmp(first[i].name, second[j].name) == 0) {
                key.length = 0;
                TRY(text_format(&key, error, "backbone %s", first[i].name));
                TRY(add_setting(job, key.data, first[i].digest, second[j].digest, error));
            }
        }
    }
done:
    text_buffer_free(&key);
    return status;
}

static spur_status compare_settings(compare_job *job, spur_error *error)
{
    static const char *const keys[] = {"detector", "geometry",        "preprocessing",
                                       "prompts",  "score",           "images",
                                       "onednn",   "instruction_set", NULL};
    spur_status status = SPUR_OK;
    for (const char *const *key = keys; *key != NULL; key++) {
        TRY(compare_setting(job, *key, error));
    }
    TRY(compare_classes(job, error));
    TRY(compare_backbones(job, error));
done:
    return status;
}

/* ---- one class --------------------------------------------------------------------------- */

static double shift_of(const spur_moved *image)
{
    double ranks = (double)image->second_rank - (double)image->first_rank;
    return fabs(ranks) / (double)image->images;
}

/* Splits and classes stand in the order of the run, which the sort keeps for equal shifts:
 * their texts are compared. */
static int compare_moved(const void *a, const void *b)
{
    const spur_moved *left = a, *right = b;
    double left_shift = shift_of(left), right_shift = shift_of(right);
    if (left_shift != right_shift) {
        return left_shift > right_shift ? -1 : 1;
    }
    int order = strcmp(left->split, right->split);
    order = order != 0 ? order : strcmp(left->label, right->label);
    return order != 0 ? order : strcmp(left->file_name, right->file_name);
}

/* Keeps the `moved` first; a list of at most twice as many and one class is ever held. */
static void cut_moved(compare_job *job)
{
    spur_compare_summary *shown = &job->into->shown;
    if (shown->moved_count > 1) {
        qsort(shown->moved, shown->moved_count, sizeof *shown->moved, compare_moved);
    }
    if (shown->moved_count > job->options.moved) {
        shown->moved_count = job->options.moved;
    }
}

/* values [2, count]: logits; places [2, count]. File names are still the rankings'. */
static spur_status add_moved(compare_job *job, const spur_compare_class *of,
                             const image_pair *pairs, const uint32_t *places, spur_error *error)
{
    spur_status status = SPUR_OK;
    compare_block *into = job->into;
    size_t count = (size_t)of->images;
    TRY(memory_grow(&into->shown.moved, &into->moved_capacity, into->shown.moved_count + count,
                    sizeof *into->shown.moved, error));
    for (size_t i = 0; i < count; i++) {
        if (places[i] != places[count + i]) {
            into->shown.moved[into->shown.moved_count++] = (spur_moved){
                of->split, of->label,         of->name,       pairs[i].file_name, of->images,
                places[i], places[count + i], pairs[i].first, pairs[i].second};
        }
    }
    cut_moved(job);
done:
    return status;
}

static spur_status measure_class(compare_job *job, const image_pair *pairs,
                                 spur_compare_class *into, spur_error *error)
{
    spur_status status;
    size_t count = (size_t)into->images;
    double *values = NULL;
    uint32_t *places = NULL;
    agreement found;
    TRY(memory_new(2 * count, sizeof *values, &values, error));
    TRY(memory_new(2 * count, sizeof *places, &places, error));
    for (size_t i = 0; i < count; i++) {
        values[i] = pairs[i].first;
        values[count + i] = pairs[i].second;
    }
    TRY(agreement_measure(values, values + count, count, &found, error));
    TRY(agreement_places(values, count, places, error));
    TRY(agreement_places(values + count, count, places + count, error));
    into->spearman = found.spearman;
    into->low = found.low;
    into->high = found.high;
    into->kendall = found.kendall;
    into->clear = found.clear;
    into->hidden = found.hidden;
    TRY(add_moved(job, into, pairs, places, error));
done:
    memory_free(values);
    memory_free(places);
    return status;
}

/* ---- one split --------------------------------------------------------------------------- */

static void add_to_split(const spur_compare_class *from, spur_compare_split *into)
{
    if (isnan(from->spearman) || isnan(from->kendall)) {
        return;
    }
    if (into->classes == 0 || from->spearman < into->worst) {
        into->worst = from->spearman;
        into->worst_label = from->label;
        into->worst_name = from->name;
    }
    into->classes++;
    into->spearman += from->spearman;
    into->kendall += from->kendall;
    into->clear += from->clear;
    into->hidden += from->hidden;
}

static void finish_split(spur_compare_split *of)
{
    double classes = of->classes == 0 ? (double)NAN : (double)of->classes;
    of->spearman /= classes;
    of->kendall /= classes;
    of->clear /= classes;
    of->hidden /= classes;
    of->worst = of->classes == 0 ? (double)NAN : of->worst;
}

/* The rankings that own the names of the moved images are about to go. */
static spur_status keep_moved(compare_job *job, const char *split, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_compare_summary *shown = &job->into->shown;
    for (size_t i = 0; i < shown->moved_count; i++) {
        if (shown->moved[i].split == split) {
            TRY(keep_text(job->into, shown->moved[i].file_name, &shown->moved[i].file_name,
                          error));
        }
    }
done:
    return status;
}

static spur_status compare_class(compare_job *job, const image_pairs *pairs, size_t class_index,
                                 spur_compare_split *total, spur_error *error)
{
    spur_status status;
    spur_compare_summary *shown = &job->into->shown;
    const store_class *class = &job->first->classes[class_index];
    size_t first = pairs->class_first[class_index];
    spur_compare_class made = {.split = total->split,
                               .images = pairs->class_first[class_index + 1] - first};
    if (made.images == 0) {
        return SPUR_OK;
    }
    TRY(keep_text(job->into, class->label, &made.label, error));
    TRY(keep_text(job->into, class->name, &made.name, error));
    TRY(measure_class(job, pairs->items + first, &made, error));
    TRY(memory_grow(&shown->classes, &job->into->class_capacity, shown->class_count + 1,
                    sizeof *shown->classes, error));
    shown->classes[shown->class_count++] = made;
    add_to_split(&made, total);
done:
    return status;
}

/* ---- heads of one name ------------------------------------------------------------------- */

/* *is_stale instead of an error: the rankings can be compared all the same. */
static spur_status load_set(spur_run *run, const prediction_name *name, prediction_set *out,
                            bool *is_stale, spur_error *error)
{
    spur_status status = predictions_load(run, name, out, error);
    *is_stale = *is_stale || status == SPUR_DATASET;
    return status == SPUR_DATASET ? SPUR_OK : status;
}

static spur_status add_head(compare_job *job, const char *split, const prediction_name *name,
                            const spur_compare_head *made, spur_error *error)
{
    spur_status status;
    spur_compare_summary *shown = &job->into->shown;
    TRY(memory_grow(&shown->heads, &job->into->head_capacity, shown->head_count + 1,
                    sizeof *shown->heads, error));
    spur_compare_head *into = &shown->heads[shown->head_count];
    *into = *made;
    into->split = split;
    TRY(keep_text(job->into, name->backbone, &into->backbone, error));
    TRY(keep_text(job->into, name->head, &into->head, error));
    shown->head_count++;
done:
    return status;
}

static spur_status compare_head(compare_job *job, const char *split, const image_pairs *images,
                                const prediction_name *names[2], spur_error *error)
{
    spur_status status;
    prediction_set first = {0, NULL, NULL, NULL}, second = {0, NULL, NULL, NULL};
    spur_compare_head made = {.images = 0};
    bool is_stale = false;
    TRY(load_set(job->first, names[0], &first, &is_stale, error));
    TRY(load_set(job->second, names[1], &second, &is_stale, error));
    if (is_stale) {
        job->into->shown.stale_heads++;
        goto done;
    }
    TRY(heads_compare(images, job->first->class_count, &first, &second, &job->options, &made,
                      error));
    if (made.images > 0) {
        TRY(add_head(job, split, names[0], &made, error));
    }
done:
    prediction_set_free(&first);
    prediction_set_free(&second);
    return status;
}

static spur_status compare_heads(compare_job *job, const char *split, const image_pairs *images,
                                 spur_error *error)
{
    spur_status status;
    const predictions_request request = {.split = split};
    prediction_list first = {NULL, 0, NULL}, second = {NULL, 0, NULL};
    TRY(prediction_list_make(job->first, &request, &first, error));
    TRY(prediction_list_make(job->second, &request, &second, error));
    for (size_t i = 0; i < first.count; i++) {
        for (size_t j = 0; j < second.count; j++) {
            const prediction_name *names[2] = {&first.names[i], &second.names[j]};
            if (strcmp(names[0]->backbone, names[1]->backbone) == 0 &&
                strcmp(names[0]->head, names[1]->head) == 0) {
                TRY(compare_head(job, split, images, names, error));
            }
        }
    }
done:
    prediction_list_free(&first);
    prediction_list_free(&second);
    return status;
}

/* ---- a split and its heads --------------------------------------------------------------- */

static spur_status compare_split(compare_job *job, const char *name, spur_error *error)
{
    spur_status status;
    image_pairs pairs = {.count = 0};
    spur_compare_summary *shown = &job->into->shown;
    spur_compare_split total = {.classes = 0};
    TRY(keep_text(job->into, name, &total.split, error));
    TRY(image_pairs_make(job->first, job->second, name, &pairs, error));
    total.first = pairs.first.count;
    total.second = pairs.second.count;
    total.common = pairs.count;
    total.relabelled = pairs.relabelled;
    for (size_t i = 0; i < job->first->class_count; i++) {
        TRY(compare_class(job, &pairs, i, &total, error));
    }
    TRY(compare_heads(job, total.split, &pairs, error));
    TRY(keep_moved(job, total.split, error));
    finish_split(&total);
    TRY(memory_grow(&shown->splits, &job->into->split_capacity, shown->split_count + 1,
                    sizeof *shown->splits, error));
    shown->splits[shown->split_count++] = total;
done:
    image_pairs_free(&pairs);
    return status;
}

static bool has_split(const spur_run *run, const char *name)
{
    for (size_t i = 0; i < run->split_count; i++) {
        if (strcmp(run->splits[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the whole --------------------------------------------------------------------------- */

static spur_status compare_splits(compare_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *only = job->options.split;
    uint64_t common = 0;
    if (only != NULL) {
        const store_split *found;
        TRY(run_find_split(job->first, only, &found, error));
        TRY(run_find_split(job->second, only, &found, error));
    }
    for (size_t i = 0; i < job->first->split_count; i++) {
        const char *name = job->first->splits[i].name;
        if ((only == NULL || strcmp(only, name) == 0) && has_split(job->second, name)) {
            TRY(compare_split(job, name, error));
            common += job->into->shown.splits[job->into->shown.split_count - 1].common;
        }
    }
    if (common == 0) {
        FAIL(SPUR_DATASET,
             "%s and %s have no image in common: an image is the same when its split and its "
             "file name are, and its class when its label is",
             job->first->folder, job->second->folder);
    }
done:
    return status;
}

spur_status spur_compare(spur_run *first, spur_run *second, const spur_compare_options *options,
                         spur_compare_summary **out, spur_error *error)
{
    spur_status status;
    compare_job job = {.first = first, .second = second};
    if (first == NULL || second == NULL || out == NULL) {
        return error_set(error, SPUR_USAGE, "two runs are needed");
    }
    spur_compare_options_defaults(&job.options);
    job.options = options == NULL ? job.options : *options;
    TRY(memory_new_zeroed(1, sizeof *job.into, &job.into, error));
    TRY(arena_new(&job.into->texts, error));
    TRY(compare_settings(&job, error));
    TRY(compare_splits(&job, error));
    *out = &job.into->shown;
    job.into = NULL;
done:
    spur_compare_summary_free(job.into == NULL ? NULL : &job.into->shown);
    return status;
}
