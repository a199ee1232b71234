/*
 * eval_print_groups.c - a table per split and backbone: the worst group, the worst class in a
 * group, and every average under its name.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/eval_print.h"

enum {
    HEAD_WIDTH = 16
};

static const char start[] = "groups/";
static const char mark[] = "/mean_images";

/* "groups/SPLIT/BACKBONE/HEAD" of its key that ends in the mark. */
static bool is_set(const char *key, char set[EVAL_SET_SIZE])
{
    size_t length = strlen(key), tail = sizeof mark - 1;
    if (strncmp(key, start, sizeof start - 1) != 0 || length <= tail ||
        length - tail >= EVAL_SET_SIZE || strcmp(key + length - tail, mark) != 0) {
        return false;
    }
    memcpy(set, key, length - tail);
    set[length - tail] = '\0';
    return true;
}

static void print_heading(const spur_eval_summary *from, const char *set,
                          const terminal *screen)
{
    char text[EVAL_SET_SIZE];
    (void)screen;
    memcpy(text, set, strlen(set) + 1);
    text[eval_group_length(set)] = '\0';
    (void)fputs("\nGroups: ", stdout);
    escape_print(text + sizeof start - 1, stdout);
    (void)printf(", %.0f images, %.0f classes by group\n", eval_value(from, set, "n"),
                 eval_value(from, set, "cells"));
    (void)printf("%-*s%8s%8s%9s%9s%9s%9s%9s\n", HEAD_WIDTH, "head", "worst", "images",
                 "w. cell", "groups", "cells", "train-w.", "adjust.");
}

static void print_row(const spur_eval_summary *from, const char *set)
{
    static const char *const metrics[] = {"worst_cell", "mean_groups", "mean_cells",
                                          "train_weighted_groups", "adjusted"};
    char shown[4 * HEAD_WIDTH + ESCAPE_SIZE];
    escape_fit(strrchr(set, '/') + 1, HEAD_WIDTH, shown, sizeof shown);
    (void)fputs(shown, stdout);
    eval_print_percent(eval_value(from, set, "worst_group"), 8);
    eval_print_percent(eval_value(from, set, "mean_images"), 8);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        eval_print_percent(eval_value(from, set, metrics[i]), 9);
    }
    (void)putchar('\n');
}

void eval_print_groups(const spur_eval_summary *from, const terminal *screen)
{
    static const eval_set_table table = {is_set, print_heading, print_row};
    if (eval_print_table(from, &table, screen)) {
        (void)puts(
            "\nworst: lowest accuracy of a group; w. cell: of a class in a group; images, "
            "groups,\ncells: means over these; train-w., adjust.: groups, cells weighted as "
            "in train.");
        eval_print_findings(from, "groups", "Groups:");
    }
}
