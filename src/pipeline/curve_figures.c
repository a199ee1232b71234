/*
 * curve_figures.c - the numbers of one head: over all images, by rank, with their intervals.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/statistics_intervals.h"
#include "pipeline/curve_group.h"

#define MISS 0.05
#define KEY "%s/%s/%s/"
#define NAME(set) (set)->split, (set)->backbone, (set)->head

void curve_k_text(curve_k k, char out[SUBSET_KEY_SIZE])
{
    char name[SUBSET_KEY_SIZE];
    const subset_key key = {SUBSET_CLEAR, k.amount, k.is_share, 0};
    subset_key_text(&key, SPUR_NAMING_CONTENT, name);
    (void)snprintf(out, SUBSET_KEY_SIZE, "%s", strchr(name, '-') + 1);
}

double curve_share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

/* ---- over all images --------------------------------------------------------------------- */

typedef struct tallies {
    uint64_t n, correct, top5, known;
    double class_mean; /* of the accuracies of classes with images */
} tallies;

static spur_status count_all(const evaluation_rows *rows, const prediction_set *set,
                             tallies *out, spur_error *error)
{
    spur_status status;
    curve_point *classes = NULL;
    tallies made = {.class_mean = (double)NAN};
    TRY(memory_new_zeroed(rows->class_count, sizeof *classes, &classes, error));
    for (size_t i = 0; i < rows->count; i++) {
        unsigned flags = set->flags[i];
        if ((flags & PREDICTION_VALID) != 0) {
            uint64_t is_right = (flags & PREDICTION_CORRECT) != 0 ? 1 : 0;
            made.n++;
            made.correct += is_right;
            made.top5 += (flags & PREDICTION_TOP5) != 0 ? 1 : 0;
            made.known += (flags & PREDICTION_KNOWN) != 0 ? 1 : 0;
            classes[rows->class_index[i]].n++;
            classes[rows->class_index[i]].correct += is_right;
        }
    }
    made.class_mean = curve_mean(classes, rows->class_count);
    *out = made;
done:
    memory_free(classes);
    return status;
}

static spur_status add_tallies(curve_group *group, const group_head *of, spur_error *error)
{
    spur_status status;
    tallies all;
    result_list *into = group->results;
    const prediction_name *name = of->name;
    TRY(count_all(group->images, &of->set, &all, error));
    statistics_interval wilson = statistics_wilson(all.correct, all.n, MISS);
    TRY(result_add(into, error, (double)all.n, KEY "n", NAME(name)));
    TRY(result_add(into, error, curve_share(all.correct, all.n), KEY "top1", NAME(name)));
    TRY(result_add(into, error, all.class_mean, KEY "top1_class_mean", NAME(name)));
    TRY(result_add(into, error, curve_share(all.top5, all.n), KEY "top5", NAME(name)));
    TRY(result_add(into, error, wilson.low, KEY "wilson_low", NAME(name)));
    TRY(result_add(into, error, wilson.high, KEY "wilson_high", NAME(name)));
    TRY(result_add(into, error, (double)all.known, KEY "known_n", NAME(name)));
    TRY(result_add(into, error, curve_share(all.correct, all.known), KEY "known_top1",
                   NAME(name)));
done:
    return status;
}

/* ---- intervals of draws ------------------------------------------------------------------ */

/* METRIC_low and METRIC_high. */
static spur_status add_interval(curve_group *group, const group_head *of, const double *draws,
                                const char *metric, spur_error *error)
{
    spur_status status = SPUR_OK;
    bootstrap_interval interval;
    if (group->has_draws) {
        TRY(bootstrap_interval_of(draws, NULL, of->draws.draws, &interval, error));
        TRY(result_add(group->results, error, interval.low, KEY "%s_low", NAME(of->name),
                       metric));
        TRY(result_add(group->results, error, interval.high, KEY "%s_high", NAME(of->name),
                       metric));
    }
done:
    return status;
}

/* ---- gaps -------------------------------------------------------------------------------- */

static spur_status add_gap(curve_group *group, const group_head *of, size_t k,
                           spur_error *error)
{
    spur_status status;
    char text[SUBSET_KEY_SIZE], metric[SUBSET_KEY_SIZE + 16];
    result_list *into = group->results;
    curve_gap gap = curve_gap_at(&of->rows, group->ks[k]);
    curve_k_text(group->ks[k], text);
    (void)snprintf(metric, sizeof metric, "gap_at_%s", text);
    TRY(result_add(into, error, gap.gap, KEY "%s", NAME(of->name), metric));
    TRY(result_add(into, error, curve_share(gap.clear_correct, gap.clear_n), KEY "clear_at_%s",
                   NAME(of->name), text));
    TRY(result_add(into, error, curve_share(gap.hidden_correct, gap.hidden_n),
                   KEY "hidden_at_%s", NAME(of->name), text));
    TRY(result_add(into, error, curve_gap_detectable(&gap), KEY "%s_detectable", NAME(of->name),
                   metric));
    const double *draws = group->has_draws ? of->draws.gap + k * of->draws.draws : NULL;
    TRY(add_interval(group, of, draws, metric, error));
done:
    return status;
}

