/*
 * noise_worker.c - one block of images: pixels in [0, 1] and masks once, then variant by
 * variant noise and network, then each head once over the features of all variants.
 *
 * The network always gets FEATURE_BLOCK_ROWS slots; the block's good images come first, the
 * rest are zeros. A slot's bits depend on no other slot, so neither does an outcome.
 */
#include "pipeline/noise_worker.h"

#include <string.h>

#include "base/memory.h"
#include "pipeline/noise_draw.h"

enum {
    CHANNELS = 3,
    SLOTS = FEATURE_BLOCK_ROWS
};

struct noise_worker {
    const noise_task *task;
    void *network; /* its worker */
    noise_finder *finder;
    preprocess recipe, unit; /* unit: without normalising, pixels in [0, 1] */
    size_t area, floats;     /* of one input: floats = 3 * area */
    size_t variants;
    float *pixels;         /* [SLOTS, floats] in [0, 1] */
    float *draws;          /* [SLOTS, floats] of the trial at hand */
    float *inputs;         /* [SLOTS, floats] normalised */
    unsigned char *masks;  /* [SLOTS, area] */
    float *features;       /* [variants, good images, width], then SLOTS spare rows */
    float *logits;         /* [variants * SLOTS, outputs of the largest head] */
    double lengths[SLOTS]; /* of the draws in the region at hand */
    size_t places[SLOTS];  /* of the good images in the block */
    size_t count;          /* good images */
};

static spur_status take_buffers(noise_worker *into, spur_error *error)
{
    spur_status status;
    const noise_task *task = into->task;
    size_t rows = into->variants * SLOTS, outputs = 1;
    for (size_t h = 0; h < task->head_count; h++) {
        size_t classes = task->heads[h].own->classes;
        outputs = classes > outputs ? classes : outputs;
    }
    size_t logits, features;
    if (!size_mul(rows, outputs, &logits) ||
        !size_mul(rows + SLOTS, task->network->width, &features)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(SLOTS * into->floats, sizeof(float), &into->pixels, error));
    TRY(memory_new(SLOTS * into->floats, sizeof(float), &into->draws, error));
    TRY(memory_new_zeroed(SLOTS * into->floats, sizeof(float), &into->inputs, error));
    TRY(memory_new(SLOTS, into->area, &into->masks, error));
    TRY(memory_new(features, sizeof(float), &into->features, error));
    TRY(memory_new(logits, sizeof(float), &into->logits, error));
done:
    return status;
}

spur_status noise_worker_new(const noise_task *task, noise_worker **out, spur_error *error)
{
    spur_status status;
    noise_worker *made = NULL;
    const feature_network *network = task->network;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->task = task;
    made->recipe = *network->recipe;
    made->unit = *network->recipe;
    made->unit.normalise = false;
    made->area = network->side * network->side;
    made->floats = CHANNELS * made->area;
    made->variants = noise_variants(task->plan);
    TRY(network->worker_new(network->context, &made->network, error));
    TRY(noise_finder_new(&task->way, &made->finder, error));
    TRY(take_buffers(made, error));
    *out = made;
    made = NULL;
done:
    noise_worker_free(made);
    return status;
}

void noise_worker_free(noise_worker *block)
{
    if (block != NULL) {
        if (block->network != NULL) {
            block->task->network->worker_free(block->network);
        }
        noise_finder_free(block->finder);
        memory_free(block->pixels);
        memory_free(block->draws);
        memory_free(block->inputs);
        memory_free(block->masks);
        memory_free(block->features);
        memory_free(block->logits);
        memory_free(block);
    }
}

static noise_row row_of(const noise_worker *with, const experiment_block *block, size_t place)
{
    size_t bytes = noise_row_bytes(with->task->plan, with->task->head_count);
    return (noise_row){with->task->plan, block->outcomes + place * bytes};
}

/* ---- images ------------------------------------------------------------------------------ */

/* Pixels and mask of one image into slot with->count. */
static spur_status read_image(noise_worker *with, const feature_row *row, unsigned *flags,
                              noise_object *object, spur_error *error)
{
    spur_status status;
    picture loaded;
    const row_source *source = &with->task->source;
    float *pixels = with->pixels + with->count * with->floats;
    unsigned char *mask = with->masks + with->count * with->area;
    TRY(row_picture_load(source, row->file_name, row->digest, &loaded, error));
    TRY(preprocess_run(&with->unit, &loaded.pixels, pixels, NULL, error));
    TRY(noise_finder_look(with->finder, &with->recipe, row, &loaded.pixels, mask, object,
                          error));
    *flags = NOISE_VALID;
    *flags |= object->inside == 0 ? NOISE_EMPTY : 0U;
    *flags |= object->inside == with->area ? NOISE_FULL : 0U;
done:
    picture_free(source->gate, &loaded);
    return status;
}

