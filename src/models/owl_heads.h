/*
 * owl_heads.h - what is read off the merged feature map F [P, W].
 *
 *     class:      c = dense0 F;  logit[n,j] = (c^ . q^ + shift) (elu(scale) + 1)
 *     box:        sigma(dense2 gelu dense1 gelu dense0 F + bias of the grid)
 *     objectness: dense2 gelu dense1 gelu dense0 F                         (OWLv2)
 *
 * These heads use gelu, not the towers' quick_gelu; the grid of the box bias takes the
 * patches' far corners, (column + 1) / grid (models.md 2.5 to 2.7).
 */
#ifndef MODELS_OWL_HEADS_H
#define MODELS_OWL_HEADS_H

#include "models/owl_config.h"

/* The box and objectness heads work on blocks of so many rows of F, always whole blocks, so
 * that a patch's box has the same bits whether one or all are asked. */
enum {
    HEAD_ROWS = 32
};

typedef struct owl_heads owl_heads;

spur_status owl_heads_expect(weights *from, const owl_config *config,
                             spur_error *error) SPUR_MUST_USE;
/* act: ACTIVATION_GELU_ERF, or _TANH as in the original implementation. */
spur_status owl_heads_open(engine *on, const weights *from, const owl_config *config,
                           activation act, owl_heads **out, spur_error *error) SPUR_MUST_USE;
void owl_heads_close(owl_heads *block);
size_t owl_heads_bytes(const owl_heads *from);
size_t owl_heads_scratch(const owl_heads *from); /* floats, for boxes and objectness */
/* Rows F and the class outputs need room for. */
size_t owl_heads_map_rows(const owl_heads *from);

/* embeddings [map_rows, D] un-normalised, shift [P], scale [P] = elu + 1. */
spur_status owl_heads_class(const owl_heads *from, engine_worker *worker, const float *map,
                            float *embeddings, float *shift, float *scale,
                            spur_error *error) SPUR_MUST_USE;
/* boxes of patches first .. first + HEAD_ROWS - 1 (first a multiple of HEAD_ROWS; fewer at the
 * end): boxes + 4 first, cx cy w h. */
spur_status owl_heads_boxes(const owl_heads *from, engine_worker *worker, const float *map,
                            size_t first, float *scratch, float *boxes,
                            spur_error *error) SPUR_MUST_USE;
/* objectness[P], all patches. */
spur_status owl_heads_objectness(const owl_heads *from, engine_worker *worker, const float *map,
                                 float *scratch, float *objectness,
                                 spur_error *error) SPUR_MUST_USE;

#endif
