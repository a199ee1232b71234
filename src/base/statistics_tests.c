/*
 * statistics_tests.c - McNemar, Bonferroni, Holm, Benjamini-Hochberg, Benjamini-Yekutieli.
 */
#include "base/statistics_tests.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/special_functions.h"

double statistics_mcnemar_exact(uint64_t b, uint64_t c)
{
    return fmin(1, 2 * binomial_lower(b < c ? b : c, b + c, 0.5));
}

double statistics_mcnemar_mid(uint64_t b, uint64_t c)
{
    uint64_t least = b < c ? b : c;
    return fmin(1, 2 * binomial_lower(least, b + c, 0.5) - binomial_mass(least, b + c, 0.5));
}

typedef struct ranked_p {
    double p;
    size_t index;
} ranked_p;

static int compare_p(const void *a, const void *b)
{
    const ranked_p *left = a, *right = b;
    if (left->p != right->p) {
        return left->p < right->p ? -1 : 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

/* What the i-th smallest p (from 0) of `count` is multiplied with. */
static double factor_of(statistics_adjustment how, size_t i, size_t count)
{
    double most = (double)count;
    switch (how) {
    case STATISTICS_BONFERRONI:
        return most;
    case STATISTICS_HOLM:
        return (double)(count - i);
    default:
        return most / (double)(i + 1);
    }
}

/* 1 + 1/2 + ... + 1/count */
static double harmonic(size_t count)
{
    double sum = 0;
    for (size_t i = count; i > 0; i--) {
        sum += 1 / (double)i;
    }
    return sum;
}

/* Steps down (Holm) or up, so that adjusted values keep the order of p. */
static void adjust_sorted(statistics_adjustment how, ranked_p *sorted, size_t count)
{
    double common = how == STATISTICS_BY ? harmonic(count) : 1;
    for (size_t i = 0; i < count; i++) {
        sorted[i].p = fmin(1, sorted[i].p * factor_of(how, i, count) * common);
    }
    if (how == STATISTICS_HOLM) {
        for (size_t i = 1; i < count; i++) {
            sorted[i].p = fmax(sorted[i].p, sorted[i - 1].p);
        }
    } else {
        for (size_t i = count; i-- > 1;) {
            sorted[i - 1].p = fmin(sorted[i - 1].p, sorted[i].p);
        }
    }
}

spur_status statistics_adjust(statistics_adjustment how, const double *p, size_t count,
                              double *adjusted, spur_error *error)
{
    ranked_p *sorted = NULL;
    spur_status status = memory_new(count, sizeof *sorted, &sorted, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (ranked_p){p[i], i};
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_p);
    }
    adjust_sorted(how, sorted, count);
    for (size_t i = 0; i < count; i++) {
        adjusted[sorted[i].index] = sorted[i].p;
    }
    memory_free(sorted);
    return SPUR_OK;
}
