/*
 * markup.c - escaping in two steps: what must not be shown (controls, ill-formed bytes) becomes
 * visible text as on a terminal, then what means something in markup becomes a reference.
 */
#include "report/markup.h"

#include <string.h>

#include "base/memory.h"

void markup_free(markup *block)
{
    text_buffer_free(&block->text);
}

spur_status markup_status(const markup *of)
{
    return of->status;
}

void markup_add(markup *into, const char *text, size_t length)
{
    if (into->status == SPUR_OK && length > 0) {
        into->status = text_add(&into->text, text, length, into->error);
    }
}

void markup_raw(markup *into, const char *text)
{
    markup_add(into, text, strlen(text));
}

static const char *reference_of(uint32_t character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case 0xFFFE:
    case 0xFFFF: /* not characters of XML */
        return "\xEF\xBF\xBD";
    default:
        return NULL;
    }
}

static void add_references(markup *into, const char *text)
{
    size_t length = strlen(text);
    size_t from = 0;
    for (size_t at = 0; at < length;) {
        size_t begin = at;
        const char *reference = reference_of(text_next(text, length, &at));
        if (reference != NULL) {
            markup_add(into, text + from, begin - from);
            markup_raw(into, reference);
            from = at;
        }
    }
    markup_add(into, text + from, length - from);
}

void markup_part(markup *into, const char *text, size_t length)
{
    char *safe = NULL;
    if (into->status != SPUR_OK) {
        return;
    }
    into->status = memory_new(4 * length + 1, 1, &safe, into->error);
    if (into->status == SPUR_OK) {
        text_escape(text, length, safe, 4 * length + 1);
        add_references(into, safe);
    }
    memory_free(safe);
}

void markup_text(markup *into, const char *text)
{
    if (text != NULL) {
        markup_part(into, text, strlen(text));
    }
}
