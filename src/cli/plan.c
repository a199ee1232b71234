/*
 * plan.c - what spur score --dry-run prints: classes, prompts, model files, time.
 */
#include "cli/plan.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/progress.h"

typedef void (*file_visit)(void *context, const char *name, uint64_t size);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Regular files of the model folder (links into a cache followed), in name order. */
static void each_model_file(const char *folder, file_visit visit, void *context)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat facts;
        int used = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (used > 0 && (size_t)used < sizeof path && stat(path, &facts) == 0 &&
            S_ISREG(facts.st_mode)) {
            visit(context, entries[i]->d_name, (uint64_t)facts.st_size);
        }
        free(entries[i]);
    }
    free(entries);
}

static double seconds_wanted(const spur_score_summary *summary)
{
    size_t workers = summary->threads == 0 ? 1 : summary->threads;
    return (double)summary->pending * summary->seconds_per_image / (double)workers;
}

/* ---- JSON ----------------------------------------------------------------------------- */

static void file_to_json(void *context, const char *name, uint64_t size)
{
    json_printer *json = context;
    json_put_open(json, NULL, '{');
    json_put_file_name(json, "file_name", name);
    json_put_count(json, "bytes", size);
    json_put_close(json, '}');
}

static void class_to_json(json_printer *json, const spur_class_plan *class)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "label", class->label);
    json_put_text(json, "name", class->name);
    json_put_count(json, "images", class->images);
    json_put_text(json, "prompt", class->prompt);
    json_put_count(json, "tokens", class->tokens);
    json_put_bool(json, "truncated", class->truncated);
    json_put_close(json, '}');
}

static void print_json(const spur_score_summary *summary)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_count(&json, "found", summary->found);
    json_put_count(&json, "pending", summary->pending);
    json_put_text(&json, "class_order", summary->class_order);
    json_put_text(&json, "prompts", summary->prompts);
    json_put_open(&json, "classes", '[');
    for (size_t i = 0; i < summary->class_count; i++) {
        class_to_json(&json, &summary->classes[i]);
    }
    json_put_close(&json, ']');
    json_put_file_name(&json, "detector", summary->detector.path);
    json_put_text(&json, "model_type", summary->detector.model_type);
    json_put_text(&json, "preprocessing", summary->detector.preprocessing);
    json_put_open(&json, "files", '[');
    each_model_file(summary->detector.path, file_to_json, &json);
    json_put_close(&json, ']');
    json_put_count(&json, "threads", summary->threads);
    json_put_number(&json, "seconds_per_image", summary->seconds_per_image);
    json_put_number(&json, "seconds", seconds_wanted(summary));
    json_put_close(&json, '}');
    json_put_end(&json);
}

/* ---- for people ----------------------------------------------------------------------- */

static void print_size(void *context, const char *name, uint64_t size)
{
    char cell[4 * 50 + ESCAPE_SIZE];
    (void)context;
    escape_fit(name, 50, cell, sizeof cell);
    bool is_large = size >= 1000000;
    (void)printf("  %s %10.1f %s\n", cell, (double)size / (is_large ? 1e6 : 1e3),
                 is_large ? "MB" : "kB");
}

static void print_class(const spur_class_plan *class)
{
    char label[4 * 22 + ESCAPE_SIZE], prompt[4 * 38 + ESCAPE_SIZE];
    escape_fit(class->label, 22, label, sizeof label);
    escape_fit(class->prompt, 38, prompt, sizeof prompt);
    for (size_t end = strlen(prompt); end > 0 && prompt[end - 1] == ' '; end--) {
        prompt[end - 1] = '\0';
    }
    (void)printf("%s %9llu %6zu%c %s\n", label, (unsigned long long)class->images,
                 class->tokens, class->truncated ? '!' : ' ', prompt);
}

static void print_classes(const spur_score_summary *summary)
{
    size_t truncated = 0;
    (void)printf("%-22s %9s %6s  %s\n", "class", "images", "tokens", "prompt");
    for (size_t i = 0; i < summary->class_count; i++) {
        print_class(&summary->classes[i]);
        truncated += summary->classes[i].truncated ? 1 : 0;
    }
    if (truncated > 0) {
        (void)printf("! %zu prompts are longer than the text tower's %zu tokens and are cut\n",
                     truncated, summary->detector.max_tokens);
    }
}

static void print_line(const char *name, const char *text)
{
    (void)printf("%-14s ", name);
    escape_print(text == NULL ? "" : text, stdout);
    (void)putchar('\n');
}

static void print_plan(const spur_score_summary *summary)
{
    char duration[32];
    print_classes(summary);
    (void)printf("\n%llu images in %zu classes, %llu to do\n",
                 (unsigned long long)summary->found, summary->class_count,
                 (unsigned long long)summary->pending);
    print_line("class order", summary->class_order);
    print_line("prompts", summary->prompts);
    print_line("detector", summary->detector.path);
    print_line("preprocessing", summary->detector.preprocessing);
    (void)puts("model files");
    each_model_file(summary->detector.path, print_size, NULL);
    progress_time(seconds_wanted(summary), duration, sizeof duration);
    (void)printf("%-14s about %s (%.3g s per image, %zu threads)\n", "time", duration,
                 summary->seconds_per_image, summary->threads);
}

void plan_print(const spur_score_summary *summary, bool as_json)
{
    if (as_json) {
        print_json(summary);
    } else {
        print_plan(summary);
    }
}
