/*
 * escape.c - text from files made safe for a terminal, cut to columns, quoted for a shell.
 *
 * A file name may hold any byte but NUL and '/': printed raw, it could recolour, retitle or
 * rewrite the reader's terminal.
 */
#include "cli/escape.h"

#include <string.h>
#include <utf8proc.h>

uint32_t escape_next(const char *text, size_t length, size_t *at)
{
    utf8proc_int32_t character = -1;
    size_t rest = length - *at;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + *at,
                                             rest > 4 ? 4 : (utf8proc_ssize_t)rest, &character);
    if (used <= 0 || character < 0) {
        *at += 1;
        return UINT32_MAX;
    }
    *at += (size_t)used;
    return (uint32_t)character;
}

bool escape_is_utf8(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        if (escape_next(text, length, &at) == UINT32_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

static bool turns_text(uint32_t character)
{
    return character == 0x061c || (character >= 0x200e && character <= 0x200f) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

bool escape_is_unsafe(uint32_t character)
{
    return is_control(character) || turns_text(character);
}

/* The shown form of the character at text[*at]; returns its length. */
static size_t escape_one(const char *text, size_t length, size_t *at, char out[ESCAPE_SIZE])
{
    size_t from = *at;
    uint32_t character = escape_next(text, length, at);
    if (character == UINT32_MAX) {
        return (size_t)snprintf(out, ESCAPE_SIZE, "\\x%02x", (unsigned char)text[from]);
    }
    if (is_control(character)) {
        return (size_t)snprintf(out, ESCAPE_SIZE, "\\x%02x", (unsigned)character);
    }
    if (turns_text(character)) {
        return (size_t)snprintf(out, ESCAPE_SIZE, "\\u{%04x}", (unsigned)character);
    }
    memcpy(out, text + from, *at - from);
    out[*at - from] = '\0';
    return *at - from;
}

void escape_text(const char *text, size_t length, char *dst, size_t capacity)
{
    char shown[ESCAPE_SIZE];
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        size_t size = escape_one(text, length, &at, shown);
        if (used + size + 1 > capacity) {
            break;
        }
        memcpy(dst + used, shown, size);
        used += size;
    }
    dst[used] = '\0';
}

void escape_print(const char *text, FILE *to)
{
    char shown[ESCAPE_SIZE];
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t size = escape_one(text, length, &at, shown);
        (void)fwrite(shown, 1, size, to);
    }
}

/* Columns of the first character of text. */
static size_t character_columns(const char *text, size_t length)
{
    size_t at = 0;
    uint32_t character = escape_next(text, length, &at);
    int columns = character == UINT32_MAX ? 1 : utf8proc_charwidth((utf8proc_int32_t)character);
    return columns > 0 ? (size_t)columns : 0;
}

size_t escape_columns(const char *text)
{
    size_t length = strlen(text);
    size_t columns = 0;
    for (size_t at = 0; at < length;) {
        columns += character_columns(text + at, length - at);
        (void)escape_next(text, length, &at);
    }
    return columns;
}

static size_t shown_columns(const char *shown, size_t size)
{
    return shown[0] == '\\' ? size : character_columns(shown, size);
}

/* How many columns the whole text would take once escaped. */
static size_t measure(const char *text, size_t length)
{
    char shown[ESCAPE_SIZE];
    size_t columns = 0;
    for (size_t at = 0; at < length;) {
        size_t size = escape_one(text, length, &at, shown);
        columns += shown_columns(shown, size);
    }
    return columns;
}

void escape_fit(const char *text, size_t columns, char *dst, size_t capacity)
{
    char shown[ESCAPE_SIZE];
    size_t length = strlen(text);
    bool is_cut = measure(text, length) > columns;
    size_t room = is_cut ? columns - (columns < 3 ? columns : 3) : columns;
    size_t used = 0, taken = 0;
    for (size_t at = 0; at < length;) {
        size_t size = escape_one(text, length, &at, shown);
        size_t width = shown_columns(shown, size);
        /* The reserve keeps room for dots or filling behind zero-width characters. */
        if (taken + width > room || used + size + columns + 1 > capacity) {
            break;
        }
        memcpy(dst + used, shown, size);
        used += size;
        taken += width;
    }
    for (size_t dots = 0; is_cut && dots < 3 && taken < columns; dots++, taken++) {
        dst[used++] = '.';
    }
    for (; taken < columns; taken++) {
        dst[used++] = ' ';
    }
    dst[used] = '\0';
}

/* $'...' keeps bytes that would steer a terminal out of sight; bash, zsh and POSIX 2024 read
 * it back. */
static void quote_bytes(const char *word, FILE *to)
{
    (void)fputs("$'", to);
    for (size_t i = 0; word[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)word[i];
        if (byte < 0x20 || byte >= 0x7f) {
            (void)fprintf(to, "\\%03o", byte);
        } else if (byte == '\'' || byte == '\\') {
            (void)fprintf(to, "\\%c", byte);
        } else {
            (void)fputc(byte, to);
        }
    }
    (void)fputc('\'', to);
}

static bool shows_as_it_is(const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at < length;) {
        uint32_t character = escape_next(word, length, &at);
        if (character == UINT32_MAX || escape_is_unsafe(character)) {
            return false;
        }
    }
    return true;
}

void escape_shell(const char *word, FILE *to)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        (void)fputs(word, to);
        return;
    }
    if (!shows_as_it_is(word)) {
        quote_bytes(word, to);
        return;
    }
    (void)fputc('\'', to);
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '\'') {
            (void)fputs("'\\''", to);
        } else {
            (void)fputc(*at, to);
        }
    }
    (void)fputc('\'', to);
}
