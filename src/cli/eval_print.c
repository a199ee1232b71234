/*
 * eval_print.c - tables of 80 columns from the flat keys.
 *
 * A key is SPLIT/BACKBONE/HEAD/METRIC; a split's name may hold a slash, so keys are taken apart
 * from the right.
 */
#include "cli/eval_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/help.h"

enum {
    KEY_SIZE = 1024,
    HEAD_WIDTH = 16,
    WIDTH = 79
};

/* ---- keys -------------------------------------------------------------------------------- */

static int compare_key(const void *wanted, const void *entry)
{
    const spur_eval_value *value = entry;
    return strcmp(wanted, value->key);
}

double eval_value(const spur_eval_summary *from, const char *prefix, const char *metric)
{
    char key[KEY_SIZE];
    int length = snprintf(key, sizeof key, "%s/%s", prefix, metric);
    if (from->value_count == 0 || length < 0 || (size_t)length >= sizeof key) {
        return (double)NAN;
    }
    const spur_eval_value *found =
        bsearch(key, from->values, from->value_count, sizeof *from->values, compare_key);
    return found == NULL ? (double)NAN : found->value;
}

/* Keys that every judged head of a split has one of. */
static const char mark[] = "/top1_class_mean";

/* "SPLIT/BACKBONE/HEAD" of a key that ends in the mark, into dst. */
static bool is_set(const char *key, char dst[KEY_SIZE])
{
    size_t length = strlen(key), tail = sizeof mark - 1;
    if (length <= tail || length >= KEY_SIZE || strcmp(key + length - tail, mark) != 0) {
        return false;
    }
    memcpy(dst, key, length - tail);
    dst[length - tail] = '\0';
    const char *last = strrchr(dst, '/');
    return last != NULL && memchr(dst, '/', (size_t)(last - dst)) != NULL;
}

/* The head's name in SPLIT/BACKBONE/HEAD, and how long the part before is. */
static const char *head_of(const char *prefix, size_t *group)
{
    const char *slash = strrchr(prefix, '/');
    *group = (size_t)(slash - prefix);
    return slash + 1;
}

/* "SPLIT, BACKBONE" of the part before the head. */
static void print_group(const char *prefix, size_t length, const terminal *screen)
{
    char text[KEY_SIZE];
    memcpy(text, prefix, length);
    text[length] = '\0';
    char *backbone = strrchr(text, '/');
    *backbone = '\0';
    terminal_bold(screen, true);
    escape_print(text, stdout);
    (void)fputs(", ", stdout);
    escape_print(backbone + 1, stdout);
    terminal_bold(screen, false);
}

/* ---- cells ------------------------------------------------------------------------------- */

size_t eval_group_length(const char *set)
{
    return (size_t)(strrchr(set, '/') - set);
}

static bool is_same_group(const char *a, const char *b)
{
    size_t length = eval_group_length(a);
    return length == eval_group_length(b) && strncmp(a, b, length) == 0;
}

bool eval_print_table(const spur_eval_summary *from, const eval_set_table *of,
                      const terminal *screen)
{
    char set[EVAL_SET_SIZE], before[EVAL_SET_SIZE] = "";
    for (size_t i = 0; i < from->value_count; i++) {
        if (of->is_set(from->values[i].key, set) && strcmp(set, before) != 0) {
            if (before[0] == '\0' || !is_same_group(before, set)) {
                of->heading(from, set, screen);
            }
            of->row(from, set);
            memcpy(before, set, strlen(set) + 1);
        }
    }
    return before[0] != '\0';
}

void eval_print_percent(double value, int width)
{
    if (isnan(value)) {
        (void)printf("%*s", width, "-");
    } else {
        (void)printf("%*.2f", width, 100.0 * value);
    }
}

/* "12.3-45.6", or blanks. */
static void print_interval(double low, double high, int width)
{
    char text[48] = "";
    if (!isnan(low) && !isnan(high)) {
        (void)snprintf(text, sizeof text, "%.1f..%.1f", 100.0 * low, 100.0 * high);
    }
    (void)printf("%*s", width, text);
}

/* ---- accuracy and gap of every head ------------------------------------------------------ */

/* The smallest k of "PREFIX/gap_at_K", or NULL; points into the summary. */
static const char *find_k(const spur_eval_summary *from, const char *prefix)
{
    static const char word[] = "/gap_at_";
    const char *found = NULL;
    size_t length = strlen(prefix);
    for (size_t i = 0; i < from->value_count; i++) {
        const char *key = from->values[i].key;
        if (strncmp(key, prefix, length) == 0 &&
            strncmp(key + length, word, sizeof word - 1) == 0) {
            const char *k = key + length + sizeof word - 1;
            bool is_plain = k[strspn(k, "0123456789.")] == '\0' ||
                            strcmp(k + strspn(k, "0123456789."), "pct") == 0;
            if (is_plain &&
                (found == NULL || strtoull(k, NULL, 10) < strtoull(found, NULL, 10))) {
                found = k;
            }
        }
    }
    return found;
}

