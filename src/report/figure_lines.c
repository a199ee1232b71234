/*
 * figure_lines.c - lines of heads, and seeds of random subsets taken together.
 */
#include "report/figure_lines.h"

#include <math.h>

/* Adds one more seed to a line of `seeds` seeds so far: sums in y, the range in low and high.
 */
static void merge_seed(plot_point *into, const plot_point *from, size_t count, size_t seeds)
{
    for (size_t i = 0; i < count; i++) {
        if (seeds == 1) {
            into[i].y_low = into[i].y_high = into[i].y;
        }
        into[i].y += from[i].y;
        into[i].y_low = fmin(into[i].y_low, from[i].y);
        into[i].y_high = fmax(into[i].y_high, from[i].y);
    }
}

static void finish_seeds(plot_series *series, plot_point *points, size_t seeds)
{
    for (size_t i = 0; i < series->count && seeds > 1; i++) {
        points[i].y /= (double)seeds;
    }
    series->mean /= (double)seeds;
}

static bool has_numbers(const figure_points *points)
{
    for (size_t i = 0; i < points->count; i++) {
        if (isfinite(points->points[i].y)) {
            return true;
        }
    }
    return false;
}

static bool is_random(const figure_head *entry)
{
    return entry->is_subset && entry->key.kind == SUBSET_RANDOM;
}

spur_status figure_add_lines(const figure_reader *from, const figure_size *size,
                             plot_panel *panel, plot_series *series, spur_error *error)
{
    spur_status status = SPUR_OK;
    plot_point *random = NULL; /* of the last series, while it is of random subsets */
    size_t seeds = 0;
    for (size_t h = 0; h < from->in->head_count; h++) {
        const figure_head *entry = &from->in->heads[h];
        figure_points line;
        double mean = (double)NAN;
        if (!figure_has_size(entry, size)) {
            continue;
        }
        TRY(figure_new_points(from->in, from->count, &line, error));
        from->read(from, entry->name, line.points, &mean);
        if (!has_numbers(&line)) {
            continue;
        }
        if (is_random(entry) && random != NULL) {
            merge_seed(random, line.points, line.count, seeds);
            series[panel->count - 1].mean += mean;
            seeds++;
            continue;
        }
        plot_series *next = &series[panel->count++];
        *next = plot_series_make(figure_short_name(entry), figure_role(entry), PLOT_LINE,
                                 line.points, line.count);
        next->mean = mean;
        random = is_random(entry) ? line.points : random;
        seeds = is_random(entry) ? 1 : seeds;
    }
    for (size_t s = 0; s < panel->count && random != NULL; s++) {
        if (series[s].points == random) {
            finish_seeds(&series[s], random, seeds);
        }
    }
done:
    return status;
}

spur_status figure_panel_title(const figure_source *in, const char *first, const char *backbone,
                               const figure_size *size, const char **out, spur_error *error)
{
    return figure_text(in, out, error, "%s%s%s%s%s", first == NULL ? "" : first,
                       first == NULL ? "" : ", ", backbone, size->text == NULL ? "" : ", ",
                       size->text == NULL ? "" : size->text);
}
