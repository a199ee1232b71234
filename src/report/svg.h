/*
 * svg.h - elements of an SVG picture: attributes, numbers in one short form. Numbers are made
 * of integers, so the bytes depend neither on the locale nor on the C library.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include "report/markup.h"

/* `<name`, then attributes, then svg_close_empty (`/>`) or svg_close_start (`>`), content and
 * svg_end (`</name>`). */
void svg_start(markup *into, const char *name);
void svg_close_empty(markup *into);
void svg_close_start(markup *into);
void svg_end(markup *into, const char *name);

/* ` name="value"`: a word of ours or a text from outside (escaped), a number with at most two
 * decimals. What is not finite becomes 0, so that the picture stays well-formed. */
void svg_word(markup *into, const char *name, const char *value);
void svg_number(markup *into, const char *name, double value);
/* The same for several numbers: "x y width height". */
void svg_numbers(markup *into, const char *name, const double *values, size_t count);

/* `<name>text</name>` */
void svg_element(markup *into, const char *name, const char *text);

/* A path's data: ` d="`, then steps ("M", "L", "V"...), then svg_path_end. */
void svg_path_begin(markup *into);
void svg_path_step(markup *into, char command, double x, double y);
void svg_path_end(markup *into);

#endif
