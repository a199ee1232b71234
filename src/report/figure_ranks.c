/*
 * figure_ranks.c - accuracy by rank in class: a row of panels per k, a column per backbone.
 */
#include <math.h>
#include <string.h>

#include "report/figure_kinds.h"
#include "report/figure_lines.h"

typedef struct rank_line {
    const char *split, *backbone;
} rank_line;

static const char caption[] =
    "The images of every class are ordered by the detector\xE2\x80\x99s score, the most hidden "
    "first. A point is the top-1 accuracy over the same part of all classes, its band the 95% "
    "interval; dashed lines, and the numbers beside the names, are means over the ranks. "
    "clear, "
    "mid, hidden: last layers trained on the k images of each class with the highest, middle, "
    "lowest scores; rnd: on k random images (several seeds: mean and range); original: the "
    "model\xE2\x80\x99s own last layer.";

static size_t count_bins(const figure_source *in, const rank_line *of, const char *entry)
{
    size_t count = 0;
    while (isfinite(
        figure_value(in, "%s/%s/%s/bin/%02zu/n", of->split, of->backbone, entry, count + 1))) {
        count++;
    }
    return count;
}

static size_t most_bins(const figure_source *in, const rank_line *of)
{
    size_t most = 0;
    for (size_t h = 0; h < in->head_count; h++) {
        size_t count = count_bins(in, of, in->heads[h].name);
        most = count > most ? count : most;
    }
    return most;
}

static void read_bins(const figure_reader *from, const char *entry, plot_point *points,
                      double *mean)
{
    const figure_source *in = from->in;
    const rank_line *of = from->context;
    size_t count = count_bins(in, of, entry);
    for (size_t b = 0; b < count; b++) {
#define BIN(name)                                                                              \
    figure_value(in, "%s/%s/%s/bin/%02zu/" name, of->split, of->backbone, entry, b + 1)
        double begin = BIN("from");
        double end = BIN("to");
        begin = isfinite(begin) ? begin : (double)b / (double)count;
        end = isfinite(end) ? end : (double)(b + 1) / (double)count;
        points[b].x = (begin + end) / 2.0;
        points[b].y = BIN("top1");
        points[b].y_low = BIN("low");
        points[b].y_high = BIN("high");
#undef BIN
    }
    *mean = figure_value(in, "%s/%s/%s/curve_mean", of->split, of->backbone, entry);
}

static spur_status add_panels(const figure_source *in, const char *split, plot *into,
                              spur_error *error)
{
    spur_status status;
    plot_panel *panels = NULL;
    plot_series *all = NULL;
    size_t columns = in->backbone_count;
    size_t count = columns * in->size_count;
    TRY(figure_new_panels(in, count, in->head_count, &panels, &all, error));
    for (size_t p = 0; p < count; p++) {
        rank_line of = {split, in->backbones[p % columns]};
        const figure_size *size = &in->sizes[p / columns];
        figure_reader reader = {in, &of, most_bins(in, &of), read_bins};
        TRY(figure_panel_title(in, NULL, of.backbone, size, &panels[p].title, error));
        TRY(figure_add_lines(&reader, size, &panels[p], all + p * in->head_count, error));
    }
    into->panels = panels;
    into->panel_count = count;
    into->columns = columns;
done:
    return status;
}

/* ---- what it shows ----------------------------------------------------------------------- */

/* The head but original whose slope is nearest to 0; NULL without any. */
static const figure_head *flattest(const figure_source *in, const rank_line *of, double *slope)
{
    const figure_head *found = NULL;
    for (size_t h = 0; h < in->head_count; h++) {
        const figure_head *entry = &in->heads[h];
        double own = figure_value(in, "%s/%s/%s/slope", of->split, of->backbone, entry->name);
        bool is_better = isfinite(own) && (found == NULL || fabs(own) < fabs(*slope));
        if (!entry->is_original && is_better) {
            found = entry;
            *slope = own;
        }
    }
    return found;
}

/* "20.0% to 95.0%": the first and the last part of the ranks; false without them. */
static bool ends_text(const figure_source *in, const rank_line *of, const char *name,
                      char dst[2][PLOT_NUMBER_SIZE])
{
    size_t count = count_bins(in, of, name);
    double ends[2];
    for (size_t i = 0; i < 2; i++) {
        ends[i] = figure_value(in, "%s/%s/%s/bin/%02zu/top1", of->split, of->backbone, name,
                               i == 0 ? 1 : count);
        plot_number_text(ends[i], PLOT_SHARE, dst[i]);
    }
    return isfinite(ends[0]) && isfinite(ends[1]);
}

static spur_status add_sentence(const figure_source *in, const rank_line *of, const char **text,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    char ends[2][PLOT_NUMBER_SIZE];
    double slope = (double)NAN;
    const figure_head *flat = flattest(in, of, &slope);
    const char *before = *text;
    bool has_own = ends_text(in, of, HEAD_ORIGINAL, ends);
    if (has_own) {
        TRY(figure_text(
            in, text, error,
            "%s%s%s: the model\xE2\x80\x99s own last layer is right on %s of the most hidden "
            "images and on %s of the clearest.",
            before, before[0] == '\0' ? "" : " ", of->backbone, ends[0], ends[1]));
    }
    if (flat != NULL && ends_text(in, of, flat->name, ends)) {
        before = *text;
        TRY(figure_text(in, text, error, "%s%s%s%s %s: %s and %s.", before,
                        before[0] == '\0' ? "" : " ", has_own ? "" : of->backbone,
                        has_own ? "Flattest of the others is" : ": flattest is", flat->name,
                        ends[0], ends[1]));
    }
done:
    return status;
}

static spur_status describe(const figure_source *in, const char *split, figure *into,
                            spur_error *error)
{
    spur_status status;
    into->caption = caption;
    into->drawing.finding = "";
    TRY(figure_text(in, &into->drawing.title, error, "Accuracy by rank in class, split %s",
                    split));
    for (size_t b = 0; b < in->backbone_count; b++) {
        rank_line of = {split, in->backbones[b]};
        TRY(add_sentence(in, &of, &into->drawing.finding, error));
    }
done:
    return status;
}

static spur_status add_split(figure_list *into, const char *split, spur_error *error)
{
    spur_status status;
    const figure_source *in = into->source;
    figure made = {.drawing = {.x = {.label = "Place in class, hidden to clear",
                                     .key = "place",
                                     .form = PLOT_SHARE,
                                     .include = {0.0, 1.0}},
                               .y = {.label = "Top-1 accuracy",
                                     .key = "top1",
                                     .form = PLOT_SHARE,
                                     .include = {(double)NAN, (double)NAN}}}};
    TRY(figure_make_id(into, "accuracy-by-rank", split, &made.drawing.id, error));
    TRY(add_panels(in, split, &made.drawing, error));
    TRY(describe(in, split, &made, error));
    made.data = made.drawing;
    TRY(figure_add(into, &made, error));
done:
    return status;
}

static bool has_curve(const figure_source *in, const char *split)
{
    for (size_t b = 0; b < in->backbone_count; b++) {
        rank_line of = {split, in->backbones[b]};
        if (most_bins(in, &of) > 0) {
            return true;
        }
    }
    return false;
}

spur_status figure_add_ranks(figure_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    const figure_source *in = into->source;
    for (size_t s = 0; s < in->split_count; s++) {
        bool is_training = strcmp(in->splits[s], "train") == 0;
        if (!is_training && has_curve(in, in->splits[s])) {
            TRY(add_split(into, in->splits[s], error));
        }
    }
done:
    return status;
}
