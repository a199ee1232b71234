/*
 * statistics_ranks.c - ranks, correlations of ranks, area under the ROC curve.
 *
 * Kendall's tau is the weighted tau in which every item weighs one half, so both come from
 * one pass with a Fenwick tree: O(n log n). Counts of pairs are whole or half numbers below
 * 2^53 up to 10^8 values, hence exact and free of any order of summation.
 */
#include "base/statistics_ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/special_functions.h"

#define NORMAL_975 1.959963984540054

/* ---- sorted order ------------------------------------------------------------------------ */

typedef struct item {
    double first, second;
    size_t index;
} item;

static int compare_items(const void *a, const void *b)
{
    const item *left = a, *right = b;
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    if (left->second != right->second) {
        return left->second < right->second ? -1 : 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

/* Items (x, y) in rising order of x, equal ones of y, then of index. y may be NULL. */
static spur_status sort_items(const double *x, const double *y, size_t count, item **out,
                              spur_error *error)
{
    item *items = NULL;
    spur_status status = memory_new(count, sizeof *items, &items, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = (item){x[i], y == NULL ? 0 : y[i], i};
    }
    if (count > 1) {
        qsort(items, count, sizeof *items, compare_items);
    }
    *out = items;
    return SPUR_OK;
}

/* One behind the last item whose `first` equals that of items[from]. */
static size_t group_end(const item *items, size_t count, size_t from)
{
    size_t end = from + 1;
    while (end < count && items[end].first == items[from].first) {
        end++;
    }
    return end;
}

spur_status statistics_ranks(const double *x, size_t count, double *ranks, spur_error *error)
{
    item *items = NULL;
    spur_status status = sort_items(x, NULL, count, &items, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t from = 0, end; from < count; from = end) {
        end = group_end(items, count, from);
        for (size_t i = from; i < end; i++) {
            ranks[items[i].index] = (double)(from + end + 1) / 2;
        }
    }
    memory_free(items);
    return SPUR_OK;
}

/* ---- Spearman ---------------------------------------------------------------------------- */

static const statistics_correlation undefined = {(double)NAN, (double)NAN, (double)NAN,
                                                 (double)NAN};

static double spearman_p(double r, size_t count)
{
    if (count < 3) {
        return (double)NAN;
    }
    double freedom = (double)(count - 2);
    double t = fabs(r) * sqrt(freedom / ((1 - r) * (1 + r)));
    return fmin(1, 2 * student_upper(t, freedom));
}

static void fisher_interval(size_t count, statistics_correlation *into)
{
    if (count < 4 || fabs(into->value) == 1) { /* z would be infinite */
        return;
    }
    double half = NORMAL_975 * sqrt((1 + into->value * into->value / 2) / (double)(count - 3));
    into->low = tanh(atanh(into->value) - half);
    into->high = tanh(atanh(into->value) + half);
}

spur_status statistics_spearman(const double *x, const double *y, size_t count,
                                statistics_correlation *out, spur_error *error)
{
    spur_status status;
    double *ranks = NULL;
    double xx = 0, yy = 0, xy = 0, middle = (double)(count + 1) / 2;
    size_t size;
    if (!size_mul(count, 2, &size)) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new(size, sizeof *ranks, &ranks, error));
    TRY(statistics_ranks(x, count, ranks, error));
    TRY(statistics_ranks(y, count, ranks + count, error));
    for (size_t i = 0; i < count; i++) {
        double a = ranks[i] - middle, b = ranks[count + i] - middle;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    *out = undefined;
    if (xx > 0 && yy > 0) {
        out->value = fmax(-1, fmin(1, xy / sqrt(xx * yy)));
        out->p = spearman_p(out->value, count);
        fisher_interval(count, out);
    }
done:
    memory_free(ranks);
    return status;
}

/* ---- pairs ------------------------------------------------------------------------------- */

/* Sums of pair weights: agreement = concordant - discordant; not_tied_x = pairs with
 * different x. */
typedef struct pair_sums {
    double agreement, not_tied_x, not_tied_y;
} pair_sums;

/* A pair weighs (sum over members) w_i + w_j or (is_product) w_i w_j; of a group of items it
 * is (count - 1) sum w, or ((sum w)^2 - sum w^2) / 2. */
static double group_weight(double count, double sum, double squares, bool is_product)
{
    return is_product ? (sum * sum - squares) / 2 : (count - 1) * sum;
}

/* Weight of the pairs that differ in `first`. */
static double not_tied(const item *items, const double *weights, size_t count, bool is_product)
{
    double tied = 0, sum = 0, squares = 0;
    for (size_t from = 0, end; from < count; from = end) {
        double group = 0, group_squares = 0;
        end = group_end(items, count, from);
        for (size_t i = from; i < end; i++) {
            double weight = weights[items[i].index];
            group += weight;
            group_squares += weight * weight;
        }
        tied += group_weight((double)(end - from), group, group_squares, is_product);
        sum += group;
        squares += group_squares;
    }
    return group_weight((double)count, sum, squares, is_product) - tied;
}

typedef struct fenwick_node {
    double count, weight;
} fenwick_node;

/* Sum over places 1..place. */
static fenwick_node fenwick_sum(const fenwick_node *tree, size_t place)
{
    fenwick_node sum = {0, 0};
    for (; place > 0; place &= place - 1) {
        sum.count += tree[place].count;
        sum.weight += tree[place].weight;
    }
    return sum;
}

static void fenwick_add(fenwick_node *tree, size_t size, size_t place, double weight)
{
    for (; place <= size; place += place & (~place + 1)) {
        tree[place].count += 1;
        tree[place].weight += weight;
    }
}

/* Pairs of `own` with the items in a part of the tree. */
static double pairs_with(fenwick_node part, double own, bool is_product)
{
    return is_product ? own * part.weight : own * part.count + part.weight;
}

/* Goes through x from below; the tree holds, by place of y, all items with a smaller x. */
static double sum_agreement(const item *by_x, const size_t *places, const double *weights,
                            size_t count, fenwick_node *tree, bool is_product)
{
    double agreement = 0;
    for (size_t from = 0, end; from < count; from = end) {
        fenwick_node all = fenwick_sum(tree, count);
        end = group_end(by_x, count, from);
        for (size_t i = from; i < end; i++) {
            size_t index = by_x[i].index;
            fenwick_node below = fenwick_sum(tree, places[index] - 1);
            fenwick_node above = fenwick_sum(tree, places[index]);
            above = (fenwick_node){all.count - above.count, all.weight - above.weight};
            agreement += pairs_with(below, weights[index], is_product) -
                         pairs_with(above, weights[index], is_product);
        }
        for (size_t i = from; i < end; i++) {
            size_t index = by_x[i].index;
            fenwick_add(tree, count, places[index], weights[index]);
        }
    }
    return agreement;
}

static spur_status sum_pairs(const double *x, const double *y, const double *weights,
                             size_t count, bool is_product, pair_sums *out, spur_error *error)
{
    spur_status status;
    item *by_x = NULL;
    item *by_y = NULL;
    size_t *places = NULL;
    fenwick_node *tree = NULL;
    TRY(sort_items(x, NULL, count, &by_x, error));
    TRY(sort_items(y, NULL, count, &by_y, error));
    TRY(memory_new(count, sizeof *places, &places, error));
    TRY(memory_new_zeroed(count + 1, sizeof *tree, &tree, error));
    for (size_t from = 0, end, place = 1; from < count; from = end, place++) {
        end = group_end(by_y, count, from);
        for (size_t i = from; i < end; i++) {
            places[by_y[i].index] = place;
        }
    }
    out->not_tied_x = not_tied(by_x, weights, count, is_product);
    out->not_tied_y = not_tied(by_y, weights, count, is_product);
    out->agreement = sum_agreement(by_x, places, weights, count, tree, is_product);
done:
    memory_free(by_x);
    memory_free(by_y);
    memory_free(places);
    memory_free(tree);
    return status;
}

static double tau_of(const pair_sums *sums)
{
    if (!(sums->not_tied_x > 0 && sums->not_tied_y > 0)) {
        return (double)NAN;
    }
    double tau = sums->agreement / sqrt(sums->not_tied_x * sums->not_tied_y);
    return fmax(-1, fmin(1, tau));
}

/* ---- Kendall ----------------------------------------------------------------------------- */

/* Sums over groups of tied values: t (t-1), t (t-1) (t-2), t (t-1) (2t+5). */
typedef struct tie_sums {
    double pairs, triples, variance;
} tie_sums;

static spur_status sum_ties(const double *x, size_t count, tie_sums *out, spur_error *error)
{
    item *items = NULL;
    spur_status status = sort_items(x, NULL, count, &items, error);
    if (status != SPUR_OK) {
        return status;
    }
    *out = (tie_sums){0, 0, 0};
    for (size_t from = 0, end; from < count; from = end) {
        end = group_end(items, count, from);
        double t = (double)(end - from);
        out->pairs += t * (t - 1);
        out->triples += t * (t - 1) * (t - 2);
        out->variance += t * (t - 1) * (2 * t + 5);
    }
    memory_free(items);
    return SPUR_OK;
}

/* Kendall, Rank Correlation Methods, chapter 4. */
static double kendall_p(double agreement, size_t count, const tie_sums *x, const tie_sums *y)
{
    double n = (double)count;
    double pairs = n * (n - 1);
    if (count < 3) {
        return (double)NAN;
    }
    double variance = (pairs * (2 * n + 5) - x->variance - y->variance) / 18 +
                      x->triples * y->triples / (9 * pairs * (n - 2)) +
                      x->pairs * y->pairs / (2 * pairs);
    return fmin(1, 2 * normal_upper(fabs(agreement) / sqrt(variance)));
}

spur_status statistics_kendall(const double *x, const double *y, size_t count,
                               statistics_correlation *out, spur_error *error)
{
    spur_status status;
    double *halves = NULL;
    pair_sums sums;
    tie_sums ties_x, ties_y;
    TRY(memory_new(count, sizeof *halves, &halves, error));
    for (size_t i = 0; i < count; i++) {
        halves[i] = 0.5;
    }
    TRY(sum_pairs(x, y, halves, count, false, &sums, error));
    TRY(sum_ties(x, count, &ties_x, error));
    TRY(sum_ties(y, count, &ties_y, error));
    *out = undefined;
    out->value = tau_of(&sums);
    if (!isnan(out->value)) {
        out->p = kendall_p(sums.agreement, count, &ties_x, &ties_y);
    }
done:
    memory_free(halves);
    return status;
}

/* Shares of the orders of `items` values by inversions, built up one item at a time: the last
 * of k items adds 0 to k - 1 inversions, each equally often. */
static void grow_inversions(double *shares, double *next, size_t size, size_t items)
{
    double window = 0;
    for (size_t i = 0; i < size; i++) {
        window += shares[i] - (i >= items ? shares[i - items] : 0);
        next[i] = window / (double)items;
    }
    memcpy(shares, next, size * sizeof *shares);
}

spur_status statistics_kendall_exact(size_t discordant, size_t count, double *p,
                                     spur_error *error)
{
    spur_status status;
    double *shares = NULL;
    size_t pairs = count < 2 ? 0 : count * (count - 1) / 2;
    size_t few = discordant < pairs - discordant ? discordant : pairs - discordant;
    double tail = 0;
    TRY(memory_new_zeroed(2 * (few + 1), sizeof *shares, &shares, error));
    shares[0] = 1;
    for (size_t items = 2; items <= count; items++) {
        grow_inversions(shares, shares + few + 1, few + 1, items);
    }
    for (size_t i = 0; i <= few; i++) {
        tail += shares[i];
    }
    *p = fmin(1, 2 * tail);
done:
    memory_free(shares);
    return status;
}

/* ---- weighted tau ------------------------------------------------------------------------ */

static spur_status tau_by_first(const double *x, const double *y, size_t count, bool is_product,
                                double *out, spur_error *error)
{
    spur_status status;
    item *items = NULL;
    double *weights = NULL;
    pair_sums sums;
    TRY(sort_items(x, y, count, &items, error));
    TRY(memory_new(count, sizeof *weights, &weights, error));
    for (size_t i = 0; i < count; i++) {
        weights[items[i].index] = 1 / (double)(count - i);
    }
    TRY(sum_pairs(x, y, weights, count, is_product, &sums, error));
    *out = tau_of(&sums);
done:
    memory_free(items);
    memory_free(weights);
    return status;
}

static spur_status tau_by_index(const double *x, const double *y, size_t count, bool is_product,
                                double *out, spur_error *error)
{
    spur_status status;
    double *weights = NULL;
    pair_sums sums;
    TRY(memory_new(count, sizeof *weights, &weights, error));
    for (size_t i = 0; i < count; i++) {
        weights[i] = 1 / (double)(i + 1);
    }
    TRY(sum_pairs(x, y, weights, count, is_product, &sums, error));
    *out = tau_of(&sums);
done:
    memory_free(weights);
    return status;
}

spur_status statistics_weighted_tau(const double *x, const double *y, size_t count,
                                    statistics_tau_rank ranks, bool is_product, double *out,
                                    spur_error *error)
{
    spur_status status;
    double by_x, by_y;
    if (ranks == STATISTICS_TAU_INDEX) {
        return tau_by_index(x, y, count, is_product, out, error);
    }
    TRY(tau_by_first(x, y, count, is_product, &by_x, error));
    by_y = by_x;
    if (ranks == STATISTICS_TAU_BOTH) {
        TRY(tau_by_first(y, x, count, is_product, &by_y, error));
    }
    *out = (by_x + by_y) / 2;
done:
    return status;
}

/* ---- ROC and precision-recall ------------------------------------------------------------ */

/* Weights of one group of equal scores. */
typedef struct group_sums {
    double positives, negatives;
} group_sums;

static group_sums sum_group(const item *items, size_t from, size_t end, const bool *is_positive,
                            const double *weights)
{
    group_sums sums = {0, 0};
    for (size_t i = from; i < end; i++) {
        size_t index = items[i].index;
        *(is_positive[index] ? &sums.positives : &sums.negatives) +=
            weights == NULL ? 1 : weights[index];
    }
    return sums;
}

spur_status statistics_auc_of(const double *scores, const bool *is_positive,
                              const double *weights, size_t count, statistics_auc *out,
                              spur_error *error)
{
    item *items = NULL;
    spur_status status = sort_items(scores, NULL, count, &items, error);
    if (status != SPUR_OK) {
        return status;
    }
    double doubled = 0, positives = 0, negatives = 0;
    for (size_t from = 0, end; from < count; from = end) {
        end = group_end(items, count, from);
        group_sums group = sum_group(items, from, end, is_positive, weights);
        doubled += group.positives * (2 * negatives + group.negatives);
        positives += group.positives;
        negatives += group.negatives;
    }
    *out = statistics_auc_from(doubled / 2, positives, negatives);
    if (weights != NULL) {
        out->standard_error = (double)NAN;
    }
    memory_free(items);
    return SPUR_OK;
}

spur_status statistics_average_precision(const double *scores, const bool *is_positive,
                                         const double *weights, size_t count, double *out,
                                         spur_error *error)
{
    item *items = NULL;
    spur_status status = sort_items(scores, NULL, count, &items, error);
    if (status != SPUR_OK) {
        return status;
    }
    double sum = 0, positives = 0, negatives = 0;
    for (size_t end = count, from; end > 0; end = from) {
        from = end - 1;
        while (from > 0 && items[from - 1].first == items[end - 1].first) {
            from--;
        }
        group_sums group = sum_group(items, from, end, is_positive, weights);
        positives += group.positives;
        negatives += group.negatives;
        sum += group.positives == 0 ? 0 : group.positives * positives / (positives + negatives);
    }
    *out = count == 0 ? (double)NAN : positives > 0 ? sum / positives : 0;
    memory_free(items);
    return SPUR_OK;
}
