/*
 * evaluate_controls.c - stage "controls": does a gap between clear and hidden images mean what
 * it seems to mean?
 *
 * For every split and backbone: ranks shuffled in class, gaps inside strata of other numbers of
 * the images, correlations given those numbers, gaps without classes that the detector cannot
 * see and without images whose label may be wrong, and how the detector's ranking agrees with
 * the model's own. Sizes k are those of the stage "eval". Definitions: docs/evaluation.md.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/monitor.h"
#include "io/store_digest.h"
#include "pipeline/agreement.h"
#include "pipeline/control_claims.h"
#include "pipeline/evaluate.h"
#include "pipeline/own_ranking.h"
#include "pipeline/rank.h"
#include "pipeline/select.h"

static const char stage_name[] = "controls";
static const char curve_stage[] = "eval";

#define KEY "%s/%s/%s/"
#define NAME(set) (set)->split, (set)->backbone, (set)->head

enum {
    MOST_KS = 64,
    MOST_CLASSES = 100, /* with more, classes of one head only */
    MOST_COLUMNS = 11   /* beside the numbers of every run */
};

typedef struct control_job {
    spur_run *run;
    const spur_eval_options *options;
    const spur_monitor *monitor;
    prediction_list sets;
    spur_rank_summary *ranks;
    truth_column *columns[MOST_COLUMNS];
    size_t column_count;
    result_list made;
} control_job;

/* ---- sizes of the ends ------------------------------------------------------------------- */

typedef struct named_k {
    char name[SUBSET_KEY_SIZE]; /* "100", "10pct" */
    curve_k k;
    double low, high; /* 95 % interval of the gap; NaN: not known */
} named_k;

typedef struct k_list {
    text_buffer prefix; /* "SPLIT/BACKBONE/HEAD/gap_at_" */
    named_k items[MOST_KS];
    size_t count;
} k_list;

/* "100_low" belongs to "100", which comes before it. */
static void take_end(k_list *into, const char *name, double value)
{
    const char *end = strchr(name, '_');
    for (size_t i = 0; i < into->count; i++) {
        named_k *item = &into->items[i];
        bool is_its = strlen(item->name) == (size_t)(end - name) &&
                      strncmp(item->name, name, (size_t)(end - name)) == 0;
        item->low = is_its && strcmp(end, "_low") == 0 ? value : item->low;
        item->high = is_its && strcmp(end, "_high") == 0 ? value : item->high;
    }
}

/* A key of a gap: what follows the prefix is a size, or one end of its interval. */
static spur_status take_k(void *context, const char *stage, const store_result *result,
                          spur_error *error)
{
    spur_status status = SPUR_OK;
    k_list *into = context;
    subset_key size = {0};
    (void)stage;
    if (strncmp(result->key, into->prefix.data, into->prefix.length) != 0) {
        return SPUR_OK;
    }
    const char *name = result->key + into->prefix.length;
    if (strchr(name, '_') != NULL) {
        take_end(into, name, result->value);
    } else if (strlen(name) < SUBSET_KEY_SIZE && into->count < MOST_KS) {
        named_k *made = &into->items[into->count];
        TRY(subset_amount_parse(name, strlen(name), &size, error));
        memcpy(made->name, name, strlen(name) + 1);
        made->k = (curve_k){size.amount, size.is_fraction};
        made->low = made->high = (double)NAN;
        into->count++;
    }
done:
    return status;
}

/* Numbers before shares, rising: the first is the one of the tables. */
static int compare_ks(const void *a, const void *b)
{
    const named_k *left = a, *right = b;
    if (left->k.is_share != right->k.is_share) {
        return left->k.is_share ? 1 : -1;
    }
    return (left->k.amount > right->k.amount) - (left->k.amount < right->k.amount);
}

static spur_status find_ks(control_job *job, const prediction_name *name, k_list *out,
                           spur_error *error)
{
    spur_status status;
    out->count = 0;
    out->prefix.length = 0;
    TRY(text_format(&out->prefix, error, KEY "gap_at_", NAME(name)));
    TRY(store_each_result(job->run->db, curve_stage, take_k, out, error));
    if (out->count > 1) {
        qsort(out->items, out->count, sizeof *out->items, compare_ks);
    }
done:
    return status;
}

