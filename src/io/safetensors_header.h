/*
 * safetensors_header.h - strict scanner for the JSON a safetensors file begins with.
 *
 * Not a general JSON reader: integers are exact 64-bit naturals ('-0', fractions, exponents
 * and leading zeros are refused), strings are unescaped in place and end with a NUL, nothing
 * is allocated. The text must have been checked to be UTF-8.
 */
#ifndef IO_SAFETENSORS_HEADER_H
#define IO_SAFETENSORS_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* text holds length bytes and one more that may be overwritten. */
typedef struct header_scanner {
    char *text;
    size_t at, length;
} header_scanner;

/* The next character after white space, or '\0' at the end; does not consume it. */
char header_peek(header_scanner *scanner);
/* Skips white space and consumes `wanted`. */
spur_status header_expect(header_scanner *scanner, char wanted,
                          spur_error *error) SPUR_MUST_USE;
/* Called before each item of a list closed by `close`: consumes the comma between items or
 * the closing character; *is_end tells which. `index` is the number of items read so far. */
spur_status header_next_item(header_scanner *scanner, char close, size_t index, bool *is_end,
                             spur_error *error) SPUR_MUST_USE;
/* A string without U+0000; *out points into the scanner's text. */
spur_status header_string(header_scanner *scanner, const char **out,
                          spur_error *error) SPUR_MUST_USE;
spur_status header_natural(header_scanner *scanner, uint64_t *out,
                           spur_error *error) SPUR_MUST_USE;
/* Only white space may be left. */
spur_status header_finish(header_scanner *scanner, spur_error *error) SPUR_MUST_USE;

#endif
