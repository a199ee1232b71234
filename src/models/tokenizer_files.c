/*
 * tokenizer_files.c - reads and checks tokenizer.json, vocab.json, merges.txt,
 * tokenizer_config.json and special_tokens_map.json.
 *
 * Tokens are looked up in jansson's own object (its hash is seeded). Everything a file says is
 * checked: a vocabulary that passes gives every byte two ids and every merge three.
 */
#include "models/tokenizer_files.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "models/special_tokens.h"
#include "models/token_merges.h"

#define WORD_END "</w>"

enum {
    MAX_MODEL_LENGTH = 1 << 20 /* larger: the library's "no limit" */
};

/* ---- documents ----------------------------------------------------------------------- */

/* The library's "no limit" for model_max_length has 31 digits: only a double holds it. */
static spur_status parse_settings(const char *text, size_t size, json_t **out,
                                  spur_error *error)
{
    json_error_t cause;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &cause);
    if (*out == NULL) {
        return error_set(error, SPUR_MODEL, "line %d column %d: %s", cause.line, cause.column,
                         cause.text);
    }
    return SPUR_OK;
}

typedef enum document_kind {
    DOCUMENT_TOKENS,
    DOCUMENT_SETTINGS /* may be missing; integers become doubles */
} document_kind;

static spur_status load_document(const char *path, document_kind kind, json_t **out,
                                 spur_error *error)
{
    unsigned char *bytes = NULL;
    size_t size;
    spur_status status;
    TRY(file_load(path, TOKENIZER_FILE_LIMIT, SPUR_MODEL, &bytes, &size, error));
    if (kind == DOCUMENT_SETTINGS) {
        TRY(parse_settings((const char *)bytes, size, out, error));
    } else {
        TRY(json_read((const char *)bytes, size, false, SPUR_MODEL, out, error));
    }
    if (!json_is_object(*out)) {
        FAIL(SPUR_MODEL, "expected a JSON object");
    }
done:
    memory_free(bytes);
    return status;
}

static spur_status read_document(const char *folder, const char *name, document_kind kind,
                                 json_t **out, spur_error *error)
{
    char *path = NULL;
    spur_status status;
    TRY(file_join(folder, name, &path, error));
    if (kind == DOCUMENT_SETTINGS && file_kind_of(path) == FILE_MISSING) {
        goto done;
    }
    status = load_document(path, kind, out, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
done:
    memory_free(path);
    return status;
}

static spur_status has_file(const char *folder, const char *name, bool *out, spur_error *error)
{
    char *path = NULL;
    spur_status status = file_join(folder, name, &path, error);
    if (status == SPUR_OK) {
        *out = file_kind_of(path) != FILE_MISSING;
    }
    memory_free(path);
    return status;
}

bool tokenizer_find_id(const json_t *tokens, const char *token, int32_t *out)
{
    const json_t *id = json_object_get(tokens, token);
    if (id == NULL) {
        return false;
    }
    *out = (int32_t)json_integer_value(id);
    return true;
}

/* ---- vocabulary ---------------------------------------------------------------------- */

static spur_status check_token_id(const char *token, const json_t *id, spur_error *error)
{
    if (strlen(token) > TOKENIZER_MAX_TOKEN) {
        return error_set(error, SPUR_MODEL, "a token is %zu bytes long, the limit is %d",
                         strlen(token), TOKENIZER_MAX_TOKEN);
    }
    if (!json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) >= TOKENIZER_MAX_IDS) {
        return error_set(error, SPUR_MODEL,
                         "the id of token \"%.60s\" is not an integer from 0 to %d", token,
                         TOKENIZER_MAX_IDS - 1);
    }
    return SPUR_OK;
}

static spur_status take_vocabulary(json_t *tokens, tokenizer_files *into, spur_error *error)
{
    if (!json_is_object(tokens)) {
        return error_set(error, SPUR_MODEL, "the vocabulary is not an object of token: id");
    }
    for (void *at = json_object_iter(tokens); at != NULL;
         at = json_object_iter_next(tokens, at)) {
        spur_status status =
            check_token_id(json_object_iter_key(at), json_object_iter_value(at), error);
        if (status != SPUR_OK) {
            return status;
        }
    }
    into->tokens = tokens;
    return SPUR_OK;
}

