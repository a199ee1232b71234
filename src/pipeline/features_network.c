/*
 * features_network.c - a backbone's calls under the names of a feature_network.
 */
#include "pipeline/features_network.h"

static spur_status worker_new(const void *context, void **out, spur_error *error)
{
    backbone_worker *made = NULL;
    spur_status status = backbone_worker_new(context, &made, error);
    *out = made;
    return status;
}

static void worker_free(void *worker)
{
    backbone_worker_free(worker);
}

static spur_status run(const void *context, void *worker, const float *pixels, size_t count,
                       float *features, const tower_watch *watch, spur_error *error)
{
    return backbone_run(context, worker, pixels, count, features, watch, error);
}

feature_network feature_network_of(const backbone *model)
{
    spur_backbone_info info;
    backbone_describe(model, &info);
    return (feature_network){.context = model,
                             .recipe = backbone_preprocess(model),
                             .side = info.side,
                             .width = info.features,
                             .worker_new = worker_new,
                             .worker_free = worker_free,
                             .run = run};
}
