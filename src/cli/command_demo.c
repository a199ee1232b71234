/*
 * command_demo.c - spur demo: everything the program can do, on a world of its own.
 *
 * A list of stages over the public interface: the same calls that serve a user's own images.
 * Each stage can be run again on what it has already made.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/demo_models.h"
#include "cli/demo_report.h"
#include "cli/escape.h"
#include "cli/option_groups.h"

static const option demo_table[] = {
    {"out", 'o', OPTION_PATH, "RUN", "run folder (default spur-demo)", false},
    {"world", 0, OPTION_PATH, "DIR", "only write the images and their truth, to DIR", false},
    {"models", 0, OPTION_PATH, "DIR",
     "folder with detector/, and resnet/ and vit/ (default the installed one)", false},
    {"restart", 'f', OPTION_FLAG, NULL, "drop the scores of an earlier call first", false},
    {"threads", 'j', OPTION_COUNT, "N", "worker threads (default all processors)", false},
    {0}};
static const option world_table[] = {
    {"classes", 0, OPTION_COUNT, "N", "2 to 10 classes (default 10)", false},
    {"images", 0, OPTION_COUNT, "N",
     "train images per class (default 300); a sixth of it in each test split", false},
    {"seed", 0, OPTION_COUNT, "S", "another world of the same kind (default 1)", false},
    {"favourite", 0, OPTION_NUMBER, "P",
     "share of a class's images on its own background (default 0.95)", false},
    {"couple", 0, OPTION_NUMBER, "X",
     "so much less of it for the clearest, more for the hidden (default 0)", false},
    {"none", 0, OPTION_NUMBER, "P", "train images without their object (default 0.05)", false},
    {"wrong", 0, OPTION_NUMBER, "P", "train images of another class (default 0.02)", false},
    {0}};
static const option_group demo_group = {"Demo", demo_table};
static const option_group world_group = {"World", world_table};
static const option_group *const demo_groups[] = {
    &demo_group, &world_group, &json_options, &progress_options, &screen_options, NULL};

enum {
    TEST_SHARE = 6 /* of the train images, in each test split */
};

static spur_status read_options(const arguments *from, spur_world_options *out,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_world_options_defaults(out);
    TRY(read_threads(from, &out->threads, error));
    out->classes = (size_t)argument_whole(from, "classes", out->classes);
    out->train_images = (size_t)argument_whole(from, "images", out->train_images);
    out->test_images = (out->train_images + TEST_SHARE - 1) / TEST_SHARE;
    out->seed = argument_whole(from, "seed", out->seed);
    out->favourite = argument_number(from, "favourite", out->favourite);
    out->couple = argument_number(from, "couple", out->couple);
    out->none = argument_number(from, "none", out->none);
    out->wrong = argument_number(from, "wrong", out->wrong);
done:
    return status;
}

/* ---- stages ---------------------------------------------------------------------------- */

static spur_status make_world(demo *of, spur_error *error)
{
    spur_status status;
    TRY(spur_world_write(of->world, &of->options, &of->monitor, &of->made, error));
    of->images = of->made.images;
done:
    return status;
}

static spur_status score_world(demo *of, spur_error *error)
{
    spur_score_options options;
    spur_score_options_defaults(&options);
    options.threads = of->options.threads;
    options.restart = of->is_restarted;
    return spur_score(of->truth, of->run, of->models.detector, &options, &of->monitor,
                      &of->scored, error);
}

static spur_status rank_world(demo *of, spur_error *error)
{
    spur_status status;
    TRY(spur_run_open(of->run, &of->opened, error));
    TRY(spur_rank(of->opened, &of->ranked, error));
    TRY(demo_find_extremes(of, error));
done:
    return status;
}

/* How well the ranking agrees with what the world knows. */
static spur_status compare_truth(demo *of, spur_error *error)
{
    spur_status status;
    spur_truth_options options;
    spur_box_options boxes;
    spur_truth_options_defaults(&options);
    spur_box_options_defaults(&boxes);
    options.split = boxes.split = DEMO_SPLIT;
    boxes.column = "clearness";
    boxes.above = DEMO_CLEAR;
    TRY(spur_rank_truth(of->opened, "energy", &options, &of->energy, error));
    if (of->options.none + of->options.wrong > 0.0) {
        TRY(spur_rank_truth(of->opened, "planted", &options, &of->planted, error));
    }
    TRY(spur_rank_boxes(of->opened, &boxes, &of->boxes, error));
done:
    return status;
}

