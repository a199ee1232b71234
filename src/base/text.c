/*
 * text.c - UTF-8, escaping, numbers, base64, the growable string.
 *
 * Numbers are the same in every locale: printing replaces whatever decimal separator the
 * locale gives, reading switches the thread to the C locale for the one call.
 */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

/* ---- UTF-8 ------------------------------------------------------------------------------ */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0u) == 0x80u;
}

void text_copy(const char *src, char *dst, size_t capacity)
{
    if (capacity == 0) {
        return;
    }
    size_t length = strnlen(src, capacity);
    if (length == capacity) {
        length--;
        /* A character has at most three continuation bytes; more are not UTF-8 anyway. */
        for (int i = 0; i < 3 && length > 0 && is_continuation(src[length]); i++) {
            length--;
        }
    }
    memcpy(dst, src, length);
    dst[length] = '\0';
}

uint32_t text_next(const char *text, size_t length, size_t *at)
{
    const unsigned char *here = (const unsigned char *)text + *at;
    if (*here < 0x80) {
        (*at)++;
        return *here;
    }
    utf8proc_int32_t character;
    utf8proc_ssize_t taken =
        utf8proc_iterate(here, (utf8proc_ssize_t)(length - *at), &character);
    if (taken <= 0) {
        (*at)++;
        return UINT32_MAX;
    }
    *at += (size_t)taken;
    return (uint32_t)character;
}

bool text_is_utf8(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        if (text_next(text, length, &at) == UINT32_MAX) {
            return false;
        }
    }
    return true;
}

/* ---- escaping --------------------------------------------------------------------------- */

/* Characters that reorder or break a line on screen without being control characters. */
static bool reorders_line(uint32_t character)
{
    return character == 0x061C || character == 0x200E || character == 0x200F ||
           (character >= 0x2028 && character <= 0x202E) ||
           (character >= 0x2066 && character <= 0x2069);
}

bool text_is_unsafe(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character < 0xA0) ||
           reorders_line(character);
}

enum {
    PIECE_SIZE = 16 /* the longest piece is \u{xxxx} or two times \xNN, with its NUL */
};

/* The printed form of the character in bytes text[0 .. count-1]; returns its length. */
static size_t escape_piece(uint32_t character, const char *text, size_t count, char *piece)
{
    if (reorders_line(character)) {
        return (size_t)snprintf(piece, PIECE_SIZE, "\\u{%x}", (unsigned)character);
    }
    if (character != UINT32_MAX && !text_is_unsafe(character)) {
        memcpy(piece, text, count);
        return count;
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(piece + used, PIECE_SIZE - used, "\\x%02x",
                                 (unsigned)(unsigned char)text[i]);
    }
    return used;
}

void text_escape(const char *text, size_t length, char *dst, size_t capacity)
{
    if (capacity == 0) {
        return;
    }
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        size_t start = at;
        char piece[PIECE_SIZE];
        uint32_t character = text_next(text, length, &at);
        size_t count = escape_piece(character, text + start, at - start, piece);
        if (count > capacity - 1 - used) {
            break;
        }
        memcpy(dst + used, piece, count);
        used += count;
    }
    dst[used] = '\0';
}

/* ---- comparing -------------------------------------------------------------------------- */

