/*
 * owl_vision.h - the vision tower: pixels to the merged feature map.
 *
 *     pixels [3,S,S] -> patches [P,W] -> + class token, positions [T,W] -> norm -> blocks ->
 *     norm -> patch * class (element-wise) -> norm = F [P,W]            T = P + 1
 *
 * The traps: the norm behind the blocks is taken of every token, and the merge product comes
 * before the last norm (models.md 2.4).
 */
#ifndef MODELS_OWL_VISION_H
#define MODELS_OWL_VISION_H

#include "models/owl_config.h"

typedef struct owl_vision owl_vision;

spur_status owl_vision_expect(weights *from, const owl_config *config,
                              spur_error *error) SPUR_MUST_USE;
/* merge_eps: eps of the last norm (Hugging Face: the tower's; the original: 1e-6). */
spur_status owl_vision_open(engine *on, const weights *from, const owl_config *config,
                            float merge_eps, owl_vision **out, spur_error *error) SPUR_MUST_USE;
void owl_vision_close(owl_vision *block);
size_t owl_vision_bytes(const owl_vision *from);
size_t owl_vision_scratch(const owl_vision *from); /* floats */

/* map: P rows of row_stride(W) floats. */
spur_status owl_vision_run(const owl_vision *from, engine_worker *worker, const float *pixels,
                           float *scratch, float *map, const tower_watch *watch,
                           spur_error *error) SPUR_MUST_USE;

#endif
