/*
 * eval_print_noise.c - tables of the noise evaluation and of the detector audit.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/eval_print.h"

enum {
    KEY_SIZE = 1024,
    HEAD_WIDTH = 16,
    STRENGTHS = 32
};

/* ---- noise ------------------------------------------------------------------------------- */

/* "noise/BACKBONE/HEAD" of a key that ends in /fg/0/top1, of which every head has one. */
static bool is_noise_head(const char *key, char dst[KEY_SIZE])
{
    static const char mark[] = "/fg/0/top1";
    size_t length = strlen(key), tail = sizeof mark - 1;
    if (strncmp(key, "noise/", 6) != 0 || length <= tail || length >= KEY_SIZE ||
        strcmp(key + length - tail, mark) != 0) {
        return false;
    }
    memcpy(dst, key, length - tail);
    dst[length - tail] = '\0';
    return true;
}

/* Of a strength as it stands in keys, "100" or "sigma-0.05". */
static bool is_sigma(const char *strength)
{
    return strncmp(strength, "sigma-", 6) == 0;
}

static const char *number_of(const char *strength)
{
    return strength + (is_sigma(strength) ? 6 : 0);
}

static int compare_strengths(const void *left, const void *right)
{
    double a = strtod(number_of(*(const char *const *)left), NULL);
    double b = strtod(number_of(*(const char *const *)right), NULL);
    return a < b ? -1 : a > b;
}

/* S of every key PREFIX/rfs/S, rising; they point into the summary. */
static size_t find_strengths(const spur_eval_summary *from, const char *prefix,
                             const char *out[STRENGTHS])
{
    char start[KEY_SIZE];
    size_t count = 0;
    int length = snprintf(start, sizeof start, "%s/rfs/", prefix);
    for (size_t i = 0; i < from->value_count && count < STRENGTHS; i++) {
        const char *key = from->values[i].key;
        if (strncmp(key, start, (size_t)length) == 0 && strchr(key + length, '/') == NULL) {
            out[count++] = key + length;
        }
    }
    qsort(out, count, sizeof *out, compare_strengths);
    return count;
}

static double value_of(const spur_eval_summary *from, const char *prefix, const char *region,
                       const char *strength, const char *metric)
{
    char key[KEY_SIZE];
    (void)snprintf(key, sizeof key, "%s/%s%s%s", region, strength, metric[0] == '\0' ? "" : "/",
                   metric);
    return eval_value(from, prefix, key);
}

static void print_region(const spur_eval_summary *from, const char *prefix, const char *region,
                         const char *strength)
{
    char interval[48];
    (void)snprintf(interval, sizeof interval, "%.1f..%.1f",
                   100.0 * value_of(from, prefix, region, strength, "wilson_low"),
                   100.0 * value_of(from, prefix, region, strength, "wilson_high"));
    eval_print_percent(value_of(from, prefix, region, strength, "top1"), 7);
    (void)printf("%12s", interval);
}

static void print_head(const spur_eval_summary *from, const char *prefix,
                       const char *const strengths[STRENGTHS], size_t count)
{
    char shown[4 * HEAD_WIDTH + ESCAPE_SIZE];
    escape_fit(strrchr(prefix, '/') + 1, HEAD_WIDTH, shown, sizeof shown);
    (void)printf("%s%6s", shown, "0");
    print_region(from, prefix, "fg", "0");
    (void)putchar('\n');
    for (size_t i = 0; i < count; i++) {
        (void)printf("%*s%6.6s", HEAD_WIDTH, "", number_of(strengths[i]));
        print_region(from, prefix, "fg", strengths[i]);
        print_region(from, prefix, "bg", strengths[i]);
        (void)printf("%+6.2f %+.2f..%+.2f\n", value_of(from, prefix, "rfs", strengths[i], ""),
                     value_of(from, prefix, "rfs", strengths[i], "low"),
                     value_of(from, prefix, "rfs", strengths[i], "high"));
    }
}

/* The lengths that were left after the clamp, the same for every head. */
static void print_lengths(const spur_eval_summary *from, const char *prefix,
                          const char *const strengths[STRENGTHS], size_t count)
{
    (void)printf("added, mean length on the object / around it:");
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s %s: %.4g / %.4g", i == 0 ? "" : ",", number_of(strengths[i]),
                     value_of(from, prefix, "fg", strengths[i], "norm"),
                     value_of(from, prefix, "bg", strengths[i], "norm"));
    }
    (void)putchar('\n');
}

