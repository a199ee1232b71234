/*
 * command_retrain.c - spur retrain: last layers with their certificates, of a run's subsets or
 * of a bare matrix.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/stage_options.h"
#include "cli/terminal.h"

enum {
    BLEND_STEPS = 10
};

static const option recipe_table[] = {
    {"recipe", 0, OPTION_TEXT, "NAME",
     "dfr (default), moayeri, dfr-l1, afr, finetune-gap; help says what each does", false},
    {"C", 'C', OPTION_TEXT, "LIST",
     "inverse penalty (default 0.01); of several, the best by k-fold", false},
    {"k-fold", 0, OPTION_COUNT, "N", "folds inside the subset (default 5)", false},
    {"class-weight", 0, OPTION_CHOICE, "none|balanced", "weight classes n / (K n_class)",
     false},
    {"raw", 0, OPTION_FLAG, NULL, "do not standardise the features", false},
    {"warm-start", 0, OPTION_FLAG, NULL, "begin at the model's own head", false},
    {0}};
const option_group recipe_options = {"Retrain", recipe_table};
static const option retrain_table[] = {
    {"interpolate", 0, OPTION_FLAG, NULL,
     "accuracy along the line from the model's own head to the new one", false},
    {"seed", 0, OPTION_COUNT, "S", "of folds, resamples and stochastic descent (default 0)",
     false},
    {"tolerance", 0, OPTION_NUMBER, "T",
     "certified gap against the objective (default: as far as the numbers go)", false},
    {"head", 0, OPTION_PATH, "FILE", "the model's own head (default: the run's)", false},
    {"threads", 'j', OPTION_COUNT, "N", "threads (default all processors)", false},
    {0}};
static const option run_table[] = {
    {"backbone", 'b', OPTION_TEXT, "NAME", "of these features only (default all)", false},
    {"subset", 0, OPTION_TEXT, "LIST", "these subsets only, as clear-100,rnd-100-s0", false},
    {"restart", 0, OPTION_FLAG, NULL, "train heads again that are there with other settings",
     false},
    {0}};
static const option auto_table[] = {
    {"auto", 0, OPTION_FLAG, NULL,
     "a head on images of a class and with a C that folds of train chose (retrain: instead "
     "of the subsets)",
     false},
    {"auto-k", 0, OPTION_TEXT, "LIST", "images of a class to try (default 10%,25%,50%,100%)",
     false},
    {"auto-clear", 0, OPTION_TEXT, "LIST",
     "percents of them that are the clearest, the others drawn (default 0,25,50,75,100)",
     false},
    {"auto-drop", 0, OPTION_NUMBER, "POINTS",
     "mean accuracy that the worst bin may cost (default 1)", false},
    {0}};
static const option matrix_table[] = {
    {"features", 0, OPTION_PATH, "FILE",
     "tensors X [n, d], y [n] and perhaps sample_weight [n], instead of a run", false},
    {"out", 'o', OPTION_PATH, "FILE", "where the head goes: W [classes, d] and b", false},
    {0}};
static const option_group retrain_group = {"Retrain", retrain_table};
static const option_group run_group = {"Of a run", run_table};
const option_group auto_options = {"Choice of images", auto_table};
static const option_group matrix_group = {"Of a matrix", matrix_table};
static const option_group *const retrain_groups[] = {
    &recipe_options, &retrain_group,    &run_group,      &auto_options, &matrix_group,
    &json_options,   &progress_options, &screen_options, NULL};

/* ---- options ---------------------------------------------------------------------------- */

/* "0.01,0.1": numbers above 0. */
static spur_status read_list(const char *text, double *values, size_t *count, spur_error *error)
{
    *count = 0;
    while (text != NULL) {
        char *end = NULL;
        double value = strtod(text, &end);
        if (end == text || (*end != '\0' && *end != ',') || !isfinite(value) || value <= 0.0 ||
            *count == C_MOST) {
            return failure_set(error, SPUR_USAGE,
                               "--C: expected up to %d numbers above 0 with commas between, "
                               "not '%s'",
                               C_MOST, text);
        }
        values[(*count)++] = value;
        text = *end == ',' ? end + 1 : NULL;
    }
    return SPUR_OK;
}

