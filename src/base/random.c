/*
 * random.c - Philox4x32-10 (Random123) and numbers made of its words.
 *
 * Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011. Integer results are the same everywhere; random_normal goes through libm, whose last
 * bit may differ between C libraries.
 */
#include "base/random.h"

#include <math.h>

#include <Random123/philox.h>

void random_words(random_key key, uint64_t high, uint64_t low, uint32_t out[4])
{
    philox4x32_ctr_t counter = {
        {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)}};
    philox4x32_key_t words = {{key.word[0], key.word[1]}};
    philox4x32_ctr_t block = philox4x32_R(10, counter, words);
    for (size_t i = 0; i < 4; i++) {
        out[i] = block.v[i];
    }
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    }
    return hash;
}

random_key random_key_make(uint64_t seed, const char *purpose)
{
    random_key seeded = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    uint32_t words[4];
    random_words(seeded, 0, hash_text(purpose), words);
    return (random_key){{words[0], words[1]}};
}

/* 53 bits of two words as a number in [0, 1). */
static double uniform_of(const uint32_t words[2])
{
    uint64_t bits = ((uint64_t)(words[0] >> 5) << 26) | (words[1] >> 6);
    return (double)bits * 0x1p-53;
}

double random_uniform(random_key key, uint64_t high, uint64_t low)
{
    uint32_t words[4];
    random_words(key, high, low, words);
    return uniform_of(words);
}

uint64_t random_below(random_key key, uint64_t high, uint64_t low, uint64_t bound)
{
    /* 2^64 modulo bound: as many of the largest values would favour the small remainders. */
    uint64_t excess = (UINT64_MAX % bound + 1) % bound;
    for (;; key.word[0]++) { /* the same counter under the next key: no neighbour is touched */
        uint32_t words[4];
        random_words(key, high, low, words);
        for (size_t i = 0; i < 4; i += 2) {
            uint64_t value = (uint64_t)words[i] | (uint64_t)words[i + 1] << 32;
            if (value <= UINT64_MAX - excess) {
                return value % bound;
            }
        }
    }
}

double random_normal(random_key key, uint64_t high, uint64_t low)
{
    static const double two_pi = 6.283185307179586;
    uint32_t words[4];
    random_words(key, high, low, words);
    double radius = sqrt(-2.0 * log(1.0 - uniform_of(words))); /* 1 - u is never 0 */
    return radius * cos(two_pi * uniform_of(words + 2));
}
