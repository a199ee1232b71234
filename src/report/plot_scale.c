/*
 * plot_scale.c - ranges and ticks of axes.
 */
#include "report/plot_scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define MINUS "\xE2\x88\x92"
#define EN_DASH "\xE2\x80\x93"

bool plot_is_drawable(double value)
{
    return isfinite(value) && fabs(value) <= PLOT_FARTHEST;
}

/* By multiplication, not pow: the same bits everywhere. */
static double power_of_ten(int exponent)
{
    double power = 1.0;
    for (int i = 0; i < (exponent < 0 ? -exponent : exponent); i++) {
        power *= 10.0;
    }
    return exponent < 0 ? 1.0 / power : power;
}

static double times_power(double value, int exponent)
{
    return exponent < 0 ? value / power_of_ten(-exponent) : value * power_of_ten(exponent);
}

double plot_tick_value(const plot_scale *of, int64_t tick)
{
    return times_power((double)(tick * of->mantissa), of->exponent);
}

static double step_of(const plot_scale *of)
{
    return times_power((double)of->mantissa, of->exponent);
}

/* The next larger step of 1, 2, 5, 10 ... */
static void enlarge_step(plot_scale *of)
{
    switch (of->mantissa) {
    case 1:
        of->mantissa = 2;
        break;
    case 2:
        of->mantissa = 5;
        break;
    default:
        of->mantissa = 1;
        of->exponent++;
    }
}

/* Equal ends, and ends that differ in the last bits only, are moved apart. */
static void widen(double *low, double *high, plot_form form)
{
    double least = fmax(fabs(*low), fabs(*high)) * 1e-9;
    if (*high - *low > least) {
        return;
    }
    double by = form == PLOT_NUMBER ? fmax(0.5, fabs(*low) * 0.1) : 0.05;
    *low -= by;
    *high += by;
    if (form == PLOT_SHARE && *low >= -by && *high <= 1.0 + by) {
        *low = fmax(0.0, *low);
        *high = fmin(1.0, *high);
    }
}

static void set_ticks(plot_scale *of, double low, double high, bool is_wide)
{
    double step = step_of(of);
    /* A tick that misses the end by rounding only is at the end. */
    double slack = 1e-9 * fmax(1.0, (high - low) / step);
    double first = is_wide ? floor(low / step + slack) : ceil(low / step - slack);
    double last = is_wide ? ceil(high / step - slack) : floor(high / step + slack);
    of->first = (int64_t)first;
    of->last = (int64_t)last;
}

plot_scale plot_scale_make(double low, double high, size_t most, bool is_wide, plot_form form)
{
    plot_scale made = {.mantissa = 1, .exponent = -104};
    widen(&low, &high, form);
    /* The smallest step with which the ticks are few enough. */
    while (step_of(&made) * (double)most < high - low) {
        enlarge_step(&made);
    }
    set_ticks(&made, low, high, is_wide);
    while (made.last - made.first + 1 > (int64_t)most) {
        enlarge_step(&made);
        set_ticks(&made, low, high, is_wide);
    }
    made.low = is_wide ? fmin(low, plot_tick_value(&made, made.first)) : low;
    made.high = is_wide ? fmax(high, plot_tick_value(&made, made.last)) : high;
    return made;
}

/* ---- texts ------------------------------------------------------------------------------- */

enum {
    MOST_PLACES = 6, /* decimals that are written out */
    MOST_ZEROS = 9,  /* and zeros of large numbers; beyond that as 1e+12 */
    GROUPED_FROM = 5 /* digits from which groups of three are set apart */
};

/* Whole number with commas in groups: "12,345", but "1234". */
static void add_whole(uint64_t value, char dst[PLOT_NUMBER_SIZE])
{
    char digits[PLOT_NUMBER_SIZE];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    size_t at = strlen(dst);
    for (size_t i = 0; i < length && at + 2 < PLOT_NUMBER_SIZE; i++) {
        dst[at++] = digits[i];
        if (length >= GROUPED_FROM && i + 1 < length && (length - 1 - i) % 3 == 0) {
            dst[at++] = ',';
        }
    }
    dst[at] = '\0';
}

/* value * 10^-places, with all those places. */
static void add_fixed(uint64_t value, int places, char dst[PLOT_NUMBER_SIZE])
{
    uint64_t unit = 1;
    for (int i = 0; i < places; i++) {
        unit *= 10;
    }
    add_whole(value / unit, dst);
    size_t at = strlen(dst);
    if (places > 0 && at + 2 < PLOT_NUMBER_SIZE) {
        dst[at++] = '.';
    }
    for (uint64_t rest = value % unit; unit > 1 && at + 1 < PLOT_NUMBER_SIZE; rest %= unit) {
        unit /= 10;
        dst[at++] = (char)('0' + rest / unit);
    }
    dst[at] = '\0';
}

static void add_text(const char *text, char dst[PLOT_NUMBER_SIZE])
{
    size_t at = strlen(dst);
    text_copy(text, dst + at, PLOT_NUMBER_SIZE - at);
}

static void add_scientific(double value, char dst[PLOT_NUMBER_SIZE])
{
    char text[TEXT_NUMBER_SIZE];
    text_from_rounded(value, text);
    add_text(text, dst);
}

static const char *sign_of(bool is_negative, bool is_zero, plot_form form)
{
    if (is_negative && !is_zero) {
        return MINUS;
    }
    return form == PLOT_CHANGE && !is_zero ? "+" : "";
}

void plot_tick_text(const plot_scale *of, int64_t tick, plot_form form, bool has_unit,
                    char dst[PLOT_NUMBER_SIZE])
{
    int64_t digits = tick * of->mantissa;
    uint64_t size = (uint64_t)(digits < 0 ? -digits : digits);
    int exponent = of->exponent + (form == PLOT_NUMBER ? 0 : 2);
    text_copy(sign_of(digits < 0, size == 0, form), dst, PLOT_NUMBER_SIZE);
    if (size == 0) {
        add_text("0", dst);
    } else if (exponent > MOST_ZEROS || -exponent > MOST_PLACES) {
        add_scientific(fabs(plot_tick_value(of, tick)) * (form == PLOT_NUMBER ? 1.0 : 100.0),
                       dst);
    } else if (exponent < 0) {
        add_fixed(size, -exponent, dst);
    } else {
        for (int i = 0; i < exponent; i++) {
            size *= 10;
        }
        add_whole(size, dst);
    }
    add_text(has_unit && form == PLOT_SHARE ? "%" : "", dst);
}

void plot_number_text(double value, plot_form form, char dst[PLOT_NUMBER_SIZE])
{
    int places = form == PLOT_NUMBER ? 3 : 1;
    double scaled = value * 1000.0; /* three decimals, or one of a hundredth */
    dst[0] = '\0';
    if (!isfinite(value)) {
        add_text(EN_DASH, dst);
        return;
    }
    if (fabs(scaled) > 1e15 || (form == PLOT_NUMBER && value != 0.0 && fabs(value) < 0.01)) {
        add_scientific(value, dst);
        return;
    }
    uint64_t size = (uint64_t)llround(fabs(scaled));
    while (form == PLOT_NUMBER && places > 0 && size % 10 == 0) {
        size /= 10;
        places--;
    }
    add_text(sign_of(value < 0.0, size == 0, form), dst);
    add_fixed(size, places, dst);
    add_text(form == PLOT_SHARE ? "%" : "", dst);
}
