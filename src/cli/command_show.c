/*
 * command_show.c - spur show: both ends of a class's ranking, as a list and, where the terminal
 * can and chafa is installed, as pictures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

enum {
    SHOWN_DEFAULT = 5,
    SHOWN_MOST = 100,
    FOLDER_SIZE = 1024
};

static const option show_table[] = {
    {"class", 0, OPTION_TEXT, "NAME", "label or name of the class (default all)", false},
    {"split", 0, OPTION_TEXT, "NAME", "split to show (default train, or the first)", false},
    {"count", 'n', OPTION_COUNT, "N", "images of each end (default 5)", false},
    {"no-pictures", 0, OPTION_FLAG, NULL, "lists only", false},
    {0}};
static const option_group show_group = {"Show", show_table};
static const option_group *const show_groups[] = {&show_group, &json_options, &screen_options,
                                                  NULL};

typedef struct show {
    spur_run *run;
    spur_rank_summary *ranks;
    const char *label; /* NULL: all classes */
    const char *split;
    size_t count;
    json_printer json;
    char *shown;    /* label of the class being printed */
    bool is_hidden; /* the end being printed */
} show;

/* ---- what is asked for ------------------------------------------------------------------- */

/* train when the run has it, else its first split. */
static const char *find_split(const spur_rank_summary *ranks, const char *wanted)
{
    for (size_t i = 0; wanted == NULL && i < ranks->class_count; i++) {
        if (strcmp(ranks->classes[i].split, "train") == 0) {
            return "train";
        }
    }
    return wanted != NULL || ranks->class_count == 0 ? wanted : ranks->classes[0].split;
}

/* The label of a class that is called so; labels win over names. */
static const char *find_label(const spur_rank_summary *ranks, const char *wanted)
{
    const char *found = NULL;
    for (size_t i = 0; i < ranks->class_count; i++) {
        const spur_class_rank *class = &ranks->classes[i];
        if (strcmp(class->label, wanted) == 0) {
            return class->label;
        }
        if (found == NULL && class->name != NULL && strcmp(class->name, wanted) == 0) {
            found = class->label;
        }
    }
    return found;
}

static spur_status read_request(const arguments *from, show *into, spur_error *error)
{
    const char *wanted = argument_text(from, "class");
    uint64_t count = argument_whole(from, "count", SHOWN_DEFAULT);
    if (count == 0 || count > SHOWN_MOST) {
        return failure_set(error, SPUR_USAGE, "--count is from 1 to %d", (int)SHOWN_MOST);
    }
    into->count = (size_t)count;
    into->split = find_split(into->ranks, argument_text(from, "split"));
    if (wanted != NULL) {
        into->label = find_label(into->ranks, wanted);
        if (into->label == NULL) {
            return failure_set(error, SPUR_USAGE,
                               "class %s is not in the run; `spur rank` lists the classes",
                               wanted);
        }
    }
    return SPUR_OK;
}

/* ---- lists ------------------------------------------------------------------------------- */

static bool is_hidden_end(const spur_extreme *item)
{
    return item->rank <= item->images - item->images / 2;
}

static void print_heading(show *to, const spur_extreme *item, bool is_new_class)
{
    if (is_new_class) {
        (void)fputs(to->shown == NULL ? "" : "\n", stdout);
        escape_print(item->label, stdout);
        (void)printf(", %" PRIu64 " images\n", item->images);
    }
    (void)printf("  %s\n", is_hidden_end(item) ? "most hidden" : "clearest");
}

static int print_item(void *context, const spur_extreme *item)
{
    show *to = context;
    if (to->label != NULL && strcmp(to->label, item->label) != 0) {
        return 0;
    }
    bool is_new_class = to->shown == NULL || strcmp(to->shown, item->label) != 0;
    if (is_new_class || to->is_hidden != is_hidden_end(item)) {
        print_heading(to, item, is_new_class);
    }
    if (is_new_class) {
        free(to->shown);
        to->shown = strdup(item->label);
        if (to->shown == NULL) {
            return 1;
        }
    }
    to->is_hidden = is_hidden_end(item);
    (void)printf("%8" PRIu64 "%9.3f  ", item->rank, (double)item->logit);
    escape_print(item->file_name, stdout);
    (void)putchar('\n');
    return 0;
}

