/*
 * plot_svg.c - a figure as SVG: heading, axes and the order of drawing.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/plot_drawing.h"

/* ---- heading ----------------------------------------------------------------------------- */

double plot_heading(plot_drawing *on, bool is_drawn)
{
    if (!on->how->is_alone) {
        return 4.0;
    }
    plot_words title = {.text = on->of->title,
                        .y = 22.0,
                        .size = PLOT_TITLE,
                        .most = on->width,
                        .is_bold = true};
    double height = plot_write_lines(&on->out, &title, 24.0, is_drawn) + 4.0;
    plot_words finding = {.text = on->of->finding,
                          .y = height + 14.0,
                          .size = PLOT_TEXT + 1.0,
                          .most = on->width};
    return height + plot_write_lines(&on->out, &finding, 20.0, is_drawn) + 10.0;
}

/* ---- axes -------------------------------------------------------------------------------- */

static void draw_straight(plot_drawing *on, const double from[2], const double to[2],
                          double opacity)
{
    svg_start(&on->out, "path");
    markup_raw(&on->out, " fill=\"none\" stroke=\"currentColor\"");
    svg_number(&on->out, "stroke-opacity", opacity);
    svg_path_begin(&on->out);
    svg_path_step(&on->out, 'M', from[0], from[1]);
    svg_path_step(&on->out, 'L', to[0], to[1]);
    svg_path_end(&on->out);
    svg_close_empty(&on->out);
}

static const double FAINT = 0.14;  /* grid */
static const double STRONG = 0.75; /* axes, zero */

static void draw_y_tick(plot_drawing *on, const plot_box *area, int64_t tick, bool has_text)
{
    const plot_axis *axis = &on->of->y;
    char number[PLOT_NUMBER_SIZE];
    double value = axis->name_count > 0 ? (double)tick : plot_tick_value(&on->y, tick);
    double y = plot_place_y(on, area, value);
    bool is_zero = axis->name_count == 0 && tick == 0;
    draw_straight(on, (double[]){area->left, y}, (double[]){area->right, y},
                  is_zero ? STRONG : FAINT);
    plot_tick_text(&on->y, tick, axis->form, tick == on->y.last, number);
    if (has_text) {
        plot_write(&on->out,
                   &(plot_words){.text = axis->name_count > 0 ? axis->names[tick] : number,
                                 .anchor = "end",
                                 .x = area->left - 8.0,
                                 .y = y + 4.8,
                                 .size = PLOT_TEXT,
                                 .most = on->left - 8.0,
                                 .is_faint = axis->name_count == 0});
    }
}

/* Every how many names there is one, so that they do not touch. */
static int64_t names_step(const plot_drawing *on)
{
    if (on->of->x.name_count == 0) {
        return 1;
    }
    double slot = on->area_width / (double)on->of->x.name_count;
    return slot >= 24.0 ? 1 : (int64_t)ceil(24.0 / slot);
}

static void draw_x_tick(plot_drawing *on, const plot_box *area, int64_t tick, bool has_grid)
{
    const plot_axis *axis = &on->of->x;
    char number[PLOT_NUMBER_SIZE];
    double value = axis->name_count > 0 ? (double)tick : plot_tick_value(&on->x, tick);
    double x = plot_place_x(on, area, value);
    bool is_zero = axis->name_count == 0 && tick == 0 && has_grid;
    draw_straight(on, (double[]){x, has_grid ? area->top : area->bottom},
                  (double[]){x, area->bottom + 5.0},
                  is_zero    ? STRONG
                  : has_grid ? FAINT
                             : 0.5);
    plot_tick_text(&on->x, tick, axis->form, tick == on->x.last, number);
    double slot = axis->name_count > 0
                      ? on->area_width / (double)axis->name_count * (double)names_step(on) - 4.0
                      : on->area_width;
    plot_write(&on->out,
               &(plot_words){.text = axis->name_count > 0 ? axis->names[tick] : number,
                             .anchor = "middle",
                             .x = x,
                             .y = area->bottom + 19.0,
                             .size = PLOT_TEXT,
                             .most = slot,
                             .is_faint = axis->name_count == 0});
}

