/*
 * html.c - escaping and number forms of the report's pages.
 *
 * Escaping happens in two steps: what must not be shown (controls, ill-formed bytes) becomes
 * visible text as on a terminal, then what means something in HTML becomes a reference.
 */
#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    NUMBER_SIZE = 400 /* "%.*f" of the largest double */
};

void html_free(html *block)
{
    text_buffer_free(&block->text);
}

spur_status html_status(const html *of)
{
    return of->status;
}

static void add(html *into, const char *text, size_t length)
{
    if (into->status == SPUR_OK && length > 0) {
        into->status = text_add(&into->text, text, length, into->error);
    }
}

void html_raw(html *into, const char *markup)
{
    add(into, markup, strlen(markup));
}

void html_format(html *into, const char *format, ...)
{
    char text[2 * NUMBER_SIZE];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof text) {
        if (into->status == SPUR_OK) {
            into->status = error_set(into->error, SPUR_INTERNAL, "a page's line is too long");
        }
        return;
    }
    add(into, text, (size_t)length);
}

/* ---- texts ------------------------------------------------------------------------------- */

static const char *reference_of(char character)
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
    default:
        return NULL;
    }
}

static void add_references(html *into, const char *text)
{
    const char *from = text;
    for (const char *at = text; *at != '\0'; at++) {
        const char *reference = reference_of(*at);
        if (reference != NULL) {
            add(into, from, (size_t)(at - from));
            html_raw(into, reference);
            from = at + 1;
        }
    }
    add(into, from, strlen(from));
}

void html_part(html *into, const char *text, size_t length)
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

void html_text(html *into, const char *text)
{
    if (text != NULL) {
        html_part(into, text, strlen(text));
    }
}

void html_name(html *into, const char *text)
{
    html_raw(into, "<bdi>");
    html_text(into, text);
    html_raw(into, "</bdi>");
}

void html_attribute(html *into, const char *name, const char *text)
{
    html_format(into, " %s=\"", name);
    html_text(into, text);
    html_raw(into, "\"");
}

static bool is_plain(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~/", byte) != NULL);
}

void html_encoded(html *into, const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if (is_plain((unsigned char)*at)) {
            add(into, at, 1);
        } else {
            html_format(into, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
}

/* ---- numbers ----------------------------------------------------------------------------- */

#define MINUS "\xE2\x88\x92"
#define EN_DASH "\xE2\x80\x93"

/* "%.*f" without "-0.00": what rounds to zero has no sign. */
static void add_decimals(html *into, double value, int decimals, bool with_plus)
{
    char number[NUMBER_SIZE];
    if (!isfinite(value)) {
        html_raw(into, EN_DASH);
        return;
    }
    (void)snprintf(number, sizeof number, "%.*f", decimals, fabs(value));
    bool is_zero = strspn(number, "0.") == strlen(number);
    if (!is_zero && (value < 0.0 || with_plus)) {
        html_raw(into, value < 0.0 ? MINUS : "+");
    }
    html_raw(into, number);
}

void html_number(html *into, double value, int decimals)
{
    add_decimals(into, value, decimals, false);
}

void html_count(html *into, uint64_t value)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    for (int i = 0; i < length; i++) {
        add(into, digits + i, 1);
        if (i + 1 < length && (length - i - 1) % 3 == 0) {
            add(into, ",", 1);
        }
    }
}

void html_share(html *into, double fraction)
{
    add_decimals(into, 100.0 * fraction, 1, false);
    html_raw(into, isfinite(fraction) ? "%" : "");
}

void html_points(html *into, double difference)
{
    add_decimals(into, 100.0 * difference, 1, true);
}

/* ---- cells ------------------------------------------------------------------------------- */

static void open_cell(html *into, double value)
{
    char exact[TEXT_NUMBER_SIZE];
    html_raw(into, "<td class=n");
    if (isfinite(value)) {
        text_from_rounded(value, exact);
        html_format(into, " data-v=%s", exact);
    }
    html_raw(into, ">");
}

void html_cell_number(html *into, double value, int decimals)
{
    open_cell(into, value);
    html_number(into, value, decimals);
    html_raw(into, "</td>");
}

void html_cell_count(html *into, uint64_t value)
{
    html_format(into, "<td class=n data-v=%llu>", (unsigned long long)value);
    html_count(into, value);
    html_raw(into, "</td>");
}

void html_cell_share(html *into, double fraction)
{
    open_cell(into, fraction);
    html_share(into, fraction);
    html_raw(into, "</td>");
}

void html_cell_points(html *into, double difference)
{
    open_cell(into, difference);
    html_points(into, difference);
    html_raw(into, "</td>");
}

void html_cell_text(html *into, const char *text)
{
    html_raw(into, "<td>");
    html_name(into, text);
    html_raw(into, "</td>");
}
