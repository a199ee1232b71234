/*
 * run_stages.c - the table of the pipeline's stages, and the one loop that runs it.
 */
#include "cli/run_stages.h"

#include <stdio.h>
#include <string.h>

#include "cli/run_plan.h"

void run_job_init(run_job *job)
{
    memset(job, 0, sizeof *job);
    spur_score_options_defaults(&job->score);
    spur_select_options_defaults(&job->select);
    spur_features_options_defaults(&job->features);
    spur_retrain_options_defaults(&job->retrain);
    spur_eval_options_defaults(&job->eval);
    spur_report_options_defaults(&job->report);
}

void run_job_close(run_job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        spur_score_summary_free(job->scored[i]);
    }
    spur_rank_summary_free(job->ranked);
    spur_select_summary_free(job->selected);
    spur_features_summary_free(job->seen);
    spur_retrain_summary_free(job->heads);
    spur_retrain_summary_free(job->chosen);
    spur_eval_summary_free(job->numbers);
    spur_report_summary_free(job->pages);
}

uint64_t run_job_failed(const run_job *job)
{
    uint64_t failed = 0;
    for (size_t i = 0; i < job->source_count; i++) {
        failed += job->scored[i] == NULL ? 0 : job->scored[i]->failed;
    }
    return failed + (job->seen == NULL ? 0 : job->seen->failed);
}

static size_t once(const run_job *job)
{
    (void)job;
    return 1;
}

static size_t once_per_source(const run_job *job)
{
    return job->source_count;
}

static size_t once_with_backbones(const run_job *job)
{
    return job->backbone_count > 0 ? 1 : 0;
}

/* ---- score ------------------------------------------------------------------------------ */

spur_score_options run_source_options(const run_job *job, size_t i)
{
    const run_source *source = &job->sources[i];
    spur_score_options options = job->score;
    options.data.split = source->split;
    options.data.labels = source->labels;
    options.data.labels_are_devkit = source->are_devkit;
    options.data.class_map = source->class_map;
    return options;
}

static spur_status score_source(run_job *job, size_t i, const spur_monitor *monitor,
                                spur_error *error)
{
    spur_score_options options = run_source_options(job, i);
    return spur_score(job->sources[i].data, job->run, job->detector, &options, monitor,
                      &job->scored[i], error);
}

static void describe_score(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    const spur_score_summary *made = job->scored[i];
    unsigned long long found = made->found, failed = made->failed, skipped = made->skipped;
    int used = snprintf(note, RUN_NOTE_SIZE, "%llu images", found);
    if (failed > 0 && used > 0) {
        used += snprintf(note + used, RUN_NOTE_SIZE - (size_t)used, ", %llu failed", failed);
    }
    if (skipped > 0 && used > 0) {
        (void)snprintf(note + used, RUN_NOTE_SIZE - (size_t)used, ", %llu were there", skipped);
    }
}

/* ---- rank, select ----------------------------------------------------------------------- */

static spur_status rank_run(run_job *job, size_t i, const spur_monitor *monitor,
                            spur_error *error)
{
    spur_status status;
    spur_run *run = NULL;
    (void)i;
    (void)monitor;
    TRY(spur_run_open(job->run, &run, error));
    TRY(spur_rank(run, &job->ranked, error));
done:
    spur_run_close(run);
    return status;
}

static void describe_rank(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    (void)i;
    (void)snprintf(note, RUN_NOTE_SIZE, "%zu classes in all splits, %llu of them unseen",
                   job->ranked->class_count, (unsigned long long)job->ranked->invisible);
}

static spur_status select_subsets(run_job *job, size_t i, const spur_monitor *monitor,
                                  spur_error *error)
{
    (void)i;
    return spur_select(job->run, &job->select, monitor, &job->selected, error);
}

static void describe_select(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    size_t there = 0;
    (void)i;
    for (size_t s = 0; s < job->selected->subset_count; s++) {
        there += job->selected->subsets[s].was_there ? 1 : 0;
    }
    (void)snprintf(note, RUN_NOTE_SIZE, "%zu subsets, %zu were there",
                   job->selected->subset_count, there);
}

/* ---- features, retrain ------------------------------------------------------------------ */

static spur_status compute_features(run_job *job, size_t i, const spur_monitor *monitor,
                                    spur_error *error)
{
    (void)i;
    return spur_features(job->run, job->backbones, job->backbone_count, &job->features, monitor,
                         &job->seen, error);
}

static void describe_features(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    (void)i;
    (void)snprintf(note, RUN_NOTE_SIZE, "%llu vectors of %zu backbones, %llu were there",
                   (unsigned long long)job->seen->images, job->backbone_count,
                   (unsigned long long)job->seen->skipped);
}

static spur_status retrain_heads(run_job *job, size_t i, const spur_monitor *monitor,
                                 spur_error *error)
{
    (void)i;
    return spur_retrain(job->run, &job->retrain, monitor, &job->heads, error);
}

static void describe_retrain(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    size_t there = 0;
    (void)i;
    for (size_t h = 0; h < job->heads->count; h++) {
        there += job->heads->heads[h].was_there ? 1 : 0;
    }
    (void)snprintf(note, RUN_NOTE_SIZE, "%zu last layers, %zu were there", job->heads->count,
                   there);
}

static size_t once_with_choice(const run_job *job)
{
    return job->wants_choice ? once_with_backbones(job) : 0;
}

