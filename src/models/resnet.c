/*
 * resnet.c - the ResNet's convolutions, walked so that what one writes is still in cache when
 * the next reads it.
 *
 * Level 0 is the stem, level 1 .. 4 the stages. A level works on a group of images whose pixels
 * fit the last-level cache (one image where they are large, all where the weights are) and asks
 * the level below for just these. Channels are last; a pixel's floats keep clear of multiples
 * of 1 KiB (row_stride).
 */
#include "models/resnet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/convolution.h"
#include "nn/pool.h"

enum {
    LEVELS = RESNET_STAGES + 1,
    GROUP_FLOATS = 1 << 20, /* of a level's output for one group of images */
    GROUP_MOST = 8,
    STEM_PAD = 3,
    STEM_KERNEL = 7,
    SIDE_MOST = 8192
};

/* The third is NULL in basic blocks, the shortcut where nothing changes. */
typedef struct residual_block {
    convolution *conv1, *conv2, *conv3, *shortcut;
} residual_block;

/* What leaves a level: side x side pixels of `stride` floats, `floats` in all per image. */
typedef struct level {
    size_t side, channels, stride, floats;
    size_t group; /* images worked on together */
    residual_block *blocks;
    size_t block_count;
} level;

struct resnet {
    size_t side, padded; /* of the input, without and with the stem's zeros */
    convolution *conv1;
    pool_shape conv1_shape;
    level levels[LEVELS];
    size_t inner; /* floats between two convolutions of a block, for a group */
    size_t bytes;
    double gmac;
};

/* ---- opening ----------------------------------------------------------------------------- */

/* A convolution with the batch norm behind it, and where their tensors are. */
typedef struct folded {
    const char *conv, *norm_name;
    convolution_shape shape;
} folded;

enum {
    NORM_WEIGHT,
    NORM_BIAS,
    NORM_MEAN,
    NORM_VARIANCE,
    NORM_PARTS
};

static spur_status norm_read(const weights *from, const char *prefix, float *part[NORM_PARTS],
                             spur_error *error)
{
    static const char *const names[NORM_PARTS] = {"weight", "bias", "running_mean",
                                                  "running_var"};
    spur_status status = SPUR_OK;
    char name[TENSOR_NAME_SIZE];
    for (size_t i = 0; i < NORM_PARTS && status == SPUR_OK; i++) {
        tensor_name(name, "%s.%s", prefix, names[i]);
        status = weights_take(from, name, &part[i], error);
    }
    return status;
}

/* weight[o] *= s, part[NORM_BIAS][o] = bias - mean s with s = weight / sqrt(variance + eps).
 * False when a result is no finite number. */
static bool norm_fold(float *part[NORM_PARTS], size_t out, size_t depth, float *weight)
{
    bool is_finite = true;
    for (size_t o = 0; o < out; o++) {
        double scale =
            (double)part[NORM_WEIGHT][o] / sqrt((double)part[NORM_VARIANCE][o] + 1e-5);
        double bias = (double)part[NORM_BIAS][o] - (double)part[NORM_MEAN][o] * scale;
        part[NORM_BIAS][o] = (float)bias;
        is_finite = is_finite && isfinite(part[NORM_BIAS][o]);
        for (size_t i = 0; i < depth; i++) {
            float *value = &weight[o * depth + i];
            *value = (float)((double)*value * scale);
            is_finite = is_finite && isfinite(*value);
        }
    }
    return is_finite;
}

/* What every step of opening works on. */
typedef struct opening {
    engine *on;
    const weights *from;
    const resnet_plan *plan;
    resnet *made;
} opening;

static spur_status folded_open(const opening *with, const folded *what, convolution **out,
                               spur_error *error)
{
    spur_status status;
    const convolution_shape *shape = &what->shape;
    char name[TENSOR_NAME_SIZE];
    float *weight = NULL, *part[NORM_PARTS] = {NULL};
    size_t depth = shape->in * shape->kernel * shape->kernel;
    tensor_name(name, "%s.weight", what->conv);
    TRY(weights_take(with->from, name, &weight, error));
    TRY(norm_read(with->from, what->norm_name, part, error));
    if (!norm_fold(part, shape->out, depth, weight)) {
        FAIL(SPUR_MODEL,
             "batch norm '%s' does not fold into finite weights: its running_var is below "
             "-1e-5 or its numbers are too large",
             what->norm_name);
    }
    TRY(convolution_open(with->on, shape, weight, part[NORM_BIAS], out, error));
    double side = (double)convolved_side(shape->height, shape->kernel, shape->step, shape->pad);
    with->made->bytes += convolution_bytes(*out);
    with->made->gmac += 1e-9 * side * side * (double)shape->out * (double)depth;
done:
    memory_free(weight);
    for (size_t i = 0; i < NORM_PARTS; i++) {
        memory_free(part[i]);
    }
    return status;
}