/* The two-byte code points that stand for bytes which are not printable: 256, 257 ... in the
 * order of the bytes; the others stand for themselves. */
static int32_t byte_point(unsigned byte, int32_t *spare)
{
    bool is_printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    return is_printable ? (int32_t)byte : (*spare)++;
}

static spur_status find_symbols(tokenizer_files *into, spur_error *error)
{
    int32_t spare = 256;
    for (unsigned byte = 0; byte < 256; byte++) {
        utf8proc_uint8_t encoded[4];
        utf8proc_ssize_t length = utf8proc_encode_char(byte_point(byte, &spare), encoded);
        for (int is_last = 0; is_last < 2; is_last++) {
            char symbol[16];
            (void)snprintf(symbol, sizeof symbol, "%.*s%s", (int)length, (char *)encoded,
                           is_last ? WORD_END : "");
            if (!tokenizer_find_id(into->tokens, symbol, &into->symbols[is_last][byte])) {
                return error_set(error, SPUR_MODEL,
                                 "the vocabulary has no token \"%s\" for byte 0x%02X", symbol,
                                 byte);
            }
        }
    }
    return SPUR_OK;
}

/* ---- tokenizer.json ------------------------------------------------------------------ */

bool tokenizer_is_text(const json_t *value, const char *expected)
{
    return json_is_string(value) && strcmp(json_string_value(value), expected) == 0;
}

bool tokenizer_is_off(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           tokenizer_is_text(value, "");
}

static spur_status check_model(const json_t *model, spur_error *error)
{
    static const char *const must_be_off[] = {"dropout", "continuing_subword_prefix",
                                              "fuse_unk", "byte_fallback", "ignore_merges"};
    if (!tokenizer_is_text(json_object_get(model, "type"), "BPE")) {
        return error_set(error, SPUR_MODEL, "model.type is not \"BPE\"");
    }
    if (!tokenizer_is_text(json_object_get(model, "end_of_word_suffix"), WORD_END)) {
        return error_set(error, SPUR_MODEL, "model.end_of_word_suffix is not \"" WORD_END "\"");
    }
    for (size_t i = 0; i < sizeof must_be_off / sizeof *must_be_off; i++) {
        if (!tokenizer_is_off(json_object_get(model, must_be_off[i]))) {
            return error_set(error, SPUR_MODEL, "model.%s is not supported", must_be_off[i]);
        }
    }
    return SPUR_OK;
}

/* NFC, white space to one space, lower case, in this order. */
static spur_status check_normalizer(const json_t *normalizer, spur_error *error)
{
    const json_t *steps = json_object_get(normalizer, "normalizers");
    const json_t *replace = json_array_get(steps, 1);
    const json_t *regex = json_object_get(json_object_get(replace, "pattern"), "Regex");
    if (json_array_size(steps) != 3 ||
        !tokenizer_is_text(json_object_get(json_array_get(steps, 0), "type"), "NFC") ||
        !tokenizer_is_text(json_object_get(replace, "type"), "Replace") ||
        !tokenizer_is_text(regex, "\\s+") ||
        !tokenizer_is_text(json_object_get(replace, "content"), " ") ||
        !tokenizer_is_text(json_object_get(json_array_get(steps, 2), "type"), "Lowercase")) {
        return error_set(error, SPUR_MODEL,
                         "the normalizer is not CLIP's (NFC, \\s+ to one space, lower case)");
    }
    return SPUR_OK;
}

static const char split_pattern[] = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|"
                                    "[^\\s\\p{L}\\p{N}]+";
static const char split_pattern_specials[] =
    "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|"
    "[^\\s\\p{L}\\p{N}]+";

/* The files in use have one of two split patterns. */
static spur_status check_pre_tokenizer(const json_t *pre_tokenizer, tokenizer_files *into,
                                       spur_error *error)
{
    const json_t *steps = json_object_get(pre_tokenizer, "pretokenizers");
    const json_t *split = json_array_get(steps, 0), *bytes = json_array_get(steps, 1);
    const json_t *regex = json_object_get(json_object_get(split, "pattern"), "Regex");
    const json_t *use_regex = json_object_get(bytes, "use_regex");
    into->with_specials = tokenizer_is_text(regex, split_pattern_specials);
    if (json_array_size(steps) != 2 ||
        !tokenizer_is_text(json_object_get(split, "type"), "Split") ||
        (!into->with_specials && !tokenizer_is_text(regex, split_pattern)) ||
        !tokenizer_is_text(json_object_get(split, "behavior"), "Removed") ||
        !json_is_true(json_object_get(split, "invert")) ||
        !tokenizer_is_text(json_object_get(bytes, "type"), "ByteLevel") ||
        !tokenizer_is_off(json_object_get(bytes, "add_prefix_space")) ||
        json_is_false(use_regex)) {
        return error_set(error, SPUR_MODEL,
                         "the pre_tokenizer is not CLIP's (Split by its pattern, ByteLevel)");
    }
    return SPUR_OK;
}

