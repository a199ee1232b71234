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

void svg_free(svg *block)
{
    text_buffer_free(&block->text);
}

spur_status svg_status(const svg *of)
{
    return of->status;
}

static void add(svg *into, const char *text, size_t length)
{
    if (into->status == SPUR_OK && length > 0) {
        into->status = text_add(&into->text, text, length, into->error);
    }
}

void svg_raw(svg *into, const char *markup)
{
    add(into, markup, strlen(markup));
}

void svg_start(svg *into, const char *name)
{
    svg_raw(into, "<");
    svg_raw(into, name);
}

void svg_close_empty(svg *into)
{
    svg_raw(into, "/>");
}

void svg_close_start(svg *into)
{
    svg_raw(into, ">");
}

void svg_end(svg *into, const char *name)
{
    svg_raw(into, "</");
    svg_raw(into, name);
    svg_raw(into, ">");
}

/* ---- texts ------------------------------------------------------------------------------- */

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

static void add_references(svg *into, const char *text)
{
    size_t length = strlen(text);
    size_t from = 0;
    for (size_t at = 0; at < length;) {
        size_t begin = at;
        const char *reference = reference_of(text_next(text, length, &at));
        if (reference != NULL) {
            add(into, text + from, begin - from);
            svg_raw(into, reference);
            from = at;
        }
    }
    add(into, text + from, length - from);
}

void svg_text(svg *into, const char *text)
{
    char *safe = NULL;
    if (text == NULL || into->status != SPUR_OK) {
        return;
    }
    size_t length = strlen(text);
    into->status = memory_new(4 * length + 1, 1, &safe, into->error);
    if (into->status == SPUR_OK) {
        text_escape(text, length, safe, 4 * length + 1);
        add_references(into, safe);
    }
    memory_free(safe);
}

void svg_element(svg *into, const char *name, const char *text)
{
    svg_start(into, name);
    svg_close_start(into);
    svg_text(into, text);
    svg_end(into, name);
}

static void begin_value(svg *into, const char *name)
{
    svg_raw(into, " ");
    svg_raw(into, name);
    svg_raw(into, "=\"");
}

void svg_word(svg *into, const char *name, const char *value)
{
    begin_value(into, name);
    svg_text(into, value);
    svg_raw(into, "\"");
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* Hundredths as decimal text without trailing zeros. */
static void add_decimal(svg *into, double value)
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
    svg_raw(into, text);
}

void svg_number(svg *into, const char *name, double value)
{
    svg_numbers(into, name, &value, 1);
}

void svg_numbers(svg *into, const char *name, const double *values, size_t count)
{
    begin_value(into, name);
    for (size_t i = 0; i < count; i++) {
        svg_raw(into, i == 0 ? "" : " ");
        add_decimal(into, values[i]);
    }
    svg_raw(into, "\"");
}

void svg_path_begin(svg *into)
{
    begin_value(into, "d");
}

void svg_path_step(svg *into, char command, double x, double y)
{
    add(into, &command, 1);
    add_decimal(into, x);
    svg_raw(into, " ");
    add_decimal(into, y);
}

void svg_path_end(svg *into)
{
    svg_raw(into, "\"");
}
