/*
 * command_select.c - spur select: clear, mid, hidden and random subsets of every class.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/stage_options.h"
#include "cli/terminal.h"

static const option subset_table[] = {
    {"subset", 0, OPTION_TEXT, "WORDS",
     "which: clear, mid, hidden, rnd, with commas between (default all)", false},
    {"k", 'k', OPTION_TEXT, "LIST", "images per class (default 50,100,200), or shares as 10%",
     false},
    {"seeds", 0, OPTION_COUNT, "N", "random subsets of each size (default 5)", false},
    {"exclude", 0, OPTION_PATH, "FILE",
     "images to leave out: file names or image ids, one a line", false},
    {0}};
const option_group subset_options = {"Subsets", subset_table};
static const option select_table[] = {
    {"seed", 0, OPTION_COUNT, "S", "first seed of the random subsets (default 0)", false},
    {"split", 0, OPTION_TEXT, "NAME", "split to choose from (default train)", false},
    {"link", 0, OPTION_PATH, "DIR", "links DIR/<subset>/<class>/<image> to the images", false},
    {"restart", 0, OPTION_FLAG, NULL,
     "make subsets again that are there with other settings or scores", false},
    {"dry-run", 0, OPTION_FLAG, NULL, "say what would be selected, write nothing", false},
    {0}};
static const option_group select_group = {"Subsets", select_table};
static const option_group *const select_groups[] = {
    &subset_options, &select_group, &naming_options, &json_options, &screen_options, NULL};

void read_select_options(const arguments *from, spur_select_options *out)
{
    spur_select_options_defaults(out);
    out->subsets = argument_text(from, "subset");
    out->amounts = argument_text(from, "k");
    out->seeds = argument_whole(from, "seeds", out->seeds);
    out->seed = argument_whole(from, "seed", out->seed);
    out->naming = read_naming(from);
    out->split = argument_text(from, "split");
    out->exclude = argument_text(from, "exclude");
    out->link = argument_text(from, "link");
    out->restart = argument_flag(from, "restart");
    out->dry_run = argument_flag(from, "dry-run");
}

/* ---- JSON ----------------------------------------------------------------------------- */

static void subset_to_json(json_printer *json, const spur_select_summary *summary,
                           const spur_subset *subset)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "subset", subset->name);
    json_put_text(json, "shown", subset->shown);
    json_put_text(json, "definition", subset->definition);
    json_put_count(json, "images", subset->images);
    json_put_count(json, "smallest", subset->smallest);
    json_put_count(json, "largest", subset->largest);
    json_put_count(json, "short_classes", subset->short_classes);
    json_put_count(json, "overlap_classes", subset->overlap_classes);
    json_put_bool(json, "was_there", subset->was_there);
    json_put_open(json, "class_images", '[');
    for (size_t c = 0; c < summary->class_count; c++) {
        json_put_count(json, NULL, subset->class_images[c]);
    }
    json_put_close(json, ']');
    json_put_close(json, '}');
}

static void class_to_json(json_printer *json, const spur_subset_class *class)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "label", class->label);
    json_put_text(json, "name", class->name);
    json_put_count(json, "available", class->available);
    json_put_count(json, "excluded", class->excluded);
    json_put_close(json, '}');
}

static void print_json(const spur_select_summary *summary)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_text(&json, "split", summary->split);
    json_put_count(&json, "available", summary->available);
    json_put_count(&json, "excluded", summary->excluded);
    json_put_count(&json, "unknown", summary->unknown);
    json_put_count(&json, "pending", summary->pending);
    json_put_count(&json, "links", summary->links);
    json_put_open(&json, "subsets", '[');
    for (size_t i = 0; i < summary->subset_count; i++) {
        subset_to_json(&json, summary, &summary->subsets[i]);
    }
    json_put_close(&json, ']');
    json_put_open(&json, "classes", '[');
    for (size_t c = 0; c < summary->class_count; c++) {
        class_to_json(&json, &summary->classes[c]);
    }
    json_put_close(&json, ']');
    json_put_close(&json, '}');
    json_put_end(&json);
}