spur_status read_retrain_options(const arguments *from, double *values,
                                 spur_retrain_options *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_retrain_options_defaults(out);
    TRY(read_list(argument_text(from, "C"), values, &out->C_count, error));
    TRY(read_threads(from, &out->threads, error));
    out->C = values;
    out->recipe = argument_text(from, "recipe");
    out->folds = (size_t)argument_whole(from, "k-fold", out->folds);
    out->balanced = argument_choice(from, "class-weight", 0) == 1;
    out->raw_features = argument_flag(from, "raw");
    out->warm_start = argument_flag(from, "warm-start");
    out->interpolate = argument_flag(from, "interpolate") ? BLEND_STEPS : 0;
    out->seed = argument_whole(from, "seed", 0);
    out->tolerance = argument_number(from, "tolerance", 0.0);
    out->original = argument_text(from, "head");
    out->backbone = argument_text(from, "backbone");
    out->subsets = argument_text(from, "subset");
    out->restart = argument_flag(from, "restart");
    out->automatic = argument_flag(from, "auto");
    out->auto_amounts = argument_text(from, "auto-k");
    out->auto_clear = argument_text(from, "auto-clear");
    out->auto_drop = argument_number(from, "auto-drop", out->auto_drop);
    if (out->tolerance < 0.0 || out->tolerance >= 1.0) {
        FAIL(SPUR_USAGE, "--tolerance: must be at least 0 and below 1");
    }
done:
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void put_known(json_printer *json, const char *key, uint64_t value)
{
    if (value == UINT64_MAX) {
        json_put_null(json, key);
    } else {
        json_put_count(json, key, value);
    }
}

static void put_bound(json_printer *json, const char *key, double value)
{
    json_put_number(json, key, isfinite(value) ? value : (double)NAN);
}

static void trials_to_json(json_printer *json, const spur_head_summary *row)
{
    if (row->trial_count == 0) {
        return;
    }
    json_put_open(json, "trials", '[');
    for (size_t i = 0; i < row->trial_count; i++) {
        json_put_open(json, NULL, '{');
        json_put_text(json, "k", row->trials[i].amount);
        json_put_number(json, "clear", row->trials[i].clear);
        json_put_number(json, "C", row->trials[i].C);
        json_put_number(json, "worst_bin", row->trials[i].worst);
        json_put_number(json, "top1", row->trials[i].mean);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
    json_put_count(json, "chosen", row->chosen);
}

static void lists_to_json(json_printer *json, const spur_head_summary *row)
{
    json_put_open(json, "splits", '[');
    for (size_t i = 0; i < row->split_count; i++) {
        const spur_head_split *split = &row->splits[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "split", split->split);
        json_put_count(json, "images", split->images);
        json_put_count(json, "known", split->known);
        json_put_count(json, "correct", split->correct);
        put_known(json, "original_correct", split->original_correct);
        put_known(json, "unsafe", split->unsafe);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
    json_put_open(json, "folds", '[');
    for (size_t i = 0; i < row->fold_count; i++) {
        json_put_open(json, NULL, '{');
        json_put_number(json, "C", row->folds[i].C);
        json_put_number(json, "top1", row->folds[i].top1);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
    json_put_open(json, "blends", '[');
    for (size_t i = 0; i < row->blend_count; i++) {
        json_put_open(json, NULL, '{');
        json_put_number(json, "share", row->blends[i].share);
        json_put_number(json, "top1", row->blends[i].top1);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
    trials_to_json(json, row);
}

static void print_json(const spur_head_summary *row)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_text(&json, "head", row->name);
    json_put_text(&json, "backbone", row->backbone);
    json_put_file_name(&json, "path", row->path);
    json_put_text(&json, "recipe", row->recipe);
    json_put_bool(&json, "was_there", row->was_there);
    json_put_count(&json, "images", row->images);
    json_put_count(&json, "features", row->features);
    json_put_count(&json, "classes", row->classes);
    json_put_count(&json, "absent_classes", row->absent);
    json_put_number(&json, "C", row->C > 0.0 ? row->C : (double)NAN);
    json_put_bool(&json, "certified", row->is_certified);
    put_bound(&json, "objective", row->objective);
    put_bound(&json, "gradient_norm_W", row->is_certified ? row->weight_gradient : HUGE_VAL);
    put_bound(&json, "gradient_norm_b", row->is_certified ? row->bias_gradient : HUGE_VAL);
    put_bound(&json, "objective_gap", row->is_certified ? row->gap : HUGE_VAL);
    put_bound(&json, "W_error", row->is_certified ? row->weight_error : HUGE_VAL);
    put_bound(&json, "b_error", row->is_certified ? row->bias_error : HUGE_VAL);
    json_put_count(&json, "steps", row->steps);
    json_put_count(&json, "products", row->products);
    json_put_count(&json, "epochs", row->epochs);
    json_put_number(&json, "seconds", row->was_there ? (double)NAN : row->seconds);
    lists_to_json(&json, row);
    json_put_close(&json, '}');
    json_put_end(&json);
}

/* ---- for people ------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_proof(const spur_head_summary *row)
{
    if (row->is_certified) {
        (void)printf("  objective %.9g, at most %.2g above the optimum; |W - W*| <= %.2g, "
                     "|b - b*| ",
                     row->objective, row->gap, row->weight_error);
        if (isfinite(row->bias_error)) {
            (void)printf("<= %.2g\n", row->bias_error);
        } else {
            (void)puts("not certified");
        }
    } else {
        (void)puts(row->is_cancelled ? "  stopped early: not certified"
                                     : "  not certified: the recipe has no single optimum");
    }
}

static void print_split(const spur_head_split *split)
{
    char name[4 * 12 + ESCAPE_SIZE];
    escape_fit(split->split, 12, name, sizeof name);
    (void)printf("  %s top-1 %6.2f %% of %" PRIu64, name,
                 percent(split->correct, split->images), split->images);
    if (split->known < split->images) {
        (void)printf(", %.2f %% of %" PRIu64 " of trained classes",
                     percent(split->correct, split->known), split->known);
    }
    if (split->original_correct != UINT64_MAX) {
        (void)printf("; original head %.2f %%",
                     percent(split->original_correct, split->images));
    }
    if (split->unsafe != UINT64_MAX) {
        (void)printf("; %" PRIu64 " could differ from the exact optimum's", split->unsafe);
    }
    (void)putchar('\n');
}

/* Do two trials differ in nothing but C? */
static bool are_alike(const spur_auto_trial *a, const spur_auto_trial *b)
{
    return strcmp(a->amount, b->amount) == 0 && !(a->clear < b->clear) &&
           !(a->clear > b->clear);
}

/* The chosen trial, else the better one. */
static size_t better_trial(const spur_head_summary *row, size_t a, size_t b)
{
    const spur_auto_trial *left = &row->trials[a], *right = &row->trials[b];
    if (row->chosen == a || row->chosen == b) {
        return row->chosen;
    }
    if (left->worst < right->worst || left->worst > right->worst) {
        return left->worst > right->worst ? a : b;
    }
    return left->mean < right->mean ? b : a;
}

/* Of the trials with one training set, its best C: a line each. */
static void print_trials(const spur_head_summary *row)
{
    size_t end;
    (void)puts("  on held-out images of train, with the best C of each training set:");
    for (size_t i = 0; i < row->trial_count; i = end) {
        size_t best = i;
        for (end = i + 1;
             end < row->trial_count && are_alike(&row->trials[i], &row->trials[end]); end++) {
            best = better_trial(row, best, end);
        }
        const spur_auto_trial *shown = &row->trials[best];
        (void)printf("  k %-7s %3.0f %% clear  C %-7.6g worst bin %6.2f %%  mean %6.2f %%%s\n",
                     shown->amount, 100.0 * shown->clear, shown->C, 100.0 * shown->worst,
                     100.0 * shown->mean, best == row->chosen ? "  chosen" : "");
    }
}

static void print_head(const spur_head_summary *row, const terminal *screen)
{
    terminal_bold(screen, true);
    escape_print(row->name, stdout);
    terminal_bold(screen, false);
    (void)printf("  %s: %" PRIu64 " images, %zu classes, %zu features", row->recipe,
                 row->images, row->classes, row->features);
    if (row->C > 0.0) {
        (void)printf(", C %.6g", row->C);
    }
    (void)printf("%s\n", row->was_there ? "  (was there)" : "");
    if (row->absent > 0) {
        (void)printf("  %zu classes without an image: never predicted\n", row->absent);
    }
    if (row->trial_count > 0) {
        print_trials(row);
    }
    print_proof(row);
    for (size_t i = 0; i < row->fold_count; i++) {
        (void)printf("  C %-10.6g top-1 %6.2f %% on held-out folds\n", row->folds[i].C,
                     100.0 * row->folds[i].top1);
    }
    for (size_t i = 0; i < row->split_count; i++) {
        print_split(&row->splits[i]);
    }
    for (size_t i = 0; i < row->blend_count; i++) {
        (void)printf("  %3.0f %% new head: top-1 %6.2f %%\n", 100.0 * row->blends[i].share,
                     100.0 * row->blends[i].top1);
    }
}

static int print_recipe(void *context, const char *name, const char *summary, const char *text)
{
    (void)context;
    (void)printf("%-14s %s\n               %s\n", name, summary, text);
    return 0;
}

/* Where finished heads go. */
typedef struct head_printer {
    terminal *screen;
    bool as_json;
    const char *backbone; /* of the last head */
} head_printer;

static void print_backbone(head_printer *on, const char *name)
{
    if (name != NULL && (on->backbone == NULL || strcmp(on->backbone, name) != 0)) {
        (void)fputs("backbone ", stdout);
        escape_print(name, stdout);
        (void)putchar('\n');
    }
    on->backbone = name;
}

/* Each head as soon as it is finished: a reader of a pipe need not wait for the last. */
static int print_finished(void *context, const spur_head_summary *row)
{
    head_printer *on = context;
    terminal_clear(on->screen);
    if (on->as_json) {
        print_json(row);
    } else {
        print_backbone(on, row->backbone);
        print_head(row, on->screen);
    }
    (void)fflush(stdout);
    terminal_hurry(on->screen);
    return 0;
}

static spur_status check_auto(const arguments *from, bool has_matrix, spur_error *error)
{
    bool has_lists =
        argument_text(from, "auto-k") != NULL || argument_text(from, "auto-clear") != NULL;
    if (!argument_flag(from, "auto")) {
        return has_lists ? failure_set(error, SPUR_USAGE,
                                       "--auto-k and --auto-clear belong to --auto")
                         : SPUR_OK;
    }
    return has_matrix || argument_text(from, "subset") != NULL
               ? failure_set(error, SPUR_USAGE,
                             "--auto chooses images of a run itself: it goes with neither "
                             "--subset nor --features")
               : SPUR_OK;
}

static spur_status check_words(const arguments *from, spur_error *error)
{
    bool has_matrix = argument_text(from, "features") != NULL;
    if (has_matrix == (argument_count(from) == 1)) {
        return failure_set(error, SPUR_USAGE, "give a run, or --features FILE and --out FILE");
    }
    if (has_matrix != (argument_text(from, "out") != NULL)) {
        return failure_set(error, SPUR_USAGE, "--features and --out belong together");
    }
    if (has_matrix &&
        (argument_text(from, "backbone") != NULL || argument_text(from, "subset") != NULL)) {
        return failure_set(error, SPUR_USAGE, "--backbone and --subset belong to a run");
    }
    return check_auto(from, has_matrix, error);
}

static spur_status run_retrain(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_retrain_options options;
    spur_retrain_summary *summary = NULL;
    double values[C_MOST];
    if (argument_text(from, "recipe") != NULL &&
        strcmp(argument_text(from, "recipe"), "help") == 0) {
        spur_each_recipe(print_recipe, NULL);
        return SPUR_OK;
    }
    TRY(check_words(from, error));
    TRY(read_retrain_options(from, values, &options, error));
    head_printer printer = {screen, argument_flag(from, "json"), NULL};
    options.visit = print_finished;
    options.context = &printer;
    spur_monitor monitor = terminal_monitor(screen);
    if (argument_text(from, "features") != NULL) {
        status =
            spur_retrain_matrix(argument_text(from, "features"), argument_text(from, "out"),
                                &options, &monitor, &summary, error);
    } else {
        status = spur_retrain(argument_word(from, 0), &options, &monitor, &summary, error);
    }
    terminal_clear(screen);
    if (status == SPUR_OK && argument_text(from, "features") != NULL) {
        (void)print_finished(&printer, summary->heads);
    }
done:
    spur_retrain_summary_free(summary);
    return status;
}

const command retrain_command = {
    .name = "retrain",
    .usage = "RUN [OPTION]... | --features FILE --out FILE",
    .summary = "certified last layers on subsets, or on any matrix",
    .description =
        "Trains one last layer per subset and backbone of a run and writes it to "
        "RUN/heads/BACKBONE/SUBSET.safetensors under the model's own names, for raw "
        "features. A head that is there with the same settings is left alone.\n\n"
        "The default recipe solves for the one optimum of softmax regression and says how "
        "far the head in the file can be from it, and how many predictions of each split "
        "could differ from the exact optimum's.\n\n"
        "With --auto it tries training sets of several sizes, with several shares of the "
        "clearest images, by folds of the split train, and takes the one whose worst bin of "
        "the accuracy by rank is best while the mean loses at most --auto-drop points "
        "against the best mean; the head is RUN/heads/BACKBONE/auto.safetensors.\n\n"
        "With --features it trains one head on a bare matrix.",
    .examples = "  spur retrain run/ --recipe dfr --C 0.01\n"
                "  spur retrain run/ --subset clear-100 --C 0.001,0.01,0.1 --k-fold 5\n"
                "  spur retrain run/ --auto --auto-k 50,100,200 --C 0.001,0.01,0.1\n"
                "  spur retrain --features my.safetensors --C 0.01 --out head.safetensors\n"
                "  spur retrain --recipe help\n",
    .groups = retrain_groups,
    .least = 0,
    .most = 1,
    .is_resumable = true,
    .run = run_retrain};
