/*
 * features.c - the features stage: every image of a run through frozen backbones.
 *
 * Images are read as they were when they were scored. What can be wrong is found before
 * anything is written, and a second process is turned away before a backbone is loaded.
 */
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "io/file.h"
#include "models/head_names.h"
#include "pipeline/class_map.h"
#include "pipeline/features_network.h"
#include "pipeline/image_settings.h"
#include "pipeline/run.h"
#include "pipeline/split_way.h"

/* One backbone of a call. */
typedef struct member {
    backbone *model;
    spur_backbone_info info;
    store_backbone record;
    feature_network network;
    void **workers; /* [threads] */
    class_map classes;
} member;

/* Everything one call holds. */
typedef struct features_job {
    const char *path;
    const spur_features_options *options;
    const spur_monitor *monitor;
    spur_run *run;
    arena *texts;
    spur_image_options image;
    const char **splits; /* names */
    size_t split_count;
    member *members;
    size_t member_count;
    size_t threads;
    picture_gate *gate;
    spur_progress progress;
    spur_feature_set *sets; /* [member_count, split_count] */
    size_t set_count;
} features_job;

void spur_features_options_defaults(spur_features_options *options)
{
    memset(options, 0, sizeof *options);
    spur_backbone_options_defaults(&options->backbone);
}

static void member_close(member *block, size_t threads)
{
    for (size_t i = 0; block->workers != NULL && i < threads; i++) {
        block->network.worker_free(block->workers[i]);
    }
    memory_free(block->workers);
    memory_free(block->classes.outputs);
    backbone_close(block->model);
}

static void features_job_close(features_job *job)
{
    for (size_t i = 0; i < job->member_count; i++) {
        member_close(&job->members[i], job->threads);
    }
    memory_free(job->members);
    memory_free(job->sets);
    memory_free(job->splits);
    picture_gate_free(job->gate);
    arena_free(job->texts);
    spur_run_close(job->run);
}

/* ---- run ----------------------------------------------------------------------------- */

static spur_status keep_text(features_job *job, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status = arena_text(job->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status read_image_settings(features_job *job, spur_error *error)
{
    spur_status status;
    char *text = NULL;
    TRY(store_get_setting(job->run->db, "images", &text, error));
    TRY(image_settings_parse(text == NULL ? "" : text, &job->image, error));
done:
    memory_free(text);
    return status;
}

/* Names of the splits to do; their images make the total. */
static spur_status choose_splits(features_job *job, spur_error *error)
{
    spur_status status;
    const spur_run *run = job->run;
    const store_split *only = NULL;
    if (job->options->split != NULL) {
        TRY(run_find_split(run, job->options->split, &only, error));
    }
    TRY(memory_new(run->split_count, sizeof *job->splits, &job->splits, error));
    for (size_t i = 0; i < run->split_count; i++) {
        if (only == NULL || only == &run->splits[i]) {
            TRY(keep_text(job, run->splits[i].name, &job->splits[job->split_count], error));
            job->progress.total += run->splits[i].images * job->member_count;
            job->split_count++;
        }
    }
done:
    return status;
}

static spur_status open_run(features_job *job, spur_error *error)
{
    spur_status status;
    TRY(arena_new(&job->texts, error));
    TRY(run_open_writer(job->path, &job->run, error));
    TRY(read_image_settings(job, error));
    TRY(choose_splits(job, error));
done:
    return status;
}

/* ---- backbones ----------------------------------------------------------------------- */

static spur_status describe_member(features_job *job, member *one, spur_error *error)
{
    spur_status status;
    char *settings = NULL;
    const preprocess *recipe = backbone_preprocess(one->model);
    TRY(feature_settings(job->options->half,
                         recipe->order == SPUR_RESIZE_PILLOW13 ? "pillow13" : "pillow12",
                         &job->image, &settings, error));
    one->record = (store_backbone){.name = one->info.name,
                                   .architecture = one->info.architecture,
                                   .digest = one->info.digest,
                                   .preprocessing = one->info.preprocessing,
                                   .features = one->info.features,
                                   .classes = one->info.classes};
    TRY(keep_text(job, settings, &one->record.settings, error));
    one->network = feature_network_of(one->model);
done:
    memory_free(settings);
    return status;
}

static void show_warnings(const features_job *job, const spur_backbone_info *info)
{
    for (const char *const *at = info->warnings; at != NULL && *at != NULL; at++) {
        monitor_warn(job->monitor, *at);
    }
}

/* Two models of one name would share files. */
static spur_status check_name(const features_job *job, size_t i, spur_error *error)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(job->members[i].info.name, job->members[j].info.name) == 0) {
            return error_set(error, SPUR_USAGE,
                             "%s and %s are both named %s in the run; rename a folder",
                             job->members[j].info.path, job->members[i].info.path,
                             job->members[i].info.name);
        }
    }
    return SPUR_OK;
}

