/*
 * demo_report.c - the demo's result for people (80 columns) and as JSON.
 *
 * Times are not part of it: the same world gives the same bytes.
 */
#include "cli/demo_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/demo_models.h"
#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/run_report.h"

/* ---- what is kept ---------------------------------------------------------------------- */

spur_status demo_name_files(demo *of, const char *run, spur_error *error)
{
    spur_status status;
    of->job.run = run == NULL ? "spur-demo" : run;
    TRY(demo_join(of->job.run, "world", &of->world, error));
    TRY(demo_join(of->world, "truth.csv", &of->truth, error));
    TRY(demo_join(of->job.run, "world.png", &of->world_sheet, error));
    TRY(demo_join(of->job.run, "ranking.png", &of->ranking_sheet, error));
done:
    return status;
}

static char *copy_of(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

/* Stops the visit (and leaves the count short) when memory is out. */
static int keep_extreme(void *context, const spur_extreme *from)
{
    demo *of = context;
    if (of->extreme_count == of->extreme_capacity) {
        size_t capacity = 2 * of->extreme_capacity + 2 * (size_t)DEMO_ENDS;
        demo_extreme *grown = realloc(of->extremes, capacity * sizeof *grown);
        if (grown == NULL) {
            return 1;
        }
        of->extremes = grown;
        of->extreme_capacity = capacity;
    }
    demo_extreme *kept = &of->extremes[of->extreme_count];
    *kept = (demo_extreme){copy_of(from->label), copy_of(from->file_name),
                           from->rank <= from->images - from->images / 2};
    of->extreme_count++;
    return kept->label == NULL || kept->file_name == NULL;
}

spur_status demo_find_extremes(demo *of, spur_error *error)
{
    return spur_extremes(of->opened, DEMO_SPLIT, DEMO_ENDS, keep_extreme, of, error);
}

void demo_close(demo *of)
{
    for (size_t i = 0; i < of->extreme_count; i++) {
        free(of->extremes[i].label);
        free(of->extremes[i].file_name);
    }
    free(of->extremes);
    spur_truth_summary_free(of->energy);
    spur_truth_summary_free(of->planted);
    spur_run_close(of->opened);
    run_job_close(&of->job);
    demo_models_free(&of->models);
    free(of->world);
    free(of->truth);
    free(of->world_sheet);
    free(of->ranking_sheet);
}

/* ---- measures -------------------------------------------------------------------------- */

/* The class's quality against all other values; NaN when there is none. */
static double class_quality(const spur_truth_summary *of, const char *label)
{
    for (size_t i = 0; of != NULL && i < of->class_count; i++) {
        const spur_truth_class *class = &of->classes[i];
        bool is_only = of->kind == SPUR_TRUTH_NUMBERS || class->other == NULL;
        /* One other value has no row for "all others": its own row is that. */
        bool is_last =
            i + 1 == of->class_count || strcmp(of->classes[i + 1].label, class->label) != 0;
        if (strcmp(class->label, label) == 0 && (is_only || is_last)) {
            return class->quality;
        }
    }
    return (double)NAN;
}

/* The total against one other value; NULL = all others. */
static const spur_truth_total *total_against(const spur_truth_summary *of, const char *other)
{
    for (size_t i = 0; of != NULL && i < of->total_count; i++) {
        const char *found = of->totals[i].other;
        if (found == other || (found != NULL && other != NULL && strcmp(found, other) == 0)) {
            return &of->totals[i];
        }
    }
    return NULL;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_extremes(json_printer *json, const demo *of, const char *label, bool is_hidden)
{
    json_put_open(json, is_hidden ? "most_hidden" : "clearest", '[');
    for (size_t i = 0; i < of->extreme_count; i++) {
        const demo_extreme *one = &of->extremes[i];
        if (one->is_hidden == is_hidden && strcmp(one->label, label) == 0) {
            json_put_text(json, NULL, one->file_name);
        }
    }
    json_put_close(json, ']');
}

static bool is_shown(const spur_class_rank *class)
{
    return strcmp(class->split, DEMO_SPLIT) == 0;
}

static void put_total(json_printer *json, const char *key, const spur_truth_total *total)
{
    json_put_open(json, key, '{');
    json_put_number(json, "mean", total == NULL ? (double)NAN : total->mean);
    json_put_number(json, "worst", total == NULL ? (double)NAN : total->worst);
    json_put_number(json, "pooled", total == NULL ? (double)NAN : total->pooled);
    json_put_close(json, '}');
}

static void put_measures(json_printer *json, const demo *of)
{
    put_total(json, "energy_correlation", total_against(of->energy, NULL));
    put_total(json, "none_auc", total_against(of->planted, "none"));
    put_total(json, "wrong_auc", total_against(of->planted, "wrong"));
    json_put_number(json, "clear_box_iou", of->boxes.mean_iou);
}

static void put_class(json_printer *json, const demo *of, const spur_class_rank *class)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "label", class->label);
    json_put_count(json, "images", class->images);
    json_put_number(json, "median", (double)class->median);
    json_put_number(json, "auc", class->auc);
    json_put_number(json, "energy_correlation", class_quality(of->energy, class->label));
    json_put_number(json, "planted_auc", class_quality(of->planted, class->label));
    put_extremes(json, of, class->label, false);
    put_extremes(json, of, class->label, true);
    json_put_close(json, '}');
}