/* PREFIX.conv{index} with PREFIX.bn{index}; index 0 is the shortcut. */
static spur_status layer_open(const opening *with, const char *prefix, size_t index,
                              const convolution_shape *shape, convolution **out,
                              spur_error *error)
{
    char conv[TENSOR_NAME_SIZE], norm_name[TENSOR_NAME_SIZE];
    tensor_name(conv, index > 0 ? "%s.conv%zu" : "%s.downsample.0", prefix, index);
    tensor_name(norm_name, index > 0 ? "%s.bn%zu" : "%s.downsample.1", prefix, index);
    const folded what = {conv, norm_name, *shape};
    return folded_open(with, &what, out, error);
}

/* in -> out channels on side x side pixels with rows as row_stride lays them. */
static convolution_shape shape_of(size_t in, size_t out, size_t side, size_t kernel_side,
                                  size_t step)
{
    return (convolution_shape){.in = in,
                               .out = out,
                               .height = side,
                               .width = side,
                               .kernel = kernel_side,
                               .step = step,
                               .pad = kernel_side / 2,
                               .src_stride = row_stride(in),
                               .dst_stride = row_stride(out),
                               .relu = true};
}

static spur_status bottleneck_open(const opening *with, const char *prefix, size_t stage,
                                   size_t block, size_t side, residual_block *out,
                                   spur_error *error)
{
    spur_status status;
    size_t width = with->plan->width[stage], step = resnet_block_step(stage, block);
    size_t in = resnet_block_in(with->plan, stage, block);
    convolution_shape first = shape_of(in, width, side, 1, 1);
    convolution_shape second = shape_of(width, width, side, 3, step);
    convolution_shape third =
        shape_of(width, with->plan->out[stage], convolved_side(side, 3, step, 1), 1, 1);
    TRY(layer_open(with, prefix, 1, &first, &out->conv1, error));
    TRY(layer_open(with, prefix, 2, &second, &out->conv2, error));
    TRY(layer_open(with, prefix, 3, &third, &out->conv3, error));
done:
    return status;
}

static spur_status basic_open(const opening *with, const char *prefix, size_t stage,
                              size_t block, size_t side, residual_block *out, spur_error *error)
{
    spur_status status;
    size_t width = with->plan->width[stage], step = resnet_block_step(stage, block);
    size_t in = resnet_block_in(with->plan, stage, block);
    convolution_shape first = shape_of(in, width, side, 3, step);
    convolution_shape second =
        shape_of(width, with->plan->out[stage], convolved_side(side, 3, step, 1), 3, 1);
    TRY(layer_open(with, prefix, 1, &first, &out->conv1, error));
    TRY(layer_open(with, prefix, 2, &second, &out->conv2, error));
done:
    return status;
}

/* side: of the block's input. */
static spur_status block_open(const opening *with, size_t stage, size_t block, size_t side,
                              residual_block *out, spur_error *error)
{
    spur_status status;
    char prefix[64];
    (void)snprintf(prefix, sizeof prefix, "layer%zu.%zu", stage + 1, block);
    if (with->plan->is_bottleneck) {
        TRY(bottleneck_open(with, prefix, stage, block, side, out, error));
    } else {
        TRY(basic_open(with, prefix, stage, block, side, out, error));
    }
    if (resnet_has_shortcut(with->plan, stage, block)) {
        convolution_shape shape =
            shape_of(resnet_block_in(with->plan, stage, block), with->plan->out[stage], side, 1,
                     resnet_block_step(stage, block));
        shape.relu = false;
        TRY(layer_open(with, prefix, 0, &shape, &out->shortcut, error));
    }
done:
    return status;
}

static spur_status stage_open(const opening *with, size_t stage, spur_error *error)
{
    spur_status status;
    level *out = &with->made->levels[stage + 1];
    size_t side = with->made->levels[stage].side;
    out->block_count = with->plan->blocks[stage];
    TRY(memory_new_zeroed(out->block_count, sizeof *out->blocks, &out->blocks, error));
    for (size_t block = 0; block < out->block_count; block++) {
        TRY(block_open(with, stage, block, side, &out->blocks[block], error));
        side = out->side;
    }
done:
    return status;
}

