/*
 * auto_pool.h - training sets that mix clear and random images, and the choice among them.
 *
 * A candidate takes a number (or share) of every class's images: some share of them the
 * clearest of the pool, the rest drawn from what is left. docs/evaluation.md, "Choosing k".
 */
#ifndef PIPELINE_AUTO_POOL_H
#define PIPELINE_AUTO_POOL_H

#include "base/memory.h"
#include "pipeline/subset_key.h"

enum {
    AUTO_LIST_MOST = 16 /* amounts, and shares */
};

typedef struct auto_candidate {
    subset_key amount; /* images of a class; its kind does not matter */
    double clear;      /* share of them, 0 .. 1 */
} auto_candidate;

/* Images with features and a rank. */
typedef struct auto_pool {
    uint64_t *rows;   /* [count] rising numbers in the split */
    uint32_t *labels; /* [count] below classes */
    uint32_t *rank;   /* [count] in class, 1 is the most hidden */
    uint32_t *size;   /* [count] of the class, for ranks */
    size_t count, classes;
} auto_pool;

typedef struct auto_rows {
    uint64_t *rows;
    uint32_t *labels;
    size_t count;
} auto_rows;

void auto_pool_free(auto_pool *block);
void auto_rows_free(auto_rows *block);

/* What is combined. */
typedef struct auto_lists {
    subset_key amounts[AUTO_LIST_MOST];
    double shares[AUTO_LIST_MOST];
    size_t amount_count, share_count;
} auto_lists;

/* "10%,100" into the amounts; "0,25.5,100", percents, into the shares. SPUR_USAGE names the
 * word. */
spur_status auto_parse_amounts(const char *text, auto_lists *into,
                               spur_error *error) SPUR_MUST_USE;
spur_status auto_parse_shares(const char *text, auto_lists *into,
                              spur_error *error) SPUR_MUST_USE;

/* Every amount with every share; an amount that takes every image, with the first share only.
 * *out is freed with memory_free. */
spur_status auto_candidates(const auto_pool *pool, const auto_lists *lists,
                            auto_candidate **out, size_t *count,
                            spur_error *error) SPUR_MUST_USE;

/* The candidate's images of the pool without those with fold[i] == held_out (fold NULL: all),
 * in rising rows. The clearest come first by rank; the drawn ones in an order keyed by (seed,
 * row), so that a larger set holds the smaller one. */
spur_status auto_pick(const auto_pool *pool, const size_t *fold, size_t held_out,
                      const auto_candidate *candidate, uint64_t seed, auto_rows *out,
                      spur_error *error) SPUR_MUST_USE;

typedef struct auto_score {
    double worst, mean; /* accuracies */
} auto_score;

/* Of those whose mean is at most `drop` below the best mean, the one with the best worst bin;
 * of equals the better mean, then the first. count > 0. */
size_t auto_choose(const auto_score *scores, size_t count, double drop);

#endif