static int put_item(void *context, const spur_extreme *item)
{
    show *to = context;
    json_printer *json = &to->json;
    if (to->label != NULL && strcmp(to->label, item->label) != 0) {
        return 0;
    }
    json_put_open(json, NULL, '{');
    json_put_text(json, "label", item->label);
    json_put_file_name(json, "file_name", item->file_name);
    json_put_text(json, "end", is_hidden_end(item) ? "hidden" : "clear");
    json_put_count(json, "rank", item->rank);
    json_put_count(json, "images", item->images);
    json_put_number(json, "logit", (double)item->logit);
    json_put_open(json, "box", '[');
    for (size_t i = 0; i < 4; i++) {
        json_put_number(json, NULL, (double)item->box[i]);
    }
    json_put_close(json, ']');
    json_put_close(json, '}');
    return 0;
}

static spur_status print_json(show *of, spur_error *error)
{
    json_printer *json = &of->json;
    of->json = (json_printer){.to = stdout};
    json_put_open(json, NULL, '{');
    json_put_text(json, "split", of->split);
    json_put_open(json, "images", '[');
    spur_status status = spur_extremes(of->run, of->split, of->count, put_item, of, error);
    json_put_close(json, ']');
    json_put_close(json, '}');
    if (status == SPUR_OK) {
        json_put_end(json);
    }
    return status;
}

/* ---- pictures ---------------------------------------------------------------------------- */

static spur_status show_pictures(const show *of, const terminal *screen, spur_error *error)
{
    char folder[FOLDER_SIZE], path[FOLDER_SIZE + 16];
    const char *base = getenv("TMPDIR");
    int length = snprintf(folder, sizeof folder, "%s/spur-show-XXXXXX",
                          base == NULL || base[0] == '\0' ? "/tmp" : base);
    if (length < 0 || (size_t)length >= sizeof folder || mkdtemp(folder) == NULL) {
        return SPUR_OK; /* the list is there */
    }
    (void)snprintf(path, sizeof path, "%s/strip.png", folder);
    spur_status status =
        spur_extremes_draw_class(of->run, of->split, of->label, of->count, path, error);
    if (status == SPUR_OK) {
        terminal_picture(screen, path);
    }
    (void)unlink(path);
    (void)rmdir(folder);
    return status;
}

/* ---- the command ------------------------------------------------------------------------- */

static spur_status run_show(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status;
    show of = {.count = 0};
    TRY(spur_run_open(argument_word(from, 0), &of.run, error));
    TRY(spur_rank(of.run, &of.ranks, error));
    TRY(read_request(from, &of, error));
    if (argument_flag(from, "json")) {
        TRY(print_json(&of, error));
        goto done;
    }
    TRY(spur_extremes(of.run, of.split, of.count, print_item, &of, error));
    if (of.label != NULL && screen->has_colour_out && !argument_flag(from, "no-pictures")) {
        TRY(show_pictures(&of, screen, error));
    }
done:
    free(of.shown);
    spur_rank_summary_free(of.ranks);
    spur_run_close(of.run);
    return status;
}

const command show_command = {
    .name = "show",
    .usage = "RUN [--class NAME] [--count N]",
    .summary = "the clearest and most hidden images of a class",
    .description =
        "Lists the images at both ends of a class's ranking with rank and score: rank "
        "1 is the lowest score, where the detector sees the object least. In a "
        "terminal with colour, and where the program chafa is installed, it also "
        "shows them with their boxes, the clearest on the left.",
    .examples = "  spur show run --class heron\n"
                "  spur show run --class heron --count 10 --json\n",
    .groups = show_groups,
    .least = 1,
    .most = 1,
    .run = run_show};