/* Zeros lie around the stem's input, so that a row under its kernel is one piece of memory. */
static spur_status stem_open(const opening *with, spur_error *error)
{
    resnet *made = with->made;
    const folded what = {"conv1",
                         "bn1",
                         {.in = 3,
                          .out = made->conv1_shape.channels,
                          .height = made->padded,
                          .width = made->padded,
                          .kernel = STEM_KERNEL,
                          .step = 2,
                          .src_stride = 3,
                          .dst_stride = made->conv1_shape.stride,
                          .relu = true}};
    return folded_open(with, &what, &made->conv1, error);
}

static void level_size(level *out, size_t side, size_t channels)
{
    out->side = side;
    out->channels = channels;
    out->stride = row_stride(channels);
    out->floats = side * side * out->stride;
    out->group = GROUP_MOST;
    while (out->group > 1 && out->group * out->floats > GROUP_FLOATS) {
        out->group /= 2;
    }
}

/* Sides, channels and buffer sizes of everything. */
static void sizes_set(resnet *made, const resnet_plan *plan, size_t side)
{
    size_t behind = convolved_side(side, STEM_KERNEL, 2, STEM_PAD);
    made->side = side;
    made->padded = side + 2 * STEM_PAD;
    made->conv1_shape = (pool_shape){plan->stem, behind, behind, row_stride(plan->stem)};
    level_size(&made->levels[0], (behind + 1) / 2, plan->stem);
    for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
        size_t before = made->levels[stage].side;
        level *out = &made->levels[stage + 1];
        level_size(out, convolved_side(before, 3, resnet_block_step(stage, 0), 1),
                   plan->out[stage]);
        size_t inner = before * before * row_stride(plan->width[stage]) * out->group;
        made->inner = inner > made->inner ? inner : made->inner;
    }
}

spur_status resnet_open(engine *on, const weights *from, const resnet_plan *plan, size_t side,
                        resnet **out, spur_error *error)
{
    spur_status status;
    resnet *made = NULL;
    if (side == 0 || side > SIDE_MOST) {
        FAIL(SPUR_MODEL, "the input's side is %zu, expected 1 to %d", side, SIDE_MOST);
    }
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    sizes_set(made, plan, side);
    const opening with = {on, from, plan, made};
    TRY(stem_open(&with, error));
    for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
        TRY(stage_open(&with, stage, error));
    }
    *out = made;
    made = NULL;
done:
    resnet_close(made);
    return status;
}

static void level_free(level *block)
{
    for (size_t i = 0; block->blocks != NULL && i < block->block_count; i++) {
        convolution_close(block->blocks[i].conv1);
        convolution_close(block->blocks[i].conv2);
        convolution_close(block->blocks[i].conv3);
        convolution_close(block->blocks[i].shortcut);
    }
    memory_free(block->blocks);
}

void resnet_close(resnet *block)
{
    if (block != NULL) {
        convolution_close(block->conv1);
        for (size_t i = 0; i < LEVELS; i++) {
            level_free(&block->levels[i]);
        }
        memory_free(block);
    }
}

size_t resnet_features(const resnet *from)
{
    return from->levels[LEVELS - 1].channels;
}

size_t resnet_bytes(const resnet *from)
{
    return from->bytes;
}

double resnet_gmac(const resnet *from)
{
    return from->gmac;
}

/* ---- running ----------------------------------------------------------------------------- */

/* A run's scratch, cut up: the stem's input and its output before pooling, two buffers inside
 * blocks, and what each level hands up. */
typedef struct workspace {
    float *padded, *conv1, *inner1, *inner2, *out[LEVELS];
} workspace;

typedef struct run {
    const resnet *from;
    engine_worker *worker;
    const tower_watch *watch;
    workspace space;
    const float *pixels;
} run;

