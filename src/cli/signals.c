/*
 * signals.c - stop politely on the first signal, at once on the second.
 *
 * The handler only sets a flag; the progress callback of a long call returns it, the library
 * saves what is finished and returns SPUR_INTERRUPTED.
 */
#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "spur.h"

static volatile sig_atomic_t stop_wanted;

static void ask_to_stop(int number)
{
    (void)number;
    if (stop_wanted) {
        _exit(SPUR_INTERRUPTED);
    }
    stop_wanted = 1;
}

static void handle_unless_ignored(int number)
{
    struct sigaction now, wanted = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN) {
        return;
    }
    (void)sigemptyset(&wanted.sa_mask);
    (void)sigaction(number, &wanted, NULL);
}

void signals_prepare(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

void signals_catch_stop(void)
{
    handle_unless_ignored(SIGINT);
    handle_unless_ignored(SIGTERM);
    handle_unless_ignored(SIGHUP);
}

bool signals_stop_wanted(void)
{
    return stop_wanted != 0;
}
