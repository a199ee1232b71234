/*
 * statistics.c - quantiles and the area under the ROC curve.
 *
 * The area is counted in integers (twice the Mann-Whitney U) and divided once, so it does not
 * depend on any order of summation.
 */
#include "base/statistics.h"

#include <math.h>

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
    if (positive_total == 0 || negative_total == 0) {
        return (statistics_auc){(double)NAN, (double)NAN};
    }
    statistics_auc auc;
    auc.area = (double)doubled / (double)(2 * positive_total * negative_total);
    auc.standard_error =
        auc_standard_error(auc.area, (double)positive_total, (double)negative_total);
    return auc;
}

double statistics_auc_low(statistics_auc auc)
{
    double low = auc.area - 1.959963984540054 * auc.standard_error;
    return low < 0 ? 0 : low; /* NaN stays NaN */
}
