/*
 * resnet_plan.h - which ResNet a weight file holds: blocks and widths read from its tensors.
 *
 * Names are torchvision's, which timm shares. Depth and widths are free; everything else (7 x 7
 * stem, batch norm, a stage's stride in conv1 of basic and conv2 of bottleneck blocks) is the
 * family's, and a file of a neighbouring family is refused by what it has instead.
 */
#ifndef MODELS_RESNET_PLAN_H
#define MODELS_RESNET_PLAN_H

#include "base/text.h"
#include "models/weights.h"

enum {
    RESNET_STAGES = 4
};

typedef struct resnet_plan {
    bool is_bottleneck; /* 1x1, 3x3, 1x1; else 3x3, 3x3 */
    size_t stem;        /* channels behind conv1 */
    size_t blocks[RESNET_STAGES];
    size_t width[RESNET_STAGES]; /* channels inside a block */
    size_t out[RESNET_STAGES];   /* channels behind it */
    size_t classes;
} resnet_plan;

/* A ResNet or one of the neighbours that resnet_plan_read refuses by name. */
bool resnet_recognise(const weights *from);

/* Reads the plan and declares every tensor of it (weights_expect). SPUR_MODEL names the tensor
 * that does not fit. */
spur_status resnet_plan_read(weights *from, resnet_plan *out, spur_error *error) SPUR_MUST_USE;

/* Does block `block` of stage `stage` (both from 0) change size or channels? */
bool resnet_has_shortcut(const resnet_plan *plan, size_t stage, size_t block);
size_t resnet_block_in(const resnet_plan *plan, size_t stage, size_t block);
size_t resnet_block_step(size_t stage, size_t block);

/* "resnet50", "wide_resnet50_2", or family and blocks: "resnet-bottleneck-1-2-1-1". */
spur_status resnet_plan_name(const resnet_plan *plan, text_buffer *into,
                             spur_error *error) SPUR_MUST_USE;

#endif
