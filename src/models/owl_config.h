/*
 * owl_config.h - config.json of the OWL-ViT and OWLv2 families.
 */
#ifndef MODELS_OWL_CONFIG_H
#define MODELS_OWL_CONFIG_H

#include "models/transformer.h"

/* Names of a block's tensors in both towers. */
extern const block_names owl_block_names;

typedef struct owl_config {
    bool is_v2; /* OWLv2: objectness head, padded input */
    transformer_shape text, vision;
    size_t vocabulary, max_tokens;
    size_t projection;         /* width of text embeddings */
    size_t side, patch;        /* of the square input, in pixels */
    bool text_heads_corrected; /* owlvit-large-patch14's 16 heads read as 12 */
} owl_config;

/* Reads folder/config.json; absent fields take the family's defaults (models.md 2.1).
 * `literal` keeps the text heads as written. */
spur_status owl_config_read(const char *folder, bool literal, owl_config *out,
                            spur_error *error) SPUR_MUST_USE;

#endif
