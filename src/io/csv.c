/*
 * csv.c - rows of RFC 4180 from a block of memory, fields to a text buffer.
 *
 * Strict on purpose: a quote in the wrong place or a stray carriage return is an error with a
 * line number, because every lenient reading of it puts text into the wrong column.
 */
#include "io/csv.h"

#include <string.h>

#include "base/memory.h"

enum {
    ROW_LIMIT = 16 << 20, /* bytes of one row */
    FIELD_LIMIT = 65536   /* columns */
};

struct csv_reader {
    const char *text;
    size_t length, at;
    size_t line;          /* of text[at] */
    size_t first_count;   /* fields of the first row, 0 before it */
    size_t first_line;    /* where that row stood */
    size_t row_end_limit; /* the present row must end before this offset */
    bool allows_bytes;
    text_buffer values; /* the row's fields, each with its NUL */
    size_t *starts;     /* offsets into values.data, which may move while the row grows */
    size_t starts_capacity, count;
    const char **fields;
    size_t fields_capacity;
    csv_row row;
};

static spur_status fail_line(size_t line, const char *reason, spur_error *error)
{
    return error_set(error, SPUR_DATASET, "line %zu: %s", line, reason);
}

static bool starts_with(const csv_reader *from, const char *bytes, size_t count)
{
    return from->length - from->at >= count && memcmp(from->text + from->at, bytes, count) == 0;
}

spur_status csv_open(const char *text, size_t length, csv_reader **out, spur_error *error)
{
    spur_status status;
    csv_reader *from = NULL;
    TRY(memory_new_zeroed(1, sizeof *from, &from, error));
    from->text = text;
    from->length = length;
    from->line = 1;
    if (starts_with(from, "\xFF\xFE", 2) || starts_with(from, "\xFE\xFF", 2)) {
        status = fail_line(1, "is UTF-16; save the file as UTF-8", error);
        goto done;
    }
    if (starts_with(from, "\xEF\xBB\xBF", 3)) {
        from->at = 3;
    }
    *out = from;
    from = NULL;
done:
    csv_close(from);
    return status;
}

void csv_allow_bytes(csv_reader *from)
{
    from->allows_bytes = true;
}

void csv_close(csv_reader *from)
{
    if (from != NULL) {
        text_buffer_free(&from->values);
        memory_free(from->starts);
        memory_free(from->fields);
        memory_free(from);
    }
}

/* ---- one field -------------------------------------------------------------------------- */

/* True at the end of the text or of the line, where CR counts only before LF. */
static bool is_at_line_end(const csv_reader *from)
{
    return from->at == from->length || from->text[from->at] == '\n' ||
           starts_with(from, "\r\n", 2);
}

/* Takes `count` bytes of a field's value from the present position. */
static spur_status take_bytes(csv_reader *from, size_t count, spur_error *error)
{
    const char *start = from->text + from->at;
    if (count > 0 && memchr(start, '\0', count) != NULL) {
        return fail_line(from->line, "holds a NUL byte; is this a text file in UTF-8?", error);
    }
    spur_status status = text_add(&from->values, start, count, error);
    from->at += count;
    for (size_t i = 0; i < count; i++) {
        from->line += start[i] == '\n';
    }
    return status;
}

static spur_status fail_row_length(size_t line, spur_error *error)
{
    return fail_line(line, "is longer than 16 MiB; is a line end or a quote missing?", error);
}

static spur_status take_quoted(csv_reader *from, spur_error *error)
{
    spur_status status;
    size_t opened = from->line;
    for (from->at++;; from->at++) {
        size_t end = from->length < from->row_end_limit ? from->length : from->row_end_limit;
        const char *start = from->text + from->at;
        const char *quote = from->at < end ? memchr(start, '"', end - from->at) : NULL;
        if (quote == NULL && end < from->length) {
            return fail_row_length(from->row.line, error);
        }
        if (quote == NULL) {
            return fail_line(opened, "a quote opens here and is never closed", error);
        }
        TRY(take_bytes(from, (size_t)(quote - start), error));
        from->at++;
        if (from->at == from->length || from->text[from->at] != '"') {
            break;
        }
        TRY(text_add(&from->values, "\"", 1, error));
    }
    if (from->at < from->length && from->text[from->at] != ',' && !is_at_line_end(from)) {
        status = fail_line(from->line,
                           "text behind a closing quote; inside a quoted field "
                           "write quotes twice",
                           error);
    }
done:
    return status;
}

static bool ends_plain(char byte)
{
    return byte == ',' || byte == '\n' || byte == '\r' || byte == '"';
}

