/*
 * draws.h - a sequence of random numbers of one image: Philox words read one after another.
 *
 * The sequence of (key, stream, index) starts at counter (stream, block 0; index), so images
 * never share numbers. Every decision takes its numbers in the order of the source text: a new
 * draw in the middle changes all images after it.
 */
#ifndef DEMO_DRAWS_H
#define DEMO_DRAWS_H

#include <stdbool.h>

#include "base/random.h"

typedef struct draws {
    random_key key;
    uint64_t high, low; /* the next counter */
    uint32_t words[4];
    unsigned used; /* words of the block that were given away */
} draws;

static inline draws draws_begin(random_key key, uint32_t stream, uint64_t index)
{
    return (draws){.key = key, .high = (uint64_t)stream << 32, .low = index, .used = 4};
}

static inline uint32_t draw_word(draws *from)
{
    if (from->used == 4) {
        random_words(from->key, from->high++, from->low, from->words);
        from->used = 0;
    }
    return from->words[from->used++];
}

/* Uniform in [low, high). */
static inline double draw_between(draws *from, double low, double high)
{
    return low + (high - low) * ((double)draw_word(from) * 0x1p-32);
}

static inline bool draw_chance(draws *from, double probability)
{
    return draw_between(from, 0.0, 1.0) < probability;
}

/* Uniform in 0 .. bound-1; the bias of the product is below bound / 2^32. */
static inline size_t draw_below(draws *from, size_t bound)
{
    return (size_t)((uint64_t)draw_word(from) * (uint64_t)bound >> 32);
}

#endif