enum {
    DISTANCE_LIMIT = 128
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: rows of the edit table for prefixes of a; [j] is the distance to
 * the first j bytes of b. Three rows are enough because a swap looks two rows back. */
size_t text_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length >= DISTANCE_LIMIT || b_length >= DISTANCE_LIMIT) {
        return a_length > b_length ? a_length : b_length;
    }
    size_t rows[3][DISTANCE_LIMIT];
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *now = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = smaller(above[j - 1] + cost, smaller(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = smaller(now[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

int text_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, smaller(a_length, b_length));
    if (order != 0) {
        return order;
    }
    return (a_length > b_length) - (a_length < b_length);
}

/* ---- numbers ---------------------------------------------------------------------------- */

/* Copies a number printed by %g; what is neither digit, sign nor exponent is the locale's
 * decimal separator (one or more bytes). */
static void copy_with_point(const char *src, char *dst)
{
    size_t used = 0;
    for (const char *here = src; *here != '\0'; here++) {
        if (strchr("+-0123456789e", *here) != NULL) {
            dst[used++] = *here;
        } else if (used == 0 || dst[used - 1] != '.') {
            dst[used++] = '.';
        }
    }
    dst[used] = '\0';
}

static void print_double(double value, int digits, char *dst)
{
    if (isnan(value)) {
        text_copy("nan", dst, TEXT_NUMBER_SIZE);
    } else if (isinf(value)) {
        text_copy(value > 0 ? "inf" : "-inf", dst, TEXT_NUMBER_SIZE);
    } else {
        char raw[TEXT_NUMBER_SIZE];
        (void)snprintf(raw, sizeof raw, "%.*g", digits, value);
        copy_with_point(raw, dst);
    }
}

void text_from_float(float value, char *dst)
{
    print_double((double)value, 9, dst);
}

void text_from_double(double value, char *dst)
{
    print_double(value, 17, dst);
}

void text_from_rounded(double value, char *dst)
{
    print_double(value, 9, dst);
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool text_to_u64(const char *text, uint64_t *out)
{
    if (*text == '\0') {
        return false;
    }
    uint64_t value = 0;
    for (; *text != '\0'; text++) {
        if (!is_digit(*text) || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (unsigned)(*text - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

static const char *skip_digits(const char *text)
{
    while (is_digit(*text)) {
        text++;
    }
    return text;
}

/* [sign] digits [. digits] [e [sign] digits], with a digit before or behind the point: what
 * strtod reads, without blanks, hexadecimal, infinities and NaN. */
static bool is_decimal(const char *text)
{
    text += *text == '-' || *text == '+';
    const char *whole_end = skip_digits(text);
    bool has_digit = whole_end > text;
    text = whole_end;
    if (*text == '.') {
        const char *end = skip_digits(text + 1);
        has_digit = has_digit || end > text + 1;
        text = end;
    }
    if (has_digit && (*text == 'e' || *text == 'E')) {
        text++;
        text += *text == '-' || *text == '+';
        const char *end = skip_digits(text);
        has_digit = end > text;
        text = end;
    }
    return has_digit && *text == '\0';
}

bool text_to_double(const char *text, double *out)
{
    if (!is_decimal(text)) {
        return false;
    }
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return false;
    }
    locale_t before = uselocale(plain);
    double value = strtod(text, NULL);
    uselocale(before);
    freelocale(plain);
    if (isinf(value)) {
        return false;
    }
    *out = value;
    return true;
}

/* ---- base64 ----------------------------------------------------------------------------- */

spur_status text_base64(const void *bytes, size_t length, char **out, spur_error *error)
{
    enum {
        PART = 3 << 20 /* the library counts in int; a multiple of 3 needs no padding */
    };
    spur_status status;
    char *text = NULL;
    /* One group more than the text needs: room for a last part group and the NUL. */
    TRY(memory_new(length / 3 + 2, 4, &text, error));
    text[0] = '\0';
    const unsigned char *src = bytes;
    for (size_t at = 0, used = 0; at < length; at += PART) {
        int count = (int)smaller(length - at, PART);
        used += (size_t)EVP_EncodeBlock((unsigned char *)text + used, src + at, count);
    }
    *out = text;
    text = NULL;
done:
    memory_free(text);
    return status;
}

/* ---- growable string -------------------------------------------------------------------- */

/* Room for `more` bytes and a NUL behind the present text. */
static spur_status buffer_reserve(text_buffer *buffer, size_t more, spur_error *error)
{
    size_t need;
    if (!size_add(buffer->length, more, &need) || !size_add(need, 1, &need)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return memory_grow(&buffer->data, &buffer->capacity, need, 1, error);
}

spur_status text_add(text_buffer *buffer, const char *text, size_t length, spur_error *error)
{
    spur_status status;
    TRY(buffer_reserve(buffer, length, error));
    if (length > 0) { /* text may be NULL then, which memcpy does not allow */
        memcpy(buffer->data + buffer->length, text, length);
    }
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
done:
    return status;
}

spur_status text_format(text_buffer *buffer, spur_error *error, const char *format, ...)
{
    spur_status status;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        FAIL(SPUR_INTERNAL, "a text could not be formatted");
    }
    TRY(buffer_reserve(buffer, (size_t)length, error));
    va_start(arguments, format);
    (void)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
done:
    return status;
}

void text_buffer_free(text_buffer *buffer)
{
    if (buffer != NULL) {
        memory_free(buffer->data);
        *buffer = (text_buffer){NULL, 0, 0};
    }
}
