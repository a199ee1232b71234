/*
 * noise_subject.c - the heads of a backbone, and the digest of everything their outcomes under
 * noise depend on: network, pixels, masks, draws, heads.
 */
#include <string.h>

#include "base/memory.h"
#include "io/json.h"
#include "pipeline/noise_job.h"

void noise_subject_close(noise_subject *block)
{
    for (size_t h = 0; h < block->head_count; h++) {
        judged_head_close(&block->heads[h]);
    }
    memory_free(block->heads);
    memory_free(block->names);
    head_list_free(&block->list);
    text_buffer_free(&block->settings);
    memset(block, 0, sizeof *block);
}

/* ---- heads ------------------------------------------------------------------------------- */

static void tell_left_out(const noise_job *job, const char *of, const char *name,
                          const char *why)
{
    spur_error line;
    if (job->monitor != NULL && job->monitor->log != NULL &&
        error_set(&line, SPUR_DATASET, "head %s of %s is not tried under noise: %s", name, of,
                  why) != SPUR_OK) {
        job->monitor->log(job->monitor->context, SPUR_LOG_WARNING, line.message);
    }
}

static spur_status open_heads(const noise_job *job, bool is_loud, noise_subject *into,
                              spur_error *error)
{
    spur_status status;
    size_t count;
    TRY(head_list_make(job->run, into->backbone->name, &into->list, error));
    count = into->list.count;
    TRY(memory_new_zeroed(count, sizeof *into->heads, &into->heads, error));
    TRY(memory_new(count, sizeof *into->names, &into->names, error));
    for (size_t i = 0; i < count; i++) {
        const head_entry *entry = &into->list.heads[i];
        spur_error why;
        status = judged_head_open(job->run, into->backbone, entry,
                                  &into->heads[into->head_count], &why);
        if (status == SPUR_OK) {
            into->names[into->head_count++] = entry->name;
        } else if (status == SPUR_DATASET || status == SPUR_MODEL) {
            if (is_loud) {
                tell_left_out(job, into->backbone->name, entry->name, why.message);
            }
        } else {
            FAIL(status, "%s", why.message);
        }
    }
    status = SPUR_OK;
    if (into->head_count == 0) {
        FAIL(SPUR_DATASET,
             "the run has no head of %s to try under noise; train one with "
             "`spur retrain`",
             into->backbone->name);
    }
done:
    return status;
}

/* ---- what outcomes depend on ------------------------------------------------------------- */

spur_status noise_head_digest(const judged_head *of, char out[DIGEST_HEX_SIZE],
                              spur_error *error)
{
    spur_status status;
    const head *own = of->own;
    digest *into = NULL;
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_new(&into, error));
    TRY(digest_add(into, own->weight, own->classes * own->features * sizeof *own->weight,
                   error));
    TRY(digest_add(into, own->bias, own->classes * sizeof *own->bias, error));
    TRY(digest_add(into, of->class_of, own->classes * sizeof *of->class_of, error));
    TRY(digest_finish(into, sum, error));
    digest_hex(sum, sizeof sum, out);
done:
    digest_free(into);
    return status;
}

static spur_status write_heads(const noise_subject *from, json_writer *json, spur_error *error)
{
    spur_status status;
    TRY(json_add_text(json, "backbone_digest", from->backbone->digest, error));
    TRY(json_open_array(json, "heads", error));
    for (size_t h = 0; h < from->head_count; h++) {
        TRY(json_add_text(json, NULL, from->names[h], error));
    }
    TRY(json_close_array(json, error));
    TRY(json_open_array(json, "head_digests", error));
    for (size_t h = 0; h < from->head_count; h++) {
        char hex[DIGEST_HEX_SIZE];
        TRY(noise_head_digest(&from->heads[h], hex, error));
        TRY(json_add_text(json, NULL, hex, error));
    }
    TRY(json_close_array(json, error));
done:
    return status;
}

static spur_status write_settings(const noise_job *job, noise_subject *into, spur_error *error)
{
    spur_status status;
    const noise_plan *plan = &job->plan;
    json_writer json = {.into = &into->settings};
    TRY(json_open_object(&json, NULL, error));
    TRY(json_add_u64(&json, "form", 1, error));
    TRY(json_add_u64(&json, "seed", plan->seed, error));
    TRY(json_add_u64(&json, "limit", plan->limit, error));
    TRY(json_add_u64(&json, "trials", plan->trials, error));
    TRY(json_add_bool(&json, "clamp", plan->clamp, error));
    TRY(json_add_bool(&json, "masks", job->options->noise_masks != NULL, error));
    TRY(json_add_double(&json, "boxes", job->options->noise_boxes, error));
    TRY(json_add_text(&json, "kind", noise_kind_name(plan->kind), error));
    TRY(json_open_array(&json, "strengths", error));
    for (size_t s = 0; s < plan->strength_count; s++) {
        TRY(json_add_double(&json, NULL, plan->strengths[s], error));
    }
    TRY(json_close_array(&json, error));
    TRY(write_heads(into, &json, error));
    TRY(json_close_object(&json, error));
done:
    return status;
}

static spur_status add_text(digest *into, const char *text, spur_error *error)
{
    return digest_add(into, text, strlen(text) + 1, error);
}

static spur_status digest_inputs(const noise_job *job, noise_subject *into, spur_error *error)
{
    spur_status status;
    digest *sum = NULL;
    unsigned char bytes[DIGEST_SIZE];
    TRY(digest_new(&sum, error));
    TRY(add_text(sum, into->settings.data, error));
    TRY(add_text(sum, into->backbone->preprocessing, error));
    TRY(digest_add(sum, job->images_digest, DIGEST_SIZE, error));
    TRY(digest_finish(sum, bytes, error));
    digest_hex(bytes, DIGEST_SIZE, into->inputs);
done:
    digest_free(sum);
    return status;
}

spur_status noise_subject_open(const noise_job *job, const store_backbone *of, bool is_loud,
                               noise_subject *out, spur_error *error)
{
    spur_status status;
    noise_subject made = {.backbone = of};
    TRY(open_heads(job, is_loud, &made, error));
    TRY(write_settings(job, &made, error));
    TRY(digest_inputs(job, &made, error));
    made.row_bytes = noise_row_bytes(&job->plan, made.head_count);
    *out = made;
    memset(&made, 0, sizeof made);
done:
    noise_subject_close(&made);
    return status;
}

store_experiment noise_subject_record(const noise_job *job, const noise_subject *from)
{
    return (store_experiment){.stage = "noise",
                              .subject = from->backbone->name,
                              .split = job->split->name,
                              .inputs = from->inputs,
                              .settings = from->settings.data,
                              .images = job->images.count};
}
