/*
 * test_feeder.c - items come back in order whatever the threads do; failures and cancellation
 * leave nothing half done.
 */
#include "support.h"

#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/feeder.h"

enum {
    WINDOW = 7
};

typedef struct bench {
    uint64_t slots[WINDOW];
    uint64_t next;          /* expected by finish */
    uint64_t finished;      /* items */
    uint64_t bad_item;      /* fails; UINT64_MAX: none */
    uint64_t refuse_at;     /* finish fails */
    uint64_t cancel_after;  /* finished items until tick cancels */
    uint64_t finished_late; /* out of order, after a cancellation */
    bool is_slow;
    atomic_uint_fast64_t worked, ahead;
} bench;

static void pause_some(uint64_t item)
{
    random_key key = random_key_make(1, "pause");
    struct timespec span = {0, (long)random_below(key, 0, item, 400000)};
    (void)nanosleep(&span, NULL);
}

static spur_status work(void *context, size_t worker, size_t slot, uint64_t item,
                        const atomic_bool *cancelled, spur_error *error)
{
    bench *on = context;
    (void)worker;
    if (on->is_slow) {
        pause_some(item);
    }
    if (atomic_load(cancelled)) {
        return SPUR_INTERRUPTED;
    }
    if (item == on->bad_item || item == on->bad_item + 3) {
        return error_set(error, SPUR_MODEL, "item %llu", (unsigned long long)item);
    }
    on->slots[slot] = item * item;
    atomic_fetch_add(&on->worked, 1);
    return SPUR_OK;
}

static spur_status finish(void *context, uint64_t first, size_t count, spur_error *error)
{
    bench *on = context;
    if (on->refuse_at >= first && on->refuse_at < first + count) {
        return error_set(error, SPUR_RESOURCE, "full");
    }
    if (first != on->next) {
        on->finished_late += count;
    }
    for (uint64_t i = first; i < first + count; i++) {
        assert_true(on->slots[i % WINDOW] == i * i);
    }
    on->next = first + count;
    on->finished += count;
    return SPUR_OK;
}

static bool tick(void *context)
{
    bench *on = context;
    return on->finished >= on->cancel_after;
}

static bench bench_now(void)
{
    return (bench){
        .bad_item = UINT64_MAX - 8, .refuse_at = UINT64_MAX, .cancel_after = UINT64_MAX};
}

static spur_status run(bench *on, size_t threads, uint64_t count, bool any_order,
                       spur_error *error)
{
    feeder_job job = {.threads = threads,
                      .window = WINDOW,
                      .count = count,
                      .context = on,
                      .work = work,
                      .finish = finish,
                      .tick = tick,
                      .any_order = any_order};
    return feeder_run(&job, error);
}

static void keeps_the_order(void **state)
{
    static const size_t threads[] = {1, 2, 3, 8, 20};
    spur_error error;
    (void)state;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        bench on = bench_now();
        on.is_slow = i % 2 == 1;
        assert_ok(run(&on, threads[i], 300, false, &error), error);
        assert_int_equal(on.finished, 300);
        assert_int_equal(on.finished_late, 0);
    }
    bench none = bench_now();
    assert_ok(run(&none, 2, 0, false, &error), error);
}

static void lowest_failure_is_returned(void **state)
{
    spur_error error;
    (void)state;
    for (size_t threads = 1; threads <= 8; threads++) {
        bench on = bench_now();
        on.is_slow = true;
        on.bad_item = 40;
        assert_int_equal(run(&on, threads, 300, true, &error), SPUR_MODEL);
        assert_string_equal(error.message, "item 40");
        assert_int_equal(on.finished, 40); /* all before it, none behind */
    }
}

static void writer_failure_stops(void **state)
{
    spur_error error;
    bench on = bench_now();
    (void)state;
    on.refuse_at = 100;
    assert_int_equal(run(&on, 4, 1000000, true, &error), SPUR_RESOURCE);
    assert_true(on.finished <= 100);
    assert_true(atomic_load(&on.worked) <= 100 + WINDOW);
}

static void cancellation_keeps_what_is_done(void **state)
{
    spur_error error;
    (void)state;
    for (size_t threads = 1; threads <= 5; threads++) {
        bench on = bench_now();
        on.is_slow = true;
        on.cancel_after = 50;
        assert_int_equal(run(&on, threads, 1000000, true, &error), SPUR_INTERRUPTED);
        assert_true(on.finished >= 50 && on.finished <= 50 + 2 * WINDOW);
        assert_int_equal(on.finished, atomic_load(&on.worked)); /* no work is lost */
    }
}

static void failing_allocations_are_clean(void **state)
{
    spur_error error;
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        bench on = bench_now();
        (void)memory_fail_at(n, false);
        assert_int_equal(run(&on, 2, 10, false, &error), SPUR_RESOURCE);
        (void)memory_fail_at(0, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(lowest_failure_is_returned),
        cmocka_unit_test(writer_failure_stops),
        cmocka_unit_test(cancellation_keeps_what_is_done),
        cmocka_unit_test(failing_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
