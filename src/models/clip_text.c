/*
 * clip_text.c - normal form and pieces of text, after the published CLIP tokenizer.
 *
 * utf8proc's own decomposition sorts combining marks by exchange, which a hostile text makes
 * quadratic; here the marks are sorted by counting and utf8proc does the rest.
 */
#include "models/clip_text.h"

#include <assert.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

enum {
    FIRST_MARK = 0x300,         /* text below is its own NFC */
    MAX_DECOMPOSITION = 8,      /* the longest canonical one has 4 code points */
    CAPITAL_I_WITH_DOT = 0x130, /* the only code point whose lower case is two */
    COMBINING_DOT_ABOVE = 0x307,
    CLASS_COUNT = 256
};

void points_free(points *block)
{
    memory_free(block->data);
    *block = (points){NULL, 0, 0};
}

static spur_status points_reserve(points *into, size_t more, spur_error *error)
{
    size_t need;
    if (!size_add(into->length, more, &need)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return memory_grow(&into->data, &into->capacity, need, sizeof *into->data, error);
}

spur_status points_decode(const char *text, size_t length, points *out, spur_error *error)
{
    out->length = 0;
    spur_status status = points_reserve(out, length, error);
    if (status != SPUR_OK) {
        return status;
    }
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    for (size_t used = 0; used < length;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t taken =
            utf8proc_iterate(at + used, (utf8proc_ssize_t)(length - used), &point);
        assert(taken > 0);
        out->data[out->length++] = point;
        used += (size_t)taken;
    }
    return SPUR_OK;
}

/* ---- NFC ----------------------------------------------------------------------------- */

static bool is_nfc_already(const int32_t *src, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (src[i] >= FIRST_MARK) {
            return false;
        }
    }
    return true;
}

