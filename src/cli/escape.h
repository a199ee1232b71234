/*
 * escape.h - text from files made safe for a terminal, cut to columns, quoted for a shell.
 */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for one escaped character and its NUL. */
enum {
    ESCAPE_SIZE = 12
};

/* Decodes the UTF-8 character at text[*at] and moves *at behind it; UINT32_MAX for a byte
 * that is not part of one (then *at moves by one). */
uint32_t escape_next(const char *text, size_t length, size_t *at);
bool escape_is_utf8(const char *text, size_t length);

/* Control characters (C0, DEL, C1) and characters that turn or break lines (bidi controls, line
 * and paragraph separators). */
bool escape_is_unsafe(uint32_t character);

/* C0, DEL, C1 and bytes that are not UTF-8 as \xNN, bidi controls and separators as \u{...};
 * cut before a character that does not fit; always terminated. */
void escape_text(const char *text, size_t length, char *dst, size_t capacity);
void escape_print(const char *text, FILE *to);

/* Columns that escaped text takes on a terminal. */
size_t escape_columns(const char *text);

/* Escaped text in exactly `columns` columns: cut with "..." or filled with spaces. dst holds at
 * least 4 * columns + ESCAPE_SIZE bytes. */
void escape_fit(const char *text, size_t columns, char *dst, size_t capacity);

/* The word as a POSIX shell reads it back, bare when nothing in it is special. */
void escape_shell(const char *word, FILE *to);

#endif
