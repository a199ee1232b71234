/*
 * json_print.h - JSON written as it comes, keys in the order of the calls.
 *
 * Strings are exact and safe to show: control, bidi and separator characters are \u escapes.
 */
#ifndef CLI_JSON_PRINT_H
#define CLI_JSON_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json_printer {
    FILE *to;
    bool needs_comma;
} json_printer;

/* In all calls key is NULL inside an array and at the top. */
void json_put_open(json_printer *into, const char *key, char bracket);     /* '{' or '[' */
void json_put_close(json_printer *into, char bracket);                     /* '}' or ']' */
void json_put_text(json_printer *into, const char *key, const char *text); /* NULL: null */
/* Bytes that are not UTF-8 become U+FFFD. */
void json_put_bytes(json_printer *into, const char *key, const char *text, size_t length);
/* "file_name", and "file_name_b64" with the exact bytes when the name is not UTF-8 (then
 * "file_name" shows them as \xNN). */
void json_put_file_name(json_printer *into, const char *key, const char *name);
void json_put_count(json_printer *into, const char *key, uint64_t value);
void json_put_integer(json_printer *into, const char *key, int64_t value);
void json_put_number(json_printer *into, const char *key, double value); /* %.9g, NaN: null */
void json_put_bool(json_printer *into, const char *key, bool value);
void json_put_null(json_printer *into, const char *key);
/* Ends a top-level value: newline. */
void json_put_end(json_printer *into);

#endif
