/*
 * command_export.c - spur export: a run's rows as CSV, JSONL and COCO files.
 */
#include <string.h>

#include "cli/option_groups.h"
#include "cli/terminal.h"

static const option export_table[] = {
    {"csv", 0, OPTION_PATH, "FILE", "one row per image as CSV", false},
    {"jsonl", 0, OPTION_PATH, "FILE", "one JSON object per image and line", false},
    {"coco", 0, OPTION_PATH, "FILE", "COCO detection results", false},
    {"manifest", 0, OPTION_PATH, "FILE",
     "CSV of the scored images with file names relative to FILE: an input of Spur, and as "
     "metadata.csv of Hugging Face datasets",
     false},
    {"link", 0, OPTION_PATH, "DIR", "links DIR/<class>/<image> to the images of the subset",
     false},
    {"heads", 0, OPTION_PATH, "DIR", "every head of the run as DIR/<backbone>/<head>", false},
    {"format", 0, OPTION_CHOICE, "torchvision|timm|hf|npz|c",
     "of the heads: safetensors with the names of a library's model (default timm), NumPy, or "
     "a C header",
     false},
    {"npz", 0, OPTION_PATH, "FILE", "features of one split as NumPy arrays X, y, row, image_id",
     false},
    {"predictions", 0, OPTION_PATH, "FILE",
     "what every head says of every image, as CSV (after `spur eval`)", false},
    {"backbone", 0, OPTION_TEXT, "NAME",
     "features of this backbone (default the only one), predictions (default all)", false},
    {"subset", 0, OPTION_TEXT, "NAME", "only the images of this subset, as clear-100", false},
    {"split", 0, OPTION_TEXT, "NAME", "only this split (default all)", false},
    {"spreadsheet-safe", 0, OPTION_FLAG, NULL,
     "CSV: ' before cells that a spreadsheet would run as a formula", false},
    {0}};
static const option_group export_group = {"Export", export_table};
static const option_group *const export_groups[] = {&export_group, &naming_options,
                                                    &screen_options, NULL};

typedef spur_status (*export_write)(spur_run *run, const char *path,
                                    const spur_export_options *options, spur_error *error);

static const struct format {
    const char *name;
    export_write write;
} formats[] = {{"csv", spur_export_csv},   {"jsonl", spur_export_jsonl},
               {"coco", spur_export_coco}, {"manifest", spur_export_manifest},
               {"npz", spur_export_npz},   {"predictions", spur_export_predictions}};

enum {
    FORMAT_COUNT = sizeof formats / sizeof formats[0]
};

static spur_status check_targets(const arguments *from, spur_error *error)
{
    size_t given = 0, streams = 0;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        const char *path = argument_text(from, formats[i].name);
        given += path != NULL ? 1 : 0;
        streams += path != NULL && strcmp(path, "-") == 0 ? 1 : 0;
    }
    if (given == 0 && argument_text(from, "link") == NULL &&
        argument_text(from, "heads") == NULL) {
        return failure_set(error, SPUR_USAGE,
                           "nothing to write: give --csv, --jsonl, --coco, --manifest, --link, "
                           "--heads, --npz or --predictions");
    }
    if (argument_text(from, "format") != NULL && argument_text(from, "heads") == NULL) {
        return failure_set(error, SPUR_USAGE, "--format needs --heads");
    }
    if (argument_text(from, "link") != NULL && argument_text(from, "subset") == NULL) {
        return failure_set(error, SPUR_USAGE, "--link needs --subset");
    }
    if (argument_text(from, "backbone") != NULL && argument_text(from, "npz") == NULL &&
        argument_text(from, "predictions") == NULL) {
        return failure_set(error, SPUR_USAGE, "--backbone needs --npz or --predictions");
    }
    if (argument_text(from, "subset") != NULL && argument_text(from, "predictions") != NULL) {
        return failure_set(error, SPUR_USAGE,
                           "--predictions are of whole splits, not of a "
                           "--subset");
    }
    if (streams > 1) {
        return failure_set(error, SPUR_USAGE, "only one format can go to standard output");
    }
    if (argument_flag(from, "spreadsheet-safe") && argument_text(from, "csv") == NULL) {
        return failure_set(error, SPUR_USAGE, "--spreadsheet-safe needs --csv");
    }
    return SPUR_OK;
}

