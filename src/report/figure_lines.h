/*
 * figure_lines.h - panels of one line per head, used by all figures that compare last layers.
 */
#ifndef REPORT_FIGURE_LINES_H
#define REPORT_FIGURE_LINES_H

#include "report/figure_source.h"

/* Fills the points of a head; what has no number stays NaN. */
typedef struct figure_reader {
    const figure_source *in;
    const void *context;
    size_t count; /* points of a line */
    void (*read)(const struct figure_reader *from, const char *entry, plot_point *points,
                 double *mean);
} figure_reader;

/* Adds a line for every head of that size that has numbers. Random subsets that differ in the
 * seed are one line: the mean, with a band from the lowest to the highest. */
spur_status figure_add_lines(const figure_reader *from, const figure_size *size,
                             plot_panel *panel, plot_series *series,
                             spur_error *error) SPUR_MUST_USE;

/* "backbone", "backbone, k = 100", "first, backbone, k = 100". */
spur_status figure_panel_title(const figure_source *in, const char *first, const char *backbone,
                               const figure_size *size, const char **out,
                               spur_error *error) SPUR_MUST_USE;

#endif
