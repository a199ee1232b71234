/*
 * figure_groups.c - accuracy in every group of images: a row per group, a mark per head.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figure_kinds.h"
#include "report/figure_lines.h"

static const char caption[] =
    "Top-1 accuracy over the images of each group with its 95% interval; the groups where the "
    "first last layer is worst stand on top. Random subsets of one k are one mark: the mean, "
    "with the range over the seeds.";

enum {
    MOST_GROUPS = 40 /* drawn; of more, those on top */
};

typedef struct group_place {
    const char *name;
    double top1; /* of the first head that has any */
    size_t found;
} group_place;

typedef struct group_figure {
    const figure_source *in;
    const char *split;
    group_place *groups;
    const char **names;
    size_t count, capacity;
} group_figure;

/* ---- groups of a split ------------------------------------------------------------------- */

/* The group of groups/<split>/<backbone>/<head>/group/<group>/top1, or NULL. */
static spur_status group_of(const figure_source *in, const char *split, const char *key,
                            const char **out, spur_error *error)
{
    static const char first[] = "groups/", middle[] = "/group/", last[] = "/top1";
    spur_status status = SPUR_OK;
    size_t length = strlen(split);
    size_t whole = strlen(key);
    *out = NULL;
    if (strncmp(key, first, sizeof first - 1) != 0 ||
        strncmp(key + sizeof first - 1, split, length) != 0 ||
        key[sizeof first - 1 + length] != '/') {
        return SPUR_OK;
    }
    const char *at = strstr(key + sizeof first + length, middle);
    if (at != NULL && whole > sizeof last &&
        strcmp(key + whole - (sizeof last - 1), last) == 0) {
        const char *begin = at + sizeof middle - 1;
        const char *end = key + whole - (sizeof last - 1);
        if (end > begin) {
            TRY(figure_text(in, out, error, "%.*s", (int)(end - begin), begin));
        }
    }
done:
    return status;
}

