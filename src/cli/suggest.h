/*
 * suggest.h - "did you mean": the known word nearest to a mistyped one.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/* Edits between two words; a swap of neighbours counts once. Words longer than 63 bytes are
 * infinitely far from everything. */
size_t suggest_distance(const char *a, const char *b);

/* The candidate nearest to `typed` and the edits to it, kept while candidates are offered one
 * by one. Zero-initialise with best NULL. */
typedef struct suggestion {
    const char *typed;
    const char *best;
    size_t distance;
} suggestion;

/* Ignores candidates that are more than a third of the typed word away. */
void suggest_offer(suggestion *into, const char *candidate);

#endif
