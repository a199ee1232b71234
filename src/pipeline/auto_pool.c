/*
 * auto_pool.c - pure parts of the choice of a training set.
 */
#include "pipeline/auto_pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"

/* Accuracies are quotients of whole numbers: closer ones are equal. */
#define EQUAL 1e-12

void auto_pool_free(auto_pool *block)
{
    memory_free(block->rows);
    memory_free(block->labels);
    memory_free(block->rank);
    memory_free(block->size);
}

void auto_rows_free(auto_rows *block)
{
    memory_free(block->rows);
    memory_free(block->labels);
    *block = (auto_rows){0};
}

/* ---- lists ------------------------------------------------------------------------------ */

spur_status auto_parse_amounts(const char *text, auto_lists *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    into->amount_count = 0;
    for (const char *at = text; at != NULL;) {
        size_t length = strcspn(at, ",");
        subset_key *next = &into->amounts[into->amount_count];
        if (into->amount_count == AUTO_LIST_MOST) {
            FAIL(SPUR_USAGE, "more than %d amounts to try: %s", AUTO_LIST_MOST, text);
        }
        *next = (subset_key){.kind = SUBSET_CLEAR};
        TRY(subset_amount_parse(at, length, next, error));
        into->amount_count++;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
done:
    return status;
}

spur_status auto_parse_shares(const char *text, auto_lists *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    into->share_count = 0;
    for (const char *at = text; at != NULL;) {
        char word[TEXT_NUMBER_SIZE] = "";
        size_t length = strcspn(at, ",");
        double percent;
        if (into->share_count == AUTO_LIST_MOST) {
            FAIL(SPUR_USAGE, "more than %d shares to try: %s", AUTO_LIST_MOST, text);
        }
        if (length < sizeof word) {
            memcpy(word, at, length);
        }
        if (!text_to_double(word, &percent) || !(percent >= 0.0 && percent <= 100.0)) {
            FAIL(SPUR_USAGE,
                 "shares of clear images: expected percents from 0 to 100 with commas between, "
                 "not '%s'",
                 text);
        }
        into->shares[into->share_count++] = percent / 100.0;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
done:
    return status;
}

/* ---- candidates ------------------------------------------------------------------------- */

static bool takes_all(const subset_key *amount, const uint64_t *sizes, size_t classes)
{
    for (size_t k = 0; k < classes; k++) {
        if (subset_size(amount, sizes[k]) < sizes[k]) {
            return false;
        }
    }
    return true;
}

spur_status auto_candidates(const auto_pool *pool, const auto_lists *lists,
                            auto_candidate **out, size_t *count, spur_error *error)
{
    spur_status status;
    uint64_t *sizes = NULL;
    auto_candidate *made = NULL;
    size_t used = 0;
    TRY(memory_new_zeroed(pool->classes, sizeof *sizes, &sizes, error));
    TRY(memory_new(lists->amount_count * lists->share_count, sizeof *made, &made, error));
    for (size_t i = 0; i < pool->count; i++) {
        sizes[pool->labels[i]]++;
    }
    for (size_t a = 0; a < lists->amount_count; a++) {
        bool is_all = takes_all(&lists->amounts[a], sizes, pool->classes);
        for (size_t s = 0; s < (is_all ? 1 : lists->share_count); s++) {
            made[used++] = (auto_candidate){lists->amounts[a], lists->shares[s]};
        }
    }
    *out = made;
    *count = used;
    made = NULL;
done:
    memory_free(sizes);
    memory_free(made);
    return status;
}

/* ---- picking ---------------------------------------------------------------------------- */

typedef struct entry {
    uint32_t label, rank;
    uint64_t key; /* drawn */
    size_t position;
} entry;

/* By class, the clearest first. */
static int compare_clear(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->label != b->label) {
        return a->label < b->label ? -1 : 1;
    }
    if (a->rank != b->rank) {
        return a->rank > b->rank ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

static int compare_drawn(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

static size_t list_entries(const auto_pool *pool, const size_t *fold, size_t held_out,
                           uint64_t seed, entry *into)
{
    size_t count = 0;
    random_key key = random_key_make(seed, "auto");
    for (size_t i = 0; i < pool->count; i++) {
        uint32_t words[4];
        if (fold != NULL && fold[i] == held_out) {
            continue;
        }
        random_words(key, 0, pool->rows[i], words);
        into[count++] =
            (entry){pool->labels[i], pool->rank[i], (uint64_t)words[1] << 32 | words[0], i};
    }
    qsort(into, count, sizeof *into, compare_clear);
    return count;
}

/* Marks what the candidate takes of one class, whose entries stand with the clearest first. */
static void take_class(entry *entries, size_t count, const auto_candidate *candidate,
                       unsigned char *is_taken)
{
    size_t wanted = (size_t)subset_size(&candidate->amount, count);
    size_t clear = (size_t)floor(candidate->clear * (double)wanted + 0.5);
    qsort(entries + clear, count - clear, sizeof *entries, compare_drawn);
    for (size_t i = 0; i < wanted; i++) {
        is_taken[entries[i].position] = 1;
    }
}

spur_status auto_pick(const auto_pool *pool, const size_t *fold, size_t held_out,
                      const auto_candidate *candidate, uint64_t seed, auto_rows *out,
                      spur_error *error)
{
    spur_status status;
    auto_rows made = {0};
    entry *entries = NULL;
    unsigned char *is_taken = NULL;
    TRY(memory_new(pool->count, sizeof *entries, &entries, error));
    TRY(memory_new_zeroed(pool->count, 1, &is_taken, error));
    TRY(memory_new(pool->count, sizeof *made.rows, &made.rows, error));
    TRY(memory_new(pool->count, sizeof *made.labels, &made.labels, error));
    size_t count = list_entries(pool, fold, held_out, seed, entries), end;
    for (size_t first = 0; first < count; first = end) {
        for (end = first; end < count && entries[end].label == entries[first].label;) {
            end++;
        }
        take_class(entries + first, end - first, candidate, is_taken);
    }
    for (size_t i = 0; i < pool->count; i++) {
        if (is_taken[i] != 0) {
            made.rows[made.count] = pool->rows[i];
            made.labels[made.count++] = pool->labels[i];
        }
    }
    *out = made;
    made = (auto_rows){0};
done:
    memory_free(entries);
    memory_free(is_taken);
    auto_rows_free(&made);
    return status;
}

/* ---- the choice ------------------------------------------------------------------------- */

size_t auto_choose(const auto_score *scores, size_t count, double drop)
{
    double best_mean = 0.0;
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        best_mean = scores[i].mean > best_mean ? scores[i].mean : best_mean;
    }
    for (size_t i = 0; i < count; i++) {
        if (scores[i].mean < best_mean - drop - EQUAL) {
            continue;
        }
        double ahead = best < count ? scores[i].worst - scores[best].worst : HUGE_VAL;
        if (ahead > EQUAL || (ahead > -EQUAL && scores[i].mean > scores[best].mean + EQUAL)) {
            best = i;
        }
    }
    return best;
}
