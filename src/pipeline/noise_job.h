/*
 * noise_job.h - the parts of the noise evaluation that noise.c puts together.
 */
#ifndef PIPELINE_NOISE_JOB_H
#define PIPELINE_NOISE_JOB_H

#include "base/text.h"
#include "pipeline/noise_worker.h"
#include "pipeline/score_recall.h"

/* Everything one call holds. */
typedef struct noise_job {
    spur_run *run;
    const spur_eval_options *options;
    const spur_monitor *monitor;
    size_t threads;
    noise_plan plan;
    const store_split *split;
    feature_rows rows;
    experiment_images images;
    unsigned char
        images_digest[DIGEST_SIZE]; /* of the images, their boxes, how they are read */
    spur_image_options image;
    score_recall scoring; /* only for a union of boxes */
    picture_gate *gate;
    spur_progress progress;
} noise_job;

/* ---- noise_subject.c: a backbone of the run and its heads -------------------------------- */

typedef struct noise_subject {
    const store_backbone *backbone;
    head_list list;
    judged_head *heads;
    const char **names; /* [head_count]; of the list */
    size_t head_count;
    text_buffer settings; /* JSON: docs/formats.md */
    char inputs[DIGEST_HEX_SIZE];
    size_t row_bytes;
} noise_subject;

/* Heads that cannot be judged are left out and the log says why (is_loud). SPUR_DATASET when
 * none is left. */
spur_status noise_subject_open(const noise_job *job, const store_backbone *of, bool is_loud,
                               noise_subject *out, spur_error *error) SPUR_MUST_USE;
void noise_subject_close(noise_subject *block);
store_experiment noise_subject_record(const noise_job *job, const noise_subject *from);
/* SHA-256 of weights, biases and what the outputs mean, in hexadecimal. */
spur_status noise_head_digest(const judged_head *of, char out[DIGEST_HEX_SIZE],
                              spur_error *error) SPUR_MUST_USE;

/* ---- noise_results.c --------------------------------------------------------------------- */

/* The stage "noise": numbers of every backbone whose outcomes are complete and current. */
spur_status noise_results_make(const noise_job *job, spur_error *error) SPUR_MUST_USE;

/* ---- noise_current.c --------------------------------------------------------------------- */

/* Drops the stage "noise" when its backbones or heads are no longer those it was made with; the
 * log says so. */
spur_status noise_results_check(spur_run *run, const spur_monitor *monitor,
                                spur_error *error) SPUR_MUST_USE;

#endif
