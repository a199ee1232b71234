/*
 * token_merges.h - reads the list of merges; part of tokenizer_files.
 *
 * Rank is the place in the list. A message names the line or the index.
 */
#ifndef MODELS_TOKEN_MERGES_H
#define MODELS_TOKEN_MERGES_H

#include "models/tokenizer_files.h"

/* An array of "left right" or ["left", "right"]. */
spur_status token_merges_from_json(const json_t *merges, tokenizer_files *into,
                                   spur_error *error) SPUR_MUST_USE;
/* merges.txt of the folder: "left right" a line; the first line may be a #version. */
spur_status token_merges_from_text(const char *folder, tokenizer_files *into,
                                   spur_error *error) SPUR_MUST_USE;

#endif