static void read_options(const arguments *from, spur_export_options *out)
{
    spur_export_options_defaults(out);
    out->split = argument_text(from, "split");
    out->spreadsheet_safe = argument_flag(from, "spreadsheet-safe");
    out->subset = argument_text(from, "subset");
    out->backbone = argument_text(from, "backbone");
    out->naming = read_naming(from);
}

/* One format, when it is asked for. */
static spur_status write_format(const arguments *from, const struct format *format,
                                spur_run *run, terminal *screen, spur_error *error)
{
    spur_export_options options;
    const char *path = argument_text(from, format->name);
    if (path == NULL) {
        return SPUR_OK;
    }
    read_options(from, &options);
    spur_status status = format->write(run, path, &options, error);
    if (strcmp(path, "-") == 0) {
        /* The reader (head) wanted no more: no failure. */
        return status == SPUR_RESOURCE && terminal_reader_is_gone() ? SPUR_OK : status;
    }
    if (status == SPUR_OK) {
        terminal_note(screen, "wrote %s", path);
    }
    return status;
}

static spur_status write_links(const arguments *from, spur_run *run, terminal *screen,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_export_options options;
    uint64_t links = 0;
    const char *folder = argument_text(from, "link");
    if (folder != NULL) {
        read_options(from, &options);
        TRY(spur_export_links(run, folder, &options, &links, error));
        terminal_note(screen, "%llu links in %s", (unsigned long long)links, folder);
    }
done:
    return status;
}

static spur_status write_heads(const arguments *from, spur_run *run, terminal *screen,
                               spur_error *error)
{
    static const spur_head_format kinds[] = {SPUR_HEAD_TORCHVISION, SPUR_HEAD_TIMM,
                                             SPUR_HEAD_HF, SPUR_HEAD_NPZ, SPUR_HEAD_C};
    spur_status status = SPUR_OK;
    uint64_t heads = 0;
    const char *folder = argument_text(from, "heads");
    if (folder != NULL) {
        TRY(spur_export_heads(run, folder, kinds[argument_choice(from, "format", 1)], &heads,
                              error));
        terminal_note(screen, "%llu heads in %s", (unsigned long long)heads, folder);
    }
done:
    return status;
}

static spur_status run_export(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_run *run = NULL;
    TRY(check_targets(from, error));
    TRY(spur_run_open(argument_word(from, 0), &run, error));
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        TRY(write_format(from, &formats[i], run, screen, error));
    }
    TRY(write_links(from, run, screen, error));
    TRY(write_heads(from, run, screen, error));
done:
    spur_run_close(run);
    return status;
}

const command export_command = {
    .name = "export",
    .usage = "RUN [--csv FILE] [--jsonl FILE] [--coco FILE] [--manifest FILE] [--subset NAME] "
             "[--heads DIR]",
    .summary = "a run's rows as CSV, JSONL, COCO, manifest or links",
    .description =
        "Writes one row per image of the run, scored or failed, in row order: file name, "
        "label, split, status, reason, score, rank in class, box. Several formats may be "
        "written at once; FILE '-' is standard output. With --subset only the images of one "
        "subset that `spur select` made.",
    .examples = "  spur export run --csv scores.csv\n"
                "  spur export run --jsonl - --split val\n"
                "  spur export run --subset clear-100 --manifest images/metadata.csv\n"
                "  spur export run --heads heads --format torchvision\n",
    .groups = export_groups,
    .least = 1,
    .most = 1,
    .run = run_export};
