/*
 * score.c - the score stage: every image of a dataset becomes one row of the run.
 *
 * The order matters: what can be wrong is found before anything is written, and a second
 * process is turned away before the detector is loaded.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"
#include "io/file.h"
#include "models/model_folder.h"
#include "pipeline/score_job.h"

enum {
    PATH_SIZE = 4096
};

void spur_score_options_defaults(spur_score_options *options)
{
    memset(options, 0, sizeof *options);
    spur_data_options_defaults(&options->data);
    spur_image_options_defaults(&options->image);
    spur_detector_options_defaults(&options->detector);
    options->aggregate = SPUR_AGGREGATE_MAX;
}

void score_log(const score_job *job, spur_log_level level, const char *format, ...)
{
    if (job->monitor == NULL || job->monitor->log == NULL) {
        return;
    }
    char raw[1000];
    char safe[1000];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_escape(raw, strlen(raw), safe, sizeof safe);
    job->monitor->log(job->monitor->context, level, safe);
}

static void score_job_close(score_job *job)
{
    for (size_t i = 0; job->scorers != NULL && i < job->threads; i++) {
        scorer_free(job->scorers[i]);
    }
    memory_free(job->scorers);
    picture_gate_free(job->gate);
    memory_free(job->queries);
    memory_free(job->classes);
    arena_free(job->texts);
    detector_close(job->model);
    memory_free(job->model_folder);
    prompts_free(job->templates);
    manifest_free(job->rows);
    store_close(job->db);
}

/* ---- what can be refused at once ----------------------------------------------------- */

static spur_status check_arguments(const score_job *job, spur_error *error)
{
    if (job->data == NULL || job->run == NULL || job->detector_path == NULL) {
        return error_set(error, SPUR_USAGE,
                         "a dataset, a run folder and a detector are needed");
    }
    if ((unsigned)job->options->aggregate > SPUR_AGGREGATE_NOISY_OR) {
        return error_set(error, SPUR_USAGE, "unknown aggregate %d",
                         (int)job->options->aggregate);
    }
    return SPUR_OK;
}

/* A run folder that could not be made or written is refused before any work. */
static spur_status check_output(const char *run, spur_error *error)
{
    char path[PATH_SIZE];
    if (strlen(run) >= sizeof path) {
        return error_set(error, SPUR_RESOURCE, "%s: the path is too long", run);
    }
    text_copy(run, path, sizeof path);
    for (;;) {
        enum file_kind kind = file_kind_of(path[0] == '\0' ? "." : path);
        if (kind == FILE_FOLDER) {
            break;
        }
        if (kind != FILE_MISSING) {
            return error_set(error, SPUR_RESOURCE,
                             "%s: is not a folder; give --out a folder, or a name that is free",
                             path);
        }
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            path[0] = '\0';
        } else {
            *(slash == path ? slash + 1 : slash) = '\0';
        }
    }
    if (access(path[0] == '\0' ? "." : path, W_OK | X_OK) != 0) {
        return error_set(error, SPUR_RESOURCE, "%s: the folder cannot be written",
                         path[0] == '\0' ? "." : path);
    }
    return SPUR_OK;
}

/* ---- run folder, dataset ------------------------------------------------------------- */

/* An existing run is opened first: another writer is found before the detector is loaded. */
static spur_status open_run(score_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (!job->options->dry_run) {
        TRY(check_output(job->run, error));
    }
    if (store_exists(job->run)) {
        TRY(job->options->dry_run
                ? store_open(job->run, &job->db, error)
                : store_open_writer(job->run, STORE_JOURNAL_AUTO, &job->db, error));
    }
done:
    return status;
}

/* True when the run has splits that this call does not replace. */
static bool has_other_splits(score_job *job)
{
    const store_split *splits = NULL;
    size_t count = 0;
    if (job->db == NULL || store_get_splits(job->db, &splits, &count, NULL) != SPUR_OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_here = false;
        for (size_t j = 0; j < job->rows->split_count; j++) {
            is_here = is_here || strcmp(splits[i].name, job->rows->splits[j].name) == 0;
        }
        if (!is_here) {
            return true;
        }
    }
    return false;
}

