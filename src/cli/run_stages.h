/*
 * run_stages.h - the whole pipeline as one table of stages, for spur run and spur demo.
 *
 * Every stage is one call of the library, which itself finds out what is done already and does
 * the rest: the same line again continues, or does nothing.
 */
#ifndef CLI_RUN_STAGES_H
#define CLI_RUN_STAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/terminal.h"

enum {
    RUN_SOURCES = 64,
    RUN_BACKBONES = 32,
    RUN_NOTE_SIZE = 120,
    RUN_NAME_SIZE = 128
};

/* One dataset of a run. */
typedef struct run_source {
    const char *data;
    const char *split;     /* of rows that name none */
    const char *labels;    /* of a flat folder, or NULL */
    bool are_devkit;       /* the labels are */
    const char *class_map; /* of a set with other classes, or NULL */
} run_source;

/* What the plans of earlier stages have found out. */
typedef struct run_facts {
    uint64_t images, pending; /* of all datasets; not scored yet */
    bool is_behind;           /* some stage before this one has something to do */
    size_t classes;
    uint64_t subsets, members; /* members: images of all subsets together */
    size_t widest;             /* features of the widest backbone */
    double gflops;             /* of matrix products, as measured; 0: not known */
    char names[RUN_BACKBONES][RUN_NAME_SIZE]; /* of the backbones' folders */
    double image_seconds; /* of one image through all backbones, all threads at work */
} run_facts;

/* What is asked for, and what the stages have made of it. Texts belong to the caller. */
typedef struct run_job {
    const char *run;
    run_source sources[RUN_SOURCES]; /* train, val, out-of-distribution sets */
    size_t source_count;
    const char *detector;
    const char *backbones[RUN_BACKBONES];
    size_t backbone_count;
    spur_score_options score; /* of every source */
    spur_select_options select;
    spur_features_options features;
    spur_retrain_options retrain;
    bool wants_choice; /* also a head on images that folds of train choose */
    spur_eval_options eval;
    spur_report_options report;
    bool is_restarted; /* drop what the run holds first */
    bool has_redo;     /* the command line has --redo */
    void *owner;       /* whoever has stages of its own */
    run_facts facts;

    spur_score_summary *scored[RUN_SOURCES];
    spur_rank_summary *ranked;
    spur_select_summary *selected;
    spur_features_summary *seen;  /* NULL without backbones */
    spur_retrain_summary *heads;  /* NULL without backbones */
    spur_retrain_summary *chosen; /* NULL unless wants_choice */
    spur_eval_summary *numbers;   /* NULL without backbones */
    spur_report_summary *pages;
} run_job;

/* What one call of a stage has to do. */
typedef struct run_forecast {
    uint64_t total, missing; /* of what `unit` says; missing 0: it is done */
    const char *unit;        /* "images" */
    double seconds;          /* about; NaN: not known */
    uint64_t bytes;          /* about: what the whole stage takes on the disk */
} run_forecast;

typedef struct run_stage {
    const char *name;
    /* How often the stage is run: once per dataset, or 0 when the job does not need it. */
    size_t (*count)(const run_job *job);
    spur_status (*run)(run_job *job, size_t i, const spur_monitor *monitor, spur_error *error);
    /* Is it done, and what would it do? Writes nothing. NULL: it is always done at once. */
    spur_status (*plan)(run_job *job, size_t i, run_forecast *out, spur_error *error);
    /* What has been done, in a few words; NULL: nothing to say. */
    void (*describe)(const run_job *job, size_t i, char note[RUN_NOTE_SIZE]);
    bool can_redo; /* a word of --redo */
} run_stage;

/* score, rank, select, features, retrain, choose, eval, report; ended by a stage without name.
 */
extern const run_stage run_table[];

/* Options of all stages at their defaults. */
void run_job_init(run_job *job);
void run_job_close(run_job *job);
/* Scoring options of the i-th dataset. */
spur_score_options run_source_options(const run_job *job, size_t i);
/* The dataset a stage's i-th call works on, for stages that are run once per dataset. */
const char *run_stage_subject(const run_stage *stage, const run_job *job, size_t i);

/* How many stages the tables (ended by NULL) make. */
size_t run_stages_count(const run_stage *const *tables, const run_job *job);
/* All of them in order, with progress "2/7 score val". */
spur_status run_stages_do(const run_stage *const *tables, run_job *job, terminal *screen,
                          spur_error *error) SPUR_MUST_USE;

/* Images that failed in scoring or in a backbone. */
uint64_t run_job_failed(const run_job *job);

#endif
