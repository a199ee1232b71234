/*
 * tokenizer.h - the CLIP byte-pair tokenizer from a model folder's own files.
 *
 * Reads tokenizer.json, or vocab.json + merges.txt (with special_tokens_map.json and
 * tokenizer_config.json). Ids of start, end and pad are what those files say, never literals.
 */
#ifndef MODELS_TOKENIZER_H
#define MODELS_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct tokenizer tokenizer;

/* Failures are SPUR_MODEL and name the file. */
spur_status tokenizer_open(const char *folder, tokenizer **out,
                           spur_error *error) SPUR_MUST_USE;
void tokenizer_close(tokenizer *block);

size_t tokenizer_size(const tokenizer *from); /* number of ids: largest id + 1 */
int32_t tokenizer_start(const tokenizer *from);
int32_t tokenizer_end(const tokenizer *from);
int32_t tokenizer_pad(const tokenizer *from);
/* model_max_length of the files; 0 when they do not say. */
size_t tokenizer_max_length(const tokenizer *from);

typedef struct token_ids {
    int32_t *ids; /* start, content, end; no padding */
    size_t count;
    bool truncated;
} token_ids;

/* Encodes UTF-8 text (ill-formed bytes: SPUR_USAGE). max_length 0 = no limit, else at least
 * 2: the content is cut so that the end token stays last. */
spur_status tokenizer_encode(const tokenizer *from, const char *text, size_t length,
                             size_t max_length, token_ids *out,
                             spur_error *error) SPUR_MUST_USE;
void token_ids_free(token_ids *block);

#endif
