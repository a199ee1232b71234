/*
 * command_run.c - spur run: from images to numbers and pages in one command that continues.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/eval_noise.h"
#include "cli/fail_if.h"
#include "cli/failures.h"
#include "cli/option_groups.h"
#include "cli/run_plan.h"
#include "cli/run_preset.h"
#include "cli/run_report.h"
#include "cli/stage_options.h"

static const option run_options_table[] = {
    {"out", 'o', OPTION_PATH, "RUN", "run folder; made when missing, continued when not",
     false},
    {"val", 0, OPTION_PATH, "DATA", "images to evaluate on", false},
    {"val-labels", 0, OPTION_PATH, "FILE", "as --labels, for a flat folder of --val", false},
    {"ood", 0, OPTION_TEXT, "NAME=DATA",
     "a set out of distribution, as split ood:NAME; may be repeated", false},
    {"ood-map", 0, OPTION_TEXT, "NAME=FILE",
     "class map of that set, as spur score --class-map; may be repeated", false},
    {"detector", 'd', OPTION_PATH, "MODEL", "model folder or hub id (default $SPUR_DETECTOR)",
     false},
    {"backbone", 'b', OPTION_PATH, "MODEL",
     "model folder, weight file or hub id; may be repeated (default $SPUR_BACKBONE)", false},
    PRESET_OPTION,
    FAIL_IF_OPTION,
    {"seed", 0, OPTION_COUNT, "S", "of everything random (default 0)", false},
    {"half", 0, OPTION_FLAG, NULL, "store features as float16 instead of float32", false},
    {"threads", 'j', OPTION_COUNT, "N", "worker threads (default all processors)", false},
    {"dry-run", 'n', OPTION_FLAG, NULL,
     "say what is missing, how long it takes and how much disk; write nothing", false},
    {"redo", 0, OPTION_CHOICE, "select|features|retrain",
     "make this stage's results again, and later ones where they differ; scores stay", false},
    {"restart", 'f', OPTION_FLAG, NULL,
     "drop everything an earlier call made first, scores too", false},
    {"max-bad", 0, OPTION_COUNT, "N", "up to N failed images still exit with 0", false},
    {"strict", 0, OPTION_FLAG, NULL, "stop at the first failed image", false},
    {"keep-going", 0, OPTION_FLAG, NULL, "do not give up after 1000 failures in a row", false},
    {0}};
static const option_group run_options = {"Run", run_options_table};
static const option_group *const run_groups[] = {
    &run_options,      &subset_options,   &naming_options,
    &recipe_options,   &auto_options,     &sets_group,
    &controls_group,   &noise_group,      &audit_group,
    &scoring_options,  &data_options,     &image_options,
    &backbone_options, &detector_options, &json_options,
    &progress_options, &screen_options,   NULL};

/* ---- datasets --------------------------------------------------------------------------- */

static spur_status add_source(run_job *job, const char *data, const char *split,
                              spur_error *error)
{
    if (job->source_count == RUN_SOURCES) {
        return failure_set(error, SPUR_USAGE, "at most %d datasets in one run", RUN_SOURCES);
    }
    for (size_t i = 0; i < job->source_count; i++) {
        if (strcmp(job->sources[i].split, split) == 0) {
            return failure_set(error, SPUR_USAGE,
                               "split %s is given twice; every dataset needs its own", split);
        }
    }
    job->sources[job->source_count++] = (run_source){.data = data, .split = split};
    return SPUR_OK;
}

/* "NAME=DATA" as a dataset with the split ood:NAME; *name is new memory. */
static spur_status add_ood(run_job *job, const char *text, char **name, spur_error *error)
{
    static const char prefix[] = "ood:";
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return failure_set(error, SPUR_USAGE, "--ood: expected NAME=DATA, not '%s'", text);
    }
    size_t length = (size_t)(equals - text);
    *name = malloc(sizeof prefix + length);
    if (*name == NULL) {
        return failure_no_memory(error);
    }
    memcpy(*name, prefix, sizeof prefix - 1);
    memcpy(*name + sizeof prefix - 1, text, length);
    (*name)[sizeof prefix - 1 + length] = '\0';
    return add_source(job, equals + 1, *name, error);
}

/* "NAME=FILE" for the set of that name. */
static spur_status add_map(run_job *job, const char *text, spur_error *error)
{
    static const char prefix[] = "ood:";
    const char *equals = strchr(text, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - text);
    if (length == 0 || equals[1] == '\0') {
        return failure_set(error, SPUR_USAGE, "--ood-map: expected NAME=FILE, not '%s'", text);
    }
    for (size_t i = 0; i < job->source_count; i++) {
        const char *split = job->sources[i].split;
        if (strncmp(split, prefix, sizeof prefix - 1) == 0 &&
            strlen(split) == sizeof prefix - 1 + length &&
            strncmp(split + sizeof prefix - 1, text, length) == 0) {
            job->sources[i].class_map = equals + 1;
            return SPUR_OK;
        }
    }
    return failure_set(error, SPUR_USAGE, "--ood-map %s: no --ood has that name", text);
}

