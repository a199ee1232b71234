/*
 * plot_vega.c - a figure as a Vega-Lite 5 specification over the columns of its CSV.
 *
 * Layers are told apart by the names of their series, so that one CSV serves all of them. A
 * template of `dvc plots` holds DVC's word where the data go.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "report/plot_drawing.h"

enum {
    KEY_SIZE = 128
};

typedef struct vega {
    const plot *of;
    json_writer json;
    bool has_panels, has_means;
} vega;

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* ---- channels ---------------------------------------------------------------------------- */

static spur_status add_axis_format(vega *to, const plot_axis *axis, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (axis->form != PLOT_NUMBER) {
        TRY(json_open_object(&to->json, "axis", error));
        TRY(json_add_text(&to->json, "format", axis->form == PLOT_SHARE ? ".0%" : "+.0%",
                          error));
        TRY(json_close_object(&to->json, error));
    }
done:
    return status;
}

/* channel: "x", "y", "x2" ...; end: "", "_low", "_high" of the axis' key. */
static spur_status add_channel(vega *to, const char *channel, const char *end,
                               spur_error *error)
{
    spur_status status;
    char field[KEY_SIZE];
    const plot_axis *axis = channel[0] == 'x' ? &to->of->x : &to->of->y;
    (void)snprintf(field, sizeof field, "%s%s", axis->key, end);
    TRY(json_open_object(&to->json, channel, error));
    TRY(json_add_text(&to->json, "field", field, error));
    if (channel[1] != '2') {
        TRY(json_add_text(&to->json, "type", axis->name_count > 0 ? "ordinal" : "quantitative",
                          error));
        TRY(json_add_text(&to->json, "title", axis->label, error));
        TRY(add_axis_format(to, axis, error));
        if (axis->name_count > 0) {
            TRY(json_add_null(&to->json, "sort", error));
        } else {
            TRY(json_open_object(&to->json, "scale", error));
            TRY(json_add_bool(&to->json, "zero", false, error));
            TRY(json_close_object(&to->json, error));
        }
    }
    TRY(json_close_object(&to->json, error));
done:
    return status;
}

static bool is_first_of_name(const plot *of, size_t panel, size_t index)
{
    const char *name = text_or_empty(of->panels[panel].series[index].name);
    for (size_t p = 0; p <= panel; p++) {
        size_t count = p == panel ? index : of->panels[p].count;
        for (size_t s = 0; s < count; s++) {
            if (strcmp(text_or_empty(of->panels[p].series[s].name), name) == 0) {
                return false;
            }
        }
    }
    return true;
}

/* One value per different series: its name, colour or shape. */
typedef spur_status (*series_value)(vega *to, const plot_series *series, spur_error *error);

static spur_status each_series(vega *to, const char *key, series_value add, spur_error *error)
{
    spur_status status;
    TRY(json_open_array(&to->json, key, error));
    for (size_t p = 0; p < to->of->panel_count; p++) {
        for (size_t s = 0; s < to->of->panels[p].count; s++) {
            if (is_first_of_name(to->of, p, s)) {
                TRY(add(to, &to->of->panels[p].series[s], error));
            }
        }
    }
    TRY(json_close_array(&to->json, error));
done:
    return status;
}

static spur_status add_name(vega *to, const plot_series *series, spur_error *error)
{
    return json_add_text(&to->json, NULL, text_or_empty(series->name), error);
}

static spur_status add_colour(vega *to, const plot_series *series, spur_error *error)
{
    return json_add_text(&to->json, NULL, plot_solid_colour(series->role), error);
}

static spur_status add_shape(vega *to, const plot_series *series, spur_error *error)
{
    return json_add_text(&to->json, NULL, plot_vega_shape(series->role), error);
}

static spur_status add_series_channel(vega *to, const char *channel, series_value range,
                                      spur_error *error)
{
    spur_status status;
    TRY(json_open_object(&to->json, channel, error));
    TRY(json_add_text(&to->json, "field", "series", error));
    TRY(json_add_text(&to->json, "type", "nominal", error));
    TRY(json_add_null(&to->json, "title", error));
    TRY(json_open_object(&to->json, "scale", error));
    TRY(each_series(to, "domain", add_name, error));
    TRY(each_series(to, "range", range, error));
    TRY(json_close_object(&to->json, error));
    TRY(json_close_object(&to->json, error));
done:
    return status;
}

