/*
 * plot_scale.h - the range of an axis, its ticks at 1, 2 or 5 times a power of ten, and the
 * visible form of its numbers.
 *
 * Ticks are whole multiples of the step, so their labels are made of integers and exact.
 */
#ifndef REPORT_PLOT_SCALE_H
#define REPORT_PLOT_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How numbers of an axis are shown. */
typedef enum plot_form {
    PLOT_NUMBER,
    PLOT_SHARE, /* fractions of one, shown as per cent */
    PLOT_CHANGE /* differences of fractions, shown as points with their sign */
} plot_form;

typedef struct plot_scale {
    double low, high;
    int64_t first, last; /* ticks: multiples of mantissa * 10^exponent */
    int mantissa, exponent;
} plot_scale;

enum {
    PLOT_NUMBER_SIZE = 48
};

/* Numbers beyond this are not drawn: differences and products stay finite. */
#define PLOT_FARTHEST 1e100
bool plot_is_drawable(double value);

/* The range of low .. high (low <= high, both drawable; equal ones are widened) with at most
 * `most` ticks, most >= 2. is_wide: the range is widened outwards to ticks; else ticks lie
 * inside. Fractions (PLOT_SHARE) in [0, 1] keep a range in [0, 1]. */
plot_scale plot_scale_make(double low, double high, size_t most, bool is_wide, plot_form form);

double plot_tick_value(const plot_scale *of, int64_t tick);
/* "83", "0.25", "+5", with a true minus sign; has_unit adds "%" to PLOT_SHARE. */
void plot_tick_text(const plot_scale *of, int64_t tick, plot_form form, bool has_unit,
                    char dst[PLOT_NUMBER_SIZE]);

/* A number for people: "83.1%", "+3.2", "12.345"; an en dash when it is not finite. */
void plot_number_text(double value, plot_form form, char dst[PLOT_NUMBER_SIZE]);

#endif
