/*
 * plot_layout.c - how much room everything takes, before anything is drawn.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/plot_drawing.h"

static const double DEFAULT_WIDTH = 720.0;
static const double NARROWEST_PANEL = 300.0;
static const double PANEL_GAP = 18.0;
static const double ROW_HEIGHT = 24.0; /* of a named row */
static const double DEFAULT_HEIGHT = 250.0;
static const double END_SAMPLE = 24.0; /* connector and mark before a line's name */

/* ---- points ------------------------------------------------------------------------------ */

plot_point plot_at(double x, double y)
{
    double none = (double)NAN;
    return (plot_point){x, y, none, none, none, none, NULL, false};
}

plot_series plot_series_make(const char *name, plot_role role, plot_mark mark,
                             const plot_point *points, size_t count)
{
    return (plot_series){.name = name,
                         .role = role,
                         .mark = mark,
                         .points = points,
                         .count = count,
                         .mean = (double)NAN};
}

bool plot_has_label(const plot_series *series)
{
    return series->name != NULL && !series->is_unlabelled;
}

bool plot_point_is_drawn(const plot_point *point)
{
    return plot_is_drawable(point->x) && plot_is_drawable(point->y);
}

bool plot_is_line(const plot_series *series)
{
    return series->mark == PLOT_LINE || series->mark == PLOT_RULE;
}

const plot_point *plot_line_end(const plot_series *series)
{
    for (size_t i = series->count; i > 0; i--) {
        if (plot_point_is_drawn(&series->points[i - 1])) {
            return &series->points[i - 1];
        }
    }
    return NULL;
}

bool plot_has_end_label(const plot_series *series)
{
    return plot_is_line(series) && plot_has_label(series) && plot_line_end(series) != NULL;
}

/* ---- ranges ------------------------------------------------------------------------------ */

typedef struct range {
    double low, high;
} range;

static void include(range *in, double value)
{
    if (plot_is_drawable(value)) {
        in->low = fmin(in->low, value);
        in->high = fmax(in->high, value);
    }
}

static void include_point(range *x, range *y, const plot_series *series,
                          const plot_point *point)
{
    bool has_place = series->mark == PLOT_CUT ? plot_is_drawable(point->x)
                     : series->mark == PLOT_BARS
                         ? plot_is_drawable(point->x_low) && plot_is_drawable(point->x_high)
                         : plot_point_is_drawn(point);
    if (!has_place) {
        return;
    }
    include(x, point->x);
    include(x, point->x_low);
    include(x, point->x_high);
    if (series->mark != PLOT_CUT) {
        include(y, point->y);
        include(y, point->y_low);
        include(y, point->y_high);
    }
    include(y, series->mark == PLOT_BARS ? 0.0 : (double)NAN);
}

static void find_ranges(const plot *of, range *x, range *y, bool *has_points)
{
    *x = *y = (range){HUGE_VAL, -HUGE_VAL};
    *has_points = false;
    for (size_t p = 0; p < of->panel_count; p++) {
        for (size_t s = 0; s < of->panels[p].count; s++) {
            const plot_series *series = &of->panels[p].series[s];
            *has_points = *has_points || series->mark == PLOT_POINTS;
            include(y, series->mean);
            for (size_t i = 0; i < series->count; i++) {
                include_point(x, y, series, &series->points[i]);
            }
        }
    }
    for (size_t i = 0; i < 2; i++) {
        include(x, of->x.include[i]);
        include(y, of->y.include[i]);
    }
    *x = x->low > x->high ? (range){0.0, 1.0} : *x;
    *y = y->low > y->high ? (range){0.0, 1.0} : *y;
}

static plot_scale names_scale(const plot_axis *axis, bool is_wide)
{
    double beyond = is_wide ? 0.5 : 0.3;
    return (plot_scale){.low = -beyond,
                        .high = (double)axis->name_count - 1.0 + beyond,
                        .last = (int64_t)axis->name_count - 1,
                        .mantissa = 1};
}

static plot_scale y_scale(const plot_axis *axis, range of, double room)
{
    if (axis->name_count > 0) {
        return names_scale(axis, true);
    }
    size_t most = (size_t)fmax(3.0, fmin(12.0, room / 30.0));
    return plot_scale_make(of.low, of.high, most, true, axis->form);
}

static double widest_tick(const plot_scale *scale, plot_form form)
{
    double widest = 0.0;
    char text[PLOT_NUMBER_SIZE];
    for (int64_t t = scale->first; t <= scale->last; t++) {
        plot_tick_text(scale, t, form, t == scale->last, text);
        widest = fmax(widest, plot_text_width(text, PLOT_TEXT));
    }
    return widest;
}

