/*
 * special_tokens.c - added tokens, named tokens, start, end and pad; every id given once.
 *
 * The order of lists and names is transformers 5's, measured: a later name with the same text
 * decides the flags, and a default counts as a name.
 */
#include "models/special_tokens.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define START_LITERAL "<|startoftext|>"
#define END_LITERAL "<|endoftext|>"

enum {
    MAX_ADDED = 1024 /* each is looked for at every position of a text */
};

/* ---- added tokens -------------------------------------------------------------------- */

/* A token is its text, or an object with the text and flags. */
static spur_status parse_added(const json_t *value, bool is_special, added_token *out,
                               spur_error *error)
{
    const json_t *content = json_is_object(value) ? json_object_get(value, "content") : value;
    const json_t *normalized = json_object_get(value, "normalized");
    if (!json_is_string(content) || json_string_length(content) == 0 ||
        json_string_length(content) > TOKENIZER_MAX_TOKEN) {
        return error_set(error, SPUR_MODEL,
                         "a special token is not a text of 1 to %d bytes or an object with "
                         "such a \"content\"",
                         TOKENIZER_MAX_TOKEN);
    }
    if (!tokenizer_is_off(json_object_get(value, "lstrip")) ||
        !tokenizer_is_off(json_object_get(value, "rstrip")) ||
        !tokenizer_is_off(json_object_get(value, "single_word"))) {
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
    if (!(id >= 0 && id < TOKENIZER_MAX_IDS && id == (double)(int32_t)id)) {
        FAIL(SPUR_MODEL, "the id of added token \"%.60s\" is not an integer from 0 to %d",
             token.content, TOKENIZER_MAX_IDS - 1);
    }
    token.id = (int32_t)id;
    if (tokenizer_find_id(into->tokens, token.content, &known) && known != token.id) {
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
        if (!tokenizer_find_id(into->tokens, token.content, &token.id)) {
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
        if (!text_to_u64(json_object_iter_key(at), &id) || id >= TOKENIZER_MAX_IDS) {
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
        (void)tokenizer_find_id(from->tokens, json_string_value(content), &known);
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
    if (!tokenizer_is_text(type, "RobertaProcessing") &&
        !tokenizer_is_text(type, "BertProcessing")) {
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
        count += tokenizer_find_id(into->tokens, into->added[i].content, &unused) ? 0 : 1;
    }
    TRY(memory_new_zeroed(count, 1, &seen, error));
    for (void *at = json_object_iter(into->tokens); at != NULL;
         at = json_object_iter_next(into->tokens, at)) {
        TRY(mark_id(seen, count, (int32_t)json_integer_value(json_object_iter_value(at)),
                    json_object_iter_key(at), error));
    }
    for (size_t i = 0; i < into->added_count; i++) {
        if (!tokenizer_find_id(into->tokens, into->added[i].content, &unused)) {
            TRY(mark_id(seen, count, into->added[i].id, into->added[i].content, error));
        }
    }
    into->id_count = count;
done:
    memory_free(seen);
    return status;
}

spur_status special_tokens_take(tokenizer_files *into, spur_error *error)
{
    spur_status status;
    TRY(collect_added(into, error));
    TRY(check_ids(into, error));
    TRY(find_ends(into, error));
done:
    return status;
}
