/*
 * score_settings.c - settings that would mix results when they change inside a run.
 *
 * They are stored at the first call and compared as text at every later one, so a refusal can
 * show the difference. Thread counts, paths and times are no settings.
 */
#include <stdio.h>
#include <string.h>

#include "models/preprocess.h"
#include "pipeline/image_settings.h"
#include "pipeline/score_job.h"

static spur_status add_setting(score_job *job, const char *key, const char *value,
                               spur_error *error)
{
    char *copy = NULL;
    spur_status status = arena_text(job->texts, value, strlen(value), &copy, error);
    if (status == SPUR_OK) {
        job->settings[job->setting_count++] = (store_setting){key, copy};
    }
    return status;
}

static spur_status add_preprocessing(score_job *job, spur_error *error)
{
    spur_status status;
    text_buffer text = {NULL, 0, 0};
    TRY(preprocess_describe(detector_preprocess(job->model), &text, error));
    TRY(add_setting(job, "preprocessing", text.data, error));
done:
    text_buffer_free(&text);
    return status;
}

static spur_status add_detector(score_job *job, spur_error *error)
{
    char text[200];
    (void)snprintf(text, sizeof text, "%s %s", detector_model_type(job->model),
                   detector_digest(job->model));
    return add_setting(job, "detector", text, error);
}

static spur_status add_score(score_job *job, spur_error *error)
{
    static const char *const names[] = {[SPUR_AGGREGATE_MAX] = "max",
                                        [SPUR_AGGREGATE_MEAN_TOP5] = "mean-top5",
                                        [SPUR_AGGREGATE_LOGSUMEXP] = "logsumexp",
                                        [SPUR_AGGREGATE_NOISY_OR] = "noisy-or"};
    char text[100];
    (void)snprintf(text, sizeof text, "%s%s%s", names[job->options->aggregate],
                   job->options->objectness ? " plus objectness" : "",
                   job->options->margin ? " minus best other class" : "");
    return add_setting(job, "score", text, error);
}

static spur_status add_images(score_job *job, spur_error *error)
{
    char text[IMAGE_SETTINGS_SIZE];
    image_settings_describe(&job->options->image, text);
    return add_setting(job, "images", text, error);
}

static spur_status add_geometry(score_job *job, spur_error *error)
{
    const spur_detector_options *how = &job->options->detector;
    char text[100];
    char pad[TEXT_NUMBER_SIZE];
    text_from_float(how->pad_value, pad);
    (void)snprintf(text, sizeof text, "%s%s%s",
                   how->geometry == SPUR_GEOMETRY_SCENIC ? "scenic, pad " : "hf",
                   how->geometry == SPUR_GEOMETRY_SCENIC ? pad : "",
                   how->literal_config ? ", literal config" : "");
    return add_setting(job, "geometry", text, error);
}

spur_status score_make_settings(score_job *job, spur_error *error)
{
    spur_status status;
    TRY(add_geometry(job, error));
    TRY(add_detector(job, error));
    TRY(add_preprocessing(job, error));
    TRY(add_setting(job, "prompts", job->templates->text, error));
    TRY(add_score(job, error));
    TRY(add_images(job, error));
    TRY(add_setting(job, "instruction_set", detector_isa(job->model), error));
    TRY(add_setting(job, "onednn", engine_library_version(), error));
done:
    return status;
}

static spur_status compare_setting(score_job *job, const store_setting *now, spur_error *error)
{
    spur_status status;
    char *before = NULL;
    TRY(store_get_setting(job->db, now->key, &before, error));
    if (before == NULL || strcmp(before, now->value) != 0) {
        FAIL(SPUR_DATASET,
             "%s: the run has \"%s\", now it would be \"%s\"; use another --out, or --restart",
             now->key, before == NULL ? "" : before, now->value);
    }
done:
    memory_free(before);
    return status;
}

static spur_status compare_classes(score_job *job, spur_error *error)
{
    spur_status status;
    const store_class *classes;
    size_t count;
    size_t embedding;
    const manifest *rows = job->rows;
    TRY(store_get_classes(job->db, &classes, &count, &embedding, error));
    if (count != rows->class_count) {
        FAIL(SPUR_DATASET,
             "classes: the run has %zu, now there are %zu; use another --out, or --restart",
             count, rows->class_count);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(classes[i].label, rows->classes[i].label) != 0 ||
            strcmp(classes[i].name, rows->classes[i].name) != 0) {
            FAIL(SPUR_DATASET,
                 "classes: class %zu of the run is \"%s\" named \"%s\", now \"%s\" named "
                 "\"%s\"; use another --out, or --restart",
                 i, classes[i].label, classes[i].name, rows->classes[i].label,
                 rows->classes[i].name);
        }
    }
done:
    return status;
}

spur_status score_compare_run(score_job *job, spur_error *error)
{
    spur_status status;
    TRY(compare_classes(job, error));
    for (size_t i = 0; i < job->setting_count; i++) {
        TRY(compare_setting(job, &job->settings[i], error));
    }
done:
    return status;
}

/* The rule and the border change what a split's numbers mean; other images are found by its
 * digest. */
static spur_status compare_way(score_job *job, const char *split, spur_error *error)
{
    spur_status status;
    split_way before;
    char was[SPLIT_WAY_SIZE], now[SPLIT_WAY_SIZE];
    TRY(split_way_load(job->db, split, &before, error));
    split_way_describe(&before, was);
    split_way_describe(&job->way, now);
    if (strcmp(was, now) != 0) {
        FAIL(SPUR_DATASET,
             "split %s: the run has \"%s\", now it would be \"%s\"; use another --split, or "
             "--restart",
             split, was, now);
    }
done:
    return status;
}

spur_status score_compare_split(score_job *job, const manifest_split *split, bool *is_there,
                                spur_error *error)
{
    spur_status status;
    const store_split *splits;
    size_t count;
    *is_there = false;
    TRY(store_get_splits(job->db, &splits, &count, error));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(splits[i].name, split->name) != 0) {
            continue;
        }
        *is_there = true;
        TRY(compare_way(job, split->name, error));
        if (splits[i].images != split->count) {
            FAIL(SPUR_DATASET,
                 "split %s: the run has %llu images, now there are %zu; use another --out, "
                 "another --split, or --restart",
                 split->name, (unsigned long long)splits[i].images, split->count);
        }
        if (strcmp(splits[i].manifest_digest, split->digest) != 0) {
            FAIL(
                SPUR_DATASET,
                "split %s: its images, labels or columns are not those of the run; use another "
                "--out, another --split, or --restart",
                split->name);
        }
    }
done:
    return status;
}
