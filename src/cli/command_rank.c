/*
 * command_rank.c - spur rank: order in class, quantiles, the classes that the detector cannot
 * see, and how well the order agrees with known truth.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"
#include "cli/truth_print.h"

enum {
    MOST_COLUMNS = 32 /* --truth options of one call */
};

static const option own_options[] = {
    {"truth", 0, OPTION_TEXT, "COLUMN",
     "compare the order with this column of the manifest; may be repeated", false},
    {"truth-good", 0, OPTION_TEXT, "VALUE",
     "the value that should be on top (default the first of ok, 1, true, yes)", false},
    {"truth-boxes", 0, OPTION_TEXT, "WHICH",
     "overlap with the columns box_xmin ... box_ymax: all, or COLUMN:NUMBER for images whose "
     "COLUMN is above NUMBER",
     false},
    {"suspects", 0, OPTION_COUNT, "N",
     "list the first N images whose label may be wrong, 0 = all", false},
    {"split", 0, OPTION_TEXT, "NAME", "truth, boxes and suspects of this split (default all)",
     false},
    {NULL, 0, OPTION_FLAG, NULL, NULL, false}};

static const option_group own_group = {"Ranking", own_options};

static const option_group *const rank_groups[] = {&own_group, &json_options, &screen_options,
                                                  NULL};

/* What --truth, --truth-boxes and --suspects ask for. */
typedef struct rank_quality {
    const char *columns[MOST_COLUMNS];
    spur_truth_summary *truths[MOST_COLUMNS];
    size_t truth_count;
    const char *condition; /* of the boxes; NULL when they are not asked for */
    spur_box_quality boxes;
    spur_suspect_summary *suspects;
    size_t most;           /* suspects to list */
    const char *by_column; /* the first categorical column, to count suspects by */
} rank_quality;

static void class_to_json(json_printer *json, const spur_class_rank *class)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "split", class->split);
    json_put_text(json, "label", class->label);
    json_put_text(json, "name", class->name);
    json_put_count(json, "images", class->images);
    json_put_count(json, "scored", class->scored);
    json_put_count(json, "failed", class->failed);
    json_put_count(json, "ties", class->ties);
    json_put_number(json, "lowest", (double)class->lowest);
    json_put_number(json, "quantile25", (double)class->quantile25);
    json_put_number(json, "median", (double)class->median);
    json_put_number(json, "quantile75", (double)class->quantile75);
    json_put_number(json, "highest", (double)class->highest);
    json_put_number(json, "auc", class->auc);
    json_put_number(json, "auc_low", class->auc_low);
    json_put_bool(json, "is_invisible", class->is_invisible);
    if (class->clearest != NULL) {
        json_put_file_name(json, "clearest", class->clearest);
        json_put_file_name(json, "most_hidden", class->most_hidden);
    }
    json_put_close(json, '}');
}

static void quality_to_json(const rank_quality *quality, json_printer *json)
{
    if (quality->truth_count > 0) {
        json_put_open(json, "truth", '[');
        for (size_t i = 0; i < quality->truth_count; i++) {
            truth_print_json(quality->truths[i], json);
        }
        json_put_close(json, ']');
    }
    if (quality->condition != NULL) {
        boxes_print_json(&quality->boxes, quality->condition, json);
    }
    if (quality->suspects != NULL) {
        suspects_print_json(quality->suspects, quality->most, quality->by_column, json);
    }
}

static void print_json(const spur_rank_summary *summary, const rank_quality *quality)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_count(&json, "scored", summary->scored);
    json_put_count(&json, "failed", summary->failed);
    json_put_count(&json, "ties", summary->ties);
    json_put_count(&json, "duplicates", summary->duplicates);
    json_put_count(&json, "invisible", summary->invisible);
    json_put_count(&json, "pending", summary->pending);
    json_put_open(&json, "classes", '[');
    for (size_t i = 0; i < summary->class_count; i++) {
        class_to_json(&json, &summary->classes[i]);
    }
    json_put_close(&json, ']');
    quality_to_json(quality, &json);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static void print_number(double value, int width, int digits)
{
    if (isfinite(value)) {
        (void)printf("%*.*f", width, digits, value);
    } else {
        (void)printf("%*s", width, "-");
    }
}

static void print_name(const char *mark, const char *name)
{
    (void)printf("  %s ", mark);
    escape_print(name, stdout);
    (void)putchar('\n');
}

