/*
 * special_tokens.h - the special tokens that the documents of a tokenizer name; part of
 * tokenizer_files.
 */
#ifndef MODELS_SPECIAL_TOKENS_H
#define MODELS_SPECIAL_TOKENS_H

#include "models/tokenizer_files.h"

/* Fills added, start, end, pad and id_count from the documents and tokens already there. */
spur_status special_tokens_take(tokenizer_files *into, spur_error *error) SPUR_MUST_USE;

#endif
