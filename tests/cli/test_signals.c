/*
 * test_signals.c - the first signal asks, the second stops, an ignored one stays ignored.
 */
#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/signals.h"

/* The exit code of a child that runs `act`; 128 + N when a signal killed it. */
static int child_code(int (*act)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(act());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int take_one(void)
{
    signals_catch_stop();
    if (signals_stop_wanted()) {
        return 1;
    }
    (void)raise(SIGTERM);
    return signals_stop_wanted() ? 0 : 2;
}

static int take_two(void)
{
    signals_catch_stop();
    (void)raise(SIGINT);
    (void)raise(SIGHUP);
    return 1; /* not reached */
}

static int keep_ignored(void)
{
    (void)signal(SIGHUP, SIG_IGN); /* as nohup does */
    signals_catch_stop();
    (void)raise(SIGHUP);
    return signals_stop_wanted() ? 1 : 0;
}

static int write_without_reader(void)
{
    int ends[2];
    signals_prepare();
    if (pipe(ends) != 0 || close(ends[0]) != 0) {
        return 1;
    }
    return write(ends[1], "x", 1) == -1 ? 0 : 2;
}

static void test_signals(void **state)
{
    (void)state;
    assert_int_equal(child_code(take_one), 0);
    assert_int_equal(child_code(take_two), SPUR_INTERRUPTED);
    assert_int_equal(child_code(keep_ignored), 0);
    assert_int_equal(child_code(write_without_reader), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
