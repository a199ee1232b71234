/*
 * plot_marks.c - bands, means, bars, lines, marks and cuts of a panel, in every role's look.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/plot_drawing.h"

/* Okabe and Ito's colours; dashes and marks tell the roles apart without them. */
typedef struct look {
    const char *colour, *dashes;
    char mark;
} look;

static const look looks[] = {
    [PLOT_ORIGINAL] = {"currentColor", NULL, 'o'}, [PLOT_CLEAR] = {"#0072B2", NULL, 'o'},
    [PLOT_MID] = {"#009E73", "9 4", 's'},          [PLOT_HIDDEN] = {"#D55E00", "2 3.5", '^'},
    [PLOT_RANDOM] = {"#8A8A8A", "9 3 2 3", 'd'},   [PLOT_FIRST] = {"#CC79A7", "6 3", 'v'},
    [PLOT_SECOND] = {"#56B4E9", "12 3", 'x'},      [PLOT_THIRD] = {"#E69F00", "4 2 1 2", '+'},
    [PLOT_QUIET] = {"currentColor", NULL, 'o'},
};

const char *plot_solid_colour(plot_role role)
{
    return role == PLOT_ORIGINAL ? "#444444"
           : role == PLOT_QUIET  ? "#999999"
                                 : looks[role].colour;
}

const char *plot_vega_shape(plot_role role)
{
    switch (looks[role].mark) {
    case 's':
        return "square";
    case '^':
        return "triangle-up";
    case 'v':
        return "triangle-down";
    case 'd':
        return "diamond";
    case 'x':
    case '+':
        return "cross";
    default:
        return "circle";
    }
}

void plot_stroke(markup *into, plot_role role, double width)
{
    markup_raw(into, " fill=\"none\"");
    svg_word(into, "stroke", looks[role].colour);
    svg_number(into, "stroke-width", width);
    if (looks[role].dashes != NULL) {
        svg_word(into, "stroke-dasharray", looks[role].dashes);
    }
}

void plot_fill(markup *into, plot_role role, double opacity)
{
    svg_word(into, "fill", looks[role].colour);
    if (opacity < 1.0) {
        svg_number(into, "fill-opacity", opacity);
    }
}

/* ---- marks ------------------------------------------------------------------------------- */

typedef struct stroke {
    char command;
    double x, y;
} stroke;

static const stroke square[] = {
    {'M', -3.6, -3.6}, {'L', 3.6, -3.6}, {'L', 3.6, 3.6}, {'L', -3.6, 3.6}};
static const stroke up[] = {{'M', 0, -5.2}, {'L', 4.7, 3.4}, {'L', -4.7, 3.4}};
static const stroke down[] = {{'M', 0, 5.2}, {'L', 4.7, -3.4}, {'L', -4.7, -3.4}};
static const stroke diamond[] = {{'M', 0, -5.2}, {'L', 5.2, 0}, {'L', 0, 5.2}, {'L', -5.2, 0}};
static const stroke cross[] = {
    {'M', -3.8, -3.8}, {'L', 3.8, 3.8}, {'M', -3.8, 3.8}, {'L', 3.8, -3.8}};
static const stroke plus[] = {{'M', -5, 0}, {'L', 5, 0}, {'M', 0, -5}, {'L', 0, 5}};

static const struct {
    char mark;
    const stroke *strokes;
    size_t count;
} shapes[] = {{'s', square, 4},  {'^', up, 3},    {'v', down, 3},
              {'d', diamond, 4}, {'x', cross, 4}, {'+', plus, 4}};

static void add_shape(markup *into, char mark, const double at[2], double size)
{
    svg_path_begin(into);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t k = 0; shapes[i].mark == mark && k < shapes[i].count; k++) {
            const stroke *step = &shapes[i].strokes[k];
            svg_path_step(into, step->command, at[0] + size * step->x, at[1] + size * step->y);
        }
    }
    svg_path_end(into);
}

