/*
 * bpe.h - byte-pair merging: the table of merges and the merging of one piece.
 *
 * The pair of lowest rank is merged first, the leftmost of equals; a heap and linked symbols
 * make that n log n for a piece of n bytes.
 */
#ifndef MODELS_BPE_H
#define MODELS_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The pair (left, right) becomes `result`. */
typedef struct bpe_merge {
    int32_t left, right, result;
    uint32_t rank; /* 0 is merged first */
} bpe_merge;

typedef struct bpe_table bpe_table;

/* Takes ownership of `merges` on success. Ids are 0 .. id_count - 1, ranks 0 .. count - 1.
 * When a pair stands twice: SPUR_MODEL, and *duplicate (count on other failures) is the
 * higher of the two ranks. */
spur_status bpe_table_new(bpe_merge *merges, size_t count, size_t id_count, bpe_table **out,
                          size_t *duplicate, spur_error *error) SPUR_MUST_USE;
void bpe_table_free(bpe_table *block);

/* Scratch of one thread, reused from piece to piece; zero-initialise. */
typedef struct bpe_scratch {
    struct bpe_symbol *symbols;
    uint64_t *heap;
    size_t symbol_capacity, heap_capacity, heap_count;
} bpe_scratch;

void bpe_scratch_free(bpe_scratch *block);

/* Merges ids[0 .. *count) in place; *count shrinks to what is left. */
spur_status bpe_merge_piece(const bpe_table *table, int32_t *ids, size_t *count,
                            bpe_scratch *scratch, spur_error *error) SPUR_MUST_USE;

#endif
