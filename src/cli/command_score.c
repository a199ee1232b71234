/*
 * command_score.c - spur score: every image of a dataset through the detector, into a run.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/failures.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/plan.h"
#include "cli/stage_options.h"

static const option score_table[] = {
    {"out", 'o', OPTION_PATH, "RUN", "run folder; made when missing, continued when not",
     false},
    {"detector", 'd', OPTION_PATH, "MODEL", "model folder or hub id (default $SPUR_DETECTOR)",
     false},
    {"threads", 'j', OPTION_COUNT, "N", "worker threads (default all processors)", false},
    {"dry-run", 'n', OPTION_FLAG, NULL, "print what would be done; write nothing", false},
    {"restart", 'f', OPTION_FLAG, NULL, "drop this split's scores first", false},
    {"max-bad", 0, OPTION_COUNT, "N", "up to N failed images still exit with 0", false},
    {"strict", 0, OPTION_FLAG, NULL, "stop at the first failed image", false},
    {"keep-going", 0, OPTION_FLAG, NULL, "do not give up after 1000 failures in a row", false},
    {0}};
static const option_group score_options = {"Scoring", score_table};
static const option scoring_table[] = {
    {"prompts", 0, OPTION_TEXT, "TEMPLATE",
     "a template with {}, best7, or a file of templates (default 'a photo of a {}.')", false},
    {"agg", 0, OPTION_CHOICE, "max|mean-top5|logsumexp|noisy-or",
     "from patch logits to the score (default max)", false},
    {"margin", 0, OPTION_FLAG, NULL, "own logit minus the best other class's on the same box",
     false},
    {"objectness", 0, OPTION_FLAG, NULL, "add OWLv2's objectness logit before aggregating",
     false},
    {0}};
const option_group scoring_options = {"Scoring", scoring_table};
static const option_group *const score_groups[] = {
    &score_options,    &scoring_options, &data_options,     &ood_options,    &image_options,
    &detector_options, &json_options,    &progress_options, &screen_options, NULL};

spur_status read_score_options(const arguments *from, spur_score_options *out,
                               spur_error *error)
{
    static const spur_aggregate aggregates[] = {SPUR_AGGREGATE_MAX, SPUR_AGGREGATE_MEAN_TOP5,
                                                SPUR_AGGREGATE_LOGSUMEXP,
                                                SPUR_AGGREGATE_NOISY_OR};
    spur_status status = SPUR_OK;
    spur_score_options_defaults(out);
    TRY(read_data_options(from, &out->data, error));
    TRY(read_image_options(from, &out->image, error));
    TRY(read_detector_options(from, &out->detector, error));
    TRY(read_threads(from, &out->threads, error));
    out->prompts = argument_text(from, "prompts");
    out->aggregate = aggregates[argument_choice(from, "agg", 0)];
    out->margin = argument_flag(from, "margin");
    out->objectness = argument_flag(from, "objectness");
    out->restart = argument_flag(from, "restart");
    out->dry_run = argument_flag(from, "dry-run");
    out->strict = argument_flag(from, "strict");
    out->keep_going = argument_flag(from, "keep-going");
done:
    return status;
}

/* The failed images as the run holds them: with those of earlier calls. */
static spur_status show_failures(const char *path, terminal *screen, spur_error *error)
{
    spur_run *run = NULL;
    failure_list list = {.screen = screen};
    spur_status status = spur_run_open(path, &run, error);
    if (status == SPUR_OK) {
        status = spur_run_failures(run, failures_visit, &list, error);
        failures_end(screen, list.seen);
    }
    spur_run_close(run);
    return status;
}

static void print_counts(const spur_score_summary *summary)
{
    (void)printf("%llu found = %llu scored + %llu failed", (unsigned long long)summary->found,
                 (unsigned long long)summary->scored, (unsigned long long)summary->failed);
    if (summary->skipped > 0) {
        (void)printf(" (%llu were there before)", (unsigned long long)summary->skipped);
    }
    (void)putchar('\n');
}

void score_show_warnings(const spur_score_summary *summary, const spur_image_options *images,
                         terminal *screen)
{
    if (summary->oriented > 0 && images->orientation == SPUR_ORIENTATION_IGNORE) {
        terminal_warn(screen,
                      "%llu images have an EXIF orientation that was ignored; "
                      "--orientation apply turns them upright",
                      (unsigned long long)summary->oriented);
    }
    if (summary->with_alpha > 0 && images->alpha == SPUR_ALPHA_DROP) {
        terminal_warn(screen,
                      "%llu images are transparent; the channel was dropped, "
                      "--alpha white composites them on white",
                      (unsigned long long)summary->with_alpha);
    }
    if (summary->with_warnings > 0) {
        terminal_warn(screen, "%llu images were decoded with warnings",
                      (unsigned long long)summary->with_warnings);
    }
    if (summary->duplicates > 0) {
        terminal_warn(screen, "%llu images have the same content as another",
                      (unsigned long long)summary->duplicates);
    }
}

