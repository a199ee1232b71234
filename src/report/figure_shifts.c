/*
 * figure_shifts.c - accuracy in distribution against that on another split, a point per head.
 */
#include <math.h>
#include <string.h>

#include "report/figure_kinds.h"

static const char caption[] =
    "A point is a last layer: across, its top-1 accuracy on the split that is distributed as "
    "the training images; up, that on the other split, for splits out of distribution both on "
    "the classes they share. Bars are 95% intervals. The thin line is fitted to the points: "
    "for "
    "splits out of distribution per backbone and straight in logits, else least squares over "
    "all. A last layer above it is better on the other split than its ordinary accuracy leads "
    "to expect. Random subsets of one k are one point, the mean, with bars from the lowest to "
    "the highest seed; the data have each.";

typedef struct shift {
    const char *known, *other, *backbone;
} shift;

/* What the stage "ood" says: both sides on the classes that the split has. */
static bool has_own_numbers(const figure_source *in, const shift *of, const char *entry)
{
    return isfinite(figure_value(in, "%s/%s/%s/ood_top1", of->other, of->backbone, entry)) &&
           isfinite(figure_value(in, "%s/%s/%s/id_top1", of->other, of->backbone, entry));
}

static plot_point own_point(const figure_source *in, const shift *of, const char *entry)
{
#define VALUE(name) figure_value(in, "%s/%s/%s/" name, of->other, of->backbone, entry)
    plot_point point = plot_at(VALUE("id_top1"), VALUE("ood_top1"));
    point.x_low = VALUE("id_top1_low");
    point.x_high = VALUE("id_top1_high");
    point.y_low = VALUE("ood_top1_low");
    point.y_high = VALUE("ood_top1_high");
#undef VALUE
    point.name = entry;
    point.is_named_inside = true;
    return point;
}

static plot_point point_of(const figure_source *in, const shift *of, const char *entry)
{
    if (has_own_numbers(in, of, entry)) {
        return own_point(in, of, entry);
    }
#define VALUE(split, name) figure_value(in, "%s/%s/%s/" name, split, of->backbone, entry)
    plot_point point = plot_at(VALUE(of->known, "top1"), VALUE(of->other, "top1"));
    point.x_low = VALUE(of->known, "wilson_low");
    point.x_high = VALUE(of->known, "wilson_high");
    point.y_low = VALUE(of->other, "wilson_low");
    point.y_high = VALUE(of->other, "wilson_high");
#undef VALUE
    point.name = entry;
    point.is_named_inside = true;
    return point;
}

/* ---- the line ---------------------------------------------------------------------------- */

typedef struct sums {
    size_t n;
    double x, y, xx, xy, low, high;
} sums;

static void add_to_sums(sums *in, const plot_point *point)
{
    if (plot_is_drawable(point->x) && plot_is_drawable(point->y)) {
        in->low = in->n == 0 ? point->x : fmin(in->low, point->x);
        in->high = in->n == 0 ? point->x : fmax(in->high, point->x);
        in->n++;
        in->x += point->x;
        in->y += point->y;
        in->xx += point->x * point->x;
        in->xy += point->x * point->y;
    }
}

/* Two points of the least-squares line over the range of the points; false without one. */
static bool fit(const sums *in, plot_point ends[2])
{
    double n = (double)in->n;
    double spread = n * in->xx - in->x * in->x;
    if (in->n < 3 || spread <= 1e-12 * n * in->xx) {
        return false;
    }
    double slope = (n * in->xy - in->x * in->y) / spread;
    double base = (in->y - slope * in->x) / n;
    ends[0] = plot_at(in->low, base + slope * in->low);
    ends[1] = plot_at(in->high, base + slope * in->high);
    return true;
}

/* ---- panels ------------------------------------------------------------------------------ */

static bool is_random(const figure_head *entry)
{
    return entry->is_subset && entry->key.kind == SUBSET_RANDOM;
}

/* True when both are random subsets of one size. */
static bool differ_in_seed(const figure_head *a, const figure_head *b)
{
    return is_random(a) && is_random(b) && a->key.amount == b->key.amount &&
           a->key.is_fraction == b->key.is_fraction;
}

