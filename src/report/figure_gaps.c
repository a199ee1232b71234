/*
 * figure_gaps.c - for every class, by how much a last layer, the model's own when it was
 * evaluated, recognises its clearest images better than its most hidden ones.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/statistics_intervals.h"
#include "pipeline/rank_curve.h"
#include "report/figure_kinds.h"

static const char caption[] =
    "Gap: top-1 accuracy of the last layer (original: the model\xE2\x80\x99s own) over the "
    "class\xE2\x80\x99s "
    "k clearest "
    "images minus that over its k most hidden ones (at most half of the class each), with "
    "Newcombe\xE2\x80\x99s 95% interval. With few images per class the intervals are wide, and "
    "some "
    "classes are at an end by chance alone.";

enum {
    MOST_CLASSES = 40 /* drawn; of more, half from each end */
};

static const double MISS = 0.05; /* 95% intervals */

typedef struct class_gap {
    size_t class_index;
    double gap, low, high; /* NaN without images */
} class_gap;

typedef struct gap_figure {
    figure_list *into;
    const figure_source *in;
    const char *layer; /* the head: the model's own, else the first */
    curve_k k;
    const char *k_text;
    class_gap *gaps; /* [backbones][classes] */
    size_t *order;   /* [ordered] classes, largest gap first */
    size_t class_count, ordered;
} gap_figure;

/* ---- numbers ----------------------------------------------------------------------------- */

/* Newcombe's hybrid score interval (method 10, Statistics in Medicine 17 (1998) 873-890). */
static class_gap gap_of(size_t class_index, const curve_gap *from)
{
    class_gap made = {class_index, from->gap, (double)NAN, (double)NAN};
    if (from->clear_n == 0 || from->hidden_n == 0) {
        made.gap = (double)NAN;
        return made;
    }
    double clear = (double)from->clear_correct / (double)from->clear_n;
    double hidden = (double)from->hidden_correct / (double)from->hidden_n;
    statistics_interval up = statistics_wilson(from->clear_correct, from->clear_n, MISS);
    statistics_interval down = statistics_wilson(from->hidden_correct, from->hidden_n, MISS);
    made.low = made.gap - hypot(clear - up.low, down.high - hidden);
    made.high = made.gap + hypot(up.high - clear, hidden - down.low);
    return made;
}

/* Rows grouped by class, so that a class is a view of them. first: [classes + 1] */
static spur_status group_rows(const curve_rows *rows, size_t *first, curve_rows *out,
                              spur_error *error)
{
    spur_status status;
    *out = (curve_rows){.count = rows->count, .class_count = rows->class_count};
    TRY(memory_new(rows->count, sizeof *out->class_index, &out->class_index, error));
    TRY(memory_new(rows->count, sizeof *out->rank, &out->rank, error));
    TRY(memory_new(rows->count, sizeof *out->size, &out->size, error));
    TRY(memory_new(rows->count, sizeof *out->correct, &out->correct, error));
    memset(first, 0, (rows->class_count + 1) * sizeof *first);
    for (size_t i = 0; i < rows->count; i++) {
        first[rows->class_index[i] + 1]++;
    }
    for (size_t c = 0; c < rows->class_count; c++) {
        first[c + 1] += first[c];
    }
    for (size_t i = 0; i < rows->count; i++) {
        size_t to = first[rows->class_index[i]]++;
        out->class_index[to] = rows->class_index[i];
        out->rank[to] = rows->rank[i];
        out->size[to] = rows->size[i];
        out->correct[to] = rows->correct[i];
    }
    memmove(first + 1, first, rows->class_count * sizeof *first);
    first[0] = 0;
done:
    return status;
}

static spur_status find_gaps(const gap_figure *of, const curve_rows *rows, class_gap *gaps,
                             spur_error *error)
{
    spur_status status;
    size_t *first = NULL;
    curve_rows grouped = {.count = 0};
    TRY(memory_new(rows->class_count + 1, sizeof *first, &first, error));
    TRY(group_rows(rows, first, &grouped, error));
    for (size_t c = 0; c < rows->class_count; c++) {
        size_t from = first[c];
        curve_rows view = {.count = first[c + 1] - from,
                           .class_count = rows->class_count,
                           .class_index = grouped.class_index + from,
                           .rank = grouped.rank + from,
                           .size = grouped.size + from,
                           .correct = grouped.correct + from};
        curve_gap gap = curve_gap_at(&view, of->k);
        gaps[c] = gap_of(c, &gap);
    }
done:
    memory_free(first);
    curve_rows_free(&grouped);
    return status;
}

