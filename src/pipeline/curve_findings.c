/*
 * curve_findings.c - what the numbers of a group say, in sentences. A difference is named only
 * when its interval leaves out 0; which head is better is never assumed.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "pipeline/curve_group.h"

#define LEVEL 0.05

/* "SPLIT, BACKBONE" of a group, cut where a name is too long to read. */
#define WHERE "%.100s, %.100s: "
#define GROUP(group) (group)->heads[0].name->split, (group)->heads[0].name->backbone

/* ---- the gap of one head ----------------------------------------------------------------- */

static spur_status find_gap(curve_group *group, spur_error *error)
{
    spur_status status = SPUR_OK;
    const group_head *of = &group->heads[0];
    char k[SUBSET_KEY_SIZE];
    bootstrap_interval interval;
    curve_gap gap = curve_gap_at(&of->rows, group->ks[0]);
    if (isnan(gap.gap) || !group->has_draws) {
        return SPUR_OK;
    }
    curve_k_text(group->ks[0], k);
    TRY(bootstrap_interval_of(of->draws.gap, NULL, of->draws.draws, &interval, error));
    TRY(result_find(
        group->results, error, "gap",
        WHERE "head %.60s is right on %.1f %% of every class's %s clearest images "
              "and on %.1f %% of its %s most hidden: a gap of %.1f points, 95 %% "
              "interval %.1f to %.1f; so many images show a gap of %.1f points in "
              "4 of 5 cases",
        GROUP(group), of->name->head, 100.0 * curve_share(gap.clear_correct, gap.clear_n), k,
        100.0 * curve_share(gap.hidden_correct, gap.hidden_n), k, 100.0 * gap.gap,
        100.0 * interval.low, 100.0 * interval.high, 100.0 * curve_gap_detectable(&gap)));
done:
    return status;
}

/* ---- heads against the original ---------------------------------------------------------- */

/* Heads of which something is said, with the difference in points: ": a -1.2, b -3.4". */
static spur_status list_head(text_buffer *into, const char *name, double difference,
                             spur_error *error)
{
    return into->length > 500
               ? SPUR_OK
               : text_format(into, error, "%s%.60s %+.1f", into->length == 0 ? "" : ", ", name,
                             100.0 * difference);
}

typedef struct verdicts {
    text_buffer lower, higher;
    size_t lower_count, higher_count, same_count;
} verdicts;

static void verdicts_free(verdicts *block)
{
    text_buffer_free(&block->lower);
    text_buffer_free(&block->higher);
}

static spur_status judge(verdicts *into, const char *name, double difference, bool is_shown,
                         spur_error *error)
{
    if (!is_shown) {
        into->same_count++;
        return SPUR_OK;
    }
    into->lower_count += difference < 0.0 ? 1 : 0;
    into->higher_count += difference < 0.0 ? 0 : 1;
    return list_head(difference < 0.0 ? &into->lower : &into->higher, name, difference, error);
}

static const char *list_or_none(const text_buffer *from)
{
    return from->length == 0 ? "none" : from->data;
}

static bool is_original(const curve_group *group, const head_pair *pair)
{
    return strcmp(group->heads[pair->second].name->head, HEAD_ORIGINAL) == 0;
}

static spur_status find_gaps_moved(curve_group *group, const head_pair *pairs, size_t count,
                                   spur_error *error)
{
    spur_status status = SPUR_OK;
    verdicts found = {.lower_count = 0};
    char k[SUBSET_KEY_SIZE];
    for (size_t i = 0; group->has_draws && i < count; i++) {
        const group_head *first = &group->heads[pairs[i].first];
        const group_head *second = &group->heads[pairs[i].second];
        bootstrap_interval interval;
        double difference = curve_gap_at(&first->rows, group->ks[0]).gap -
                            curve_gap_at(&second->rows, group->ks[0]).gap;
        if (!is_original(group, &pairs[i]) || isnan(difference)) {
            continue;
        }
        TRY(bootstrap_interval_of(first->draws.gap, second->draws.gap, first->draws.draws,
                                  &interval, error));
        TRY(judge(&found, first->name->head, difference,
                  interval.low > 0.0 || interval.high < 0.0, error));
    }
    if (found.lower_count + found.higher_count + found.same_count > 0) {
        curve_k_text(group->ks[0], k);
        TRY(result_find(group->results, error, "gap-moved",
                        WHERE "gap at %s against the original head, in points: smaller %s; "
                              "larger %s; no difference shown for %zu",
                        GROUP(group), k, list_or_none(&found.lower),
                        list_or_none(&found.higher), found.same_count));
    }
done:
    verdicts_free(&found);
    return status;
}

static spur_status find_accuracy_moved(curve_group *group, const head_pair *pairs, size_t count,
                                       spur_error *error)
{
    spur_status status = SPUR_OK;
    verdicts found = {.lower_count = 0};
    for (size_t i = 0; i < count; i++) {
        if (is_original(group, &pairs[i])) {
            TRY(judge(&found, group->heads[pairs[i].first].name->head, pairs[i].difference,
                      pairs[i].holm < LEVEL, error));
        }
    }
    if (found.lower_count + found.higher_count + found.same_count > 0) {
        TRY(result_find(group->results, error, "accuracy-moved",
                        WHERE
                        "accuracy over images against the original head, in points: "
                        "lower %s; higher %s; no difference shown for %zu (McNemar, Holm)",
                        GROUP(group), list_or_none(&found.lower), list_or_none(&found.higher),
                        found.same_count));
    }
done:
    verdicts_free(&found);
    return status;
}

/* ---- clear against random images of the same number -------------------------------------- */

/* All seeds of rnd-k against clear-k: the mean difference, and in how many it is shown. */
static spur_status find_clear(curve_group *group, const head_pair *pairs, size_t count,
                              size_t clear, spur_error *error)
{
    double sum = 0.0;
    size_t seeds = 0, shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].first == clear &&
            strncmp(group->heads[pairs[i].second].name->head, "rnd-", 4) == 0) {
            sum += pairs[i].difference;
            shown += pairs[i].holm < LEVEL ? 1 : 0;
            seeds++;
        }
    }
    return seeds == 0
               ? SPUR_OK
               : result_find(group->results, error, "clear-against-random",
                             WHERE "%.60s against as many random images: %+.1f points "
                                   "of accuracy over images (mean of %zu seed%s), a "
                                   "difference shown in %zu (McNemar, Holm)",
                             GROUP(group), group->heads[clear].name->head,
                             100.0 * sum / (double)seeds, seeds, seeds == 1 ? "" : "s", shown);
}

spur_status curve_group_findings(curve_group *group, spur_error *error)
{
    spur_status status = SPUR_OK;
    head_pair *pairs = NULL;
    size_t count = 0;
    if (group->count == 0 || group->k_count == 0 || group->is_trained_on) {
        return SPUR_OK;
    }
    TRY(head_pairs_make(group, &pairs, &count, error));
    TRY(find_gap(group, error));
    TRY(find_gaps_moved(group, pairs, count, error));
    TRY(find_accuracy_moved(group, pairs, count, error));
    for (size_t i = 0; i < group->count; i++) {
        TRY(find_clear(group, pairs, count, i, error));
    }
done:
    memory_free(pairs);
    return status;
}
