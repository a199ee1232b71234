/*
 * plot_names.c - the names of series and points: at lines' ends, beside marks, or in a legend.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/plot_drawing.h"

/* ---- texts ------------------------------------------------------------------------------- */

void plot_write(markup *into, const plot_words *words)
{
    char shown[PLOT_TEXT_SIZE];
    bool is_cut = plot_text_fit(words->text, words->size, words->most, shown, sizeof shown);
    svg_start(into, "text");
    svg_number(into, "x", words->x);
    svg_number(into, "y", words->y);
    if (words->size != PLOT_TEXT) {
        svg_number(into, "font-size", words->size);
    }
    if (words->anchor != NULL && strcmp(words->anchor, "start") != 0) {
        svg_word(into, "text-anchor", words->anchor);
    }
    markup_raw(into, words->is_bold ? " font-weight=\"700\"" : "");
    markup_raw(into, words->is_faint ? " fill-opacity=\"0.78\"" : "");
    svg_close_start(into);
    if (is_cut) {
        svg_element(into, "title", words->text);
    }
    markup_text(into, shown);
    svg_end(into, "text");
}

double plot_write_lines(markup *into, const plot_words *words, double line_height,
                        bool is_drawn)
{
    const char *rest = words->text;
    /* Widths are generous, but bold letters are wider: a line of others may be a little longer
     * than they say. */
    double room = words->most * (words->is_bold ? 0.95 : 1.12);
    plot_words line = *words;
    line.most = room + 1.0;
    double height = 0.0;
    while (*rest != '\0' && height < 40.0 * line_height) {
        char text[PLOT_TEXT_SIZE];
        size_t length = plot_text_break(rest, words->size, room);
        size_t kept = length < sizeof text - 1 ? length : sizeof text - 1;
        memcpy(text, rest, kept);
        text[kept] = '\0';
        line.text = text;
        line.y = words->y + height;
        if (is_drawn) {
            plot_write(into, &line);
        }
        height += line_height;
        rest += length;
        rest += strspn(rest, " ");
    }
    return height;
}

/* ---- lines' ends ------------------------------------------------------------------------- */

typedef struct end_label {
    const plot_series *series;
    double x, y; /* the line's end */
} end_label;

static void draw_end_label(plot_drawing *on, const plot_box *area, const end_label *label,
                           double place)
{
    double x = area->right + 13.0;
    svg_start(&on->out, "path");
    markup_raw(&on->out, " fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.35\"");
    svg_path_begin(&on->out);
    svg_path_step(&on->out, 'M', label->x + 5.0, label->y);
    svg_path_step(&on->out, 'L', x - (label->series->mark == PLOT_LINE ? 6.0 : -5.0), place);
    svg_path_end(&on->out);
    svg_close_empty(&on->out);
    if (label->series->mark == PLOT_LINE) {
        plot_draw_mark(&on->out, label->series->role, (double[]){x, place}, 1.0, NULL);
    }
    double most = on->right - (x - area->right) - 9.0;
    char mean[PLOT_NUMBER_SIZE] = "";
    double name_width = plot_text_width(label->series->name, PLOT_TEXT);
    plot_words words = {.text = label->series->name,
                        .x = x + 9.0,
                        .y = place + 4.8,
                        .size = PLOT_TEXT,
                        .most = most};
    plot_write(&on->out, &words);
    if (on->has_end_means && isfinite(label->series->mean)) {
        plot_number_text(label->series->mean, on->of->y.form, mean);
        words.x = area->right + on->right;
        words.anchor = "end";
        words.text = mean;
        words.most = most - name_width;
        words.is_faint = true;
        plot_write(&on->out, &words);
    }
}

static spur_status draw_end_labels(plot_drawing *on, size_t panel, spur_error *error)
{
    spur_status status;
    const plot_panel *of = &on->of->panels[panel];
    plot_box area = plot_area(on, panel);
    end_label *labels = NULL;
    double *places = NULL;
    bool fits;
    size_t count = 0;
    TRY(memory_new(of->count, sizeof *labels, &labels, error));
    TRY(memory_new(of->count, sizeof *places, &places, error));
    for (size_t s = 0; s < of->count; s++) {
        if (plot_has_end_label(&of->series[s])) {
            const plot_point *end = plot_line_end(&of->series[s]);
            labels[count] = (end_label){&of->series[s], plot_place_x(on, &area, end->x),
                                        plot_place_y(on, &area, end->y)};
            places[count] = labels[count].y;
            count++;
        }
    }
    double half = PLOT_LINE_HEIGHT / 2.0;
    TRY(plot_spread(places, count, PLOT_LINE_HEIGHT, area.top + half - 1.0,
                    area.bottom - half + 1.0, &fits, error));
    for (size_t i = 0; i < count && fits; i++) {
        draw_end_label(on, &area, &labels[i], places[i]);
    }
done:
    memory_free(labels);
    memory_free(places);
    return status;
}

