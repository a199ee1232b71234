/*
 * score_summary.c - what a call of spur_score tells its caller.
 */
#include <string.h>

#include "models/preprocess.h"
#include "pipeline/score_job.h"

/* The public part first: its address is the whole block's. */
typedef struct summary_block {
    spur_score_summary shown;
    arena *texts;
} summary_block;

static spur_status keep_text(summary_block *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status = arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status fill_classes(const score_job *job, summary_block *into, spur_error *error)
{
    spur_status status;
    size_t count = job->rows->class_count;
    TRY(arena_take(into->texts, count, sizeof *into->shown.classes, &into->shown.classes,
                   error));
    into->shown.class_count = count;
    for (size_t i = 0; i < count; i++) {
        spur_class_plan *plan = &into->shown.classes[i];
        memset(plan, 0, sizeof *plan);
        TRY(keep_text(into, job->classes[i].label, &plan->label, error));
        TRY(keep_text(into, job->classes[i].name, &plan->name, error));
        TRY(keep_text(into, job->classes[i].prompt, &plan->prompt, error));
        plan->tokens = job->classes[i].tokens;
        plan->truncated = job->classes[i].is_truncated;
        plan->images = job->rows->classes[i].images;
    }
done:
    return status;
}

static spur_status fill_splits(const score_job *job, summary_block *into, spur_error *error)
{
    spur_status status;
    size_t count = job->rows->split_count;
    TRY(arena_take(into->texts, count, sizeof *into->shown.splits, &into->shown.splits, error));
    into->shown.split_count = count;
    for (size_t i = 0; i < count; i++) {
        spur_split_plan *plan = &into->shown.splits[i];
        plan->images = job->rows->splits[i].count;
        TRY(keep_text(into, job->rows->splits[i].name, &plan->name, error));
    }
done:
    return status;
}

static spur_status fill_warnings(const score_job *job, summary_block *into, spur_error *error)
{
    spur_status status;
    const char *const *from = detector_warnings(job->model);
    const char **copies = NULL;
    size_t count = 0;
    while (from[count] != NULL) {
        count++;
    }
    TRY(arena_take(into->texts, count + 1, sizeof *copies, &copies, error));
    for (size_t i = 0; i < count; i++) {
        TRY(keep_text(into, from[i], &copies[i], error));
    }
    copies[count] = NULL;
    into->shown.detector.warnings = copies;
done:
    return status;
}

static spur_status fill_detector(const score_job *job, summary_block *into, spur_error *error)
{
    spur_status status;
    text_buffer recipe = {NULL, 0, 0};
    spur_detector_info *info = &into->shown.detector;
    TRY(keep_text(into, job->model_folder, &info->path, error));
    TRY(keep_text(into, detector_model_type(job->model), &info->model_type, error));
    TRY(keep_text(into, detector_digest(job->model), &info->digest, error));
    TRY(preprocess_describe(detector_preprocess(job->model), &recipe, error));
    TRY(keep_text(into, recipe.data, &info->preprocessing, error));
    TRY(fill_warnings(job, into, error));
    info->side = detector_side(job->model);
    info->grid = detector_grid(job->model);
    info->patches = detector_patches(job->model);
    info->embedding = detector_embedding(job->model);
    info->max_tokens = detector_max_tokens(job->model);
    info->has_objectness = detector_has_objectness(job->model);
    info->weight_bytes = detector_weight_bytes(job->model);
done:
    text_buffer_free(&recipe);
    return status;
}

static spur_status fill_counts(score_job *job, spur_score_summary *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; job->db != NULL && i < job->rows->split_count; i++) {
        store_counts counts;
        TRY(store_count(job->db, job->rows->splits[i].name, &counts, error));
        into->scored += counts.scored;
        into->failed += counts.failed;
        into->oriented += counts.oriented;
        into->with_alpha += counts.with_alpha;
        into->with_warnings += counts.with_warnings;
        into->duplicates += counts.duplicates;
    }
    into->ood_rule = ood_rule_name(job->way.rule);
    into->border = job->way.border;
    into->excluded_classes = job->way.excluded_classes;
    into->excluded_images = job->way.excluded_images;
    into->found = job->rows->count;
    into->pending = into->found - into->scored - into->failed;
    into->skipped = job->progress.skipped;
    into->threads = job->threads;
done:
    return status;
}

spur_status score_summarise(score_job *job, double seconds, spur_score_summary **out,
                            spur_error *error)
{
    spur_status status;
    summary_block *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    made->shown.seconds_per_image = seconds;
    TRY(fill_counts(job, &made->shown, error));
    TRY(fill_classes(job, made, error));
    TRY(fill_splits(job, made, error));
    TRY(fill_detector(job, made, error));
    TRY(keep_text(made, job->rows->class_order, &made->shown.class_order, error));
    TRY(keep_text(made, job->templates->text, &made->shown.prompts, error));
    *out = &made->shown;
    made = NULL;
done:
    spur_score_summary_free(made == NULL ? NULL : &made->shown);
    return status;
}

void spur_score_summary_free(spur_score_summary *summary)
{
    if (summary != NULL) {
        summary_block *block = (summary_block *)(void *)summary;
        arena_free(block->texts);
        memory_free(block);
    }
}
