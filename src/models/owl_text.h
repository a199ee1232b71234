/*
 * owl_text.h - the text tower: token ids to one l2-normalised embedding.
 *
 *     x[t] = token[id_t] + position[t]  ->  causal blocks  ->  norm  ->  x[e] W_p
 *
 * e is the first position of the largest id, which is the end token: nothing behind it is
 * seen by row e, so pads and masks do not matter (models.md 2.3).
 */
#ifndef MODELS_OWL_TEXT_H
#define MODELS_OWL_TEXT_H

#include "models/owl_config.h"

typedef struct owl_text owl_text;

spur_status owl_text_expect(weights *from, const owl_config *config,
                            spur_error *error) SPUR_MUST_USE;
spur_status owl_text_open(engine *on, const weights *from, const owl_config *config,
                          owl_text **out, spur_error *error) SPUR_MUST_USE;
void owl_text_close(owl_text *block);
size_t owl_text_bytes(const owl_text *from);
size_t owl_text_scratch(const owl_text *from); /* floats */

/* ids[count], 1 <= count <= max_tokens, every id below the vocabulary. embed[projection]. */
spur_status owl_text_run(const owl_text *from, engine_worker *worker, const int32_t *ids,
                         size_t count, float *scratch, float *embed, const tower_watch *watch,
                         spur_error *error) SPUR_MUST_USE;

#endif
