/*
 * statistics.c - quantiles and the area under the ROC curve.
 *
 * The area is counted in integers (twice the Mann-Whitney U) and divided once, so it does not
 * depend on any order of summation.
 */
#include "base/statistics.h"

#include <math.h>

#define NORMAL_975 1.959963984540054 /* 97.5 % quantile of the normal distribution */

double statistics_quantile(const float *sorted, size_t count, double q)
{
    if (count == 0) {
        return (double)NAN;
    }
    double position = q * (double)(count - 1);
    size_t below = (size_t)position;
    double low = (double)sorted[below];
    double fraction = position - (double)below;
    if (below + 1 == count || fraction == 0) {
        return low;
    }
    double step = (double)sorted[below + 1] - low;
    /* From the nearer neighbour: rounding then never passes the upper one. */
    return fraction < 0.5 ? low + step * fraction
                          : (double)sorted[below + 1] - step * (1 - fraction);
}

/* Q1: two positives beat one negative; Q2: one positive beats two negatives (exponential
 * scores). */
static double auc_standard_error(double area, double positives, double negatives)
{
    double square = area * area;
    double q1 = area / (2 - area), q2 = 2 * square / (1 + area);
    double variance =
        (area - square + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)) /
        (positives * negatives);
    return variance > 0 ? sqrt(variance) : 0; /* rounding may leave less than 0 */
}

statistics_auc statistics_auc_from(double won, double positives, double negatives)
{
    if (!(positives > 0 && negatives > 0)) {
        return (statistics_auc){(double)NAN, (double)NAN};
    }
    double area = won / (positives * negatives);
    return (statistics_auc){area, auc_standard_error(area, positives, negatives)};
}

statistics_auc statistics_auc_make(const uint64_t *positives, const uint64_t *negatives,
                                   size_t bins)
{
    uint64_t doubled = 0; /* pairs won twice, ties once */
    uint64_t positive_total = 0, negative_total = 0;
    for (size_t i = 0; i < bins; i++) {
        doubled += positives[i] * (2 * negative_total + negatives[i]);
        positive_total += positives[i];
        negative_total += negatives[i];
    }
    /* Halving an exact count is exact. */
    return statistics_auc_from((double)doubled / 2, (double)positive_total,
                               (double)negative_total);
}

double statistics_auc_low(statistics_auc auc)
{
    double low = auc.area - NORMAL_975 * auc.standard_error;
    return low < 0 ? 0 : low; /* NaN stays NaN */
}

/* The end of the interval between `area` and `limit` (0 or 1), by bisection: the distance
 * grows with every step away from the area, its standard error vanishes at the limit. */
static double auc_end(double area, double limit, double positives, double negatives)
{
    double inside = area, outside = limit;
    for (int i = 0; i < 100 && inside != outside; i++) {
        double middle = inside + (outside - inside) / 2;
        double reach = NORMAL_975 * auc_standard_error(middle, positives, negatives);
        *(fabs(middle - area) <= reach ? &inside : &outside) = middle;
    }
    return inside;
}

void statistics_auc_interval(double area, double positives, double negatives, double *low,
                             double *high)
{
    *low = *high = (double)NAN;
    if (positives > 0 && negatives > 0) {
        *low = auc_end(area, 0, positives, negatives);
        *high = auc_end(area, 1, positives, negatives);
    }
}
