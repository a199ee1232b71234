/*
 * csv.h - RFC 4180: reading rows with their line numbers, writing fields quoted when needed.
 */
#ifndef IO_CSV_H
#define IO_CSV_H

#include "base/error.h"
#include "base/text.h"

/* A row lives until the next csv_next. fields[i] is NUL-terminated UTF-8 without NUL inside. */
typedef struct csv_row {
    size_t line; /* 1-based line where the row starts */
    size_t count;
    const char *const *fields;
} csv_row;

typedef struct csv_reader csv_reader;

/* Reads from a block that stays valid. A BOM is skipped; CRLF and a missing last newline are
 * accepted; UTF-16, NUL bytes, ill-formed UTF-8, a quote in the wrong place, a carriage return
 * without line feed, rows over 16 MiB or 65536 fields fail with the line number and
 * SPUR_DATASET. After a failure only csv_close is left. */
spur_status csv_open(const char *text, size_t length, csv_reader **out,
                     spur_error *error) SPUR_MUST_USE;
/* From now on fields may hold bytes that are not UTF-8 (file names). */
void csv_allow_bytes(csv_reader *from);
/* *row = NULL at the end. Every row must have as many fields as the first. Empty lines are
 * skipped. */
spur_status csv_next(csv_reader *from, const csv_row **row, spur_error *error) SPUR_MUST_USE;
void csv_close(csv_reader *from);

/* Appends one field (quoted when it holds a comma, quote, CR, LF or leading/trailing space, or
 * is empty and first); spreadsheet_safe puts ' before = + - @ TAB CR. `first` omits the comma.
 */
spur_status csv_add(text_buffer *into, bool first, const char *field, bool spreadsheet_safe,
                    spur_error *error) SPUR_MUST_USE;

#endif
