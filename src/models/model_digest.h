/*
 * model_digest.h - one SHA-256 over everything that decides a model's numbers.
 *
 * Runs record it, so that scores, features and heads of different models are never mixed.
 */
#ifndef MODELS_MODEL_DIGEST_H
#define MODELS_MODEL_DIGEST_H

#include "io/tensor.h"

typedef struct model_parts {
    const char *options;      /* those that change numbers, as text */
    const char *folder;       /* of the small files, or NULL */
    const char *const *names; /* small files; those that are not there do not count */
    size_t name_count;
    const tensor_file *weights;
} model_parts;

spur_status model_digest(const model_parts *parts, char out[DIGEST_HEX_SIZE],
                         spur_error *error) SPUR_MUST_USE;

#endif
