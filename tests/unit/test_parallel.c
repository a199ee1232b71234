/*
 * test_parallel.c - every item once, in claimed order, the lowest failure, threads refused.
 */
#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    ITEMS = 1000
};

typedef struct visit_log {
    atomic_int visits[ITEMS];
    atomic_int workers[8];
    atomic_int largest;
    size_t first_bad; /* this item and all above it fail */
} visit_log;

static spur_status visit(void *context, size_t worker, size_t item, spur_error *error)
{
    visit_log *log = context;
    assert_true(item < ITEMS && worker < 8);
    atomic_fetch_add(&log->visits[item], 1);
    /* Two items at a time for one worker would show here. */
    assert_int_equal(atomic_fetch_add(&log->workers[worker], 1), 0);
    if (item % 7 == 0) {
        sched_yield();
    }
    if ((int)item > atomic_load(&log->largest)) {
        atomic_store(&log->largest, (int)item);
    }
    atomic_fetch_sub(&log->workers[worker], 1);
    if (item >= log->first_bad) {
        return error_set(error, SPUR_IMAGE, "item %zu", item);
    }
    return SPUR_OK;
}

static void every_item_runs_once(void **state)
{
    (void)state;
    const size_t threads[] = {0, 1, 2, 3, 8};
    for (size_t i = 0; i < 5; i++) {
        visit_log log = {.first_bad = ITEMS};
        spur_error error = {0};
        assert_ok(parallel_for(threads[i], ITEMS, visit, &log, &error), error);
        for (size_t item = 0; item < ITEMS; item++) {
            assert_int_equal(atomic_load(&log.visits[item]), 1);
        }
        assert_ok(parallel_for(threads[i], 0, visit, &log, &error), error);
    }
}

static void lowest_failure_is_returned(void **state)
{
    (void)state;
    for (size_t i = 0; i < 200; i++) {
        visit_log log = {.first_bad = i};
        spur_error error = {0};
        char expected[32];
        (void)snprintf(expected, sizeof expected, "item %zu", i);
        assert_int_equal(parallel_for(1 + i % 8, ITEMS, visit, &log, &error), SPUR_IMAGE);
        assert_string_equal(error.message, expected);
        for (size_t item = 0; item < i; item++) {
            assert_int_equal(atomic_load(&log.visits[item]), 1);
        }
        /* Each worker can have had at most one further item. */
        assert_true((size_t)atomic_load(&log.largest) <= i + 8);
        assert_int_equal(parallel_for(2, ITEMS, visit, &log, NULL), SPUR_IMAGE);
    }
}

static void memory_may_fail(void **state)
{
    (void)state;
    visit_log log = {.first_bad = ITEMS};
    spur_error error = {0};
    (void)memory_fail_at(1, false);
    assert_int_equal(parallel_for(2, ITEMS, visit, &log, &error), SPUR_RESOURCE);
    assert_int_equal(atomic_load(&log.visits[0]), 0);
}

/* The address space is limited in a child, so that thread stacks cannot be had. Exit codes:
 * 0 as promised, 9 the limit did not bite (a sanitizer needs the room itself). */
static int run_without_threads(void)
{
    struct rlimit none = {1 << 20, 1 << 20};
    static visit_log log = {.first_bad = ITEMS};
    spur_error error = {0};
    if (setrlimit(RLIMIT_AS, &none) != 0) {
        return 9;
    }
    spur_status status = parallel_for(4, ITEMS, visit, &log, &error);
    if (status != SPUR_RESOURCE) {
        return 1;
    }
    if (strcmp(error.message, "thread 2 of 4 cannot be created; use fewer threads") != 0) {
        return 2;
    }
    return atomic_load(&log.visits[0]) == 0 ? 0 : 3;
}

static void threads_may_be_refused(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run_without_threads());
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
}

static void processors_are_counted(void **state)
{
    (void)state;
    assert_true(parallel_processors() >= 1);
    assert_true((long)parallel_processors() <= sysconf(_SC_NPROCESSORS_CONF));
    (void)memory_fail_at(1, true); /* falls back on the number of processors online */
    assert_true(parallel_processors() >= 1);
    (void)memory_fail_at(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: later the C library has stacks of finished threads to give out again. */
        cmocka_unit_test(threads_may_be_refused), cmocka_unit_test(every_item_runs_once),
        cmocka_unit_test(lowest_failure_is_returned), cmocka_unit_test(memory_may_fail),
        cmocka_unit_test(processors_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
