/*
 * noise_rates.c - means over images, their variances, and the two intervals made of them.
 */
#include "pipeline/noise_rates.h"

#include <math.h>

#define Z95 1.959963984540054

static double mean_of(noise_counts counts)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < counts.images; i++) {
        sum += counts.right[i];
    }
    return (double)sum / ((double)counts.images * (double)counts.trials);
}

/* Variance of the mean of w_a a_i + w_b b_i over images; b may be absent. */
static double variance_of_mean(noise_counts a, double weight_a, const noise_counts *b,
                               double weight_b)
{
    double sum = 0.0, squares = 0.0, n = (double)a.images;
    for (size_t i = 0; i < a.images; i++) {
        double value = weight_a * (double)a.right[i] / (double)a.trials;
        value += b == NULL ? 0.0 : weight_b * (double)b->right[i] / (double)b->trials;
        sum += value;
        squares += value * value;
    }
    double spread = squares - sum * sum / n;
    return a.images < 2 || spread <= 0.0 ? 0.0 : spread / (n - 1.0) / n;
}

/* Wilson's interval of a proportion over n observations, n any positive number. */
static noise_rate wilson_real(double p, double n)
{
    double square = Z95 * Z95;
    double middle = (p + square / (2.0 * n)) / (1.0 + square / n);
    double half = Z95 / (1.0 + square / n) * sqrt(p * (1.0 - p) / n + square / (4.0 * n * n));
    return (noise_rate){p, fmax(0.0, middle - half), fmin(1.0, middle + half)};
}

noise_rate noise_accuracy(noise_counts counts)
{
    double a = mean_of(counts);
    double variance = variance_of_mean(counts, 1.0, NULL, 0.0);
    double least = (double)counts.images, most = least * (double)counts.trials;
    double effective = variance > 0.0 ? a * (1.0 - a) / variance : least;
    return wilson_real(a, fmin(fmax(effective, least), most));
}

noise_rate noise_sensitivity(noise_counts inside, noise_counts outside)
{
    double f = mean_of(inside), b = mean_of(outside);
    double mean = (f + b) / 2.0;
    double smaller = fmin(mean, 1.0 - mean);
    if (smaller <= 0.0) {
        return (noise_rate){0.0, 0.0, 0.0};
    }
    /* Below one half: (b - f) / (b + f); above: the same of the errors. */
    double value = (b - f) / (2.0 * smaller);
    double square = 4.0 * smaller * smaller;
    double by_b = mean <= 0.5 ? 2.0 * f / square : 2.0 * (1.0 - f) / square;
    double by_f = mean <= 0.5 ? -2.0 * b / square : -2.0 * (1.0 - b) / square;
    double half = Z95 * sqrt(variance_of_mean(inside, by_f, &outside, by_b));
    return (noise_rate){value, fmax(-1.0, value - half), fmin(1.0, value + half)};
}
