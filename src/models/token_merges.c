/*
 * token_merges.c - the merges of tokenizer.json or merges.txt, each of three known tokens.
 */
#include "models/token_merges.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"

typedef struct merge_text {
    const char *left, *right;
    size_t left_length, right_length;
} merge_text;

static spur_status find_part(const json_t *tokens, const char *part, size_t length,
                             int32_t *out, spur_error *error)
{
    char token[2 * TOKENIZER_MAX_TOKEN + 1];
    memcpy(token, part, length);
    token[length] = '\0';
    if (!tokenizer_find_id(tokens, token, out)) {
        return error_set(error, SPUR_MODEL, "token \"%.60s\" is not in the vocabulary", token);
    }
    return SPUR_OK;
}

static spur_status add_merge(tokenizer_files *into, const merge_text *text, spur_error *error)
{
    bpe_merge merge = {.rank = (uint32_t)into->merge_count};
    char joined[2 * TOKENIZER_MAX_TOKEN];
    spur_status status;
    if (text->left_length == 0 || text->right_length == 0 ||
        text->left_length > TOKENIZER_MAX_TOKEN || text->right_length > TOKENIZER_MAX_TOKEN) {
        FAIL(SPUR_MODEL, "expected two tokens of at most %d bytes", TOKENIZER_MAX_TOKEN);
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

/* "left right": exactly one space, and no NUL, at which a look-up would stop. */
static bool split_merge(const char *line, size_t length, merge_text *out)
{
    const char *space = memchr(line, ' ', length);
    if (space == NULL || memchr(line, '\0', length) != NULL) {
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

spur_status token_merges_from_json(const json_t *merges, tokenizer_files *into,
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

spur_status token_merges_from_text(const char *folder, tokenizer_files *into, spur_error *error)
{
    char *path = NULL;
    unsigned char *bytes = NULL;
    size_t size;
    spur_status status;
    TRY(file_join(folder, "merges.txt", &path, error));
    status = file_load(path, TOKENIZER_FILE_LIMIT, SPUR_MODEL, &bytes, &size, error);
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