/* A backbone whose own head was not evaluated has no gaps. */
static spur_status read_backbone(const gap_figure *of, const evaluation_rows *images,
                                 const char *backbone, class_gap *gaps, spur_error *error)
{
    spur_status status = SPUR_OK;
    prediction_set set = {.rows = 0};
    curve_rows rows = {.count = 0};
    const prediction_name name = {of->in->known, backbone, of->layer, NULL};
    for (size_t c = 0; c < of->class_count; c++) {
        gaps[c] = (class_gap){c, (double)NAN, (double)NAN, (double)NAN};
    }
    if (!isfinite(figure_value(of->in, "%s/%s/%s/gap_at_%s", name.split, backbone, name.head,
                               of->k_text))) {
        goto done;
    }
    TRY(predictions_load(of->in->run, &name, &set, error));
    TRY(curve_rows_make(images, &set, &rows, error));
    TRY(find_gaps(of, &rows, gaps, error));
done:
    prediction_set_free(&set);
    curve_rows_free(&rows);
    return status;
}

/* The amount of <known>/<backbone>/<layer>/gap_at_<amount>; NULL for another key. */
static const char *amount_of(const gap_figure *of, const char *key)
{
    for (size_t b = 0; b < of->in->backbone_count; b++) {
        const char *parts[] = {of->in->known, "/",       of->in->backbones[b],
                               "/",           of->layer, "/gap_at_"};
        const char *at = key;
        for (size_t i = 0; i < sizeof parts / sizeof *parts && at != NULL; i++) {
            size_t length = strlen(parts[i]);
            at = strncmp(at, parts[i], length) == 0 ? at + length : NULL;
        }
        if (at != NULL) {
            return at;
        }
    }
    return NULL;
}

/* The largest k of which the run holds a gap of the layer; false without any. */
static bool find_k(gap_figure *of)
{
    subset_key best = {SUBSET_CLEAR, 0, false, 0};
    for (size_t i = 0; i < of->in->count; i++) {
        const char *amount = amount_of(of, of->in->results[i].key);
        subset_key found = {SUBSET_CLEAR, 0, false, 0};
        if (amount != NULL &&
            subset_amount_parse(amount, strlen(amount), &found, NULL) == SPUR_OK &&
            (of->k_text == NULL || subset_key_compare(&found, &best) > 0)) {
            best = found;
            of->k_text = amount;
        }
    }
    of->k = (curve_k){best.amount, best.is_fraction};
    return of->k_text != NULL;
}

/* The first head that has gaps: the model's own stands first. */
static bool find_layer(gap_figure *of)
{
    for (size_t h = 0; h < of->in->head_count && of->in->known != NULL; h++) {
        of->layer = of->in->heads[h].name;
        if (find_k(of)) {
            return true;
        }
    }
    return false;
}

/* ---- order ------------------------------------------------------------------------------- */

static int compare_gaps(const void *a, const void *b)
{
    const class_gap *left = a;
    const class_gap *right = b;
    if (left->gap != right->gap) {
        return left->gap > right->gap ? -1 : 1;
    }
    return (left->class_index > right->class_index) - (left->class_index < right->class_index);
}

/* Classes by the first backbone that has gaps. */
static spur_status order_classes(gap_figure *of, spur_error *error)
{
    spur_status status;
    class_gap *sorted = NULL;
    size_t count = 0;
    TRY(memory_new(of->class_count, sizeof *sorted, &sorted, error));
    for (size_t b = 0; b < of->in->backbone_count && count == 0; b++) {
        for (size_t c = 0; c < of->class_count; c++) {
            const class_gap *gap = &of->gaps[b * of->class_count + c];
            if (isfinite(gap->gap)) {
                sorted[count++] = *gap;
            }
        }
    }
    if (count > 0) {
        qsort(sorted, count, sizeof *sorted, compare_gaps);
    }
    TRY(arena_take(of->in->texts, count, sizeof *of->order, &of->order, error));
    for (size_t i = 0; i < count; i++) {
        of->order[i] = sorted[i].class_index;
    }
    of->ordered = count;
done:
    memory_free(sorted);
    return status;
}

/* ---- drawing ----------------------------------------------------------------------------- */

static const char *class_name(const gap_figure *of, size_t class_index)
{
    const store_class *class = &of->in->run->classes[class_index];
    return class->name != NULL && class->name[0] != '\0' ? class->name : class->label;
}

/* The i-th of `count` shown classes: the first half from the top, the others from the end. */
static size_t shown_class(const gap_figure *of, size_t i, size_t count)
{
    return of->order[i < (count + 1) / 2 ? i : of->ordered - (count - i)];
}

