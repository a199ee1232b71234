/*
 * audit.c - does the detector look at the box it draws? The own-class logit of every image
 * without the box and of the box alone, against the logit of the whole image in the run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/statistics_intervals.h"
#include "base/statistics_quantiles.h"
#include "io/json.h"
#include "pipeline/audit_worker.h"
#include "pipeline/evaluate.h"
#include "pipeline/image_settings.h"
#include "pipeline/result_list.h"
#include "pipeline/score_recall.h"
#include "pipeline/split_way.h"

/* Below this share of its class an image counts as hidden, in the label suspects, too. */
#define SEEN_QUANTILE 0.1

/* Everything one call holds. */
typedef struct audit_job {
    spur_run *run;
    const spur_eval_options *options;
    const spur_monitor *monitor;
    size_t threads;
    const store_split *split;
    feature_rows rows;
    experiment_images images;
    spur_image_options image;
    picture_gate *gate;
    score_recall scoring;
    audit_worker **workers; /* [threads] */
    text_buffer settings;
    char inputs[DIGEST_HEX_SIZE];
    spur_progress progress;
} audit_job;

static void audit_job_close(audit_job *job)
{
    for (size_t i = 0; job->workers != NULL && i < job->threads; i++) {
        audit_worker_free(job->workers[i]);
    }
    memory_free(job->workers);
    score_recall_close(&job->scoring);
    picture_gate_free(job->gate);
    memory_free(job->images.rows);
    feature_rows_free(&job->rows);
    text_buffer_free(&job->settings);
}

/* ---- what outcomes depend on ------------------------------------------------------------- */

static spur_status add_image(const feature_row *row, digest *into, spur_error *error)
{
    spur_status status;
    const uint64_t class_index = row->class_index;
    TRY(digest_add(into, row->id, sizeof row->id, error));
    TRY(digest_add(into, row->digest, sizeof row->digest, error));
    TRY(digest_add(into, row->box, sizeof row->box, error));
    TRY(digest_add(into, &row->logit, sizeof row->logit, error));
    TRY(digest_add(into, &class_index, sizeof class_index, error));
done:
    return status;
}

static spur_status digest_inputs(audit_job *job, spur_error *error)
{
    spur_status status;
    digest *into = NULL;
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_new(&into, error));
    TRY(digest_add(into, job->settings.data, job->settings.length, error));
    TRY(score_recall_digest(job->run, into, error));
    for (size_t i = 0; i < job->images.count; i++) {
        TRY(add_image(job->images.rows[i], into, error));
    }
    TRY(digest_finish(into, sum, error));
    digest_hex(sum, sizeof sum, job->inputs);
done:
    digest_free(into);
    return status;
}

static spur_status write_settings(audit_job *job, spur_error *error)
{
    spur_status status;
    json_writer json = {.into = &job->settings};
    TRY(json_open_object(&json, NULL, error));
    TRY(json_add_u64(&json, "form", 1, error));
    TRY(json_add_u64(&json, "seed", job->options->seed, error));
    TRY(json_add_u64(&json, "limit", job->options->audit_limit, error));
    TRY(json_close_object(&json, error));
done:
    return status;
}

/* ---- running ----------------------------------------------------------------------------- */

static spur_status open_images(audit_job *job, spur_error *error)
{
    spur_status status;
    char *text = NULL;
    TRY(experiment_split(job->run, job->options->audit_split, job->options->split, &job->split,
                         error));
    TRY(store_get_setting(job->run->db, "images", &text, error));
    TRY(image_settings_parse(text == NULL ? "" : text, &job->image, error));
    TRY(split_border(job->run->db, job->split->name, &job->image.border, error));
    TRY(feature_rows_read(job->run->db, job->split, &job->rows, error));
    TRY(experiment_choose(&job->rows, job->options->audit_limit, job->options->seed,
                          &job->images, error));
    if (job->images.count == 0) {
        FAIL(SPUR_DATASET, "split %s has no scored image to audit", job->split->name);
    }
    TRY(write_settings(job, error));
    TRY(digest_inputs(job, error));
done:
    memory_free(text);
    return status;
}