/* The head that sentences are about: the model's own, or the first. */
static size_t spoken_head(const control_group *group)
{
    return group->original < group->head_count ? group->original : 0;
}

/* ---- shuffled ranks ---------------------------------------------------------------------- */

static spur_status add_null(control_job *job, const control_group *group, const char *k,
                            const permutation_result *null, spur_error *error)
{
    spur_status status = SPUR_OK;
    result_list *into = &job->made;
    for (size_t h = 0; h < group->head_count; h++) {
        const prediction_name *name = &group->names[h];
        const permutation_head *of = &null->heads[h];
        TRY(result_add(into, error, of->all.p, KEY "gap_at_%s_p", NAME(name), k));
        TRY(result_add(into, error, of->band, KEY "gap_at_%s_null", NAME(name), k));
        if (group->of->invisible > 0) {
            TRY(result_add(into, error, of->counted.gap, KEY "gap_at_%s_visible", NAME(name),
                           k));
            TRY(result_add(into, error, of->counted.p, KEY "gap_at_%s_visible_p", NAME(name),
                           k));
        }
    }
done:
    return status;
}

/* A gap of every class, of all heads, or, with many classes, of the one sentences are about. */
static spur_status add_class_nulls(control_job *job, const control_group *group, const char *k,
                                   const permutation_result *null, spur_error *error)
{
    spur_status status = SPUR_OK;
    result_list *into = &job->made;
    for (size_t i = 0; i < job->run->class_count * group->head_count; i++) {
        size_t of_head = i % group->head_count;
        const prediction_name *name = &group->names[of_head];
        const char *label = job->run->classes[i / group->head_count].label;
        if (job->run->class_count > MOST_CLASSES && of_head != spoken_head(group)) {
            continue;
        }
        TRY(result_add(into, error, null->classes[i].gap, KEY "class/%s/gap_at_%s", NAME(name),
                       label, k));
        TRY(result_add(into, error, null->classes[i].p, KEY "class/%s/gap_at_%s_p", NAME(name),
                       label, k));
        TRY(result_add(into, error, null->holm[i], KEY "class/%s/gap_at_%s_holm", NAME(name),
                       label, k));
    }
done:
    return status;
}

static spur_status shuffle(control_job *job, const control_group *group, curve_k k,
                           permutation_result *out, spur_error *error)
{
    spur_status status;
    size_t classes = job->run->class_count;
    uint32_t *hidden = NULL, *clear = NULL;
    TRY(memory_new(classes, sizeof *hidden, &hidden, error));
    TRY(memory_new(classes, sizeof *clear, &clear, error));
    control_ends(group, k, hidden, clear);
    const permutation_rows rows = {.class_count = classes,
                                   .head_count = group->head_count,
                                   .first = group->first,
                                   .correct = group->correct,
                                   .hidden = hidden,
                                   .clear = clear,
                                   .is_counted = group->of->is_visible};
    TRY(permutation_run(&rows, job->options->seed, job->options->controls_permutations,
                        job->options->threads, out, error));
done:
    memory_free(hidden);
    memory_free(clear);
    return status;
}

/* ---- inside strata ----------------------------------------------------------------------- */

/* One head's answers; `rows` points into the arrays. */
typedef struct head_answers {
    unsigned char *correct; /* [images] */
    uint32_t *ends;         /* [class_count] */
    confound_rows rows;
} head_answers;

static void answers_free(head_answers *block)
{
    memory_free(block->correct);
    memory_free(block->ends);
}

/* Classes that the detector cannot see have no ends, so they are in no gap. */
static spur_status answers_make(const control_group *group, curve_k k, size_t of_head,
                                head_answers *out, spur_error *error)
{
    spur_status status;
    const control_split *split = group->of;
    size_t classes = split->rows.class_count;
    TRY(memory_new(group->images, 1, &out->correct, error));
    TRY(memory_new(classes, sizeof *out->ends, &out->ends, error));
    for (size_t i = 0; i < group->images; i++) {
        out->correct[i] = group->correct[i * group->head_count + of_head];
    }
    for (size_t c = 0; c < classes; c++) {
        bool is_in = split->is_visible[c] != 0;
        out->ends[c] = is_in ? curve_k_of(k, split->rows.class_size[c]) : 0;
    }
    out->rows = (confound_rows){classes, group->first, out->correct, out->ends};
done:
    return status;
}

