/*
 * group_figures.c - sums in the order of the units.
 */
#include "pipeline/group_figures.h"

#include <math.h>

#include "base/statistics_intervals.h"

static double weight_of(const group_unit *unit, bool is_train_weighted)
{
    return is_train_weighted ? (double)unit->train : 1.0;
}

group_average group_mean(const group_unit *units, size_t count, bool is_train_weighted,
                         double z)
{
    group_average out = {(double)NAN, (double)NAN, (double)NAN, (double)NAN};
    double all = 0.0, covered = 0.0, sum = 0.0, variance = 0.0;
    for (size_t i = 0; i < count; i++) {
        double weight = weight_of(&units[i], is_train_weighted);
        all += weight;
        covered += units[i].n > 0 ? weight : 0.0;
    }
    if (!(covered > 0.0)) {
        return out;
    }
    for (size_t i = 0; i < count; i++) {
        if (units[i].n > 0) {
            double weight = weight_of(&units[i], is_train_weighted) / covered;
            double n = (double)units[i].n, right = (double)units[i].right;
            double near = (right + 0.5) / (n + 1.0); /* never 0 or 1 */
            sum += weight * right / n;
            variance += weight * weight * near * (1.0 - near) / n;
        }
    }
    double half = z * sqrt(variance);
    out.value = sum;
    out.low = fmax(sum - half, 0.0);
    out.high = fmin(sum + half, 1.0);
    out.covered = covered / all;
    return out;
}

group_worst group_find_worst(const group_unit *units, size_t count, uint64_t least,
                             double alpha)
{
    group_worst out = {count, 0, (double)NAN, (double)NAN, (double)NAN};
    for (size_t i = 0; i < count; i++) {
        if (units[i].n == 0 || units[i].n < least) {
            continue;
        }
        double share = (double)units[i].right / (double)units[i].n;
        out.candidates++;
        if (out.at == count || share < out.value) {
            out.at = i;
            out.value = share;
        }
    }
    if (out.at < count) {
        statistics_interval interval = statistics_wilson(units[out.at].right, units[out.at].n,
                                                         alpha / (double)out.candidates);
        out.low = interval.low;
        out.high = interval.high;
    }
    return out;
}