static bool has_points(const plot_panel *panel)
{
    for (size_t s = 0; s < panel->count; s++) {
        if (panel->series[s].mark == PLOT_POINTS) {
            return true;
        }
    }
    return false;
}

static void draw_axis_label(plot_drawing *on, size_t panel, const plot_box *area)
{
    bool is_lowest = panel + on->columns >= on->of->panel_count;
    if (on->of->x.label != NULL && is_lowest) {
        plot_write(&on->out, &(plot_words){.text = on->of->x.label,
                                           .anchor = "middle",
                                           .x = (area->left + area->right) / 2.0,
                                           .y = area->bottom + on->below + 15.0,
                                           .size = PLOT_TEXT,
                                           .most = on->pitch_x - 18.0});
    }
}

void plot_draw_axes(plot_drawing *on, size_t panel)
{
    const plot_panel *of = &on->of->panels[panel];
    plot_box area = plot_area(on, panel);
    bool is_numbered = on->of->y.name_count == 0;
    if (of->title != NULL) {
        plot_write(&on->out, &(plot_words){.text = of->title,
                                           .x = area.left - (on->columns > 1 ? 0.0 : on->left),
                                           .y = plot_panel_top(on, panel) + 13.0,
                                           .size = PLOT_TEXT,
                                           .most = on->pitch_x - 18.0 - on->left,
                                           .is_bold = true});
    }
    bool has_grid = !is_numbered || has_points(of);
    for (int64_t t = on->x.first; t <= on->x.last; t += names_step(on)) {
        draw_x_tick(on, &area, t, has_grid && on->of->x.name_count == 0);
    }
    for (int64_t t = on->y.first; t <= on->y.last; t++) {
        draw_y_tick(on, &area, t, true);
    }
    if (is_numbered) {
        draw_straight(on, (double[]){area.left, area.bottom},
                      (double[]){area.right, area.bottom}, STRONG);
    }
    draw_axis_label(on, panel, &area);
}

/* ---- all together ------------------------------------------------------------------------ */

static const char STYLE[] =
    "<style>.drawing{color:#1b1f23}.paper{fill:#fff}"
    "@media (prefers-color-scheme:dark){.drawing{color:#e8eaed}.paper{fill:#14181c}}"
    "@media print{.drawing{color:#000}.paper{fill:#fff}}</style>";

static void add_name(plot_drawing *on, const char *end, char *dst, size_t capacity)
{
    (void)snprintf(dst, capacity, "%s%s-%s", on->of->id,
                   on->how->id_suffix == NULL ? "" : on->how->id_suffix, end);
}

static void open_picture(plot_drawing *on)
{
    char title[PLOT_TEXT_SIZE];
    char finding[PLOT_TEXT_SIZE];
    char both[2 * PLOT_TEXT_SIZE];
    markup *out = &on->out;
    double margin = on->how->is_alone ? 16.0 : 0.0;
    add_name(on, "title", title, sizeof title);
    add_name(on, "finding", finding, sizeof finding);
    (void)snprintf(both, sizeof both, "%s %s", title, finding);
    svg_start(out, "svg");
    markup_raw(out, " xmlns=\"http://www.w3.org/2000/svg\" class=\"drawing\" role=\"img\"");
    svg_word(out, "aria-labelledby", both);
    double box[4] = {-margin, -margin, on->width + 2.0 * margin, on->height + 2.0 * margin};
    svg_numbers(out, "viewBox", box, 4);
    if (on->how->is_alone) {
        svg_number(out, "width", box[2]);
        svg_number(out, "height", box[3]);
        markup_raw(out, " color=\"#1b1f23\"");
    } else {
        markup_raw(out, " width=\"100%\"");
    }
    markup_raw(out,
               " fill=\"currentColor\" font-size=\"14\" font-family=\"system-ui, -apple-system,"
               " 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\"");
    svg_close_start(out);
    svg_start(out, "title");
    svg_word(out, "id", title);
    svg_close_start(out);
    markup_text(out, on->of->title);
    svg_end(out, "title");
    svg_start(out, "desc");
    svg_word(out, "id", finding);
    svg_close_start(out);
    markup_text(out, on->of->finding);
    svg_end(out, "desc");
    if (on->how->is_alone) {
        markup_raw(out, STYLE);
        svg_start(out, "rect");
        markup_raw(out, " class=\"paper\" fill=\"#fff\"");
        svg_number(out, "x", box[0]);
        svg_number(out, "y", box[1]);
        svg_number(out, "width", box[2]);
        svg_number(out, "height", box[3]);
        svg_close_empty(out);
    }
}

