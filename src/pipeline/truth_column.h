/*
 * truth_column.h - one further column of the manifest, as numbers or as a few categories.
 *
 * A cell is missing when the row lacks the column or holds null, nothing, "nan", "na" or
 * "n/a" (any case): "none" is a value like any other.
 */
#ifndef PIPELINE_TRUTH_COLUMN_H
#define PIPELINE_TRUTH_COLUMN_H

#include <stdbool.h>

#include "base/memory.h"
#include "pipeline/run.h"

enum {
    TRUTH_MOST_VALUES = 50, /* more different texts are no categories */
    TRUTH_MISSING = -1      /* truth_cell.value of a cell without text */
};

typedef struct truth_cell {
    double number; /* NaN when the text is none */
    int value;     /* index in values; TRUTH_MISSING also beyond TRUTH_MOST_VALUES */
    bool is_missing;
} truth_cell;

typedef struct truth_column {
    arena *texts;
    const char *name;
    const char *values[TRUTH_MOST_VALUES]; /* in order of appearance */
    size_t value_count;
    bool has_more_values;
    double numbers[3]; /* the first different numbers */
    size_t number_count;
    const char *text; /* the first text that is no number, or NULL, and whose it is */
    const char *text_image;
    uint64_t present;   /* scored images with a value */
    truth_cell **cells; /* [split][row]; NULL for splits that were not asked for */
    size_t split_count;
} truth_column;

/* split NULL: all. SPUR_DATASET when no image has the column, or none a value in it. */
spur_status truth_column_read(spur_run *run, const char *name, const char *split,
                              truth_column **out, spur_error *error) SPUR_MUST_USE;
void truth_column_free(truth_column *block);

/* SPUR_DATASET unless the column holds at most TRUTH_MOST_VALUES different values. */
spur_status truth_column_needs_categories(const truth_column *from,
                                          spur_error *error) SPUR_MUST_USE;

#endif
