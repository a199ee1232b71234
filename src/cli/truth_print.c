/*
 * truth_print.c - tables of 80 columns and JSON of the same figures.
 */
#include "cli/truth_print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"

enum {
    LABEL_COLUMNS = 18,
    VALUE_COLUMNS = 22
};

static void print_figure(double value, int width)
{
    if (isfinite(value)) {
        (void)printf("%*.3f", width, value);
    } else {
        (void)printf("%*s", width, "-");
    }
}

static void print_fit(const char *text, size_t columns)
{
    char fitted[4 * VALUE_COLUMNS + ESCAPE_SIZE];
    escape_fit(text, columns, fitted, sizeof fitted);
    (void)fputs(fitted, stdout);
}

/* Cut like print_fit, but not filled. */
static void print_cut(const char *text, size_t columns)
{
    char fitted[4 * VALUE_COLUMNS + ESCAPE_SIZE];
    escape_fit(text, columns, fitted, sizeof fitted);
    size_t length = strlen(fitted);
    while (length > 0 && fitted[length - 1] == ' ') {
        length--;
    }
    (void)fwrite(fitted, 1, length, stdout);
}

static const char *shown_name(const char *name, const char *label)
{
    return name == NULL ? label : name;
}

static void print_whole(uint64_t value, int width)
{
    (void)printf("%*llu", width, (unsigned long long)value);
}

/* ---- one column against the score -------------------------------------------------------- */

static void print_title(const spur_truth_summary *summary, const terminal *screen)
{
    (void)putchar('\n');
    terminal_bold(screen, true);
    escape_print(summary->column, stdout);
    (void)fputs(" against the score: ", stdout);
    if (summary->kind == SPUR_TRUTH_NUMBERS) {
        (void)fputs("Spearman's correlation (rho) by class", stdout);
    } else {
        (void)fputs("chance (AUC) that ", stdout);
        escape_print(summary->good, stdout);
        (void)fputs(" is above another value", stdout);
    }
    terminal_bold(screen, false);
    (void)putchar('\n');
}

static void print_heading(const spur_truth_summary *summary, const char *split)
{
    if (summary->kind == SPUR_TRUTH_NUMBERS) {
        (void)printf("%-18s%8s%9s%8s%17s%9s%9s\n", "class", "images", "missing", "rho",
                     "95 % interval", "kendall", "weighted");
    } else {
        (void)printf("%-18s%8s%8s%9s%8s%17s%9s\n", "class", "good", "other", "missing", "AUC",
                     "95 % interval", "hidden");
    }
    (void)fputs("split ", stdout);
    escape_print(split, stdout);
    (void)putchar('\n');
}

static void print_interval(const spur_truth_class *row)
{
    if (isfinite(row->low) && isfinite(row->high)) {
        (void)printf("%7.3f ..%6.3f", row->low, row->high);
    } else {
        (void)printf("%15s", "-");
    }
}