/* ---- for people ----------------------------------------------------------------------- */

static void print_range(const spur_subset *subset)
{
    char range[48];
    if (subset->smallest == subset->largest) {
        (void)snprintf(range, sizeof range, "%" PRIu64, subset->largest);
    } else {
        (void)snprintf(range, sizeof range, "%" PRIu64 " to %" PRIu64, subset->smallest,
                       subset->largest);
    }
    (void)printf("%20s", range);
}

static void print_subsets(const spur_select_summary *summary, const terminal *screen)
{
    terminal_bold(screen, true);
    (void)printf("%-24s%10s%20s%10s", "subset", "images", "per class", "short");
    terminal_bold(screen, false);
    (void)putchar('\n');
    for (size_t i = 0; i < summary->subset_count; i++) {
        const spur_subset *subset = &summary->subsets[i];
        (void)printf("%-24s%10" PRIu64, subset->shown, subset->images);
        print_range(subset);
        (void)printf("%10" PRIu64 "%s\n", subset->short_classes,
                     subset->was_there ? "  (was there)" : "");
    }
}

/* The first subset of every word and size says what the word means. */
static void print_definitions(const spur_select_summary *summary)
{
    for (size_t i = 0; i < summary->subset_count; i++) {
        const spur_subset *subset = &summary->subsets[i];
        if (i == 0 || subset->name[0] != subset[-1].name[0]) {
            (void)printf("%s: %s\n", subset->shown, subset->definition);
        }
    }
    (void)puts("a low score: the detector did not see the object clearly");
}

static void print_class(const spur_select_summary *summary, size_t c)
{
    const spur_subset_class *class = &summary->classes[c];
    char label[4 * 30 + ESCAPE_SIZE];
    escape_fit(class->name == NULL ? class->label : class->name, 30, label, sizeof label);
    (void)printf("%s%10" PRIu64 "%10" PRIu64 "\n", label, class->available, class->excluded);
}

/* Classes that some subset takes whole, or all of them. */
static void print_classes(const spur_select_summary *summary, const terminal *screen)
{
    size_t printed = 0;
    for (size_t c = 0; c < summary->class_count; c++) {
        const spur_subset_class *class = &summary->classes[c];
        bool is_whole = false;
        for (size_t i = 0; i < summary->subset_count && !is_whole; i++) {
            const spur_subset *subset = &summary->subsets[i];
            is_whole = subset->short_classes > 0 && class->available > 0 &&
                       subset->class_images[c] == class->available;
        }
        if (!screen->is_verbose && !is_whole) {
            continue;
        }
        if (printed++ == 0) {
            (void)printf("\n%-30s%10s%10s\n",
                         screen->is_verbose ? "class" : "class with fewer than k", "images",
                         "excluded");
        }
        print_class(summary, c);
    }
}

static void print_table(const spur_select_summary *summary, const terminal *screen)
{
    print_subsets(summary, screen);
    print_classes(summary, screen);
    (void)printf("\n%" PRIu64 " images of split ", summary->available);
    escape_print(summary->split, stdout);
    (void)printf(" to choose from, %" PRIu64 " excluded\n", summary->excluded);
    print_definitions(summary);
}

/* ---- warnings ------------------------------------------------------------------------- */

/* Length of "100" in "clear-100" and "rnd-100-s3". */
static int amount_length(const char *amount)
{
    return (int)strcspn(amount, "-");
}

/* Once per size: of subsets of one kind, by the letter its name begins with, and first seed. */
static bool is_new_size(const spur_select_summary *summary, size_t i, char letter)
{
    const spur_subset *subset = &summary->subsets[i];
    if (subset->name[0] != letter) {
        return false;
    }
    if (i == 0 || subset[-1].name[0] != letter) {
        return true;
    }
    const char *amount = strchr(subset->name, '-') + 1;
    const char *before = strchr(subset[-1].name, '-') + 1;
    return amount_length(amount) != amount_length(before) ||
           strncmp(amount, before, strcspn(amount, "-")) != 0;
}

