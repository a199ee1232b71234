/*
 * resnet_maker.c - the tensors of a ResNet, block by block, filled by weights_by_name.
 */
#include "resnet_maker.h"

#include <stdio.h>
#include <string.h>

#include "models/transformer.h"
#include "named_tensors.h"

enum {
    SPARE = 2,
    NORM_TENSORS = 5,
    BLOCK_TENSORS = 4 * (1 + NORM_TENSORS)
};

typedef struct named_plan {
    const char *name;
    resnet_plan plan;
} named_plan;

#define BASIC                                                                                  \
    {                                                                                          \
        64, 128, 256, 512                                                                      \
    }
#define WIDE                                                                                   \
    {                                                                                          \
        256, 512, 1024, 2048                                                                   \
    }

static const named_plan known[] = {
    {"resnet18", {false, 64, {2, 2, 2, 2}, BASIC, BASIC, 1000}},
    {"resnet34", {false, 64, {3, 4, 6, 3}, BASIC, BASIC, 1000}},
    {"resnet50", {true, 64, {3, 4, 6, 3}, BASIC, WIDE, 1000}},
    {"resnet101", {true, 64, {3, 4, 23, 3}, BASIC, WIDE, 1000}},
    {"resnet152", {true, 64, {3, 8, 36, 3}, BASIC, WIDE, 1000}},
};

bool resnet_plan_find(const char *name, resnet_plan *out)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            *out = known[i].plan;
            return true;
        }
    }
    return false;
}

static spur_status add_counter(named_tensors *into, const char *prefix, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE], *kept = NULL;
    int64_t *counter = NULL;
    tensor_name(name, "%s.num_batches_tracked", prefix);
    TRY(arena_text(into->owner, name, strlen(name), &kept, error));
    TRY(arena_take(into->owner, 1, sizeof *counter, &counter, error));
    *counter = 0;
    into->tensors[into->count++] = (tensor_out){kept, TENSOR_I64, 0, NULL, counter};
done:
    return status;
}

static spur_status add_layer(named_tensors *into, const char *conv, const char *norm_name,
                             const size_t shape[4], spur_error *error)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.weight", conv);
    TRY(named_tensors_add(into, name, 4, shape, error));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        tensor_name(name, "%s.%s", norm_name, parts[i]);
        TRY(named_tensors_add(into, name, 1, shape, error));
    }
    TRY(add_counter(into, norm_name, error));
done:
    return status;
}

/* Layer `index` of a block, 0 the shortcut. */
static spur_status add_inner(named_tensors *into, const char *prefix, size_t index, size_t out,
                             size_t in, size_t side, spur_error *error)
{
    char conv[TENSOR_NAME_SIZE], norm_name[TENSOR_NAME_SIZE];
    const size_t shape[4] = {out, in, side, side};
    tensor_name(conv, index > 0 ? "%s.conv%zu" : "%s.downsample.0", prefix, index);
    tensor_name(norm_name, index > 0 ? "%s.bn%zu" : "%s.downsample.1", prefix, index);
    return add_layer(into, conv, norm_name, shape, error);
}

static spur_status add_block(named_tensors *into, const resnet_plan *plan, size_t stage,
                             size_t block, spur_error *error)
{
    spur_status status;
    char prefix[64];
    size_t in = resnet_block_in(plan, stage, block);
    size_t width = plan->width[stage], out = plan->out[stage];
    (void)snprintf(prefix, sizeof prefix, "layer%zu.%zu", stage + 1, block);
    if (plan->is_bottleneck) {
        TRY(add_inner(into, prefix, 1, width, in, 1, error));
        TRY(add_inner(into, prefix, 2, width, width, 3, error));
        TRY(add_inner(into, prefix, 3, out, width, 1, error));
    } else {
        TRY(add_inner(into, prefix, 1, width, in, 3, error));
        TRY(add_inner(into, prefix, 2, out, width, 3, error));
    }
    if (resnet_has_shortcut(plan, stage, block)) {
        TRY(add_inner(into, prefix, 0, out, in, 1, error));
    }
done:
    return status;
}

static size_t most_tensors(const resnet_plan *plan)
{
    size_t blocks = 1;
    for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
        blocks += plan->blocks[stage];
    }
    return blocks * BLOCK_TENSORS + SPARE;
}

spur_status resnet_tensors_make(const resnet_plan *plan, const char *salt, arena *owner,
                                tensor_out **tensors, size_t *count, spur_error *error)
{
    spur_status status;
    named_tensors into = {salt, owner, NULL, 0};
    const size_t stem[4] = {plan->stem, 3, 7, 7};
    const size_t head[2] = {plan->classes, plan->out[RESNET_STAGES - 1]};
    TRY(arena_take(owner, most_tensors(plan), sizeof *into.tensors, &into.tensors, error));
    TRY(add_layer(&into, "conv1", "bn1", stem, error));
    for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
        for (size_t block = 0; block < plan->blocks[stage]; block++) {
            TRY(add_block(&into, plan, stage, block, error));
        }
    }
    TRY(named_tensors_add(&into, "fc.weight", 2, head, error));
    TRY(named_tensors_add(&into, "fc.bias", 1, head, error));
    *tensors = into.tensors;
    *count = into.count;
done:
    return status;
}

static spur_status write_config(const resnet_plan *plan, size_t side, const char *folder,
                                spur_error *error)
{
    spur_status status;
    text_buffer name = {NULL, 0, 0}, text = {NULL, 0, 0};
    TRY(resnet_plan_name(plan, &name, error));
    TRY(text_format(&text, error,
                    "{\n \"architecture\": \"%s\",\n \"num_classes\": %zu,\n"
                    " \"num_features\": %zu,\n \"pretrained_cfg\": {\n"
                    "  \"input_size\": [3, %zu, %zu],\n  \"interpolation\": \"bilinear\",\n"
                    "  \"crop_pct\": 0.875,\n  \"crop_mode\": \"center\",\n"
                    "  \"mean\": [0.485, 0.456, 0.406],\n  \"std\": [0.229, 0.224, 0.225],\n"
                    "  \"num_classes\": %zu,\n  \"first_conv\": \"conv1\",\n"
                    "  \"classifier\": \"fc\"\n }\n}\n",
                    name.data, plan->classes, plan->out[RESNET_STAGES - 1], side, side,
                    plan->classes));
    TRY(model_text_write(folder, "config.json", &text, error));
done:
    text_buffer_free(&name);
    text_buffer_free(&text);
    return status;
}

spur_status resnet_make(const resnet_plan *plan, const char *salt, size_t side,
                        const char *folder, spur_error *error)
{
    spur_status status;
    arena *owner = NULL;
    tensor_out *tensors = NULL;
    size_t count = 0;
    TRY(write_config(plan, side, folder, error));
    TRY(arena_new(&owner, error));
    TRY(resnet_tensors_make(plan, salt, owner, &tensors, &count, error));
    TRY(model_weights_write(folder, tensors, count, error));
done:
    arena_free(owner);
    return status;
}
