/*
 * command_features.c - spur features: what frozen backbones see in a run's images.
 */
#include <math.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/failures.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/stage_options.h"
#include "cli/terminal.h"

enum {
    BACKBONES = 32
};

static const option features_table[] = {
    {"backbone", 'b', OPTION_PATH, "MODEL",
     "model folder, weight file or hub id; may be repeated (default $SPUR_BACKBONE)", false},
    {"split", 0, OPTION_TEXT, "NAME", "only this split (default all; --features: train)",
     false},
    {"half", 0, OPTION_FLAG, NULL, "store float16 instead of float32", false},
    {"threads", 'j', OPTION_COUNT, "N", "worker threads (default all processors)", false},
    {"restart", 'f', OPTION_FLAG, NULL, "drop these features first", false},
    {"max-bad", 0, OPTION_COUNT, "N", "up to N failed images still exit with 0", false},
    {"strict", 0, OPTION_FLAG, NULL, "stop at the first failed image", false},
    {"keep-going", 0, OPTION_FLAG, NULL, "do not give up after 1000 failures in a row", false},
    {0}};
static const option_group features_options = {"Features", features_table};

static const option import_table[] = {
    {"features", 0, OPTION_PATH, "FILE",
     "take a matrix another program made: .npy, .npz or safetensors", false},
    {"rows", 0, OPTION_PATH, "FILE",
     "which image each row is: a file name a line, or CSV with file_name", false},
    {"name", 0, OPTION_TEXT, "NAME", "what to call it in the run (default the file's name)",
     false},
    {0}};
static const option_group import_options = {"Import", import_table};

static const option_group *const features_groups[] = {
    &features_options, &import_options,   &backbone_options, &network_options,
    &json_options,     &progress_options, &screen_options,   NULL};

spur_status read_features_options(const arguments *from, spur_features_options *out,
                                  spur_error *error)
{
    spur_features_options_defaults(out);
    read_backbone_options(from, &out->backbone);
    out->split = argument_text(from, "split");
    out->half = argument_flag(from, "half");
    out->restart = argument_flag(from, "restart");
    out->strict = argument_flag(from, "strict");
    out->keep_going = argument_flag(from, "keep-going");
    return read_threads(from, &out->threads, error);
}

spur_status read_backbone_paths(const arguments *from, const char **out, size_t capacity,
                                size_t *count, spur_error *error)
{
    *count = argument_list(from, "backbone", out, capacity);
    if (*count > capacity) {
        return failure_set(error, SPUR_USAGE, "--backbone: at most %zu in one call", capacity);
    }
    if (*count > 0) {
        return SPUR_OK;
    }
    *count = 1;
    return read_backbone_path(from, &out[0], error);
}

/* ---- results ----------------------------------------------------------------------------- */

static void print_set(const spur_feature_set *set)
{
    escape_print(set->backbone, stdout);
    (void)fputs("  ", stdout);
    escape_print(set->split, stdout);
    (void)printf("  %llu images = %llu with %zu features + %llu failed",
                 (unsigned long long)set->images,
                 (unsigned long long)(set->images - set->failed), set->features,
                 (unsigned long long)set->failed);
    if (set->skipped > 0) {
        (void)printf(" (%llu were there before)", (unsigned long long)set->skipped);
    }
    (void)putchar('\n');
    if (set->judged > 0) {
        (void)printf("  original head: top-1 %.2f %%  top-5 %.2f %%  of %llu images (classes "
                     "by %s)\n",
                     100.0 * set->top1, 100.0 * set->top5, (unsigned long long)set->judged,
                     set->matching);
    }
}

static void print_json(const spur_features_summary *summary, const char *run)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "run", run);
    json_put_count(&json, "images", summary->images);
    json_put_count(&json, "failed", summary->failed);
    json_put_count(&json, "skipped", summary->skipped);
    json_put_open(&json, "sets", '[');
    for (size_t i = 0; i < summary->set_count; i++) {
        const spur_feature_set *set = &summary->sets[i];
        json_put_open(&json, NULL, '{');
        json_put_text(&json, "backbone", set->backbone);
        json_put_text(&json, "architecture", set->architecture);
        json_put_text(&json, "preprocessing", set->preprocessing);
        json_put_text(&json, "settings", set->settings);
        json_put_text(&json, "backbone_digest", set->digest);
        json_put_text(&json, "split", set->split);
        json_put_file_name(&json, "path", set->path);
        json_put_count(&json, "features", set->features);
        json_put_count(&json, "images", set->images);
        json_put_count(&json, "failed", set->failed);
        json_put_count(&json, "skipped", set->skipped);
        json_put_count(&json, "judged", set->judged);
        json_put_number(&json, "top1", set->judged == 0 ? (double)NAN : set->top1);
        json_put_number(&json, "top5", set->judged == 0 ? (double)NAN : set->top5);
        json_put_text(&json, "matching", set->matching);
        json_put_close(&json, '}');
    }
    json_put_close(&json, ']');
    json_put_close(&json, '}');
    json_put_end(&json);
}

