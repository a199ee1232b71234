/*
 * json_print.c - JSON written as it comes, keys in the order of the calls.
 */
#include "cli/json_print.h"

#include <math.h>
#include <string.h>

#include "cli/escape.h"

static void print_escape(FILE *to, uint32_t character)
{
    switch (character) {
    case '\n':
        (void)fputs("\\n", to);
        break;
    case '\r':
        (void)fputs("\\r", to);
        break;
    case '\t':
        (void)fputs("\\t", to);
        break;
    default:
        (void)fprintf(to, "\\u%04x", (unsigned)character);
    }
}

static void print_string(FILE *to, const char *text, size_t length)
{
    (void)fputc('"', to);
    for (size_t at = 0; at < length;) {
        size_t from = at;
        uint32_t character = escape_next(text, length, &at);
        if (character == UINT32_MAX) {
            (void)fputs("\\ufffd", to);
        } else if (escape_is_unsafe(character)) {
            print_escape(to, character);
        } else {
            if (character == '"' || character == '\\') {
                (void)fputc('\\', to);
            }
            (void)fwrite(text + from, 1, at - from, to);
        }
    }
    (void)fputc('"', to);
}

/* Comma, key and colon before a value. */
static void begin_value(json_printer *into, const char *key)
{
    if (into->needs_comma) {
        (void)fputc(',', into->to);
    }
    if (key != NULL) {
        print_string(into->to, key, strlen(key));
        (void)fputc(':', into->to);
    }
    into->needs_comma = true;
}

void json_put_open(json_printer *into, const char *key, char bracket)
{
    begin_value(into, key);
    (void)fputc(bracket, into->to);
    into->needs_comma = false;
}

void json_put_close(json_printer *into, char bracket)
{
    (void)fputc(bracket, into->to);
    into->needs_comma = true;
}

void json_put_bytes(json_printer *into, const char *key, const char *text, size_t length)
{
    begin_value(into, key);
    print_string(into->to, text, length);
}

void json_put_text(json_printer *into, const char *key, const char *text)
{
    if (text == NULL) {
        json_put_null(into, key);
    } else {
        json_put_bytes(into, key, text, strlen(text));
    }
}

static void print_base64(FILE *to, const char *text, size_t length)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < length; at += 3) {
        uint32_t three = 0;
        size_t count = length - at < 3 ? length - at : 3;
        for (size_t i = 0; i < 3; i++) {
            three = three << 8 | (i < count ? (unsigned char)text[at + i] : 0u);
        }
        for (size_t i = 0; i < 4; i++) {
            (void)fputc(i <= count ? digits[three >> (18 - 6 * i) & 63] : '=', to);
        }
    }
}

void json_put_file_name(json_printer *into, const char *key, const char *name)
{
    char chunk[256];
    size_t length = strlen(name);
    if (escape_is_utf8(name, length)) {
        json_put_bytes(into, key, name, length);
        return;
    }
    begin_value(into, key);
    (void)fputc('"', into->to);
    for (size_t at = 0; at < length;) {
        size_t from = at;
        (void)escape_next(name, length, &at);
        escape_text(name + from, at - from, chunk, sizeof chunk);
        for (const char *byte = chunk; *byte != '\0'; byte++) {
            if (*byte == '"' || *byte == '\\') {
                (void)fputc('\\', into->to);
            }
            (void)fputc(*byte, into->to);
        }
    }
    (void)fprintf(into->to, "\",\"%s_b64\":\"", key);
    print_base64(into->to, name, length);
    (void)fputc('"', into->to);
}

void json_put_count(json_printer *into, const char *key, uint64_t value)
{
    begin_value(into, key);
    (void)fprintf(into->to, "%llu", (unsigned long long)value);
}

void json_put_integer(json_printer *into, const char *key, int64_t value)
{
    begin_value(into, key);
    (void)fprintf(into->to, "%lld", (long long)value);
}

void json_put_number(json_printer *into, const char *key, double value)
{
    if (!isfinite(value)) {
        json_put_null(into, key);
        return;
    }
    begin_value(into, key);
    (void)fprintf(into->to, "%.9g", value);
}

void json_put_bool(json_printer *into, const char *key, bool value)
{
    begin_value(into, key);
    (void)fputs(value ? "true" : "false", into->to);
}

void json_put_null(json_printer *into, const char *key)
{
    begin_value(into, key);
    (void)fputs("null", into->to);
}

void json_put_end(json_printer *into)
{
    (void)fputc('\n', into->to);
    into->needs_comma = false;
}