void demo_print_json(const demo *of)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "run", of->job.run);
    json_put_count(&json, "images", of->made.images);
    json_put_count(&json, "scored", of->job.scored[0]->scored);
    json_put_count(&json, "failed", of->job.scored[0]->failed);
    json_put_text(&json, "detector_digest", of->job.scored[0]->detector.digest);
    json_put_text(&json, "split", DEMO_SPLIT);
    put_measures(&json, of);
    run_report_put(&json, &of->job);
    json_put_open(&json, "classes", '[');
    for (size_t i = 0; i < of->job.ranked->class_count; i++) {
        if (is_shown(&of->job.ranked->classes[i])) {
            put_class(&json, of, &of->job.ranked->classes[i]);
        }
    }
    json_put_close(&json, ']');
    json_put_close(&json, '}');
    json_put_end(&json);
}

void demo_report_world(const char *folder, const spur_world_summary *summary, bool as_json)
{
    if (as_json) {
        json_printer json = {.to = stdout};
        json_put_open(&json, NULL, '{');
        json_put_file_name(&json, "world", folder);
        json_put_count(&json, "images", summary->images);
        json_put_count(&json, "written", summary->written);
        json_put_close(&json, '}');
        json_put_end(&json);
        return;
    }
    escape_print(folder, stdout);
    (void)printf(": %llu images, %llu written\n", (unsigned long long)summary->images,
                 (unsigned long long)summary->written);
}

/* ---- text ------------------------------------------------------------------------------ */

/* "0034" of "train/anchor/0034.png" */
static void print_stem(const char *file_name)
{
    const char *slash = strrchr(file_name, '/');
    const char *stem = slash == NULL ? file_name : slash + 1;
    const char *dot = strchr(stem, '.');
    (void)printf(" %4.*s", dot == NULL ? (int)strlen(stem) : (int)(dot - stem), stem);
}

/* Always as wide as DEMO_ENDS numbers. */
static void print_stems(const demo *of, const char *label, bool is_hidden)
{
    size_t shown = 0;
    for (size_t i = 0; i < of->extreme_count; i++) {
        const demo_extreme *one = &of->extremes[i];
        if (one->is_hidden == is_hidden && strcmp(one->label, label) == 0) {
            print_stem(one->file_name);
            shown++;
        }
    }
    for (; shown < DEMO_ENDS; shown++) {
        (void)fputs("     ", stdout);
    }
}

