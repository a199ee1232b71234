/*
 * plot_data.c - a figure's numbers: as CSV, and as the table beside the picture.
 *
 * Columns: panel, series, name, then those of x, x_low, x_high, y, y_low, y_high that hold any
 * number, under the axes' keys. A series' mean is a row named "mean".
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/csv.h"
#include "report/plot.h"
#include "report/svg.h"

enum {
    VALUES = 6,
    KEY_SIZE = 128
};

typedef struct columns {
    const plot *of;
    bool has_panels, has_names, has[VALUES];
} columns;

typedef struct data_row {
    const char *panel, *series, *name;
    double values[VALUES]; /* x, x_low, x_high, y, y_low, y_high */
} data_row;

typedef spur_status (*row_visit)(void *context, const data_row *row, spur_error *error);

static data_row row_of(const plot_panel *panel, const plot_series *series,
                       const plot_point *point)
{
    return (data_row){
        panel->title,
        series->name,
        point->name,
        {point->x, point->x_low, point->x_high, point->y, point->y_low, point->y_high}};
}

static spur_status each_row(const plot *of, row_visit visit, void *context, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t p = 0; p < of->panel_count; p++) {
        const plot_panel *panel = &of->panels[p];
        for (size_t s = 0; s < panel->count; s++) {
            const plot_series *series = &panel->series[s];
            for (size_t i = 0; i < series->count; i++) {
                data_row row = row_of(panel, series, &series->points[i]);
                TRY(visit(context, &row, error));
            }
            if (isfinite(series->mean)) {
                plot_point mean = plot_at((double)NAN, series->mean);
                mean.name = "mean";
                data_row row = row_of(panel, series, &mean);
                TRY(visit(context, &row, error));
            }
        }
    }
done:
    return status;
}

static spur_status look_at_row(void *context, const data_row *row, spur_error *error)
{
    columns *in = context;
    (void)error;
    in->has_panels = in->has_panels || row->panel != NULL;
    in->has_names = in->has_names || row->name != NULL;
    for (size_t i = 0; i < VALUES; i++) {
        in->has[i] = in->has[i] || isfinite(row->values[i]);
    }
    return SPUR_OK;
}

static const plot_axis *axis_of(const plot *of, size_t value)
{
    return value < VALUES / 2 ? &of->x : &of->y;
}

static void key_of(const plot *of, size_t value, char dst[KEY_SIZE])
{
    static const char *const ends[] = {"", "_low", "_high"};
    (void)snprintf(dst, KEY_SIZE, "%s%s", axis_of(of, value)->key, ends[value % 3]);
}

/* The name that stands at a value of an axis with names; NULL elsewhere. */
static const char *name_at(const plot *of, size_t value, double number)
{
    const plot_axis *axis = axis_of(of, value);
    bool is_place = value % 3 == 0 && number > -0.5 && number < (double)axis->name_count - 0.5;
    return axis->name_count > 0 && is_place ? axis->names[(size_t)(number + 0.5)] : NULL;
}

static spur_status find_columns(const plot *of, columns *out, spur_error *error)
{
    spur_status status;
    *out = (columns){.of = of};
    TRY(each_row(of, look_at_row, out, error));
done:
    return status;
}

/* ---- CSV --------------------------------------------------------------------------------- */

typedef struct csv_writer {
    columns in;
    text_buffer *out;
} csv_writer;

/* A text that is not UTF-8 is escaped. */
static spur_status add_cell(text_buffer *out, bool is_first, const char *text,
                            spur_error *error)
{
    spur_status status;
    char *safe = NULL;
    size_t length = text == NULL ? 0 : strlen(text);
    if (text == NULL || text_is_utf8(text, length)) {
        return csv_add(out, is_first, text == NULL ? "" : text, false, error);
    }
    TRY(memory_new(4 * length + 1, 1, &safe, error));
    text_escape(text, length, safe, 4 * length + 1);
    TRY(csv_add(out, is_first, safe, false, error));
done:
    memory_free(safe);
    return status;
}

static spur_status add_csv_row(void *context, const data_row *row, spur_error *error)
{
    spur_status status;
    csv_writer *to = context;
    char number[TEXT_NUMBER_SIZE];
    if (to->in.has_panels) {
        TRY(add_cell(to->out, true, row->panel, error));
    }
    TRY(add_cell(to->out, !to->in.has_panels, row->series, error));
    if (to->in.has_names) {
        TRY(add_cell(to->out, false, row->name, error));
    }
    for (size_t i = 0; i < VALUES; i++) {
        if (to->in.has[i]) {
            const char *name = name_at(to->in.of, i, row->values[i]);
            text_from_rounded(row->values[i], number);
            TRY(add_cell(to->out, false,
                         name != NULL               ? name
                         : isfinite(row->values[i]) ? number
                                                    : NULL,
                         error));
        }
    }
    TRY(text_add(to->out, "\n", 1, error));
done:
    return status;
}

