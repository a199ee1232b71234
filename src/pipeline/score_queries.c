/*
 * score_queries.c - one scorer per thread, and the class queries they share.
 */
#include <string.h>

#include "base/monitor.h"
#include "pipeline/score_job.h"

spur_status score_open_workers(score_job *job, spur_error *error)
{
    spur_status status;
    size_t size;
    size_t classes = job->rows->class_count;
    job->embedding = detector_embedding(job->model);
    if (!size_mul(classes, job->embedding, &size)) {
        FAIL(SPUR_RESOURCE, "%zu classes are too many", classes);
    }
    TRY(memory_new_zeroed(size, sizeof(float), &job->queries, error));
    TRY(memory_new_zeroed(classes, sizeof *job->classes, &job->classes, error));
    for (size_t i = 0; i < classes; i++) {
        job->classes[i].label = job->rows->classes[i].label;
        job->classes[i].name = job->rows->classes[i].name;
        job->classes[i].query = job->queries + i * job->embedding;
    }
    job->task = (scorer_task){.model = job->model,
                              .queries = job->queries,
                              .class_count = classes,
                              .as_given = job->templates->count > 1,
                              .aggregate = job->options->aggregate,
                              .margin = job->options->margin,
                              .objectness = job->options->objectness};
    TRY(picture_gate_new(&job->gate, error));
    TRY(memory_new_zeroed(job->threads, sizeof *job->scorers, &job->scorers, error));
    for (size_t i = 0; i < job->threads; i++) {
        TRY(scorer_new(&job->task, &job->scorers[i], error));
    }
done:
    return status;
}

/* Queries a run already has; only after its settings and classes were compared. */
static spur_status take_stored(score_job *job, spur_error *error)
{
    spur_status status;
    const store_class *stored;
    size_t count;
    size_t embedding;
    char *copy = NULL;
    TRY(store_get_classes(job->db, &stored, &count, &embedding, error));
    if (embedding != job->embedding) {
        FAIL(SPUR_DATASET, "the run's queries have %zu numbers, the detector's %zu", embedding,
             job->embedding);
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(job->queries + i * embedding, stored[i].query, embedding * sizeof(float));
        TRY(arena_text(job->texts, stored[i].prompt, strlen(stored[i].prompt), &copy, error));
        job->classes[i].prompt = copy;
        job->classes[i].tokens = stored[i].tokens;
        job->classes[i].is_truncated = stored[i].is_truncated;
    }
done:
    return status;
}

/* What encoding needs beside the job: prompts go into an arena per worker. */
typedef struct encoding {
    score_job *job;
    arena **texts;
    uint64_t done;
} encoding;

static spur_status encode_class(void *context, size_t worker, size_t slot, uint64_t item,
                                const atomic_bool *cancelled, spur_error *error)
{
    encoding *work = context;
    score_job *job = work->job;
    store_class *into = &job->classes[item];
    (void)slot;
    if (atomic_load(cancelled)) {
        return SPUR_INTERRUPTED;
    }
    return prompts_encode(job->templates, scorer_detector(job->scorers[worker]), job->embedding,
                          into->name, work->texts[worker], into,
                          job->queries + item * job->embedding, error);
}

static spur_status count_encoded(void *context, uint64_t first, size_t count, spur_error *error)
{
    encoding *work = context;
    (void)error;
    work->done = first + count;
    return SPUR_OK;
}

static bool tell_encoded(void *context)
{
    const encoding *work = context;
    const spur_progress progress = {
        .stage = "prompts", .done = work->done, .total = work->job->rows->class_count};
    return monitor_cancels(work->job->monitor, &progress);
}

/* Prompts move from the workers' arenas into the job's. */
static spur_status keep_prompts(score_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < job->rows->class_count; i++) {
        const char *prompt = job->classes[i].prompt;
        char *copy = NULL;
        TRY(arena_text(job->texts, prompt, strlen(prompt), &copy, error));
        job->classes[i].prompt = copy;
    }
done:
    return status;
}

static spur_status encode_all(score_job *job, spur_error *error)
{
    spur_status status;
    encoding work = {.job = job};
    feeder_job feed = {.threads = job->threads,
                       .window = 16 * job->threads,
                       .count = job->rows->class_count,
                       .context = &work,
                       .work = encode_class,
                       .finish = count_encoded,
                       .tick = tell_encoded};
    TRY(memory_new_zeroed(job->threads, sizeof *work.texts, &work.texts, error));
    for (size_t i = 0; i < job->threads; i++) {
        TRY(arena_new(&work.texts[i], error));
    }
    TRY(feeder_run(&feed, error));
    TRY(keep_prompts(job, error));
done:
    for (size_t i = 0; work.texts != NULL && i < job->threads; i++) {
        arena_free(work.texts[i]);
    }
    memory_free(work.texts);
    return status;
}

static void warn_of_truncated(score_job *job)
{
    size_t count = 0;
    size_t first = 0;
    for (size_t i = job->rows->class_count; i-- > 0;) {
        if (job->classes[i].is_truncated) {
            count++;
            first = i;
        }
    }
    if (count > 0) {
        score_log(job, SPUR_LOG_WARNING,
                  "%zu prompts are longer than the detector's %zu tokens and were cut, the "
                  "first: %s",
                  count, detector_max_tokens(job->model), job->classes[first].prompt);
    }
}

spur_status score_make_queries(score_job *job, spur_error *error)
{
    spur_status status;
    TRY(job->is_encoded ? take_stored(job, error) : encode_all(job, error));
    job->is_encoded = true;
    warn_of_truncated(job);
    detector_drop_text(job->model);
done:
    return status;
}
