/*
 * json.c - strict reading with jansson, writing with fixed key order.
 *
 * jansson is strict by itself once told to refuse duplicate keys; what it lacks is done before
 * it sees the text: size, byte order mark, and a plain message for bytes that are not UTF-8.
 * Its nesting limit (2048) is the depth limit.
 */
#include "io/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"

enum {
    TEXT_LIMIT = 512 << 20, /* bytes of one document */
    FILE_LIMIT = 128 << 20  /* several times the largest tokenizer.json; seconds to parse */
};

/* ---- reading ---------------------------------------------------------------------------- */

/* 1-based line and column (in characters) of the byte at text[position]; everything before it
 * is UTF-8. */
static spur_status fail_at(const char *text, size_t position, const char *reason,
                           spur_status code, spur_error *error)
{
    size_t line = 1, column = 1;
    for (size_t at = 0; at < position;) {
        if (text_next(text, position, &at) == '\n') {
            line++;
            column = 1;
        } else {
            column++;
        }
    }
    return error_set(error, code, "line %zu column %zu: %s", line, column, reason);
}

static spur_status check_encoding(const char *text, size_t length, spur_status code,
                                  spur_error *error)
{
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        return fail_at(text, 0, "JSON begins with a byte order mark; save it without one", code,
                       error);
    }
    if (length >= 2 && (memcmp(text, "\xFE\xFF", 2) == 0 || memcmp(text, "\xFF\xFE", 2) == 0)) {
        return fail_at(text, 0, "JSON is UTF-16; save it as UTF-8", code, error);
    }
    for (size_t at = 0; at < length;) {
        size_t start = at;
        if (text_next(text, length, &at) == UINT32_MAX) {
            return fail_at(text, start, "JSON is not UTF-8 here", code, error);
        }
    }
    return SPUR_OK;
}

static spur_status fail_parse(const json_error_t *cause, spur_status code, spur_error *error)
{
    const char *reason = cause->text;
    enum json_error_code kind = json_error_code(cause);
    if (kind == json_error_out_of_memory) {
        return error_set(error, SPUR_RESOURCE, "out of memory while reading JSON");
    }
    if (kind == json_error_null_character) {
        reason = "the character \\u0000 is not allowed here";
    }
    return error_set(error, code, "line %d column %d: %s", cause->line, cause->column, reason);
}

spur_status json_read(const char *text, size_t length, bool allow_nul, spur_status code,
                      json_t **out, spur_error *error)
{
    spur_status status;
    if (length > TEXT_LIMIT) {
        FAIL(code, "line 1 column 1: JSON of %zu bytes is over the limit of %d bytes", length,
             TEXT_LIMIT);
    }
    if (length == 0) {
        FAIL(code, "line 1 column 1: JSON is empty");
    }
    TRY(check_encoding(text, length, code, error));
    json_error_t cause;
    size_t flags = JSON_REJECT_DUPLICATES | (allow_nul ? JSON_ALLOW_NUL : 0);
    json_t *root = json_loadb(text, length, flags, &cause);
    if (root == NULL) {
        status = fail_parse(&cause, code, error);
        goto done;
    }
    *out = root;
done:
    return status;
}

spur_status json_read_file(const char *path, spur_status code, json_t **out, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t size;
    TRY(file_load(path, FILE_LIMIT, code, &bytes, &size, error));
    TRY(json_read((const char *)bytes, size, false, code, out, error));
done:
    memory_free(bytes);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    return status;
}

/* ---- members ---------------------------------------------------------------------------- */

static const char *type_text(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}

/* The member, or NULL when it is missing or null. */
static const json_t *member_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static spur_status fail_type(const json_t *value, const char *name, const char *expected,
                             spur_status code, spur_error *error)
{
    return error_set(error, code, "member \"%s\": expected %s, found %s", name, expected,
                     type_text(value));
}

spur_status json_get_size(const json_t *object, const char *name, size_t low, size_t high,
                          spur_status code, size_t *out, spur_error *error)
{
    const json_t *value = member_of(object, name);
    if (value == NULL) {
        return SPUR_OK;
    }
    if (!json_is_integer(value)) {
        return fail_type(value, name, "a whole number", code, error);
    }
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number < low || (uint64_t)number > high) {
        return error_set(error, code, "member \"%s\" is %" PRId64 ", expected %zu to %zu", name,
                         (int64_t)number, low, high);
    }
    *out = (size_t)number;
    return SPUR_OK;
}

