/*
 * jsonl.h - the reference sets that are one JSON object a line.
 */
#ifndef TEST_JSONL_H
#define TEST_JSONL_H

#include <jansson.h>

#include <stddef.h>

/* Calls visit for every line of a file below the reference data; returns the number of lines.
 * A line that is not a JSON object fails the test. */
size_t jsonl_each(const char *name, void (*visit)(const json_t *row, void *context),
                  void *context);

/* A string member, or NULL when it is missing or null. */
const char *jsonl_text(const json_t *row, const char *key);

/* SHA-256 of bytes as 64 hexadecimal digits; the text lives until the next call. */
const char *hex_of(const void *bytes, size_t length);

#endif
