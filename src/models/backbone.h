/*
 * backbone.h - a frozen image classifier: pixels to penultimate features, and its last layer.
 *
 *     path -> weights, config.json, recipe -> network (resnet, vit) + head
 *     image -> preprocess -> features [D] -> head -> logits [classes]
 *
 * backbone_open reads, checks and packs the weights once, shared by all workers; a worker is
 * one thread's workspace. Running allocates nothing.
 */
#ifndef MODELS_BACKBONE_H
#define MODELS_BACKBONE_H

#include "models/head.h"
#include "models/preprocess.h"
#include "models/transformer.h"

enum {
    BACKBONE_BATCH = 8 /* images of one run */
};

typedef struct backbone backbone;
typedef struct backbone_worker backbone_worker;

/* path: a folder, a weight file, or a hub id in the local Hugging Face cache. options may be
 * NULL for the defaults. Failures are SPUR_MODEL (or SPUR_RESOURCE). */
spur_status backbone_open(const char *path, const spur_backbone_options *options,
                          backbone **out, spur_error *error) SPUR_MUST_USE;
void backbone_close(backbone *block);

/* Texts live as long as the backbone. */
void backbone_describe(const backbone *from, spur_backbone_info *info);
const preprocess *backbone_preprocess(const backbone *from);
/* The model's own last layer; of distilled models 1/2 [W0 W1], 1/2 (b0 + b1). */
const head *backbone_head(const backbone *from);
double backbone_gmac(const backbone *from); /* multiply-adds of one image, in 1e9 */

spur_status backbone_worker_new(const backbone *from, backbone_worker **out,
                                spur_error *error) SPUR_MUST_USE;
void backbone_worker_free(backbone_worker *worker);

/* features [count, D] of pixel_values [count, 3, side, side], count <= BACKBONE_BATCH. The
 * bits of an image depend on neither its slot nor on count. watch may be NULL. */
spur_status backbone_run(const backbone *from, backbone_worker *worker,
                         const float *pixel_values, size_t count, float *features,
                         const tower_watch *watch, spur_error *error) SPUR_MUST_USE;

#endif