spur_status json_get_double(const json_t *object, const char *name, spur_status code,
                            double *out, spur_error *error)
{
    const json_t *value = member_of(object, name);
    if (value == NULL) {
        return SPUR_OK;
    }
    if (!json_is_number(value)) {
        return fail_type(value, name, "a number", code, error);
    }
    *out = json_number_value(value);
    return SPUR_OK;
}

spur_status json_get_bool(const json_t *object, const char *name, spur_status code, bool *out,
                          spur_error *error)
{
    const json_t *value = member_of(object, name);
    if (value == NULL) {
        return SPUR_OK;
    }
    if (!json_is_boolean(value)) {
        return fail_type(value, name, "true or false", code, error);
    }
    *out = json_is_true(value);
    return SPUR_OK;
}

spur_status json_get_text(const json_t *object, const char *name, spur_status code,
                          const char **out, spur_error *error)
{
    const json_t *value = member_of(object, name);
    if (value == NULL) {
        return SPUR_OK;
    }
    if (!json_is_string(value)) {
        return fail_type(value, name, "a string", code, error);
    }
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value)) {
        return error_set(error, code, "member \"%s\" holds a NUL character", name);
    }
    *out = text;
    return SPUR_OK;
}

/* ---- writing ---------------------------------------------------------------------------- */

enum {
    PIECE_SIZE = 8 /* \uXXXX and NUL */
};

/* The escape of a character that must not or should not stand raw in a string, or "". Beyond
 * what JSON demands these are DEL, C1, bidi controls and line separators: the text then is
 * harmless on a terminal and still reads back exactly. */
static void escape_of(uint32_t character, char piece[PIECE_SIZE])
{
    piece[0] = '\0';
    if (character == '"' || character == '\\') {
        (void)snprintf(piece, PIECE_SIZE, "\\%c", (int)character);
    } else if (character == '\n') {
        text_copy("\\n", piece, PIECE_SIZE);
    } else if (character == '\t') {
        text_copy("\\t", piece, PIECE_SIZE);
    } else if (text_is_unsafe(character)) {
        (void)snprintf(piece, PIECE_SIZE, "\\u%04x", (unsigned)(character & 0xFFFF));
    }
}

/* `run` bytes as they are, then the escape. */
static spur_status add_run(text_buffer *into, const char *text, size_t run, const char *piece,
                           spur_error *error)
{
    spur_status status = text_add(into, text, run, error);
    return status == SPUR_OK ? text_add(into, piece, strlen(piece), error) : status;
}

static spur_status write_utf8(text_buffer *into, const char *text, size_t length,
                              spur_error *error)
{
    size_t plain = 0; /* start of the run that is written as it is */
    spur_status status = text_add(into, "\"", 1, error);
    for (size_t at = 0; at < length && status == SPUR_OK;) {
        char piece[PIECE_SIZE];
        size_t start = at;
        escape_of(text_next(text, length, &at), piece);
        if (piece[0] != '\0') {
            status = add_run(into, text + plain, start - plain, piece, error);
            plain = at;
        }
    }
    return status == SPUR_OK ? add_run(into, text + plain, length - plain, "\"", error)
                             : status;
}

static spur_status write_string(text_buffer *into, const char *text, size_t length,
                                spur_error *error)
{
    spur_status status;
    char *escaped = NULL;
    if (text_is_utf8(text, length)) {
        return write_utf8(into, text, length, error);
    }
    TRY(memory_new(length + 1, 4, &escaped, error));
    text_escape(text, length, escaped, 4 * length + 1);
    TRY(write_utf8(into, escaped, strlen(escaped), error));
done:
    memory_free(escaped);
    return status;
}

/* Comma and key; what follows is the value. */
static spur_status begin_value(json_writer *writer, const char *key, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (writer->need_comma) {
        TRY(text_add(writer->into, ",", 1, error));
    }
    writer->need_comma = true;
    if (key != NULL) {
        TRY(write_string(writer->into, key, strlen(key), error));
        TRY(text_add(writer->into, ":", 1, error));
    }
done:
    return status;
}

