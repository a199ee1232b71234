/*
 * resnet.h - a ResNet up to its feature: the mean over the last stage's pixels.
 *
 *     stem: pool(relu(bn1(conv1 x)));  block: relu(bn(conv ... ) + shortcut x)
 *
 * Batch norm (eps 1e-5) is folded into the convolutions in double and rounded once. The bits
 * of an image do not depend on how many run together or on its place among them.
 */
#ifndef MODELS_RESNET_H
#define MODELS_RESNET_H

#include "models/resnet_plan.h"
#include "models/transformer.h"

typedef struct resnet resnet;

/* side: of the square input, at least 1. The tensors must have been declared by
 * resnet_plan_read. */
spur_status resnet_open(engine *on, const weights *from, const resnet_plan *plan, size_t side,
                        resnet **out, spur_error *error) SPUR_MUST_USE;
void resnet_close(resnet *block);
size_t resnet_features(const resnet *from);
/* Bytes of packed weights held; multiply-adds of one image, in 1e9. */
size_t resnet_bytes(const resnet *from);
double resnet_gmac(const resnet *from);
/* Floats of scratch a run needs. */
size_t resnet_scratch(const resnet *from);

/* features [images, F] of pixels [images, 3, side, side]. The watch sees "conv1" (behind bn1
 * and ReLU), "stem", "layer1" .. "layer4" as pixels of channels-last images, a few images at a
 * time. */
spur_status resnet_run(const resnet *from, engine_worker *worker, float *scratch,
                       const float *pixels, size_t images, float *features,
                       const tower_watch *watch, spur_error *error) SPUR_MUST_USE;

#endif
