/*
 * tokenizer.c - text to ids: special strings are cut out, the rest is normalised, cut into
 * pieces and merged; start and end are put around.
 *
 * A string whose flag says "normalized" is looked for after normalising, the others before.
 */
#include "models/tokenizer.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "base/text.h"
#include "models/bpe.h"
#include "models/clip_text.h"
#include "models/tokenizer_files.h"

enum {
    MAX_TEXT = 16 << 20 /* bytes of one text */
};

/* A string looked for in the text. */
typedef struct marker {
    points text;
    int32_t id;
} marker;

typedef struct marker_list {
    marker *items;
    size_t count;
} marker_list;

struct tokenizer {
    bpe_table *merges;
    int32_t symbols[2][256]; /* id of a byte; [1]: as the last of its word */
    marker_list raw, normal; /* looked for before and after normalising */
    size_t id_count, max_length;
    int32_t start, end, pad;
    bool with_specials;
};

/* ---- opening ------------------------------------------------------------------------- */

static spur_status marker_fill(marker *into, const added_token *token, spur_error *error)
{
    points given = {NULL, 0, 0};
    spur_status status;
    into->id = token->id;
    TRY(points_decode(token->content, strlen(token->content),
                      token->is_normalized ? &given : &into->text, error));
    if (token->is_normalized) {
        TRY(points_normalize(given.data, given.length, &into->text, error));
    }
done:
    points_free(&given);
    return status;
}

/* The added tokens of one kind. */
static spur_status markers_make(const tokenizer_files *files, bool is_normalized,
                                marker_list *out, spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(files->added_count, sizeof *out->items, &out->items, error));
    for (size_t i = 0; i < files->added_count; i++) {
        if (files->added[i].is_normalized == is_normalized) {
            TRY(marker_fill(&out->items[out->count++], &files->added[i], error));
        }
    }
done:
    return status;
}

static void markers_free(marker_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        points_free(&list->items[i].text);
    }
    memory_free(list->items);
}

static spur_status take_merges(tokenizer *into, tokenizer_files *files, const char *folder,
                               spur_error *error)
{
    size_t duplicate;
    spur_status status = bpe_table_new(files->merges, files->merge_count, files->id_count,
                                       &into->merges, &duplicate, error);
    if (status == SPUR_OK) {
        files->merges = NULL;
    } else if (duplicate < files->merge_count) {
        status = error_set(error, SPUR_MODEL,
                           "%s: merge %zu of the tokenizer (the first is 1) repeats a pair",
                           folder, duplicate + 1);
    }
    return status;
}

static spur_status tokenizer_fill(tokenizer *into, tokenizer_files *files, const char *folder,
                                  spur_error *error)
{
    spur_status status;
    TRY(take_merges(into, files, folder, error));
    TRY(markers_make(files, false, &into->raw, error));
    TRY(markers_make(files, true, &into->normal, error));
    memcpy(into->symbols, files->symbols, sizeof into->symbols);
    into->id_count = files->id_count;
    into->max_length = files->max_length;
    into->start = files->start;
    into->end = files->end;
    into->pad = files->pad;
    into->with_specials = files->with_specials;
done:
    return status;
}

spur_status tokenizer_open(const char *folder, tokenizer **out, spur_error *error)
{
    tokenizer *block = NULL;
    tokenizer_files files;
    spur_status status;
    TRY(tokenizer_files_read(folder, &files, error));
    TRY(memory_new_zeroed(1, sizeof *block, &block, error));
    TRY(tokenizer_fill(block, &files, folder, error));
    *out = block;
    block = NULL;
done:
    tokenizer_close(block);
    tokenizer_files_free(&files);
    return status;
}

void tokenizer_close(tokenizer *block)
{
    if (block != NULL) {
        bpe_table_free(block->merges);
        markers_free(&block->raw);
        markers_free(&block->normal);
        memory_free(block);
    }
}

size_t tokenizer_size(const tokenizer *from)
{
    return from->id_count;
}

int32_t tokenizer_start(const tokenizer *from)
{
    return from->start;
}

int32_t tokenizer_end(const tokenizer *from)
{
    return from->end;
}

int32_t tokenizer_pad(const tokenizer *from)
{
    return from->pad;
}

size_t tokenizer_max_length(const tokenizer *from)
{
    return from->max_length;
}

/* ---- encoding ------------------------------------------------------------------------ */

/* What one call of tokenizer_encode holds. */
typedef struct encoding {
    const tokenizer *with;
    int32_t *ids; /* start and content */
    size_t count, capacity;
    size_t limit; /* ids wanted; once there are more, the rest does not matter */
    points normal;
    bpe_scratch scratch;
} encoding;

static bool is_full(const encoding *into)
{
    return into->count > into->limit;
}

static spur_status add_id(encoding *into, int32_t id, spur_error *error)
{
    spur_status status =
        memory_grow(&into->ids, &into->capacity, into->count + 1, sizeof *into->ids, error);
    if (status == SPUR_OK) {
        into->ids[into->count++] = id;
    }
    return status;
}

