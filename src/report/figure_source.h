/*
 * figure_source.h - what figures are made of: the numbers of run.db by their keys, and which
 * splits, backbones and heads there are.
 */
#ifndef REPORT_FIGURE_SOURCE_H
#define REPORT_FIGURE_SOURCE_H

#include "base/memory.h"
#include "io/store_results.h"
#include "pipeline/predictions.h"
#include "pipeline/subset_key.h"
#include "report/plot.h"

typedef struct figure_head {
    const char *name;
    bool is_original, is_subset; /* neither: a head of the user's */
    subset_key key;              /* when is_subset */
    size_t place;                /* among the user's heads */
} figure_head;

/* Subsets of one size: a row of panels. */
typedef struct figure_size {
    uint64_t amount;
    bool is_fraction;
    const char *text; /* "k = 100"; NULL: no subset at all */
} figure_size;

typedef struct figure_source {
    spur_run *run;
    arena *texts;
    store_result *results; /* by key */
    size_t count, capacity;
    prediction_list sets;
    const char **splits, **backbones;
    size_t split_count, backbone_count;
    figure_head *heads; /* original first, then by size, kind, seed, then the user's */
    size_t head_count;
    figure_size *sizes; /* at least one */
    size_t size_count;
    const char *known; /* split whose accuracy counts as in-distribution; NULL without any */
} figure_source;

spur_status figure_source_open(spur_run *run, figure_source *out,
                               spur_error *error) SPUR_MUST_USE;
void figure_source_close(figure_source *block);

/* The number under the key that format and what follows make; NaN when there is none. */
double figure_value(const figure_source *in, const char *format, ...) PRINTF_LIKE(2, 3);
/* A text that lives as long as the source. */
spur_status figure_text(const figure_source *in, const char **out, spur_error *error,
                        const char *format, ...) PRINTF_LIKE(4, 5) SPUR_MUST_USE;

/* The role and the short name ("clear") of a head in panels of one size. */
plot_role figure_role(const figure_head *entry);
const char *figure_short_name(const figure_head *entry);
/* True when the head is shown in the panels of that size: the original head and the user's are
 * in all. */
bool figure_has_size(const figure_head *entry, const figure_size *size);

/* Series with points taken from the source's arena. */
typedef struct figure_points {
    plot_point *points;
    size_t count;
} figure_points;
spur_status figure_new_points(const figure_source *in, size_t count, figure_points *out,
                              spur_error *error) SPUR_MUST_USE;
spur_status figure_new_panels(const figure_source *in, size_t panels, size_t series,
                              plot_panel **out, plot_series **all,
                              spur_error *error) SPUR_MUST_USE;

#endif