static spur_status add_strata(control_job *job, const prediction_name *name, const char *k,
                              const control_number *number, const confound_gap *cells,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    result_list *into = &job->made;
    for (size_t s = 0; s < CONFOUND_STRATA; s++) {
        confound_gap gap = confound_gap_sum(cells, job->run->class_count, s);
        TRY(result_add(into, error, (double)gap.images, KEY "within/%s/%zu/n", NAME(name),
                       number->key, s + 1));
        TRY(result_add(into, error, confound_gap_value(&gap), KEY "within/%s/%zu/gap_at_%s",
                       NAME(name), number->key, s + 1, k));
    }
done:
    return status;
}

/* One number of one head: the gap inside its strata, and the correlation given it. */
static spur_status control_number_of(control_job *job, const control_group *group,
                                     const prediction_name *name, const head_answers *answers,
                                     size_t which, control_story *story, spur_error *error)
{
    spur_status status;
    result_list *into = &job->made;
    const control_number *number = &group->numbers[which];
    const double *given[] = {group->is_in, number->values};
    confound_gap *cells = NULL;
    confound_correlation rho;
    bootstrap_interval interval;
    TRY(memory_new(job->run->class_count, CONFOUND_STRATA * sizeof *cells, &cells, error));
    TRY(confound_strata(&answers->rows, number->values, cells, error));
    confound_gap whole = confound_gap_sum(cells, job->run->class_count, CONFOUND_STRATA);
    story->within[which] = confound_gap_value(&whole);
    TRY(result_add(into, error, story->within[which], KEY "within/%s/gap_at_%s", NAME(name),
                   number->key, story->k));
    TRY(control_within_interval(group, cells, &interval, error));
    TRY(result_add(into, error, interval.low, KEY "within/%s/gap_at_%s_low", NAME(name),
                   number->key, story->k));
    TRY(result_add(into, error, interval.high, KEY "within/%s/gap_at_%s_high", NAME(name),
                   number->key, story->k));
    TRY(add_strata(job, name, story->k, number, cells, error));
    TRY(confound_correlate(&answers->rows, given, 2, &rho, error));
    if (rho.given > 0) {
        TRY(result_add(into, error, rho.value, KEY "rank_rho_given/%s", NAME(name),
                       number->key));
        TRY(result_add(into, error, rho.low, KEY "rank_rho_given/%s_low", NAME(name),
                       number->key));
        TRY(result_add(into, error, rho.high, KEY "rank_rho_given/%s_high", NAME(name),
                       number->key));
    }
done:
    memory_free(cells);
    return status;
}

static spur_status control_correlations(control_job *job, const control_group *group,
                                        const prediction_name *name,
                                        const head_answers *answers, control_story *story,
                                        spur_error *error)
{
    spur_status status;
    result_list *into = &job->made;
    const double *given[CONFOUND_MOST] = {group->is_in};
    for (size_t j = 0; j < group->number_count; j++) {
        given[j + 1] = group->numbers[j].values;
    }
    TRY(confound_correlate(&answers->rows, given, 1, &story->plain, error));
    TRY(confound_correlate(&answers->rows, given, group->number_count + 1, &story->given,
                           error));
    TRY(result_add(into, error, story->plain.value, KEY "rank_rho", NAME(name)));
    TRY(result_add(into, error, story->plain.low, KEY "rank_rho_low", NAME(name)));
    TRY(result_add(into, error, story->plain.high, KEY "rank_rho_high", NAME(name)));
    if (story->given.given > 0) {
        TRY(result_add(into, error, story->given.value, KEY "rank_rho_given/all", NAME(name)));
        TRY(result_add(into, error, story->given.low, KEY "rank_rho_given/all_low",
                       NAME(name)));
        TRY(result_add(into, error, story->given.high, KEY "rank_rho_given/all_high",
                       NAME(name)));
    }
done:
    return status;
}

