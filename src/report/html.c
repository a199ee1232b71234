/*
 * html.c - names, attributes, addresses and number forms of the report's pages.
 */
#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    NUMBER_SIZE = 400 /* "%.*f" of the largest double */
};

void html_format(markup *into, const char *format, ...)
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
    markup_add(into, text, (size_t)length);
}

/* ---- texts ------------------------------------------------------------------------------- */

void html_name(markup *into, const char *text)
{
    markup_raw(into, "<bdi>");
    markup_text(into, text);
    markup_raw(into, "</bdi>");
}

void html_attribute(markup *into, const char *name, const char *text)
{
    html_format(into, " %s=\"", name);
    markup_text(into, text);
    markup_raw(into, "\"");
}

static bool is_plain(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~/", byte) != NULL);
}

void html_encoded(markup *into, const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if (is_plain((unsigned char)*at)) {
            markup_add(into, at, 1);
        } else {
            html_format(into, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
}

/* ---- numbers ----------------------------------------------------------------------------- */

#define MINUS "\xE2\x88\x92"
#define EN_DASH "\xE2\x80\x93"

/* "%.*f" without "-0.00": what rounds to zero has no sign. */
static void add_decimals(markup *into, double value, int decimals, bool with_plus)
{
    char number[NUMBER_SIZE];
    if (!isfinite(value)) {
        markup_raw(into, EN_DASH);
        return;
    }
    (void)snprintf(number, sizeof number, "%.*f", decimals, fabs(value));
    bool is_zero = strspn(number, "0.") == strlen(number);
    if (!is_zero && (value < 0.0 || with_plus)) {
        markup_raw(into, value < 0.0 ? MINUS : "+");
    }
    markup_raw(into, number);
}

void html_number(markup *into, double value, int decimals)
{
    add_decimals(into, value, decimals, false);
}

void html_count(markup *into, uint64_t value)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    for (int i = 0; i < length; i++) {
        markup_add(into, digits + i, 1);
        if (i + 1 < length && (length - i - 1) % 3 == 0) {
            markup_add(into, ",", 1);
        }
    }
}

void html_share(markup *into, double fraction)
{
    add_decimals(into, 100.0 * fraction, 1, false);
    markup_raw(into, isfinite(fraction) ? "%" : "");
}

void html_points(markup *into, double difference)
{
    add_decimals(into, 100.0 * difference, 1, true);
}

/* ---- cells ------------------------------------------------------------------------------- */

static void open_cell(markup *into, double value)
{
    char exact[TEXT_NUMBER_SIZE];
    markup_raw(into, "<td class=n");
    if (isfinite(value)) {
        text_from_rounded(value, exact);
        html_format(into, " data-v=%s", exact);
    }
    markup_raw(into, ">");
}

void html_cell_number(markup *into, double value, int decimals)
{
    open_cell(into, value);
    html_number(into, value, decimals);
    markup_raw(into, "</td>");
}

void html_cell_count(markup *into, uint64_t value)
{
    html_format(into, "<td class=n data-v=%llu>", (unsigned long long)value);
    html_count(into, value);
    markup_raw(into, "</td>");
}

void html_cell_share(markup *into, double fraction)
{
    open_cell(into, fraction);
    html_share(into, fraction);
    markup_raw(into, "</td>");
}

void html_cell_points(markup *into, double difference)
{
    open_cell(into, difference);
    html_points(into, difference);
    markup_raw(into, "</td>");
}

void html_cell_text(markup *into, const char *text)
{
    markup_raw(into, "<td>");
    html_name(into, text);
    markup_raw(into, "</td>");
}