static bool is_known(const group_figure *of, const char *name)
{
    for (size_t i = 0; i < of->count; i++) {
        if (strcmp(of->groups[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static double group_value(const figure_source *in, const char *split, const char *backbone,
                          const char *layer, const char *group, const char *what)
{
    return figure_value(in, "groups/%s/%s/%s/group/%s/%s", split, backbone, layer, group, what);
}

static double first_value(const group_figure *of, const char *group)
{
    for (size_t i = 0; i < of->in->backbone_count * of->in->head_count; i++) {
        double value = group_value(of->in, of->split, of->in->backbones[i / of->in->head_count],
                                   of->in->heads[i % of->in->head_count].name, group, "top1");
        if (isfinite(value)) {
            return value;
        }
    }
    return (double)NAN;
}

static int compare_places(const void *a, const void *b)
{
    const group_place *left = a;
    const group_place *right = b;
    if (left->top1 != right->top1) {
        return left->top1 < right->top1 ? -1 : 1;
    }
    return (left->found > right->found) - (left->found < right->found);
}

static spur_status find_groups(group_figure *of, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < of->in->count; i++) {
        const char *name = NULL;
        TRY(group_of(of->in, of->split, of->in->results[i].key, &name, error));
        if (name == NULL || is_known(of, name)) {
            continue;
        }
        double value = first_value(of, name);
        if (isfinite(value)) {
            TRY(memory_grow(&of->groups, &of->capacity, of->count + 1, sizeof *of->groups,
                            error));
            of->groups[of->count] = (group_place){name, value, of->count};
            of->count++;
        }
    }
    if (of->count > 0) {
        qsort(of->groups, of->count, sizeof *of->groups, compare_places);
    }
    TRY(arena_take(of->in->texts, of->count, sizeof *of->names, &of->names, error));
    for (size_t i = 0; i < of->count; i++) {
        of->names[i] = of->groups[i].name;
    }
done:
    return status;
}

/* ---- panels ------------------------------------------------------------------------------ */

typedef struct group_rows {
    const group_figure *of;
    const char *backbone;
} group_rows;

/* As for lines: the accuracy in y; turned afterwards. */
static void read_groups(const figure_reader *from, const char *layer, plot_point *points,
                        double *mean)
{
    const group_rows *rows = from->context;
    const group_figure *of = rows->of;
    (void)mean;
    for (size_t i = 0; i < from->count; i++) {
        points[i].x = (double)i;
        points[i].y =
            group_value(of->in, of->split, rows->backbone, layer, of->names[i], "top1");
        points[i].y_low =
            group_value(of->in, of->split, rows->backbone, layer, of->names[i], "low");
        points[i].y_high =
            group_value(of->in, of->split, rows->backbone, layer, of->names[i], "high");
    }
}

/* Accuracy across, groups down, the heads of a group one below the other. */
static spur_status turn(const figure_source *in, plot_panel *panel, plot_series *series,
                        spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t s = 0; s < panel->count; s++) {
        figure_points turned;
        double beside =
            ((double)s - ((double)panel->count - 1.0) / 2.0) * 0.8 / (double)panel->count;
        TRY(figure_new_points(in, series[s].count, &turned, error));
        for (size_t i = 0; i < turned.count; i++) {
            const plot_point *from = &series[s].points[i];
            turned.points[i] = plot_at(from->y, from->x + beside);
            turned.points[i].x_low = from->y_low;
            turned.points[i].x_high = from->y_high;
        }
        series[s].points = turned.points;
        series[s].mark = PLOT_POINTS;
    }
done:
    return status;
}

/* The first `count` groups, for `sizes` sizes from `first` on. */
static spur_status add_panels(const group_figure *of, size_t count, const figure_size *first,
                              size_t sizes, plot *into, spur_error *error)
{
    spur_status status;
    plot_panel *panels = NULL;
    plot_series *all = NULL;
    const figure_source *in = of->in;
    size_t columns = in->backbone_count;
    size_t most = 1;
    TRY(figure_new_panels(in, columns * sizes, in->head_count, &panels, &all, error));
    for (size_t p = 0; p < columns * sizes; p++) {
        group_rows rows = {of, in->backbones[p % columns]};
        figure_reader reader = {in, &rows, count, read_groups};
        plot_series *series = all + p * in->head_count;
        TRY(figure_panel_title(in, NULL, rows.backbone, &first[p / columns], &panels[p].title,
                               error));
        TRY(figure_add_lines(&reader, &first[p / columns], &panels[p], series, error));
        TRY(turn(in, &panels[p], series, error));
        most = panels[p].count > most ? panels[p].count : most;
    }
    into->panels = panels;
    into->panel_count = columns * sizes;
    into->columns = 2;
    into->height = (double)count * (10.0 + 10.0 * (double)most);
    into->y.names = of->names;
    into->y.name_count = count;
done:
    return status;
}

/* ---- what it shows ----------------------------------------------------------------------- */

static spur_status describe(const group_figure *of, figure *into, spur_error *error)
{
    spur_status status;
    char shown[2][PLOT_NUMBER_SIZE];
    const group_place *worst = &of->groups[0];
    const group_place *best = &of->groups[of->count - 1];
    plot_number_text(worst->top1, PLOT_SHARE, shown[0]);
    plot_number_text(best->top1, PLOT_SHARE, shown[1]);
    TRY(figure_text(of->in, &into->drawing.title, error, "Accuracy by group, split %s",
                    of->split));
    TRY(figure_text(of->in, &into->drawing.finding, error,
                    "%s, %s: of %zu groups the worst is %s with %s, the best %s with %s.",
                    of->in->backbones[0], of->in->heads[0].name, of->count, worst->name,
                    shown[0], best->name, shown[1]));
done:
    return status;
}

static spur_status add_split(figure_list *into, const char *split, spur_error *error)
{
    spur_status status;
    const figure_source *in = into->source;
    const double none = (double)NAN;
    group_figure of = {.in = in, .split = split};
    figure made = {.drawing = {.x = {.label = "Top-1 accuracy",
                                     .key = "top1",
                                     .form = PLOT_SHARE,
                                     .include = {none, none}},
                               .y = {.key = "group", .include = {none, none}}},
                   .caption = caption};
    TRY(find_groups(&of, error));
    if (of.count == 0) {
        goto done;
    }
    size_t drawn = of.count > MOST_GROUPS ? MOST_GROUPS : of.count;
    TRY(figure_make_id(into, "groups", split, &made.drawing.id, error));
    TRY(describe(&of, &made, error));
    made.data = made.drawing;
    TRY(add_panels(&of, drawn, &in->sizes[in->size_count / 2], 1, &made.drawing, error));
    TRY(add_panels(&of, of.count, in->sizes, in->size_count, &made.data, error));
    TRY(figure_add(into, &made, error));
done:
    memory_free(of.groups);
    return status;
}

spur_status figure_add_groups(figure_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    const figure_source *in = into->source;
    for (size_t s = 0; s < in->split_count; s++) {
        if (strcmp(in->splits[s], "train") != 0) {
            TRY(add_split(into, in->splits[s], error));
        }
    }
done:
    return status;
}