/* Of `seeds` heads from `first` on: the mean, and the range on both axes. */
static spur_status merge_seeds(const figure_source *in, const shift *of,
                               const figure_head *first, size_t seeds, plot_point *out,
                               spur_error *error)
{
    spur_status status;
    plot_point made = point_of(in, of, first->name);
    made.x_low = made.x_high = made.x;
    made.y_low = made.y_high = made.y;
    for (size_t i = 1; i < seeds; i++) {
        plot_point next = point_of(in, of, first[i].name);
        made.x += next.x;
        made.y += next.y;
        made.x_low = fmin(made.x_low, next.x);
        made.x_high = fmax(made.x_high, next.x);
        made.y_low = fmin(made.y_low, next.y);
        made.y_high = fmax(made.y_high, next.y);
    }
    made.x /= (double)seeds;
    made.y /= (double)seeds;
    TRY(figure_text(in, &made.name, error, "%.*s, %zu seeds",
                    (int)(strrchr(first->name, '-') - first->name), first->name, seeds));
    *out = made;
done:
    return status;
}

static size_t count_seeds(const figure_source *in, size_t first)
{
    size_t count = 1;
    while (first + count < in->head_count &&
           differ_in_seed(&in->heads[first], &in->heads[first + count])) {
        count++;
    }
    return count;
}

/* Heads of a role are one series; they follow each other. is_merged: seeds are one point. */
static spur_status add_heads(const figure_source *in, const shift *of, bool is_merged,
                             plot_panel *panel, plot_series *series, spur_error *error)
{
    spur_status status;
    figure_points points;
    TRY(figure_new_points(in, in->head_count, &points, error));
    size_t used = 0;
    for (size_t h = 0; h < in->head_count; used++) {
        const figure_head *entry = &in->heads[h];
        size_t seeds = is_merged ? count_seeds(in, h) : 1;
        points.points[used] = point_of(in, of, entry->name);
        if (seeds > 1) {
            TRY(merge_seeds(in, of, entry, seeds, &points.points[used], error));
        }
        bool is_new = panel->count == 0 ||
                      strcmp(series[panel->count - 1].name, figure_short_name(entry)) != 0;
        if (is_new) {
            series[panel->count] =
                plot_series_make(figure_short_name(entry), figure_role(entry), PLOT_POINTS,
                                 &points.points[used], 0);
            series[panel->count++].is_unlabelled = true;
        }
        series[panel->count - 1].count++;
        h += seeds;
    }
done:
    return status;
}

/* The evaluation's line, straight in logits, over the range of a backbone's points. */
static spur_status add_own_line(const figure_source *in, const shift *of, plot_panel *panel,
                                plot_series *series, spur_error *error)
{
    enum {
        STEPS = 24
    };
    spur_status status = SPUR_OK;
    sums sum = {.n = 0};
    figure_points line;
    double slope = figure_value(in, "%s/%s/ood_line_slope", of->other, of->backbone);
    double base = figure_value(in, "%s/%s/ood_line_intercept", of->other, of->backbone);
    for (size_t h = 0; h < in->head_count; h++) {
        plot_point point = point_of(in, of, in->heads[h].name);
        add_to_sums(&sum, &point);
    }
    if (!isfinite(slope) || !isfinite(base) || sum.n == 0) {
        goto done;
    }
    TRY(figure_new_points(in, STEPS + 1, &line, error));
    for (size_t i = 0; i <= STEPS; i++) {
        double x = sum.low + (sum.high - sum.low) * (double)i / STEPS;
        double cut = fmin(fmax(x, 1e-4), 1.0 - 1e-4);
        line.points[i] =
            plot_at(x, 1.0 / (1.0 + exp(-(base + slope * log(cut / (1.0 - cut))))));
    }
    series[panel->count] =
        plot_series_make("fitted line", PLOT_QUIET, PLOT_RULE, line.points, STEPS + 1);
    series[panel->count++].is_unlabelled = true;
done:
    return status;
}

/* One line through the points of all backbones, in every panel. */
static spur_status add_line(const figure_source *in, const char *other, plot_panel *panels,
                            plot_series *all, spur_error *error)
{
    spur_status status;
    sums sum = {.n = 0};
    figure_points line;
    size_t each = in->head_count + 1;
    bool has_own = false;
    TRY(figure_new_points(in, 2, &line, error));
    for (size_t b = 0; b < in->backbone_count; b++) {
        shift of = {in->known, other, in->backbones[b]};
        for (size_t h = 0; h < in->head_count; h++) {
            plot_point point = point_of(in, &of, in->heads[h].name);
            has_own = has_own || has_own_numbers(in, &of, in->heads[h].name);
            add_to_sums(&sum, &point);
        }
    }
    for (size_t b = 0; b < in->backbone_count; b++) {
        shift of = {in->known, other, in->backbones[b]};
        plot_series *series = all + b * each;
        if (has_own) {
            TRY(add_own_line(in, &of, &panels[b], series, error));
        } else if (fit(&sum, line.points)) {
            series[panels[b].count] =
                plot_series_make("fitted line", PLOT_QUIET, PLOT_RULE, line.points, 2);
            series[panels[b].count++].is_unlabelled = true;
        }
    }
done:
    return status;
}

