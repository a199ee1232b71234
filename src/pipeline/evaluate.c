/*
 * evaluate.c - spur eval: the parts in order, then all that the run knows, for the caller and
 * as metrics.json.
 */
#include "pipeline/evaluate.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "io/store_results.h"
#include "pipeline/predictions.h"

enum {
    DRAWS = 2000,
    PERMUTATIONS = 2000
};

typedef spur_status (*evaluation_part)(spur_run *run, const spur_eval_options *options,
                                       const spur_monitor *monitor, spur_error *error);

/* In the order in which they are made: later ones read the predictions and results of earlier
 * ones. */
static const evaluation_part parts[] = {evaluate_curves,   evaluate_ood,   evaluate_groups,
                                        evaluate_controls, evaluate_noise, evaluate_audit};

void spur_eval_options_defaults(spur_eval_options *options)
{
    memset(options, 0, sizeof *options);
    options->draws = DRAWS;
    options->controls_permutations = PERMUTATIONS;
    spur_backbone_options_defaults(&options->noise_options);
}

/* ---- summary ----------------------------------------------------------------------------- */

/* The public part first: its address is the whole block's. */
typedef struct summary_block {
    spur_eval_summary shown;
    arena *texts;
    spur_eval_value *values;
    spur_eval_finding *findings;
    size_t value_capacity, finding_capacity;
} summary_block;

static spur_status keep_text(summary_block *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status = arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status keep_result(void *context, const char *stage, const store_result *result,
                               spur_error *error)
{
    spur_status status;
    summary_block *into = context;
    spur_eval_value value = {NULL, result->value};
    (void)stage;
    TRY(keep_text(into, result->key, &value.key, error));
    TRY(memory_grow(&into->values, &into->value_capacity, into->shown.value_count + 1,
                    sizeof *into->values, error));
    into->values[into->shown.value_count++] = value;
done:
    return status;
}

static spur_status keep_finding(void *context, const char *stage, const store_finding *finding,
                                spur_error *error)
{
    spur_status status;
    summary_block *into = context;
    spur_eval_finding found = {NULL, NULL, NULL};
    TRY(keep_text(into, stage, &found.stage, error));
    TRY(keep_text(into, finding->kind, &found.kind, error));
    TRY(keep_text(into, finding->text, &found.text, error));
    TRY(memory_grow(&into->findings, &into->finding_capacity, into->shown.finding_count + 1,
                    sizeof *into->findings, error));
    into->findings[into->shown.finding_count++] = found;
done:
    return status;
}

static spur_status summarise(spur_run *run, spur_eval_summary **out, spur_error *error)
{
    spur_status status;
    summary_block *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    TRY(store_each_result(run->db, NULL, keep_result, made, error));
    TRY(store_each_finding(run->db, NULL, keep_finding, made, error));
    made->shown.values = made->values;
    made->shown.findings = made->findings;
    *out = &made->shown;
    made = NULL;
done:
    spur_eval_summary_free(made == NULL ? NULL : &made->shown);
    return status;
}

void spur_eval_summary_free(spur_eval_summary *summary)
{
    if (summary != NULL) {
        summary_block *block = (summary_block *)(void *)summary;
        memory_free(block->values);
        memory_free(block->findings);
        arena_free(block->texts);
        memory_free(block);
    }
}

/* ---- metrics.json ------------------------------------------------------------------------ */

static spur_status encode_values(const spur_eval_summary *summary, text_buffer *into,
                                 spur_error *error)
{
    spur_status status;
    json_writer json = {.into = into};
    TRY(json_open_object(&json, NULL, error));
    for (size_t i = 0; i < summary->value_count; i++) {
        TRY(json_add_rounded(&json, summary->values[i].key, summary->values[i].value, error));
    }
    TRY(json_close_object(&json, error));
    TRY(text_add(into, "\n", 1, error));
done:
    return status;
}

spur_status spur_eval_json(const spur_eval_summary *summary, char **out, spur_error *error)
{
    spur_status status;
    text_buffer text = {NULL, 0, 0};
    TRY(encode_values(summary, &text, error));
    *out = text.data;
    text.data = NULL;
done:
    text_buffer_free(&text);
    return status;
}

static spur_status write_metrics(const spur_run *run, const spur_eval_summary *summary,
                                 spur_error *error)
{
    spur_status status;
    text_buffer text = {NULL, 0, 0};
    char *path = NULL;
    TRY(encode_values(summary, &text, error));
    TRY(file_join(run->folder, "metrics.json", &path, error));
    TRY(file_replace(path, text.data, text.length, error));
done:
    memory_free(path);
    text_buffer_free(&text);
    return status;
}

/* ---- the call ---------------------------------------------------------------------------- */

static spur_status check_names(const spur_run *run, const spur_eval_options *options,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    const store_split *split = NULL;
    const store_backbone *backbones;
    size_t count;
    bool is_known = options->backbone == NULL;
    if (options->split != NULL) {
        TRY(run_find_split(run, options->split, &split, error));
    }
    TRY(store_get_backbones(run->db, &backbones, &count));
    for (size_t i = 0; i < count && !is_known; i++) {
        is_known = strcmp(backbones[i].name, options->backbone) == 0;
    }
    if (count == 0 || !is_known) {
        FAIL(SPUR_DATASET,
             "the run has no features%s%s; `spur features %s --backbone MODEL` makes them",
             count > 0 ? " of backbone " : "", count > 0 ? options->backbone : "", run->folder);
    }
done:
    return status;
}

spur_status spur_eval(const char *run, const spur_eval_options *options,
                      const spur_monitor *monitor, spur_eval_summary **summary,
                      spur_error *error)
{
    spur_status status;
    spur_run *opened = NULL;
    spur_eval_summary *made = NULL;
    spur_eval_options asked;
    spur_eval_options_defaults(&asked);
    asked = options == NULL ? asked : *options;
    TRY(run_open_writer(run, &opened, error));
    TRY(check_names(opened, &asked, error));
    const predictions_request request = {asked.split, asked.backbone, asked.threads, monitor};
    TRY(predictions_make(opened, &request, NULL, error));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        TRY(parts[i](opened, &asked, monitor, error));
    }
    TRY(summarise(opened, &made, error));
    TRY(write_metrics(opened, made, error));
    if (summary != NULL) {
        *summary = made;
        made = NULL;
    }
done:
    spur_eval_summary_free(made);
    spur_run_close(opened);
    return status;
}