/* Floats rounded up to whole cache lines. */
static size_t lines(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static size_t padded_floats(const resnet *from)
{
    return lines(from->padded * from->padded * 3);
}

static size_t conv1_floats(const resnet *from)
{
    const pool_shape *shape = &from->conv1_shape;
    return shape->height * shape->width * shape->stride;
}

/* A level's output is held for the group of the level above. */
static size_t out_floats(const resnet *from, size_t index)
{
    size_t images = from->levels[index + 1 < LEVELS ? index + 1 : index].group;
    return images * from->levels[index].floats;
}

size_t resnet_scratch(const resnet *from)
{
    size_t floats = padded_floats(from) + conv1_floats(from) + 2 * lines(from->inner);
    for (size_t i = 0; i < LEVELS; i++) {
        floats += out_floats(from, i);
    }
    return floats;
}

static void workspace_cut(const resnet *from, float *scratch, workspace *out)
{
    out->padded = scratch;
    out->conv1 = out->padded + padded_floats(from);
    out->inner1 = out->conv1 + conv1_floats(from);
    out->inner2 = out->inner1 + lines(from->inner);
    float *next = out->inner2 + lines(from->inner);
    for (size_t i = 0; i < LEVELS; i++) {
        out->out[i] = next;
        next += out_floats(from, i);
    }
    memset(out->padded, 0, padded_floats(from) * sizeof(float));
}

static spur_status stem_run(const run *of, const float *pixels, float *dst, spur_error *error)
{
    spur_status status;
    const resnet *from = of->from;
    const pool_shape *shape = &from->conv1_shape;
    planes_interleave(pixels, 3, from->side, STEM_PAD, of->space.padded);
    TRY(convolution_run(from->conv1, of->worker, 1, of->space.padded, NULL, of->space.conv1,
                        error));
    watch_show(of->watch, "conv1", of->space.conv1, shape->height * shape->width,
               shape->channels, shape->stride);
    pool_largest(shape, 1, of->space.conv1, dst);
    watch_show(of->watch, "stem", dst, from->levels[0].side * from->levels[0].side,
               shape->channels, shape->stride);
done:
    return status;
}

/* dst = relu(layers of src + shortcut of src); without a shortcut src and dst may be one. */
static spur_status block_run(const run *of, const residual_block *block, size_t images,
                             const float *src, float *dst, spur_error *error)
{
    spur_status status;
    const float *residual = src;
    float *inner1 = of->space.inner1, *inner2 = of->space.inner2;
    TRY(convolution_run(block->conv1, of->worker, images, src, NULL, inner1, error));
    if (block->shortcut != NULL) {
        TRY(convolution_run(block->shortcut, of->worker, images, src, NULL, dst, error));
        residual = dst;
    }
    if (block->conv3 == NULL) {
        TRY(convolution_run(block->conv2, of->worker, images, inner1, residual, dst, error));
    } else {
        TRY(convolution_run(block->conv2, of->worker, images, inner1, NULL, inner2, error));
        TRY(convolution_run(block->conv3, of->worker, images, inner2, residual, dst, error));
    }
done:
    return status;
}

static spur_status stage_run(const run *of, size_t index, size_t images, const float *src,
                             float *dst, spur_error *error)
{
    static const char *const names[LEVELS] = {"stem", "layer1", "layer2", "layer3", "layer4"};
    spur_status status = SPUR_OK;
    const level *here = &of->from->levels[index];
    for (size_t i = 0; i < here->block_count; i++) {
        if (of->watch != NULL && of->watch->cancelled != NULL &&
            atomic_load(of->watch->cancelled)) {
            FAIL(SPUR_INTERRUPTED, "interrupted");
        }
        TRY(block_run(of, &here->blocks[i], images, i == 0 ? src : dst, dst, error));
    }
    watch_show(of->watch, names[index], dst, images * here->side * here->side, here->channels,
               here->stride);
done:
    return status;
}

/* The output of a level for `images` images from the first-th on. Calls itself once per level
 * below. */
static spur_status level_run(const run *of, size_t index, size_t first, size_t images,
                             float *dst, spur_error *error)
{
    spur_status status = SPUR_OK;
    const resnet *from = of->from;
    const level *here = &from->levels[index];
    size_t group = index == 0 ? 1 : here->group, together;
    for (size_t at = 0; at < images; at += together, dst += together * here->floats) {
        together = images - at < group ? images - at : group;
        if (index == 0) {
            size_t image = first + at;
            TRY(stem_run(of, of->pixels + image * 3 * from->side * from->side, dst, error));
            continue;
        }
        float *src = of->space.out[index - 1];
        TRY(level_run(of, index - 1, first + at, together, src, error));
        TRY(stage_run(of, index, together, src, dst, error));
    }
done:
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the signature of the table */
spur_status resnet_run(const resnet *from, engine_worker *worker, float *scratch,
                       const float *pixels, size_t images, float *features,
                       const tower_watch *watch, spur_error *error)
{
    spur_status status = SPUR_OK;
    const level *last = &from->levels[LEVELS - 1];
    const pool_shape shape = {last->channels, last->side, last->side, last->stride};
    run of = {.from = from, .worker = worker, .watch = watch, .pixels = pixels};
    workspace_cut(from, scratch, &of.space);
    for (size_t first = 0, together; first < images; first += together) {
        together = images - first < last->group ? images - first : last->group;
        TRY(level_run(&of, LEVELS - 1, first, together, of.space.out[LEVELS - 1], error));
        pool_mean(&shape, together, of.space.out[LEVELS - 1],
                  features + first * last->channels);
    }
done:
    return status;
}
