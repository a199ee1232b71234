/*
 * terminal.c - messages and progress on standard error.
 *
 * A progress bar is drawn only when standard error is a terminal; a log file gets one line per
 * 30 seconds instead. Times come from the monotonic clock: a clock that is set back must not
 * make the remaining time negative.
 */
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/options.h"
#include "cli/signals.h"

extern char **environ;

static const double BAR_INTERVAL = 0.1, LINE_INTERVAL = 30.0;

double terminal_clock(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void terminal_picture(const terminal *screen, char *path)
{
    char program[] = "chafa", size[] = "--size=80";
    char *words[] = {program, size, path, NULL};
    pid_t child;
    int result;
    if (!screen->has_colour_out) {
        return;
    }
    (void)fflush(stdout);
    if (posix_spawnp(&child, program, NULL, NULL, words, environ) != 0) {
        return; /* not installed */
    }
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
    }
}

bool terminal_reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

static bool colour_is_welcome(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    bool is_refused = no_colour != NULL && no_colour[0] != '\0';
    return !is_refused && kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0;
}

void terminal_start(terminal *screen)
{
    bool is_welcome = colour_is_welcome();
    const char *kind = getenv("TERM");
    bool is_dumb = kind == NULL || strcmp(kind, "dumb") == 0;
    memset(screen, 0, sizeof *screen);
    screen->has_colour_out = is_welcome && isatty(STDOUT_FILENO);
    screen->has_colour_error = is_welcome && isatty(STDERR_FILENO);
    screen->shows_progress = true;
    screen->shows_bar = isatty(STDERR_FILENO) && !is_dumb;
    screen->last_shown = terminal_clock();
}

void terminal_configure(terminal *screen, const struct arguments *line)
{
    static const char *const colours[] = {"auto", "always", "never"};
    const char *colour = argument_text(line, "color");
    if (colour != NULL && strcmp(colour, colours[0]) != 0) {
        screen->has_colour_out = screen->has_colour_error = strcmp(colour, colours[1]) == 0;
    }
    screen->is_quiet = argument_flag(line, "quiet");
    screen->is_verbose = argument_flag(line, "verbose");
    screen->shows_progress = !screen->is_quiet && !argument_flag(line, "no-progress");
}

void terminal_clear(terminal *screen)
{
    if (screen->bar_is_drawn) {
        (void)fputs("\r\033[K", stderr);
        screen->bar_is_drawn = false;
    }
}

static void print_marked(terminal *screen, const char *colour, const char *mark,
                         const char *message)
{
    terminal_clear(screen);
    (void)fflush(stdout);
    if (screen->has_colour_error) {
        (void)fprintf(stderr, "%s%s\033[0m ", colour, mark);
    } else {
        (void)fprintf(stderr, "%s ", mark);
    }
    escape_print(message, stderr);
    (void)fputc('\n', stderr);
}

void terminal_error(terminal *screen, const char *message)
{
    print_marked(screen, "\033[1;31m", "error:", message);
}

void terminal_warn(terminal *screen, const char *format, ...)
{
    char message[2048];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(message, sizeof message, format, values);
    va_end(values);
    print_marked(screen, "\033[1;33m", "warning:", message);
}

void terminal_note(terminal *screen, const char *format, ...)
{
    char message[2048];
    va_list values;
    if (screen->is_quiet) {
        return;
    }
    va_start(values, format);
    (void)vsnprintf(message, sizeof message, format, values);
    va_end(values);
    terminal_clear(screen);
    (void)fflush(stdout);
    escape_print(message, stderr);
    (void)fputc('\n', stderr);
}

void terminal_bold(const terminal *screen, bool is_on)
{
    if (screen->has_colour_out) {
        (void)fputs(is_on ? "\033[1m" : "\033[0m", stdout);
    }
}

void terminal_red(const terminal *screen, bool is_on)
{
    if (screen->has_colour_out) {
        (void)fputs(is_on ? "\033[31m" : "\033[0m", stdout);
    }
}

static void show_progress(terminal *screen, const spur_progress *progress)
{
    char line[PROGRESS_SIZE];
    double now = terminal_clock();
    double rate = progress_rate(&screen->meter, progress, now);
    double interval = screen->shows_bar ? BAR_INTERVAL : LINE_INTERVAL;
    if (!screen->shows_progress || now - screen->last_shown < interval) {
        return;
    }
    screen->last_shown = now;
    progress_format(progress, rate, screen->shows_bar, line);
    if (screen->shows_bar) {
        (void)fprintf(stderr, "\r%s\033[K", line);
        (void)fflush(stderr);
        screen->bar_is_drawn = true;
    } else {
        (void)fprintf(stderr, "%s\n", line);
    }
}

void terminal_hurry(terminal *screen)
{
    screen->last_shown -= LINE_INTERVAL;
}

static int on_progress(void *context, const spur_progress *progress)
{
    show_progress(context, progress);
    return signals_stop_wanted();
}

/* True the first time; what does not fit into the list is always new. */
static bool is_new(terminal *screen, const char *message)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = message; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    }
    for (size_t i = 0; i < screen->told_count; i++) {
        if (screen->told[i] == hash) {
            return false;
        }
    }
    if (screen->told_count < sizeof screen->told / sizeof screen->told[0]) {
        screen->told[screen->told_count++] = hash;
    }
    return true;
}

static void on_log(void *context, spur_log_level level, const char *message)
{
    terminal *screen = context;
    if (level == SPUR_LOG_WARNING && is_new(screen, message)) {
        terminal_warn(screen, "%s", message);
    } else if (level != SPUR_LOG_WARNING) {
        terminal_note(screen, "%s", message);
    }
}

spur_monitor terminal_monitor(terminal *screen)
{
    spur_monitor monitor = {.context = screen, .progress = on_progress, .log = on_log};
    signals_catch_stop();
    memset(&screen->meter, 0, sizeof screen->meter);
    return monitor;
}