static spur_status open_members(features_job *job, const char *const *paths, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < job->member_count; i++) {
        member *one = &job->members[i];
        TRY(backbone_open(paths[i], &job->options->backbone, &one->model, error));
        backbone_describe(one->model, &one->info);
        show_warnings(job, &one->info);
        TRY(check_name(job, i, error));
        TRY(describe_member(job, one, error));
        TRY(class_map_make(job->run->classes, job->run->class_count, one->info.class_names,
                           one->info.classes, job->texts, &one->classes, error));
    }
done:
    return status;
}

static spur_status open_workers(features_job *job, spur_error *error)
{
    spur_status status;
    TRY(picture_gate_new(&job->gate, error));
    for (size_t i = 0; i < job->member_count; i++) {
        member *one = &job->members[i];
        TRY(memory_new_zeroed(job->threads, sizeof *one->workers, &one->workers, error));
        for (size_t t = 0; t < job->threads; t++) {
            TRY(one->network.worker_new(one->model, &one->workers[t], error));
        }
    }
done:
    return status;
}

static spur_status agree_with_run(features_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < job->member_count; i++) {
        TRY(features_agree(job->run->db, job->path, &job->members[i].record, job->splits,
                           job->split_count, job->options->restart, error));
    }
done:
    return status;
}

/* ---- the model's own head ------------------------------------------------------------ */

static bool is_written(const char *path, const char *model)
{
    head_file *from = NULL;
    bool is_same = file_kind_of(path) == FILE_REGULAR &&
                   head_file_open(path, &from, NULL) == SPUR_OK &&
                   head_file_note(from, "backbone_digest") != NULL &&
                   strcmp(head_file_note(from, "backbone_digest"), model) == 0;
    head_file_close(from);
    return is_same;
}

static spur_status write_head(const features_job *job, const member *one, spur_error *error)
{
    spur_status status;
    text_buffer path = {NULL, 0, 0}, names = {NULL, 0, 0};
    const spur_backbone_info *info = &one->info;
    const head *own = backbone_head(one->model);
    if (info->class_names != NULL) {
        TRY(head_names_list(info->class_names, info->classes, &names, error));
    }
    const char *const notes[] = {"format_version",   "1",           "subset",
                                 "original",         "backbone",    info->name,
                                 "backbone_digest",  info->digest,  "architecture",
                                 info->architecture, "class_names", names.data};
    size_t pairs = sizeof notes / sizeof notes[0] / 2 - (names.data == NULL ? 1 : 0);
    TRY(text_add(&path, job->path, strlen(job->path), error));
    TRY(text_format(&path, error, "/heads/%s", info->name));
    TRY(file_make_folder(path.data, error));
    TRY(text_add(&path, "/original.safetensors", 21, error));
    if (!is_written(path.data, info->digest)) {
        TRY(head_file_write(path.data, own, info->head_prefix, notes, pairs, error));
    }
done:
    text_buffer_free(&path);
    text_buffer_free(&names);
    return status;
}

/* ---- one backbone and split ---------------------------------------------------------- */

static spur_status count_failure(void *context, const store_feature_failure *failure,
                                 spur_error *error)
{
    (void)failure;
    (void)error;
    ++*(uint64_t *)context;
    return SPUR_OK;
}