static void warn_of_sizes(const spur_select_summary *summary, terminal *screen)
{
    char letter = summary->subsets[0].name[0];
    for (size_t i = 0; i < summary->subset_count; i++) {
        const spur_subset *subset = &summary->subsets[i];
        const char *amount = strchr(subset->name, '-') + 1;
        if (subset->short_classes > 0 && is_new_size(summary, i, letter)) {
            terminal_warn(screen,
                          "k = %.*s: classes with fewer images: %" PRIu64
                          "; all of theirs are taken",
                          amount_length(amount), amount, subset->short_classes);
        }
    }
}

static bool has_kind(const spur_select_summary *summary, char letter)
{
    for (size_t i = 0; i < summary->subset_count; i++) {
        if (summary->subsets[i].name[0] == letter) {
            return true;
        }
    }
    return false;
}

static void warn_of_overlap(const spur_select_summary *summary, terminal *screen)
{
    char letter = has_kind(summary, 'c') ? 'c' : 'h';
    for (size_t i = 0; i < summary->subset_count; i++) {
        const spur_subset *subset = &summary->subsets[i];
        const char *amount = strchr(subset->name, '-') + 1;
        if (subset->overlap_classes > 0 && is_new_size(summary, i, letter)) {
            terminal_warn(screen,
                          "k = %.*s: classes with fewer than 2k images, where clear and "
                          "hidden overlap: %" PRIu64,
                          amount_length(amount), amount, subset->overlap_classes);
        }
    }
}

void select_show_warnings(const spur_select_summary *summary, terminal *screen)
{
    warn_of_sizes(summary, screen);
    warn_of_overlap(summary, screen);
    if (summary->unknown > 0) {
        terminal_warn(screen, "%" PRIu64 " entries of the list mean no image of the run",
                      summary->unknown);
    }
    if (summary->pending > 0) {
        terminal_warn(screen,
                      "%" PRIu64 " images of the split have no row yet; when they are scored "
                      "these subsets no longer hold",
                      summary->pending);
    }
}

static spur_status run_select(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_select_options options;
    spur_select_summary *summary = NULL;
    spur_monitor monitor = terminal_monitor(screen);
    read_select_options(from, &options);
    TRY(spur_select(argument_word(from, 0), &options, &monitor, &summary, error));
    terminal_clear(screen);
    if (argument_flag(from, "json")) {
        print_json(summary);
    } else {
        print_table(summary, screen);
    }
    select_show_warnings(summary, screen);
    if (summary->links > 0) {
        terminal_note(screen, "%" PRIu64 " links in %s", summary->links, options.link);
    }
done:
    spur_select_summary_free(summary);
    return status;
}

const command select_command = {
    .name = "select",
    .usage = "RUN [--subset WORDS] [--k LIST] [--seeds N] [--exclude FILE] [--link DIR]",
    .summary = "clear, mid, hidden and random subsets of every class",
    .description =
        "Of every class: clear-k are the k images with the highest scores, hidden-k those with "
        "the lowest, mid-k the k in the middle of the order, rnd-k are drawn without "
        "replacement. A share (10%) is taken of each class. The subsets are kept in the run; "
        "the same line again does nothing. Classes with fewer than k images give all of them."
        "\n\n"
        "A random subset depends on its seed, the class and the images' ids only, not on the "
        "order of files; of one seed a smaller subset lies inside a larger one.",
    .examples = "  spur select run\n"
                "  spur select run --subset clear,hidden --k 10%\n"
                "  spur select run --exclude suspects.txt --link subsets --restart\n",
    .groups = select_groups,
    .least = 1,
    .most = 1,
    .run = run_select};
