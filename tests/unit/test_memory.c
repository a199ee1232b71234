/*
 * test_memory.c - overflow, alignment, growth, the fail-the-nth hook, the arena.
 */
#include "support.h"

#include <string.h>

#include "base/memory.h"

static void sizes_do_not_wrap(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(size_mul(0, SIZE_MAX, &out) && out == 0);
    assert_true(size_mul(1, SIZE_MAX, &out) && out == SIZE_MAX);
    assert_true(size_mul(3, 5, &out) && out == 15);
    assert_false(size_mul(2, SIZE_MAX / 2 + 1, &out));
    assert_false(size_mul(SIZE_MAX, SIZE_MAX, &out));
    assert_int_equal(out, 15);
    assert_true(size_add(SIZE_MAX, 0, &out) && out == SIZE_MAX);
    assert_true(size_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, SIZE_MAX);
}

static void blocks_are_aligned(void **state)
{
    (void)state;
    spur_error error = {0};
    const size_t counts[] = {0, 1, 63, 64, 65, 1000};
    for (size_t i = 0; i < 6; i++) {
        unsigned char *block = NULL;
        assert_ok(memory_new(counts[i], 1, &block, &error), error);
        assert_int_equal((uintptr_t)block % MEMORY_ALIGNMENT, 0);
        memset(block, 1, counts[i]);
        memory_free(block);
        assert_ok(memory_new_zeroed(counts[i], 3, &block, &error), error);
        for (size_t j = 0; j < 3 * counts[i]; j++) {
            assert_int_equal(block[j], 0);
        }
        memory_free(block);
    }
    memory_free(NULL);
}

static void impossible_sizes_fail(void **state)
{
    (void)state;
    spur_error error = {0};
    void *block = NULL;
    const size_t counts[] = {SIZE_MAX, SIZE_MAX / 8 + 1, PTRDIFF_MAX, PTRDIFF_MAX / 8 + 1};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(memory_new(counts[i], 8, &block, &error), SPUR_RESOURCE);
        assert_int_equal(memory_new_zeroed(counts[i], 8, &block, &error), SPUR_RESOURCE);
        assert_null(block);
    }
    assert_int_equal(error.status, SPUR_RESOURCE);
    assert_true(strncmp(error.message, "out of memory: ", 15) == 0);
    char *text = NULL;
    assert_int_equal(memory_copy_text("a", SIZE_MAX, &text, &error), SPUR_RESOURCE);
    assert_int_equal(memory_copy_text("a", PTRDIFF_MAX, &text, &error), SPUR_RESOURCE);
    assert_null(text);
}

static void growing_keeps_the_content(void **state)
{
    (void)state;
    spur_error error = {0};
    int *numbers = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        assert_ok(memory_grow(&numbers, &capacity, (size_t)i + 1, sizeof *numbers, &error),
                  error);
        numbers[i] = i;
    }
    assert_int_equal(capacity, 1024);
    int *before = numbers;
    assert_int_equal(memory_grow(&numbers, &capacity, SIZE_MAX, sizeof *numbers, &error),
                     SPUR_RESOURCE);
    assert_int_equal(memory_grow(&numbers, &capacity, SIZE_MAX / 4, sizeof *numbers, &error),
                     SPUR_RESOURCE);
    (void)memory_fail_at(1, false);
    assert_int_equal(memory_grow(&numbers, &capacity, 1025, sizeof *numbers, &error),
                     SPUR_RESOURCE);
    assert_ptr_equal(numbers, before);
    assert_int_equal(capacity, 1024);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(numbers[i], i);
    }
    memory_free(numbers);
}

static void the_nth_allocation_fails(void **state)
{
    (void)state;
    void *blocks[6] = {NULL};
    (void)memory_fail_at(3, false);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(memory_new(1, 1, &blocks[i], NULL), i == 2 ? SPUR_RESOURCE : SPUR_OK);
        memory_free(blocks[i]);
        blocks[i] = NULL;
    }
    assert_int_equal(memory_fail_at(3, true), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(memory_new(1, 1, &blocks[i], NULL), i >= 2 ? SPUR_RESOURCE : SPUR_OK);
        memory_free(blocks[i]);
    }
    assert_int_equal(memory_fail_at(0, false), 6);
    assert_int_equal(memory_fail_at(0, false), 0);
}

static void copies_end_with_nul(void **state)
{
    (void)state;
    spur_error error = {0};
    char *text = NULL;
    assert_ok(memory_copy_text("abcdef", 3, &text, &error), error);
    assert_string_equal(text, "abc");
    memory_free(text);
    assert_ok(memory_copy_text("", 0, &text, &error), error);
    assert_string_equal(text, "");
    memory_free(text);
}

static void the_arena_holds_many_things(void **state)
{
    (void)state;
    spur_error error = {0};
    arena *store = NULL;
    char *texts[3000];
    assert_ok(arena_new(&store, &error), error);
    for (size_t i = 0; i < 3000; i++) {
        unsigned char *block = NULL;
        assert_ok(arena_take(store, i % 50, 2, &block, &error), error);
        assert_int_equal((uintptr_t)block % 16, 0);
        memset(block, 0xFF, i % 50 * 2);
        assert_ok(arena_text(store, "text of the arena", i % 17, &texts[i], &error), error);
    }
    for (size_t i = 0; i < 3000; i++) {
        assert_int_equal(strlen(texts[i]), i % 17);
        assert_memory_equal(texts[i], "text of the arena", i % 17);
    }
    unsigned char *large = NULL;
    assert_ok(arena_take(store, 1 << 20, 1, &large, &error), error);
    memset(large, 1, 1 << 20);
    assert_int_equal(arena_take(store, SIZE_MAX, 2, &large, &error), SPUR_RESOURCE);
    assert_int_equal(arena_take(store, SIZE_MAX, 1, &large, &error), SPUR_RESOURCE);
    assert_int_equal(arena_take(store, PTRDIFF_MAX - 64, 1, &large, &error), SPUR_RESOURCE);
    char *text = NULL;
    assert_int_equal(arena_text(store, "a", SIZE_MAX, &text, &error), SPUR_RESOURCE);
    assert_int_equal(arena_text(store, "a", PTRDIFF_MAX, &text, &error), SPUR_RESOURCE);
    (void)memory_fail_at(1, false);
    assert_int_equal(arena_take(store, 1 << 20, 1, &large, &error), SPUR_RESOURCE);
    arena_free(store);
    arena_free(NULL);
    (void)memory_fail_at(1, false);
    assert_int_equal(arena_new(&store, &error), SPUR_RESOURCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes_do_not_wrap),
                                       cmocka_unit_test(blocks_are_aligned),
                                       cmocka_unit_test(impossible_sizes_fail),
                                       cmocka_unit_test(growing_keeps_the_content),
                                       cmocka_unit_test(the_nth_allocation_fails),
                                       cmocka_unit_test(copies_end_with_nul),
                                       cmocka_unit_test(the_arena_holds_many_things)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
