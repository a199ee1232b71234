/*
 * demo_report.c - the demo's result for people (80 columns) and as JSON.
 *
 * Times are not part of it: the same world gives the same bytes.
 */
#include "cli/demo_report.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/demo_models.h"
#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"

extern char **environ;

/* ---- what is kept ---------------------------------------------------------------------- */

spur_status demo_name_files(demo *of, const char *run, spur_error *error)
{
    spur_status status;
    of->run = run == NULL ? "spur-demo" : run;
    TRY(demo_join(of->run, "world", &of->world, error));
    TRY(demo_join(of->world, "truth.csv", &of->truth, error));
    TRY(demo_join(of->run, "world.png", &of->world_sheet, error));
    TRY(demo_join(of->run, "ranking.png", &of->ranking_sheet, error));
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
    spur_rank_summary_free(of->ranked);
    spur_run_close(of->opened);
    spur_score_summary_free(of->scored);
    free(of->detector);
    free(of->world);
    free(of->truth);
    free(of->world_sheet);
    free(of->ranking_sheet);
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

static void put_class(json_printer *json, const demo *of, const spur_class_rank *class)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "label", class->label);
    json_put_count(json, "images", class->images);
    json_put_number(json, "median", (double)class->median);
    json_put_number(json, "auc", class->auc);
    put_extremes(json, of, class->label, false);
    put_extremes(json, of, class->label, true);
    json_put_close(json, '}');
}

void demo_print_json(const demo *of)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "run", of->run);
    json_put_count(&json, "images", of->images);
    json_put_count(&json, "scored", of->scored->scored);
    json_put_count(&json, "failed", of->scored->failed);
    json_put_text(&json, "detector_digest", of->scored->detector.digest);
    json_put_text(&json, "split", DEMO_SPLIT);
    json_put_open(&json, "classes", '[');
    for (size_t i = 0; i < of->ranked->class_count; i++) {
        if (is_shown(&of->ranked->classes[i])) {
            put_class(&json, of, &of->ranked->classes[i]);
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
    (void)printf("%-9s%6s  %-25s  %s", "class", "auc", " clearest five", " most hidden five");
    terminal_bold(screen, false);
    (void)putchar('\n');
    for (size_t i = 0; i < of->ranked->class_count; i++) {
        const spur_class_rank *class = &of->ranked->classes[i];
        if (is_shown(class)) {
            (void)printf("%-8s", class->label);
            print_measure(class->auc);
            (void)fputs("  ", stdout);
            print_stems(of, class->label, false);
            (void)fputs("  ", stdout);
            print_stems(of, class->label, true);
            (void)putchar('\n');
        }
    }
}

/* The sheet of the ranking in the terminal itself, where chafa is installed. */
static void show_sheet(const demo *of, const terminal *screen)
{
    char program[] = "chafa", size[] = "--size=80";
    char *words[] = {program, size, of->ranking_sheet, NULL};
    pid_t child;
    int result;
    if (!screen->has_colour_out || screen->is_quiet) {
        return;
    }
    (void)fflush(stdout);
    if (posix_spawnp(&child, program, NULL, NULL, words, environ) != 0) {
        return; /* not installed */
    }
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
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
    print_file(of->ranking_sheet, "the ends of each class's ranking, with boxes");
    print_file(of->world_sheet, "what the images are like, from hidden to clear");
    print_file(of->truth, "what is known of every image");
    (void)fputs("to try next:\n  spur rank ", stdout);
    escape_shell(of->run, stdout);
    (void)puts("\n  " DETECTOR_DOWNLOAD_LINE "\n"
               "  spur score PHOTOS --out run --detector google/owlvit-base-patch32");
}

void demo_print(const demo *of, const terminal *screen)
{
    (void)printf("%llu images, %llu scored, %llu failed\n\n", (unsigned long long)of->images,
                 (unsigned long long)of->scored->scored,
                 (unsigned long long)of->scored->failed);
    print_classes(of, screen);
    (void)fputs("images are ", stdout);
    escape_print(of->world, stdout);
    (void)puts("/" DEMO_SPLIT "/<class>/<number>.png");
    show_sheet(of, screen);
    print_next(of);
}
