/*
 * run_report.c - what the stages of a run have made, for people and as JSON.
 */
#include "cli/run_report.h"

#include <math.h>
#include <string.h>

#include "cli/escape.h"

enum {
    SPLITS = 256,     /* known by name here */
    SPLITS_SHOWN = 5, /* columns that fit */
    FINDINGS_SHOWN = 12,
    NAME_CELLS = 14,
    SPLIT_CELLS = 8
};

/* ---- splits ----------------------------------------------------------------------------- */

/* Names of the run's splits in its order. */
typedef struct split_list {
    const char *names[SPLITS];
    size_t count;
} split_list;

static split_list list_splits(const spur_rank_summary *ranked)
{
    split_list list = {.count = 0};
    for (size_t c = 0; c < ranked->class_count && list.count < SPLITS; c++) {
        const char *split = ranked->classes[c].split;
        if (list.count == 0 || strcmp(list.names[list.count - 1], split) != 0) {
            list.names[list.count++] = split;
        }
    }
    return list;
}

static double head_accuracy(const spur_head_summary *head, const char *split)
{
    for (size_t i = 0; i < head->split_count; i++) {
        const spur_head_split *one = &head->splits[i];
        if (strcmp(one->split, split) == 0 && one->images > 0) {
            return (double)one->correct / (double)one->images;
        }
    }
    return (double)NAN;
}

