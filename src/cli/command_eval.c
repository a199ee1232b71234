/*
 * command_eval.c - spur eval: what every head of a run is worth, by rank and over all.
 */
#include <stdio.h>
#include <string.h>

#include "cli/eval_noise.h"
#include "cli/eval_print.h"
#include "cli/fail_if.h"
#include "cli/option_groups.h"
#include "cli/stage_options.h"

static const option eval_table[] = {
    {"split", 0, OPTION_TEXT, "NAME",
     "only this split; the curves the run keeps are then of it alone (default all that have "
     "features)",
     false},
    {"backbone", 'b', OPTION_TEXT, "NAME", "only this backbone, in the same way (default all)",
     false},
    {"curve", 0, OPTION_PATH, "FILE", "accuracy by rank of every head, as CSV", false},
    {"seed", 0, OPTION_COUNT, "S", "of all that is drawn at random (default 0)", false},
    {"threads", 'j', OPTION_COUNT, "N", "threads (default all processors)", false},
    FAIL_IF_OPTION,
    {0}};
static const option_group eval_group = {"Evaluate", eval_table};
static const option sets_table[] = {
    {"id-split", 0, OPTION_TEXT, "NAME",
     "compare splits ood:NAME with this one (default val, else the first other than train)",
     false},
    {"group-column", 0, OPTION_TEXT, "COLUMN",
     "accuracy by the values of this column (default group, where the manifest has it)", false},
    {"group-min", 0, OPTION_COUNT, "N",
     "images that a group, or a class in it, needs to be the worst (default 10)", false},
    {0}};
const option_group sets_group = {"Sets and groups", sets_table};
static const option controls_table[] = {
    {"no-controls", 0, OPTION_FLAG, NULL, "no shuffled ranks, no strata, no correlations",
     false},
    {"permutations", 0, OPTION_COUNT, "N", "shuffles of the ranks (default 2000)", false},
    {"sharpness", 0, OPTION_FLAG, NULL, "control for sharpness, too; reads every image again",
     false},
    {"confound", 0, OPTION_TEXT, "COLUMN",
     "control for this column of numbers, too; may be repeated", false},
    {0}};
const option_group controls_group = {"Controls", controls_table};
static const option_group *const eval_groups[] = {&eval_group,
                                                  &sets_group,
                                                  &controls_group,
                                                  &noise_group,
                                                  &noise_model_group,
                                                  &backbone_options,
                                                  &network_options,
                                                  &audit_group,
                                                  &audit_model_group,
                                                  &json_options,
                                                  &progress_options,
                                                  &screen_options,
                                                  NULL};

spur_status read_eval_options(const arguments *from, spur_eval_options *out, spur_error *error)
{
    spur_eval_options_defaults(out);
    out->split = argument_text(from, "split");
    out->backbone = argument_text(from, "backbone");
    out->seed = argument_whole(from, "seed", 0);
    out->controls_off = argument_flag(from, "no-controls");
    out->controls_sharpness = argument_flag(from, "sharpness");
    out->controls_permutations =
        (size_t)argument_whole(from, "permutations", out->controls_permutations);
    out->ood_id_split = argument_text(from, "id-split");
    out->groups_column = argument_text(from, "group-column");
    out->groups_least = argument_whole(from, "group-min", 0);
    if (argument_flag(from, "group-min") && out->groups_least == 0) {
        return failure_set(error, SPUR_USAGE, "--group-min: must be at least 1");
    }
    return read_threads(from, &out->threads, error);
}

static spur_status print_json(const spur_eval_summary *summary, spur_error *error)
{
    char *text = NULL;
    spur_status status = spur_eval_json(summary, &text, error);
    if (status == SPUR_OK) {
        (void)fputs(text, stdout);
    }
    spur_text_free(text);
    return status;
}

static spur_status write_curve(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_run *run = NULL;
    spur_export_options options;
    const char *path = argument_text(from, "curve");
    if (path == NULL) {
        return SPUR_OK;
    }
    spur_export_options_defaults(&options);
    options.split = argument_text(from, "split");
    options.backbone = argument_text(from, "backbone");
    TRY(spur_run_open(argument_word(from, 0), &run, error));
    TRY(spur_export_curve(run, path, &options, error));
    if (strcmp(path, "-") != 0) {
        terminal_note(screen, "wrote %s", path);
    }
done:
    spur_run_close(run);
    return status;
}

