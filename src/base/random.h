/*
 * random.h - counter-based random numbers: Philox4x32-10 of Random123.
 *
 * A value is a pure function of (key, counter): any element can be computed alone, in any
 * order, by any number of threads, with the same bytes on every machine.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct random_key {
    uint32_t word[2];
} random_key;

/* Key of a stream: a seed and a name for what the numbers are for ("subset", "bootstrap"). It
 * is the first two words under key `seed` at the counter FNV-1a(purpose). */
random_key random_key_make(uint64_t seed, const char *purpose);

/* Four 32-bit words at 128-bit counter (high, low), whose words are, first to last, the low
 * and high half of `low`, then of `high`. */
void random_words(random_key key, uint64_t high, uint64_t low, uint32_t out[4]);

/* Uniform in [0, 1) with 53 bits. */
double random_uniform(random_key key, uint64_t high, uint64_t low);

/* Uniform integer in [0, bound), without bias (rejection inside the counter); bound > 0. */
uint64_t random_below(random_key key, uint64_t high, uint64_t low, uint64_t bound);

/* Standard normal by Box-Muller from the words at the counter. */
double random_normal(random_key key, uint64_t high, uint64_t low);

#endif