/* Failed rows of every set, as the run holds them. */
static spur_status show_failures(const char *path, const spur_features_summary *summary,
                                 terminal *screen, spur_error *error)
{
    spur_status status;
    spur_run *run = NULL;
    failure_list list = {.screen = screen};
    TRY(spur_run_open(path, &run, error));
    for (size_t i = 0; i < summary->set_count; i++) {
        TRY(spur_feature_failures(run, summary->sets[i].backbone, summary->sets[i].split,
                                  failures_visit, &list, error));
    }
    failures_end(screen, list.seen);
done:
    spur_run_close(run);
    return status;
}

static void show_notes(const spur_features_summary *summary, terminal *screen)
{
    for (size_t i = 0; i < summary->set_count; i++) {
        const spur_feature_set *set = &summary->sets[i];
        bool is_new = i == 0 || strcmp(set->backbone, summary->sets[i - 1].backbone) != 0;
        if (is_new) {
            terminal_note(screen, "%s: %s, preprocessing: %s; %s", set->backbone,
                          set->architecture, set->preprocessing, set->settings);
        }
        if (is_new && set->judged == 0 && set->matching[0] != '\0') {
            terminal_warn(screen, "%s: no accuracy of the original head: %s", set->backbone,
                          set->matching);
        }
    }
}

static spur_status finish_features(const arguments *from, const spur_features_summary *summary,
                                   terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *run = argument_word(from, 0);
    if (argument_flag(from, "json")) {
        print_json(summary, run);
    } else {
        for (size_t i = 0; i < summary->set_count; i++) {
            print_set(&summary->sets[i]);
        }
    }
    if (summary->failed > 0) {
        TRY(show_failures(run, summary, screen, error));
    }
    show_notes(summary, screen);
    status = failure_of_images(summary->failed, argument_whole(from, "max-bad", 0), error);
done:
    return status;
}

/* ---- the command ------------------------------------------------------------------------- */

static spur_status compute(const arguments *from, terminal *screen,
                           spur_features_summary **summary, spur_error *error)
{
    spur_status status;
    spur_features_options options;
    const char *backbones[BACKBONES];
    size_t count = 0;
    TRY(read_features_options(from, &options, error));
    TRY(read_backbone_paths(from, backbones, BACKBONES, &count, error));
    spur_monitor monitor = terminal_monitor(screen);
    TRY(spur_features(argument_word(from, 0), backbones, count, &options, &monitor, summary,
                      error));
done:
    return status;
}

static spur_status import(const arguments *from, spur_features_summary **summary,
                          spur_error *error)
{
    spur_import_options options;
    spur_import_options_defaults(&options);
    options.rows = argument_text(from, "rows");
    options.name = argument_text(from, "name");
    options.split = argument_text(from, "split");
    options.half = argument_flag(from, "half");
    options.restart = argument_flag(from, "restart");
    return spur_features_import(argument_word(from, 0), argument_text(from, "features"),
                                &options, summary, error);
}

static spur_status run_features(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_features_summary *summary = NULL;
    bool is_import = argument_text(from, "features") != NULL;
    if (is_import && argument_text(from, "backbone") != NULL) {
        FAIL(SPUR_USAGE, "--features takes a matrix that is there, --backbone computes one: "
                         "give one of them");
    }
    if (!is_import &&
        (argument_text(from, "rows") != NULL || argument_text(from, "name") != NULL)) {
        FAIL(SPUR_USAGE, "--rows and --name belong to --features FILE");
    }
    TRY(is_import ? import(from, &summary, error) : compute(from, screen, &summary, error));
    terminal_clear(screen);
    TRY(finish_features(from, summary, screen, error));
done:
    spur_features_summary_free(summary);
    return status;
}

const command features_command = {
    .name = "features",
    .usage = "RUN (--backbone MODEL... | --features FILE) [OPTION]...",
    .summary = "penultimate features of a run's images from frozen backbones",
    .description =
        "Every image of the run goes through the backbone up to the vector before its last "
        "layer, read as it was when it was scored; an image whose file has changed since is a "
        "failed row. The features are RUN/features/NAME/SPLIT.safetensors, the model's own "
        "last "
        "layer is RUN/heads/NAME/original.safetensors, and its accuracy is the baseline: it is "
        "printed for every split.\n\n"
        "The same line again goes on where the last one stopped and does nothing when nothing "
        "is missing. Another model, another recipe or another number format under the same "
        "name are refused with the difference.\n\n"
        "--features takes a matrix of any framework instead: X, features or arr_0 of an .npy, "
        ".npz or safetensors file, with one row for every scored image. Which image a row is, "
        "--rows says, or an array image_id in the file.",
    .examples = "  spur features run --backbone resnet50\n"
                "  spur features run --backbone deit_small --half --split train\n"
                "  spur features run --features clip.npz --rows files.txt --name clip\n",
    .groups = features_groups,
    .least = 1,
    .most = 1,
    .is_resumable = true,
    .run = run_features};