static spur_status decompose(const int32_t *src, size_t length, points *out, spur_error *error)
{
    for (size_t i = 0; i < length; i++) {
        spur_status status = points_reserve(out, MAX_DECOMPOSITION, error);
        if (status != SPUR_OK) {
            return status;
        }
        int boundary = 0;
        utf8proc_ssize_t count =
            utf8proc_decompose_char(src[i], out->data + out->length, MAX_DECOMPOSITION,
                                    UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        assert(count > 0 && count <= MAX_DECOMPOSITION);
        out->length += (size_t)count;
    }
    return SPUR_OK;
}

static unsigned mark_class(int32_t point)
{
    if (point < FIRST_MARK) {
        return 0;
    }
    return (unsigned)utf8proc_get_property(point)->combining_class & (CLASS_COUNT - 1);
}

/* Stable, by combining class, with counts; `spare` holds as many points as the run. */
static void sort_marks(int32_t *run, size_t length, int32_t *spare)
{
    size_t first[CLASS_COUNT + 1] = {0};
    for (size_t i = 0; i < length; i++) {
        first[mark_class(run[i]) + 1]++;
    }
    for (size_t k = 1; k <= CLASS_COUNT; k++) {
        first[k] += first[k - 1];
    }
    for (size_t i = 0; i < length; i++) {
        spare[first[mark_class(run[i])]++] = run[i];
    }
    memcpy(run, spare, length * sizeof *run);
}

/* Puts each run of combining marks in canonical order. */
static spur_status order_marks(points *text, spur_error *error)
{
    int32_t *spare = NULL;
    spur_status status;
    TRY(memory_new(text->length, sizeof *spare, &spare, error));
    for (size_t i = 0; i < text->length; i++) {
        size_t end = i;
        bool is_ordered = true;
        unsigned before = 0;
        for (unsigned class; end < text->length; end++) {
            class = mark_class(text->data[end]);
            if (class == 0) {
                break;
            }
            is_ordered = is_ordered && before <= class;
            before = class;
        }
        if (!is_ordered) {
            sort_marks(text->data + i, end - i, spare);
        }
        i = end;
    }
done:
    memory_free(spare);
    return status;
}

static spur_status compose(const int32_t *src, size_t length, points *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (length == 0) {
        return status;
    }
    TRY(points_reserve(out, length, error));
    if (is_nfc_already(src, length)) {
        memcpy(out->data, src, length * sizeof *src);
        out->length = length;
        return status;
    }
    TRY(decompose(src, length, out, error));
    TRY(order_marks(out, error));
    utf8proc_ssize_t composed = utf8proc_normalize_utf32(
        out->data, (utf8proc_ssize_t)out->length, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    assert(composed >= 0);
    out->length = (size_t)composed;
done:
    return status;
}

/* ---- white space and case ------------------------------------------------------------ */

/* Unicode's White_Space, which is not what C's isspace or Python's split take. */
static bool is_space(int32_t point)
{
    return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 ||
           point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
           point == 0x2028 || point == 0x2029 || point == 0x202F || point == 0x205F ||
           point == 0x3000;
}

spur_status points_normalize(const int32_t *src, size_t length, points *out, spur_error *error)
{
    points composed = {NULL, 0, 0};
    spur_status status;
    out->length = 0;
    TRY(compose(src, length, &composed, error));
    TRY(points_reserve(out, 2 * composed.length, error));
    for (size_t i = 0; i < composed.length; i++) {
        int32_t point = composed.data[i];
        if (is_space(point)) {
            if (i == 0 || !is_space(composed.data[i - 1])) {
                out->data[out->length++] = ' ';
            }
        } else if (point == CAPITAL_I_WITH_DOT) {
            out->data[out->length++] = 'i';
            out->data[out->length++] = COMBINING_DOT_ABOVE;
        } else {
            out->data[out->length++] = utf8proc_tolower(point);
        }
    }
done:
    points_free(&composed);
    return status;
}

/* ---- pieces -------------------------------------------------------------------------- */

typedef enum point_kind {
    KIND_SPACE,
    KIND_LETTER,
    KIND_NUMERAL,
    KIND_OTHER
} point_kind;

static point_kind kind_of(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return KIND_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return KIND_NUMERAL;
    default:
        return is_space(point) ? KIND_SPACE : KIND_OTHER;
    }
}

/* Length of the ASCII literal when the text begins with it, else 0. */
static size_t literal_length(const int32_t *text, size_t length, const char *literal)
{
    size_t i = 0;
    for (; literal[i] != '\0'; i++) {
        if (i == length || text[i] != (unsigned char)literal[i]) {
            return 0;
        }
    }
    return i;
}

static size_t any_literal(const int32_t *text, size_t length, const char *const *literals)
{
    for (; *literals != NULL; literals++) {
        size_t matched = literal_length(text, length, *literals);
        if (matched > 0) {
            return matched;
        }
    }
    return 0;
}

static const char *const special_literals[] = {"<|startoftext|>", "<|endoftext|>", NULL};
static const char *const contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d", NULL};

static size_t run_length(const int32_t *text, size_t length, point_kind kind)
{
    size_t i = 1;
    while (i < length && kind_of(text[i]) == kind) {
        i++;
    }
    return i;
}

bool text_piece_next(const int32_t *text, size_t length, size_t from, bool with_specials,
                     text_piece *out)
{
    while (from < length && kind_of(text[from]) == KIND_SPACE) {
        from++;
    }
    if (from == length) {
        return false;
    }
    const int32_t *at = text + from;
    size_t left = length - from;
    point_kind kind = kind_of(*at);
    size_t taken = with_specials && *at == '<' ? any_literal(at, left, special_literals) : 0;
    out->is_special = taken > 0;
    if (taken == 0 && *at == '\'') {
        taken = any_literal(at, left, contractions);
    }
    if (taken == 0) {
        taken = kind == KIND_NUMERAL ? 1 : run_length(at, left, kind);
    }
    out->start = from;
    out->end = from + taken;
    return true;
}
