/*
 * eval_print_controls.c - one row per head from the flat keys: the gap, what shuffled ranks
 * give, what remains inside strata and without suspects.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/eval_print.h"

enum {
    SIZE_SIZE = 64,
    HEAD_WIDTH = 16
};

static const char mark[] = "/gap_at_";
static const char ending[] = "_p";

/* "SPLIT/BACKBONE/HEAD" of a key "SPLIT/BACKBONE/HEAD/gap_at_K_p" into set, K into size. */
static bool is_tested_gap(const char *key, char set[EVAL_SET_SIZE], char size[SIZE_SIZE])
{
    const char *found = strstr(key, mark);
    if (found == NULL || strstr(key, "/class/") != NULL ||
        (size_t)(found - key) >= EVAL_SET_SIZE) {
        return false;
    }
    const char *first = found + sizeof mark - 1, *end = strchr(first, '_');
    if (end == NULL || strcmp(end, ending) != 0 || (size_t)(end - first) >= SIZE_SIZE) {
        return false;
    }
    memcpy(set, key, (size_t)(found - key));
    set[found - key] = '\0';
    memcpy(size, first, (size_t)(end - first));
    size[end - first] = '\0';
    return strchr(set, '/') != strrchr(set, '/');
}

static bool is_set(const char *key, char set[EVAL_SET_SIZE])
{
    char unused[SIZE_SIZE];
    return is_tested_gap(key, set, unused);
}

/* The smallest size of a set. */
static void find_smallest(const spur_eval_summary *from, const char *set, char best[SIZE_SIZE])
{
    char other[EVAL_SET_SIZE], size[SIZE_SIZE];
    best[0] = '\0';
    for (size_t i = 0; i < from->value_count; i++) {
        if (is_tested_gap(from->values[i].key, other, size) && strcmp(other, set) == 0 &&
            (best[0] == '\0' || strtoull(size, NULL, 10) < strtoull(best, NULL, 10))) {
            memcpy(best, size, SIZE_SIZE);
        }
    }
}

static double value_at(const spur_eval_summary *from, const char *set, const char *name,
                       const char *k, const char *tail)
{
    char metric[160];
    (void)snprintf(metric, sizeof metric, "%s_at_%.40s%s", name, k, tail);
    return eval_value(from, set, metric);
}

static void print_p(double p)
{
    if (isnan(p)) {
        (void)printf("%9s", "-");
    } else {
        (void)printf("%9.4f", p);
    }
}

static void print_heading(const spur_eval_summary *from, const char *set,
                          const terminal *screen)
{
    char group[EVAL_SET_SIZE], title[48], k[SIZE_SIZE];
    find_smallest(from, set, k);
    (void)snprintf(group, sizeof group, "%.*s", (int)eval_group_length(set), set);
    char *backbone = strrchr(group, '/');
    *backbone = '\0';
    (void)putchar('\n');
    terminal_bold(screen, true);
    escape_print(group, stdout);
    (void)fputs(", ", stdout);
    escape_print(backbone + 1, stdout);
    terminal_bold(screen, false);
    (void)snprintf(title, sizeof title, "gap@%.12s", k);
    (void)printf(": controls\n%-*s%9s%9s%8s%9s%9s%9s%9s\n", HEAD_WIDTH, "head", title, "p",
                 "null", "area", "size", "conf", "labels");
}

static void print_row(const spur_eval_summary *from, const char *set)
{
    char shown[4 * HEAD_WIDTH + ESCAPE_SIZE], k[SIZE_SIZE];
    find_smallest(from, set, k);
    escape_fit(strrchr(set, '/') + 1, HEAD_WIDTH, shown, sizeof shown);
    (void)fputs(shown, stdout);
    eval_print_percent(value_at(from, set, "gap", k, ""), 9);
    print_p(value_at(from, set, "gap", k, "_p"));
    eval_print_percent(value_at(from, set, "gap", k, "_null"), 8);
    eval_print_percent(value_at(from, set, "within/box_area/gap", k, ""), 9);
    eval_print_percent(value_at(from, set, "within/image_size/gap", k, ""), 9);
    eval_print_percent(value_at(from, set, "within/confidence/gap", k, ""), 9);
    eval_print_percent(value_at(from, set, "gap", k, "_unsuspected"), 9);
    (void)putchar('\n');
}

void eval_print_controls(const spur_eval_summary *from, const terminal *screen)
{
    static const eval_set_table table = {is_set, print_heading, print_row};
    if (eval_print_table(from, &table, screen)) {
        (void)puts(
            "\np: of shuffled ranks, as far apart or further; null: 95 % of these have at "
            "most\nthis gap; area, size, conf: gap among images of equal box area, image "
            "size,\nconfidence of the model; labels: without images whose label may be "
            "wrong.");
    }
}
