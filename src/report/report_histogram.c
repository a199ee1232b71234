/*
 * report_histogram.c - a class's scores as bars, with the cuts between hidden, mid and clear.
 */
#include <math.h>
#include <stdio.h>

#include "report/plot.h"
#include "report/report_pages.h"

enum {
    WIDE = 1080,
    NARROW = 360,
    KINDS = 3,
    TEXT_SIZE = 48
};

typedef struct histogram {
    plot_point bars[KINDS][REPORT_BINS];
    size_t counts[KINDS];
    plot_point cuts[2];
    char names[2][TEXT_SIZE];
    plot_series series[KINDS + 1];
    plot_panel panel;
    plot of;
} histogram;

/* By the middle of the bar: 0 hidden, 1 mid, 2 clear. */
static size_t kind_of(const report_class *class, double middle)
{
    return class->cut_images == 0                ? 1
           : middle <= (double)class->hidden_cut ? 0
           : middle >= (double)class->clear_cut  ? 2
                                                 : 1;
}

static void fill_bars(const report_class *class, histogram *into)
{
    double low = (double)class->lowest;
    double width = ((double)class->highest - low) / REPORT_BINS;
    for (size_t i = 0; i < REPORT_BINS; i++) {
        double left = low + (double)i * width;
        size_t kind = kind_of(class, left + width / 2.0);
        plot_point bar = plot_at(left + width / 2.0, class->bins[i]);
        bar.x_low = left;
        bar.x_high = left + width;
        if (class->bins[i] > 0) {
            into->bars[kind][into->counts[kind]++] = bar;
        }
    }
}

static void fill_cuts(const report_class *class, histogram *into)
{
    const double at[2] = {(double)class->hidden_cut, (double)class->clear_cut};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(into->names[i], TEXT_SIZE, i == 0 ? "%llu most hidden" : "%llu clearest",
                       (unsigned long long)class->cut_images);
        into->cuts[i] = plot_at(at[i], (double)NAN);
        into->cuts[i].name = into->names[i];
    }
}

static void fill_series(const report_class *class, histogram *into)
{
    static const plot_role roles[KINDS] = {PLOT_HIDDEN, PLOT_MID, PLOT_CLEAR};
    for (size_t i = 0; i < KINDS; i++) {
        if (into->counts[i] > 0) {
            into->series[into->panel.count++] = (plot_series){.role = roles[i],
                                                              .mark = PLOT_BARS,
                                                              .points = into->bars[i],
                                                              .count = into->counts[i],
                                                              .mean = (double)NAN};
        }
    }
    if (class->cut_images > 0) {
        into->series[into->panel.count++] = (plot_series){.role = PLOT_ORIGINAL,
                                                          .mark = PLOT_CUT,
                                                          .points = into->cuts,
                                                          .count = 2,
                                                          .mean = (double)NAN};
    }
    into->panel.series = into->series;
}

static void add_picture(markup *into, const plot *of, const plot_picture *how,
                        const char *class_name)
{
    html_format(into, "<div class=\"%s\">", class_name);
    if (into->status == SPUR_OK) {
        into->status = plot_svg(of, how, &into->text, into->error);
    }
    markup_raw(into, "</div>\n");
}

void report_histogram(markup *into, const report_view *view, size_t class_index)
{
    const report_class *class = &view->data->classes[class_index];
    static const plot_picture wide = {.width = WIDE};
    static const plot_picture narrow = {.width = NARROW, .id_suffix = "-narrow"};
    histogram made = {.panel = {.count = 0}};
    char finding[160];
    if (class->rank->scored == 0) {
        return;
    }
    (void)snprintf(finding, sizeof finding,
                   "%llu images score from %.2f to %.2f, half of them below %.2f.",
                   (unsigned long long)class->rank->scored, (double)class->lowest,
                   (double)class->highest, (double)class->rank->median);
    fill_bars(class, &made);
    fill_cuts(class, &made);
    fill_series(class, &made);
    made.of = (plot){.id = "scores",
                     .title = "Scores of the class",
                     .finding = finding,
                     .x = {.label = "own-class score (logit)",
                           .key = "logit",
                           .include = {(double)NAN, (double)NAN}},
                     .y = {.label = "images", .key = "images", .include = {0.0, (double)NAN}},
                     .panels = &made.panel,
                     .panel_count = 1,
                     .columns = 1,
                     .height = 170.0};
    markup_raw(into, "<figure class=\"plot\">\n");
    add_picture(into, &made.of, &wide, "wide");
    add_picture(into, &made.of, &narrow, "narrow");
    markup_raw(into, "<figcaption>Left: the object is hidden, right: clear.</figcaption>\n"
                     "</figure>\n");
}
