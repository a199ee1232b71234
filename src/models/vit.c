/*
 * vit.c - tokens of several images, walked through the blocks together so that a block's
 * weights are read once for all of them.
 */
#include "models/vit.h"

#include <string.h>

#include "base/memory.h"
#include "nn/patches.h"
#include "nn/rows.h"

struct vit {
    transformer_shape shape;
    size_t side, patch, patches, leading, seen;
    size_t tokens, rows; /* rows: of one image's tokens, with padding */
    size_t spare;        /* rows that the last image's patch products write behind it */
    size_t stride, pixel_stride;
    size_t patch_block; /* rows of one product of the patch embedding */
    linear *embed;      /* [W, 3 p p] */
    float *first;       /* leading tokens + their positions, [leading, W] */
    float *position;    /* [T, W]; the leading rows are in `first` */
    norm last;
    transformer *body;
};

static void sizes_set(vit *made, const vit_plan *plan)
{
    made->shape = plan->shape;
    made->side = plan->side;
    made->patch = plan->patch;
    made->patches = plan->grid * plan->grid;
    made->leading = plan->leading;
    made->seen = plan->seen;
    made->tokens = plan->leading + made->patches;
    made->rows = blocks_total(made->tokens);
    made->stride = row_stride(plan->shape.width);
    made->pixel_stride = row_stride(3 * plan->patch * plan->patch);
    made->patch_block = block_rows(made->patches);
    size_t written = made->leading + blocks_total(made->patches);
    made->spare = written > made->rows ? written - made->rows : 0;
}

static spur_status embedding_open(engine *on, const weights *from, const vit_tensors *names,
                                  vit *made, spur_error *error)
{
    size_t in = 3 * made->patch * made->patch;
    const linear_shape shape = {.rows = made->patch_block,
                                .in = in,
                                .out = made->shape.width,
                                .src_stride = made->pixel_stride,
                                .dst_stride = made->stride};
    return linear_take(on, from, names->patch, &shape, &made->embed, error);
}

static spur_status tokens_open(const weights *from, const vit_tensors *names, vit *made,
                               spur_error *error)
{
    spur_status status;
    size_t width = made->shape.width;
    float *token = NULL;
    TRY(weights_take(from, names->positions, &made->position, error));
    TRY(memory_new(made->leading, width * sizeof(float), &made->first, error));
    memcpy(made->first, made->position, made->leading * width * sizeof(float));
    for (size_t i = 0; i < made->leading; i++) {
        memory_free(token);
        token = NULL;
        TRY(weights_take(from, i == 0 ? names->class_token : names->distillation_token, &token,
                         error));
        rows_add(token, width, 1, width, made->first + i * width, width);
    }
done:
    memory_free(token);
    return status;
}

spur_status vit_open(engine *on, const weights *from, const vit_plan *plan, vit **out,
                     spur_error *error)
{
    spur_status status;
    vit *made = NULL;
    vit_tensors names = vit_plan_tensors(plan);
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    sizes_set(made, plan);
    TRY(embedding_open(on, from, &names, made, error));
    TRY(tokens_open(from, &names, made, error));
    TRY(norm_take(from, names.norm, plan->shape.width, plan->shape.eps, &made->last, error));
    TRY(transformer_open(on, from, &names.blocks, &made->body, error));
    *out = made;
    made = NULL;
done:
    vit_close(made);
    return status;
}

void vit_close(vit *block)
{
    if (block != NULL) {
        linear_close(block->embed);
        memory_free(block->first);
        memory_free(block->position);
        norm_free(&block->last);
        transformer_close(block->body);
        memory_free(block);
    }
}

size_t vit_features(const vit *from)
{
    return from->seen * from->shape.width;
}

size_t vit_bytes(const vit *from)
{
    size_t rows = from->leading + from->tokens + 2;
    return linear_bytes(from->embed) + rows * from->shape.width * sizeof(float) +
           transformer_bytes(from->body);
}

double vit_gmac(const vit *from)
{
    double tokens = (double)from->tokens, width = (double)from->shape.width;
    double seen = (double)from->seen, rest = width * (width + 2 * (double)from->shape.mlp);
    double layer = tokens * (3 * width * width + rest) + 2 * tokens * tokens * width;
    double last = tokens * 3 * width * width + seen * (rest + 2 * tokens * width);
    double embed = (double)from->patches * width * 3 * (double)(from->patch * from->patch);
    return (embed + (double)(from->shape.layers - 1) * layer + last) / 1e9;
}

/* Scratch: the tokens of all images, then what the blocks need or one block of patch pixels. */
static size_t token_floats(const vit *from)
{
    return (VIT_BATCH * from->rows + from->spare) * from->stride;
}

size_t vit_scratch(const vit *from)
{
    size_t blocks = transformer_scratch(from->body);
    size_t pixels = from->patch_block * from->pixel_stride;
    return token_floats(from) + (blocks > pixels ? blocks : pixels);
}

/* x [rows, W] of one image; the patch products may write behind them, so images are made in
 * order. */
static spur_status tokens_make(const vit *from, engine_worker *worker, const float *pixels,
                               float *rows, float *x, const tower_watch *watch,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t width = from->shape.width, stride = from->stride;
    float *patches = x + from->leading * stride;
    for (size_t i = 0; i < from->leading; i++) {
        memcpy(x + i * stride, from->first + i * width, width * sizeof *x);
    }
    for (size_t n = 0; n < from->patches; n += from->patch_block) {
        patches_gather(pixels, from->side, from->patch, n, from->patch_block, rows,
                       from->pixel_stride);
        TRY(linear_run(from->embed, worker, rows, patches + n * stride, error));
    }
    watch_show(watch, "patch_embed", patches, from->patches, width, stride);
    rows_add(from->position + from->leading * width, width, from->patches, width, patches,
             stride);
    watch_show(watch, "tokens", x, from->tokens, width, stride);
    memset(x + from->tokens * stride, 0, (from->rows - from->tokens) * stride * sizeof *x);
done:
    return status;
}

static void feature_take(const vit *from, float *x, float *feature, const tower_watch *watch)
{
    size_t width = from->shape.width, stride = from->stride;
    bool is_shown = watch != NULL && watch->show != NULL;
    norm_run(&from->last, x, stride, is_shown ? from->tokens : from->seen, x, stride);
    watch_show(watch, "norm", x, from->tokens, width, stride);
    for (size_t i = 0; i < from->seen; i++) {
        memcpy(feature + i * width, x + i * stride, width * sizeof *x);
    }
}

/* NOLINTNEXTLINE(readability-function-size): the signature of the table */
spur_status vit_run(const vit *from, engine_worker *worker, float *scratch, const float *pixels,
                    size_t images, float *features, const tower_watch *watch, spur_error *error)
{
    spur_status status = SPUR_OK;
    float *rest = scratch + token_floats(from);
    size_t floats = from->rows * from->stride, pixel_count = 3 * from->side * from->side;
    for (size_t i = 0; i < images; i++) {
        TRY(tokens_make(from, worker, pixels + i * pixel_count, rest, scratch + i * floats,
                        watch, error));
    }
    TRY(transformer_run(from->body, worker, scratch, images, rest, watch, error));
    for (size_t i = 0; i < images; i++) {
        feature_take(from, scratch + i * floats, features + i * vit_features(from), watch);
    }
done:
    return status;
}