/* As many ticks as their texts leave room for. */
static plot_scale x_scale(const plot_axis *axis, range of, double room, bool is_wide)
{
    if (axis->name_count > 0) {
        return names_scale(axis, is_wide);
    }
    size_t most = (size_t)fmax(2.0, fmin(12.0, room / 40.0));
    plot_scale made = plot_scale_make(of.low, of.high, most, is_wide, axis->form);
    while (most > 2) {
        double step = plot_tick_value(&made, 1) / (made.high - made.low) * room;
        if (step >= widest_tick(&made, axis->form) + 8.0) {
            break;
        }
        most--;
        made = plot_scale_make(of.low, of.high, most, is_wide, axis->form);
    }
    return made;
}

/* ---- room beside the areas --------------------------------------------------------------- */

static double widest_y_tick(const plot_drawing *on)
{
    double widest = 0.0;
    if (on->of->y.name_count == 0) {
        return widest_tick(&on->y, on->of->y.form);
    }
    for (size_t i = 0; i < on->of->y.name_count; i++) {
        widest = fmax(widest, plot_text_width(on->of->y.names[i], PLOT_TEXT));
    }
    return widest;
}

/* The widest name at a line's end, with or without the mean behind it. */
static double widest_end_label(const plot_drawing *on, bool with_means)
{
    double widest = 0.0;
    for (size_t p = 0; p < on->of->panel_count; p++) {
        for (size_t s = 0; s < on->of->panels[p].count; s++) {
            const plot_series *series = &on->of->panels[p].series[s];
            if (!plot_has_end_label(series)) {
                continue;
            }
            double width = plot_text_width(series->name, PLOT_TEXT);
            if (with_means && isfinite(series->mean)) {
                char mean[PLOT_NUMBER_SIZE];
                plot_number_text(series->mean, on->of->y.form, mean);
                width += plot_text_width(mean, PLOT_TEXT) + 7.0;
            }
            widest = fmax(widest, width);
        }
    }
    return widest;
}

static size_t most_end_labels(const plot *of)
{
    size_t most = 0;
    for (size_t p = 0; p < of->panel_count; p++) {
        size_t count = 0;
        for (size_t s = 0; s < of->panels[p].count; s++) {
            count += plot_has_end_label(&of->panels[p].series[s]) ? 1 : 0;
        }
        most = count > most ? count : most;
    }
    return most;
}

static void lay_out_columns(plot_drawing *on)
{
    const plot *of = on->of;
    size_t wanted = of->columns == 0 ? 1 : of->columns;
    size_t possible = (size_t)fmax(1.0, floor(on->width / NARROWEST_PANEL));
    on->columns = wanted < possible ? wanted : possible;
    on->columns =
        of->panel_count > 0 && on->columns > of->panel_count ? of->panel_count : on->columns;
    on->rows = (of->panel_count + on->columns - 1) / on->columns;
    on->pitch_x = (on->width + PANEL_GAP) / (double)on->columns;
}

static void lay_out_sides(plot_drawing *on)
{
    double panel = on->pitch_x - PANEL_GAP;
    bool is_named = on->of->y.name_count > 0;
    on->left = fmin(widest_y_tick(on) + 10.0, panel * (is_named ? 0.42 : 0.25));
    on->has_end_labels = (double)most_end_labels(on->of) * PLOT_LINE_HEIGHT <= on->area_height;
    on->right = 12.0;
    on->has_end_means = false;
    if (on->has_end_labels && most_end_labels(on->of) > 0) {
        double with = widest_end_label(on, true) + END_SAMPLE;
        double without = widest_end_label(on, false) + END_SAMPLE;
        on->has_end_means = with <= panel * 0.34;
        on->right = on->has_end_means ? with : fmin(without, panel * 0.38);
    }
    on->area_width = fmax(40.0, panel - on->left - on->right);
}

/* ---- cuts -------------------------------------------------------------------------------- */

plot_box plot_cut_box(const plot_drawing *on, const plot_box *area, const plot_point *cut,
                      size_t level)
{
    double most = area->right - area->left;
    double width =
        fmin(most, plot_text_width(cut->name == NULL ? "" : cut->name, PLOT_TEXT) + 6.0);
    double middle = plot_place_x(on, area, cut->x);
    double left = fmax(area->left, fmin(middle - width / 2.0, area->right - width));
    double bottom = area->top - 4.0 - (double)level * PLOT_LINE_HEIGHT;
    return (plot_box){left, bottom - PLOT_LINE_HEIGHT, left + width, bottom};
}

static bool is_cut(const plot_series *series, size_t point)
{
    return series->mark == PLOT_CUT && plot_is_drawable(series->points[point].x);
}