void plot_draw_mark(markup *into, plot_role role, const double at[2], double size,
                    const char *hint)
{
    char mark = looks[role].mark;
    const char *name = mark == 'o' ? "circle" : "path";
    svg_start(into, name);
    if (mark == 'o') {
        svg_number(into, "cx", at[0]);
        svg_number(into, "cy", at[1]);
        svg_number(into, "r", size * (role == PLOT_QUIET ? 2.5 : PLOT_RADIUS));
    } else {
        add_shape(into, mark, at, size);
    }
    if (mark == 'x' || mark == '+') {
        markup_raw(into, " fill=\"none\"");
        svg_word(into, "stroke", looks[role].colour);
        markup_raw(into, " stroke-width=\"2.4\"");
    } else {
        plot_fill(into, role, role == PLOT_QUIET ? 0.7 : 1.0);
    }
    if (hint == NULL) {
        svg_close_empty(into);
        return;
    }
    svg_close_start(into);
    svg_element(into, "title", hint);
    svg_end(into, name);
}

/* ---- what is shown on pointing at a mark ------------------------------------------------- */

static void value_text(const plot_axis *axis, double value, char *dst, size_t capacity)
{
    char number[PLOT_NUMBER_SIZE];
    if (axis->name_count > 0 && value > -0.5 && value < (double)axis->name_count - 0.5) {
        text_copy(axis->names[(size_t)(value + 0.5)], dst, capacity);
        return;
    }
    plot_number_text(value, axis->form, number);
    text_copy(number, dst, capacity);
}

/* "clear-100, name: 5, 83.1%" */
static void make_hint(const plot *of, const plot_series *series, const plot_point *point,
                      char dst[PLOT_TEXT_SIZE])
{
    char x[128];
    char y[128];
    char series_name[96];
    char name[96];
    value_text(&of->x, point->x, x, sizeof x);
    value_text(&of->y, point->y, y, sizeof y);
    text_copy(plot_has_label(series) ? series->name : "", series_name, sizeof series_name);
    text_copy(point->name == NULL ? "" : point->name, name, sizeof name);
    bool has_both = series_name[0] != '\0' && name[0] != '\0';
    bool has_any = series_name[0] != '\0' || name[0] != '\0';
    (void)snprintf(dst, PLOT_TEXT_SIZE, "%s%s%s%s%s, %s", series_name, has_both ? ", " : "",
                   name, has_any ? ": " : "", x, y);
}

/* ---- lines ------------------------------------------------------------------------------- */

static bool has_band(const plot_point *point)
{
    return plot_point_is_drawn(point) && plot_is_drawable(point->y_low) &&
           plot_is_drawable(point->y_high);
}

/* Points from .. to (exclusive): along the upper ends, back along the lower. */
static void add_band(plot_drawing *on, const plot_box *area, const plot_series *series,
                     size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const plot_point *point = &series->points[i];
        svg_path_step(&on->out, i == from ? 'M' : 'L', plot_place_x(on, area, point->x),
                      plot_place_y(on, area, point->y_high));
    }
    for (size_t i = to; i > from; i--) {
        const plot_point *point = &series->points[i - 1];
        svg_path_step(&on->out, 'L', plot_place_x(on, area, point->x),
                      plot_place_y(on, area, point->y_low));
    }
    markup_raw(&on->out, "Z");
}

static void draw_band(plot_drawing *on, const plot_box *area, const plot_series *series)
{
    bool is_open = false;
    for (size_t i = 0; i < series->count; i++) {
        size_t from = i;
        while (i < series->count && has_band(&series->points[i])) {
            i++;
        }
        if (i - from < 2) {
            continue;
        }
        if (!is_open) {
            svg_start(&on->out, "path");
            plot_fill(&on->out, series->role, 0.11);
            svg_path_begin(&on->out);
            is_open = true;
        }
        add_band(on, area, series, from, i);
    }
    if (is_open) {
        svg_path_end(&on->out);
        svg_close_empty(&on->out);
    }
}