static spur_status add_panels(const figure_source *in, const char *other, bool is_merged,
                              plot *into, spur_error *error)
{
    spur_status status;
    plot_panel *panels = NULL;
    plot_series *all = NULL;
    size_t each = in->head_count + 1;
    TRY(figure_new_panels(in, in->backbone_count, each, &panels, &all, error));
    for (size_t b = 0; b < in->backbone_count; b++) {
        shift of = {in->known, other, in->backbones[b]};
        panels[b].title = of.backbone;
        TRY(add_heads(in, &of, is_merged, &panels[b], all + b * each, error));
    }
    TRY(add_line(in, other, panels, all, error));
    into->panels = panels;
    into->panel_count = in->backbone_count;
    into->columns = 2;
    into->height = 300.0;
done:
    return status;
}

/* ---- what it shows ----------------------------------------------------------------------- */

static spur_status add_sentence(const figure_source *in, const shift *of, const char **text,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    const figure_head *best = NULL;
    double best_value = (double)NAN;
    char shown[3][PLOT_NUMBER_SIZE];
    plot_point own = point_of(in, of, HEAD_ORIGINAL);
    for (size_t h = 0; h < in->head_count; h++) {
        plot_point point = point_of(in, of, in->heads[h].name);
        if (isfinite(point.y) && (best == NULL || point.y > best_value)) {
            best = &in->heads[h];
            best_value = point.y;
        }
    }
    if (best == NULL) {
        goto done;
    }
    const char *before = *text;
    const char *space = before[0] == '\0' ? "" : " ";
    plot_number_text(best_value, PLOT_SHARE, shown[0]);
    plot_number_text(own.x, PLOT_SHARE, shown[1]);
    plot_number_text(own.y, PLOT_SHARE, shown[2]);
    TRY(figure_text(in, text, error, "%s%s%s: best on %s is %s with %s", before, space,
                    of->backbone, of->other, best->name, shown[0]));
    before = *text;
    TRY(best->is_original || !isfinite(own.y)
            ? figure_text(in, text, error, "%s.", before)
            : figure_text(
                  in, text, error,
                  "%s; the model\xE2\x80\x99s own last layer has %s there and %s on %s.",
                  before, shown[2], shown[1], of->known));
done:
    return status;
}

static spur_status add_split(figure_list *into, const char *other, spur_error *error)
{
    spur_status status;
    const figure_source *in = into->source;
    double none = (double)NAN;
    figure made = {
        .drawing = {.finding = "",
                    .x = {.key = "top1", .form = PLOT_SHARE, .include = {none, none}},
                    .y = {.key = "other_top1", .form = PLOT_SHARE, .include = {none, none}}},
        .caption = caption};
    TRY(figure_make_id(into, "shift", other, &made.drawing.id, error));
    TRY(figure_text(in, &made.drawing.title, error, "Accuracy on %s against that on %s", other,
                    in->known));
    TRY(figure_text(in, &made.drawing.x.label, error, "Top-1 accuracy on %s", in->known));
    TRY(figure_text(in, &made.drawing.y.label, error, "Top-1 accuracy on %s", other));
    for (size_t b = 0; b < in->backbone_count; b++) {
        shift of = {in->known, other, in->backbones[b]};
        TRY(add_sentence(in, &of, &made.drawing.finding, error));
    }
    made.data = made.drawing;
    TRY(add_panels(in, other, true, &made.drawing, error));
    TRY(add_panels(in, other, false, &made.data, error));
    TRY(figure_add(into, &made, error));
done:
    return status;
}

static bool has_both(const figure_source *in, const char *other)
{
    for (size_t b = 0; b < in->backbone_count; b++) {
        for (size_t h = 0; h < in->head_count; h++) {
            shift of = {in->known, other, in->backbones[b]};
            plot_point point = point_of(in, &of, in->heads[h].name);
            if (isfinite(point.x) && isfinite(point.y)) {
                return true;
            }
        }
    }
    return false;
}

spur_status figure_add_shifts(figure_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    const figure_source *in = into->source;
    for (size_t s = 0; s < in->split_count && in->known != NULL; s++) {
        bool is_other =
            strcmp(in->splits[s], in->known) != 0 && strcmp(in->splits[s], "train") != 0;
        if (is_other && has_both(in, in->splits[s])) {
            TRY(add_split(into, in->splits[s], error));
        }
    }
done:
    return status;
}
