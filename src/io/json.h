/*
 * json.h - JSON read strictly with jansson, and written with fixed key order.
 *
 * Reading: UTF-8 without BOM, no duplicate keys, no NaN or Infinity, no lone surrogates,
 * at most 2048 levels and 512 MiB; errors give line and column. Values are jansson's json_t,
 * released with json_decref.
 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

/* Parses one document: an object or an array. allow_nul: accept \u0000 inside strings. `code`
 * is the status of a failure. */
spur_status json_read(const char *text, size_t length, bool allow_nul, spur_status code,
                      json_t **out, spur_error *error) SPUR_MUST_USE;
/* file_load (up to 128 MiB) + json_read; the message names the file. */
spur_status json_read_file(const char *path, spur_status code, json_t **out,
                           spur_error *error) SPUR_MUST_USE;

/* Members of an object (the caller has checked that it is one) with a type check: a missing or
 * null member leaves *out as it is; a wrong type or a value outside [low, high] fails and names
 * the member. */
spur_status json_get_size(const json_t *object, const char *name, size_t low, size_t high,
                          spur_status code, size_t *out, spur_error *error) SPUR_MUST_USE;
spur_status json_get_double(const json_t *object, const char *name, spur_status code,
                            double *out, spur_error *error) SPUR_MUST_USE;
spur_status json_get_bool(const json_t *object, const char *name, spur_status code, bool *out,
                          spur_error *error) SPUR_MUST_USE;
spur_status json_get_text(const json_t *object, const char *name, spur_status code,
                          const char **out, spur_error *error) SPUR_MUST_USE;

/* Writing: appends to a text_buffer; the writer keeps commas and nesting right. Strings that
 * are not UTF-8 are written escaped (text_escape), see json_add_name. Between documents (lines
 * of JSONL) set need_comma to false. */
typedef struct json_writer {
    text_buffer *into;
    bool need_comma;
} json_writer;

spur_status json_open_object(json_writer *writer, const char *key,
                             spur_error *error) SPUR_MUST_USE;
spur_status json_close_object(json_writer *writer, spur_error *error) SPUR_MUST_USE;
spur_status json_open_array(json_writer *writer, const char *key,
                            spur_error *error) SPUR_MUST_USE;
spur_status json_close_array(json_writer *writer, spur_error *error) SPUR_MUST_USE;
/* key is NULL inside an array. */
spur_status json_add_text(json_writer *writer, const char *key, const char *text,
                          spur_error *error) SPUR_MUST_USE; /* NULL text is null */
/* The same for text that may hold NUL characters. */
spur_status json_add_span(json_writer *writer, const char *key, const char *text, size_t length,
                          spur_error *error) SPUR_MUST_USE;
spur_status json_add_u64(json_writer *writer, const char *key, uint64_t value,
                         spur_error *error) SPUR_MUST_USE;
spur_status json_add_i64(json_writer *writer, const char *key, int64_t value,
                         spur_error *error) SPUR_MUST_USE;
spur_status json_add_float(json_writer *writer, const char *key, float value,
                           spur_error *error) SPUR_MUST_USE; /* non-finite is null */
spur_status json_add_double(json_writer *writer, const char *key, double value,
                            spur_error *error) SPUR_MUST_USE;
/* Nine significant digits. */
spur_status json_add_rounded(json_writer *writer, const char *key, double value,
                             spur_error *error) SPUR_MUST_USE;
spur_status json_add_bool(json_writer *writer, const char *key, bool value,
                          spur_error *error) SPUR_MUST_USE;
spur_status json_add_null(json_writer *writer, const char *key,
                          spur_error *error) SPUR_MUST_USE;
/* A file name: "key": text when it is UTF-8, else the escaped text and "key_b64": its exact
 * bytes. */
spur_status json_add_name(json_writer *writer, const char *key, const char *name,
                          spur_error *error) SPUR_MUST_USE;

#endif