static void draw_mean(plot_drawing *on, const plot_box *area, const plot_series *series)
{
    if (!plot_is_drawable(series->mean)) {
        return;
    }
    double y = plot_place_y(on, area, series->mean);
    svg_start(&on->out, "path");
    markup_raw(&on->out, " fill=\"none\"");
    svg_word(&on->out, "stroke", looks[series->role].colour);
    markup_raw(&on->out,
               " stroke-width=\"1.2\" stroke-dasharray=\"5 5\" stroke-opacity=\"0.85\"");
    svg_path_begin(&on->out);
    svg_path_step(&on->out, 'M', area->left, y);
    svg_path_step(&on->out, 'L', area->right, y);
    svg_path_end(&on->out);
    svg_close_empty(&on->out);
}

static void draw_line(plot_drawing *on, const plot_box *area, const plot_series *series)
{
    bool is_after_gap = true;
    if (plot_line_end(series) == NULL) {
        return;
    }
    svg_start(&on->out, "path");
    plot_stroke(&on->out, series->role, series->mark == PLOT_RULE ? 1.2 : 2.2);
    markup_raw(&on->out, " stroke-linejoin=\"round\"");
    svg_path_begin(&on->out);
    for (size_t i = 0; i < series->count; i++) {
        const plot_point *point = &series->points[i];
        if (plot_point_is_drawn(point)) {
            svg_path_step(&on->out, is_after_gap ? 'M' : 'L', plot_place_x(on, area, point->x),
                          plot_place_y(on, area, point->y));
        }
        is_after_gap = !plot_point_is_drawn(point);
    }
    svg_path_end(&on->out);
    svg_close_empty(&on->out);
}

/* All marks of a short line; of a long one about eight, and the last. */
static void draw_line_marks(plot_drawing *on, const plot_box *area, const plot_series *series)
{
    char hint[PLOT_TEXT_SIZE];
    size_t every = series->count <= 16 ? 1 : series->count / 8;
    for (size_t i = 0; i < series->count; i++) {
        const plot_point *point = &series->points[i];
        bool is_last = point == plot_line_end(series);
        if (plot_point_is_drawn(point) && (i % every == 0 || is_last)) {
            make_hint(on->of, series, point, hint);
            double at[2] = {plot_place_x(on, area, point->x), plot_place_y(on, area, point->y)};
            plot_draw_mark(&on->out, series->role, at, is_last ? 1.0 : 0.75, hint);
        }
    }
}

/* ---- points, bars, cuts ------------------------------------------------------------------ */

static void draw_interval(plot_drawing *on, plot_role role, const double from[2],
                          const double to[2])
{
    svg_start(&on->out, "path");
    markup_raw(&on->out, " fill=\"none\"");
    svg_word(&on->out, "stroke", looks[role].colour);
    svg_number(&on->out, "stroke-width", role == PLOT_QUIET ? 1.0 : 1.6);
    markup_raw(&on->out, " stroke-opacity=\"0.6\"");
    svg_path_begin(&on->out);
    svg_path_step(&on->out, 'M', from[0], from[1]);
    svg_path_step(&on->out, 'L', to[0], to[1]);
    svg_path_end(&on->out);
    svg_close_empty(&on->out);
}

static void draw_points(plot_drawing *on, const plot_box *area, const plot_series *series)
{
    char hint[PLOT_TEXT_SIZE];
    for (size_t i = 0; i < series->count; i++) {
        const plot_point *point = &series->points[i];
        if (!plot_point_is_drawn(point)) {
            continue;
        }
        double x = plot_place_x(on, area, point->x);
        double y = plot_place_y(on, area, point->y);
        if (plot_is_drawable(point->x_low) && plot_is_drawable(point->x_high)) {
            draw_interval(on, series->role, (double[]){plot_place_x(on, area, point->x_low), y},
                          (double[]){plot_place_x(on, area, point->x_high), y});
        }
        if (plot_is_drawable(point->y_low) && plot_is_drawable(point->y_high)) {
            draw_interval(on, series->role, (double[]){x, plot_place_y(on, area, point->y_low)},
                          (double[]){x, plot_place_y(on, area, point->y_high)});
        }
        make_hint(on->of, series, point, hint);
        plot_draw_mark(&on->out, series->role, (double[]){x, y}, 1.0, hint);
    }
}

