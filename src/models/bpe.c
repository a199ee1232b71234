/*
 * bpe.c - merges sorted by (left, right) and found by bisection among those of one left id:
 * no hash for a hostile vocabulary to defeat, 16 bytes a merge.
 */
#include "models/bpe.h"

#include <stdlib.h>

#include "base/memory.h"

struct bpe_table {
    bpe_merge *merges; /* by left, then right */
    size_t *first;     /* [id_count + 1]: where a left id's merges begin */
};

static int compare_merges(const void *a, const void *b)
{
    const bpe_merge *x = a, *y = b;
    if (x->left != y->left) {
        return x->left < y->left ? -1 : 1;
    }
    if (x->right != y->right) {
        return x->right < y->right ? -1 : 1;
    }
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Rank of the first merge that repeats its neighbour's pair; count when there is none. */
static size_t find_duplicate(const bpe_merge *merges, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (merges[i].left == merges[i - 1].left && merges[i].right == merges[i - 1].right) {
            return merges[i].rank;
        }
    }
    return count;
}

spur_status bpe_table_new(bpe_merge *merges, size_t count, size_t id_count, bpe_table **out,
                          size_t *duplicate, spur_error *error)
{
    bpe_table *table = NULL;
    spur_status status;
    *duplicate = count;
    if (count > 0) {
        qsort(merges, count, sizeof *merges, compare_merges);
    }
    *duplicate = find_duplicate(merges, count);
    if (*duplicate < count) {
        FAIL(SPUR_MODEL, "a pair stands twice");
    }
    TRY(memory_new_zeroed(1, sizeof *table, &table, error));
    TRY(memory_new_zeroed(id_count + 1, sizeof *table->first, &table->first, error));
    for (size_t i = 0; i < count; i++) {
        table->first[merges[i].left + 1]++;
    }
    for (size_t id = 0; id < id_count; id++) {
        table->first[id + 1] += table->first[id];
    }
    table->merges = merges;
    *out = table;
    table = NULL;
done:
    bpe_table_free(table);
    return status;
}

void bpe_table_free(bpe_table *block)
{
    if (block != NULL) {
        memory_free(block->merges);
        memory_free(block->first);
        memory_free(block);
    }
}

static const bpe_merge *find_merge(const bpe_table *table, int32_t left, int32_t right)
{
    size_t low = table->first[left], high = table->first[left + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->merges[middle].right < right) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == table->first[left + 1] || table->merges[low].right != right) {
        return NULL;
    }
    return &table->merges[low];
}

/* ---- heap of (rank, position), smallest first ---------------------------------------- */

static void heap_push(bpe_scratch *scratch, uint64_t entry)
{
    size_t at = scratch->heap_count++;
    uint64_t *heap = scratch->heap;
    for (; at > 0 && heap[(at - 1) / 2] > entry; at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = entry;
}

static uint64_t heap_pop(bpe_scratch *scratch)
{
    uint64_t *heap = scratch->heap;
    uint64_t top = heap[0], last = heap[--scratch->heap_count];
    size_t at = 0, count = scratch->heap_count;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < count && heap[child + 1] < heap[child]) {
            child++;
        }
        if (child >= count || heap[child] >= last) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* ---- one piece ----------------------------------------------------------------------- */

#define NONE UINT32_MAX /* no symbol */

/* A symbol and the merge its pair with the next one allows. */
typedef struct bpe_symbol {
    const bpe_merge *merge; /* NULL: none, or the symbol is gone */
    uint32_t before, after; /* NONE at the ends */
    int32_t id;
} bpe_symbol;

/* Looks the pair at `at` up and puts its merge, if any, on the heap. */
static void offer_pair(const bpe_table *table, bpe_scratch *scratch, uint32_t at)
{
    bpe_symbol *symbol = &scratch->symbols[at];
    symbol->merge = NULL;
    if (symbol->after == NONE) {
        return;
    }
    symbol->merge = find_merge(table, symbol->id, scratch->symbols[symbol->after].id);
    if (symbol->merge != NULL) {
        heap_push(scratch, (uint64_t)symbol->merge->rank << 32 | at);
    }
}

static spur_status scratch_begin(const bpe_table *table, const int32_t *ids, size_t count,
                                 bpe_scratch *scratch, spur_error *error)
{
    spur_status status;
    /* One entry per pair at first, then at most two per merge, and merges are < count. */
    size_t entries;
    if (count >= NONE || !size_mul(count, 3, &entries)) {
        FAIL(SPUR_USAGE, "a word of %zu bytes is too long", count);
    }
    TRY(memory_grow(&scratch->symbols, &scratch->symbol_capacity, count,
                    sizeof *scratch->symbols, error));
    TRY(memory_grow(&scratch->heap, &scratch->heap_capacity, entries, sizeof *scratch->heap,
                    error));
    scratch->heap_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        scratch->symbols[i] =
            (bpe_symbol){NULL, i == 0 ? NONE : i - 1, is_last ? NONE : i + 1, ids[i]};
    }
    for (uint32_t i = 0; i < count; i++) {
        offer_pair(table, scratch, i);
    }
done:
    return status;
}

/* The symbol at `at` takes in the one behind it. */
static void apply_merge(const bpe_table *table, bpe_scratch *scratch, uint32_t at)
{
    bpe_symbol *symbols = scratch->symbols, *symbol = &symbols[at];
    bpe_symbol *gone = &symbols[symbol->after];
    symbol->id = symbol->merge->result;
    symbol->after = gone->after;
    gone->merge = NULL;
    if (symbol->after != NONE) {
        symbols[symbol->after].before = at;
    }
    offer_pair(table, scratch, at);
    if (symbol->before != NONE) {
        offer_pair(table, scratch, symbol->before);
    }
}

spur_status bpe_merge_piece(const bpe_table *table, int32_t *ids, size_t *count,
                            bpe_scratch *scratch, spur_error *error)
{
    spur_status status;
    if (*count < 2) {
        return SPUR_OK;
    }
    TRY(scratch_begin(table, ids, *count, scratch, error));
    while (scratch->heap_count > 0) {
        uint64_t entry = heap_pop(scratch);
        uint32_t at = (uint32_t)entry;
        const bpe_merge *merge = scratch->symbols[at].merge;
        /* An entry whose pair has changed since is stale: ranks are unique. */
        if (merge != NULL && merge->rank == entry >> 32) {
            apply_merge(table, scratch, at);
        }
    }
    size_t left = 0;
    for (uint32_t at = 0; at != NONE; at = scratch->symbols[at].after) {
        ids[left++] = scratch->symbols[at].id;
    }
    *count = left;
done:
    return status;
}

void bpe_scratch_free(bpe_scratch *block)
{
    memory_free(block->symbols);
    memory_free(block->heap);
    *block = (bpe_scratch){NULL, NULL, 0, 0, 0};
}
