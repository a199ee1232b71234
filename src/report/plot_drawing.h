/*
 * plot_drawing.h - a picture being drawn: what the layout decided, and the parts that draw.
 *
 * Units are those of the viewBox. Everything that takes room is measured first
 * (plot_layout.c), so the parts never move each other.
 */
#ifndef REPORT_PLOT_DRAWING_H
#define REPORT_PLOT_DRAWING_H

#include "report/plot.h"
#include "report/plot_labels.h"
#include "report/svg.h"

/* Font sizes and distances. */
#define PLOT_TEXT 14.0  /* labels and ticks */
#define PLOT_TITLE 19.0 /* title of a picture on its own */
#define PLOT_LINE_HEIGHT 18.0
#define PLOT_RADIUS 4.0 /* of marks */

enum {
    PLOT_TEXT_SIZE = 512 /* bytes of a text that is cut to fit */
};

typedef struct plot_drawing {
    const plot *of;
    const plot_picture *how;
    markup out;
    plot_scale x, y;
    double width, height;
    size_t columns, rows;
    double pitch_x, pitch_y;          /* from panel to panel */
    double top;                       /* of the first row of panels */
    double left, above, right, below; /* room around a panel's area */
    double area_width, area_height;
    bool has_end_labels, has_end_means; /* lines' names at their ends; else a legend */
    bool has_panel_titles;
    size_t cut_levels;
    size_t left_out; /* names that found no place */
} plot_drawing;

/* Decides everything but `out`. */
spur_status plot_layout(plot_drawing *on, spur_error *error) SPUR_MUST_USE;

/* The top of panel i with its title, its area, and places in it. */
double plot_panel_top(const plot_drawing *on, size_t panel);
plot_box plot_area(const plot_drawing *on, size_t panel);
double plot_place_x(const plot_drawing *on, const plot_box *area, double value);
double plot_place_y(const plot_drawing *on, const plot_box *area, double value);

bool plot_has_label(const plot_series *series);
bool plot_is_line(const plot_series *series);
/* The last point of a line that is drawn; NULL without any. */
const plot_point *plot_line_end(const plot_series *series);
bool plot_point_is_drawn(const plot_point *point);
/* Its name at the end of a line: series that have one. */
bool plot_has_end_label(const plot_series *series);
/* Rows of labels above the area that a panel's cuts need; level[i] of the i-th cut in the
 * order of series and points (NULL: only count). */
size_t plot_cut_levels(const plot_drawing *on, size_t panel, size_t *levels);
/* Where the label of a cut stands. */
plot_box plot_cut_box(const plot_drawing *on, const plot_box *area, const plot_point *cut,
                      size_t level);

/* ---- legend: series of all panels, each name once ---------------------------------------- */

bool plot_needs_legend(const plot_drawing *on);
/* Height of the legend; draws it at `top` when is_drawn. */
double plot_legend(plot_drawing *on, double top, bool is_drawn);

/* ---- parts, drawn in this order ---------------------------------------------------------- */

/* Title and finding of a picture on its own; is_drawn as above. */
double plot_heading(plot_drawing *on, bool is_drawn);
/* Grid, ticks, labels of axes. */
void plot_draw_axes(plot_drawing *on, size_t panel);
/* Bands, means, bars, lines, marks, cuts. */
void plot_draw_series(plot_drawing *on, size_t panel);
spur_status plot_draw_labels(plot_drawing *on, size_t panel, spur_error *error) SPUR_MUST_USE;

/* ---- marks and texts --------------------------------------------------------------------- */

/* ` stroke=".." ...` of a role's lines, with its dashes; ` fill=".."` of its areas. */
void plot_stroke(markup *into, plot_role role, double width);
void plot_fill(markup *into, plot_role role, double opacity);
/* For drawings elsewhere: a colour without a theme, and Vega-Lite's word for the mark. */
const char *plot_solid_colour(plot_role role);
const char *plot_vega_shape(plot_role role);
/* The mark of a role, `size` times as large as usual; hint: shown on pointing at it, or NULL.
 */
void plot_draw_mark(markup *into, plot_role role, const double at[2], double size,
                    const char *hint);
/* One line of text cut to `most` units; anchor "start", "middle" or "end". */
typedef struct plot_words {
    const char *text, *anchor;
    double x, y, size, most;
    bool is_bold, is_faint;
} plot_words;
void plot_write(markup *into, const plot_words *words);
/* Text in lines of at most words->most units; returns the height. */
double plot_write_lines(markup *into, const plot_words *words, double line_height,
                        bool is_drawn);

#endif