static void print_heading(const spur_eval_summary *from, const char *group, bool has_sigmas,
                          const terminal *screen)
{
    (void)putchar('\n');
    terminal_bold(screen, true);
    (void)fputs("Noise, ", stdout);
    escape_print(group + strlen("noise/"), stdout);
    terminal_bold(screen, false);
    (void)printf(": %.0f images, %.0f draws each; masks: %.0f empty, %.0f full",
                 eval_value(from, group, "n"), eval_value(from, group, "trials"),
                 eval_value(from, group, "empty_masks"), eval_value(from, group, "full_masks"));
    if (eval_value(from, group, "boxes_mean") > 1.0) {
        (void)printf(", %.1f boxes each", eval_value(from, group, "boxes_mean"));
    }
    (void)putchar('\n');
    (void)printf("%-*s%6s%7s%12s%7s%12s%6s%13s\n", HEAD_WIDTH, "head",
                 has_sigmas ? "sigma" : "length", "object", "95 %", "around", "95 %", "RFS",
                 "95 %");
}

static void print_tables(const spur_eval_summary *from, const terminal *screen)
{
    char prefix[KEY_SIZE], group[KEY_SIZE] = "";
    const char *strengths[STRENGTHS];
    for (size_t i = 0; i < from->value_count; i++) {
        if (!is_noise_head(from->values[i].key, prefix)) {
            continue;
        }
        size_t count = find_strengths(from, prefix, strengths);
        size_t length = (size_t)(strrchr(prefix, '/') - prefix);
        if (strncmp(prefix, group, length) != 0 || group[length] != '\0') {
            memcpy(group, prefix, length);
            group[length] = '\0';
            print_heading(from, group, count > 0 && is_sigma(strengths[0]), screen);
            print_lengths(from, prefix, strengths, count);
        }
        print_head(from, prefix, strengths, count);
    }
}

void eval_print_noise(const spur_eval_summary *from, const terminal *screen)
{
    print_tables(from, screen);
    eval_print_findings(from, "noise", "What noise says:");
}

/* ---- audit ------------------------------------------------------------------------------- */

static void print_spread(const spur_eval_summary *from, const char *prefix, const char *title,
                         const char *metric)
{
    static const char *const parts[] = {"mean", "q10", "q50", "q90"};
    char key[64];
    (void)printf("%-36s", title);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        (void)snprintf(key, sizeof key, "%s_%s", metric, parts[i]);
        (void)printf("%9.2f", eval_value(from, prefix, key));
    }
    (void)putchar('\n');
}

static void print_audit(const spur_eval_summary *from, const char *prefix,
                        const terminal *screen)
{
    (void)putchar('\n');
    terminal_bold(screen, true);
    (void)fputs("Detector audit, ", stdout);
    escape_print(prefix + strlen("audit/"), stdout);
    terminal_bold(screen, false);
    (void)printf(": %.0f images; boxes: %.0f empty, %.0f full\n", eval_value(from, prefix, "n"),
                 eval_value(from, prefix, "empty_boxes"),
                 eval_value(from, prefix, "full_boxes"));
    (void)printf("%-36s%9s%9s%9s%9s\n", "own-class logit", "mean", "10 %", "50 %", "90 %");
    print_spread(from, prefix, "whole image minus box alone", "context_reliance");
    print_spread(from, prefix, "box greyed out", "hallucination");
    print_spread(from, prefix, "whole image minus box greyed out", "removal_drop");
}

void eval_print_audit(const spur_eval_summary *from, const terminal *screen)
{
    static const char mark[] = "/seen";
    char prefix[KEY_SIZE];
    for (size_t i = 0; i < from->value_count; i++) {
        const char *key = from->values[i].key;
        size_t length = strlen(key), tail = sizeof mark - 1;
        if (strncmp(key, "audit/", 6) == 0 && length > tail && length < KEY_SIZE &&
            strcmp(key + length - tail, mark) == 0) {
            memcpy(prefix, key, length - tail);
            prefix[length - tail] = '\0';
            print_audit(from, prefix, screen);
        }
    }
    eval_print_findings(from, "audit", "What the audit says:");
}