/* The lowest level on which no earlier cut's label overlaps this one. */
static size_t free_level(const plot_drawing *on, const plot_panel *panel, size_t last_series,
                         size_t last_point, const size_t *levels)
{
    const plot_box area = plot_area(on, 0);
    const plot_point *cut = &panel->series[last_series].points[last_point];
    size_t level = 0;
    size_t seen = 0;
    for (size_t s = 0; s <= last_series; s++) {
        size_t count = s == last_series ? last_point : panel->series[s].count;
        for (size_t i = 0; i < count; i++) {
            if (!is_cut(&panel->series[s], i)) {
                continue;
            }
            plot_box own = plot_cut_box(on, &area, cut, 0);
            plot_box other = plot_cut_box(on, &area, &panel->series[s].points[i], 0);
            if (plot_boxes_overlap(&own, &other) && levels[seen] >= level) {
                level = levels[seen] + 1;
            }
            seen++;
        }
    }
    return level;
}

size_t plot_cut_levels(const plot_drawing *on, size_t panel, size_t *levels)
{
    const plot_panel *of = &on->of->panels[panel];
    size_t count = 0;
    for (size_t s = 0; s < of->count; s++) {
        for (size_t i = 0; i < of->series[s].count; i++) {
            if (is_cut(&of->series[s], i)) {
                if (levels != NULL) {
                    levels[count] = free_level(on, of, s, i, levels);
                }
                count++;
            }
        }
    }
    return count;
}

static spur_status lay_out_cuts(plot_drawing *on, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t *levels = NULL;
    on->cut_levels = 0;
    for (size_t p = 0; p < on->of->panel_count; p++) {
        size_t count = plot_cut_levels(on, p, NULL);
        TRY(memory_new(count, sizeof *levels, &levels, error));
        (void)plot_cut_levels(on, p, levels);
        for (size_t i = 0; i < count; i++) {
            on->cut_levels = levels[i] + 1 > on->cut_levels ? levels[i] + 1 : on->cut_levels;
        }
        memory_free(levels);
        levels = NULL;
    }
done:
    memory_free(levels);
    return status;
}

/* ---- all together ------------------------------------------------------------------------ */

static void lay_out_height(plot_drawing *on)
{
    const plot *of = on->of;
    on->area_height = of->height > 0.0       ? of->height
                      : of->y.name_count > 0 ? (double)of->y.name_count * ROW_HEIGHT
                      : of->panel_count > 2  ? 0.8 * DEFAULT_HEIGHT
                                             : DEFAULT_HEIGHT;
}

static void lay_out_rows(plot_drawing *on)
{
    on->above = (on->has_panel_titles ? 24.0 : 8.0) + (double)on->cut_levels * PLOT_LINE_HEIGHT;
    on->below = 24.0;
    on->pitch_y = on->above + on->area_height + on->below + 8.0;
    on->top = plot_heading(on, false);
    on->top += plot_needs_legend(on) ? plot_legend(on, 0.0, false) : 0.0;
    on->top += on->of->y.label != NULL ? PLOT_LINE_HEIGHT + 4.0 : 0.0;
    on->height = on->top + (double)on->rows * on->pitch_y +
                 (on->of->x.label != NULL ? PLOT_LINE_HEIGHT - 4.0 : 0.0);
}

spur_status plot_layout(plot_drawing *on, spur_error *error)
{
    spur_status status;
    range x, y;
    bool has_points;
    const plot *of = on->of;
    on->width = on->how->width > 0.0 ? on->how->width : DEFAULT_WIDTH;
    for (size_t p = 0; p < of->panel_count; p++) {
        on->has_panel_titles = on->has_panel_titles || of->panels[p].title != NULL;
    }
    find_ranges(of, &x, &y, &has_points);
    lay_out_columns(on);
    lay_out_height(on);
    on->y = y_scale(&of->y, y, on->area_height);
    lay_out_sides(on);
    on->x = x_scale(&of->x, x, on->area_width, has_points);
    TRY(lay_out_cuts(on, error));
    lay_out_rows(on);
done:
    return status;
}

double plot_panel_top(const plot_drawing *on, size_t panel)
{
    size_t row = panel / on->columns;
    return on->top + (double)row * on->pitch_y;
}

plot_box plot_area(const plot_drawing *on, size_t panel)
{
    double left = (double)(panel % on->columns) * on->pitch_x + on->left;
    double top = plot_panel_top(on, panel) + on->above;
    return (plot_box){left, top, left + on->area_width, top + on->area_height};
}

static double part_of(const plot_scale *scale, double value)
{
    return (value - scale->low) / (scale->high - scale->low);
}

double plot_place_x(const plot_drawing *on, const plot_box *area, double value)
{
    return area->left + part_of(&on->x, value) * on->area_width;
}

double plot_place_y(const plot_drawing *on, const plot_box *area, double value)
{
    double part = part_of(&on->y, value);
    return on->of->y.name_count > 0 ? area->top + part * on->area_height
                                    : area->bottom - part * on->area_height;
}