/* How the settings were resolved. */
static void show_settings(const spur_score_summary *summary, terminal *screen)
{
    terminal_note(screen, "%s, preprocessing: %s", summary->detector.model_type,
                  summary->detector.preprocessing);
    terminal_note(screen, "class order: %s; prompts: %s", summary->class_order,
                  summary->prompts);
    if (strcmp(summary->ood_rule, "none") != 0 || summary->border > 0) {
        terminal_note(screen, "out of distribution: rule %s, border %zu", summary->ood_rule,
                      summary->border);
    }
    if (summary->excluded_images > 0) {
        terminal_note(screen,
                      "left out: %llu images whose classes (%llu) the run does not have",
                      (unsigned long long)summary->excluded_images,
                      (unsigned long long)summary->excluded_classes);
    }
}

static void show_next(const char *run, const terminal *screen)
{
    if (screen->is_quiet) {
        return;
    }
    (void)fflush(stdout);
    (void)fputs("next: spur rank ", stderr);
    escape_shell(run, stderr);
    (void)fputc('\n', stderr);
}

static void print_json(const spur_score_summary *summary, const char *run)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "run", run);
    json_put_count(&json, "found", summary->found);
    json_put_count(&json, "scored", summary->scored);
    json_put_count(&json, "failed", summary->failed);
    json_put_count(&json, "skipped", summary->skipped);
    json_put_count(&json, "oriented", summary->oriented);
    json_put_count(&json, "with_alpha", summary->with_alpha);
    json_put_count(&json, "with_warnings", summary->with_warnings);
    json_put_count(&json, "duplicates", summary->duplicates);
    json_put_count(&json, "classes", summary->class_count);
    json_put_count(&json, "excluded_images", summary->excluded_images);
    json_put_count(&json, "excluded_classes", summary->excluded_classes);
    json_put_text(&json, "ood_rule", summary->ood_rule);
    json_put_count(&json, "border", summary->border);
    json_put_text(&json, "class_order", summary->class_order);
    json_put_text(&json, "prompts", summary->prompts);
    json_put_text(&json, "preprocessing", summary->detector.preprocessing);
    json_put_text(&json, "detector_digest", summary->detector.digest);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static spur_status finish_score(const arguments *from, const spur_score_options *options,
                                const spur_score_summary *summary, terminal *screen,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *run = argument_text(from, "out");
    if (options->dry_run) {
        plan_print(summary, argument_flag(from, "json"));
        score_show_warnings(summary, &options->image, screen);
        return SPUR_OK;
    }
    if (argument_flag(from, "json")) {
        print_json(summary, run);
    } else {
        print_counts(summary);
    }
    if (summary->failed > 0) {
        TRY(show_failures(run, screen, error));
    }
    show_settings(summary, screen);
    score_show_warnings(summary, &options->image, screen);
    show_next(run, screen);
    status = failure_of_images(summary->failed, argument_whole(from, "max-bad", 0), error);
done:
    return status;
}

static spur_status run_score(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_score_summary *summary = NULL;
    spur_score_options options;
    const char *detector = NULL;
    TRY(read_score_options(from, &options, error));
    TRY(read_detector_path(from, &detector, error));
    if (argument_text(from, "out") == NULL) {
        FAIL(SPUR_USAGE, "no run folder: give --out RUN");
    }
    spur_monitor monitor = terminal_monitor(screen);
    TRY(spur_score(argument_word(from, 0), argument_text(from, "out"), detector, &options,
                   &monitor, &summary, error));
    terminal_clear(screen);
    TRY(finish_score(from, &options, summary, screen, error));
done:
    spur_score_summary_free(summary);
    return status;
}

const command score_command = {
    .name = "score",
    .usage = "DATA --out RUN --detector MODEL [OPTION]...",
    .summary = "detect each image's own class and score it, into a run folder",
    .description =
        "DATA is a folder with one folder of images per class, a CSV or JSONL manifest "
        "(columns file_name, label, optional split), '-' for a CSV manifest on standard "
        "input, or a flat folder with --labels.\n\n"
        "The same line again goes on where the last one stopped and does nothing when "
        "nothing is missing. Settings that would mix results are refused with the "
        "difference. Every image ends as one row: scored, or failed with a reason; repeated "
        "calls with other --split names add splits.",
    .examples = "  spur score photos/train --out run --detector google/owlvit-base-patch32\n"
                "  spur score photos/val --out run --split val --dry-run\n"
                "  spur score list.csv --out run --prompts best7 --max-bad 10\n",
    .groups = score_groups,
    .least = 1,
    .most = 1,
    .is_resumable = true,
    .run = run_score};
