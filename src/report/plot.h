/*
 * plot.h - one description of a figure, from which come its picture (SVG), its data (CSV), its
 * table (HTML) and a Vega-Lite specification.
 *
 * Colours are those of the product; every role also has its own dash and mark. Inside a page a
 * picture needs no style sheet: texts, axes and the original head take the page's text colour
 * (currentColor), so both themes work. Same description, same bytes.
 *
 * Texts may come from outside: they are escaped. Arrays are the caller's. A series that is
 * zero-initialised has a mean of 0: plot_series_make gives one without.
 */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include "base/text.h"
#include "report/plot_scale.h"

/* What a series stands for: its colour, dash and mark. */
typedef enum plot_role {
    PLOT_ORIGINAL, /* text colour, solid, dot */
    PLOT_CLEAR,    /* blue, solid, circle */
    PLOT_MID,      /* green, long dashes, square */
    PLOT_HIDDEN,   /* vermilion, dots, triangle */
    PLOT_RANDOM,   /* grey, dash and dot, diamond */
    PLOT_FIRST,    /* others: purple, triangle down */
    PLOT_SECOND,   /* light blue, cross */
    PLOT_THIRD,    /* orange, plus */
    PLOT_QUIET     /* faint text colour: bars and dots without a name */
} plot_role;

typedef enum plot_mark {
    PLOT_LINE,   /* through (x, y); a band where y_low and y_high are finite */
    PLOT_POINTS, /* marks with intervals where the ends are finite */
    PLOT_BARS,   /* rectangles x_low .. x_high, 0 .. y */
    PLOT_CUT,    /* upright lines at x with their points' names above */
    PLOT_RULE    /* a thin line through the points, for comparison; its name at its end */
} plot_mark;

/* NaN = not there. */
typedef struct plot_point {
    double x, y, x_low, x_high, y_low, y_high;
    const char *name;     /* NULL; in the data, and on pointing at it */
    bool is_named_inside; /* the name stands beside the mark, when there is room */
} plot_point;

/* (x, y) without intervals and name. */
plot_point plot_at(double x, double y);

typedef struct plot_series {
    const char *name;
    bool is_unlabelled; /* the name is in the data only, not in the picture */
    plot_role role;
    plot_mark mark;
    const plot_point *points;
    size_t count;
    double mean; /* a dashed line across the panel; NaN = none */
} plot_series;

/* A labelled series without a mean. */
plot_series plot_series_make(const char *name, plot_role role, plot_mark mark,
                             const plot_point *points, size_t count);

typedef struct plot_panel {
    const char *title; /* or NULL */
    const plot_series *series;
    size_t count;
} plot_panel;

typedef struct plot_axis {
    const char *label; /* for people: "Top-1 accuracy" */
    const char *key;   /* of the data's columns: "accuracy" */
    plot_form form;
    double include[2]; /* the range holds these; NaN = nothing to hold */
    /* Names instead of numbers: name i stands at i. On the y axis the first is on top. */
    const char *const *names;
    size_t name_count;
} plot_axis;

typedef struct plot {
    const char *id;      /* word of letters, digits and '-': part of XML ids and file names */
    const char *title;   /* what is shown, without the numbers */
    const char *finding; /* one sentence with the numbers: also for screen readers */
    plot_axis x, y;
    const plot_panel *panels;
    size_t panel_count, columns; /* panels side by side when there is room */
    double height;               /* of a panel's area; 0 = by its content */
} plot;

typedef struct plot_picture {
    double width;          /* of the drawing in its own units; 0 = 720; 400 suits phones */
    const char *id_suffix; /* for a second picture of a figure in one page; NULL = none */
    bool is_alone;         /* a file of its own: with title, finding, style and background */
} plot_picture;

spur_status plot_svg(const plot *of, const plot_picture *how, text_buffer *out,
                     spur_error *error) SPUR_MUST_USE;

/* Every point and mean as a row: panel, series, name and the columns that hold numbers, under
 * the axes' keys. */
spur_status plot_csv(const plot *of, text_buffer *out, spur_error *error) SPUR_MUST_USE;
/* The same as <table class="plot-data">; data-v holds the numbers as the CSV has them. */
spur_status plot_table(const plot *of, text_buffer *out, spur_error *error) SPUR_MUST_USE;

/* A Vega-Lite 5 specification over the CSV. data_url: the CSV's address, or NULL for a template
 * of `dvc plots`, which puts the data in. */
spur_status plot_vega(const plot *of, const char *data_url, text_buffer *out,
                      spur_error *error) SPUR_MUST_USE;

#endif