static spur_status judge_set(features_job *job, member *one, const store_split *split,
                             const feature_rows *rows, spur_feature_set *set, spur_error *error)
{
    spur_status status;
    feature_layout layout = {.path = NULL};
    const store_backbone *known = features_find(job->run->db, one->record.name);
    TRY(feature_layout_make(job->path, known, split, &layout, error));
    const features_judging what = {.db = job->run->db,
                                   .layout = &layout,
                                   .backbone = known->name,
                                   .split = split->name,
                                   .rows = rows,
                                   .own = backbone_head(one->model),
                                   .outputs = one->classes.outputs,
                                   .threads = job->threads,
                                   .monitor = job->monitor,
                                   .progress = &job->progress};
    TRY(features_judge(&what, set, error));
    TRY(keep_text(job, layout.path, &set->path, error));
    set->matching = one->classes.how;
    TRY(store_each_feature_failure(job->run->db, known->name, split->name, count_failure,
                                   &set->failed, error));
done:
    feature_layout_free(&layout);
    return status;
}

static spur_status do_split(features_job *job, member *one, const store_split *split,
                            spur_error *error)
{
    spur_status status;
    feature_rows rows = {.texts = NULL};
    spur_feature_set *set = &job->sets[job->set_count];
    *set = (spur_feature_set){.backbone = one->record.name,
                              .architecture = one->record.architecture,
                              .preprocessing = one->record.preprocessing,
                              .settings = one->record.settings,
                              .digest = one->record.digest,
                              .split = split->name,
                              .features = one->record.features,
                              .images = split->images};
    spur_image_options how = job->image; /* of this split */
    TRY(feature_rows_read(job->run->db, split, &rows, error));
    TRY(split_border(job->run->db, split->name, &how.border, error));
    const feature_task task = {.db = job->run->db,
                               .run_folder = job->path,
                               .backbone = features_find(job->run->db, one->record.name),
                               .split = split,
                               .network = &one->network,
                               .rows = &rows,
                               .image = &how,
                               .gate = job->gate,
                               .threads = job->threads,
                               .workers = one->workers,
                               .strict = job->options->strict,
                               .keep_going = job->options->keep_going,
                               .monitor = job->monitor,
                               .progress = &job->progress,
                               .skipped = &set->skipped};
    TRY(feature_feed(&task, error));
    TRY(judge_set(job, one, split, &rows, set, error));
    job->set_count++;
done:
    feature_rows_free(&rows);
    return status;
}

/* No table changes any more: pointers into the store stay. */
static spur_status do_all(features_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    TRY(memory_new(job->member_count * job->split_count, sizeof *job->sets, &job->sets, error));
    TRY(store_get_splits(job->run->db, &job->run->splits, &job->run->split_count, error));
    for (size_t i = 0; i < job->member_count; i++) {
        if (job->members[i].info.classes > 0) {
            TRY(write_head(job, &job->members[i], error));
        }
        for (size_t s = 0; s < job->split_count; s++) {
            const store_split *split = NULL;
            TRY(run_find_split(job->run, job->splits[s], &split, error));
            TRY(do_split(job, &job->members[i], split, error));
        }
    }
done:
    return status;
}

/* ---- the stage ----------------------------------------------------------------------- */

static spur_status check_arguments(const features_job *job, spur_error *error)
{
    return job->path == NULL || job->member_count == 0
               ? error_set(error, SPUR_USAGE, "a run folder and a backbone are needed")
               : SPUR_OK;
}

static spur_status run_job(features_job *job, const char *const *paths, spur_error *error)
{
    spur_status status;
    TRY(open_run(job, error));
    TRY(open_members(job, paths, error));
    TRY(agree_with_run(job, error));
    TRY(open_workers(job, error));
    TRY(do_all(job, error));
done:
    return status;
}

spur_status spur_features(const char *run, const char *const *backbones, size_t count,
                          const spur_features_options *options, const spur_monitor *monitor,
                          spur_features_summary **summary, spur_error *error)
{
    spur_status status;
    spur_features_options defaults;
    spur_features_options_defaults(&defaults);
    features_job job = {.path = run,
                        .options = options == NULL ? &defaults : options,
                        .monitor = monitor,
                        .progress = {.stage = "features"}};
    job.threads = job.options->threads == 0 ? parallel_processors() : job.options->threads;
    TRY(memory_new_zeroed(count, sizeof *job.members, &job.members, error));
    job.member_count = count;
    TRY(check_arguments(&job, error));
    TRY(run_job(&job, backbones, error));
    TRY(summary == NULL
            ? SPUR_OK
            : features_summarise(job.sets, job.set_count, job.threads, summary, error));
done:
    features_job_close(&job);
    return status;
}