static bool is_drawn(const plot_series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        const plot_point *point = &series->points[i];
        if (plot_point_is_drawn(point) ||
            (series->mark == PLOT_CUT && plot_is_drawable(point->x)) ||
            (series->mark == PLOT_BARS && plot_is_drawable(point->x_low))) {
            return true;
        }
    }
    return plot_is_drawable(series->mean);
}

static void draw_if_empty(plot_drawing *on, size_t panel)
{
    plot_box area = plot_area(on, panel);
    for (size_t s = 0; s < on->of->panels[panel].count; s++) {
        if (is_drawn(&on->of->panels[panel].series[s])) {
            return;
        }
    }
    plot_write(&on->out, &(plot_words){.text = "no data",
                                       .anchor = "middle",
                                       .x = (area.left + area.right) / 2.0,
                                       .y = (area.top + area.bottom) / 2.0,
                                       .size = PLOT_TEXT,
                                       .most = on->area_width,
                                       .is_faint = true});
}

static void draw_frame(plot_drawing *on)
{
    double top = plot_heading(on, on->how->is_alone);
    if (plot_needs_legend(on)) {
        (void)plot_legend(on, top, true);
    }
    if (on->of->y.label != NULL) {
        plot_write(&on->out, &(plot_words){.text = on->of->y.label,
                                           .y = on->top - 6.0,
                                           .size = PLOT_TEXT,
                                           .most = on->width});
    }
}

/* Names that found no place are counted, and the picture says so below. */
static void draw_note(plot_drawing *on)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%zu names that would overlap are in the table only.",
                   on->left_out);
    plot_write(&on->out, &(plot_words){.text = text,
                                       .y = on->height - 6.0,
                                       .size = PLOT_TEXT,
                                       .most = on->width,
                                       .is_faint = true});
}

static spur_status draw(plot_drawing *on, spur_error *error)
{
    spur_status status = SPUR_OK;
    open_picture(on);
    draw_frame(on);
    for (size_t p = 0; p < on->of->panel_count; p++) {
        markup_raw(&on->out, "\n<g>");
        plot_draw_axes(on, p);
        plot_draw_series(on, p);
        TRY(plot_draw_labels(on, p, error));
        draw_if_empty(on, p);
        markup_raw(&on->out, "</g>");
    }
    if (on->left_out > 0) {
        draw_note(on);
    }
    markup_raw(&on->out, "\n</svg>\n");
    TRY(markup_status(&on->out));
done:
    return status;
}

spur_status plot_svg(const plot *of, const plot_picture *how, text_buffer *out,
                     spur_error *error)
{
    spur_status status;
    static const plot_picture plain = {0};
    plot_drawing on = {.of = of, .how = how == NULL ? &plain : how, .out.error = error};
    TRY(plot_layout(&on, error));
    TRY(draw(&on, error));
    if (on.left_out > 0) { /* once more, with room for the note */
        double height = on.height + PLOT_LINE_HEIGHT;
        markup_free(&on.out);
        on.out = (markup){.error = error};
        on.left_out = 0;
        on.height = height;
        TRY(draw(&on, error));
    }
    TRY(text_add(out, on.out.text.data, on.out.text.length, error));
done:
    markup_free(&on.out);
    return status;
}
