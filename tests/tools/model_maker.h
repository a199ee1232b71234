/*
 * model_maker.h - writes a complete Hugging Face model folder whose weights come from names.
 *
 * Known names: the published OWL-ViT and OWLv2 base and large models, and two tiny ones.
 */
#ifndef TEST_MODEL_MAKER_H
#define TEST_MODEL_MAKER_H

#include <stdbool.h>

#include "base/error.h"

typedef struct model_request {
    const char *name;      /* "owlvit-base-patch32", "tiny-owlv2" ... */
    bool is_tiny;          /* shrink it to the tiny model of its kind */
    const char *salt;      /* names the network as a whole (weights_by_name.h) */
    const char *tokenizer; /* folder with vocab.json and merges.txt, or tokenizer.json */
    const char *folder;    /* made when missing */
} model_request;

spur_status model_make(const model_request *request, spur_error *error) SPUR_MUST_USE;

/* The i-th known name, NULL behind the last. */
const char *model_maker_name(size_t i);

#endif
