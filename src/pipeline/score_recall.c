/*
 * score_recall.c - from the texts of score_settings.c back to options.
 */
#include "pipeline/score_recall.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "models/model_folder.h"

static spur_status get_text(const spur_run *run, const char *key, char **out, spur_error *error)
{
    spur_status status;
    char *text = NULL;
    TRY(store_get_setting(run->db, key, &text, error));
    if (text == NULL) {
        FAIL(SPUR_DATASET, "%s: the run does not say \"%s\"; score it again", run->folder, key);
    }
    *out = text;
done:
    return status;
}

/* What stands behind `before` in text up to a comma, or NULL. */
static const char *text_after(const char *text, const char *before)
{
    const char *at = strstr(text, before);
    return at == NULL ? NULL : at + strlen(before);
}

static spur_status read_geometry(const spur_run *run, spur_detector_options *into,
                                 spur_error *error)
{
    spur_status status;
    char *geometry = NULL, *preprocessing = NULL;
    char number[TEXT_NUMBER_SIZE];
    TRY(get_text(run, "geometry", &geometry, error));
    TRY(get_text(run, "preprocessing", &preprocessing, error));
    const char *pad = text_after(geometry, "scenic, pad ");
    if (pad != NULL) {
        double value = 0.0;
        (void)snprintf(number, sizeof number, "%.*s", (int)strcspn(pad, ","), pad);
        if (!text_to_double(number, &value)) {
            FAIL(SPUR_DATASET, "%s: geometry \"%s\" is none Spur writes", run->folder,
                 geometry);
        }
        into->geometry = SPUR_GEOMETRY_SCENIC;
        into->pad_value = (float)value;
    }
    into->literal_config = strstr(geometry, ", literal config") != NULL;
    into->resize_order = strstr(preprocessing, "pillow13 order") != NULL ? SPUR_RESIZE_PILLOW13
                                                                         : SPUR_RESIZE_PILLOW12;
done:
    memory_free(geometry);
    memory_free(preprocessing);
    return status;
}

static spur_status recall_detector(const spur_run *run, const char *path, detector **out,
                                   spur_error *error)
{
    spur_status status;
    char *wanted = NULL, *folder = NULL;
    detector *made = NULL;
    char found[200];
    spur_detector_options options;
    spur_detector_options_defaults(&options);
    TRY(get_text(run, "detector", &wanted, error));
    TRY(read_geometry(run, &options, error));
    TRY(model_folder_resolve(path, &folder, error));
    TRY(detector_open(folder, &options, &made, error));
    (void)snprintf(found, sizeof found, "%s %s", detector_model_type(made),
                   detector_digest(made));
    if (strcmp(found, wanted) != 0) {
        FAIL(SPUR_DATASET,
             "%s: is not the detector the run was scored with (\"%.32s\", the run has "
             "\"%.32s\"); give that model",
             path, found, wanted);
    }
    *out = made;
    made = NULL;
done:
    detector_close(made);
    memory_free(folder);
    memory_free(wanted);
    return status;
}

static spur_status read_score(const spur_run *run, scorer_task *into, spur_error *error)
{
    static const char *const names[] = {[SPUR_AGGREGATE_MAX] = "max",
                                        [SPUR_AGGREGATE_MEAN_TOP5] = "mean-top5",
                                        [SPUR_AGGREGATE_LOGSUMEXP] = "logsumexp",
                                        [SPUR_AGGREGATE_NOISY_OR] = "noisy-or"};
    spur_status status;
    char *score = NULL, *prompts = NULL;
    size_t count = sizeof names / sizeof names[0], found = count;
    TRY(get_text(run, "score", &score, error));
    TRY(get_text(run, "prompts", &prompts, error));
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(names[i]);
        bool is_it = strncmp(score, names[i], length) == 0 &&
                     (score[length] == '\0' || score[length] == ' ');
        found = is_it ? i : found;
    }
    if (found == count) {
        FAIL(SPUR_DATASET, "%s: score \"%s\" is none Spur writes", run->folder, score);
    }
    into->aggregate = (spur_aggregate)found;
    into->objectness = strstr(score, " plus objectness") != NULL;
    into->margin = strstr(score, " minus best other class") != NULL;
    into->as_given = strchr(prompts, '\n') != NULL; /* a template a line */
done:
    memory_free(score);
    memory_free(prompts);
    return status;
}

static spur_status recall_task(const spur_run *run, const detector *model, scorer_task *out,
                               float **queries, spur_error *error)
{
    spur_status status;
    scorer_task made = {.model = model, .class_count = run->class_count};
    float *copy = NULL;
    size_t embedding = detector_embedding(model), count, stored;
    const store_class *classes;
    TRY(read_score(run, &made, error));
    TRY(store_get_classes(run->db, &classes, &count, &stored, error));
    if (stored != embedding || !size_mul(count, embedding, &stored)) {
        FAIL(SPUR_DATASET, "%s: the run's queries are not the detector's", run->folder);
    }
    TRY(memory_new(stored, sizeof *copy, &copy, error));
    for (size_t i = 0; i < count; i++) {
        memcpy(copy + i * embedding, classes[i].query, embedding * sizeof *copy);
    }
    made.queries = copy;
    *out = made;
    *queries = copy;
    copy = NULL;
done:
    memory_free(copy);
    return status;
}

spur_status score_recall_open(const spur_run *run, const char *path, score_recall *out,
                              spur_error *error)
{
    spur_status status;
    score_recall made = {.model = NULL};
    TRY(recall_detector(run, path, &made.model, error));
    detector_drop_text(made.model);
    TRY(recall_task(run, made.model, &made.task, &made.queries, error));
    *out = made;
    made = (score_recall){.model = NULL};
done:
    score_recall_close(&made);
    return status;
}

void score_recall_close(score_recall *block)
{
    memory_free(block->queries);
    detector_close(block->model);
    *block = (score_recall){.model = NULL};
}

spur_status score_recall_digest(const spur_run *run, digest *into, spur_error *error)
{
    static const char *const keys[] = {"detector", "geometry", "preprocessing",
                                       "score",    "prompts",  "images"};
    spur_status status = SPUR_OK;
    char *text = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        TRY(store_get_setting(run->db, keys[i], &text, error));
        TRY(text == NULL ? SPUR_OK : digest_add(into, text, strlen(text) + 1, error));
        memory_free(text);
        text = NULL;
    }
done:
    memory_free(text);
    return status;
}