static void print_head(const spur_eval_summary *from, const char *prefix, const char *name,
                       const char *k)
{
    char shown[4 * HEAD_WIDTH + ESCAPE_SIZE], metric[64], low[72], high[72];
    escape_fit(name, HEAD_WIDTH, shown, sizeof shown);
    (void)printf("%s", shown);
    eval_print_percent(eval_value(from, prefix, "top1"), 7);
    print_interval(eval_value(from, prefix, "wilson_low"),
                   eval_value(from, prefix, "wilson_high"), 12);
    eval_print_percent(eval_value(from, prefix, "top1_class_mean"), 8);
    (void)snprintf(metric, sizeof metric, "gap_at_%.40s", k == NULL ? "" : k);
    (void)snprintf(low, sizeof low, "%s_low", metric);
    (void)snprintf(high, sizeof high, "%s_high", metric);
    eval_print_percent(eval_value(from, prefix, metric), 9);
    print_interval(eval_value(from, prefix, low), eval_value(from, prefix, high), 13);
    eval_print_percent(eval_value(from, prefix, "worst_bin"), 8);
    (void)putchar('\n');
}

static void print_heading(const spur_eval_summary *from, const char *prefix, size_t group,
                          const char *k, const terminal *screen)
{
    char title[48];
    print_group(prefix, group, screen);
    (void)printf(": %.0f images\n", eval_value(from, prefix, "n"));
    (void)snprintf(title, sizeof title, "gap@%.12s", k == NULL ? "k" : k);
    (void)printf("%-*s%7s%12s%8s%9s%13s%8s\n", HEAD_WIDTH, "head", "top-1", "95 %", "classes",
                 title, "95 %", "worst");
}

/* original, clear, mid, hidden, rnd, others. */
static int kind_of(const char *name)
{
    static const char *const kinds[] = {"original", "clear-", "mid-", "hidden-", "rnd-"};
    int kind = 0;
    while (kind < 5 && strncmp(name, kinds[kind], strlen(kinds[kind])) != 0) {
        kind++;
    }
    return kind;
}

/* The number in "clear-50"; -1 where none stands. */
static double size_of(const char *name)
{
    const char *at = strchr(name, '-');
    return at != NULL && at[1] >= '0' && at[1] <= '9' ? strtod(at + 1, NULL) : -1.0;
}

/* By kind, counts before shares, then by size: clear-50 before clear-200. */
static int compare_heads(const char *a, const char *b)
{
    int order = kind_of(a) - kind_of(b);
    if (order == 0) {
        order = (strstr(a, "pct") != NULL) - (strstr(b, "pct") != NULL);
    }
    if (order == 0) {
        order = (size_of(a) > size_of(b)) - (size_of(a) < size_of(b));
    }
    return order == 0 ? strcmp(a, b) : order;
}

/* Rows of the heads of one split and backbone, whose marks begin at values[i]; `first` begins
 * with both. Returns the place behind them. */
static size_t print_heads(const spur_eval_summary *from, size_t i, const char *first,
                          size_t group)
{
    char shown[KEY_SIZE] = "", prefix[KEY_SIZE], best[KEY_SIZE];
    size_t end = i, unused;
    while (end < from->value_count && strncmp(from->values[end].key, first, group + 1) == 0) {
        end++;
    }
    do {
        best[0] = '\0';
        for (size_t j = i; j < end; j++) {
            bool is_head = is_set(from->values[j].key, prefix);
            const char *name = is_head ? head_of(prefix, &unused) : NULL;
            if (is_head &&
                (shown[0] == '\0' || compare_heads(name, head_of(shown, &unused)) > 0) &&
                (best[0] == '\0' || compare_heads(name, head_of(best, &unused)) < 0)) {
                memcpy(best, prefix, sizeof best);
            }
        }
        if (best[0] != '\0') {
            print_head(from, best, head_of(best, &unused), find_k(from, best));
            memcpy(shown, best, sizeof shown);
        }
    } while (best[0] != '\0');
    return end;
}

void eval_print_curves(const spur_eval_summary *from, const terminal *screen)
{
    char prefix[KEY_SIZE];
    size_t groups = 0;
    for (size_t i = 0; i < from->value_count; i++) {
        size_t group;
        if (is_set(from->values[i].key, prefix)) {
            (void)head_of(prefix, &group);
            (void)fputs(groups++ == 0 ? "" : "\n", stdout);
            print_heading(from, prefix, group, find_k(from, prefix), screen);
            i = print_heads(from, i, prefix, group) - 1;
        }
    }
    if (groups > 0) {
        (void)puts(
            "\ntop-1: mean over images; classes: mean over classes; gap@k: accuracy of "
            "every\nclass's k clearest images minus that of its k most hidden; worst: the "
            "lowest\nbin of ranks. All in percent.");
    }
}

/* ---- sentences --------------------------------------------------------------------------- */

void eval_print_findings(const spur_eval_summary *from, const char *stage, const char *heading)
{
    size_t printed = 0;
    for (size_t i = 0; i < from->finding_count; i++) {
        if (strcmp(from->findings[i].stage, stage) == 0) {
            if (printed++ == 0) {
                (void)printf("\n%s\n", heading);
            }
            char text[4 * KEY_SIZE];
            escape_text(from->findings[i].text, strlen(from->findings[i].text), text,
                        sizeof text);
            (void)fputs("- ", stdout);
            help_wrap(text, 2, 2, WIDTH, stdout);
        }
    }
}
