/*
 * figure_kinds.h - the kinds of figures, in reading order: each adds those it finds numbers
 * for.
 */
#ifndef REPORT_FIGURE_KINDS_H
#define REPORT_FIGURE_KINDS_H

#include "report/figure_source.h"
#include "report/figures.h"

spur_status figure_add(figure_list *into, const figure *item, spur_error *error) SPUR_MUST_USE;
/* `prefix`-`name` as a word of letters, digits and '-', different from those before. */
spur_status figure_make_id(const figure_list *in, const char *prefix, const char *name,
                           const char **out, spur_error *error) SPUR_MUST_USE;

/* Accuracy by rank, per split but train (the paper's figures 3 and 6). */
spur_status figure_add_ranks(figure_list *into, spur_error *error) SPUR_MUST_USE;
/* Noise in the object's box and outside (figure 4). */
spur_status figure_add_noise(figure_list *into, spur_error *error) SPUR_MUST_USE;
/* Accuracy in distribution against every other split (figure 5). */
spur_status figure_add_shifts(figure_list *into, spur_error *error) SPUR_MUST_USE;
/* Accuracy by group of images, per split but train. */
spur_status figure_add_groups(figure_list *into, spur_error *error) SPUR_MUST_USE;
/* Gap between clear and hidden images by class. */
spur_status figure_add_gaps(figure_list *into, spur_error *error) SPUR_MUST_USE;

#endif
