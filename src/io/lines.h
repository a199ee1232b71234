/*
 * lines.h - a text file as its lines: class lists, labels, prompt templates.
 */
#ifndef IO_LINES_H
#define IO_LINES_H

#include <stddef.h>

#include "base/error.h"

typedef struct text_line {
    size_t number; /* 1-based, of the file */
    char *text;    /* NUL-terminated, without CR and LF; may be changed in place */
    size_t length;
} text_line;

/* Lines that are empty or only blanks are left out. */
typedef struct text_lines {
    unsigned char *block;
    text_line *lines;
    size_t count;
} text_lines;

/* A BOM is skipped; UTF-16 and NUL bytes fail with the line number and status `code`. Bytes
 * that are not UTF-8 are left to the caller: file names may hold them. Messages do not name
 * the file. */
spur_status lines_load(const char *path, spur_status code, text_lines *out,
                       spur_error *error) SPUR_MUST_USE;
void lines_free(text_lines *block);

#endif