/* ---- a head at the first k --------------------------------------------------------------- */

static spur_status control_head(control_job *job, const control_group *group, size_t of_head,
                                const named_k *k, const permutation_result *null,
                                spur_error *error)
{
    spur_status status;
    const prediction_name *name = &group->names[of_head];
    head_answers answers = {.correct = NULL};
    control_story story = {.k = k->name, .null = null->heads[of_head]};
    story.low = k->low;
    story.high = k->high;
    TRY(answers_make(group, k->k, of_head, &answers, error));
    for (size_t j = 0; j < group->number_count; j++) {
        TRY(control_number_of(job, group, name, &answers, j, &story, error));
    }
    TRY(control_correlations(job, group, name, &answers, &story, error));
    if (group->of->suspects > 0) {
        TRY(result_add(&job->made, error, control_gap_without_suspects(group, k->k, of_head),
                       KEY "gap_at_%s_unsuspected", NAME(name), k->name));
    }
    if (of_head == spoken_head(group)) {
        size_t draws = job->options->controls_permutations;
        TRY(claim_gap(group, of_head, &story, draws, &job->made, error));
        TRY(claim_given(group, of_head, &story, &job->made, error));
        TRY(claim_classes(job->run, group, of_head, null, &job->made, error));
        TRY(claim_others(group, of_head, k->name, null, &job->made, error));
    }
done:
    answers_free(&answers);
    return status;
}

/* ---- the model's own ranking ------------------------------------------------------------- */

/* Logits of the detector and numbers of the model, of the images of a class that have both. */
typedef struct class_scores {
    double *detector, *model;
    size_t count;
} class_scores;

static void gather_class(const control_group *group, size_t class_index, const double *values,
                         double sign, class_scores *into)
{
    into->count = 0;
    for (size_t i = group->first[class_index]; i < group->first[class_index + 1]; i++) {
        double value = values[group->row[i]];
        if (isfinite(value)) {
            into->detector[into->count] = (double)group->of->rows.logit[group->row[i]];
            into->model[into->count++] = sign * value;
        }
    }
}

/* values by row; sign: -1 where a high value means hard. */
static spur_status agree(control_job *job, const control_group *group, const char *what,
                         const double *values, double sign, spur_error *error)
{
    spur_status status;
    const prediction_name *name = &group->names[group->original];
    class_scores scores = {NULL, NULL, 0};
    double kendall = 0, spearman = 0;
    size_t classes = 0;
    TRY(memory_new(group->images, sizeof(double), &scores.detector, error));
    TRY(memory_new(group->images, sizeof(double), &scores.model, error));
    for (size_t c = 0; c < job->run->class_count; c++) {
        agreement found;
        gather_class(group, c, values, sign, &scores);
        TRY(agreement_measure(scores.detector, scores.model, scores.count, &found, error));
        TRY(result_add(&job->made, error, found.kendall, KEY "class/%s/agreement/%s/kendall",
                       NAME(name), job->run->classes[c].label, what));
        if (!isnan(found.kendall) && !isnan(found.spearman)) {
            kendall += found.kendall;
            spearman += found.spearman;
            classes++;
        }
    }
    if (classes > 0) {
        kendall /= (double)classes;
        spearman /= (double)classes;
        TRY(result_add(&job->made, error, kendall, KEY "agreement/%s/kendall", NAME(name),
                       what));
        TRY(result_add(&job->made, error, spearman, KEY "agreement/%s/spearman", NAME(name),
                       what));
    }
done:
    memory_free(scores.detector);
    memory_free(scores.model);
    return status;
}

static spur_status control_agreement(control_job *job, const control_group *group,
                                     spur_error *error)
{
    spur_status status = SPUR_OK;
    own_ranking own = {0, NULL, NULL};
    if (group->original == group->head_count) {
        return SPUR_OK;
    }
    const prediction_name *name = &group->names[group->original];
    TRY(own_ranking_make(job->run, name->backbone, name->split, group->of->rows.class_index,
                         job->options->threads, &own, error));
    TRY(agree(job, group, "loss", own.loss, -1, error));
    TRY(agree(job, group, "margin", own.margin, 1, error));
    TRY(claim_moved(job->run, group, own.loss, &job->made, error));
done:
    own_ranking_free(&own);
    return status;
}

