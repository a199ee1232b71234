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

#define WORD_END "</w>"
#define START_LITERAL "<|startoftext|>"
#define END_LITERAL "<|endoftext|>"

enum {
    FILE_LIMIT = 64 << 20, /* bytes of one file */
    MAX_IDS = 1 << 24,
    MAX_ADDED = 1024, /* each is looked for at every position of a text */
    MAX_TOKEN = 4096, /* bytes of one token */
    MAX_MODEL_LENGTH = 1 << 20
};

/* ---- documents ----------------------------------------------------------------------------
 */

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
    TRY(file_load(path, FILE_LIMIT, SPUR_MODEL, &bytes, &size, error));
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

/* The id of a token; false when it is in no vocabulary. */
static bool find_id(const json_t *tokens, const char *token, int32_t *out)
{
    const json_t *id = json_object_get(tokens, token);
    if (id == NULL) {
        return false;
    }
    *out = (int32_t)json_integer_value(id);
    return true;
}

/* ---- vocabulary ---------------------------------------------------------------------------
 */

static spur_status check_token_id(const char *token, const json_t *id, spur_error *error)
{
    if (strlen(token) > MAX_TOKEN) {
        return error_set(error, SPUR_MODEL, "a token is %zu bytes long, the limit is %d",
                         strlen(token), MAX_TOKEN);
    }
    if (!json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) >= MAX_IDS) {
        return error_set(error, SPUR_MODEL,
                         "the id of token \"%.60s\" is not an integer from 0 to %d", token,
                         MAX_IDS - 1);
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
            if (!find_id(into->tokens, symbol, &into->symbols[is_last][byte])) {
                return error_set(error, SPUR_MODEL,
                                 "the vocabulary has no token \"%s\" for byte 0x%02X", symbol,
                                 byte);
            }
        }
    }
    return SPUR_OK;
}

/* ---- merges -------------------------------------------------------------------------------
 */

typedef struct merge_text {
    const char *left, *right;
    size_t left_length, right_length;
} merge_text;

static spur_status find_part(const json_t *tokens, const char *part, size_t length,
                             int32_t *out, spur_error *error)
{
    char token[2 * MAX_TOKEN + 1];
    memcpy(token, part, length);
    token[length] = '\0';
    if (!find_id(tokens, token, out)) {
        return error_set(error, SPUR_MODEL, "token \"%.60s\" is not in the vocabulary", token);
    }
    return SPUR_OK;
}

static spur_status add_merge(tokenizer_files *into, const merge_text *text, spur_error *error)
{
    bpe_merge merge = {.rank = (uint32_t)into->merge_count};
    char joined[2 * MAX_TOKEN];
    spur_status status;
    if (text->left_length == 0 || text->right_length == 0 || text->left_length > MAX_TOKEN ||
        text->right_length > MAX_TOKEN) {
        FAIL(SPUR_MODEL, "expected two tokens of at most %d bytes", MAX_TOKEN);
    }
    memcpy(joined, text->left, text->left_length);
    memcpy(joined + text->left_length, text->right, text->right_length);
    TRY(find_part(into->tokens, text->left, text->left_length, &merge.left, error));
    TRY(find_part(into->tokens, text->right, text->right_length, &merge.right, error));
    TRY(find_part(into->tokens, joined, text->left_length + text->right_length, &merge.result,
                  error));
    TRY(memory_grow(&into->merges, &into->merge_capacity, into->merge_count + 1,
                    sizeof *into->merges, error));
    into->merges[into->merge_count++] = merge;
done:
    return status;
}

/* "left right": exactly one space. */
static bool split_merge(const char *line, size_t length, merge_text *out)
{
    const char *space = memchr(line, ' ', length);
    if (space == NULL) {
        return false;
    }
    size_t left = (size_t)(space - line);
    *out = (merge_text){line, space + 1, left, length - left - 1};
    return memchr(space + 1, ' ', out->right_length) == NULL;
}

static spur_status add_merge_line(tokenizer_files *into, const char *line, size_t length,
                                  spur_error *error)
{
    merge_text text;
    if (!split_merge(line, length, &text)) {
        return error_set(error, SPUR_MODEL, "expected two tokens with one space between them");
    }
    return add_merge(into, &text, error);
}

