/*
 * backbone_network.c - ResNet and ViT behind one seam.
 */
#include "models/backbone_network.h"

#include "models/resnet.h"
#include "models/vit.h"

enum {
    TORCHVISION_SIDE = 224 /* where nothing says how large pictures are */
};

static void name_copy(const text_buffer *name, network_facts *facts)
{
    text_copy(name->data, facts->architecture, sizeof facts->architecture);
}

/* ---- ResNet ------------------------------------------------------------------------------ */

/* fc.weight and fc.bias become the head; they are moved, not copied. */
static spur_status resnet_head(const weights *from, const resnet_plan *plan, head *out,
                               spur_error *error)
{
    spur_status status;
    head made = {.classes = plan->classes, .features = plan->out[RESNET_STAGES - 1]};
    TRY(weights_take(from, "fc.weight", &made.weight, error));
    TRY(weights_take(from, "fc.bias", &made.bias, error));
    *out = made;
    made = (head){0};
done:
    head_free(&made);
    return status;
}

static spur_status open_resnet(engine *on, weights *from, const network_hints *hints,
                               void **network, network_facts *facts, head *own_head,
                               spur_error *error)
{
    spur_status status;
    resnet_plan plan;
    resnet *made = NULL;
    text_buffer name = {NULL, 0, 0};
    size_t side = hints->side != 0 ? hints->side : TORCHVISION_SIDE;
    TRY(resnet_plan_read(from, &plan, error));
    TRY(weights_check_complete(from, error));
    TRY(resnet_plan_name(&plan, &name, error));
    TRY(resnet_open(on, from, &plan, side, &made, error));
    TRY(resnet_head(from, &plan, own_head, error));
    *facts = (network_facts){.side = side,
                             .features = resnet_features(made),
                             .weight_bytes = resnet_bytes(made),
                             .scratch = resnet_scratch(made),
                             .gmac = resnet_gmac(made),
                             .head_prefix = "fc"};
    name_copy(&name, facts);
    *network = made;
    made = NULL;
done:
    resnet_close(made);
    text_buffer_free(&name);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the signature of the table */
static spur_status run_resnet(const void *network, engine_worker *worker, float *scratch,
                              const float *pixels, size_t images, float *features,
                              const tower_watch *watch, spur_error *error)
{
    return resnet_run(network, worker, scratch, pixels, images, features, watch, error);
}

static void close_resnet(void *network)
{
    resnet_close(network);
}

const network_kind network_resnet = {"resnet", resnet_recognise, open_resnet, run_resnet,
                                     close_resnet};

/* ---- ViT --------------------------------------------------------------------------------- */

static spur_status open_vit(engine *on, weights *from, const network_hints *hints,
                            void **network, network_facts *facts, head *own_head,
                            spur_error *error)
{
    spur_status status;
    vit_plan plan;
    vit *made = NULL;
    text_buffer name = {NULL, 0, 0};
    TRY(vit_plan_read(from, hints, &plan, error));
    TRY(weights_check_complete(from, error));
    TRY(vit_plan_name(&plan, &name, error));
    TRY(vit_open(on, from, &plan, &made, error));
    TRY(vit_plan_head(from, &plan, own_head, error));
    *facts = (network_facts){.side = plan.side,
                             .features = vit_features(made),
                             .weight_bytes = vit_bytes(made),
                             .scratch = vit_scratch(made),
                             .gmac = vit_gmac(made),
                             .head_prefix = vit_plan_head_prefix(&plan)};
    name_copy(&name, facts);
    *network = made;
    made = NULL;
done:
    vit_close(made);
    text_buffer_free(&name);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the signature of the table */
static spur_status run_vit(const void *network, engine_worker *worker, float *scratch,
                           const float *pixels, size_t images, float *features,
                           const tower_watch *watch, spur_error *error)
{
    return vit_run(network, worker, scratch, pixels, images, features, watch, error);
}

static void close_vit(void *network)
{
    vit_close(network);
}

const network_kind network_vit = {"vit", vit_recognise, open_vit, run_vit, close_vit};
