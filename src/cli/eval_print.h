/*
 * eval_print.h - the numbers of an evaluation for people: tables per split and backbone, then
 * what was found, in sentences.
 */
#ifndef CLI_EVAL_PRINT_H
#define CLI_EVAL_PRINT_H

#include "cli/terminal.h"

/* The value of "SPLIT/BACKBONE/HEAD/METRIC", or NaN. */
double eval_value(const spur_eval_summary *from, const char *prefix, const char *metric);
/* A fraction in percent, right-aligned in `width` columns; NaN is "-". */
void eval_print_percent(double value, int width);
/* A table per group of sets: `is_set` takes "PREFIX/BACKBONE/HEAD" out of a key that marks one,
 * `heading` begins the table of a set's group, `row` is one line. Several keys of one set mark
 * it once. False when there is none. */
enum {
    EVAL_SET_SIZE = 1024
};
typedef struct eval_set_table {
    bool (*is_set)(const char *key, char set[EVAL_SET_SIZE]);
    void (*heading)(const spur_eval_summary *from, const char *set, const terminal *screen);
    void (*row)(const spur_eval_summary *from, const char *set);
} eval_set_table;
bool eval_print_table(const spur_eval_summary *from, const eval_set_table *of,
                      const terminal *screen);
/* The length of "PREFIX/BACKBONE" in a set. */
size_t eval_group_length(const char *set);
/* Accuracies and gaps of every head. */
void eval_print_curves(const spur_eval_summary *from, const terminal *screen);
/* Gaps against shuffled ranks, inside strata and without suspects. */
void eval_print_controls(const spur_eval_summary *from, const terminal *screen);
/* Noise on the object and around it; the detector's audit; with their sentences. Nothing when
 * the run has no such numbers. */
void eval_print_noise(const spur_eval_summary *from, const terminal *screen);
void eval_print_audit(const spur_eval_summary *from, const terminal *screen);
/* Splits out of distribution; groups; with their sentences. Nothing when the run has none. */
void eval_print_ood(const spur_eval_summary *from, const terminal *screen);
void eval_print_groups(const spur_eval_summary *from, const terminal *screen);
/* Sentences of one stage ("eval", "noise"); `heading` before the first. */
void eval_print_findings(const spur_eval_summary *from, const char *stage, const char *heading);

#endif
