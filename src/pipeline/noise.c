/*
 * noise.c - noise in the object's box and around it: which images, which networks, and their
 * outcomes into the run.
 */
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "io/file.h"
#include "pipeline/evaluate.h"
#include "pipeline/features_network.h"
#include "pipeline/image_settings.h"
#include "pipeline/noise_job.h"
#include "pipeline/noise_mask.h"
#include "pipeline/split_way.h"

enum {
    USUAL_TRIALS = 3,
    MASK_BYTES = 1 << 28 /* of a file, at most */
};

/* ---- images ------------------------------------------------------------------------------ */

static spur_status make_plan(noise_job *job, spur_error *error)
{
    spur_status status;
    const spur_eval_options *options = job->options;
    TRY(noise_plan_make(
        options->noise_kind, options->noise_strengths, options->noise_strength_count,
        options->noise_trials == 0 ? USUAL_TRIALS : options->noise_trials, &job->plan, error));
    job->plan.clamp = !options->noise_no_clamp;
    job->plan.seed = options->seed;
    job->plan.limit = options->noise_limit;
    if (job->run->class_count > NOISE_CLASSES) {
        FAIL(SPUR_USAGE, "noise is evaluated for at most %d classes, the run has %zu",
             NOISE_CLASSES, job->run->class_count);
    }
done:
    return status;
}

static spur_status add_image(digest *into, const feature_row *row, spur_error *error)
{
    spur_status status;
    const uint64_t numbers[] = {row->width, row->height, row->class_index};
    TRY(digest_add(into, row->id, sizeof row->id, error));
    TRY(digest_add(into, row->digest, sizeof row->digest, error));
    TRY(digest_add(into, row->box, sizeof row->box, error));
    TRY(digest_add(into, numbers, sizeof numbers, error));
done:
    return status;
}

/* The union of boxes is asked for, and what it needs is there. */
static spur_status check_boxes(const spur_eval_options *options, spur_error *error)
{
    spur_status status = SPUR_OK;
    double least = options->noise_boxes;
    if (!(least > 0.0 && least < 1.0)) {
        FAIL(SPUR_USAGE, "boxes of probability %g are not of one between 0 and 1", least);
    }
    if (options->noise_masks != NULL) {
        FAIL(SPUR_USAGE, "masks are either of boxes or of pictures in %s",
             options->noise_masks);
    }
    if (options->detector == NULL) {
        FAIL(SPUR_USAGE, "a union of boxes needs the run's detector again: give --detector "
                         "MODEL");
    }
done:
    return status;
}

/* A mask's bytes belong to what outcomes depend on; a missing one is found before any work. */
static spur_status add_mask(const noise_job *job, const feature_row *row, digest *into,
                            spur_error *error)
{
    spur_status status;
    char *path = NULL;
    unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(noise_mask_path(job->options->noise_masks, row->file_name, &path, error));
    status = file_load(path, MASK_BYTES, SPUR_DATASET, &bytes, &size, error);
    if (status != SPUR_OK) {
        error_prefix(error, "mask %s", path);
        goto done;
    }
    TRY(digest_add(into, bytes, size, error));
done:
    memory_free(bytes);
    memory_free(path);
    return status;
}

static spur_status digest_images(noise_job *job, const char *settings, spur_error *error)
{
    spur_status status;
    digest *into = NULL;
    TRY(digest_new(&into, error));
    TRY(digest_add(into, settings, strlen(settings) + 1, error));
    TRY(job->options->noise_boxes == 0.0 ? SPUR_OK
                                         : score_recall_digest(job->run, into, error));
    for (size_t i = 0; i < job->images.count; i++) {
        TRY(add_image(into, job->images.rows[i], error));
        TRY(job->options->noise_masks == NULL
                ? SPUR_OK
                : add_mask(job, job->images.rows[i], into, error));
    }
    TRY(digest_finish(into, job->images_digest, error));
done:
    digest_free(into);
    return status;
}

static spur_status open_images(noise_job *job, spur_error *error)
{
    spur_status status;
    char *text = NULL;
    TRY(experiment_split(job->run, job->options->noise_split, job->options->split, &job->split,
                         error));
    TRY(store_get_setting(job->run->db, "images", &text, error));
    TRY(image_settings_parse(text == NULL ? "" : text, &job->image, error));
    TRY(split_border(job->run->db, job->split->name, &job->image.border, error));
    TRY(feature_rows_read(job->run->db, job->split, &job->rows, error));
    TRY(experiment_choose(&job->rows, job->plan.limit, job->plan.seed, &job->images, error));
    TRY(digest_images(job, text == NULL ? "" : text, error));
    if (job->images.count == 0) {
        FAIL(SPUR_DATASET, "split %s has no scored image to add noise to", job->split->name);
    }
done:
    memory_free(text);
    return status;
}

/* ---- one backbone ------------------------------------------------------------------------ */

/* The backbone of the run that the model is; SPUR_DATASET with the difference. */
static spur_status match_backbone(const noise_job *job, const spur_backbone_info *info,
                                  const store_backbone **out, spur_error *error)
{
    const store_backbone *known = features_find(job->run->db, info->name);
    if (known == NULL) {
        return error_set(error, SPUR_DATASET,
                         "%s: the run has no features of a backbone %s; make them with `spur "
                         "features %s --backbone %s`",
                         info->path, info->name, job->run->folder, info->path);
    }
    if (strcmp(known->digest, info->digest) != 0) {
        return error_set(error, SPUR_DATASET,
                         "%s: its weights are not those the run's features of %s were made "
                         "with (digest %.16s, the run has %.16s); give that model",
                         info->path, info->name, info->digest, known->digest);
    }
    if (strcmp(known->preprocessing, info->preprocessing) != 0) {
        return error_set(error, SPUR_DATASET,
                         "%s: preprocessing \"%s\", the run's features were made with \"%s\"; "
                         "give the same --preprocessing and --resize",
                         info->path, info->preprocessing, known->preprocessing);
    }
    *out = known;
    return SPUR_OK;
}