/* ---- names beside marks ------------------------------------------------------------------ */

static spur_status take_rectangle(plot_taken *taken, const double from[2], const double to[2],
                                  double around, spur_error *error)
{
    plot_box box = {fmin(from[0], to[0]) - around, fmin(from[1], to[1]) - around,
                    fmax(from[0], to[0]) + around, fmax(from[1], to[1]) + around};
    return plot_take(taken, &box, error);
}

/* A mark and its intervals. */
static spur_status take_point(const plot_drawing *on, const plot_box *area,
                              const plot_point *point, plot_taken *taken, spur_error *error)
{
    spur_status status;
    double x = plot_place_x(on, area, point->x);
    double y = plot_place_y(on, area, point->y);
    double at[2] = {x, y};
    TRY(take_rectangle(taken, at, at, PLOT_RADIUS, error));
    if (plot_is_drawable(point->x_low) && plot_is_drawable(point->x_high)) {
        double from[2] = {plot_place_x(on, area, point->x_low), y};
        double to[2] = {plot_place_x(on, area, point->x_high), y};
        TRY(take_rectangle(taken, from, to, 1.0, error));
    }
    if (plot_is_drawable(point->y_low) && plot_is_drawable(point->y_high)) {
        double from[2] = {x, plot_place_y(on, area, point->y_low)};
        double to[2] = {x, plot_place_y(on, area, point->y_high)};
        TRY(take_rectangle(taken, from, to, 1.0, error));
    }
done:
    return status;
}

/* A piece of a line, as small boxes along it. */
static spur_status take_piece(const plot_drawing *on, const plot_box *area,
                              const plot_point piece[2], plot_taken *taken, spur_error *error)
{
    enum {
        STEPS = 48
    };
    spur_status status = SPUR_OK;
    if (!plot_point_is_drawn(&piece[0]) || !plot_point_is_drawn(&piece[1])) {
        goto done;
    }
    double x[2] = {plot_place_x(on, area, piece[0].x), plot_place_x(on, area, piece[1].x)};
    double y[2] = {plot_place_y(on, area, piece[0].y), plot_place_y(on, area, piece[1].y)};
    for (size_t i = 0; i < STEPS; i++) {
        double from = (double)i / STEPS;
        double to = (double)(i + 1) / STEPS;
        TRY(take_rectangle(
            taken, (double[]){x[0] + from * (x[1] - x[0]), y[0] + from * (y[1] - y[0])},
            (double[]){x[0] + to * (x[1] - x[0]), y[0] + to * (y[1] - y[0])}, 0.5, error));
    }
done:
    return status;
}

static spur_status take_series(const plot_drawing *on, const plot_box *area,
                               const plot_series *series, plot_taken *taken, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < series->count; i++) {
        if (series->mark == PLOT_POINTS && plot_point_is_drawn(&series->points[i])) {
            TRY(take_point(on, area, &series->points[i], taken, error));
        } else if (series->mark == PLOT_RULE && i > 0) {
            TRY(take_piece(on, area, &series->points[i - 1], taken, error));
        }
    }
done:
    return status;
}

/* From a mark to the nearest point of its name's box. */
static void draw_leader(plot_drawing *on, double x, double y, const plot_box *box)
{
    double to[2] = {fmin(fmax(x, box->left), box->right), fmin(fmax(y, box->top), box->bottom)};
    svg_start(&on->out, "path");
    markup_raw(&on->out, " fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.45\"");
    svg_path_begin(&on->out);
    svg_path_step(&on->out, 'M', x, y);
    svg_path_step(&on->out, 'L', to[0], to[1]);
    svg_path_end(&on->out);
    svg_close_empty(&on->out);
}

static spur_status name_point(plot_drawing *on, const plot_box *area, const plot_point *point,
                              plot_taken *taken, spur_error *error)
{
    spur_status status;
    plot_box box;
    bool found;
    bool is_far;
    double most = (area->right - area->left) * 0.6;
    plot_label label = {plot_place_x(on, area, point->x), plot_place_y(on, area, point->y),
                        PLOT_RADIUS, fmin(most, plot_text_width(point->name, PLOT_TEXT)),
                        PLOT_TEXT + 1.0};
    TRY(plot_place(taken, area, &label, &box, &found, &is_far, error));
    if (!found) {
        on->left_out++;
        goto done;
    }
    if (is_far) {
        draw_leader(on, label.x, label.y, &box);
    }
    plot_write(&on->out, &(plot_words){.text = point->name,
                                       .x = box.left,
                                       .y = box.bottom - 3.5,
                                       .size = PLOT_TEXT,
                                       .most = label.width + 0.01});
done:
    return status;
}

