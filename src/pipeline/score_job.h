/*
 * score_job.h - the parts of the score stage that score.c puts together.
 */
#ifndef PIPELINE_SCORE_JOB_H
#define PIPELINE_SCORE_JOB_H

#include "pipeline/feeder.h"
#include "pipeline/manifest.h"
#include "pipeline/picture.h"
#include "pipeline/prompts.h"
#include "pipeline/scorer.h"
#include "pipeline/split_way.h"

enum {
    SCORE_SETTINGS = 12
};

/* Everything one call of spur_score holds. */
typedef struct score_job {
    const char *data, *run, *detector_path;
    const spur_score_options *options;
    const spur_monitor *monitor;
    size_t threads;

    store *db; /* NULL until the run folder exists */
    manifest *rows;
    prompts *templates;
    char *model_folder;
    detector *model;

    arena *texts;             /* settings and prompts */
    spur_image_options image; /* options->image with the border of the dataset */
    split_way way;            /* of every split of the dataset */
    store_setting settings[SCORE_SETTINGS];
    size_t setting_count;
    store_class *classes; /* [rows->class_count] */
    float *queries;       /* [class_count, embedding] */
    size_t embedding;
    bool is_encoded; /* classes have their queries */

    scorer_task task;
    scorer **scorers; /* [threads] */
    picture_gate *gate;
    spur_progress progress;
} score_job;

void score_log(const score_job *job, spur_log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* ---- score_settings.c: what must be the same in all calls of a run ---------------------- */

spur_status score_make_settings(score_job *job, spur_error *error) SPUR_MUST_USE;
/* SPUR_DATASET with the difference when the run was made with other settings or classes. */
spur_status score_compare_run(score_job *job, spur_error *error) SPUR_MUST_USE;
/* SPUR_DATASET when the run has the split with other images. */
spur_status score_compare_split(score_job *job, const manifest_split *split, bool *is_there,
                                spur_error *error) SPUR_MUST_USE;

/* ---- score_queries.c: workers and the queries they ask ----------------------------------- */

spur_status score_open_workers(score_job *job, spur_error *error) SPUR_MUST_USE;
/* From the run when it has them, else from the text tower. */
spur_status score_make_queries(score_job *job, spur_error *error) SPUR_MUST_USE;

/* ---- score_feed.c: images to rows ---------------------------------------------------- */

/* Counts what the run already has and whether it may go on. */
spur_status score_count_done(score_job *job, spur_error *error) SPUR_MUST_USE;
spur_status score_feed(score_job *job, spur_error *error) SPUR_MUST_USE;
/* Seconds per image, measured on up to four images spread over the dataset; 0 when none could
 * be scored. */
spur_status score_probe(score_job *job, double *seconds, spur_error *error) SPUR_MUST_USE;

/* ---- score_summary.c ----------------------------------------------------------------- */

spur_status score_summarise(score_job *job, double seconds, spur_score_summary **out,
                            spur_error *error) SPUR_MUST_USE;

#endif
