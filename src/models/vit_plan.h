/*
 * vit_plan.h - which vision transformer a weight file holds: sizes read from its tensors.
 *
 * Names are timm's or Hugging Face's (models.md 5.3). Only the number of heads, the activation
 * and eps are not in the shapes: config.json says them, else the names' own defaults hold and
 * heads are 64 wide. A file of a neighbouring family is refused by what it has instead.
 */
#ifndef MODELS_VIT_PLAN_H
#define MODELS_VIT_PLAN_H

#include "models/backbone_network.h"

typedef struct vit_names vit_names;

typedef struct vit_plan {
    const vit_names *names;
    bool is_deit; /* says so itself, or has a distillation token */
    transformer_shape shape;
    size_t side, patch, grid; /* of the input; of a patch; patches a row */
    size_t leading;           /* tokens before the patches: 1, or 2 with distillation */
    size_t seen;              /* how many of them the last layer sees */
    size_t classes;
} vit_plan;

/* A ViT or one of the neighbours that vit_plan_read refuses by name. */
bool vit_recognise(const weights *from);

/* Reads the plan and declares every tensor of it (weights_expect). SPUR_MODEL names the tensor
 * or the member of config.json that does not fit. */
spur_status vit_plan_read(weights *from, const network_hints *hints, vit_plan *out,
                          spur_error *error) SPUR_MUST_USE;

/* "deit_small_distilled_patch16_224"; family and sizes (width, layers, heads) where they are
 * nobody's: "vit-48-3-4_patch8_32". */
spur_status vit_plan_name(const vit_plan *plan, text_buffer *into,
                          spur_error *error) SPUR_MUST_USE;

/* Names of the tensors outside the blocks, and the blocks as transformer_open wants them. */
typedef struct vit_tensors {
    const char *class_token, *distillation_token, *positions, *patch, *norm;
    transformer_plan blocks;
} vit_tensors;
vit_tensors vit_plan_tensors(const vit_plan *plan);

/* "head", "head_dist" (two layers), "classifier" or "cls_classifier" (two layers). */
const char *vit_plan_head_prefix(const vit_plan *plan);
/* The file's last layer; of two, the mean over the concatenated tokens: 1/2 [W0 W1]. */
spur_status vit_plan_head(const weights *from, const vit_plan *plan, head *out,
                          spur_error *error) SPUR_MUST_USE;

#endif