static spur_status read_sources(const arguments *from, run_job *job, char *names[RUN_SOURCES],
                                spur_error *error)
{
    spur_status status;
    const char *texts[RUN_SOURCES];
    size_t count = argument_list(from, "ood", texts, RUN_SOURCES);
    const char *val = argument_text(from, "val");
    const char *train = job->score.data.split == NULL ? "train" : job->score.data.split;
    if (count > RUN_SOURCES) {
        FAIL(SPUR_USAGE, "--ood: at most %d sets", RUN_SOURCES);
    }
    if (val == NULL && argument_text(from, "val-labels") != NULL) {
        FAIL(SPUR_USAGE, "--val-labels needs --val DATA");
    }
    TRY(add_source(job, argument_word(from, 0), train, error));
    job->sources[0].labels = argument_text(from, "labels");
    job->sources[0].are_devkit = argument_flag(from, "devkit") && argument_flag(from, "labels");
    if (val != NULL) {
        TRY(add_source(job, val, "val", error));
        run_source *source = &job->sources[1];
        source->labels = argument_text(from, "val-labels");
        source->are_devkit = argument_flag(from, "devkit") && source->labels != NULL;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(add_ood(job, texts[i], &names[i], error));
    }
    count = argument_list(from, "ood-map", texts, RUN_SOURCES);
    for (size_t i = 0; i < count && i < RUN_SOURCES; i++) {
        TRY(add_map(job, texts[i], error));
    }
done:
    return status;
}

/* ---- options ---------------------------------------------------------------------------- */

/* What options point to: as long as the job. */
typedef struct kept_values {
    double C[C_MOST];
    noise_arguments noise;
    const char *confounds[MOST_CONFOUNDS];
    char *names[RUN_SOURCES]; /* of splits */
} kept_values;

/* With the models of the other stages. */
static spur_status read_evaluation(const arguments *from, kept_values *kept, run_job *job,
                                   spur_error *error)
{
    spur_status status;
    TRY(read_eval_options(from, &job->eval, error));
    job->eval.backbone = NULL;
    job->eval.split = NULL;
    job->eval.noise_models = job->backbones;
    job->eval.noise_model_count = job->backbone_count;
    if (argument_flag(from, "noise") && job->backbone_count == 0) {
        FAIL(SPUR_USAGE, "--noise needs --backbone MODEL");
    }
    TRY(read_confounds(from, kept->confounds, &job->eval, error));
    run_preset_apply(from, job);
    TRY(read_noise_options(from, &kept->noise, &job->eval, error));
done:
    return status;
}

/* Subsets and last layers that are there with the same settings stay in any case. */
static void read_redo(const arguments *from, run_job *job)
{
    enum redo {
        REDO_SELECT,
        REDO_FEATURES,
        REDO_RETRAIN
    };
    if (argument_flag(from, "redo")) {
        size_t first = argument_choice(from, "redo", REDO_RETRAIN);
        job->select.restart = job->select.restart || first == REDO_SELECT;
        job->features.restart = first == REDO_FEATURES;
        job->retrain.restart = true;
    }
}

static spur_status read_options(const arguments *from, double *values, run_job *job,
                                spur_error *error)
{
    spur_status status;
    TRY(read_score_options(from, &job->score, error));
    read_select_options(from, &job->select);
    TRY(read_features_options(from, &job->features, error));
    TRY(read_retrain_options(from, values, &job->retrain, error));
    job->report.seed = argument_whole(from, "seed", job->report.seed);
    job->report.threads = job->score.threads;
    /* These names mean something else on their own command's line. */
    job->retrain.backbone = NULL;
    job->retrain.subsets = NULL;
    job->wants_choice = job->retrain.automatic;
    job->retrain.automatic = false;
    job->select.split = argument_text(from, "split");
    job->features.split = NULL;
    job->score.restart = job->features.restart = false;
    job->is_restarted = argument_flag(from, "restart");
    job->select.restart = job->retrain.restart = job->is_restarted;
    read_redo(from, job);
done:
    return status;
}

static spur_status read_job(const arguments *from, kept_values *kept, run_job *job,
                            spur_error *error)
{
    spur_status status;
    run_job_init(job);
    job->has_redo = true;
    job->run = argument_text(from, "out");
    if (job->run == NULL) {
        FAIL(SPUR_USAGE, "no run folder: give --out RUN");
    }
    TRY(fail_if_parse(from, error));
    TRY(read_options(from, kept->C, job, error));
    TRY(read_sources(from, job, kept->names, error));
    TRY(read_detector_path(from, &job->detector, error));
    if (argument_flag(from, "backbone") || getenv("SPUR_BACKBONE") != NULL) {
        TRY(read_backbone_paths(from, job->backbones, RUN_BACKBONES, &job->backbone_count,
                                error));
    }
    TRY(read_evaluation(from, kept, job, error));
done:
    return status;
}