/* ---- layers ------------------------------------------------------------------------------ */

typedef struct layer {
    plot_mark of;
    bool is_mean;
    const char *mark;        /* Vega-Lite's */
    const char *dash;        /* as JSON's numbers, or NULL */
    const char *channels[4]; /* "channel:end", NULL at the end */
    const char *needs;       /* the layer is left out unless points have it: "x", "y" or NULL */
} layer;

static const layer layers[] = {
    {PLOT_BARS, false, "bar", NULL, {"x:_low", "x2:_high", "y:", NULL}, NULL},
    {PLOT_LINE, false, "area", NULL, {"x:", "y:_low", "y2:_high", NULL}, "y"},
    {PLOT_LINE, true, "rule", "dashed", {"y:", NULL, NULL, NULL}, NULL},
    {PLOT_RULE, false, "line", NULL, {"x:", "y:", NULL, NULL}, NULL},
    {PLOT_LINE, false, "line", NULL, {"x:", "y:", NULL, NULL}, NULL},
    {PLOT_LINE, false, "point", NULL, {"x:", "y:", NULL, NULL}, NULL},
    {PLOT_POINTS, false, "rule", NULL, {"x:_low", "x2:_high", "y:", NULL}, "x"},
    {PLOT_POINTS, false, "rule", NULL, {"x:", "y:_low", "y2:_high", NULL}, "y"},
    {PLOT_POINTS, false, "point", NULL, {"x:", "y:", NULL, NULL}, NULL},
    {PLOT_CUT, false, "rule", NULL, {"x:", NULL, NULL, NULL}, NULL},
};

static bool has_need(const plot_series *series, const char *needs)
{
    for (size_t i = 0; i < series->count && needs != NULL; i++) {
        const plot_point *point = &series->points[i];
        if (isfinite(needs[0] == 'x' ? point->x_low : point->y_low)) {
            return true;
        }
    }
    return needs == NULL;
}

static bool is_on_layer(const plot_series *series, const layer *of)
{
    return series->mark == of->of && has_need(series, of->needs) &&
           (!of->is_mean || isfinite(series->mean));
}

static bool is_used(const vega *to, const layer *of)
{
    for (size_t p = 0; p < to->of->panel_count; p++) {
        for (size_t s = 0; s < to->of->panels[p].count; s++) {
            if (is_on_layer(&to->of->panels[p].series[s], of)) {
                return true;
            }
        }
    }
    return false;
}

static spur_status add_filter(vega *to, const layer *of, spur_error *error)
{
    spur_status status;
    TRY(json_open_array(&to->json, "transform", error));
    TRY(json_open_object(&to->json, NULL, error));
    TRY(json_open_object(&to->json, "filter", error));
    TRY(json_add_text(&to->json, "field", "series", error));
    TRY(json_open_array(&to->json, "oneOf", error));
    for (size_t p = 0; p < to->of->panel_count; p++) {
        for (size_t s = 0; s < to->of->panels[p].count; s++) {
            if (is_on_layer(&to->of->panels[p].series[s], of) &&
                is_first_of_name(to->of, p, s)) {
                TRY(add_name(to, &to->of->panels[p].series[s], error));
            }
        }
    }
    TRY(json_close_array(&to->json, error));
    TRY(json_close_object(&to->json, error));
    TRY(json_close_object(&to->json, error));
    if (to->has_means) {
        TRY(json_open_object(&to->json, NULL, error));
        TRY(json_add_text(&to->json, "filter",
                          of->is_mean ? "datum.name == 'mean'" : "datum.name != 'mean'",
                          error));
        TRY(json_close_object(&to->json, error));
    }
    TRY(json_close_array(&to->json, error));
done:
    return status;
}

static spur_status add_mark(vega *to, const layer *of, spur_error *error)
{
    spur_status status;
    bool is_band = strcmp(of->mark, "area") == 0;
    TRY(json_open_object(&to->json, "mark", error));
    TRY(json_add_text(&to->json, "type", of->mark, error));
    if (strcmp(of->mark, "point") == 0) {
        TRY(json_add_bool(&to->json, "filled", true, error));
        TRY(json_add_bool(&to->json, "tooltip", true, error));
    }
    if (is_band) {
        TRY(json_add_rounded(&to->json, "opacity", 0.15, error));
    }
    if (of->dash != NULL) {
        TRY(json_open_array(&to->json, "strokeDash", error));
        TRY(json_add_u64(&to->json, NULL, 5, error));
        TRY(json_add_u64(&to->json, NULL, 5, error));
        TRY(json_close_array(&to->json, error));
    }
    TRY(json_close_object(&to->json, error));
done:
    return status;
}