/* Noise is defined on pixels from 0 to 1. */
static spur_status check_pixels(const preprocess *recipe, const char *path, spur_error *error)
{
    double top = recipe->rescale ? 255.0 * recipe->rescale_factor : 255.0;
    return top > 1.0 - 1e-6 && top < 1.0 + 1e-6
               ? SPUR_OK
               : error_set(error, SPUR_MODEL,
                           "%s: its pixels go to %g before they are normalised; noise is "
                           "defined on 0 to 1",
                           path, top);
}

typedef struct crew {
    noise_worker **workers; /* [threads] */
    size_t count;
} crew;

static spur_status crew_open(const noise_task *task, size_t threads, crew *out,
                             spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(threads, sizeof *out->workers, &out->workers, error));
    out->count = threads;
    for (size_t i = 0; i < threads; i++) {
        TRY(noise_worker_new(task, &out->workers[i], error));
    }
done:
    return status;
}

static void crew_close(crew *block)
{
    for (size_t i = 0; i < block->count; i++) {
        noise_worker_free(block->workers[i]);
    }
    memory_free(block->workers);
}

static spur_status crew_work(void *context, size_t worker, experiment_block *block,
                             const atomic_bool *cancelled, spur_error *error)
{
    const crew *all = context;
    return noise_worker_run(all->workers[worker], block, cancelled, error);
}

static spur_status run_subject(noise_job *job, const backbone *model,
                               const noise_subject *subject, spur_error *error)
{
    spur_status status;
    crew all = {NULL, 0};
    const feature_network network = feature_network_of(model);
    const noise_task task = {.plan = &job->plan,
                             .network = &network,
                             .heads = subject->heads,
                             .head_count = subject->head_count,
                             .source = {job->gate, job->split->root, &job->image},
                             .way = {job->options->noise_masks,
                                     job->scoring.model == NULL ? NULL : &job->scoring.task,
                                     job->options->noise_boxes}};
    TRY(crew_open(&task, job->threads, &all, error));
    const experiment what = {.db = job->run->db,
                             .record = noise_subject_record(job, subject),
                             .images = &job->images,
                             .row_bytes = subject->row_bytes,
                             .threads = job->threads,
                             .context = &all,
                             .work = crew_work,
                             .monitor = job->monitor,
                             .progress = &job->progress};
    TRY(experiment_run(&what, error));
done:
    crew_close(&all);
    return status;
}

/* What the union of boxes costs beside the rest. */
static void tell_cost(const noise_job *job, const backbone *model, const char *name)
{
    spur_error line;
    if (job->scoring.model != NULL && job->monitor != NULL && job->monitor->log != NULL &&
        error_set(&line, SPUR_DATASET,
                  "%s: for the union of boxes an image takes a look of the detector (%.3g "
                  "billion multiply-adds) beside its %zu passes (%.3g each)",
                  name, detector_gmac(job->scoring.model), noise_variants(&job->plan),
                  backbone_gmac(model)) != SPUR_OK) {
        job->monitor->log(job->monitor->context, SPUR_LOG_INFO, line.message);
    }
}

static spur_status run_model(noise_job *job, const char *path, spur_error *error)
{
    spur_status status;
    backbone *model = NULL;
    spur_backbone_info info;
    const store_backbone *known = NULL;
    noise_subject subject;
    memset(&subject, 0, sizeof subject);
    TRY(backbone_open(path, &job->options->noise_options, &model, error));
    backbone_describe(model, &info);
    TRY(match_backbone(job, &info, &known, error));
    TRY(check_pixels(backbone_preprocess(model), path, error));
    TRY(noise_subject_open(job, known, true, &subject, error));
    tell_cost(job, model, known->name);
    TRY(run_subject(job, model, &subject, error));
done:
    noise_subject_close(&subject);
    backbone_close(model);
    return status;
}

/* ---- the part ---------------------------------------------------------------------------- */

static void noise_job_close(noise_job *job)
{
    memory_free(job->images.rows);
    feature_rows_free(&job->rows);
    score_recall_close(&job->scoring);
    picture_gate_free(job->gate);
}

spur_status evaluate_noise(spur_run *run, const spur_eval_options *options,
                           const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    noise_job job = {.run = run,
                     .options = options,
                     .monitor = monitor,
                     .threads =
                         options->threads == 0 ? parallel_processors() : options->threads,
                     .progress = {.stage = "noise"}};
    if (!options->noise) {
        return noise_results_check(run, monitor, error);
    }
    if (options->noise_model_count == 0) {
        FAIL(SPUR_USAGE, "noise needs the run's backbone again: give --noise-backbone MODEL");
    }
    TRY(make_plan(&job, error));
    TRY(options->noise_boxes == 0.0 ? SPUR_OK : check_boxes(options, error));
    TRY(open_images(&job, error));
    TRY(options->noise_boxes == 0.0
            ? SPUR_OK
            : score_recall_open(run, options->detector, &job.scoring, error));
    TRY(picture_gate_new(&job.gate, error));
    job.progress.total = job.images.count * options->noise_model_count;
    for (size_t i = 0; i < options->noise_model_count; i++) {
        TRY(run_model(&job, options->noise_models[i], error));
    }
    TRY(noise_results_make(&job, error));
done:
    noise_job_close(&job);
    return status;
}
