/*
 * resnet_plan.c - a ResNet's sizes from its tensors, and what is no ResNet of this family.
 */
#include "models/resnet_plan.h"

#include <stdio.h>

#include "models/transformer.h"

/* A tensor that only another network has, and what that is. */
typedef struct variant {
    const char *tensor, *what;
} variant;

static const variant variants[] = {
    {"conv1.0.weight", "a deep stem (timm's resnet c, d, s, t)"},
    {"layer1.0.se.fc1.weight", "squeeze-and-excitation blocks"},
    {"layer1.0.se.conv.weight", "channel attention blocks (ECA)"},
    {"layer1.0.se_module.fc1.weight", "squeeze-and-excitation blocks"},
    {"layer1.0.conv2.fc1.weight", "split attention (ResNeSt)"},
    {"layer1.0.conv2.conv_reduce.weight", "selective kernels"},
    {"attnpool.positional_embedding", "attention pooling (CLIP's ResNet)"},
    {"resnet.embedder.embedder.convolution.weight", "the names of Hugging Face's ResNet"},
    {"embedder.embedder.convolution.weight", "the names of Hugging Face's ResNet"},
    {"stages.0.blocks.0.conv1.weight", "pre-activation blocks (ResNet v2)"},
};

static const variant *variant_find(const weights *from)
{
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        if (weights_has(from, variants[i].tensor)) {
            return &variants[i];
        }
    }
    return NULL;
}

bool resnet_recognise(const weights *from)
{
    return weights_has(from, "layer1.0.conv1.weight") || variant_find(from) != NULL;
}

static spur_status refuse(const char *tensor, const char *what, spur_error *error)
{
    return error_set(error, SPUR_MODEL,
                     "tensor '%s' shows %s; Spur runs ResNet-18, 34, 50, 101, 152 and their "
                     "other widths, in the names of torchvision and timm",
                     tensor, what);
}

/* ---- sizes ------------------------------------------------------------------------------- */

/* The tensor when it is there with 4 axes, none of them empty. */
static const tensor_info *kernel_find(const weights *from, const char *name)
{
    const tensor_info *info = tensor_file_find(weights_file(from), name);
    return info != NULL && info->rank == 4 && info->elements > 0 ? info : NULL;
}

static spur_status kernel_need(const weights *from, const char *name, const tensor_info **out,
                               spur_error *error)
{
    *out = kernel_find(from, name);
    if (*out != NULL) {
        return SPUR_OK;
    }
    return error_set(error, SPUR_MODEL,
                     weights_has(from, name)
                         ? "tensor '%s' is no convolution's weight [out, in, height, width]"
                         : "tensor '%s' is missing; the file is no ResNet or incomplete",
                     name);
}

static spur_status stage_read(const weights *from, size_t stage, resnet_plan *out,
                              spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    const tensor_info *first, *last;
    tensor_name(name, "layer%zu.0.conv1.weight", stage + 1);
    TRY(kernel_need(from, name, &first, error));
    tensor_name(name, "layer%zu.0.conv%d.weight", stage + 1, out->is_bottleneck ? 3 : 2);
    TRY(kernel_need(from, name, &last, error));
    out->width[stage] = first->shape[0];
    out->out[stage] = last->shape[0];
    size_t blocks = 0;
    do {
        blocks++;
        tensor_name(name, "layer%zu.%zu.conv1.weight", stage + 1, blocks);
    } while (weights_has(from, name));
    out->blocks[stage] = blocks;
done:
    return status;
}

static spur_status sizes_read(const weights *from, resnet_plan *out, spur_error *error)
{
    spur_status status;
    const tensor_info *stem;
    TRY(kernel_need(from, "conv1.weight", &stem, error));
    out->stem = stem->shape[0];
    out->is_bottleneck = weights_has(from, "layer1.0.conv3.weight");
    for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
        TRY(stage_read(from, stage, out, error));
    }
    const tensor_info *head = tensor_file_find(weights_file(from), "fc.weight");
    out->classes = head != NULL && head->rank == 2 ? head->shape[0] : 1;
done:
    return status;
}

bool resnet_has_shortcut(const resnet_plan *plan, size_t stage, size_t block)
{
    return resnet_block_step(stage, block) != 1 ||
           resnet_block_in(plan, stage, block) != plan->out[stage];
}

size_t resnet_block_in(const resnet_plan *plan, size_t stage, size_t block)
{
    if (block > 0) {
        return plan->out[stage];
    }
    return stage == 0 ? plan->stem : plan->out[stage - 1];
}

size_t resnet_block_step(size_t stage, size_t block)
{
    return stage > 0 && block == 0 ? 2 : 1;
}

/* ---- tensors ----------------------------------------------------------------------------- */

static spur_status norm_declare(weights *from, const char *prefix, size_t channels,
                                spur_error *error)
{
    spur_status status;
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    char name[TENSOR_NAME_SIZE];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        tensor_name(name, "%s.%s", prefix, parts[i]);
        TRY(weights_expect(from, name, 1, &channels, error));
    }
    tensor_name(name, "%s.num_batches_tracked", prefix);
    weights_ignore(from, name);
done:
    return status;
}

/* PREFIX CONV.weight [out, in, side, side] and the norm PREFIX NORM. */
static spur_status pair_declare(weights *from, const char *conv, const char *norm_name,
                                const size_t shape[4], spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.weight", conv);
    TRY(weights_expect(from, name, 4, shape, error));
    TRY(norm_declare(from, norm_name, shape[0], error));
done:
    return status;
}

