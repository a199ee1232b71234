/*
 * curve_tests.c - heads against each other on the same images: McNemar for accuracy, the paired
 * bootstrap over classes for accuracy, gap and worst bin.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/statistics_tests.h"
#include "pipeline/curve_group.h"

/* ---- which pairs ------------------------------------------------------------------------- */

static bool parse_name(const char *name, subset_key *out)
{
    return subset_key_parse(name, SPUR_NAMING_CONTENT, out, NULL) == SPUR_OK;
}

/* clear-k with rnd-k and hidden-k. */
static bool is_matched(const char *first, const char *second)
{
    subset_key a, b;
    return parse_name(first, &a) && parse_name(second, &b) && a.kind == SUBSET_CLEAR &&
           (b.kind == SUBSET_RANDOM || b.kind == SUBSET_HIDDEN) && a.amount == b.amount &&
           a.is_fraction == b.is_fraction;
}

static bool is_compared(const char *first, const char *second)
{
    return strcmp(second, HEAD_ORIGINAL) == 0 ? strcmp(first, HEAD_ORIGINAL) != 0
                                              : is_matched(first, second);
}

static void compare_heads(const curve_group *group, head_pair *pair)
{
    const group_head *first = &group->heads[pair->first], *second = &group->heads[pair->second];
    uint64_t n = 0;
    for (size_t i = 0; i < first->set.rows; i++) {
        unsigned a = first->set.flags[i], b = second->set.flags[i];
        bool is_right = (a & PREDICTION_CORRECT) != 0;
        bool other_is_right = (b & PREDICTION_CORRECT) != 0;
        if ((a & b & PREDICTION_VALID) != 0) {
            n++;
            pair->only_first += is_right && !other_is_right ? 1 : 0;
            pair->only_second += other_is_right && !is_right ? 1 : 0;
        }
    }
    pair->exact = statistics_mcnemar_exact(pair->only_first, pair->only_second);
    pair->mid = statistics_mcnemar_mid(pair->only_first, pair->only_second);
    pair->difference = n == 0
                           ? (double)NAN
                           : ((double)pair->only_first - (double)pair->only_second) / (double)n;
}

static spur_status adjust_pairs(head_pair *pairs, size_t count, spur_error *error)
{
    spur_status status;
    double *p = NULL;
    TRY(memory_new(count, sizeof *p, &p, error));
    for (size_t i = 0; i < count; i++) {
        p[i] = pairs[i].mid;
    }
    TRY(statistics_adjust(STATISTICS_HOLM, p, count, p, error));
    for (size_t i = 0; i < count; i++) {
        pairs[i].holm = p[i];
    }
done:
    memory_free(p);
    return status;
}

spur_status head_pairs_make(const curve_group *group, head_pair **out, size_t *count,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    head_pair *made = NULL;
    size_t used = 0, capacity = 0;
    for (size_t i = 0; i < group->count; i++) {
        for (size_t j = 0; j < group->count; j++) {
            if (is_compared(group->heads[i].name->head, group->heads[j].name->head)) {
                TRY(memory_grow(&made, &capacity, used + 1, sizeof *made, error));
                made[used] = (head_pair){.first = i, .second = j};
                compare_heads(group, &made[used++]);
            }
        }
    }
    TRY(used == 0 ? SPUR_OK : adjust_pairs(made, used, error));
    *out = made;
    *count = used;
    made = NULL;
done:
    memory_free(made);
    return status;
}

/* ---- results ----------------------------------------------------------------------------- */

#define KEY "%s/%s/%s/vs/%s/"
#define PAIR(group, pair)                                                                      \
    (group)->heads[(pair)->first].name->split, (group)->heads[(pair)->first].name->backbone,   \
        (group)->heads[(pair)->first].name->head, (group)->heads[(pair)->second].name->head