static void print_measure(double value)
{
    if (isfinite(value)) {
        (void)printf("%7.3f", value);
    } else {
        (void)printf("%7s", "-");
    }
}

static void print_classes(const demo *of, const terminal *screen)
{
    terminal_bold(screen, true);
    (void)printf("%-8s%7s%7s%7s%-25s %s", "class", "auc", "energy", "errors", " clearest five",
                 " most hidden five");
    terminal_bold(screen, false);
    (void)putchar('\n');
    for (size_t i = 0; i < of->job.ranked->class_count; i++) {
        const spur_class_rank *class = &of->job.ranked->classes[i];
        if (is_shown(class)) {
            (void)printf("%-8s", class->label);
            print_measure(class->auc);
            print_measure(class_quality(of->energy, class->label));
            print_measure(class_quality(of->planted, class->label));
            print_stems(of, class->label, false);
            (void)putchar(' ');
            print_stems(of, class->label, true);
            (void)putchar('\n');
        }
    }
}

static void print_total(const char *what, const spur_truth_total *total)
{
    if (total != NULL && isfinite(total->mean)) {
        (void)printf("  %-50s mean %.3f, worst %.3f\n", what, total->mean, total->worst);
    }
}

/* What the columns mean, and their means over classes. */
static void print_measures(const demo *of)
{
    (void)puts("\nthe ranking against what is known of each image:");
    print_total("energy: correlation of ranks with visible energy",
                total_against(of->energy, NULL));
    print_total("errors: chance that an absent object ranks lower",
                total_against(of->planted, "none"));
    print_total("errors: chance that a wrong label ranks lower",
                total_against(of->planted, "wrong"));
    if (isfinite(of->boxes.mean_iou)) {
        (void)printf("  %-50s mean %.3f\n", "overlap (IoU) of best box and clear object",
                     of->boxes.mean_iou);
    }
}

/* The classifiers were trained on images of such a train split: the fall from val to balanced
 * is what they owe to the background. */
static void print_accuracies(const demo *of, const terminal *screen)
{
    if (of->job.seen != NULL) {
        (void)puts("\nclassifiers trained on such a train split, share of right answers,\n"
                   "and with their last layers trained again on the subsets:");
        run_report_accuracies(&of->job, screen);
    }
}

static void print_file(const char *path, const char *what)
{
    (void)fputs("  ", stdout);
    escape_print(path, stdout);
    (void)printf("  %s\n", what);
}

static void print_next(const demo *of)
{
    (void)puts("\nto look at:");
    print_file(of->job.pages->path, "the report: pages and figures");
    print_file(of->ranking_sheet, "the ends of each class's ranking, with boxes");
    print_file(of->world_sheet, "what the images are like, from hidden to clear");
    print_file(of->truth, "what is known of every image");
    (void)fputs("to try next:\n  spur rank ", stdout);
    escape_shell(of->job.run, stdout);
    (void)puts(" --truth minority --suspects 10\n  " DETECTOR_DOWNLOAD_LINE "\n"
               "  spur score PHOTOS --out run --detector google/owlvit-base-patch32");
}

void demo_print(const demo *of, const terminal *screen)
{
    (void)printf("%llu images, %llu scored, %llu failed\n\n",
                 (unsigned long long)of->made.images,
                 (unsigned long long)of->job.scored[0]->scored,
                 (unsigned long long)of->job.scored[0]->failed);
    print_classes(of, screen);
    (void)fputs("images are ", stdout);
    escape_print(of->world, stdout);
    (void)puts("/" DEMO_SPLIT "/<class>/<number>.png");
    print_measures(of);
    (void)putchar('\n');
    run_report_subsets(&of->job);
    print_accuracies(of, screen);
    run_report_findings(&of->job);
    if (!screen->is_quiet) {
        terminal_picture(screen, of->ranking_sheet);
    }
    print_next(of);
}