static spur_status encode_word(encoding *into, const int32_t *text, size_t length,
                               spur_error *error)
{
    spur_status status;
    TRY(memory_grow(&into->ids, &into->capacity, into->count + 4 * length, sizeof *into->ids,
                    error));
    int32_t *symbols = into->ids + into->count;
    size_t count = 0;
    unsigned last = 0;
    for (size_t i = 0; i < length; i++) {
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t size = utf8proc_encode_char(text[i], bytes);
        for (utf8proc_ssize_t k = 0; k < size; k++) {
            last = bytes[k];
            symbols[count++] = into->with->symbols[0][last];
        }
    }
    symbols[count - 1] = into->with->symbols[1][last];
    TRY(bpe_merge_piece(into->with->merges, symbols, &count, &into->scratch, error));
    into->count += count;
done:
    return status;
}

/* A special literal that no marker took is cut once more, at its brackets. */
static spur_status encode_literal(encoding *into, const int32_t *text, size_t length,
                                  spur_error *error)
{
    const size_t bracket = 2; /* "<|" */
    spur_status status;
    TRY(encode_word(into, text, bracket, error));
    TRY(encode_word(into, text + bracket, length - 2 * bracket, error));
    TRY(encode_word(into, text + length - bracket, bracket, error));
done:
    return status;
}

static spur_status encode_words(encoding *into, const int32_t *text, size_t length,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    text_piece piece = {0, 0, false};
    while (!is_full(into) &&
           text_piece_next(text, length, piece.end, into->with->with_specials, &piece)) {
        const int32_t *word = text + piece.start;
        size_t size = piece.end - piece.start;
        TRY(piece.is_special ? encode_literal(into, word, size, error)
                             : encode_word(into, word, size, error));
    }
done:
    return status;
}

/* The longest marker that stands at the beginning of text, or NULL. */
static const marker *marker_at(const marker_list *list, const int32_t *text, size_t length)
{
    const marker *best = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const points *wanted = &list->items[i].text;
        if (wanted->length <= length && wanted->length > 0 && wanted->data[0] == text[0] &&
            (best == NULL || wanted->length > best->text.length) &&
            memcmp(wanted->data, text, wanted->length * sizeof *text) == 0) {
            best = &list->items[i];
        }
    }
    return best;
}

typedef spur_status (*encode_text)(encoding *into, const int32_t *text, size_t length,
                                   spur_error *error);

/* Markers become their ids; what lies between them goes to `between`. */
static spur_status encode_marked(encoding *into, const marker_list *markers,
                                 const int32_t *text, size_t length, encode_text between,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t done_to = 0;
    for (size_t at = 0; at < length && !is_full(into);) {
        const marker *found = marker_at(markers, text + at, length - at);
        if (found == NULL) {
            at++;
            continue;
        }
        if (at > done_to) {
            TRY(between(into, text + done_to, at - done_to, error));
        }
        TRY(add_id(into, found->id, error));
        at += found->text.length;
        done_to = at;
    }
    if (length > done_to) {
        TRY(between(into, text + done_to, length - done_to, error));
    }
done:
    return status;
}

static spur_status encode_normalized(encoding *into, const int32_t *text, size_t length,
                                     spur_error *error)
{
    spur_status status;
    TRY(points_normalize(text, length, &into->normal, error));
    TRY(encode_marked(into, &into->with->normal, into->normal.data, into->normal.length,
                      encode_words, error));
done:
    return status;
}

static spur_status check_text(const char *text, size_t length, size_t max_length,
                              spur_error *error)
{
    if (max_length == 1) {
        return error_set(error, SPUR_USAGE,
                         "a limit of 1 token leaves no room for start and "
                         "end: expected 0 or at least 2");
    }
    if (length > MAX_TEXT) {
        return error_set(error, SPUR_USAGE, "a text of %zu bytes is too long: the limit is %d",
                         length, MAX_TEXT);
    }
    if (!text_is_utf8(text, length)) {
        return error_set(error, SPUR_USAGE, "the text is not UTF-8: \"%.*s\"",
                         (int)(length < 60 ? length : 60), text);
    }
    return SPUR_OK;
}

spur_status tokenizer_encode(const tokenizer *from, const char *text, size_t length,
                             size_t max_length, token_ids *out, spur_error *error)
{
    encoding state = {.with = from, .limit = max_length == 0 ? SIZE_MAX : max_length - 1};
    points given = {NULL, 0, 0};
    spur_status status;
    TRY(check_text(text, length, max_length, error));
    TRY(points_decode(text, length, &given, error));
    TRY(add_id(&state, from->start, error));
    TRY(encode_marked(&state, &from->raw, given.data, given.length, encode_normalized, error));
    bool is_truncated = is_full(&state);
    if (is_truncated) {
        state.count = state.limit;
    }
    TRY(add_id(&state, from->end, error));
    *out = (token_ids){state.ids, state.count, is_truncated};
    state.ids = NULL;
done:
    memory_free(state.ids);
    points_free(&given);
    points_free(&state.normal);
    bpe_scratch_free(&state.scratch);
    return status;
}

void token_ids_free(token_ids *block)
{
    memory_free(block->ids);
    *block = (token_ids){NULL, 0, false};
}