/* ---- a split and backbone ---------------------------------------------------------------- */

static spur_status control_heads(control_job *job, const control_group *group,
                                 const k_list *sizes, spur_error *error)
{
    spur_status status = SPUR_OK;
    permutation_result null = {NULL, NULL, NULL};
    for (size_t i = 0; i < sizes->count; i++) {
        const named_k *k = &sizes->items[i];
        permutation_result_free(&null);
        TRY(shuffle(job, group, k->k, &null, error));
        TRY(add_null(job, group, k->name, &null, error));
        TRY(i == 0 ? add_class_nulls(job, group, k->name, &null, error) : SPUR_OK);
        for (size_t h = 0; i == 0 && h < group->head_count; h++) {
            TRY(control_head(job, group, h, k, &null, error));
        }
    }
done:
    permutation_result_free(&null);
    return status;
}

static spur_status control_backbone(control_job *job, const control_split *split,
                                    const prediction_name *names, size_t count,
                                    spur_error *error)
{
    spur_status status;
    control_group group = {.of = NULL};
    k_list sizes = {.count = 0};
    TRY(control_group_make(job->run, split, names, count, &group, error));
    TRY(control_group_add_columns(&group, job->columns, job->column_count, error));
    TRY(control_group_draw(&group, job->options, error));
    TRY(find_ks(job, &names[spoken_head(&group)], &sizes, error));
    TRY(control_heads(job, &group, &sizes, error));
    TRY(control_agreement(job, &group, error));
done:
    text_buffer_free(&sizes.prefix);
    control_group_free(&group);
    return status;
}

/* How many sets from `first` on are of its split. */
static size_t count_of_split(const prediction_list *sets, size_t first)
{
    size_t end = first;
    while (end < sets->count && strcmp(sets->names[end].split, sets->names[first].split) == 0) {
        end++;
    }
    return end - first;
}

/* Which classes the detector cannot see, and where the suspects are. */
static spur_status add_split_classes(control_job *job, const control_split *split,
                                     spur_error *error)
{
    spur_status status;
    const char *name = split->rows.split;
    size_t *suspects = NULL;
    TRY(memory_new_zeroed(job->run->class_count, sizeof *suspects, &suspects, error));
    for (size_t i = 0; i < split->rows.count; i++) {
        if (split->is_suspect[i] != 0) {
            suspects[split->rows.class_index[i]]++;
        }
    }
    for (size_t c = 0; c < job->run->class_count; c++) {
        const char *label = job->run->classes[c].label;
        if (split->is_visible[c] == 0) {
            TRY(result_add(&job->made, error, 1, "%s/class/%s/invisible", name, label));
        }
        if (suspects[c] > 0) {
            TRY(result_add(&job->made, error, (double)suspects[c], "%s/class/%s/label_suspects",
                           name, label));
        }
    }
done:
    memory_free(suspects);
    return status;
}

static spur_status control_one_split(control_job *job, size_t first, size_t count,
                                     spur_error *error)
{
    spur_status status;
    control_split split;
    memset(&split, 0, sizeof split);
    const char *name = job->sets.names[first].split;
    TRY(control_split_make(job->run, name, job->ranks, job->options, job->monitor, &split,
                           error));
    TRY(result_add(&job->made, error, (double)split.invisible, "%s/invisible_classes", name));
    if (split.knows_suspects) {
        TRY(result_add(&job->made, error, (double)split.suspects, "%s/label_suspects", name));
    }
    TRY(add_split_classes(job, &split, error));
    TRY(claim_split(job->run, &split, &job->made, error));
    for (size_t at = first; at < first + count;) {
        size_t heads = prediction_list_beside(&job->sets, at);
        TRY(control_backbone(job, &split, &job->sets.names[at], heads, error));
        at += heads;
    }
done:
    control_split_free(&split);
    return status;
}

/* ---- the stage --------------------------------------------------------------------------- */