/* METRIC, METRIC_low and METRIC_high of a difference; draws are those of both heads. */
static spur_status add_difference(curve_group *group, const head_pair *pair, const char *metric,
                                  double observed, const double *const draws[2],
                                  spur_error *error)
{
    spur_status status;
    bootstrap_interval interval;
    result_list *into = group->results;
    size_t count = group->heads[pair->first].draws.draws;
    TRY(result_add(into, error, observed, KEY "%s", PAIR(group, pair), metric));
    if (group->has_draws) {
        TRY(bootstrap_interval_of(draws[0], draws[1], count, &interval, error));
        TRY(result_add(into, error, interval.low, KEY "%s_low", PAIR(group, pair), metric));
        TRY(result_add(into, error, interval.high, KEY "%s_high", PAIR(group, pair), metric));
    }
done:
    return status;
}

static spur_status add_counts(curve_group *group, const head_pair *pair, spur_error *error)
{
    spur_status status;
    result_list *into = group->results;
    TRY(result_add(into, error, (double)pair->only_first, KEY "only_this", PAIR(group, pair)));
    TRY(result_add(into, error, (double)pair->only_second, KEY "only_other",
                   PAIR(group, pair)));
    TRY(result_add(into, error, pair->exact, KEY "mcnemar_exact", PAIR(group, pair)));
    TRY(result_add(into, error, pair->mid, KEY "mcnemar_mid", PAIR(group, pair)));
    TRY(result_add(into, error, pair->holm, KEY "mcnemar_holm", PAIR(group, pair)));
done:
    return status;
}

static spur_status add_gap_differences(curve_group *group, const head_pair *pair,
                                       spur_error *error)
{
    spur_status status = SPUR_OK;
    const group_head *first = &group->heads[pair->first], *second = &group->heads[pair->second];
    for (size_t k = 0; k < group->k_count; k++) {
        char text[SUBSET_KEY_SIZE], metric[SUBSET_KEY_SIZE + 16];
        const double *draws[2] = {NULL, NULL};
        if (group->has_draws) {
            draws[0] = first->draws.gap + k * first->draws.draws;
            draws[1] = second->draws.gap + k * second->draws.draws;
        }
        curve_k_text(group->ks[k], text);
        (void)snprintf(metric, sizeof metric, "gap_at_%s", text);
        TRY(add_difference(group, pair, metric,
                           curve_gap_at(&first->rows, group->ks[k]).gap -
                               curve_gap_at(&second->rows, group->ks[k]).gap,
                           draws, error));
    }
done:
    return status;
}

static spur_status lowest_bin(const group_head *of, double *out, spur_error *error)
{
    curve_bin *bins = NULL;
    size_t count = 0;
    spur_status status = curve_bins(&of->rows, &bins, &count, error);
    if (status == SPUR_OK) {
        size_t worst = curve_worst_bin(bins, count);
        *out = worst < count ? bins[worst].accuracy : (double)NAN;
    }
    memory_free(bins);
    return status;
}

static spur_status add_pair(curve_group *group, const head_pair *pair, spur_error *error)
{
    spur_status status;
    const group_head *first = &group->heads[pair->first], *second = &group->heads[pair->second];
    const double *const means[2] = {first->draws.mean, second->draws.mean};
    const double *const worsts[2] = {first->draws.worst, second->draws.worst};
    double lowest[2] = {0.0, 0.0};
    TRY(add_counts(group, pair, error));
    TRY(lowest_bin(first, &lowest[0], error));
    TRY(lowest_bin(second, &lowest[1], error));
    TRY(add_difference(group, pair, "top1", pair->difference, means, error));
    TRY(add_difference(group, pair, "worst_bin", lowest[0] - lowest[1], worsts, error));
    TRY(add_gap_differences(group, pair, error));
done:
    return status;
}

spur_status curve_group_tests(curve_group *group, spur_error *error)
{
    spur_status status;
    head_pair *pairs = NULL;
    size_t count = 0;
    TRY(head_pairs_make(group, &pairs, &count, error));
    for (size_t i = 0; i < count; i++) {
        TRY(add_pair(group, &pairs[i], error));
    }
done:
    memory_free(pairs);
    return status;
}