static spur_status add_merge_json(tokenizer_files *into, const json_t *merge, spur_error *error)
{
    if (json_is_string(merge)) {
        return add_merge_line(into, json_string_value(merge), json_string_length(merge), error);
    }
    const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
    if (json_array_size(merge) != 2 || !json_is_string(left) || !json_is_string(right)) {
        return error_set(error, SPUR_MODEL, "expected \"left right\" or [\"left\", \"right\"]");
    }
    merge_text text = {json_string_value(left), json_string_value(right),
                       json_string_length(left), json_string_length(right)};
    return add_merge(into, &text, error);
}

static spur_status read_merges_json(const json_t *merges, tokenizer_files *into,
                                    spur_error *error)
{
    if (!json_is_array(merges)) {
        return error_set(error, SPUR_MODEL, "model.merges is not an array");
    }
    for (size_t i = 0; i < json_array_size(merges); i++) {
        spur_status status = add_merge_json(into, json_array_get(merges, i), error);
        if (status != SPUR_OK) {
            error_prefix(error, "model.merges[%zu]", i);
            return status;
        }
    }
    return SPUR_OK;
}

static spur_status read_merge_lines(const char *text, size_t size, tokenizer_files *into,
                                    spur_error *error)
{
    size_t line = 1;
    for (size_t at = 0; at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - text) - at;
        size_t next = at + length + 1;
        if (length > 0 && text[at + length - 1] == '\r') {
            length--;
        }
        bool is_header = line == 1 && length >= 8 && memcmp(text, "#version", 8) == 0;
        if (!is_header) {
            spur_status status = add_merge_line(into, text + at, length, error);
            if (status != SPUR_OK) {
                error_prefix(error, "line %zu", line);
                return status;
            }
        }
        at = next;
    }
    return SPUR_OK;
}

