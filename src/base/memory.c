/*
 * memory.c - checked sizes, allocation with a fail-the-nth hook, arena.
 */
#include "base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local size_t fail_countdown;
static _Thread_local bool fail_sticky;
static _Thread_local size_t allocation_count;

bool size_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *out = product;
    return true;
}

bool size_add(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *out = sum;
    return true;
}

size_t memory_fail_at(size_t n, bool sticky)
{
    size_t count = allocation_count;
    allocation_count = 0;
    fail_countdown = n;
    fail_sticky = sticky;
    return count;
}

/* True when the hook wants this allocation to fail. */
static bool must_fail(void)
{
    allocation_count++;
    if (fail_countdown == 0) {
        return false;
    }
    if (fail_countdown > 1) {
        fail_countdown--;
        return false;
    }
    if (!fail_sticky) {
        fail_countdown = 0;
    }
    return true;
}

/* count * size rounded up to whole cache lines, at least one; false on overflow. */
static bool block_size(size_t count, size_t size, size_t *out)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes) || bytes > PTRDIFF_MAX - MEMORY_ALIGNMENT) {
        return false;
    }
    size_t lines = (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT;
    *out = (lines == 0 ? 1 : lines) * MEMORY_ALIGNMENT;
    return true;
}

spur_status memory_new(size_t count, size_t size, void *out, spur_error *error)
{
    size_t bytes;
    if (!block_size(count, size, &bytes)) {
        return error_no_memory(error, SIZE_MAX);
    }
    void *block = must_fail() ? NULL : aligned_alloc(MEMORY_ALIGNMENT, bytes);
    if (block == NULL) {
        return error_no_memory(error, bytes);
    }
    memcpy(out, &block, sizeof block);
    return SPUR_OK;
}

spur_status memory_new_zeroed(size_t count, size_t size, void *out, spur_error *error)
{
    spur_status status = memory_new(count, size, out, error);
    if (status == SPUR_OK) {
        void *block;
        memcpy(&block, out, sizeof block);
        memset(block, 0, count * size);
    }
    return status;
}

spur_status memory_grow(void *block, size_t *capacity, size_t need, size_t size,
                        spur_error *error)
{
    if (need <= *capacity) {
        return SPUR_OK;
    }
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < need) {
        if (!size_mul(wanted, 2, &wanted)) {
            return error_no_memory(error, SIZE_MAX);
        }
    }
    void *old;
    memcpy(&old, block, sizeof old);
    void *grown = NULL;
    spur_status status = memory_new(wanted, size, &grown, error);
    if (status != SPUR_OK) {
        return status;
    }
    assert(grown != NULL);
    if (old != NULL) {
        memcpy(grown, old, *capacity * size);
        memory_free(old);
    }
    memcpy(block, &grown, sizeof grown);
    *capacity = wanted;
    return SPUR_OK;
}

spur_status memory_copy_text(const char *text, size_t length, char **out, spur_error *error)
{
    char *copy = NULL;
    size_t bytes;
    if (!size_add(length, 1, &bytes)) {
        return error_no_memory(error, SIZE_MAX);
    }
    spur_status status = memory_new(bytes, 1, &copy, error);
    if (status == SPUR_OK) {
        assert(copy != NULL);
        memcpy(copy, text, length);
        copy[length] = '\0';
        *out = copy;
    }
    return status;
}

void memory_free(void *block)
{
    free(block);
}

/* ---- arena: a list of chunks, each filled from its front ------------------------------- */

enum {
    ARENA_CHUNK = 64 * 1024
};

typedef struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(16) unsigned char data[];
} arena_chunk;

struct arena {
    arena_chunk *first;
};

spur_status arena_new(arena **out, spur_error *error)
{
    return memory_new_zeroed(1, sizeof(arena), out, error);
}

static spur_status arena_add_chunk(arena *from, size_t bytes, spur_error *error)
{
    size_t size = bytes > ARENA_CHUNK ? bytes : ARENA_CHUNK;
    size_t whole;
    if (!size_add(sizeof(arena_chunk), size, &whole)) {
        return error_no_memory(error, SIZE_MAX);
    }
    arena_chunk *chunk = NULL;
    spur_status status = memory_new(whole, 1, &chunk, error);
    if (status == SPUR_OK) {
        assert(chunk != NULL);
        chunk->next = from->first;
        chunk->used = 0;
        chunk->size = size;
        from->first = chunk;
    }
    return status;
}

spur_status arena_take(arena *from, size_t count, size_t size, void *out, spur_error *error)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes) || bytes > PTRDIFF_MAX - 16) {
        return error_no_memory(error, SIZE_MAX);
    }
    bytes = (bytes + 15) / 16 * 16;
    if (from->first == NULL || from->first->size - from->first->used < bytes) {
        spur_status status = arena_add_chunk(from, bytes, error);
        if (status != SPUR_OK) {
            return status;
        }
    }
    assert(from->first != NULL);
    void *block = from->first->data + from->first->used;
    from->first->used += bytes;
    memcpy(out, &block, sizeof block);
    return SPUR_OK;
}

spur_status arena_text(arena *from, const char *text, size_t length, char **out,
                       spur_error *error)
{
    char *copy = NULL;
    size_t bytes;
    if (!size_add(length, 1, &bytes)) {
        return error_no_memory(error, SIZE_MAX);
    }
    spur_status status = arena_take(from, bytes, 1, &copy, error);
    if (status == SPUR_OK) {
        assert(copy != NULL);
        memcpy(copy, text, length);
        copy[length] = '\0';
        *out = copy;
    }
    return status;
}

void arena_free(arena *block)
{
    if (block == NULL) {
        return;
    }
    for (arena_chunk *chunk = block->first; chunk != NULL;) {
        arena_chunk *next = chunk->next;
        memory_free(chunk);
        chunk = next;
    }
    memory_free(block);
}