/* ---- bins -------------------------------------------------------------------------------- */

static spur_status add_bin(curve_group *group, const group_head *of, const curve_bin *bin,
                           size_t number, spur_error *error)
{
    spur_status status;
    result_list *into = group->results;
    statistics_interval wilson = statistics_wilson_share(bin->accuracy, bin->trials, MISS);
    TRY(result_add(into, error, (double)bin->n, KEY "bin/%02zu/n", NAME(of->name), number));
    TRY(result_add(into, error, bin->from, KEY "bin/%02zu/from", NAME(of->name), number));
    TRY(result_add(into, error, bin->to, KEY "bin/%02zu/to", NAME(of->name), number));
    if (bin->classes > 0) {
        TRY(result_add(into, error, bin->accuracy, KEY "bin/%02zu/top1", NAME(of->name),
                       number));
        TRY(result_add(into, error, wilson.low, KEY "bin/%02zu/low", NAME(of->name), number));
        TRY(result_add(into, error, wilson.high, KEY "bin/%02zu/high", NAME(of->name), number));
    }
done:
    return status;
}

/* The lowest of so many bins: its bound misses with 5 % over all of them. */
static spur_status add_worst(curve_group *group, const group_head *of, const curve_bin *bins,
                             size_t count, spur_error *error)
{
    spur_status status = SPUR_OK;
    result_list *into = group->results;
    size_t worst = curve_worst_bin(bins, count);
    if (worst < count) {
        const curve_bin *bin = &bins[worst];
        /* The lower end of a two-sided interval that misses 2 * MISS / count. */
        statistics_interval bound =
            statistics_wilson_share(bin->accuracy, bin->trials, 2.0 * MISS / (double)count);
        TRY(result_add(into, error, bin->accuracy, KEY "worst_bin", NAME(of->name)));
        TRY(result_add(into, error, bound.low, KEY "worst_bin_bound", NAME(of->name)));
        TRY(result_add(into, error, (double)worst + 1.0, KEY "worst_bin_number",
                       NAME(of->name)));
        TRY(add_interval(group, of, of->draws.worst, "worst_bin", error));
    }
done:
    return status;
}

static spur_status add_bins(curve_group *group, const group_head *of, spur_error *error)
{
    spur_status status;
    curve_bin *bins = NULL;
    size_t count = 0;
    TRY(curve_bins(&of->rows, &bins, &count, error));
    for (size_t b = 0; b < count; b++) {
        TRY(add_bin(group, of, &bins[b], b + 1, error));
    }
    TRY(add_worst(group, of, bins, count, error));
done:
    memory_free(bins);
    return status;
}

/* ---- the curve --------------------------------------------------------------------------- */

/* How many deviations of a point hold the whole curve with 95 %. */
static spur_status add_band(curve_group *group, const group_head *of, spur_error *error)
{
    spur_status status = SPUR_OK;
    double factor;
    if (group->has_draws) {
        TRY(bootstrap_quantile(of->draws.deviation, of->draws.draws, 1.0 - MISS, &factor,
                               error));
        TRY(result_add(group->results, error, factor, KEY "band_factor", NAME(of->name)));
    }
done:
    return status;
}

static spur_status add_curve(curve_group *group, const group_head *of, spur_error *error)
{
    spur_status status;
    curve_point *points = NULL;
    size_t count = 0;
    TRY(curve_points(&of->rows, &points, &count, error));
    TRY(result_add(group->results, error, (double)count, KEY "curve_ranks", NAME(of->name)));
    TRY(result_add(group->results, error, curve_mean(points, count), KEY "curve_mean",
                   NAME(of->name)));
    TRY(result_add(group->results, error, curve_slope(&of->rows), KEY "slope", NAME(of->name)));
    TRY(add_interval(group, of, of->draws.mean, "top1", error));
    TRY(add_interval(group, of, of->draws.slope, "slope", error));
    TRY(add_band(group, of, error));
done:
    memory_free(points);
    return status;
}

spur_status curve_group_figures(curve_group *group, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < group->count; i++) {
        const group_head *of = &group->heads[i];
        TRY(add_tallies(group, of, error));
        TRY(add_curve(group, of, error));
        TRY(add_bins(group, of, error));
        for (size_t k = 0; k < group->k_count; k++) {
            TRY(add_gap(group, of, k, error));
        }
    }
done:
    return status;
}