static spur_status open_workers(audit_job *job, const audit_task *task, spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(job->threads, sizeof *job->workers, &job->workers, error));
    for (size_t i = 0; i < job->threads; i++) {
        TRY(audit_worker_new(task, &job->workers[i], error));
    }
done:
    return status;
}

static spur_status audit_work(void *context, size_t worker, experiment_block *block,
                              const atomic_bool *cancelled, spur_error *error)
{
    const audit_job *job = context;
    return audit_worker_run(job->workers[worker], block, cancelled, error);
}

static store_experiment record_of(const audit_job *job)
{
    return (store_experiment){.stage = "audit",
                              .subject = "",
                              .split = job->split->name,
                              .inputs = job->inputs,
                              .settings = job->settings.data,
                              .images = job->images.count};
}

static spur_status run_audit(audit_job *job, spur_error *error)
{
    spur_status status;
    TRY(score_recall_open(job->run, job->options->detector, &job->scoring, error));
    TRY(picture_gate_new(&job->gate, error));
    const audit_task task = {&job->scoring.task, {job->gate, job->split->root, &job->image}};
    TRY(open_workers(job, &task, error));
    const experiment what = {.db = job->run->db,
                             .record = record_of(job),
                             .images = &job->images,
                             .row_bytes = AUDIT_ROW_BYTES,
                             .threads = job->threads,
                             .context = job,
                             .work = audit_work,
                             .monitor = job->monitor,
                             .progress = &job->progress};
    TRY(experiment_run(&what, error));
done:
    return status;
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* What became known, of the images that have a box. */
typedef struct audit_numbers {
    double *reliance, *removed, *drop; /* [count] */
    size_t count, failed, empty, full, seen;
    double *thresholds; /* [classes]: a logit that counts as seen */
} audit_numbers;

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The SEEN_QUANTILE of the logits of every class's scored images of the split. */
static spur_status find_thresholds(const audit_job *job, double *out, spur_error *error)
{
    spur_status status;
    double *logits = NULL;
    TRY(memory_new(job->rows.count, sizeof *logits, &logits, error));
    for (size_t c = 0; c < job->run->class_count; c++) {
        size_t count = 0;
        for (size_t i = 0; i < job->rows.count; i++) {
            const feature_row *row = &job->rows.rows[i];
            if (row->reason == NULL && row->class_index == c) {
                logits[count++] = (double)row->logit;
            }
        }
        qsort(logits, count, sizeof *logits, compare_doubles);
        out[c] =
            statistics_quantile_by(STATISTICS_QUANTILE_LINEAR, logits, count, SEEN_QUANTILE);
    }
done:
    memory_free(logits);
    return status;
}

static void collect(const audit_job *job, const unsigned char *outcomes, audit_numbers *into)
{
    for (size_t i = 0; i < job->images.count; i++) {
        audit_row found = audit_row_of(outcomes + i * AUDIT_ROW_BYTES);
        const feature_row *row = job->images.rows[i];
        into->failed += (found.flags & AUDIT_VALID) == 0;
        into->empty += (found.flags & AUDIT_EMPTY) != 0;
        into->full += (found.flags & AUDIT_FULL) != 0;
        if ((found.flags & AUDIT_VALID) == 0 || (found.flags & AUDIT_EMPTY) != 0) {
            continue;
        }
        into->reliance[into->count] = (double)row->logit - (double)found.alone;
        into->removed[into->count] = (double)found.removed;
        into->drop[into->count] = (double)row->logit - (double)found.removed;
        into->seen += (double)found.removed >= into->thresholds[row->class_index];
        into->count++;
    }
}

/* Mean and quantiles of values, which are sorted. */
static spur_status add_spread(result_list *into, const char *split, const char *name,
                              double *values, size_t count, spur_error *error)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"q10", 0.1}, {"q50", 0.5}, {"q90", 0.9}};
    spur_status status;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    qsort(values, count, sizeof *values, compare_doubles);
    TRY(result_add(into, error, sum / (double)count, "audit/%s/%s_mean", split, name));
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        TRY(result_add(
            into, error,
            statistics_quantile_by(STATISTICS_QUANTILE_LINEAR, values, count, quantiles[i].q),
            "audit/%s/%s_%s", split, name, quantiles[i].name));
    }