static spur_status read_rows(score_job *job, bool use_run, spur_error *error)
{
    spur_status status;
    const store_class *classes = NULL;
    size_t count = 0;
    size_t embedding;
    manifest_known *known = NULL;
    if (use_run && job->db != NULL) {
        TRY(store_get_classes(job->db, &classes, &count, &embedding, error));
    }
    TRY(memory_new(count, sizeof *known, &known, error));
    for (size_t i = 0; i < count; i++) {
        known[i] = (manifest_known){classes[i].label, classes[i].name};
    }
    manifest_free(job->rows);
    job->rows = NULL;
    TRY(manifest_read(job->data, &job->options->data, known, count, &job->rows, error));
done:
    memory_free(known);
    return status;
}

/* What the splits of this dataset have that others do not. */
static spur_status find_way(score_job *job, spur_error *error)
{
    size_t border = job->options->data.border;
    split_way *way = &job->way;
    way->rule = job->rows->rule;
    way->border = border == SPUR_BORDER_OF_RULE ? ood_rule_border(way->rule) : border;
    way->excluded_classes = job->rows->excluded_classes;
    way->excluded_images = job->rows->excluded_images;
    memcpy(way->class_map, job->rows->map_digest, sizeof way->class_map);
    job->image = job->options->image;
    job->image.border = way->border;
    return way->border <= SPLIT_WAY_MOST_BORDER
               ? SPUR_OK
               : error_set(error, SPUR_USAGE, "border: at most %d pixels",
                           (int)SPLIT_WAY_MOST_BORDER);
}

/* Labels mean the run's classes, unless all its splits are about to be replaced. */
static spur_status open_data(score_job *job, spur_error *error)
{
    spur_status status;
    TRY(read_rows(job, !job->options->restart, error));
    if (job->options->restart && has_other_splits(job) && strcmp(job->data, "-") != 0) {
        TRY(read_rows(job, true, error));
    }
    for (size_t i = 0; i < job->rows->warning_count; i++) {
        score_log(job, SPUR_LOG_WARNING, "%s", job->rows->warnings[i]);
    }
    TRY(find_way(job, error));
done:
    return status;
}

/* ---- detector ------------------------------------------------------------------------ */

static spur_status check_model(const score_job *job, spur_error *error)
{
    if (job->options->objectness && !detector_has_objectness(job->model)) {
        return error_set(error, SPUR_USAGE, "objectness: %s has none; OWLv2 models do",
                         detector_model_type(job->model));
    }
    if (job->options->margin &&
        (job->rows->class_count < 2 || job->rows->class_count > SCORER_ALL_CLASSES)) {
        return error_set(error, SPUR_USAGE, "margin needs 2 to %d classes, there are %zu",
                         SCORER_ALL_CLASSES, job->rows->class_count);
    }
    return SPUR_OK;
}

static spur_status open_model(score_job *job, spur_error *error)
{
    spur_status status;
    TRY(model_folder_resolve(job->detector_path, &job->model_folder, error));
    spur_detector_options options = job->options->detector;
    options.without_digest = false; /* the run records it */
    TRY(detector_open(job->model_folder, &options, &job->model, error));
    TRY(check_model(job, error));
    for (const char *const *at = detector_warnings(job->model); *at != NULL; at++) {
        score_log(job, SPUR_LOG_WARNING, "%s", *at);
    }
done:
    return status;
}

static size_t choose_threads(const score_job *job)
{
    size_t threads = job->options->threads == 0 ? parallel_processors() : job->options->threads;
    size_t useful = job->rows->count / STORE_BATCH_ROWS + job->rows->split_count;
    return threads < useful ? threads : useful;
}

/* ---- agreement with the run
 * ------------------------------------------------------------------ */

/* True when the run holds classes that stay. */
static spur_status has_classes(const score_job *job, bool *out, spur_error *error)
{
    const store_class *classes;
    size_t count;
    size_t embedding;
    *out = false;
    if (job->db == NULL) {
        return SPUR_OK;
    }
    spur_status status = store_get_classes(job->db, &classes, &count, &embedding, error);
    *out = status == SPUR_OK && count > 0;
    return status;
}

static spur_status drop_splits(score_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; job->db != NULL && i < job->rows->split_count; i++) {
        TRY(store_drop_split(job->db, job->rows->splits[i].name, error));
    }
