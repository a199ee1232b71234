/*
 * svg.h - elements of an SVG picture: escaped text, attributes, numbers in one short form.
 *
 * A writer keeps its first failure and then does nothing more, so drawings are written without
 * a check per line: svg_status tells at the end. Numbers are made of integers, so the bytes
 * depend neither on the locale nor on the C library.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include "base/text.h"

typedef struct svg {
    text_buffer text;
    spur_status status;
    spur_error *error; /* filled at the first failure; may be NULL */
} svg;

/* Zero-initialised but for `error` is ready. */
void svg_free(svg *block);
spur_status svg_status(const svg *of) SPUR_MUST_USE;

/* Markup of ours, as it is. */
void svg_raw(svg *into, const char *markup);

/* `<name`, then attributes, then svg_close_empty (`/>`) or svg_close_start (`>`), content and
 * svg_end (`</name>`). */
void svg_start(svg *into, const char *name);
void svg_close_empty(svg *into);
void svg_close_start(svg *into);
void svg_end(svg *into, const char *name);

/* ` name="value"`: a word of ours or a text from outside (escaped), a number with at most two
 * decimals. What is not finite becomes 0, so that the picture stays well-formed. */
void svg_word(svg *into, const char *name, const char *value);
void svg_number(svg *into, const char *name, double value);
/* The same for several numbers: "x y width height". */
void svg_numbers(svg *into, const char *name, const double *values, size_t count);

/* Text that stands for itself: & < > " ' are references, control characters and bytes that are
 * not UTF-8 are \xNN, bidi controls \u{...}, what XML forbids is U+FFFD. */
void svg_text(svg *into, const char *text);
/* `<name>text</name>` */
void svg_element(svg *into, const char *name, const char *text);

/* A path's data: ` d="`, then steps ("M", "L", "V"...), then svg_path_end. */
void svg_path_begin(svg *into);
void svg_path_step(svg *into, char command, double x, double y);
void svg_path_end(svg *into);

#endif