static spur_status take_tokenizer_json(tokenizer_files *into, spur_error *error)
{
    const json_t *model = json_object_get(into->tokenizer, "model");
    spur_status status;
    TRY(check_model(model, error));
    TRY(check_normalizer(json_object_get(into->tokenizer, "normalizer"), error));
    TRY(check_pre_tokenizer(json_object_get(into->tokenizer, "pre_tokenizer"), into, error));
    TRY(take_vocabulary(json_object_get(model, "vocab"), into, error));
    TRY(token_merges_from_json(json_object_get(model, "merges"), into, error));
    TRY(find_symbols(into, error));
done:
    return status;
}

static spur_status read_tokenizer_json(const char *folder, tokenizer_files *into,
                                       spur_error *error)
{
    spur_status status =
        read_document(folder, "tokenizer.json", DOCUMENT_TOKENS, &into->tokenizer, error);
    if (status != SPUR_OK) {
        return status;
    }
    status = take_tokenizer_json(into, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s/tokenizer.json", folder);
    }
    return status;
}

/* ---- vocab.json and merges.txt ------------------------------------------------------- */

static spur_status read_vocabulary(const char *folder, tokenizer_files *into, spur_error *error)
{
    spur_status status =
        read_document(folder, "vocab.json", DOCUMENT_TOKENS, &into->vocabulary, error);
    if (status != SPUR_OK) {
        return status;
    }
    status = take_vocabulary(into->vocabulary, into, error);
    if (status == SPUR_OK) {
        status = find_symbols(into, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s/vocab.json", folder);
    }
    return status;
}

static spur_status read_token_files(const char *folder, tokenizer_files *into,
                                    spur_error *error)
{
    bool has_single = false, has_vocabulary = false, has_merges = false;
    spur_status status;
    TRY(has_file(folder, "tokenizer.json", &has_single, error));
    if (has_single) {
        TRY(read_tokenizer_json(folder, into, error));
        goto done;
    }
    TRY(has_file(folder, "vocab.json", &has_vocabulary, error));
    TRY(has_file(folder, "merges.txt", &has_merges, error));
    if (!has_vocabulary || !has_merges) {
        FAIL(SPUR_MODEL,
             "%s: no tokenizer: expected tokenizer.json, or vocab.json and "
             "merges.txt",
             folder);
    }
    into->with_specials = true;
    TRY(read_vocabulary(folder, into, error));
    TRY(token_merges_from_text(folder, into, error));
done:
    return status;
}

static void find_max_length(tokenizer_files *into)
{
    const json_t *length = json_object_get(into->config, "model_max_length");
    double value = json_is_number(length) ? json_number_value(length) : 0;
    into->max_length = value >= 2 && value <= MAX_MODEL_LENGTH ? (size_t)value : 0;
}

spur_status tokenizer_files_read(const char *folder, tokenizer_files *out, spur_error *error)
{
    spur_status status;
    memset(out, 0, sizeof *out);
    TRY(read_token_files(folder, out, error));
    TRY(read_document(folder, "tokenizer_config.json", DOCUMENT_SETTINGS, &out->config, error));
    TRY(read_document(folder, "special_tokens_map.json", DOCUMENT_SETTINGS, &out->names,
                      error));
    find_max_length(out);
    status = special_tokens_take(out, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s: tokenizer files", folder);
    }
done:
    return status;
}

void tokenizer_files_free(tokenizer_files *block)
{
    json_decref(block->tokenizer);
    json_decref(block->vocabulary);
    json_decref(block->config);
    json_decref(block->names);
    memory_free(block->merges);
    memory_free(block->added);
    memset(block, 0, sizeof *block);
}