done:
    return status;
}

/* A dry run that would restart looks at the dataset as if the run were new. */
static spur_status agree_with_run(score_job *job, spur_error *error)
{
    spur_status status;
    bool is_there;
    TRY(score_make_settings(job, error));
    if (job->options->restart && job->options->dry_run && !has_other_splits(job)) {
        store_close(job->db);
        job->db = NULL;
    }
    TRY(has_classes(job, &job->is_encoded, error));
    if (job->options->restart && !has_other_splits(job)) {
        job->is_encoded = false;
    }
    TRY(job->is_encoded ? score_compare_run(job, error) : SPUR_OK);
    for (size_t i = 0; job->is_encoded && !job->options->restart && i < job->rows->split_count;
         i++) {
        TRY(score_compare_split(job, &job->rows->splits[i], &is_there, error));
    }
    TRY(job->options->restart && !job->options->dry_run ? drop_splits(job, error) : SPUR_OK);
done:
    return status;
}

/* The folder in which relative file names are, for the stages that read images again. */
static void find_root(const score_job *job, char root[PATH_SIZE])
{
    const char *from = job->rows->root[0] == '\0' ? "." : job->rows->root;
    if (realpath(from, root) == NULL) {
        text_copy(from, root, PATH_SIZE);
    }
}

static spur_status put_splits(score_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    char root[PATH_SIZE];
    find_root(job, root);
    for (size_t i = 0; i < job->rows->split_count; i++) {
        const manifest_split *split = &job->rows->splits[i];
        store_split entry = {split->name, root, split->digest, split->count};
        bool is_there;
        TRY(score_compare_split(job, split, &is_there, error));
        if (!is_there) {
            TRY(split_way_save(job->db, split->name, &job->way, error));
            TRY(store_put_split(job->db, &entry, error));
        }
    }
done:
    return status;
}

/* Makes the run folder when it is new, and writes what all its rows share. */
static spur_status prepare_run(score_job *job, spur_error *error)
{
    spur_status status;
    bool is_there;
    if (job->db == NULL) {
        TRY(store_open_writer(job->run, STORE_JOURNAL_AUTO, &job->db, error));
    }
    TRY(has_classes(job, &is_there, error));
    if (!is_there) {
        TRY(store_put_run(job->db, job->settings, job->setting_count, job->classes,
                          job->rows->class_count, job->embedding, error));
    }
    TRY(put_splits(job, error));
done:
    return status;
}

/* ---- the stage ----------------------------------------------------------------------- */

static spur_status plan(score_job *job, spur_error *error)
{
    spur_status status;
    TRY(check_arguments(job, error));
    TRY(arena_new(&job->texts, error));
    TRY(prompts_read(job->options->prompts, &job->templates, error));
    TRY(open_run(job, error));
    TRY(open_data(job, error));
    TRY(open_model(job, error));
    job->threads = choose_threads(job);
    TRY(agree_with_run(job, error));
    TRY(score_open_workers(job, error));
    TRY(score_make_queries(job, error));
done:
    return status;
}

static spur_status run_job(score_job *job, double *seconds, spur_error *error)
{
    spur_status status;
    TRY(plan(job, error));
    if (job->options->dry_run) {
        TRY(score_count_done(job, error));
        TRY(score_probe(job, seconds, error));
    } else {
        TRY(prepare_run(job, error));
        TRY(score_count_done(job, error));
        TRY(score_feed(job, error));
    }
done:
    return status;
}

spur_status spur_score(const char *data, const char *run, const char *detector_path,
                       const spur_score_options *options, const spur_monitor *monitor,
                       spur_score_summary **summary, spur_error *error)
{
    spur_status status;
    spur_score_options defaults;
    double seconds = 0.0;
    spur_score_options_defaults(&defaults);
    score_job job = {.data = data,
                     .run = run,
                     .detector_path = detector_path,
                     .options = options == NULL ? &defaults : options,
                     .monitor = monitor};
    TRY(run_job(&job, &seconds, error));
    TRY(summary == NULL ? SPUR_OK : score_summarise(&job, seconds, summary, error));
done:
    score_job_close(&job);
    return status;
}
