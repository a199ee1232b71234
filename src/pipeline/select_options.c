/*
 * select_options.c - comma-separated words and amounts, multiplied out.
 */
#include "pipeline/select_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    AMOUNT_COUNT_LIMIT = 64,
    SEED_COUNT_LIMIT = 10000
};

void spur_select_options_defaults(spur_select_options *options)
{
    memset(options, 0, sizeof *options);
    options->seeds = 5;
}

typedef spur_status (*word_visit)(void *context, const char *word, size_t length,
                                  spur_error *error);

static spur_status each_word(const char *list, word_visit visit, void *context,
                             spur_error *error)
{
    spur_status status;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        TRY(visit(context, at, length, error));
        at += length;
        if (*at == '\0') {
            break;
        }
    }
done:
    return status;
}

typedef struct key_lists {
    spur_naming naming;
    bool has_kind[SUBSET_KIND_COUNT];
    subset_key amounts[AMOUNT_COUNT_LIMIT]; /* only amount and is_fraction */
    size_t amount_count;
    subset_key *keys;
    size_t count, capacity;
} key_lists;

static spur_status add_kind(void *context, const char *word, size_t length, spur_error *error)
{
    key_lists *into = context;
    subset_kind kind = SUBSET_CLEAR;
    spur_status status = subset_kind_parse(word, length, into->naming, &kind, error);
    into->has_kind[kind] = into->has_kind[kind] || status == SPUR_OK;
    return status;
}

static spur_status add_amount(void *context, const char *word, size_t length, spur_error *error)
{
    key_lists *into = context;
    if (into->amount_count == AMOUNT_COUNT_LIMIT) {
        return error_set(error, SPUR_USAGE, "more than %d numbers of images per class",
                         (int)AMOUNT_COUNT_LIMIT);
    }
    return subset_amount_parse(word, length, &into->amounts[into->amount_count++], error);
}

static spur_status add_key(key_lists *into, subset_kind kind, const subset_key *amount,
                           uint64_t seed, spur_error *error)
{
    spur_status status =
        memory_grow(&into->keys, &into->capacity, into->count + 1, sizeof *into->keys, error);
    if (status == SPUR_OK) {
        into->keys[into->count++] =
            (subset_key){kind, amount->amount, amount->is_fraction, seed};
    }
    return status;
}

static spur_status add_keys(key_lists *into, subset_kind kind,
                            const spur_select_options *options, spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t seeds = kind == SUBSET_RANDOM ? options->seeds : 1;
    uint64_t first = kind == SUBSET_RANDOM ? options->seed : 0;
    for (size_t i = 0; into->has_kind[kind] && i < into->amount_count; i++) {
        for (uint64_t seed = 0; seed < seeds; seed++) {
            TRY(add_key(into, kind, &into->amounts[i], first + seed, error));
        }
    }
done:
    return status;
}

static int compare_keys(const void *a, const void *b)
{
    return subset_key_compare(a, b);
}

static void sort_once(key_lists *lists)
{
    size_t kept = 0;
    qsort(lists->keys, lists->count, sizeof *lists->keys, compare_keys);
    for (size_t i = 0; i < lists->count; i++) {
        if (kept == 0 || subset_key_compare(&lists->keys[kept - 1], &lists->keys[i]) != 0) {
            lists->keys[kept++] = lists->keys[i];
        }
    }
    lists->count = kept;
}

static spur_status check_seeds(const spur_select_options *options, spur_error *error)
{
    if (options->seeds == 0 || options->seeds > SEED_COUNT_LIMIT) {
        return error_set(error, SPUR_USAGE, "seeds: between 1 and %d", (int)SEED_COUNT_LIMIT);
    }
    if (options->seed > UINT64_MAX - options->seeds) {
        return error_set(error, SPUR_USAGE, "seed: so large that the next ones do not fit");
    }
    return SPUR_OK;
}

spur_status select_keys(const spur_select_options *options, subset_key **keys, size_t *count,
                        spur_error *error)
{
    static const char all_kinds[] = "clear,mid,hidden,rnd";
    static const char paper_amounts[] = "50,100,200";
    spur_status status;
    key_lists lists = {.naming = options->naming};
    TRY(check_seeds(options, error));
    TRY(each_word(options->subsets == NULL ? all_kinds : options->subsets, add_kind, &lists,
                  error));
    TRY(each_word(options->amounts == NULL ? paper_amounts : options->amounts, add_amount,
                  &lists, error));
    TRY(add_keys(&lists, SUBSET_CLEAR, options, error));
    TRY(add_keys(&lists, SUBSET_MID, options, error));
    TRY(add_keys(&lists, SUBSET_HIDDEN, options, error));
    TRY(add_keys(&lists, SUBSET_RANDOM, options, error));
    sort_once(&lists);
    *keys = lists.keys;
    *count = lists.count;
    lists.keys = NULL;
done:
    memory_free(lists.keys);
    return status;
}