static spur_status add_layer(vega *to, const layer *of, spur_error *error)
{
    spur_status status;
    TRY(json_open_object(&to->json, NULL, error));
    TRY(add_filter(to, of, error));
    TRY(add_mark(to, of, error));
    TRY(json_open_object(&to->json, "encoding", error));
    for (size_t i = 0; of->channels[i] != NULL; i++) {
        char channel[8];
        const char *colon = strchr(of->channels[i], ':');
        size_t length = (size_t)(colon - of->channels[i]);
        memcpy(channel, of->channels[i], length);
        channel[length] = '\0';
        TRY(add_channel(to, channel, colon + 1, error));
    }
    TRY(add_series_channel(to, "color", add_colour, error));
    if (strcmp(of->mark, "point") == 0) {
        TRY(add_series_channel(to, "shape", add_shape, error));
    }
    TRY(json_close_object(&to->json, error));
    TRY(json_close_object(&to->json, error));
done:
    return status;
}

static spur_status add_layers(vega *to, spur_error *error)
{
    spur_status status;
    TRY(json_open_array(&to->json, "layer", error));
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        if (is_used(to, &layers[i])) {
            TRY(add_layer(to, &layers[i], error));
        }
    }
    TRY(json_close_array(&to->json, error));
done:
    return status;
}

/* ---- all together ------------------------------------------------------------------------ */

static spur_status add_data(vega *to, const char *data_url, spur_error *error)
{
    spur_status status;
    TRY(json_open_object(&to->json, "data", error));
    TRY(data_url == NULL ? json_add_text(&to->json, "values", "<DVC_METRIC_DATA>", error)
                         : json_add_text(&to->json, "url", data_url, error));
    TRY(json_close_object(&to->json, error));
done:
    return status;
}

static spur_status add_facet(vega *to, spur_error *error)
{
    spur_status status;
    TRY(json_open_object(&to->json, "facet", error));
    TRY(json_add_text(&to->json, "field", "panel", error));
    TRY(json_add_text(&to->json, "type", "nominal", error));
    TRY(json_add_null(&to->json, "title", error));
    TRY(json_open_array(&to->json, "sort", error));
    for (size_t p = 0; p < to->of->panel_count; p++) {
        TRY(json_add_text(&to->json, NULL, text_or_empty(to->of->panels[p].title), error));
    }
    TRY(json_close_array(&to->json, error));
    TRY(json_close_object(&to->json, error));
    TRY(json_add_u64(&to->json, "columns", to->of->columns == 0 ? 1 : to->of->columns, error));
    TRY(json_open_object(&to->json, "spec", error));
    TRY(add_layers(to, error));
    TRY(json_close_object(&to->json, error));
done:
    return status;
}

static void look_at(vega *to)
{
    for (size_t p = 0; p < to->of->panel_count; p++) {
        to->has_panels = to->has_panels || to->of->panels[p].title != NULL;
        for (size_t s = 0; s < to->of->panels[p].count; s++) {
            to->has_means = to->has_means || isfinite(to->of->panels[p].series[s].mean);
        }
    }
}

spur_status plot_vega(const plot *of, const char *data_url, text_buffer *out, spur_error *error)
{
    spur_status status;
    vega to = {.of = of, .json = {.into = out}};
    look_at(&to);
    TRY(json_open_object(&to.json, NULL, error));
    TRY(json_add_text(&to.json, "$schema", "https://vega.github.io/schema/vega-lite/v5.json",
                      error));
    TRY(json_add_text(&to.json, "title", of->title, error));
    TRY(json_add_text(&to.json, "description", of->finding, error));
    TRY(add_data(&to, data_url, error));
    TRY(to.has_panels ? add_facet(&to, error) : add_layers(&to, error));
    TRY(json_close_object(&to.json, error));
    TRY(text_add(out, "\n", 1, error));
done:
    return status;
}
