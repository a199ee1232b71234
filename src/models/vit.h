/*
 * vit.h - a vision transformer up to its feature: what its last layer sees.
 *
 *     pixels [3,S,S] -> patches [P,W] -> [class; (distillation); patches] + positions [T,W]
 *     -> blocks -> norm -> feature = class token [W], or both leading tokens [2 W]
 *
 * No norm stands before the blocks. The bits of an image do not depend on how many run
 * together or on its place among them.
 */
#ifndef MODELS_VIT_H
#define MODELS_VIT_H

#include "models/vit_plan.h"

enum {
    VIT_BATCH = 8 /* images of one run, at most */
};

typedef struct vit vit;

/* The tensors must have been declared by vit_plan_read. */
spur_status vit_open(engine *on, const weights *from, const vit_plan *plan, vit **out,
                     spur_error *error) SPUR_MUST_USE;
void vit_close(vit *block);
size_t vit_features(const vit *from);
/* Bytes of packed weights held; multiply-adds of one image, in 1e9. */
size_t vit_bytes(const vit *from);
double vit_gmac(const vit *from);
/* Floats of scratch a run needs. */
size_t vit_scratch(const vit *from);

/* features [images, D] of pixels [images, 3, S, S]. The watch sees "patch_embed", "tokens",
 * "block0" ..., "norm" of each image in turn. */
spur_status vit_run(const vit *from, engine_worker *worker, float *scratch, const float *pixels,
                    size_t images, float *features, const tower_watch *watch,
                    spur_error *error) SPUR_MUST_USE;

#endif