/* A value that is plain ASCII already. */
static spur_status add_raw(json_writer *writer, const char *key, const char *text,
                           spur_error *error)
{
    spur_status status;
    TRY(begin_value(writer, key, error));
    TRY(text_add(writer->into, text, strlen(text), error));
done:
    return status;
}

static spur_status open_group(json_writer *writer, const char *key, const char *bracket,
                              spur_error *error)
{
    spur_status status = add_raw(writer, key, bracket, error);
    writer->need_comma = false;
    return status;
}

static spur_status close_group(json_writer *writer, const char *bracket, spur_error *error)
{
    writer->need_comma = true;
    return text_add(writer->into, bracket, 1, error);
}

spur_status json_open_object(json_writer *writer, const char *key, spur_error *error)
{
    return open_group(writer, key, "{", error);
}

spur_status json_close_object(json_writer *writer, spur_error *error)
{
    return close_group(writer, "}", error);
}

spur_status json_open_array(json_writer *writer, const char *key, spur_error *error)
{
    return open_group(writer, key, "[", error);
}

spur_status json_close_array(json_writer *writer, spur_error *error)
{
    return close_group(writer, "]", error);
}

spur_status json_add_span(json_writer *writer, const char *key, const char *text, size_t length,
                          spur_error *error)
{
    spur_status status;
    TRY(begin_value(writer, key, error));
    TRY(write_string(writer->into, text, length, error));
done:
    return status;
}

spur_status json_add_text(json_writer *writer, const char *key, const char *text,
                          spur_error *error)
{
    return text == NULL ? json_add_null(writer, key, error)
                        : json_add_span(writer, key, text, strlen(text), error);
}

spur_status json_add_u64(json_writer *writer, const char *key, uint64_t value,
                         spur_error *error)
{
    char number[TEXT_NUMBER_SIZE];
    (void)snprintf(number, sizeof number, "%" PRIu64, value);
    return add_raw(writer, key, number, error);
}

spur_status json_add_i64(json_writer *writer, const char *key, int64_t value, spur_error *error)
{
    char number[TEXT_NUMBER_SIZE];
    (void)snprintf(number, sizeof number, "%" PRId64, value);
    return add_raw(writer, key, number, error);
}

spur_status json_add_float(json_writer *writer, const char *key, float value, spur_error *error)
{
    if (!isfinite(value)) {
        return json_add_null(writer, key, error);
    }
    char number[TEXT_NUMBER_SIZE];
    text_from_float(value, number);
    return add_raw(writer, key, number, error);
}

spur_status json_add_double(json_writer *writer, const char *key, double value,
                            spur_error *error)
{
    if (!isfinite(value)) {
        return json_add_null(writer, key, error);
    }
    char number[TEXT_NUMBER_SIZE];
    text_from_double(value, number);
    return add_raw(writer, key, number, error);
}

spur_status json_add_rounded(json_writer *writer, const char *key, double value,
                             spur_error *error)
{
    if (!isfinite(value)) {
        return json_add_null(writer, key, error);
    }
    char number[TEXT_NUMBER_SIZE];
    text_from_rounded(value, number);
    return add_raw(writer, key, number, error);
}

spur_status json_add_bool(json_writer *writer, const char *key, bool value, spur_error *error)
{
    return add_raw(writer, key, value ? "true" : "false", error);
}

spur_status json_add_null(json_writer *writer, const char *key, spur_error *error)
{
    return add_raw(writer, key, "null", error);
}

spur_status json_add_name(json_writer *writer, const char *key, const char *name,
                          spur_error *error)
{
    spur_status status;
    text_buffer exact_key = {NULL, 0, 0};
    char *exact = NULL;
    size_t length = strlen(name);
    TRY(json_add_span(writer, key, name, length, error));
    if (!text_is_utf8(name, length)) {
        TRY(text_format(&exact_key, error, "%s_b64", key));
        TRY(text_base64(name, length, &exact, error));
        TRY(json_add_text(writer, exact_key.data, exact, error));
    }
done:
    memory_free(exact);
    text_buffer_free(&exact_key);
    return status;
}