static void print_class(const spur_truth_class *row, spur_truth_kind kind)
{
    print_fit(shown_name(row->name, row->label), LABEL_COLUMNS);
    print_whole(row->images, 8);
    if (kind == SPUR_TRUTH_CATEGORIES) {
        print_whole(row->others, 8);
    }
    print_whole(row->missing, 9);
    if (row->undefined != NULL) {
        (void)printf("       - (%s)\n", row->undefined);
        return;
    }
    print_figure(row->quality, 8);
    (void)fputs("  ", stdout);
    print_interval(row);
    if (kind == SPUR_TRUTH_NUMBERS) {
        print_figure(row->kendall, 9);
        print_figure(row->weighted_tau, 9);
    } else {
        print_figure(row->in_hidden, 9);
    }
    (void)putchar('\n');
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The rows of one total. */
static void print_classes(const spur_truth_summary *summary, const spur_truth_total *total)
{
    for (size_t i = 0; i < summary->class_count; i++) {
        const spur_truth_class *row = &summary->classes[i];
        if (is_same(row->split, total->split) && is_same(row->other, total->other)) {
            print_class(row, summary->kind);
        }
    }
}

static void print_total(const spur_truth_summary *summary, const spur_truth_total *total)
{
    if (summary->kind == SPUR_TRUTH_CATEGORIES) {
        (void)fputs("against ", stdout);
        print_fit(total->other == NULL ? "all others" : total->other, 14);
        print_whole(total->others, 8);
    } else {
        (void)printf("%-30s", "over classes");
    }
    (void)fputs("  mean", stdout);
    print_figure(total->mean, 7);
    (void)fputs("  pooled", stdout);
    print_figure(total->pooled, 7);
    (void)fputs("  worst", stdout);
    print_figure(total->worst, 7);
    if (total->worst_label != NULL) {
        (void)putchar(' ');
        print_cut(shown_name(total->worst_name, total->worst_label), 10);
    }
    (void)putchar('\n');
}

/* A split begins with its first total; all others follow it. */
static void print_split(const spur_truth_summary *summary, size_t first, size_t end,
                        const terminal *screen)
{
    print_heading(summary, summary->totals[first].split);
    for (size_t i = first; i < end; i++) {
        if (i > first && !screen->is_verbose) {
            break;
        }
        if (i > first) {
            (void)fputs("against ", stdout);
            escape_print(summary->totals[i].other, stdout);
            (void)putchar('\n');
        }
        print_classes(summary, &summary->totals[i]);
    }
    for (size_t i = first; i < end; i++) {
        print_total(summary, &summary->totals[i]);
    }
}

void truth_print(const spur_truth_summary *summary, const terminal *screen)
{
    print_title(summary, screen);
    for (size_t first = 0, end; first < summary->total_count; first = end) {
        end = first + 1;
        while (end < summary->total_count &&
               is_same(summary->totals[end].split, summary->totals[first].split)) {
            end++;
        }
        print_split(summary, first, end, screen);
    }
    (void)printf("%llu scored images with a value, %llu without, %llu not scored\n",
                 (unsigned long long)summary->images, (unsigned long long)summary->missing,
                 (unsigned long long)summary->failed);
}

static void class_to_json(const spur_truth_class *row, spur_truth_kind kind, json_printer *json)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "split", row->split);
    json_put_text(json, "label", row->label);
    json_put_text(json, "name", row->name);
    json_put_count(json, "images", row->images);
    if (kind == SPUR_TRUTH_CATEGORIES) {
        json_put_text(json, "other", row->other);
        json_put_count(json, "others", row->others);
    }
    json_put_count(json, "missing", row->missing);
    json_put_number(json, kind == SPUR_TRUTH_NUMBERS ? "spearman" : "auc", row->quality);
    json_put_number(json, "low", row->low);
    json_put_number(json, "high", row->high);
    if (kind == SPUR_TRUTH_NUMBERS) {
        json_put_number(json, "kendall", row->kendall);
        json_put_number(json, "weighted_tau", row->weighted_tau);
    } else {
        json_put_number(json, "in_hidden", row->in_hidden);
    }
    json_put_text(json, "undefined", row->undefined);
    json_put_close(json, '}');
}

static void total_to_json(const spur_truth_total *total, spur_truth_kind kind,
                          json_printer *json)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "split", total->split);
    json_put_count(json, "images", total->images);
    if (kind == SPUR_TRUTH_CATEGORIES) {
        json_put_text(json, "other", total->other);
        json_put_count(json, "others", total->others);
    }
    json_put_count(json, "missing", total->missing);
    json_put_count(json, "classes", total->classes);
    json_put_count(json, "undefined", total->undefined);
    json_put_number(json, "mean", total->mean);
    json_put_number(json, "worst", total->worst);
    json_put_text(json, "worst_label", total->worst_label);
    if (kind == SPUR_TRUTH_CATEGORIES) {
        json_put_number(json, "pairs", total->pairs);
    }
    json_put_number(json, "pooled", total->pooled);
    json_put_close(json, '}');
}

void truth_print_json(const spur_truth_summary *summary, json_printer *json)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "column", summary->column);
    json_put_text(json, "kind", summary->kind == SPUR_TRUTH_NUMBERS ? "numbers" : "categories");
    json_put_text(json, "good", summary->good);
    json_put_count(json, "images", summary->images);
    json_put_count(json, "missing", summary->missing);
    json_put_count(json, "failed", summary->failed);
    json_put_open(json, "totals", '[');
    for (size_t i = 0; i < summary->total_count; i++) {
        total_to_json(&summary->totals[i], summary->kind, json);
    }
    json_put_close(json, ']');
    json_put_open(json, "classes", '[');
    for (size_t i = 0; i < summary->class_count; i++) {
        class_to_json(&summary->classes[i], summary->kind, json);
    }
    json_put_close(json, ']');
    json_put_close(json, '}');
}

/* ---- boxes ------------------------------------------------------------------------------- */

void boxes_print(const spur_box_quality *quality, const char *condition)
{
    (void)fputs("\nwinning boxes against true boxes (", stdout);
    escape_print(condition, stdout);
    (void)printf("):\n  %llu images, mean IoU ", (unsigned long long)quality->images);
    print_figure(quality->mean_iou, 0);
    (void)fputs(", 0.5 or more: ", stdout);
    print_figure(quality->half_or_more, 0);
    (void)putchar('\n');
}

