/*
 * report_histogram.c - a class's scores as bars, with the cuts between hidden, mid and clear.
 */
#include <math.h>
#include <stdio.h>

#include "report/report_pages.h"

enum {
    WIDTH = 720,
    HEIGHT = 190,
    LEFT = 8,
    RIGHT = 8,
    TOP = 26,
    BASE = 160, /* y of the axis */
    TICKS = 6
};

static double place(const report_class *class, double value)
{
    double range = (double)class->highest - (double)class->lowest;
    double share = range > 0.0 ? (value - (double)class->lowest) / range : 0.5;
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static const char *colour_of(const report_class *class, size_t bin)
{
    double range = (double)class->highest - (double)class->lowest;
    double centre = (double)class->lowest + ((double)bin + 0.5) * range / REPORT_BINS;
    if (class->cut_images == 0) {
        return "mid";
    }
    return centre <= (double)class->hidden_cut  ? "hidden"
           : centre >= (double)class->clear_cut ? "clear"
                                                : "mid";
}

static void add_bars(html *into, const report_class *class)
{
    double step = (double)(WIDTH - LEFT - RIGHT) / REPORT_BINS;
    uint32_t most = 1;
    for (size_t i = 0; i < REPORT_BINS; i++) {
        most = class->bins[i] > most ? class->bins[i] : most;
    }
    for (size_t i = 0; i < REPORT_BINS; i++) {
        double height = (double)(BASE - TOP) * class->bins[i] / most;
        if (class->bins[i] > 0) {
            html_format(into,
                        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                        "height=\"%.1f\"><title>%u images</title></rect>",
                        colour_of(class, i), LEFT + (double)i * step + 0.5, BASE - height,
                        step - 1.0, height, (unsigned)class->bins[i]);
        }
    }
}

/* The largest of 1, 2, 5 times a power of ten that gives at least TICKS / 2 steps. */
static double tick_step(double range)
{
    double step = pow(10.0, floor(log10(range / TICKS)));
    return range / step > 5 * TICKS ? 5.0 * step : range / step > 2 * TICKS ? 2.0 * step : step;
}

static void add_ticks(html *into, const report_class *class)
{
    double low = (double)class->lowest, high = (double)class->highest;
    html_format(into, "<path class=\"axis\" d=\"M%d %dH%d\"/>", (int)LEFT, (int)BASE,
                (int)(WIDTH - RIGHT));
    if (!(high > low)) {
        return;
    }
    double step = tick_step(high - low);
    int decimals = step >= 1.0 ? 0 : (int)ceil(-log10(step) - 1e-9);
    long last = lround(floor(high / step + 1e-9));
    for (long i = lround(ceil(low / step - 1e-9)); i <= last; i++) {
        double x = place(class, (double)i * step);
        html_format(into, "<path class=\"axis\" d=\"M%.1f %dv5\"/>", x, (int)BASE);
        html_format(into, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">", x, (int)(BASE + 20),
                    x < 30           ? "start"
                    : x > WIDTH - 30 ? "end"
                                     : "middle");
        html_number(into, (double)i * step, decimals);
        html_raw(into, "</text>");
    }
}

static void add_cut(html *into, double x, bool is_hidden, uint64_t images)
{
    html_format(into, "<path class=\"cut\" d=\"M%.1f %dV%d\"/>", x, (int)(TOP - 4), (int)BASE);
    html_format(into, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s%llu most %s%s</text>",
                is_hidden ? fmax(x - 6.0, 120.0) : fmin(x + 6.0, WIDTH - 120.0),
                (int)(TOP - 12), is_hidden ? "end" : "start", is_hidden ? "\xE2\x97\x84 " : "",
                (unsigned long long)images, is_hidden ? "hidden" : "clear",
                is_hidden ? "" : " \xE2\x96\xBA");
}

void report_histogram(html *into, const report_view *view, size_t class_index)
{
    const report_class *class = &view->data->classes[class_index];
    if (class->rank->scored == 0) {
        return;
    }
    html_raw(into, "<figure class=\"plot\">\n");
    html_format(into, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", (int)WIDTH,
                (int)HEIGHT);
    html_raw(into, "Histogram of scores from ");
    html_number(into, (double)class->lowest, 2);
    html_raw(into, " to ");
    html_number(into, (double)class->highest, 2);
    html_raw(into, ", median ");
    html_number(into, (double)class->rank->median, 2);
    html_raw(into, "\">");
    add_bars(into, class);
    add_ticks(into, class);
    if (class->cut_images > 0) {
        add_cut(into, place(class, (double)class->hidden_cut), true, class->cut_images);
        add_cut(into, place(class, (double)class->clear_cut), false, class->cut_images);
    }
    html_raw(into, "</svg>\n<figcaption>Own-class scores (logits) of the class\xE2\x80\x99s ");
    html_count(into, class->rank->scored);
    html_raw(into,
             " images; left: the object is hidden, right: clear.</figcaption>\n</figure>\n");
}
