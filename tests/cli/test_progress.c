/*
 * test_progress.c - the progress line: numbers, width, time.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "cli/progress.h"

static void assert_time(double seconds, const char *expected)
{
    char text[32];
    progress_time(seconds, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_time(void **state)
{
    (void)state;
    assert_time(0.0, "0:00");
    assert_time(0.2, "0:01"); /* never a promise that is too short */
    assert_time(65.0, "1:05");
    assert_time(3600.0, "1:00:00");
    assert_time(172800.0 + 3660.0, "2d 01:01");
    assert_time(-1.0, "--:--");
    assert_time((double)NAN, "--:--");
    assert_time((double)INFINITY, "--:--");
}

static void test_rate(void **state)
{
    progress_meter meter = {0};
    spur_progress progress = {.stage = "score", .done = 100, .total = 1000};
    (void)state;
    /* What was done before the first report does not count. */
    assert_true(progress_rate(&meter, &progress, 10.0) == 0.0);
    progress.done = 120;
    assert_true(progress_rate(&meter, &progress, 20.0) == 2.0);
    assert_true(progress_rate(&meter, &progress, 10.0) == 0.0);
    progress.done = 50;
    assert_true(progress_rate(&meter, &progress, 30.0) == 0.0);
}

static void assert_line(const spur_progress *progress, double rate, bool has_bar,
                        const char *expected)
{
    char line[PROGRESS_SIZE];
    progress_format(progress, rate, has_bar, line);
    assert_string_equal(line, expected);
}

static void test_line(void **state)
{
    spur_progress progress = {.stage = "score", .done = 412, .failed = 2, .total = 1000};
    (void)state;
    assert_line(&progress, 12.25, false,
                "score  41% 412/1000  12.2 images/s  ETA 0:48  2 failed");
    assert_line(
        &progress, 12.25, true,
        "score [#########.............]  41% 412/1000  12.2 images/s  ETA 0:48  2 failed");
    progress.failed = 0;
    progress.done = 0;
    assert_line(&progress, 0.0, false, "score   0% 0/1000  0 images/s  ETA --:--");
    assert_line(&progress, 4321.4, false, "score   0% 0/1000  4321 images/s  ETA 0:01");
    progress.done = progress.total = 0;
    assert_line(&progress, 0.0, false, "score   0% 0/0  0 images/s  ETA --:--");
    progress.done = 12; /* more than the total: no overflow, no negative time */
    assert_line(&progress, 1.0, false, "score   0% 12/0  1.00 images/s  ETA --:--");
}

static void test_width(void **state)
{
    spur_progress progress = {.stage = "a stage with a very long name indeed it is",
                              .done = UINT64_MAX - 1,
                              .failed = UINT64_MAX,
                              .total = UINT64_MAX};
    char line[PROGRESS_SIZE];
    (void)state;
    for (int bar = 0; bar < 2; bar++) {
        progress_format(&progress, 1e-300, bar != 0, line);
        assert_true(strlen(line) < PROGRESS_COLUMNS);
        progress.stage = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