static double own_accuracy(const spur_features_summary *seen, const char *backbone,
                           const char *split)
{
    for (size_t i = 0; i < seen->set_count; i++) {
        const spur_feature_set *set = &seen->sets[i];
        if (strcmp(set->backbone, backbone) == 0 && strcmp(set->split, split) == 0 &&
            set->judged > 0) {
            return set->top1;
        }
    }
    return (double)NAN;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void put_subsets(json_printer *json, const spur_select_summary *selected)
{
    json_put_open(json, "subsets", '[');
    for (size_t i = 0; i < selected->subset_count; i++) {
        json_put_text(json, NULL, selected->subsets[i].name);
    }
    json_put_close(json, ']');
}

/* Accuracy of the backbones' own last layers, by split. */
static void put_backbones(json_printer *json, const spur_features_summary *seen)
{
    json_put_open(json, "backbones", '[');
    for (size_t i = 0; seen != NULL && i < seen->set_count; i++) {
        const spur_feature_set *set = &seen->sets[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "backbone", set->backbone);
        json_put_text(json, "split", set->split);
        json_put_number(json, "top1", set->judged > 0 ? set->top1 : (double)NAN);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
}

/* Accuracy of the last layers trained again on subsets. */
static void put_some_heads(json_printer *json, const run_job *job,
                           const spur_retrain_summary *heads)
{
    split_list splits = list_splits(job->ranked);
    for (size_t i = 0; heads != NULL && i < heads->count; i++) {
        const spur_head_summary *head = &heads->heads[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "backbone", head->backbone);
        json_put_text(json, "subset", head->name);
        json_put_open(json, "top1", '{');
        for (size_t j = 0; j < splits.count; j++) {
            json_put_number(json, splits.names[j], head_accuracy(head, splits.names[j]));
        }
        json_put_close(json, '}');
        json_put_close(json, '}');
    }
}

static void put_heads(json_printer *json, const run_job *job)
{
    json_put_open(json, "heads", '[');
    put_some_heads(json, job, job->heads);
    put_some_heads(json, job, job->chosen);
    json_put_close(json, ']');
}

void run_report_put(json_printer *json, const run_job *job)
{
    put_subsets(json, job->selected);
    put_backbones(json, job->seen);
    put_heads(json, job);
}

/* A split's classes together. */
typedef struct split_tally {
    uint64_t images, scored, failed, invisible;
} split_tally;

static split_tally tally_split(const spur_rank_summary *ranked, const char *split)
{
    split_tally tally = {0};
    for (size_t c = 0; c < ranked->class_count; c++) {
        const spur_class_rank *class = &ranked->classes[c];
        if (strcmp(class->split, split) == 0) {
            tally.images += class->images;
            tally.scored += class->scored;
            tally.failed += class->failed;
            tally.invisible += class->is_invisible ? 1 : 0;
        }
    }
    return tally;
}

static void put_split(json_printer *json, const run_job *job, const char *split)
{
    split_tally tally = tally_split(job->ranked, split);
    json_put_open(json, NULL, '{');
    json_put_text(json, "split", split);
    json_put_count(json, "images", tally.images);
    json_put_count(json, "scored", tally.scored);
    json_put_count(json, "failed", tally.failed);
    json_put_count(json, "invisible_classes", tally.invisible);
    json_put_close(json, '}');
}

static void put_findings(json_printer *json, const spur_eval_summary *numbers)
{
    json_put_open(json, "findings", '[');
    for (size_t i = 0; numbers != NULL && i < numbers->finding_count; i++) {
        const spur_eval_finding *finding = &numbers->findings[i];
        json_put_open(json, NULL, '{');
        json_put_text(json, "stage", finding->stage);
        json_put_text(json, "kind", finding->kind);
        json_put_text(json, "text", finding->text);
        json_put_close(json, '}');
    }
    json_put_close(json, ']');
}

void run_report_json(const run_job *job)
{
    json_printer json = {.to = stdout};
    split_list splits = list_splits(job->ranked);
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "run", job->run);
    json_put_text(&json, "detector_digest", job->scored[0]->detector.digest);
    json_put_open(&json, "splits", '[');
    for (size_t i = 0; i < splits.count; i++) {
        put_split(&json, job, splits.names[i]);
    }
    json_put_close(&json, ']');
    run_report_put(&json, job);
    put_findings(&json, job->numbers);
    json_put_file_name(&json, "report", job->pages->path);
    json_put_close(&json, '}');
    json_put_end(&json);
}

/* ---- accuracies ------------------------------------------------------------------------- */

static void print_cell(const char *text, size_t cells)
{
    char cell[4 * NAME_CELLS + ESCAPE_SIZE];
    escape_fit(text, cells, cell, sizeof cell);
    (void)fputs(cell, stdout);
}

static void print_share(double value)
{
    if (isfinite(value)) {
        (void)printf("  %*.3f", SPLIT_CELLS, value);
    } else {
        (void)printf("  %*s", SPLIT_CELLS, "-");
    }
}

static void print_columns(const split_list *splits, const terminal *screen)
{
    terminal_bold(screen, true);
    (void)printf("  %-*s  %-*s", NAME_CELLS, "classifier", NAME_CELLS, "last layer");
    for (size_t i = 0; i < splits->count && i < SPLITS_SHOWN; i++) {
        char cell[4 * SPLIT_CELLS + ESCAPE_SIZE];
        escape_fit(splits->names[i], SPLIT_CELLS, cell, sizeof cell);
        size_t length = strlen(cell);
        while (length > 0 && cell[length - 1] == ' ') {
            cell[--length] = '\0';
        }
        (void)printf("  %*s", SPLIT_CELLS, cell);
    }
    terminal_bold(screen, false);
    (void)putchar('\n');
}

/* `count` heads together, by their mean; 0: the backbone's own. */
static void print_row(const char *backbone, const char *name, const run_job *job,
                      const spur_head_summary *heads, size_t count, const split_list *splits)
{
    (void)fputs("  ", stdout);
    print_cell(backbone, NAME_CELLS);
    (void)fputs("  ", stdout);
    print_cell(name, NAME_CELLS);
    for (size_t s = 0; s < splits->count && s < SPLITS_SHOWN; s++) {
        double sum = 0.0;
        for (size_t h = 0; h < count; h++) {
            sum += head_accuracy(&heads[h], splits->names[s]);
        }
        print_share(count > 0 ? sum / (double)count
                              : own_accuracy(job->seen, backbone, splits->names[s]));
    }
    (void)putchar('\n');
}

/* Length of "rnd-100" in "rnd-100-s3"; 0 when it has no seed. */
static size_t stem_length(const char *subset)
{
    const char *seed = strstr(subset, "-s");
    return strncmp(subset, "rnd-", 4) == 0 && seed != NULL ? (size_t)(seed - subset) : 0;
}

/* One behind the last head that differs from head i in its seed only. */
static size_t seeds_end(const spur_retrain_summary *heads, size_t i)
{
    const spur_head_summary *first = &heads->heads[i];
    size_t stem = stem_length(first->name), end = i + 1;
    while (stem > 0 && end < heads->count &&
           strcmp(heads->heads[end].backbone, first->backbone) == 0 &&
           stem_length(heads->heads[end].name) == stem &&
           strncmp(heads->heads[end].name, first->name, stem) == 0) {
        end++;
    }
    return end;
}

static bool print_heads(const char *backbone, const run_job *job,
                        const spur_retrain_summary *heads, const split_list *splits)
{
    bool has_means = false;
    for (size_t i = 0, end; heads != NULL && i < heads->count; i = end) {
        const spur_head_summary *head = &heads->heads[i];
        char name[64];
        end = seeds_end(heads, i);
        if (strcmp(head->backbone, backbone) != 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s", head->name);
        if (end - i > 1) {
            (void)snprintf(name, sizeof name, "%.*s (%zu)", (int)stem_length(head->name),
                           head->name, end - i);
            has_means = true;
        }
        print_row(head->backbone, name, job, head, end - i, splits);
    }
    return has_means;
}

void run_report_accuracies(const run_job *job, const terminal *screen)
{
    const char *last = "";
    bool has_means = false;
    if (job->seen == NULL) {
        return;
    }
    split_list splits = list_splits(job->ranked);
    print_columns(&splits, screen);
    for (size_t i = 0; i < job->seen->set_count; i++) {
        const char *backbone = job->seen->sets[i].backbone;
        if (strcmp(backbone, last) != 0) {
            print_row(backbone, "as it is", job, NULL, 0, &splits);
            has_means = print_heads(backbone, job, job->heads, &splits) || has_means;
            (void)print_heads(backbone, job, job->chosen, &splits);
            last = backbone;
        }
    }
    if (has_means) {
        (void)puts("  (N): the mean over N random subsets");
    }
    if (splits.count > SPLITS_SHOWN) {
        (void)printf("  and %zu more splits\n", splits.count - SPLITS_SHOWN);
    }
}

void run_report_subsets(const run_job *job)
{
    const spur_select_summary *selected = job->selected;
    size_t used = 0;
    (void)fputs("subsets of the ", stdout);
    escape_print(selected->split, stdout);
    (void)fputs(" split:", stdout);
    used = strlen("subsets of the  split:") + strlen(selected->split);
    for (size_t i = 0; i < selected->subset_count; i++) {
        const char *name = selected->subsets[i].shown;
        used += 1 + strlen(name);
        if (used > PROGRESS_COLUMNS) {
            (void)fputs("\n ", stdout);
            used = 2 + strlen(name);
        }
        (void)printf(" %s", name);
    }
    (void)putchar('\n');
}

/* ---- findings --------------------------------------------------------------------------- */

/* Words of one sentence in lines of 80 columns, a mark before the first. */
static void print_sentence(const char *text)
{
    size_t column = 0;
    for (const char *word = text; *word != '\0';) {
        char raw[256], shown[4 * sizeof raw + ESCAPE_SIZE];
        size_t length = strcspn(word, " ");
        size_t kept = length < sizeof raw ? length : sizeof raw - 1;
        escape_text(word, kept, shown, sizeof shown);
        size_t cells = strlen(shown);
        bool is_first = word == text;
        if (is_first || column + 1 + cells > PROGRESS_COLUMNS) {
            (void)fputs(is_first ? "  - " : "\n    ", stdout);
            column = 4;
        } else {
            (void)putchar(' ');
            column++;
        }
        (void)fputs(shown, stdout);
        column += cells;
        word += length + strspn(word + length, " ");
    }
    (void)putchar('\n');
}

static bool has_kind(const spur_eval_finding *finding, const char *const *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(finding->kind, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Findings about a part of the matter, of which there are many; and a gap's own, when another
 * says it with its control. */
static bool is_detail(const spur_eval_summary *numbers, const spur_eval_finding *finding)
{
    static const char *const details[] = {
        "gap-moved", "accuracy-moved", "clear-against-random", "given-survives", "given-fails",
        "classes",   "heads",          "agreement-moved",      "suspects"};
    static const char *const controlled[] = {"null-survives", "null-fails"};
    static const char *const gap = "gap";
    bool is_controlled = false;
    for (size_t i = 0; i < numbers->finding_count && !is_controlled; i++) {
        is_controlled = has_kind(&numbers->findings[i], controlled, 2);
    }
    return has_kind(finding, details, sizeof details / sizeof details[0]) ||
           (is_controlled && has_kind(finding, &gap, 1));
}

void run_report_findings(const run_job *job)
{
    size_t shown = 0;
    const spur_eval_summary *numbers = job->numbers;
    if (numbers == NULL || numbers->finding_count == 0) {
        return;
    }
    (void)puts("\nfindings:");
    for (size_t i = 0; i < numbers->finding_count && shown < FINDINGS_SHOWN; i++) {
        if (!is_detail(numbers, &numbers->findings[i])) {
            print_sentence(numbers->findings[i].text);
            shown++;
        }
    }
    if (numbers->finding_count > shown) {
        (void)printf("  and %zu more, with all tables: spur eval ",
                     numbers->finding_count - shown);
        escape_shell(job->run, stdout);
        (void)putchar('\n');
    }
}

/* ---- for people ------------------------------------------------------------------------- */

static void print_splits(const run_job *job, const split_list *splits)
{
    for (size_t i = 0; i < splits->count; i++) {
        split_tally tally = tally_split(job->ranked, splits->names[i]);
        print_cell(splits->names[i], NAME_CELLS);
        (void)printf("  %9llu images = %llu scored + %llu failed",
                     (unsigned long long)tally.images, (unsigned long long)tally.scored,
                     (unsigned long long)tally.failed);
        if (tally.invisible > 0) {
            (void)printf("; %llu classes unseen", (unsigned long long)tally.invisible);
        }
        (void)putchar('\n');
    }
}

void run_report_print(const run_job *job, const terminal *screen)
{
    split_list splits = list_splits(job->ranked);
    print_splits(job, &splits);
    run_report_subsets(job);
    if (job->seen != NULL) {
        (void)puts(
            "\nshare of right answers, last layers as they are and trained on the subsets:");
        run_report_accuracies(job, screen);
    }
    run_report_findings(job);
    (void)fputs("\nto read: ", stdout);
    escape_print(job->pages->path, stdout);
    (void)putchar('\n');
}
