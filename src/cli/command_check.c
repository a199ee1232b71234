/*
 * command_check.c - spur check: reads every file and says what is wrong with which, before a
 * long run.
 */
#include <stdio.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

static const option check_table[] = {
    {"sha256", 0, OPTION_FLAG, NULL, "SHA-256 of each picture's RGB bytes", false},
    {"threads", 'j', OPTION_COUNT, "N", "threads (default all processors)", false},
    {"max-bad", 0, OPTION_COUNT, "N", "up to N failed images still exit with 0", false},
    {"allow-duplicates", 0, OPTION_FLAG, NULL, "the same path may stand twice in a manifest",
     false},
    {"limit", 0, OPTION_COUNT, "N", "at most N images", false},
    {0}};
static const option_group check_group = {"Check", check_table};
static const option_group *const check_groups[] = {
    &check_group, &image_options, &json_options, &progress_options, &screen_options, NULL};

typedef struct check_report {
    terminal *screen;
    bool as_json, shows_all;
    uint64_t files, failed, oriented, with_alpha, with_warnings;
} check_report;

static void row_to_json(const spur_check_row *row)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "file_name", row->file_name);
    json_put_text(&json, "status", row->status == SPUR_OK ? "ok" : "failed");
    json_put_text(&json, "reason", row->reason);
    json_put_text(&json, "format", row->format);
    if (row->width > 0) {
        json_put_count(&json, "width", row->width);
        json_put_count(&json, "height", row->height);
    } else {
        json_put_null(&json, "width");
        json_put_null(&json, "height");
    }
    if (row->orientation > 0) {
        json_put_count(&json, "orientation", row->orientation);
    } else {
        json_put_null(&json, "orientation");
    }
    if (row->status == SPUR_OK) {
        json_put_bool(&json, "has_alpha", row->has_alpha);
    } else {
        json_put_null(&json, "has_alpha");
    }
    json_put_text(&json, "rgb_sha256", row->rgb_sha256[0] == '\0' ? NULL : row->rgb_sha256);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static void print_row(const check_report *report, const spur_check_row *row)
{
    bool has_failed = row->status != SPUR_OK;
    if (!has_failed && !report->shows_all) {
        return;
    }
    terminal_clear(report->screen);
    terminal_red(report->screen, has_failed);
    (void)fputs(has_failed ? "failed" : "ok    ", stdout);
    if (has_failed) {
        terminal_red(report->screen, false);
    }
    (void)putchar(' ');
    escape_print(row->file_name, stdout);
    if (has_failed) {
        (void)fputs(": ", stdout);
        escape_print(row->reason == NULL ? "unknown reason" : row->reason, stdout);
    } else {
        (void)printf(": %s %zux%zu%s%s", row->format == NULL ? "" : row->format, row->width,
                     row->height, row->rgb_sha256[0] == '\0' ? "" : " ", row->rgb_sha256);
    }
    (void)putchar('\n');
}

static int visit_row(void *context, const spur_check_row *row)
{
    check_report *report = context;
    report->files++;
    report->failed += row->status != SPUR_OK ? 1 : 0;
    report->oriented += row->orientation > 1 ? 1 : 0;
    report->with_alpha += row->has_alpha ? 1 : 0;
    report->with_warnings += row->warnings > 0 ? 1 : 0;
    if (report->as_json) {
        row_to_json(row);
    } else {
        print_row(report, row);
    }
    return ferror(stdout) != 0; /* nobody reads on: stop */
}

static void print_totals(const check_report *report)
{
    FILE *to = report->as_json ? stderr : stdout;
    if (report->as_json && report->screen->is_quiet) {
        return;
    }
    (void)fflush(stdout);
    (void)fprintf(to, "%llu files = %llu ok + %llu failed\n", (unsigned long long)report->files,
                  (unsigned long long)(report->files - report->failed),
                  (unsigned long long)report->failed);
    if (report->oriented > 0) {
        (void)fprintf(to, "%llu with an EXIF orientation: see --orientation apply\n",
                      (unsigned long long)report->oriented);
    }
    if (report->with_alpha > 0) {
        (void)fprintf(to, "%llu transparent: see --alpha white\n",
                      (unsigned long long)report->with_alpha);
    }
    if (report->with_warnings > 0) {
        (void)fprintf(to, "%llu decoded with warnings\n",
                      (unsigned long long)report->with_warnings);
    }
}

static spur_status run_check(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_check_options options;
    check_report report = {.screen = screen,
                           .as_json = argument_flag(from, "json"),
                           .shows_all = screen->is_verbose || argument_flag(from, "sha256")};
    spur_check_options_defaults(&options);
    TRY(read_data_options(from, &options.data, error));
    TRY(read_image_options(from, &options.image, error));
    TRY(read_threads(from, &options.threads, error));
    options.sha256 = argument_flag(from, "sha256");
    spur_monitor monitor = terminal_monitor(screen);
    for (size_t i = 0; i < argument_count(from) && ferror(stdout) == 0; i++) {
        status =
            spur_check(argument_word(from, i), &options, &monitor, visit_row, &report, error);
        /* Stopped by visit_row: the end of the program says whether that is a failure. */
        if (status != SPUR_OK && ferror(stdout) == 0) {
            goto done;
        }
    }
    terminal_clear(screen);
    print_totals(&report);
    status = failure_of_images(report.failed, argument_whole(from, "max-bad", 0), error);
done:
    return status;
}

const command check_command = {
    .name = "check",
    .usage = "PATH... [--json] [--sha256]",
    .summary = "read every file and say what is wrong with which",
    .description =
        "PATH is a folder (every regular file below it, whatever the layout), an image, a "
        "CSV or JSONL manifest, or '-' for a CSV manifest on standard input. Each file is "
        "decoded completely, as scoring would; a file that is no picture is a failed row. "
        "Failed files are printed, with -v all; with --json one object per file.",
    .examples = "  spur check photos\n"
                "  spur check list.csv --json --sha256 > pictures.jsonl\n",
    .groups = check_groups,
    .least = 1,
    .most = SIZE_MAX,
    .run = run_check};
