/*
 * tokenizer_files.h - what the tokenizer files of a model folder say, checked.
 *
 * tokenizer.json, or vocab.json + merges.txt; tokenizer_config.json and
 * special_tokens_map.json name the special tokens. Where several files speak, the rule of
 * transformers 5 decides: added_tokens_decoder of tokenizer_config.json, else added_tokens of
 * tokenizer.json; then the named tokens that are not among those, a later name over an
 * earlier one.
 */
#ifndef MODELS_TOKENIZER_FILES_H
#define MODELS_TOKENIZER_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "models/bpe.h"

enum {
    TOKENIZER_FILE_LIMIT = 16 << 20, /* bytes of one file */
    TOKENIZER_MAX_IDS = 1 << 24,
    TOKENIZER_MAX_TOKEN = 4096 /* bytes of one token */
};

/* A string that is cut out of a text before anything else. */
typedef struct added_token {
    const char *content; /* lives as long as the files */
    int32_t id;
    bool is_normalized; /* looked for in the normalised text, not in the text as given */
    bool is_listed;     /* from a list of added tokens: its flags stand against a name's */
} added_token;

typedef struct tokenizer_files {
    json_t *tokenizer, *vocabulary, *config, *names; /* documents; NULL when absent */
    json_t *tokens;                                  /* token -> id, of one of them */
    bpe_merge *merges;                               /* by rank */
    size_t merge_count, merge_capacity;
    added_token *added;
    size_t added_count, added_capacity;
    size_t id_count;         /* ids are 0 .. id_count - 1, each given once */
    int32_t symbols[2][256]; /* id of a byte; [1]: as the last of its word */
    int32_t start, end, pad;
    size_t max_length;  /* 0: not said */
    bool with_specials; /* the two literals are pieces of their own (text_piece_next) */
} tokenizer_files;

/* `out` is zeroed first; free it whatever the result. Failures are SPUR_MODEL and name the
 * file. */
spur_status tokenizer_files_read(const char *folder, tokenizer_files *out,
                                 spur_error *error) SPUR_MUST_USE;
void tokenizer_files_free(tokenizer_files *block);

/* ---- for the parts of the reader ---- */

/* The id of a token; false when it is not in the vocabulary. */
bool tokenizer_find_id(const json_t *tokens, const char *token, int32_t *out);
bool tokenizer_is_text(const json_t *value, const char *expected);
/* Missing, null and false are all "off"; so is the empty string. */
bool tokenizer_is_off(const json_t *value);

#endif
