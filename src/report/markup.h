/*
 * markup.h - a text of HTML or SVG as it is written: markup of ours, and escaped texts.
 *
 * A writer keeps its first failure and then does nothing more, so pages and pictures are
 * written without a check per line: markup_status tells at the end.
 */
#ifndef REPORT_MARKUP_H
#define REPORT_MARKUP_H

#include "base/text.h"

typedef struct markup {
    text_buffer text;
    spur_status status;
    spur_error *error; /* filled at the first failure; may be NULL */
} markup;

/* Zero-initialised but for `error` is ready. */
void markup_free(markup *block);
spur_status markup_status(const markup *of) SPUR_MUST_USE;

/* Markup of ours, as it is. */
void markup_raw(markup *into, const char *text);
/* The same, of a known length. */
void markup_add(markup *into, const char *text, size_t length);

/* Text that stands for itself in content and in quoted attributes: & < > " ' are references,
 * control characters and bytes that are not UTF-8 are \xNN, bidi controls \u{...}, what XML
 * forbids is U+FFFD. NULL is nothing. */
void markup_text(markup *into, const char *text);
/* Its first `length` bytes. */
void markup_part(markup *into, const char *text, size_t length);

#endif
