/*
 * suggest.c - "did you mean": optimal string alignment distance over short words.
 */
#include "cli/suggest.h"

#include <stdint.h>
#include <string.h>

enum {
    LONGEST = 63
};

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1]; /* i - 2, i - 1, i: a swap reaches two rows back */
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t swap = before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            now[j] = least_of(swap, least_of(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least_of(now[j], earlier[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

void suggest_offer(suggestion *into, const char *candidate)
{
    size_t length = strlen(into->typed);
    size_t reach = length < 3 ? 1 : (length + 2) / 3;
    size_t distance = suggest_distance(into->typed, candidate);
    if (length >= 3 && strncmp(candidate, into->typed, length) == 0) {
        distance = 1; /* the beginning of a word is as good as one slip */
    }
    if (distance > reach || (into->best != NULL && distance >= into->distance)) {
        return;
    }
    into->best = candidate;
    into->distance = distance;
}
