/*
 * lines.c - splitting a text file into lines in place.
 */
#include "io/lines.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"

#define LINES_MAX_BYTES ((uint64_t)4 << 30)

void lines_free(text_lines *block)
{
    if (block != NULL) {
        memory_free(block->lines);
        memory_free(block->block);
        memset(block, 0, sizeof *block);
    }
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != ' ' && text[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* The first bytes of a text file: its BOM is skipped, UTF-16 named. */
static spur_status skip_mark(const unsigned char *bytes, size_t size, spur_status code,
                             size_t *start, spur_error *error)
{
    if (size >= 2 &&
        ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF))) {
        return error_set(error, code, "line 1: UTF-16 text; save it as UTF-8");
    }
    *start = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return SPUR_OK;
}

static spur_status split(text_lines *lines, size_t start, size_t size, spur_status code,
                         spur_error *error)
{
    size_t capacity = 0;
    size_t number = 1;
    char *text = (char *)lines->block;
    for (size_t at = start; at < size; number++) {
        char *end = memchr(text + at, '\n', size - at);
        size_t next = end == NULL ? size : (size_t)(end - text) + 1;
        size_t length = (end == NULL ? size : next - 1) - at;
        if (length > 0 && text[at + length - 1] == '\r') {
            length--;
        }
        if (memchr(text + at, '\0', length) != NULL) {
            return error_set(error, code, "line %zu: a NUL byte", number);
        }
        text[at + length] = '\0';
        if (!is_blank(text + at, length)) {
            spur_status status = memory_grow(&lines->lines, &capacity, lines->count + 1,
                                             sizeof *lines->lines, error);
            if (status != SPUR_OK) {
                return status;
            }
            lines->lines[lines->count++] = (text_line){number, text + at, length};
        }
        at = next;
    }
    return SPUR_OK;
}

spur_status lines_load(const char *path, spur_status code, text_lines *out, spur_error *error)
{
    spur_status status;
    text_lines lines = {NULL, NULL, 0};
    size_t size = 0;
    size_t start = 0;
    TRY(file_load(path, LINES_MAX_BYTES, code, &lines.block, &size, error));
    TRY(skip_mark(lines.block, size, code, &start, error));
    TRY(split(&lines, start, size, code, error));
    *out = lines;
    memset(&lines, 0, sizeof lines);
done:
    lines_free(&lines);
    return status;
}
