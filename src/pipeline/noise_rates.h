/*
 * noise_rates.h - accuracies over images that were tried several times, and what they make.
 *
 * Trials of one image are alike: the image is the unit of every interval (its mean over trials
 * is one observation), never the trial.
 */
#ifndef PIPELINE_NOISE_RATES_H
#define PIPELINE_NOISE_RATES_H

#include <stddef.h>
#include <stdint.h>

/* How often images were right: 0 .. trials of each. */
typedef struct noise_counts {
    const uint32_t *right; /* [images] */
    size_t images, trials; /* both at least 1 */
} noise_counts;

typedef struct noise_rate {
    double value, low, high; /* 95 % */
} noise_rate;

/* The mean, with Wilson's interval at the effective number of observations a (1 - a) / var,
 * var being the variance of the mean over images (Korn and Graubard 1998); at least the number
 * of images, at most images * trials. */
noise_rate noise_accuracy(noise_counts counts);

/* Relative foreground sensitivity (a_bg - a_fg) / (2 min(a, 1 - a)), a = (a_fg + a_bg) / 2;
 * 0 when a is 0 or 1. From -1 (only the background matters) to 1. The interval is the delta
 * method's over images, which pairs both regions, cut at -1 and 1. */
noise_rate noise_sensitivity(noise_counts inside, noise_counts outside);

#endif
