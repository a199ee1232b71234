/*
 * memory.h - checked sizes, the only allocation calls of the library, and an arena.
 *
 * Sizes from files and users are multiplied and added only through size_mul and size_add.
 * Every allocation can be made to fail on purpose (memory_fail_at) so that tests reach each
 * clean-up path.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Alignment in bytes of everything memory_new and memory_new_zeroed return: a cache line and
 * the widest vector. */
#define MEMORY_ALIGNMENT 64

/* *out = a * b or a + b; false (and *out untouched) when it does not fit. */
bool size_mul(size_t a, size_t b, size_t *out) SPUR_MUST_USE;
bool size_add(size_t a, size_t b, size_t *out) SPUR_MUST_USE;

/* count * size bytes (at least one byte is allocated). *out is a `T **` passed as void *.
 * SPUR_RESOURCE when the product overflows or memory is short. Free with memory_free. */
spur_status memory_new(size_t count, size_t size, void *out, spur_error *error) SPUR_MUST_USE;
spur_status memory_new_zeroed(size_t count, size_t size, void *out,
                              spur_error *error) SPUR_MUST_USE;

/* Grows *block (a `T **` passed as void *, may point to NULL) to hold `need` items of `size`
 * bytes; doubles *capacity until it fits. The block is unharmed on failure. */
spur_status memory_grow(void *block, size_t *capacity, size_t need, size_t size,
                        spur_error *error) SPUR_MUST_USE;

/* A copy of `length` bytes with a terminating NUL. */
spur_status memory_copy_text(const char *text, size_t length, char **out,
                             spur_error *error) SPUR_MUST_USE;

void memory_free(void *block);

/* Makes the n-th allocation from now (1 = the next) and, when `sticky`, all later ones fail;
 * 0 switches the hook off. For tests; affects the calling thread only. Returns how many
 * allocations the thread had made since the last call. */
size_t memory_fail_at(size_t n, bool sticky);

/* Many small things freed together. */
typedef struct arena arena;

spur_status arena_new(arena **out, spur_error *error) SPUR_MUST_USE;
spur_status arena_take(arena *from, size_t count, size_t size, void *out,
                       spur_error *error) SPUR_MUST_USE;
spur_status arena_text(arena *from, const char *text, size_t length, char **out,
                       spur_error *error) SPUR_MUST_USE;
void arena_free(arena *block);

#endif