static spur_status take_plain(csv_reader *from, spur_error *error)
{
    size_t end = from->at;
    while (end < from->length && !ends_plain(from->text[end])) {
        if (end >= from->row_end_limit) {
            return fail_row_length(from->row.line, error);
        }
        end++;
    }
    spur_status status = take_bytes(from, end - from->at, error);
    if (status != SPUR_OK || is_at_line_end(from) || from->text[end] == ',') {
        return status;
    }
    return fail_line(from->line,
                     from->text[end] == '"'
                         ? "a quote inside a field that does not begin with one; quote the "
                           "whole field and write its quotes twice"
                         : "a carriage return without a line feed; save with LF or CRLF line "
                           "ends",
                     error);
}

static spur_status take_field(csv_reader *from, spur_error *error)
{
    spur_status status;
    size_t start = from->values.length;
    if (from->count == FIELD_LIMIT) {
        return fail_line(from->line, "has more than 65536 fields", error);
    }
    TRY(memory_grow(&from->starts, &from->starts_capacity, from->count + 1,
                    sizeof *from->starts, error));
    from->starts[from->count++] = start;
    size_t line = from->line;
    TRY(starts_with(from, "\"", 1) ? take_quoted(from, error) : take_plain(from, error));
    size_t length = from->values.length - start;
    if (!from->allows_bytes && length > 0 && !text_is_utf8(from->values.data + start, length)) {
        status = fail_line(line, "is not UTF-8; save the file as UTF-8", error);
        goto done;
    }
    TRY(text_add(&from->values, "", 1, error)); /* the NUL of the empty string */
done:
    return status;
}

/* ---- rows ------------------------------------------------------------------------------- */

static void skip_line_end(csv_reader *from)
{
    from->at += starts_with(from, "\r\n", 2) ? 2 : 1;
    from->line++;
}

static spur_status check_count(csv_reader *from, spur_error *error)
{
    if (from->first_count == 0) {
        from->first_count = from->count;
        from->first_line = from->row.line;
    }
    if (from->count != from->first_count) {
        return error_set(error, SPUR_DATASET,
                         "line %zu: %zu fields, expected %zu as in line %zu", from->row.line,
                         from->count, from->first_count, from->first_line);
    }
    return SPUR_OK;
}

/* Only now is values.data where it stays. */
static spur_status point_fields(csv_reader *from, spur_error *error)
{
    spur_status status;
    TRY(memory_grow(&from->fields, &from->fields_capacity, from->count, sizeof *from->fields,
                    error));
    for (size_t i = 0; i < from->count; i++) {
        from->fields[i] = from->values.data + from->starts[i];
    }
    from->row.count = from->count;
    from->row.fields = from->fields;
done:
    return status;
}

spur_status csv_next(csv_reader *from, const csv_row **row, spur_error *error)
{
    spur_status status = SPUR_OK;
    while (from->at < from->length && is_at_line_end(from)) {
        skip_line_end(from);
    }
    if (from->at == from->length) {
        *row = NULL;
        return SPUR_OK;
    }
    from->row.line = from->line;
    from->row_end_limit = from->at + ROW_LIMIT;
    from->values.length = 0;
    from->count = 0;
    TRY(take_field(from, error));
    while (!is_at_line_end(from)) {
        from->at++; /* the comma */
        TRY(take_field(from, error));
    }
    if (from->at < from->length) {
        skip_line_end(from);
    }
    TRY(check_count(from, error));
    TRY(point_fields(from, error));
    *row = &from->row;
done:
    return status;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* An empty first field is quoted too: alone it would read back as an empty line. */
static bool needs_quotes(const char *field, size_t length, bool first)
{
    if (length == 0) {
        return first;
    }
    return field[0] == ' ' || field[length - 1] == ' ' || strpbrk(field, ",\"\r\n") != NULL;
}

static spur_status add_quoted(text_buffer *into, const char *field, spur_error *error)
{
    spur_status status;
    for (const char *quote; (quote = strchr(field, '"')) != NULL; field = quote + 1) {
        TRY(text_add(into, field, (size_t)(quote - field) + 1, error));
        TRY(text_add(into, "\"", 1, error));
    }
    TRY(text_add(into, field, strlen(field), error));
    TRY(text_add(into, "\"", 1, error));
done:
    return status;
}

spur_status csv_add(text_buffer *into, bool first, const char *field, bool spreadsheet_safe,
                    spur_error *error)
{
    spur_status status;
    bool is_formula =
        spreadsheet_safe && field[0] != '\0' && strchr("=+-@\t\r", field[0]) != NULL;
    size_t length = strlen(field);
    bool is_quoted = needs_quotes(field, length, first);
    TRY(text_add(into, ",", first ? 0 : 1, error));
    TRY(text_add(into, "\"", is_quoted ? 1 : 0, error));
    TRY(text_add(into, "'", is_formula ? 1 : 0, error));
    if (is_quoted) {
        TRY(add_quoted(into, field, error));
    } else {
        TRY(text_add(into, field, length, error));
    }
done:
    return status;
}