spur_status plot_csv(const plot *of, text_buffer *out, spur_error *error)
{
    spur_status status;
    csv_writer to = {.out = out};
    char key[KEY_SIZE];
    TRY(find_columns(of, &to.in, error));
    TRY(text_format(out, error, "%sseries%s", to.in.has_panels ? "panel," : "",
                    to.in.has_names ? ",name" : ""));
    for (size_t i = 0; i < VALUES; i++) {
        if (to.in.has[i]) {
            key_of(of, i, key);
            TRY(text_format(out, error, ",%s", key));
        }
    }
    TRY(text_add(out, "\n", 1, error));
    TRY(each_row(of, add_csv_row, &to, error));
done:
    return status;
}

/* ---- table ------------------------------------------------------------------------------- */

typedef struct table_writer {
    columns in;
    markup out; /* the same escaping serves HTML */
} table_writer;

static void add_text_cell(markup *out, const char *text)
{
    markup_raw(out, "<td><bdi>");
    markup_text(out, text);
    markup_raw(out, "</bdi></td>");
}

static void add_number_cell(table_writer *to, size_t value, double number)
{
    char text[TEXT_NUMBER_SIZE];
    char shown[PLOT_NUMBER_SIZE];
    const char *name = name_at(to->in.of, value, number);
    if (name != NULL) {
        add_text_cell(&to->out, name);
        return;
    }
    markup_raw(&to->out, "<td class=\"n\"");
    if (isfinite(number)) {
        text_from_rounded(number, text);
        svg_word(&to->out, "data-v", text);
    }
    markup_raw(&to->out, ">");
    plot_number_text(number, axis_of(to->in.of, value)->form, shown);
    markup_text(&to->out, isfinite(number) ? shown : "");
    markup_raw(&to->out, "</td>");
}

static spur_status add_table_row(void *context, const data_row *row, spur_error *error)
{
    table_writer *to = context;
    (void)error;
    markup_raw(&to->out, "<tr>");
    if (to->in.has_panels) {
        add_text_cell(&to->out, row->panel);
    }
    add_text_cell(&to->out, row->series);
    if (to->in.has_names) {
        add_text_cell(&to->out, row->name);
    }
    for (size_t i = 0; i < VALUES; i++) {
        if (to->in.has[i]) {
            add_number_cell(to, i, row->values[i]);
        }
    }
    markup_raw(&to->out, "</tr>\n");
    return markup_status(&to->out);
}

static void add_heading(table_writer *to, const char *text, const char *end)
{
    markup_raw(&to->out, "<th scope=\"col\">");
    markup_text(&to->out, text);
    markup_raw(&to->out, end);
    markup_raw(&to->out, "</th>");
}

static void add_table_head(table_writer *to)
{
    static const char *const ends[] = {"", ", low", ", high"};
    markup_raw(&to->out, "<table class=\"plot-data\">\n<caption>");
    markup_text(&to->out, to->in.of->title);
    markup_raw(&to->out, "</caption>\n<thead><tr>");
    if (to->in.has_panels) {
        add_heading(to, "Panel", "");
    }
    add_heading(to, "Series", "");
    if (to->in.has_names) {
        add_heading(to, "Name", "");
    }
    for (size_t i = 0; i < VALUES; i++) {
        const plot_axis *axis = axis_of(to->in.of, i);
        if (to->in.has[i]) {
            add_heading(to, axis->label != NULL ? axis->label : axis->key, ends[i % 3]);
        }
    }
    markup_raw(&to->out, "</tr></thead>\n<tbody>\n");
}

spur_status plot_table(const plot *of, text_buffer *out, spur_error *error)
{
    spur_status status;
    table_writer to = {.out.error = error};
    TRY(find_columns(of, &to.in, error));
    add_table_head(&to);
    TRY(each_row(of, add_table_row, &to, error));
    markup_raw(&to.out, "</tbody>\n</table>\n");
    TRY(markup_status(&to.out));
    TRY(text_add(out, to.out.text.data, to.out.text.length, error));
done:
    markup_free(&to.out);
    return status;
}
