/*
 * test_monitor.c - progress and warnings, with and without somebody who listens.
 */
#include "support.h"

#include <stdio.h>

#include "base/monitor.h"

typedef struct listener {
    spur_progress seen;
    char said[64];
    int answer;
} listener;

static int listen(void *context, const spur_progress *progress)
{
    listener *to = context;
    to->seen = *progress;
    return to->answer;
}

static void hear(void *context, spur_log_level level, const char *message)
{
    listener *to = context;
    assert_int_equal(level, SPUR_LOG_WARNING);
    (void)snprintf(to->said, sizeof to->said, "%s", message);
}

static void test_nobody(void **state)
{
    (void)state;
    const spur_monitor deaf = {NULL, NULL, NULL};
    const spur_progress now = {.stage = "score"};
    spur_error error = {SPUR_OK, ""};
    assert_false(monitor_cancels(NULL, &now));
    assert_false(monitor_cancels(&deaf, &now));
    assert_false(monitor_cancels_after(NULL, &now, 1, 1));
    assert_ok(monitor_show(NULL, &now, &error), error);
    assert_ok(monitor_show(&deaf, &now, &error), error);
    assert_false(monitor_has_log(NULL));
    assert_false(monitor_has_log(&deaf));
    monitor_warn(NULL, "unheard");
    monitor_warn(&deaf, "unheard");
}

static void test_listener(void **state)
{
    (void)state;
    listener to = {.answer = 0};
    const spur_monitor monitor = {&to, listen, hear};
    const spur_progress now = {.stage = "score", .done = 5, .failed = 1, .total = 9};
    spur_error error = {SPUR_OK, ""};
    assert_ok(monitor_show(&monitor, &now, &error), error);
    assert_int_equal(to.seen.done, 5);
    assert_false(monitor_cancels_after(&monitor, &now, 3, 2));
    assert_int_equal(to.seen.done, 8);
    assert_int_equal(to.seen.failed, 3);
    assert_int_equal(to.seen.total, 9);
    assert_string_equal(to.seen.stage, "score");
    assert_true(monitor_has_log(&monitor));
    monitor_warn(&monitor, "heard");
    assert_string_equal(to.said, "heard");
}

/* Any answer but 0 stops the call. */
static void test_cancelled(void **state)
{
    (void)state;
    listener to = {.answer = -1};
    const spur_monitor monitor = {&to, listen, NULL};
    const spur_progress now = {.stage = "score"};
    spur_error error = {SPUR_OK, ""};
    assert_true(monitor_cancels(&monitor, &now));
    assert_true(monitor_cancels_after(&monitor, &now, 0, 0));
    assert_int_equal(monitor_show(&monitor, &now, &error), SPUR_INTERRUPTED);
    assert_string_equal(error.message, "interrupted");
    assert_false(monitor_has_log(&monitor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_listener),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