static void print_class(const spur_class_rank *class, const terminal *screen)
{
    char label[4 * 18 + ESCAPE_SIZE];
    escape_fit(class->name == NULL ? class->label : class->name, 18, label, sizeof label);
    (void)printf("%s%8llu%7llu", label, (unsigned long long)class->scored,
                 (unsigned long long)class->failed);
    print_number((double)class->lowest, 8, 3);
    print_number((double)class->quantile25, 8, 3);
    print_number((double)class->median, 8, 3);
    print_number((double)class->quantile75, 8, 3);
    print_number((double)class->highest, 8, 3);
    print_number(class->auc, 6, 3);
    (void)puts(class->is_invisible ? "!" : "");
    if (screen->is_verbose && class->clearest != NULL) {
        print_name("clearest    ", class->clearest);
        print_name("most hidden ", class->most_hidden);
    }
}

static void print_heading(const spur_class_rank *first, const terminal *screen)
{
    terminal_bold(screen, true);
    (void)printf("%-18s%8s%7s%8s%8s%8s%8s%8s%6s", "class", "scored", "failed", "lowest", "q25",
                 "median", "q75", "highest", "auc");
    terminal_bold(screen, false);
    (void)fputs("\nsplit ", stdout);
    escape_print(first->split, stdout);
    (void)putchar('\n');
}

static void print_invisible(const spur_rank_summary *summary)
{
    if (summary->invisible == 0) {
        return;
    }
    (void)printf(
        "\n! %llu classes that the detector can hardly tell from the others (AUC bound\n"
        "  under 0.6); their order says little:\n",
        (unsigned long long)summary->invisible);
    for (size_t i = 0; i < summary->class_count; i++) {
        if (summary->classes[i].is_invisible) {
            print_name("-", summary->classes[i].name != NULL ? summary->classes[i].name
                                                             : summary->classes[i].label);
        }
    }
}

static void print_table(const spur_rank_summary *summary, const terminal *screen)
{
    for (size_t i = 0; i < summary->class_count; i++) {
        const spur_class_rank *class = &summary->classes[i];
        if (i == 0 || strcmp(class->split, class[-1].split) != 0) {
            (void)fputs(i == 0 ? "" : "\n", stdout);
            print_heading(class, screen);
        }
        print_class(class, screen);
    }
    (void)printf("\n%llu scored, %llu failed, %llu share their score with another, "
                 "%llu duplicates\n",
                 (unsigned long long)summary->scored, (unsigned long long)summary->failed,
                 (unsigned long long)summary->ties, (unsigned long long)summary->duplicates);
    if (summary->pending > 0) {
        (void)printf("%llu images of the dataset have no row yet: this run is not finished\n",
                     (unsigned long long)summary->pending);
    }
    (void)puts("rank 1 of a class is its lowest score: the object is least visible there");
    print_invisible(summary);
}

static void print_quality(const rank_quality *quality, const terminal *screen)
{
    for (size_t i = 0; i < quality->truth_count; i++) {
        truth_print(quality->truths[i], screen);
    }
    if (quality->condition != NULL) {
        boxes_print(&quality->boxes, quality->condition);
    }
    if (quality->suspects != NULL) {
        suspects_print(quality->suspects, quality->most, quality->by_column, screen);
    }
}

/* ---- what is asked for ------------------------------------------------------------------- */

static spur_status find_truths(const arguments *from, spur_run *run, rank_quality *into,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_truth_options options;
    spur_truth_options_defaults(&options);
    options.split = argument_text(from, "split");
    options.good = argument_text(from, "truth-good");
    size_t count = argument_list(from, "truth", into->columns, MOST_COLUMNS);
    if (count > MOST_COLUMNS) {
        FAIL(SPUR_USAGE, "--truth may be given at most %d times", (int)MOST_COLUMNS);
    }
    if (count == 0 && options.good != NULL) {
        FAIL(SPUR_USAGE, "--truth-good needs --truth COLUMN");
    }
    if (count > 1 && options.good != NULL) {
        FAIL(SPUR_USAGE, "--truth-good needs exactly one --truth COLUMN, there are %zu", count);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(spur_rank_truth(run, into->columns[i], &options, &into->truths[i], error));
        into->truth_count++;
        if (into->by_column == NULL && into->truths[i]->kind == SPUR_TRUTH_CATEGORIES) {
            into->by_column = into->columns[i];
        }
    }
done:
    return status;
}

