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
#include "cli/run_preset.h"

static const option demo_table[] = {
    {"out", 'o', OPTION_PATH, "RUN", "run folder (default spur-demo)", false},
    {"world", 0, OPTION_PATH, "DIR", "only write the images and their truth, to DIR", false},
    {"models", 0, OPTION_PATH, "DIR",
     "folder with detector/, and resnet/ and vit/ (default the installed one)", false},
    PRESET_OPTION,
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

/* ---- stages of its own ------------------------------------------------------------------ */

static size_t once(const run_job *job)
{
    (void)job;
    return 1;
}

static spur_status make_world(run_job *job, size_t i, const spur_monitor *monitor,
                              spur_error *error)
{
    demo *of = job->owner;
    (void)i;
    return spur_world_write(of->world, &of->options, monitor, &of->made, error);
}

static void describe_world(const run_job *job, size_t i, char note[RUN_NOTE_SIZE])
{
    const demo *of = job->owner;
    (void)i;
    (void)snprintf(note, RUN_NOTE_SIZE, "%llu images, %llu written",
                   (unsigned long long)of->made.images, (unsigned long long)of->made.written);
}

/* How well the ranking agrees with what the world knows. */
static spur_status compare_truth(run_job *job, size_t i, const spur_monitor *monitor,
                                 spur_error *error)
{
    spur_status status;
    demo *of = job->owner;
    spur_truth_options options;
    spur_box_options boxes;
    (void)i;
    (void)monitor;
    spur_truth_options_defaults(&options);
    spur_box_options_defaults(&boxes);
    options.split = boxes.split = DEMO_SPLIT;
    boxes.column = "clearness";
    boxes.above = DEMO_CLEAR;
    TRY(spur_run_open(job->run, &of->opened, error));
    TRY(demo_find_extremes(of, error));
    TRY(spur_rank_truth(of->opened, "energy", &options, &of->energy, error));
    if (of->options.none + of->options.wrong > 0.0) {
        TRY(spur_rank_truth(of->opened, "planted", &options, &of->planted, error));
    }
    TRY(spur_rank_boxes(of->opened, &boxes, &of->boxes, error));
done:
    return status;
}

static spur_status draw_sheets(run_job *job, size_t i, const spur_monitor *monitor,
                               spur_error *error)
{
    spur_status status;
    demo *of = job->owner;
    (void)i;
    (void)monitor;
    TRY(spur_world_draw(&of->options, of->world_sheet, error));
    TRY(spur_extremes_draw(of->opened, DEMO_SPLIT, DEMO_ENDS, of->ranking_sheet, error));
done:
    return status;
}

/* Images and truth; then the pipeline; then what only a world with a truth allows. */
static const run_stage first_stages[] = {
    {"world", once, make_world, NULL, describe_world, false},
    {NULL, NULL, NULL, NULL, NULL, false},
};
static const run_stage last_stages[] = {
    {"truth", once, compare_truth, NULL, NULL, false},
    {"draw", once, draw_sheets, NULL, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, false},
};
static const run_stage *const tables[] = {first_stages, run_table, last_stages, NULL};

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

/* A sixth of each class's train images, unless a preset says how many. */
static void name_amount(demo *of)
{
    size_t count = (of->options.train_images + DEMO_SELECTED - 1) / DEMO_SELECTED;
    (void)snprintf(of->amount, sizeof of->amount, "%zu", count);
    of->job.select.amounts = of->amount;
    of->job.select.seeds = 1;
}

/* The world as any other dataset: a manifest with a column split, two model folders. */
static spur_status prepare_job(const arguments *from, demo *of, spur_error *error)
{
    spur_status status;
    run_job *job = &of->job;
    run_job_init(job);
    job->owner = of;
    TRY(demo_find_models(argument_text(from, "models"), &of->models, error));
    TRY(demo_name_files(of, argument_text(from, "out"), error));
    job->detector = of->models.detector;
    job->backbone_count = of->models.backbone_count;
    for (size_t i = 0; i < job->backbone_count; i++) {
        job->backbones[i] = of->models.backbones[i];
    }
    job->sources[0] = (run_source){.data = of->truth, .split = DEMO_SPLIT};
    job->source_count = 1;
    job->score.threads = job->features.threads = job->retrain.threads = of->options.threads;
    job->eval.threads = job->report.threads = of->options.threads;
    job->is_restarted = argument_flag(from, "restart");
    job->select.restart = job->retrain.restart = job->is_restarted;
    name_amount(of);
    run_preset_apply(from, job);
done:
    return status;
}

static spur_status run_demo(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status;
    demo of = {.made = {0}};
    TRY(read_options(from, &of.options, error));
    if (argument_text(from, "world") != NULL) {
        status = write_world_only(from, &of.options, screen, error);
        goto done;
    }
    TRY(prepare_job(from, &of, error));
    TRY(run_stages_do(tables, &of.job, screen, error));
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
        "ranking with the truth. It runs the stages of 'spur run' on an ordinary manifest "
        "and ordinary model folders.\n\n"
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
