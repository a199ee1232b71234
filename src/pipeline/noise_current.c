/*
 * noise_current.c - are the numbers of the stage "noise" still those of the run's heads?
 *
 * Heads that came later do not matter; one that has changed or gone does, for nothing else
 * tells that its numbers were another head's.
 */
#include <string.h>

#include "base/memory.h"
#include "io/json.h"
#include "io/store_results.h"
#include "pipeline/noise_job.h"

typedef struct check {
    const spur_run *run;
    size_t seen;
    bool is_current;
    char what[300]; /* what is not */
} check;

/* True when the run has such a head and it has the digest. */
static spur_status has_head(const spur_run *run, const store_backbone *of, const char *name,
                            const char *wanted, bool *out, spur_error *error)
{
    spur_status status;
    head_list list = {NULL, 0, NULL};
    judged_head opened;
    char found[DIGEST_HEX_SIZE] = "";
    memset(&opened, 0, sizeof opened);
    TRY(head_list_make(run, of->name, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.heads[i].name, name) == 0 &&
            judged_head_open(run, of, &list.heads[i], &opened, NULL) == SPUR_OK) {
            TRY(noise_head_digest(&opened, found, error));
        }
    }
    *out = strcmp(found, wanted) == 0;
done:
    judged_head_close(&opened);
    head_list_free(&list);
    return status;
}

static spur_status check_heads(check *into, const store_backbone *of, const json_t *settings,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    const json_t *names = json_object_get(settings, "heads");
    const json_t *digests = json_object_get(settings, "head_digests");
    for (size_t i = 0; i < json_array_size(names) && into->is_current; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *wanted = json_string_value(json_array_get(digests, i));
        if (name == NULL || wanted == NULL) {
            FAIL(SPUR_DATASET, "settings of the noise evaluation are not what Spur writes");
        }
        TRY(has_head(into->run, of, name, wanted, &into->is_current, error));
        if (!into->is_current) {
            text_copy(name, into->what, sizeof into->what);
        }
    }
done:
    return status;
}

static spur_status check_experiment(void *context, const store_experiment *one,
                                    spur_error *error)
{
    spur_status status = SPUR_OK;
    check *into = context;
    json_t *settings = NULL;
    const char *wanted = NULL;
    if (strcmp(one->stage, "noise") != 0 || !into->is_current) {
        return SPUR_OK;
    }
    into->seen++;
    TRY(json_read(one->settings, strlen(one->settings), false, SPUR_DATASET, &settings, error));
    TRY(json_get_text(settings, "backbone_digest", SPUR_DATASET, &wanted, error));
    const store_backbone *of = features_find(into->run->db, one->subject);
    if (of == NULL || wanted == NULL || strcmp(of->digest, wanted) != 0) {
        into->is_current = false;
        text_copy(one->subject, into->what, sizeof into->what);
        goto done;
    }
    TRY(check_heads(into, of, settings, error));
done:
    json_decref(settings);
    return status;
}

static void tell(const check *from, const spur_monitor *monitor)
{
    spur_error line;
    if (monitor != NULL && monitor->log != NULL && from->seen > 0 &&
        error_set(&line, SPUR_DATASET,
                  "%s has changed since it was tried under noise; the numbers of noise are "
                  "dropped: make them again with --noise",
                  from->what) != SPUR_OK) {
        monitor->log(monitor->context, SPUR_LOG_WARNING, line.message);
    }
}

spur_status noise_results_check(spur_run *run, const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    check found = {.run = run, .is_current = true};
    char *inputs = NULL;
    TRY(store_get_stage_inputs(run->db, "noise", &inputs, error));
    if (inputs == NULL) {
        goto done;
    }
    TRY(store_each_experiment(run->db, check_experiment, &found, error));
    if (found.seen == 0 || !found.is_current) {
        tell(&found, monitor);
        TRY(experiment_forget(run, "noise", error));
    }
done:
    memory_free(inputs);
    return status;
}