done:
    return status;
}

static spur_status add_counts(result_list *into, const char *split, const audit_numbers *of,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    statistics_interval seen = statistics_wilson(of->seen, of->count, 0.05);
    double share = (double)of->seen / (double)of->count;
    const struct {
        const char *name;
        double value;
    } counts[] = {{"n", (double)of->count},
                  {"failed", (double)of->failed},
                  {"empty_boxes", (double)of->empty},
                  {"full_boxes", (double)of->full},
                  {"seen", share},
                  {"seen_wilson_low", seen.low},
                  {"seen_wilson_high", seen.high}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        TRY(result_add(into, error, counts[i].value, "audit/%s/%s", split, counts[i].name));
    }
    TRY(result_find(into, error, "audit",
                    "split %s: with its box greyed out the detector still rates %.1f %% of %zu "
                    "images (95 %% %.1f to %.1f %%) like visible ones of their class",
                    split, 100.0 * share, of->count, 100.0 * seen.low, 100.0 * seen.high));
done:
    return status;
}

static spur_status save_numbers(const audit_job *job, audit_numbers *of, spur_error *error)
{
    spur_status status;
    result_list list = {.texts = NULL};
    const char *split = job->split->name;
    bool is_current = false;
    if (of->count == 0) {
        FAIL(SPUR_DATASET, "split %s: no image with a box could be audited", split);
    }
    TRY(add_counts(&list, split, of, error));
    TRY(add_spread(&list, split, "context_reliance", of->reliance, of->count, error));
    TRY(add_spread(&list, split, "hallucination", of->removed, of->count, error));
    TRY(add_spread(&list, split, "removal_drop", of->drop, of->count, error));
    TRY(results_are_current(job->run, "audit", job->inputs, &is_current, error));
    TRY(is_current ? SPUR_OK : result_list_save(&list, job->run, "audit", job->inputs, error));
done:
    result_list_free(&list);
    return status;
}

static spur_status make_numbers(const audit_job *job, spur_error *error)
{
    spur_status status;
    const store_experiment record = record_of(job);
    audit_numbers found = {.count = 0};
    unsigned char *outcomes = NULL;
    size_t count = job->images.count;
    bool is_complete = false;
    TRY(memory_new(count, AUDIT_ROW_BYTES, &outcomes, error));
    TRY(memory_new(count, sizeof(double), &found.reliance, error));
    TRY(memory_new(count, sizeof(double), &found.removed, error));
    TRY(memory_new(count, sizeof(double), &found.drop, error));
    TRY(memory_new(job->run->class_count, sizeof(double), &found.thresholds, error));
    TRY(find_thresholds(job, found.thresholds, error));
    TRY(experiment_load(job->run->db, &record, AUDIT_ROW_BYTES, outcomes, &is_complete, error));
    if (!is_complete) {
        FAIL(SPUR_INTERNAL, "the audit of split %s is not complete", job->split->name);
    }
    collect(job, outcomes, &found);
    TRY(save_numbers(job, &found, error));
done:
    memory_free(outcomes);
    memory_free(found.reliance);
    memory_free(found.removed);
    memory_free(found.drop);
    memory_free(found.thresholds);
    return status;
}

/* ---- the part ---------------------------------------------------------------------------- */

spur_status evaluate_audit(spur_run *run, const spur_eval_options *options,
                           const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    audit_job job = {.run = run,
                     .options = options,
                     .monitor = monitor,
                     .threads =
                         options->threads == 0 ? parallel_processors() : options->threads,
                     .progress = {.stage = "audit"}};
    if (!options->audit) {
        return experiment_check(run, "audit", error);
    }
    if (options->detector == NULL) {
        FAIL(SPUR_USAGE, "the audit needs the run's detector again: give --detector MODEL");
    }
    TRY(open_images(&job, error));
    job.progress.total = job.images.count;
    TRY(run_audit(&job, error));
    TRY(make_numbers(&job, error));
done:
    audit_job_close(&job);
    return status;
}
