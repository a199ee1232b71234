/*
 * html.h - pieces of a page: escaped text, attributes, addresses, and every number's one form.
 *
 * A writer keeps its first failure and then does nothing more, so pages are written without a
 * check per line: html_status tells at the end. Texts from outside (class names, file names,
 * settings) go through html_text, html_attribute and html_address only.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdarg.h>

#include "base/text.h"

typedef struct html {
    text_buffer text;
    spur_status status;
    spur_error *error; /* filled at the first failure; may be NULL */
} html;

/* Zero-initialised but for `error` is ready. */
void html_free(html *block);
spur_status html_status(const html *of) SPUR_MUST_USE;

/* Markup of ours. */
void html_raw(html *into, const char *markup);
/* Formatted markup of ours: numbers and fixed words, never a text from outside. */
void html_format(html *into, const char *format, ...) PRINTF_LIKE(2, 3);

/* Text that stands for itself in content and in quoted attributes: & < > " ' are references,
 * control characters and bytes that are not UTF-8 are \xNN, bidi controls \u{...}. NULL is
 * nothing. */
void html_text(html *into, const char *text);
/* Its first `length` bytes. */
void html_part(html *into, const char *text, size_t length);
/* The same inside <bdi>: a name in any script does not turn its surroundings. */
void html_name(html *into, const char *text);
/* ` name="text"` */
void html_attribute(html *into, const char *name, const char *text);
/* A part of an address: every byte but letters, digits and -._~/ is %XX. No text can become a
 * scheme that way; what it is put behind must not end in one. */
void html_encoded(html *into, const char *path);

/* ---- numbers: the visible form is rounded, data-v holds what the store holds ------------- */

/* With so many decimals and a true minus sign; not finite: an en dash. */
void html_number(html *into, double value, int decimals);
/* Groups of three digits with commas. */
void html_count(html *into, uint64_t value);
/* A fraction of one as per cent with one decimal: "93.4%". */
void html_share(html *into, double fraction);
/* A difference of fractions in percentage points with its sign: "+3.1". */
void html_points(html *into, double difference);

/* Table cells; data-v is the number with nine digits, and absent when it is not finite. */
void html_cell_number(html *into, double value, int decimals);
void html_cell_count(html *into, uint64_t value);
void html_cell_share(html *into, double fraction);
void html_cell_points(html *into, double difference);
void html_cell_text(html *into, const char *text);

#endif