spur_status read_confounds(const arguments *from, const char **columns, spur_eval_options *out,
                           spur_error *error)
{
    size_t count = argument_list(from, "confound", columns, MOST_CONFOUNDS);
    if (count > MOST_CONFOUNDS) {
        return failure_set(error, SPUR_USAGE, "--confound may be given at most %d times",
                           (int)MOST_CONFOUNDS);
    }
    if (count > 0 && out->controls_off) {
        return failure_set(error, SPUR_USAGE,
                           "--confound and --no-controls exclude each other");
    }
    out->controls_columns = columns;
    out->controls_column_count = count;
    return SPUR_OK;
}

static void print_all(const spur_eval_summary *summary, const terminal *screen)
{
    eval_print_curves(summary, screen);
    eval_print_findings(summary, "eval", "What the curves say:");
    eval_print_ood(summary, screen);
    eval_print_groups(summary, screen);
    eval_print_controls(summary, screen);
    eval_print_findings(summary, "controls", "What the controls say:");
    eval_print_noise(summary, screen);
    eval_print_audit(summary, screen);
}

static spur_status check_streams(const arguments *from, spur_error *error)
{
    const char *path = argument_text(from, "curve");
    bool is_stream = path != NULL && strcmp(path, "-") == 0;
    return is_stream && argument_flag(from, "json")
               ? failure_set(error, SPUR_USAGE,
                             "--json and --curve - both want standard output")
               : SPUR_OK;
}

static spur_status run_eval(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_eval_options options;
    noise_arguments kept;
    spur_eval_summary *summary = NULL;
    const char *columns[MOST_CONFOUNDS];
    spur_monitor monitor = terminal_monitor(screen);
    TRY(check_streams(from, error));
    TRY(fail_if_parse(from, error));
    TRY(read_eval_options(from, &options, error));
    TRY(read_noise_options(from, &kept, &options, error));
    TRY(read_confounds(from, columns, &options, error));
    status = spur_eval(argument_word(from, 0), &options, &monitor, &summary, error);
    terminal_clear(screen);
    TRY(status);
    TRY(write_curve(from, screen, error));
    if (argument_flag(from, "json")) {
        TRY(print_json(summary, error));
    } else if (argument_text(from, "curve") == NULL ||
               strcmp(argument_text(from, "curve"), "-") != 0) {
        print_all(summary, screen);
    }
    TRY(fail_if_check(from, summary, error));
done:
    spur_eval_summary_free(summary);
    return status;
}

const command eval_command = {
    .name = "eval",
    .usage = "RUN [--split NAME] [--curve FILE] [--noise] [--audit]",
    .summary = "accuracy of every head, by rank, with intervals and tests",
    .description =
        "Asks every head of the run (RUN/heads, the model's own as \"original\") about every "
        "image that has features, and reports accuracy over images and over classes, by rank "
        "of visibility, and the gap between clear and hidden images. Controls ask what else "
        "could make the gap: shuffled ranks, box area, image size, confidence, classes the "
        "detector cannot see, doubtful labels. The numbers are kept in the run and written to "
        "RUN/metrics.json; what was made from the same inputs is not made again.\n"
        "\n"
        "--noise runs the network again on pixels with noise of the same length on the box of "
        "the object and around it, all heads on the same features: a head that leans on the "
        "object loses more from noise there (docs/evaluation.md).\n"
        "\n"
        "Splits ood and ood:NAME are set beside a split in distribution, on the same classes; "
        "with a column of groups there is the worst group and averages by group.\n"
        "\n"
        "--audit runs the detector again with the box greyed out and with the box alone.",
    .examples = "  spur eval run\n"
                "  spur eval run --fail-if 'val/*/original/gap>8'\n"
                "  spur eval run --split val --json\n"
                "  spur eval run --curve curve.csv\n"
                "  spur eval run --noise --noise-backbone resnet50 --noise-limit 1000\n"
                "  spur eval run --id-split val --group-column minority\n"
                "  spur eval run --audit --detector owlvit-base-patch32\n",
    .groups = eval_groups,
    .least = 1,
    .most = 1,
    .is_resumable = true,
    .run = run_eval};