static spur_status draw_point_names(plot_drawing *on, size_t panel, spur_error *error)
{
    spur_status status = SPUR_OK;
    const plot_panel *of = &on->of->panels[panel];
    plot_box area = plot_area(on, panel);
    plot_taken taken = {0};
    for (size_t s = 0; s < of->count; s++) {
        TRY(take_series(on, &area, &of->series[s], &taken, error));
    }
    for (size_t s = 0; s < of->count; s++) {
        for (size_t i = 0; of->series[s].mark == PLOT_POINTS && i < of->series[s].count; i++) {
            const plot_point *point = &of->series[s].points[i];
            if (point->is_named_inside && point->name != NULL && plot_point_is_drawn(point)) {
                TRY(name_point(on, &area, point, &taken, error));
            }
        }
    }
done:
    plot_taken_free(&taken);
    return status;
}

spur_status plot_draw_labels(plot_drawing *on, size_t panel, spur_error *error)
{
    spur_status status;
    TRY(on->has_end_labels ? draw_end_labels(on, panel, error) : SPUR_OK);
    TRY(draw_point_names(on, panel, error));
done:
    return status;
}

/* ---- legend ------------------------------------------------------------------------------ */

static bool is_in_legend(const plot_drawing *on, const plot_series *series)
{
    if (!plot_has_label(series) || series->mark == PLOT_CUT) {
        return false;
    }
    return !plot_is_line(series) || (!on->has_end_labels && plot_has_end_label(series));
}

/* True when an earlier series has the same name and look. */
static bool is_repeated(const plot_drawing *on, size_t panel, size_t index)
{
    const plot_series *series = &on->of->panels[panel].series[index];
    for (size_t p = 0; p <= panel; p++) {
        size_t count = p == panel ? index : on->of->panels[p].count;
        for (size_t s = 0; s < count; s++) {
            const plot_series *other = &on->of->panels[p].series[s];
            if (is_in_legend(on, other) && other->role == series->role &&
                strcmp(other->name, series->name) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool plot_needs_legend(const plot_drawing *on)
{
    size_t count = 0;
    for (size_t p = 0; p < on->of->panel_count; p++) {
        for (size_t s = 0; s < on->of->panels[p].count; s++) {
            if (is_in_legend(on, &on->of->panels[p].series[s]) && !is_repeated(on, p, s)) {
                count++;
            }
        }
    }
    return count > 1;
}

static void draw_entry(plot_drawing *on, const plot_series *series, double x, double y,
                       double most)
{
    if (series->mark == PLOT_BARS) {
        double box[4] = {x, y - 11.0, 14.0, 12.0};
        svg_start(&on->out, "rect");
        svg_number(&on->out, "x", box[0]);
        svg_number(&on->out, "y", box[1]);
        svg_number(&on->out, "width", box[2]);
        svg_number(&on->out, "height", box[3]);
        plot_fill(&on->out, series->role, series->role == PLOT_QUIET ? 0.32 : 0.75);
        svg_close_empty(&on->out);
    } else {
        if (plot_is_line(series)) {
            svg_start(&on->out, "path");
            plot_stroke(&on->out, series->role, 2.2);
            svg_path_begin(&on->out);
            svg_path_step(&on->out, 'M', x, y - 5.0);
            svg_path_step(&on->out, 'L', x + 26.0, y - 5.0);
            svg_path_end(&on->out);
            svg_close_empty(&on->out);
        }
        if (series->mark != PLOT_RULE) {
            double at[2] = {x + (plot_is_line(series) ? 13.0 : 7.0), y - 5.0};
            plot_draw_mark(&on->out, series->role, at, 1.0, NULL);
        }
    }
    double sample = plot_is_line(series) ? 32.0 : 20.0;
    plot_write(&on->out, &(plot_words){.text = series->name,
                                       .x = x + sample,
                                       .y = y,
                                       .size = PLOT_TEXT,
                                       .most = most - sample + 0.1});
}

double plot_legend(plot_drawing *on, double top, bool is_drawn)
{
    double x = 0.0;
    double y = top;
    double widest = on->width * (on->columns > 1 ? 0.5 : 1.0);
    for (size_t p = 0; p < on->of->panel_count; p++) {
        for (size_t s = 0; s < on->of->panels[p].count; s++) {
            const plot_series *series = &on->of->panels[p].series[s];
            if (!is_in_legend(on, series) || is_repeated(on, p, s)) {
                continue;
            }
            double sample = plot_is_line(series) ? 32.0 : 20.0;
            double width = fmin(widest, sample + plot_text_width(series->name, PLOT_TEXT));
            if (x > 0.0 && x + width > on->width) {
                x = 0.0;
                y += PLOT_LINE_HEIGHT + 2.0;
            }
            if (is_drawn) {
                draw_entry(on, series, x, y + 14.0, width);
            }
            x += width + 18.0;
        }
    }
    return y - top + PLOT_LINE_HEIGHT + 8.0;
}