static spur_status read_images(noise_worker *with, experiment_block *block,
                               const atomic_bool *cancelled, spur_error *error)
{
    with->count = 0;
    noise_finder_watch(with->finder, cancelled);
    for (size_t i = 0; i < block->count; i++) {
        const feature_row *row = block->images[i];
        spur_error cause = {SPUR_OK, ""};
        unsigned flags = 0;
        noise_object object;
        if (atomic_load(cancelled)) {
            return SPUR_INTERRUPTED;
        }
        spur_status status = read_image(with, row, &flags, &object, &cause);
        if (status == SPUR_OK) {
            noise_row_put(row_of(with, block, i), flags, (uint32_t)object.inside,
                          (uint32_t)object.boxes);
            with->places[with->count++] = i;
        } else if (status == SPUR_IMAGE) {
            text_copy(cause.message, block->reasons[i], EXPERIMENT_REASON_SIZE);
        } else {
            return error_set(error, status, "%s: %s", row->file_name, cause.message);
        }
    }
    memset(with->inputs + with->count * with->floats, 0,
           (SLOTS - with->count) * with->floats * sizeof *with->inputs);
    return SPUR_OK;
}

/* ---- variants ---------------------------------------------------------------------------- */

/* The inputs through the network; the rows of a later variant overwrite those of empty slots.
 */
static spur_status run_network(noise_worker *with, size_t variant, const atomic_bool *cancelled,
                               spur_error *error)
{
    const feature_network *network = with->task->network;
    const tower_watch watch = {.cancelled = cancelled};
    return network->run(network->context, with->network, with->inputs, SLOTS,
                        with->features + variant * with->count * network->width, &watch, error);
}

static spur_status run_clean(noise_worker *with, const atomic_bool *cancelled,
                             spur_error *error)
{
    for (size_t k = 0; k < with->count; k++) {
        float *inputs = with->inputs + k * with->floats;
        memcpy(inputs, with->pixels + k * with->floats, with->floats * sizeof *inputs);
        preprocess_normalise(&with->recipe, inputs);
    }
    return run_network(with, 0, cancelled, error);
}

/* A slot's draw and mask, not yet how strong. */
static noise_request request_of(const noise_worker *with, size_t k, enum noise_region region)
{
    return (noise_request){.draw = with->draws + k * with->floats,
                           .mask = with->masks + k * with->area,
                           .area = with->area,
                           .is_inside = region == NOISE_INSIDE};
}

typedef struct noise_variation {
    size_t trial, strength;
    enum noise_region region;
} noise_variation;

static spur_status run_variant(noise_worker *with, const experiment_block *block,
                               const noise_variation *how, const atomic_bool *cancelled,
                               spur_error *error)
{
    const noise_plan *plan = with->task->plan;
    size_t variant = noise_variant(plan, how->trial, how->region, how->strength);
    for (size_t k = 0; k < with->count; k++) {
        float *inputs = with->inputs + k * with->floats;
        double realised;
        noise_request request = request_of(with, k, how->region);
        request.scale = noise_scale(plan, how->strength, with->lengths[k]);
        request.clamp = plan->clamp;
        noise_add(&request, with->pixels + k * with->floats, inputs, &realised);
        noise_row_put_length(row_of(with, block, with->places[k]), variant, (float)realised);
        preprocess_normalise(&with->recipe, inputs);
    }
    return run_network(with, variant, cancelled, error);
}

static void draw_trial(noise_worker *with, const experiment_block *block, size_t trial)
{
    for (size_t k = 0; k < with->count; k++) {
        random_key key = noise_key(with->task->plan->seed, block->images[with->places[k]]->id);
        noise_draw(key, trial, with->floats, with->draws + k * with->floats);
    }
}

static void measure_region(noise_worker *with, enum noise_region region)
{
    for (size_t k = 0; k < with->count; k++) {
        const noise_request of = request_of(with, k, region);
        with->lengths[k] = noise_length(&of);
    }
}

static spur_status run_trial(noise_worker *with, const experiment_block *block, size_t trial,
                             const atomic_bool *cancelled, spur_error *error)
{
    spur_status status = SPUR_OK;
    draw_trial(with, block, trial);
    for (size_t r = 0; r < NOISE_REGIONS; r++) {
        measure_region(with, (enum noise_region)r);
        for (size_t s = 0; s < with->task->plan->strength_count; s++) {
            const noise_variation how = {trial, s, (enum noise_region)r};
            TRY(run_variant(with, block, &how, cancelled, error));
        }
    }
done:
    return status;
}

/* ---- heads ------------------------------------------------------------------------------- */

static spur_status run_head(noise_worker *with, const experiment_block *block, size_t h,
                            spur_error *error)
{
    spur_status status;
    const judged_head *by = &with->task->heads[h];
    TRY(head_run(by->own, with->features, with->variants * with->count, 1, with->logits,
                 error));
    for (size_t v = 0; v < with->variants; v++) {
        for (size_t k = 0; k < with->count; k++) {
            size_t place = with->places[k];
            const float *logits = with->logits + (v * with->count + k) * by->own->classes;
            judgement found =
                judge_logits(by, logits, (uint32_t)block->images[place]->class_index);
            noise_row_put_class(row_of(with, block, place), h, v,
                                found.predicted < NOISE_NO_CLASS ? (uint16_t)found.predicted
                                                                 : (uint16_t)NOISE_NO_CLASS);
        }
    }
done:
    return status;
}

spur_status noise_worker_run(noise_worker *with, experiment_block *block,
                             const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    TRY(read_images(with, block, cancelled, error));
    if (with->count == 0) {
        goto done;
    }
    TRY(run_clean(with, cancelled, error));
    for (size_t t = 0; t < with->task->plan->trials; t++) {
        TRY(run_trial(with, block, t, cancelled, error));
    }
    for (size_t h = 0; h < with->task->head_count; h++) {
        TRY(run_head(with, block, h, error));
    }
done:
    return status;
}
