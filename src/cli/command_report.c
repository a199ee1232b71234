/*
 * command_report.c - spur report: pages and figures of a run, to read, keep and mail.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

enum {
    MOST_CLASSES = 32 /* --class options of one call */
};

static const option report_table[] = {
    {"class", 0, OPTION_TEXT, "NAME",
     "a class for the first page's strips; may be repeated (default the most telling)", false},
    {"split", 0, OPTION_TEXT, "NAME", "split whose classes are shown (default train)", false},
    {"seed", 0, OPTION_COUNT, "S", "of the random classes beside them (default 0)", false},
    {"link-originals", 0, OPTION_FLAG, NULL,
     "pictures link to the image files, relative to the report", false},
    {"redact-paths", 0, OPTION_FLAG, NULL, "no folders, only last parts of file names", false},
    {"no-thumbnails", 0, OPTION_FLAG, NULL, "no pictures; no image is read again", false},
    {"png", 0, OPTION_FLAG, NULL, "figures also as PNG, when built with librsvg", false},
    {"pdf", 0, OPTION_FLAG, NULL, "figures also as PDF, when built with librsvg", false},
    {"threads", 'j', OPTION_COUNT, "N", "worker threads (default all processors)", false},
    {0}};
static const option_group report_group = {"Report", report_table};
static const option_group *const report_groups[] = {&report_group, &json_options,
                                                    &progress_options, &screen_options, NULL};

static spur_status read_options(const arguments *from, const char **classes,
                                spur_report_options *out, spur_error *error)
{
    spur_status status;
    spur_report_options_defaults(out);
    size_t count = argument_list(from, "class", classes, MOST_CLASSES);
    if (count > MOST_CLASSES) {
        FAIL(SPUR_USAGE, "--class may be given at most %d times", (int)MOST_CLASSES);
    }
    out->classes = classes;
    out->class_count = count;
    out->split = argument_text(from, "split");
    out->seed = argument_whole(from, "seed", out->seed);
    out->link_originals = argument_flag(from, "link-originals");
    out->redact_paths = argument_flag(from, "redact-paths");
    out->no_thumbnails = argument_flag(from, "no-thumbnails");
    out->png = argument_flag(from, "png");
    out->pdf = argument_flag(from, "pdf");
    TRY(read_threads(from, &out->threads, error));
done:
    return status;
}

static void print_json(const spur_report_summary *summary)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "report", summary->path);
    json_put_count(&json, "pages", summary->pages);
    json_put_count(&json, "figures", summary->figures);
    json_put_count(&json, "images", summary->images);
    json_put_count(&json, "missing", summary->missing);
    json_put_count(&json, "index_bytes", summary->index_size);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static void print_text(const spur_report_summary *summary)
{
    escape_print(summary->path, stdout);
    (void)printf("\n%" PRIu64 " pages, %" PRIu64 " figures, %" PRIu64 " images\n",
                 summary->pages, summary->figures, summary->images);
}

static spur_status run_report(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status;
    const char *classes[MOST_CLASSES];
    spur_report_options options;
    spur_report_summary *summary = NULL;
    spur_monitor monitor = terminal_monitor(screen);
    TRY(read_options(from, classes, &options, error));
    TRY(spur_report(argument_word(from, 0), &options, &monitor, &summary, error));
    terminal_clear(screen);
    if (argument_flag(from, "json")) {
        print_json(summary);
    } else {
        print_text(summary);
    }
    if (summary->missing > 0) {
        terminal_warn(
            screen, "%" PRIu64 " images cannot be read as they were scored; the pages say why",
            summary->missing);
    }
done:
    spur_report_summary_free(summary);
    return status;
}

const command report_command = {
    .name = "report",
    .usage = "RUN [--class NAME]... [--link-originals] [--redact-paths]",
    .summary = "pages and figures of a run, to read, keep and mail",
    .description =
        "Writes RUN/report/index.html and a page per class. The pages are files: they open "
        "from "
        "the disk, fetch nothing and can be read without JavaScript. index.html holds its "
        "pictures and figures and can be mailed alone.\n\n"
        "What is shown is what the run holds: with scores alone the order of the images, with "
        "features and heads also what classifiers make of it. The same line again changes "
        "nothing. Images that are shown are read again; one whose file is gone or has changed "
        "gets a labelled placeholder.",
    .examples = "  spur report run\n"
                "  spur report run --class heron --class bittern\n"
                "  spur report run --redact-paths\n",
    .groups = report_groups,
    .least = 1,
    .most = 1,
    .run = run_report};
