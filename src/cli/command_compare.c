/*
 * command_compare.c - spur compare: the rankings of two runs, and what moved.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

enum {
    NAME_COLUMNS = 18,
    FILE_COLUMNS = 34
};

static const option own_options[] = {
    {"split", 0, OPTION_TEXT, "NAME", "only this split (default every one of both runs)",
     false},
    {"moved", 0, OPTION_COUNT, "N", "list the N images that moved most (default 20)", false},
    {"seed", 0, OPTION_COUNT, "S", "of the classes drawn for intervals (default 0)", false},
    {"csv", 0, OPTION_PATH, "FILE", "write the moved images as CSV", false},
    {NULL, 0, OPTION_FLAG, NULL, NULL, false}};

static const option_group own_group = {"Comparison", own_options};

static const option_group *const compare_groups[] = {&own_group, &json_options, &screen_options,
                                                     NULL};

/* ---- JSON -------------------------------------------------------------------------------- */

static void settings_to_json(const spur_compare_summary *summary, json_printer *json)
{
    json_put_open(json, "settings", '[');
    for (size_t i = 0; i < summary->setting_count; i++) {
        json_put_open(json, NULL, '{');
        json_put_text(json, "key", summary->settings[i].key);
        json_put_text(json, "first", summary->settings[i].first);
        json_put_text(json, "second", summary->settings[i].second);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
}

static void splits_to_json(const spur_compare_summary *summary, json_printer *json)
{
    json_put_open(json, "splits", '[');
    for (size_t i = 0; i < summary->split_count; i++) {
        const spur_compare_split *split = &summary->splits[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "split", split->split);
        json_put_count(json, "first", split->first);
        json_put_count(json, "second", split->second);
        json_put_count(json, "common", split->common);
        json_put_count(json, "relabelled", split->relabelled);
        json_put_count(json, "classes", split->classes);
        json_put_number(json, "spearman", split->spearman);
        json_put_number(json, "kendall", split->kendall);
        json_put_number(json, "clear", split->clear);
        json_put_number(json, "hidden", split->hidden);
        json_put_text(json, "worst_label", split->worst_label);
        json_put_text(json, "worst_name", split->worst_name);
        json_put_number(json, "worst", split->worst);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
}

static void classes_to_json(const spur_compare_summary *summary, json_printer *json)
{
    json_put_open(json, "classes", '[');
    for (size_t i = 0; i < summary->class_count; i++) {
        const spur_compare_class *class = &summary->classes[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "split", class->split);
        json_put_text(json, "label", class->label);
        json_put_text(json, "name", class->name);
        json_put_count(json, "images", class->images);
        json_put_number(json, "spearman", class->spearman);
        json_put_number(json, "low", class->low);
        json_put_number(json, "high", class->high);
        json_put_number(json, "kendall", class->kendall);
        json_put_number(json, "clear", class->clear);
        json_put_number(json, "hidden", class->hidden);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
}

static void moved_to_json(const spur_compare_summary *summary, json_printer *json)
{
    json_put_open(json, "moved", '[');
    for (size_t i = 0; i < summary->moved_count; i++) {
        const spur_moved *image = &summary->moved[i];
        json_put_open(json, NULL, '{');
        json_put_file_name(json, "file_name", image->file_name);
        json_put_text(json, "split", image->split);
        json_put_text(json, "label", image->label);
        json_put_text(json, "name", image->name);
        json_put_count(json, "images", image->images);
        json_put_count(json, "first_rank", image->first_rank);
        json_put_count(json, "second_rank", image->second_rank);
        json_put_number(json, "first_logit", image->first_logit);
        json_put_number(json, "second_logit", image->second_logit);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
}

static void heads_to_json(const spur_compare_summary *summary, json_printer *json)
{
    json_put_open(json, "heads", '[');
    for (size_t i = 0; i < summary->head_count; i++) {
        const spur_compare_head *head = &summary->heads[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "split", head->split);
        json_put_text(json, "backbone", head->backbone);
        json_put_text(json, "head", head->head);
        json_put_count(json, "images", head->images);
        json_put_count(json, "first_correct", head->first_correct);
        json_put_count(json, "second_correct", head->second_correct);
        json_put_count(json, "only_first", head->only_first);
        json_put_count(json, "only_second", head->only_second);
        json_put_number(json, "mcnemar_exact", head->exact);
        json_put_number(json, "mcnemar_mid", head->mid);
        json_put_number(json, "difference", head->difference);
        json_put_number(json, "low", head->low);
        json_put_number(json, "high", head->high);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
    json_put_count(json, "stale_heads", summary->stale_heads);
}

static void print_json(const spur_compare_summary *summary)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    settings_to_json(summary, &json);
    splits_to_json(summary, &json);
    classes_to_json(summary, &json);
    moved_to_json(summary, &json);
    heads_to_json(summary, &json);
    json_put_close(&json, '}');
    json_put_end(&json);
}

/* ---- tables ------------------------------------------------------------------------------ */

static void print_fit(const char *text, size_t columns)
{
    char fitted[4 * FILE_COLUMNS + ESCAPE_SIZE];
    escape_fit(text, columns, fitted, sizeof fitted);
    (void)fputs(fitted, stdout);
}

static void print_figure(double value, int width)
{
    if (isfinite(value)) {
        (void)printf("%*.3f", width, value);
    } else {
        (void)printf("%*s", width, "-");
    }
}

static void print_whole(uint64_t value, int width)
{
    (void)printf("%*llu", width, (unsigned long long)value);
}

static void print_settings(const spur_compare_summary *summary)
{
    if (summary->setting_count == 0) {
        (void)puts("both runs were made with the same settings");
    }
    for (size_t i = 0; i < summary->setting_count; i++) {
        const spur_compare_setting *setting = &summary->settings[i];
        escape_print(setting->key, stdout);
        (void)fputs(" differs:\n  1 ", stdout);
        escape_print(setting->first == NULL ? "-" : setting->first, stdout);
        (void)fputs("\n  2 ", stdout);
        escape_print(setting->second == NULL ? "-" : setting->second, stdout);
        (void)putchar('\n');
    }
}

static void print_heading(const terminal *screen)
{
    (void)putchar('\n');
    terminal_bold(screen, true);
    (void)printf("%-18s%8s%8s%8s%8s%8s%8s%8s", "class", "images", "rho", "low", "high",
                 "kendall", "clear", "hidden");
    terminal_bold(screen, false);
    (void)putchar('\n');
}

static void print_class(const spur_compare_class *class)
{
    print_fit(class->name == NULL ? class->label : class->name, NAME_COLUMNS);
    print_whole(class->images, 8);
    print_figure(class->spearman, 8);
    print_figure(class->low, 8);
    print_figure(class->high, 8);
    print_figure(class->kendall, 8);
    print_figure(class->clear, 8);
    print_figure(class->hidden, 8);
    (void)putchar('\n');
}

static void print_total(const spur_compare_split *split)
{
    (void)printf("%-18s%8llu", "mean over classes", (unsigned long long)split->common);
    print_figure(split->spearman, 8);
    (void)printf("%16s", "");
    print_figure(split->kendall, 8);
    print_figure(split->clear, 8);
    print_figure(split->hidden, 8);
    (void)putchar('\n');
    if (split->worst_label != NULL) {
        (void)fputs("least alike: ", stdout);
        escape_print(split->worst_name == NULL ? split->worst_label : split->worst_name,
                     stdout);
        (void)printf(", rho %.3f\n", split->worst);
    }
    uint64_t both = split->common + split->relabelled;
    (void)printf("scored: %llu in 1, %llu in 2, %llu in both", (unsigned long long)split->first,
                 (unsigned long long)split->second, (unsigned long long)both);
    if (split->relabelled > 0) {
        (void)printf("; %llu with another label left out",
                     (unsigned long long)split->relabelled);
    }
    (void)putchar('\n');
}

static void print_splits(const spur_compare_summary *summary, const terminal *screen)
{
    size_t at = 0;
    print_heading(screen);
    for (size_t i = 0; i < summary->split_count; i++) {
        const spur_compare_split *split = &summary->splits[i];
        (void)fputs("split ", stdout);
        escape_print(split->split, stdout);
        (void)putchar('\n');
        for (;
             at < summary->class_count && strcmp(summary->classes[at].split, split->split) == 0;
             at++) {
            print_class(&summary->classes[at]);
        }
        print_total(split);
    }
    (void)puts("rho: Spearman's correlation of the scores in class, with its 95 % interval;\n"
               "clear, hidden: share of the clearest and the most hidden tenth in both runs");
}

static void print_moved(const spur_compare_summary *summary, const terminal *screen)
{
    if (summary->moved_count == 0) {
        return;
    }
    (void)printf("\nimages that moved most (rank 1 is the most hidden of its class):\n");
    terminal_bold(screen, true);
    (void)printf("%-34s  %-16s%8s%8s%8s", "image", "class", "rank 1", "rank 2", "of");
    terminal_bold(screen, false);
    (void)putchar('\n');
    for (size_t i = 0; i < summary->moved_count; i++) {
        const spur_moved *image = &summary->moved[i];
        print_fit(image->file_name, FILE_COLUMNS);
        (void)fputs("  ", stdout);
        print_fit(image->name == NULL ? image->label : image->name, 16);
        print_whole(image->first_rank, 8);
        print_whole(image->second_rank, 8);
        print_whole(image->images, 8);
        (void)putchar('\n');
    }
}

/* A difference of accuracies in points, with its sign. */
static void print_points(double value, int width)
{
    if (isfinite(value)) {
        (void)printf("%+*.2f", width, 100 * value);
    } else {
        (void)printf("%*s", width, "-");
    }
}

static void print_head(const spur_compare_head *head)
{
    double images = (double)head->images;
    print_fit(head->head, 16);
    print_whole(head->images, 8);
    (void)printf("%9.2f%9.2f", 100 * (double)head->first_correct / images,
                 100 * (double)head->second_correct / images);
    print_points(head->difference, 9);
    print_points(head->low, 8);
    print_points(head->high, 8);
    (void)printf("%9.2g\n", head->mid);
}

static void print_heads(const spur_compare_summary *summary, const terminal *screen)
{
    for (size_t i = 0; i < summary->head_count; i++) {
        const spur_compare_head *head = &summary->heads[i];
        if (i == 0 || strcmp(head->split, head[-1].split) != 0 ||
            strcmp(head->backbone, head[-1].backbone) != 0) {
            (void)putchar('\n');
            terminal_bold(screen, true);
            escape_print(head->split, stdout);
            (void)fputs(", ", stdout);
            escape_print(head->backbone, stdout);
            terminal_bold(screen, false);
            (void)printf("\n%-16s%8s%9s%9s%9s%8s%8s%9s\n", "head", "images", "top-1 1",
                         "top-1 2", "2 - 1", "low", "high", "p");
        }
        print_head(head);
    }
    if (summary->head_count > 0) {
        (void)puts("on the images that both runs judged, in percent and points; low, high: "
                   "95 % over\nclasses drawn with replacement; p: McNemar's mid-p");
    }
    if (summary->stale_heads > 0) {
        (void)printf("\n%zu heads of one name have changed since they were judged; `spur eval` "
                     "judges\nthem again\n",
                     summary->stale_heads);
    }
}

/* ---- the command ------------------------------------------------------------------------- */

static spur_status write_csv(const arguments *from, const spur_compare_summary *summary,
                             terminal *screen, spur_error *error)
{
    const char *path = argument_text(from, "csv");
    if (path == NULL) {
        return SPUR_OK;
    }
    spur_status status = spur_compare_write_moved(summary, path, error);
    if (status == SPUR_OK && strcmp(path, "-") != 0) {
        terminal_note(screen, "wrote %s", path);
    }
    return status;
}

static void print(const arguments *from, const spur_compare_summary *summary,
                  const terminal *screen)
{
    const char *path = argument_text(from, "csv");
    if (argument_flag(from, "json")) {
        print_json(summary);
    } else if (path == NULL || strcmp(path, "-") != 0) {
        print_settings(summary);
        print_splits(summary, screen);
        print_heads(summary, screen);
        print_moved(summary, screen);
    }
}

static spur_status run_compare(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status;
    spur_run *first = NULL, *second = NULL;
    spur_compare_summary *summary = NULL;
    spur_compare_options options;
    const char *path = argument_text(from, "csv");
    if (argument_flag(from, "json") && path != NULL && strcmp(path, "-") == 0) {
        FAIL(SPUR_USAGE, "--json and --csv - cannot both go to standard output");
    }
    spur_compare_options_defaults(&options);
    options.split = argument_text(from, "split");
    options.moved = (size_t)argument_whole(from, "moved", options.moved);
    options.seed = argument_whole(from, "seed", 0);
    TRY(spur_run_open(argument_word(from, 0), &first, error));
    TRY(spur_run_open(argument_word(from, 1), &second, error));
    TRY(spur_compare(first, second, &options, &summary, error));
    TRY(write_csv(from, summary, screen, error));
    print(from, summary, screen);
done:
    spur_compare_summary_free(summary);
    spur_run_close(second);
    spur_run_close(first);
    return status;
}

const command compare_command = {
    .name = "compare",
    .usage = "RUN1 RUN2 [--split NAME] [--moved N] [--csv FILE] [--json]",
    .summary = "how far two runs agree: rankings, and the images that moved",
    .description =
        "Two runs on the same images, for example with other prompts or another detector: "
        "which settings differ, how far the orders in class agree, and which images moved "
        "most. Images are the same when split and file name are, classes when the label is; "
        "ranks are among the images that both runs scored.\n\n"
        "Per class: Spearman's correlation of the two scores with its 95 % interval, Kendall's "
        "tau-b, and the shares of the clearest and of the most hidden tenth that both runs put "
        "there. Heads of one name and backbone that `spur eval` has judged in both runs are "
        "compared on the images they share: accuracy, McNemar's test, and the difference with "
        "an interval over classes.",
    .examples = "  spur compare run-p32 run-p16\n"
                "  spur compare run1 run2 --split val --moved 100 --csv moved.csv\n",
    .groups = compare_groups,
    .least = 2,
    .most = 2,
    .run = run_compare};
