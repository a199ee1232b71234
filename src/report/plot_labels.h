/*
 * plot_labels.h - how wide texts are without a font, and places for labels that do not overlap.
 *
 * Widths are those of a wide common sans-serif letter by letter, so that a label fits in the
 * fonts of all systems.
 */
#ifndef REPORT_PLOT_LABELS_H
#define REPORT_PLOT_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct plot_box {
    double left, top, right, bottom;
} plot_box;

bool plot_boxes_overlap(const plot_box *a, const plot_box *b);

/* Width of text as markup_text shows it, in units of the font size `size`. */
double plot_text_width(const char *text, double size);

/* The text as it is shown, cut with an ellipsis to fit `width`; true when it was cut. `dst`
 * never ends within a character. */
bool plot_text_fit(const char *text, double size, double width, char *dst, size_t capacity);

/* Where the line that begins at text ends when it is at most `width` wide: behind the last
 * word that fits (at least one character). */
size_t plot_text_break(const char *text, double size, double width);

/* Moves `places` (centres, any order) as little as possible, in the sense of least squares, so
 * that neighbours are `gap` apart and all lie in low .. high; their order is kept, equal ones
 * keep the order of the array. False, and nothing moved, when they do not fit. */
spur_status plot_spread(double *places, size_t count, double gap, double low, double high,
                        bool *fits, spur_error *error) SPUR_MUST_USE;

/* Boxes that are taken already. */
typedef struct plot_taken {
    plot_box *boxes;
    size_t count, capacity;
} plot_taken;

spur_status plot_take(plot_taken *into, const plot_box *box, spur_error *error) SPUR_MUST_USE;
bool plot_is_free(const plot_taken *in, const plot_box *box);
void plot_taken_free(plot_taken *block);

/* A place for a text of width x height beside a mark of radius `around` at (x, y): right, left,
 * above, below, then farther; inside `within` and free. Takes it; *found is false when there is
 * none. *is_far: the text needs a line to its mark. */
typedef struct plot_label {
    double x, y, around; /* the mark */
    double width, height;
} plot_label;
spur_status plot_place(plot_taken *taken, const plot_box *within, const plot_label *label,
                       plot_box *out, bool *found, bool *is_far,
                       spur_error *error) SPUR_MUST_USE;

#endif
