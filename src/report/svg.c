/*
 * svg.c - escaping and numbers of SVG.
 */
#include "report/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    DECIMAL_SIZE = 32
};

static const double FARTHEST = 1e9; /* coordinates are cut to +-FARTHEST */

void svg_start(markup *into, const char *name)
{
    markup_raw(into, "<");
    markup_raw(into, name);
}

void svg_close_empty(markup *into)
{
    markup_raw(into, "/>");
}

void svg_close_start(markup *into)
{
    markup_raw(into, ">");
}

void svg_end(markup *into, const char *name)
{
    markup_raw(into, "</");
    markup_raw(into, name);
    markup_raw(into, ">");
}

void svg_element(markup *into, const char *name, const char *text)
{
    svg_start(into, name);
    svg_close_start(into);
    markup_text(into, text);
    svg_end(into, name);
}

static void begin_value(markup *into, const char *name)
{
    markup_raw(into, " ");
    markup_raw(into, name);
    markup_raw(into, "=\"");
}

void svg_word(markup *into, const char *name, const char *value)
{
    begin_value(into, name);
    markup_text(into, value);
    markup_raw(into, "\"");
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* Hundredths as decimal text without trailing zeros. */
static void add_decimal(markup *into, double value)
{
    char text[DECIMAL_SIZE];
    double cut = isfinite(value) ? fmax(-FARTHEST, fmin(FARTHEST, value)) : 0.0;
    long long hundredths = llround(cut * 100.0);
    unsigned long long size = (unsigned long long)(hundredths < 0 ? -hundredths : hundredths);
    const char *sign = hundredths < 0 ? "-" : "";
    if (size % 100 == 0) {
        (void)snprintf(text, sizeof text, "%s%llu", sign, size / 100);
    } else if (size % 10 == 0) {
        (void)snprintf(text, sizeof text, "%s%llu.%llu", sign, size / 100, size % 100 / 10);
    } else {
        (void)snprintf(text, sizeof text, "%s%llu.%02llu", sign, size / 100, size % 100);
    }
    markup_raw(into, text);
}

void svg_number(markup *into, const char *name, double value)
{
    svg_numbers(into, name, &value, 1);
}

void svg_numbers(markup *into, const char *name, const double *values, size_t count)
{
    begin_value(into, name);
    for (size_t i = 0; i < count; i++) {
        markup_raw(into, i == 0 ? "" : " ");
        add_decimal(into, values[i]);
    }
    markup_raw(into, "\"");
}

void svg_path_begin(markup *into)
{
    begin_value(into, "d");
}

void svg_path_step(markup *into, char command, double x, double y)
{
    markup_add(into, &command, 1);
    add_decimal(into, x);
    markup_raw(into, " ");
    add_decimal(into, y);
}

void svg_path_end(markup *into)
{
    markup_raw(into, "\"");
}