static spur_status choose_heads(run_job *job, size_t i, const spur_monitor *monitor,
                                spur_error *error)
{
    spur_retrain_options options = job->retrain;
    (void)i;
    options.automatic = true;
    return spur_retrain(job->run, &options, monitor, &job->chosen, error);
}

static void describe_choose(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    (void)i;
    (void)snprintf(note, RUN_NOTE_SIZE, "%zu last layers%s", job->chosen->count,
                   job->chosen->count > 0 && job->chosen->heads[0].was_there ? ", were there"
                                                                             : "");
}

/* ---- eval, report ----------------------------------------------------------------------- */

static spur_status evaluate(run_job *job, size_t i, const spur_monitor *monitor,
                            spur_error *error)
{
    (void)i;
    return spur_eval(job->run, &job->eval, monitor, &job->numbers, error);
}

static void describe_eval(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    (void)i;
    (void)snprintf(note, RUN_NOTE_SIZE, "%zu numbers, %zu findings", job->numbers->value_count,
                   job->numbers->finding_count);
}

static spur_status write_report(run_job *job, size_t i, const spur_monitor *monitor,
                                spur_error *error)
{
    (void)i;
    return spur_report(job->run, &job->report, monitor, &job->pages, error);
}

static void describe_report(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    (void)i;
    (void)snprintf(note, RUN_NOTE_SIZE, "%llu pages, %llu images",
                   (unsigned long long)job->pages->pages,
                   (unsigned long long)job->pages->images);
}

/* ---- the table -------------------------------------------------------------------------- */

const run_stage run_table[] = {
    {"score", once_per_source, score_source, plan_score, describe_score, false},
    {"rank", once, rank_run, NULL, describe_rank, false},
    {"select", once, select_subsets, plan_select, describe_select, true},
    {"features", once_with_backbones, compute_features, plan_features, describe_features, true},
    {"retrain", once_with_backbones, retrain_heads, plan_retrain, describe_retrain, true},
    {"choose", once_with_choice, choose_heads, NULL, describe_choose, false},
    {"eval", once_with_backbones, evaluate, plan_eval, describe_eval, false},
    {"report", once, write_report, NULL, describe_report, false},
    {NULL, NULL, NULL, NULL, NULL, false},
};

const char *run_stage_subject(const run_stage *stage, const run_job *job, size_t i)
{
    return stage->count == once_per_source && job->source_count > 1 ? job->sources[i].split
                                                                    : "";
}

/* ---- running it ------------------------------------------------------------------------- */

/* The caller's monitor with "2/7 score val" as the stage. */
typedef struct named_monitor {
    const spur_monitor *inner;
    char name[64];
} named_monitor;

static int on_progress(void *context, const spur_progress *progress)
{
    named_monitor *named = context;
    spur_progress shown = *progress;
    shown.stage = named->name;
    return named->inner->progress(named->inner->context, &shown);
}

static void on_log(void *context, spur_log_level level, const char *message)
{
    named_monitor *named = context;
    named->inner->log(named->inner->context, level, message);
}

size_t run_stages_count(const run_stage *const *tables, const run_job *job)
{
    size_t count = 0;
    for (; *tables != NULL; tables++) {
        for (const run_stage *stage = *tables; stage->name != NULL; stage++) {
            count += stage->count(job);
        }
    }
    return count;
}

/* The i-th call of one stage, which is number `at` of `total`. */
static spur_status do_stage(const run_stage *stage, run_job *job, size_t i,
                            const size_t place[2], terminal *screen, spur_error *error)
{
    const spur_monitor inner = terminal_monitor(screen);
    const char *subject = run_stage_subject(stage, job, i);
    char note[RUN_NOTE_SIZE] = "";
    named_monitor named = {.inner = &inner};
    const spur_monitor monitor = {&named, on_progress, on_log};
    double begin = terminal_clock();
    (void)snprintf(named.name, sizeof named.name, "%zu/%zu %s%s%.40s", place[0], place[1],
                   stage->name, subject[0] == '\0' ? "" : " ", subject);
    spur_status status = stage->run(job, i, &monitor, error);
    terminal_clear(screen);
    if (status == SPUR_OK && stage->describe != NULL) {
        stage->describe(job, i, note);
    }
    terminal_note(screen, "%-24s %8.1f s%s%s", named.name, terminal_clock() - begin,
                  status != SPUR_OK || note[0] != '\0' ? "  " : "",
                  status != SPUR_OK ? "stopped" : note);
    if (status == SPUR_DATASET && stage->can_redo && job->has_redo) {
        terminal_note(screen,
                      "--redo %s makes it again and keeps what was before; --restart "
                      "drops everything",
                      stage->name);
    }
    return status;
}

spur_status run_stages_do(const run_stage *const *tables, run_job *job, terminal *screen,
                          spur_error *error)
{
    spur_status status = SPUR_OK;
    TRY(job->is_restarted ? spur_run_clear(job->run, error) : SPUR_OK);
    size_t place[2] = {1, run_stages_count(tables, job)};
    for (; *tables != NULL; tables++) {
        for (const run_stage *stage = *tables; stage->name != NULL; stage++) {
            for (size_t i = 0; i < stage->count(job); i++, place[0]++) {
                TRY(do_stage(stage, job, i, place, screen, error));
            }
        }
    }
done:
    return status;
}
