/*
 * eval_print_ood.c - out of distribution: a table per set and backbone, both accuracies of
 * every head side by side.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/eval_print.h"

enum {
    HEAD_WIDTH = 16
};

static const char mark[] = "/ood_top1";

/* "SPLIT/BACKBONE/HEAD" of a key "SPLIT/BACKBONE/HEAD/ood_top1". */
static bool is_set(const char *key, char set[EVAL_SET_SIZE])
{
    size_t length = strlen(key), tail = sizeof mark - 1;
    if (length <= tail || length - tail >= EVAL_SET_SIZE ||
        strcmp(key + length - tail, mark) != 0) {
        return false;
    }
    memcpy(set, key, length - tail);
    set[length - tail] = '\0';
    return strchr(set, '/') != NULL;
}

static void print_heading(const spur_eval_summary *from, const char *set,
                          const terminal *screen)
{
    char text[EVAL_SET_SIZE];
    (void)screen;
    memcpy(text, set, strlen(set) + 1);
    text[eval_group_length(set)] = '\0';
    (void)fputs("\nOut of distribution: ", stdout);
    escape_print(text, stdout);
    (void)printf(", %.0f images of %.0f classes\n", eval_value(from, set, "ood_n"),
                 eval_value(from, set, "ood_classes"));
    (void)printf("%-*s%8s%14s%8s%8s%8s%8s%9s\n", HEAD_WIDTH, "head", "top-1", "95 %", "among",
                 "all", "in d.", "drop", "above");
}

static void print_row(const spur_eval_summary *from, const char *set)
{
    char shown[4 * HEAD_WIDTH + ESCAPE_SIZE], interval[40];
    double residual = eval_value(from, set, "ood_residual");
    escape_fit(strrchr(set, '/') + 1, HEAD_WIDTH, shown, sizeof shown);
    (void)snprintf(interval, sizeof interval, "%.1f..%.1f",
                   100.0 * eval_value(from, set, "ood_top1_low"),
                   100.0 * eval_value(from, set, "ood_top1_high"));
    (void)fputs(shown, stdout);
    eval_print_percent(eval_value(from, set, "ood_top1"), 8);
    (void)printf("%14s", interval);
    eval_print_percent(eval_value(from, set, "ood_top1_masked"), 8);
    eval_print_percent(eval_value(from, set, "ood_top1_full"), 8);
    eval_print_percent(eval_value(from, set, "id_top1"), 8);
    eval_print_percent(eval_value(from, set, "ood_drop"), 8);
    if (isnan(residual)) {
        (void)printf("%9s\n", "-");
    } else {
        (void)printf("%+9.2f\n", 100.0 * residual);
    }
}

void eval_print_ood(const spur_eval_summary *from, const terminal *screen)
{
    static const eval_set_table table = {is_set, print_heading, print_row};
    if (eval_print_table(from, &table, screen)) {
        (void)puts(
            "\nin d.: in distribution, on the same classes; among, all: the best among the "
            "set's\nclasses, or among all outputs: top-1 and in d. are the one that is usual "
            "for the\nset; above: points above the line through the heads on logit axes.");
        eval_print_findings(from, "ood", "Out of distribution:");
    }
}