static spur_status layer_declare(weights *from, const char *prefix, size_t index,
                                 const size_t shape[4], spur_error *error)
{
    char conv[TENSOR_NAME_SIZE], norm_name[TENSOR_NAME_SIZE];
    tensor_name(conv, "%s.conv%zu", prefix, index);
    tensor_name(norm_name, "%s.bn%zu", prefix, index);
    return pair_declare(from, conv, norm_name, shape, error);
}

static spur_status shortcut_declare(weights *from, const char *prefix, size_t in, size_t out,
                                    spur_error *error)
{
    char conv[TENSOR_NAME_SIZE], norm_name[TENSOR_NAME_SIZE];
    const size_t shape[4] = {out, in, 1, 1};
    tensor_name(conv, "%s.downsample.1.weight", prefix);
    if (kernel_find(from, conv) != NULL) {
        return refuse(conv, "a pooled shortcut (timm's resnet d, avg_down)", error);
    }
    tensor_name(conv, "%s.downsample.0", prefix);
    tensor_name(norm_name, "%s.downsample.1", prefix);
    return pair_declare(from, conv, norm_name, shape, error);
}

static spur_status groups_check(const weights *from, const char *prefix, size_t width,
                                spur_error *error)
{
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.conv2.weight", prefix);
    const tensor_info *info = kernel_find(from, name);
    if (info != NULL && info->shape[0] == width && info->shape[1] < width) {
        return refuse(name, "grouped convolutions (ResNeXt)", error);
    }
    return SPUR_OK;
}

static spur_status block_declare(weights *from, const resnet_plan *plan, size_t stage,
                                 size_t block, spur_error *error)
{
    spur_status status;
    char prefix[64];
    size_t in = resnet_block_in(plan, stage, block);
    size_t width = plan->width[stage], out = plan->out[stage];
    (void)snprintf(prefix, sizeof prefix, "layer%zu.%zu", stage + 1, block);
    TRY(groups_check(from, prefix, width, error));
    const size_t narrow[4] = {width, in, 1, 1}, inner[4] = {width, width, 3, 3};
    const size_t wide[4] = {out, width, 1, 1};
    const size_t first[4] = {width, in, 3, 3}, second[4] = {out, width, 3, 3};
    if (plan->is_bottleneck) {
        TRY(layer_declare(from, prefix, 1, narrow, error));
        TRY(layer_declare(from, prefix, 2, inner, error));
        TRY(layer_declare(from, prefix, 3, wide, error));
    } else {
        TRY(layer_declare(from, prefix, 1, first, error));
        TRY(layer_declare(from, prefix, 2, second, error));
    }
    if (resnet_has_shortcut(plan, stage, block)) {
        TRY(shortcut_declare(from, prefix, in, out, error));
    }
done:
    return status;
}

static spur_status plan_declare(weights *from, const resnet_plan *plan, spur_error *error)
{
    spur_status status;
    const size_t stem[4] = {plan->stem, 3, 7, 7};
    TRY(pair_declare(from, "conv1", "bn1", stem, error));
    for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
        for (size_t block = 0; block < plan->blocks[stage]; block++) {
            TRY(block_declare(from, plan, stage, block, error));
        }
    }
    TRY(linear_expect(from, "fc", plan->out[RESNET_STAGES - 1], plan->classes, error));
done:
    return status;
}

spur_status resnet_plan_read(weights *from, resnet_plan *out, spur_error *error)
{
    spur_status status;
    resnet_plan plan = {0};
    const variant *other = variant_find(from);
    if (other != NULL) {
        return refuse(other->tensor, other->what, error);
    }
    if (weights_has(from, "bn1.weight") && !weights_has(from, "bn1.running_mean")) {
        return refuse("bn1.weight", "group norm (there is no bn1.running_mean)", error);
    }
    TRY(sizes_read(from, &plan, error));
    TRY(plan_declare(from, &plan, error));
    *out = plan;
done:
    return status;
}

/* ---- names ------------------------------------------------------------------------------- */

typedef struct known_size {
    const char *name;
    bool is_bottleneck;
    size_t blocks[RESNET_STAGES];
    size_t width; /* of the first stage; doubled by every other */
} known_size;

static const known_size known_sizes[] = {
    {"resnet18", false, {2, 2, 2, 2}, 64},         {"resnet34", false, {3, 4, 6, 3}, 64},
    {"resnet50", true, {3, 4, 6, 3}, 64},          {"resnet101", true, {3, 4, 23, 3}, 64},
    {"resnet152", true, {3, 8, 36, 3}, 64},        {"wide_resnet50_2", true, {3, 4, 6, 3}, 128},
    {"wide_resnet101_2", true, {3, 4, 23, 3}, 128}};

static bool is_known(const resnet_plan *plan, const known_size *size)
{
    bool same = plan->stem == 64 && plan->is_bottleneck == size->is_bottleneck;
    for (size_t stage = 0; same && stage < RESNET_STAGES; stage++) {
        size_t out = (size->is_bottleneck ? 256U : 64U) << stage;
        same = plan->blocks[stage] == size->blocks[stage] &&
               plan->width[stage] == size->width << stage && plan->out[stage] == out;
    }
    return same;
}

spur_status resnet_plan_name(const resnet_plan *plan, text_buffer *into, spur_error *error)
{
    const size_t *blocks = plan->blocks;
    for (size_t i = 0; i < sizeof known_sizes / sizeof known_sizes[0]; i++) {
        if (is_known(plan, &known_sizes[i])) {
            return text_format(into, error, "%s", known_sizes[i].name);
        }
    }
    return text_format(into, error, "resnet-%s-%zu-%zu-%zu-%zu",
                       plan->is_bottleneck ? "bottleneck" : "basic", blocks[0], blocks[1],
                       blocks[2], blocks[3]);
}
