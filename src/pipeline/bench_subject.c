/*
 * bench_subject.c - a detector, one image a look, and a backbone, a batch a look.
 */
#include "pipeline/bench_subject.h"

#include "base/memory.h"
#include "models/backbone.h"
#include "models/detector.h"
#include "models/model_folder.h"

/* ---- detector ---------------------------------------------------------------------------- */

static spur_status detector_worker_make(const void *model, void **worker, spur_error *error)
{
    detector_worker *made = NULL;
    spur_status status = detector_worker_new(model, &made, error);
    *worker = made;
    return status;
}

static void detector_worker_end(void *worker)
{
    detector_worker_free(worker);
}

static spur_status detector_look_once(void *worker, const image *picture, spur_error *error)
{
    return detector_look(worker, picture, error);
}

static void detector_end(void *model)
{
    detector_close(model);
}

spur_status bench_detector_open(const char *path, bench_subject *out, spur_error *error)
{
    spur_status status;
    char *folder = NULL;
    detector *model = NULL;
    TRY(model_folder_resolve(path, &folder, error));
    spur_detector_options options;
    spur_detector_options_defaults(&options);
    options.without_digest = true;
    TRY(detector_open(folder, &options, &model, error));
    detector_drop_text(model);
    *out = (bench_subject){.model = model,
                           .recipe = detector_preprocess(model),
                           .images = 1,
                           .gmac = detector_gmac(model),
                           .weight_bytes = detector_weight_bytes(model),
                           .worker_new = detector_worker_make,
                           .worker_free = detector_worker_end,
                           .look = detector_look_once,
                           .close = detector_end};
done:
    memory_free(folder);
    return status;
}

/* ---- backbone ---------------------------------------------------------------------------- */

typedef struct batch_worker {
    const backbone *model;
    backbone_worker *worker;
    float *pixels;   /* [BACKBONE_BATCH, 3, side, side] */
    float *features; /* [BACKBONE_BATCH, D] */
    size_t image_floats;
} batch_worker;

static void batch_worker_end(void *worker)
{
    batch_worker *block = worker;
    if (block != NULL) {
        backbone_worker_free(block->worker);
        memory_free(block->pixels);
        memory_free(block->features);
        memory_free(block);
    }
}

static spur_status batch_worker_make(const void *model, void **worker, spur_error *error)
{
    spur_status status;
    batch_worker *made = NULL;
    spur_backbone_info info;
    backbone_describe(model, &info);
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->model = model;
    made->image_floats = 3 * info.side * info.side;
    TRY(backbone_worker_new(model, &made->worker, error));
    TRY(memory_new(BACKBONE_BATCH * made->image_floats, sizeof(float), &made->pixels, error));
    TRY(memory_new(BACKBONE_BATCH * info.features, sizeof(float), &made->features, error));
    *worker = made;
    made = NULL;
done:
    batch_worker_end(made);
    return status;
}

static spur_status batch_look(void *worker, const image *picture, spur_error *error)
{
    spur_status status;
    batch_worker *with = worker;
    const preprocess *recipe = backbone_preprocess(with->model);
    for (size_t i = 0; i < BACKBONE_BATCH; i++) {
        TRY(preprocess_run(recipe, picture, with->pixels + i * with->image_floats, NULL,
                           error));
    }
    TRY(backbone_run(with->model, with->worker, with->pixels, BACKBONE_BATCH, with->features,
                     NULL, error));
done:
    return status;
}

static void backbone_end(void *model)
{
    backbone_close(model);
}

spur_status bench_backbone_open(const char *path, bench_subject *out, spur_error *error)
{
    backbone *model = NULL;
    spur_backbone_info info;
    spur_status status = backbone_open(path, NULL, &model, error);
    if (status == SPUR_OK) {
        backbone_describe(model, &info);
        *out = (bench_subject){.model = model,
                               .recipe = backbone_preprocess(model),
                               .images = BACKBONE_BATCH,
                               .gmac = backbone_gmac(model),
                               .weight_bytes = info.weight_bytes,
                               .worker_new = batch_worker_make,
                               .worker_free = batch_worker_end,
                               .look = batch_look,
                               .close = backbone_end};
    }
    return status;
}