static spur_status read_merges_text(const char *folder, tokenizer_files *into,
                                    spur_error *error)
{
    char *path = NULL;
    unsigned char *bytes = NULL;
    size_t size;
    spur_status status;
    TRY(file_join(folder, "merges.txt", &path, error));
    status = file_load(path, FILE_LIMIT, SPUR_MODEL, &bytes, &size, error);
    if (status == SPUR_OK) {
        status = read_merge_lines((const char *)bytes, size, into, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
done:
    memory_free(bytes);
    memory_free(path);
    return status;
}

/* ---- tokenizer.json ------------------------------------------------------------------------
 */

static bool is_text(const json_t *value, const char *expected)
{
    return json_is_string(value) && strcmp(json_string_value(value), expected) == 0;
}

/* Missing, null and false are all "off"; so is the empty string. */
static bool is_off(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_false(value) || is_text(value, "");
}

static spur_status check_model(const json_t *model, spur_error *error)
{
    static const char *const must_be_off[] = {"dropout", "continuing_subword_prefix",
                                              "fuse_unk", "byte_fallback", "ignore_merges"};
    if (!is_text(json_object_get(model, "type"), "BPE")) {
        return error_set(error, SPUR_MODEL, "model.type is not \"BPE\"");
    }
    if (!is_text(json_object_get(model, "end_of_word_suffix"), WORD_END)) {
        return error_set(error, SPUR_MODEL, "model.end_of_word_suffix is not \"" WORD_END "\"");
    }
    for (size_t i = 0; i < sizeof must_be_off / sizeof *must_be_off; i++) {
        if (!is_off(json_object_get(model, must_be_off[i]))) {
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
        !is_text(json_object_get(json_array_get(steps, 0), "type"), "NFC") ||
        !is_text(json_object_get(replace, "type"), "Replace") || !is_text(regex, "\\s+") ||
        !is_text(json_object_get(replace, "content"), " ") ||
        !is_text(json_object_get(json_array_get(steps, 2), "type"), "Lowercase")) {
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
    into->with_specials = is_text(regex, split_pattern_specials);
    if (json_array_size(steps) != 2 || !is_text(json_object_get(split, "type"), "Split") ||
        (!into->with_specials && !is_text(regex, split_pattern)) ||
        !is_text(json_object_get(split, "behavior"), "Removed") ||
        !json_is_true(json_object_get(split, "invert")) ||
        !is_text(json_object_get(bytes, "type"), "ByteLevel") ||
        !is_off(json_object_get(bytes, "add_prefix_space")) || json_is_false(use_regex)) {
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
    TRY(read_merges_json(json_object_get(model, "merges"), into, error));
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

/* ---- vocab.json and merges.txt --------------------------------------------------------------
 */

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
    TRY(read_merges_text(folder, into, error));
done:
    return status;
}

/* ---- added tokens ---------------------------------------------------------------------------
 */

/* A token is its text, or an object with the text and flags. */
static spur_status parse_added(const json_t *value, bool is_special, added_token *out,
                               spur_error *error)
{
    const json_t *content = json_is_object(value) ? json_object_get(value, "content") : value;
    const json_t *normalized = json_object_get(value, "normalized");
    if (!json_is_string(content) || json_string_length(content) == 0 ||
        json_string_length(content) > MAX_TOKEN) {
        return error_set(error, SPUR_MODEL,
                         "a special token is not a text of 1 to %d bytes or an object with "
                         "such a \"content\"",
                         MAX_TOKEN);
    }
    if (!is_off(json_object_get(value, "lstrip")) ||
        !is_off(json_object_get(value, "rstrip")) ||
        !is_off(json_object_get(value, "single_word"))) {
        return error_set(error, SPUR_MODEL,
                         "token \"%.60s\": lstrip, rstrip and single_word are not supported",
                         json_string_value(content));
    }
    is_special =
        is_special || json_is_string(value) || json_is_true(json_object_get(value, "special"));
    out->content = json_string_value(content);
    out->is_normalized = json_is_boolean(normalized) ? json_is_true(normalized) : !is_special;
    return SPUR_OK;
}

static added_token *find_added(const tokenizer_files *from, const char *content)
{
    for (size_t i = 0; i < from->added_count; i++) {
        if (strcmp(from->added[i].content, content) == 0) {
            return &from->added[i];
        }
    }
    return NULL;
}

static spur_status append_added(tokenizer_files *into, const added_token *token,
                                spur_error *error)
{
    if (into->added_count == MAX_ADDED) {
        return error_set(error, SPUR_MODEL, "more than %d added tokens", MAX_ADDED);
    }
    spur_status status = memory_grow(&into->added, &into->added_capacity, into->added_count + 1,
                                     sizeof *into->added, error);
    if (status == SPUR_OK) {
        into->added[into->added_count++] = *token;
    }
    return status;
}

/* One of a list of added tokens: has an id of its own. */
static spur_status add_listed(const json_t *value, double id, tokenizer_files *into,
                              spur_error *error)
{
    added_token token = {.is_listed = true};
    int32_t known;
    spur_status status;
    TRY(parse_added(value, false, &token, error));
    if (!(id >= 0 && id < MAX_IDS && id == (double)(int32_t)id)) {
        FAIL(SPUR_MODEL, "the id of added token \"%.60s\" is not an integer from 0 to %d",
             token.content, MAX_IDS - 1);
    }
    token.id = (int32_t)id;
    if (find_id(into->tokens, token.content, &known) && known != token.id) {
        FAIL(SPUR_MODEL, "added token \"%.60s\" has id %d, but %d in the vocabulary",
             token.content, (int)token.id, (int)known);
    }
    if (find_added(into, token.content) != NULL) {
        FAIL(SPUR_MODEL, "added token \"%.60s\" stands twice", token.content);
    }
    TRY(append_added(into, &token, error));
done:
    return status;
}

/* A token that has a name ("eos_token") or no id. */
static spur_status add_named(const json_t *value, tokenizer_files *into, spur_error *error)
{
    added_token token = {NULL, 0, false, false};
    spur_status status;
    TRY(parse_added(value, true, &token, error));
    added_token *known = find_added(into, token.content);
    if (known == NULL) {
        if (!find_id(into->tokens, token.content, &token.id)) {
            FAIL(SPUR_MODEL, "special token \"%.60s\" is not in the vocabulary", token.content);
        }
        TRY(append_added(into, &token, error));
    } else if (!known->is_listed) {
        known->is_normalized = token.is_normalized;
    }
done:
    return status;
}

/* tokenizer_config.json: {"0": {"content": ...}}. */
static spur_status add_decoder(json_t *decoder, tokenizer_files *into, spur_error *error)
{
    if (!json_is_object(decoder)) {
        return error_set(error, SPUR_MODEL, "added_tokens_decoder is not an object");
    }
    for (void *at = json_object_iter(decoder); at != NULL;
         at = json_object_iter_next(decoder, at)) {
        uint64_t id;
        if (!text_to_u64(json_object_iter_key(at), &id) || id >= MAX_IDS) {
            return error_set(error, SPUR_MODEL, "added_tokens_decoder: \"%.60s\" is not an id",
                             json_object_iter_key(at));
        }
        spur_status status = add_listed(json_object_iter_value(at), (double)id, into, error);
        if (status != SPUR_OK) {
            error_prefix(error, "added_tokens_decoder");
            return status;
        }
    }
    return SPUR_OK;
}

/* tokenizer.json: [{"id": 0, "content": ...}]. */
static spur_status add_list(const json_t *list, tokenizer_files *into, spur_error *error)
{
    if (list != NULL && !json_is_null(list) && !json_is_array(list)) {
        return error_set(error, SPUR_MODEL, "added_tokens is not an array");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *id = json_object_get(item, "id");
        spur_status status =
            add_listed(item, json_is_number(id) ? json_number_value(id) : -1, into, error);
        if (status != SPUR_OK) {
            error_prefix(error, "added_tokens[%zu]", i);
            return status;
        }
    }
    return SPUR_OK;
}

static bool has_decoder(const tokenizer_files *from)
{
    return json_object_get(from->config, "added_tokens_decoder") != NULL;
}

/* What the files say of a name, or NULL. special_tokens_map.json comes from before
 * added_tokens_decoder and is not read beside it. */
static const json_t *named_value(const tokenizer_files *from, const char *name)
{
    const json_t *value = has_decoder(from) ? NULL : json_object_get(from->names, name);
    if (value == NULL || json_is_null(value)) {
        value = json_object_get(from->config, name);
    }
    return value == NULL || json_is_null(value) ? NULL : value;
}

typedef struct token_name {
    const char *name, *fallback;
} token_name;

/* In the order in which transformers adds them. */
static const token_name token_names[] = {
    {"bos_token", START_LITERAL}, {"eos_token", END_LITERAL}, {"unk_token", END_LITERAL},
    {"sep_token", NULL},          {"pad_token", END_LITERAL}, {"cls_token", NULL},
    {"mask_token", NULL},
};

static spur_status add_fallback(const char *content, tokenizer_files *into, spur_error *error)
{
    json_t *value = json_string(content);
    if (value == NULL) {
        return error_no_memory(error, strlen(content));
    }
    spur_status status = add_named(value, into, error);
    added_token *token = find_added(into, content);
    if (token != NULL && token->content == json_string_value(value)) {
        token->content = content; /* the literal outlives the value */
    }
    json_decref(value);
    return status;
}

static spur_status add_names(tokenizer_files *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < sizeof token_names / sizeof *token_names; i++) {
        const json_t *value = named_value(into, token_names[i].name);
        if (value != NULL) {
            status = add_named(value, into, error);
        } else if (token_names[i].fallback != NULL) {
            status = add_fallback(token_names[i].fallback, into, error);
        }
        if (status != SPUR_OK) {
            error_prefix(error, "%s", token_names[i].name);
            return status;
        }
    }
    return SPUR_OK;
}

/* Lists of further special tokens. */
static spur_status add_extra(tokenizer_files *into, spur_error *error)
{
    static const char *const lists[] = {"extra_special_tokens", "additional_special_tokens"};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        const json_t *list = named_value(into, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            spur_status status = add_named(json_array_get(list, i), into, error);
            if (status != SPUR_OK) {
                error_prefix(error, "%s", lists[k]);
                return status;
            }
        }
    }
    return SPUR_OK;
}

static spur_status collect_added(tokenizer_files *into, spur_error *error)
{
    spur_status status;
    if (has_decoder(into)) {
        TRY(add_decoder(json_object_get(into->config, "added_tokens_decoder"), into, error));
    } else {
        TRY(add_list(json_object_get(into->tokenizer, "added_tokens"), into, error));
    }
    TRY(add_names(into, error));
    TRY(add_extra(into, error));
done:
    return status;
}

/* ---- start, end, pad; ids
 * --------------------------------------------------------------------- */

/* Id of a named token, which collect_added has put in the list. */
static int32_t named_id(const tokenizer_files *from, const char *name, const char *fallback)
{
    const json_t *value = named_value(from, name);
    added_token token = {fallback, 0, false, false};
    if (value != NULL && parse_added(value, true, &token, NULL) != SPUR_OK) {
        return 0;
    }
    const added_token *known = find_added(from, token.content);
    return known == NULL ? 0 : known->id;
}

/* [token, id] of the post-processor. */
static spur_status read_end_token(const json_t *processor, const char *name,
                                  const tokenizer_files *from, int32_t *out, spur_error *error)
{
    const json_t *pair = json_object_get(processor, name);
    const json_t *content = json_array_get(pair, 0), *id = json_array_get(pair, 1);
    const added_token *token =
        json_is_string(content) ? find_added(from, json_string_value(content)) : NULL;
    int32_t known = token == NULL ? -1 : token->id;
    if (!json_is_string(content) || !json_is_integer(id)) {
        return error_set(error, SPUR_MODEL, "post_processor.%s is not [token, id]", name);
    }
    if (token == NULL) {
        (void)find_id(from->tokens, json_string_value(content), &known);
    }
    if (known < 0 || known != json_integer_value(id)) {
        return error_set(error, SPUR_MODEL,
                         "post_processor.%s: token \"%.60s\" has not the id given there", name,
                         json_string_value(content));
    }
    *out = known;
    return SPUR_OK;
}

static spur_status read_post_processor(tokenizer_files *into, spur_error *error)
{
    const json_t *processor = json_object_get(into->tokenizer, "post_processor");
    const json_t *type = json_object_get(processor, "type");
    if (!is_text(type, "RobertaProcessing") && !is_text(type, "BertProcessing")) {
        return error_set(error, SPUR_MODEL, "the post_processor is not \"RobertaProcessing\"");
    }
    spur_status status = read_end_token(processor, "cls", into, &into->start, error);
    return status == SPUR_OK ? read_end_token(processor, "sep", into, &into->end, error)
                             : status;
}

static spur_status find_ends(tokenizer_files *into, spur_error *error)
{
    into->start = named_id(into, "bos_token", START_LITERAL);
    into->end = named_id(into, "eos_token", END_LITERAL);
    into->pad = named_id(into, "pad_token", END_LITERAL);
    return into->tokenizer == NULL ? SPUR_OK : read_post_processor(into, error);
}

static spur_status mark_id(unsigned char *seen, size_t count, int32_t id, const char *token,
                           spur_error *error)
{
    if ((size_t)id >= count) {
        return error_set(error, SPUR_MODEL,
                         "token \"%.60s\" has id %d, but %zu tokens need ids 0 to %zu", token,
                         (int)id, count, count - 1);
    }
    if (seen[id] != 0) {
        return error_set(error, SPUR_MODEL, "id %d of token \"%.60s\" is given twice", (int)id,
                         token);
    }
    seen[id] = 1;
    return SPUR_OK;
}

/* Every id from 0 to the number of tokens - 1 belongs to one token. */
static spur_status check_ids(tokenizer_files *into, spur_error *error)
{
    unsigned char *seen = NULL;
    int32_t unused;
    spur_status status;
    size_t count = json_object_size(into->tokens);
    for (size_t i = 0; i < into->added_count; i++) {
        count += find_id(into->tokens, into->added[i].content, &unused) ? 0 : 1;
    }
    TRY(memory_new_zeroed(count, 1, &seen, error));
    for (void *at = json_object_iter(into->tokens); at != NULL;
         at = json_object_iter_next(into->tokens, at)) {
        TRY(mark_id(seen, count, (int32_t)json_integer_value(json_object_iter_value(at)),
                    json_object_iter_key(at), error));
    }
    for (size_t i = 0; i < into->added_count; i++) {
        if (!find_id(into->tokens, into->added[i].content, &unused)) {
            TRY(mark_id(seen, count, into->added[i].id, into->added[i].content, error));
        }
    }
    into->id_count = count;
done:
    memory_free(seen);
    return status;
}

static void find_max_length(tokenizer_files *into)
{
    const json_t *length = json_object_get(into->config, "model_max_length");
    double value = json_is_number(length) ? json_number_value(length) : 0;
    into->max_length = value >= 2 && value <= MAX_MODEL_LENGTH ? (size_t)value : 0;
}

static spur_status take_special_tokens(const char *folder, tokenizer_files *into,
                                       spur_error *error)
{
    spur_status status;
    TRY(collect_added(into, error));
    TRY(check_ids(into, error));
    TRY(find_ends(into, error));
    find_max_length(into);
done:
    if (status != SPUR_OK) {
        error_prefix(error, "%s: tokenizer files", folder);
    }
    return status;
}

spur_status tokenizer_files_read(const char *folder, tokenizer_files *out, spur_error *error)
{
    spur_status status;
    memset(out, 0, sizeof *out);
    TRY(read_token_files(folder, out, error));
    TRY(read_document(folder, "tokenizer_config.json", DOCUMENT_SETTINGS, &out->config, error));
    TRY(read_document(folder, "special_tokens_map.json", DOCUMENT_SETTINGS, &out->names,
                      error));
    TRY(take_special_tokens(folder, out, error));
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