/* ---- the command ------------------------------------------------------------------------ */

static spur_status show_failures(const run_job *job, terminal *screen, spur_error *error)
{
    spur_status status;
    spur_run *run = NULL;
    failure_list list = {.screen = screen};
    TRY(spur_run_open(job->run, &run, error));
    TRY(spur_run_failures(run, failures_visit, &list, error));
    failures_end(screen, list.seen);
done:
    spur_run_close(run);
    return status;
}

static spur_status check_conditions(const arguments *from, const run_job *job,
                                    spur_error *error)
{
    if (job->numbers == NULL) {
        return failure_set(error, SPUR_USAGE,
                           "--fail-if needs numbers, and those a --backbone MODEL");
    }
    return fail_if_check(from, job->numbers, error);
}

/* Without another split the accuracies look better than they are. */
static void warn_of_train(const run_job *job, terminal *screen)
{
    bool is_alone = job->numbers != NULL && job->source_count == 1;
    for (size_t c = 0; is_alone && c < job->ranked->class_count; c++) {
        is_alone = strcmp(job->ranked->classes[c].split, job->ranked->classes[0].split) == 0;
    }
    if (is_alone) {
        terminal_warn(screen,
                      "no --val: these accuracies are of split %s, which holds the images "
                      "the last layers were trained on",
                      job->ranked->classes[0].split);
    }
}

static spur_status finish(const arguments *from, const run_job *job, terminal *screen,
                          spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t failed = run_job_failed(job);
    if (argument_flag(from, "json")) {
        run_report_json(job);
    } else {
        run_report_print(job, screen);
    }
    if (failed > 0) {
        TRY(show_failures(job, screen, error));
    }
    warn_of_train(job, screen);
    select_show_warnings(job->selected, screen);
    for (size_t i = 0; i < job->source_count; i++) {
        score_show_warnings(job->scored[i], &job->score.image, screen);
    }
    if (argument_flag(from, "fail-if")) {
        TRY(check_conditions(from, job, error));
    }
    status = failure_of_images(failed, argument_whole(from, "max-bad", 0), error);
done:
    return status;
}

static spur_status run_run(const arguments *from, terminal *screen, spur_error *error)
{
    static const run_stage *const tables[] = {run_table, NULL};
    spur_status status;
    kept_values kept = {.names = {NULL}};
    run_job job;
    TRY(read_job(from, &kept, &job, error));
    if (argument_flag(from, "dry-run")) {
        status = run_plan_print(tables, &job, argument_flag(from, "json"), error);
        goto done;
    }
    TRY(run_stages_do(tables, &job, screen, error));
    TRY(finish(from, &job, screen, error));
done:
    run_job_close(&job);
    for (size_t i = 0; i < RUN_SOURCES; i++) {
        free(kept.names[i]);
    }
    return status;
}

const command run_command = {
    .name = "run",
    .usage = "TRAIN --out RUN [--val DATA] [--ood NAME=DATA]... [OPTION]...",
    .summary = "the whole pipeline, from images to pages; continues where it stopped",
    .description =
        "Scores TRAIN, --val and every --ood set, ranks them, selects subsets of TRAIN, "
        "computes the backbones' features, trains last layers on the subsets, evaluates "
        "them and writes the pages of RUN/report: what the commands score, rank, select, "
        "features, retrain, eval and report do, with their options. Data may "
        "be anything spur score takes; of a manifest with a column split one TRAIN is "
        "enough.\n\n"
        "The same line again goes on where the last one stopped, also after kill -9, and does "
        "nothing when nothing is missing. With --dry-run nothing is written: it says what is "
        "missing, about how long that takes here, and how much disk it needs.\n\n"
        "--fail-if asks the numbers of RUN/metrics.json, as in gap>8,p<.01: gaps are in "
        "points, "
        "accuracies fractions or with %. A short name means every split, backbone and head, "
        "and "
        "all terms must hold for the same one; a whole key, where * stands for one part, means "
        "just that.",
    .examples = "  spur run train/ --val val/ --out run -d google/owlvit-base-patch32 -b net\n"
                "  spur run list.csv --out run --preset quick --dry-run\n"
                "  spur run train/ --val val/ --ood sketch=sketch/ --out run\n"
                "  spur run train/ --val val/ --out run -q --fail-if 'gap>8,p<.01'\n",
    .groups = run_groups,
    .least = 1,
    .most = 1,
    .is_resumable = true,
    .run = run_run};
