/*
 * command_rank.c - spur rank: order in class, quantiles, and the classes that the detector
 * cannot see.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

static const option_group *const rank_groups[] = {&json_options, &screen_options, NULL};

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

static void print_json(const spur_rank_summary *summary)
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

static spur_status run_rank(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_run *run = NULL;
    spur_rank_summary *summary = NULL;
    TRY(spur_run_open(argument_word(from, 0), &run, error));
    TRY(spur_rank(run, &summary, error));
    if (argument_flag(from, "json")) {
        print_json(summary);
    } else {
        print_table(summary, screen);
    }
done:
    spur_rank_summary_free(summary);
    spur_run_close(run);
    return status;
}

const command rank_command = {
    .name = "rank",
    .usage = "RUN [--json] [-v]",
    .summary = "order in class, quantiles, classes the detector cannot see",
    .description =
        "One row per class: images scored and failed, quantiles of the score (a logit) and "
        "AUC, the chance that the class's query gives one of its own images a higher score "
        "than an image of another class. Classes whose AUC has a 95 % bound under 0.6 are "
        "marked with '!'. With -v also the clearest and the most hidden image.",
    .examples = "  spur rank run\n"
                "  spur rank run --json\n",
    .groups = rank_groups,
    .least = 1,
    .most = 1,
    .run = run_rank};
