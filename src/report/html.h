/*
 * html.h - pieces of a page: names, attributes, addresses, and every number's one form. Texts
 * from outside (class names, file names, settings) go through markup_text and the functions
 * below that say so.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdarg.h>

#include "report/markup.h"

/* Formatted markup of ours: numbers and fixed words, never a text from outside. */
void html_format(markup *into, const char *format, ...) PRINTF_LIKE(2, 3);

/* markup_text inside <bdi>: a name in any script does not turn its surroundings. */
void html_name(markup *into, const char *text);
/* ` name="text"` */
void html_attribute(markup *into, const char *name, const char *text);
/* A part of an address: every byte but letters, digits and -._~/ is %XX. No text can become a
 * scheme that way; what it is put behind must not end in one. */
void html_encoded(markup *into, const char *path);

/* ---- numbers: the visible form is rounded, data-v holds what the store holds ------------- */

/* With so many decimals and a true minus sign; not finite: an en dash. */
void html_number(markup *into, double value, int decimals);
/* Groups of three digits with commas. */
void html_count(markup *into, uint64_t value);
/* A fraction of one as per cent with one decimal: "93.4%". */
void html_share(markup *into, double fraction);
/* A difference of fractions in percentage points with its sign: "+3.1". */
void html_points(markup *into, double difference);

/* Table cells; data-v is the number with nine digits, and absent when it is not finite. */
void html_cell_number(markup *into, double value, int decimals);
void html_cell_count(markup *into, uint64_t value);
void html_cell_share(markup *into, double fraction);
void html_cell_points(markup *into, double difference);
void html_cell_text(markup *into, const char *text);

#endif