void boxes_print_json(const spur_box_quality *quality, const char *condition,
                      json_printer *json)
{
    json_put_open(json, "boxes", '{');
    json_put_text(json, "condition", condition);
    json_put_count(json, "images", quality->images);
    json_put_number(json, "mean_iou", quality->mean_iou);
    json_put_number(json, "half_or_more", quality->half_or_more);
    json_put_close(json, '}');
}

/* ---- suspects ---------------------------------------------------------------------------- */

static size_t shown_count(const spur_suspect_summary *summary, size_t most)
{
    return most == 0 || most > summary->count ? summary->count : most;
}

static void print_suspect(size_t number, const spur_suspect *one)
{
    (void)printf("%4zu ", number);
    escape_print(one->file_name, stdout);
    (void)fputs("\n     ", stdout);
    print_cut(shown_name(one->name, one->label), VALUE_COLUMNS);
    (void)printf(" %.1f %%, ", 100 * one->percentile);
    print_cut(shown_name(one->proposed_name, one->proposed_label), VALUE_COLUMNS);
    (void)printf(" %.1f %%", 100 * one->proposed_percentile);
    if (one->truth != NULL) {
        (void)fputs("  truth: ", stdout);
        print_cut(one->truth, 8);
    }
    (void)putchar('\n');
}

static void print_counts(const spur_suspect_summary *summary, const char *column)
{
    if (column == NULL) {
        return;
    }
    (void)fputs("suspects by ", stdout);
    escape_print(column, stdout);
    (void)printf(" (precision: of the suspects, recall: of the value)\n");
    for (size_t i = 0; i < summary->value_count; i++) {
        const spur_suspect_value *value = &summary->values[i];
        double found = (double)value->suspects;
        (void)fputs("  ", stdout);
        print_fit(value->value, VALUE_COLUMNS);
        (void)printf("%8llu of%8llu  precision", (unsigned long long)value->suspects,
                     (unsigned long long)value->images);
        print_figure(summary->count == 0 ? (double)NAN : found / (double)summary->count, 6);
        (void)fputs("  recall", stdout);
        print_figure(value->images == 0 ? (double)NAN : found / (double)value->images, 6);
        (void)putchar('\n');
    }
}

void suspects_print(const spur_suspect_summary *summary, size_t most, const char *column,
                    const terminal *screen)
{
    size_t count = shown_count(summary, most);
    (void)putchar('\n');
    terminal_bold(screen, true);
    (void)printf("%zu label suspects of %llu images", summary->count,
                 (unsigned long long)summary->images);
    terminal_bold(screen, false);
    (void)puts(count == 0 ? "" : ": percentile in the own and the proposed class");
    for (size_t i = 0; i < count; i++) {
        print_suspect(i + 1, &summary->suspects[i]);
    }
    if (count < summary->count) {
        (void)printf("... and %zu more (--suspects 0 lists all)\n", summary->count - count);
    }
    print_counts(summary, column);
}

static void suspect_to_json(const spur_suspect *one, json_printer *json)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "split", one->split);
    json_put_file_name(json, "file_name", one->file_name);
    json_put_text(json, "label", one->label);
    json_put_text(json, "proposed_label", one->proposed_label);
    json_put_number(json, "logit", (double)one->logit);
    json_put_number(json, "proposed_logit", (double)one->proposed_logit);
    json_put_number(json, "percentile", one->percentile);
    json_put_number(json, "proposed_percentile", one->proposed_percentile);
    json_put_text(json, "truth", one->truth);
    json_put_close(json, '}');
}

void suspects_print_json(const spur_suspect_summary *summary, size_t most, const char *column,
                         json_printer *json)
{
    json_put_open(json, "suspects", '{');
    json_put_count(json, "images", summary->images);
    json_put_count(json, "count", summary->count);
    json_put_text(json, "truth", column);
    json_put_open(json, "values", '[');
    for (size_t i = 0; i < summary->value_count; i++) {
        json_put_open(json, NULL, '{');
        json_put_text(json, "value", summary->values[i].value);
        json_put_count(json, "images", summary->values[i].images);
        json_put_count(json, "suspects", summary->values[i].suspects);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
    json_put_open(json, "list", '[');
    for (size_t i = 0; i < shown_count(summary, most); i++) {
        suspect_to_json(&summary->suspects[i], json);
    }
    json_put_close(json, ']');
    json_put_close(json, '}');
}