static spur_status read_columns(control_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    const spur_eval_options *asked = job->options;
    if (asked->controls_column_count > MOST_COLUMNS) {
        FAIL(SPUR_USAGE, "%zu columns to control for, at most %d can be given",
             asked->controls_column_count, (int)MOST_COLUMNS);
    }
    for (size_t i = 0; i < asked->controls_column_count; i++) {
        const char *name = asked->controls_columns[i];
        TRY(truth_column_read(job->run, name, NULL, &job->columns[i], error));
        job->column_count++;
        if (job->columns[i]->text != NULL) {
            FAIL(SPUR_DATASET,
                 "column %s cannot be controlled for: %s has \"%s\", not a number", name,
                 job->columns[i]->text_image, job->columns[i]->text);
        }
    }
done:
    return status;
}

static spur_status digest_splits(control_job *job, text_buffer *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    unsigned char sum[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    for (size_t first = 0; first < job->sets.count;) {
        const store_split *split = NULL;
        TRY(run_find_split(job->run, job->sets.names[first].split, &split, error));
        TRY(ranking_digest(job->run, split, sum, error));
        digest_hex(sum, DIGEST_SIZE, hex);
        TRY(digest_text(into, hex, error));
        TRY(digest_text(into, split->manifest_digest, error));
        first += count_of_split(&job->sets, first);
    }
done:
    return status;
}

/* Everything the numbers depend on; the curves' inputs stand for the sizes k. */
static spur_status digest_inputs(control_job *job, char hex[DIGEST_HEX_SIZE], spur_error *error)
{
    spur_status status;
    const spur_eval_options *asked = job->options;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    char *curves = NULL;
    TRY(store_get_stage_inputs(job->run->db, curve_stage, &curves, error));
    TRY(digest_text(&bytes, "controls 2", error));
    TRY(digest_text(&bytes, curves == NULL ? "" : curves, error));
    TRY(digest_u64(&bytes, asked->seed, error));
    TRY(digest_u64(&bytes, asked->draws, error));
    TRY(digest_u64(&bytes, asked->controls_permutations, error));
    TRY(digest_u64(&bytes, asked->controls_sharpness ? 1 : 0, error));
    for (size_t i = 0; i < asked->controls_column_count; i++) {
        TRY(digest_text(&bytes, asked->controls_columns[i], error));
    }
    TRY(digest_splits(job, &bytes, error));
    for (size_t i = 0; i < job->sets.count; i++) {
        TRY(prediction_name_digest(&job->sets.names[i], &bytes, error));
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    digest_hex(sum, DIGEST_SIZE, hex);
done:
    memory_free(curves);
    text_buffer_free(&bytes);
    return status;
}

static spur_status make_controls(control_job *job, spur_error *error)
{
    spur_status status;
    spur_progress progress = {.stage = stage_name, .total = job->sets.count};
    TRY(read_columns(job, error));
    TRY(spur_rank(job->run, &job->ranks, error));
    for (size_t first = 0; first < job->sets.count;) {
        progress.done = first;
        TRY(monitor_show(job->monitor, &progress, error));
        size_t count = count_of_split(&job->sets, first);
        TRY(control_one_split(job, first, count, error));
        first += count;
    }
done:
    return status;
}

spur_status evaluate_controls(spur_run *run, const spur_eval_options *options,
                              const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    control_job job = {.run = run, .options = options, .monitor = monitor};
    char inputs[DIGEST_HEX_SIZE];
    bool is_current = false;
    const predictions_request request = {options->split, options->backbone, 0, NULL};
    if (options->controls_off) {
        return SPUR_OK;
    }
    TRY(prediction_list_make(run, &request, &job.sets, error));
    TRY(digest_inputs(&job, inputs, error));
    TRY(results_are_current(run, stage_name, inputs, &is_current, error));
    if (!is_current) {
        TRY(make_controls(&job, error));
        TRY(result_list_save(&job.made, run, stage_name, inputs, error));
    }
done:
    for (size_t i = 0; i < job.column_count; i++) {
        truth_column_free(job.columns[i]);
    }
    spur_rank_summary_free(job.ranks);
    result_list_free(&job.made);
    prediction_list_free(&job.sets);
    return status;
}