static spur_status select_subsets(demo *of, spur_error *error)
{
    spur_select_options options;
    char amount[32];
    spur_select_options_defaults(&options);
    size_t count = (of->options.train_images + DEMO_SELECTED - 1) / DEMO_SELECTED;
    (void)snprintf(amount, sizeof amount, "%zu", count);
    options.amounts = amount;
    options.seeds = 1;
    options.restart = of->is_restarted;
    return spur_select(of->run, &options, &of->monitor, &of->selected, error);
}

/* What the two classifiers see, and how right their own last layers are. */
static spur_status compute_features(demo *of, spur_error *error)
{
    spur_features_options options;
    if (of->models.backbone_count == 0) {
        return SPUR_OK;
    }
    spur_features_options_defaults(&options);
    options.threads = of->options.threads;
    options.restart = of->is_restarted;
    return spur_features(of->run, (const char *const *)of->models.backbones,
                         of->models.backbone_count, &options, &of->monitor, &of->seen, error);
}

/* Last layers on each subset, by the default recipe. */
static spur_status retrain_heads(demo *of, spur_error *error)
{
    spur_retrain_options options;
    if (of->models.backbone_count == 0) {
        return SPUR_OK;
    }
    spur_retrain_options_defaults(&options);
    options.threads = of->options.threads;
    options.restart = of->is_restarted;
    return spur_retrain(of->run, &options, &of->monitor, &of->heads, error);
}

static spur_status draw_sheets(demo *of, spur_error *error)
{
    spur_status status;
    TRY(spur_world_draw(&of->options, of->world_sheet, error));
    TRY(spur_extremes_draw(of->opened, DEMO_SPLIT, DEMO_ENDS, of->ranking_sheet, error));
done:
    return status;
}

static const demo_stage stages[] = {
    {"world", make_world},          /* images and truth */
    {"score", score_world},         /* run.db */
    {"rank", rank_world},           /* order in class */
    {"truth", compare_truth},       /* ... and how right it is */
    {"select", select_subsets},     /* clear, mid, hidden, random */
    {"features", compute_features}, /* of two classifiers */
    {"retrain", retrain_heads},     /* their last layers, on the subsets */
    {"draw", draw_sheets},          /* pictures */
    {NULL, NULL},
};

static spur_status run_stages(demo *of, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (const demo_stage *stage = stages; stage->name != NULL; stage++) {
        double begin = terminal_clock();
        screen->meter = (progress_meter){0};
        TRY(stage->run(of, error));
        terminal_clear(screen);
        terminal_note(screen, "%-8s %6.1f s", stage->name, terminal_clock() - begin);
    }
done:
    return status;
}

/* ---- the command ----------------------------------------------------------------------- */

static spur_status write_world_only(const arguments *from, const spur_world_options *options,
                                    terminal *screen, spur_error *error)
{
    spur_status status;
    spur_world_summary summary;
    spur_monitor monitor = terminal_monitor(screen);
    const char *folder = argument_text(from, "world");
    if (argument_text(from, "out") != NULL) {
        FAIL(SPUR_USAGE, "--world writes images only; leave --out away");
    }
    TRY(spur_world_write(folder, options, &monitor, &summary, error));
    terminal_clear(screen);
    demo_report_world(folder, &summary, argument_flag(from, "json"));
done:
    return status;
}

static spur_status run_demo(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status;
    demo of = {.monitor = terminal_monitor(screen)};
    TRY(read_options(from, &of.options, error));
    if (argument_text(from, "world") != NULL) {
        status = write_world_only(from, &of.options, screen, error);
        goto done;
    }
    TRY(demo_find_models(argument_text(from, "models"), &of.models, error));
    TRY(demo_name_files(&of, argument_text(from, "out"), error));
    of.is_restarted = argument_flag(from, "restart");
    TRY(run_stages(&of, screen, error));
    if (argument_flag(from, "json")) {
        demo_print_json(&of);
    } else {
        demo_print(&of, screen);
    }
done:
    demo_close(&of);
    return status;
}

const command demo_command = {
    .name = "demo",
    .usage = "[--out RUN] [OPTION]... | --world DIR",
    .summary = "everything the program can do, on generated images; needs nothing",
    .description =
        "Makes a world of images in which it is known how visible each object is, scores and "
        "ranks it with a small detector that is installed with the program, and compares the "
        "ranking with the truth. It calls what 'spur score' and 'spur rank' call, on an "
        "ordinary image folder and model folder.\n\n"
        "With --world only the images are written: DIR/<split>/<class>/0000.png and truth.csv, "
        "which is also a manifest for 'spur score'. The same line again does nothing, or goes "
        "on where it was stopped.",
    .examples = "  spur demo\n"
                "  spur demo --out small --classes 4 --images 60\n"
                "  spur demo --world images --seed 7\n",
    .groups = demo_groups,
    .least = 0,
    .most = 0,
    .is_resumable = true,
    .run = run_demo};