static void draw_bars(plot_drawing *on, const plot_box *area, const plot_series *series)
{
    char hint[PLOT_TEXT_SIZE];
    for (size_t i = 0; i < series->count; i++) {
        const plot_point *point = &series->points[i];
        if (!plot_is_drawable(point->x_low) || !plot_is_drawable(point->x_high) ||
            !plot_is_drawable(point->y)) {
            continue;
        }
        double left = plot_place_x(on, area, point->x_low);
        double right = plot_place_x(on, area, point->x_high);
        double top = plot_place_y(on, area, point->y);
        double bottom = plot_place_y(on, area, 0.0);
        svg_start(&on->out, "rect");
        svg_number(&on->out, "x", fmin(left, right) + 0.5);
        svg_number(&on->out, "y", fmin(top, bottom));
        svg_number(&on->out, "width", fmax(0.5, fabs(right - left) - 1.0));
        svg_number(&on->out, "height", fabs(bottom - top));
        plot_fill(&on->out, series->role, series->role == PLOT_QUIET ? 0.32 : 0.75);
        svg_close_start(&on->out);
        make_hint(on->of, series, point, hint);
        svg_element(&on->out, "title", hint);
        svg_end(&on->out, "rect");
    }
}

/* `index` counts the cuts of the panel so far. */
static void draw_cuts(plot_drawing *on, const plot_box *area, const plot_series *series,
                      const size_t *levels, size_t *index)
{
    for (size_t i = 0; i < series->count; i++) {
        const plot_point *point = &series->points[i];
        if (!plot_is_drawable(point->x)) {
            continue;
        }
        plot_box label = plot_cut_box(on, area, point, levels[(*index)++]);
        double x = plot_place_x(on, area, point->x);
        svg_start(&on->out, "path");
        plot_stroke(&on->out, series->role, 1.8);
        svg_path_begin(&on->out);
        svg_path_step(&on->out, 'M', x, label.bottom);
        svg_path_step(&on->out, 'L', x, area->bottom);
        svg_path_end(&on->out);
        svg_close_empty(&on->out);
        if (point->name != NULL) {
            plot_write(&on->out, &(plot_words){.text = point->name,
                                               .anchor = "middle",
                                               .x = (label.left + label.right) / 2.0,
                                               .y = label.bottom - 4.0,
                                               .size = PLOT_TEXT,
                                               .most = label.right - label.left});
        }
    }
}

/* ---- a panel ----------------------------------------------------------------------------- */

static void draw_all_cuts(plot_drawing *on, size_t panel, const plot_box *area)
{
    const plot_panel *of = &on->of->panels[panel];
    size_t *levels = NULL;
    size_t index = 0;
    size_t count = plot_cut_levels(on, panel, NULL);
    if (count == 0 || on->out.status != SPUR_OK) {
        return;
    }
    on->out.status = memory_new(count, sizeof *levels, &levels, on->out.error);
    if (on->out.status == SPUR_OK) {
        (void)plot_cut_levels(on, panel, levels);
        for (size_t s = 0; s < of->count; s++) {
            if (of->series[s].mark == PLOT_CUT) {
                draw_cuts(on, area, &of->series[s], levels, &index);
            }
        }
    }
    memory_free(levels);
}

void plot_draw_series(plot_drawing *on, size_t panel)
{
    const plot_panel *of = &on->of->panels[panel];
    plot_box area = plot_area(on, panel);
    for (size_t s = 0; s < of->count; s++) {
        if (of->series[s].mark == PLOT_BARS) {
            draw_bars(on, &area, &of->series[s]);
        } else if (of->series[s].mark == PLOT_LINE) {
            draw_band(on, &area, &of->series[s]);
        }
    }
    for (size_t s = 0; s < of->count; s++) {
        draw_mean(on, &area, &of->series[s]);
    }
    draw_all_cuts(on, panel, &area);
    for (size_t s = 0; s < of->count; s++) {
        if (plot_is_line(&of->series[s])) {
            draw_line(on, &area, &of->series[s]);
        }
    }
    for (size_t s = 0; s < of->count; s++) {
        if (of->series[s].mark == PLOT_LINE) {
            draw_line_marks(on, &area, &of->series[s]);
        } else if (of->series[s].mark == PLOT_POINTS) {
            draw_points(on, &area, &of->series[s]);
        }
    }
}