static spur_status add_panels(const gap_figure *of, size_t count, plot *into, spur_error *error)
{
    spur_status status;
    const char **names = NULL;
    plot_panel *panels = NULL;
    plot_series *all = NULL;
    size_t backbones = of->in->backbone_count;
    TRY(arena_take(of->in->texts, count, sizeof *names, &names, error));
    TRY(figure_new_panels(of->in, backbones, 1, &panels, &all, error));
    for (size_t i = 0; i < count; i++) {
        names[i] = class_name(of, shown_class(of, i, count));
    }
    for (size_t b = 0; b < backbones; b++) {
        figure_points points;
        TRY(figure_new_points(of->in, count, &points, error));
        for (size_t i = 0; i < count; i++) {
            const class_gap *gap = &of->gaps[b * of->class_count + shown_class(of, i, count)];
            points.points[i] = plot_at(gap->gap, (double)i);
            points.points[i].x_low = gap->low;
            points.points[i].x_high = gap->high;
        }
        all[b] = plot_series_make(of->layer, PLOT_ORIGINAL, PLOT_POINTS, points.points, count);
        all[b].is_unlabelled = true;
        panels[b].count = 1;
        panels[b].title = of->in->backbones[b];
    }
    into->panels = panels;
    into->panel_count = backbones;
    into->columns = 2;
    into->y.names = names;
    into->y.name_count = count;
done:
    return status;
}

static spur_status describe(const gap_figure *of, figure *into, spur_error *error)
{
    spur_status status;
    const char *more = "";
    size_t positive = 0;
    char shown[2][PLOT_NUMBER_SIZE];
    size_t first = 0; /* the backbone whose gaps give the order */
    while (!isfinite(of->gaps[first * of->class_count + of->order[0]].gap)) {
        first++;
    }
    const class_gap *gaps = of->gaps + first * of->class_count;
    for (size_t i = 0; i < of->ordered; i++) {
        positive += gaps[of->order[i]].low > 0.0 ? 1 : 0;
    }
    if (of->ordered > MOST_CLASSES) {
        TRY(figure_text(of->in, &more, error, ", the %d largest and %d smallest",
                        MOST_CLASSES / 2, MOST_CLASSES / 2));
    }
    TRY(figure_text(of->in, &into->drawing.title, error,
                    "Gap between clear and hidden images by class: %s on %s, k = %s%s",
                    of->layer, of->in->known, of->k_text, more));
    plot_number_text(gaps[of->order[0]].gap, PLOT_CHANGE, shown[0]);
    plot_number_text(gaps[of->order[of->ordered - 1]].gap, PLOT_CHANGE, shown[1]);
    TRY(figure_text(of->in, &into->drawing.finding, error,
                    "%s: in %zu of %zu classes the interval of the gap lies above zero; gaps "
                    "reach from %s points (%s) to %s points (%s).",
                    of->in->backbones[first], positive, of->ordered, shown[1],
                    class_name(of, of->order[of->ordered - 1]), shown[0],
                    class_name(of, of->order[0])));
done:
    return status;
}

static spur_status add_figure(gap_figure *of, spur_error *error)
{
    spur_status status;
    double none = (double)NAN;
    figure made = {.drawing = {.x = {.label = "Gap, points",
                                     .key = "gap",
                                     .form = PLOT_CHANGE,
                                     .include = {0.0, none}},
                               .y = {.key = "class", .include = {none, none}}},
                   .caption = caption};
    TRY(figure_make_id(of->into, "gap-by-class", of->in->known, &made.drawing.id, error));
    TRY(describe(of, &made, error));
    made.data = made.drawing;
    TRY(add_panels(of, of->ordered, &made.data, error));
    TRY(add_panels(of, of->ordered > MOST_CLASSES ? MOST_CLASSES : of->ordered, &made.drawing,
                   error));
    TRY(figure_add(of->into, &made, error));
done:
    return status;
}

spur_status figure_add_gaps(figure_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    evaluation_rows images = {.count = 0};
    gap_figure of = {.into = into, .in = into->source};
    size_t total;
    if (!find_layer(&of)) {
        return SPUR_OK;
    }
    TRY(evaluation_rows_make(of.in->run, of.in->known, &images, error));
    of.class_count = images.class_count;
    if (!size_mul(of.class_count, of.in->backbone_count, &total)) {
        FAIL(SPUR_RESOURCE, "too many classes");
    }
    TRY(memory_new(total, sizeof *of.gaps, &of.gaps, error));
    for (size_t b = 0; b < of.in->backbone_count; b++) {
        TRY(read_backbone(&of, &images, of.in->backbones[b], of.gaps + b * of.class_count,
                          error));
    }
    TRY(order_classes(&of, error));
    TRY(of.ordered > 0 ? add_figure(&of, error) : SPUR_OK);
done:
    memory_free(of.gaps);
    evaluation_rows_free(&images);
    return status;
}
