/*
 * text.h - UTF-8, escaping for screens, a growable string, numbers, distances between words.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Copies src to dst (capacity bytes with the NUL), cutting before an incomplete character. */
void text_copy(const char *src, char *dst, size_t capacity);

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *text, size_t length);

/* Decodes the character at text[*at] and moves *at behind it; UINT32_MAX for an ill-formed
 * byte (then *at moves by one). */
uint32_t text_next(const char *text, size_t length, size_t *at);

/* C0, DEL, C1, bidi controls, line and paragraph separators: characters that text_escape does
 * not let through. */
bool text_is_unsafe(uint32_t character);

/* Makes bytes safe for a terminal: C0, DEL, C1, bytes that are not UTF-8 become \xNN; bidi
 * controls, line and paragraph separators become \u{...}. Always terminated, cut to fit between
 * pieces; 4 * length + 1 bytes hold everything. */
void text_escape(const char *text, size_t length, char *dst, size_t capacity);

/* Levenshtein distance with transpositions counted once, for "did you mean". Words of 128
 * bytes and more are as far apart as the longer one is long. */
size_t text_distance(const char *a, const char *b);

/* Byte-wise comparison of length-bounded strings, as memcmp then shorter first. */
int text_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* "%.9g" (float) or "%.17g" (double) with '.' whatever the locale; NaN and infinities are
 * "nan", "inf", "-inf". dst holds TEXT_NUMBER_SIZE bytes. */
enum {
    TEXT_NUMBER_SIZE = 40
};
void text_from_float(float value, char *dst);
void text_from_double(double value, char *dst);
/* "%.9g" of a double: 0.05 where the nearest float would print 0.0500000007. */
void text_from_rounded(double value, char *dst);

/* Whole-string decimal numbers; false when anything else stands there (a blank, hexadecimal,
 * inf, nan; for u64 also a sign) or the value does not fit. */
bool text_to_u64(const char *text, uint64_t *out) SPUR_MUST_USE;
bool text_to_double(const char *text, double *out) SPUR_MUST_USE;

/* Standard base64 with padding. */
spur_status text_base64(const void *bytes, size_t length, char **out,
                        spur_error *error) SPUR_MUST_USE;

/* A growable string: zero-initialise, add, read .data (NUL-terminated, NULL when empty),
 * text_buffer_free. */
typedef struct text_buffer {
    char *data;
    size_t length, capacity;
} text_buffer;

spur_status text_add(text_buffer *buffer, const char *text, size_t length,
                     spur_error *error) SPUR_MUST_USE;
spur_status text_format(text_buffer *buffer, spur_error *error, const char *format, ...)
    PRINTF_LIKE(3, 4) SPUR_MUST_USE;
void text_buffer_free(text_buffer *buffer);

#endif
