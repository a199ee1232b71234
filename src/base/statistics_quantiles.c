/*
 * statistics_quantiles.c - a place between the values, and a value at that place.
 */
#include "base/statistics_quantiles.h"

#include <math.h>

/* Place of the continuous rules, from 0: n q + a + q (1 - 2 a) - 1. */
static double place_of(double a, double count, double q)
{
    return count * q + (a + q * (1 - 2 * a)) - 1;
}

/* The value at a place, by straight lines; places outside are the ends. */
static double value_at(const double *sorted, size_t count, double place)
{
    if (!(place > 0)) {
        return sorted[0];
    }
    if (place >= (double)(count - 1)) {
        return sorted[count - 1];
    }
    size_t below = (size_t)place;
    double low = sorted[below], high = sorted[below + 1];
    double part = place - (double)below;
    /* From the nearer neighbour: rounding then never passes the other one. */
    return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

/* Types 1 and 2: n q - 1, upwards unless it is whole; then type 2 takes the mean with the next
 * value. */
static double step_place(double count, double q, double at_whole)
{
    double place = count * q - 1;
    return place == floor(place) ? place + at_whole : ceil(place);
}

double statistics_quantile_by(statistics_quantile_rule rule, const double *sorted, size_t count,
                              double q)
{
    static const double parameters[] = {[STATISTICS_QUANTILE_HAZEN] = 0.5,
                                        [STATISTICS_QUANTILE_WEIBULL] = 0,
                                        [STATISTICS_QUANTILE_LINEAR] = 1,
                                        [STATISTICS_QUANTILE_MEDIAN_UNBIASED] = 1.0 / 3,
                                        [STATISTICS_QUANTILE_NORMAL_UNBIASED] = 3.0 / 8};
    double n = (double)count, steps = (n - 1) * q;
    if (count == 0) {
        return (double)NAN;
    }
    switch (rule) {
    case STATISTICS_QUANTILE_INVERTED_CDF:
        return value_at(sorted, count, step_place(n, q, 0));
    case STATISTICS_QUANTILE_AVERAGED_CDF:
        return value_at(sorted, count, step_place(n, q, 0.5));
    case STATISTICS_QUANTILE_LOWER:
        return value_at(sorted, count, floor(steps));
    case STATISTICS_QUANTILE_HIGHER:
        return value_at(sorted, count, ceil(steps));
    case STATISTICS_QUANTILE_MIDPOINT:
        return value_at(sorted, count, (floor(steps) + ceil(steps)) / 2);
    case STATISTICS_QUANTILE_LINEAR:
        return value_at(sorted, count, steps);
    default:
        return value_at(sorted, count, place_of(parameters[rule], n, q));
    }
}