/* "all" or COLUMN:NUMBER; `column` receives the name. */
static spur_status read_condition(const char *text, char *column, size_t capacity,
                                  spur_box_options *into, spur_error *error)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    if (strcmp(text, "all") == 0) {
        return SPUR_OK;
    }
    if (colon == NULL || colon == text || (size_t)(colon - text) >= capacity) {
        return failure_set(error, SPUR_USAGE, "--truth-boxes is all or COLUMN:NUMBER, not %s",
                           text);
    }
    memcpy(column, text, (size_t)(colon - text));
    column[colon - text] = '\0';
    into->column = column;
    into->above = strtod(colon + 1, &end);
    if (end == colon + 1 || *end != '\0' || !isfinite(into->above)) {
        return failure_set(error, SPUR_USAGE, "--truth-boxes: %s is not a number", colon + 1);
    }
    return SPUR_OK;
}

static spur_status find_boxes(const arguments *from, spur_run *run, rank_quality *into,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_box_options options;
    char column[256];
    const char *condition = argument_text(from, "truth-boxes");
    if (condition == NULL) {
        return SPUR_OK;
    }
    spur_box_options_defaults(&options);
    options.split = argument_text(from, "split");
    TRY(read_condition(condition, column, sizeof column, &options, error));
    TRY(spur_rank_boxes(run, &options, &into->boxes, error));
    into->condition = condition;
done:
    return status;
}

static spur_status find_quality(const arguments *from, spur_run *run, rank_quality *into,
                                spur_error *error)
{
    spur_status status;
    spur_suspect_options options;
    spur_suspect_options_defaults(&options);
    TRY(find_truths(from, run, into, error));
    TRY(find_boxes(from, run, into, error));
    if (argument_text(from, "suspects") != NULL) {
        into->most = (size_t)argument_whole(from, "suspects", 0);
        options.split = argument_text(from, "split");
        options.truth = into->by_column;
        TRY(spur_suspects(run, &options, &into->suspects, error));
    }
done:
    return status;
}

static void quality_free(rank_quality *block)
{
    for (size_t i = 0; i < block->truth_count; i++) {
        spur_truth_summary_free(block->truths[i]);
    }
    spur_suspect_summary_free(block->suspects);
}

static spur_status run_rank(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_run *run = NULL;
    spur_rank_summary *summary = NULL;
    rank_quality quality = {.truth_count = 0};
    TRY(spur_run_open(argument_word(from, 0), &run, error));
    TRY(spur_rank(run, &summary, error));
    TRY(find_quality(from, run, &quality, error));
    if (argument_flag(from, "json")) {
        print_json(summary, &quality);
    } else {
        print_table(summary, screen);
        print_quality(&quality, screen);
    }
done:
    quality_free(&quality);
    spur_rank_summary_free(summary);
    spur_run_close(run);
    return status;
}

const command rank_command = {
    .name = "rank",
    .usage = "RUN [--truth COLUMN] [--suspects N] [--json] [-v]",
    .summary = "order in class, quantiles, agreement with truth, label suspects",
    .description =
        "One row per class: images scored and failed, quantiles of the score (a logit) and "
        "AUC, the chance that the class's query gives one of its own images a higher score "
        "than an image of another class. Classes whose AUC has a 95 % bound under 0.6 are "
        "marked with '!'. With -v also the clearest and the most hidden image.\n\n"
        "--truth compares the order with a column of the manifest that was scored (group or "
        "any further column). Numbers: Spearman's correlation with the score per class, its "
        "mean and worst, Kendall's tau-b and a weighted tau in which the clearest images "
        "count most. Categories (at most 50 values, or two numbers): the chance that an "
        "image with the good value is scored above one with another value, per class and, "
        "with -v, per other value; 'hidden' is the share of the other images among the "
        "lowest tenth of their class, 'pooled' looks at all classes together. Images without "
        "a value are left out and counted.\n\n"
        "--suspects lists images whose score is under the 10th percentile of their class "
        "while another class's logit reaches the median of that class's own images; with a "
        "--truth column of categories they are counted by its values.",
    .examples = "  spur rank run\n"
                "  spur rank run --json\n"
                "  spur rank run --truth energy --truth planted\n"
                "  spur rank run --truth planted --suspects 20\n",
    .groups = rank_groups,
    .least = 1,
    .most = 1,
    .run = run_rank};
