/*
 * terminal.h - everything that goes to the screen besides results: errors, warnings, notes
 * and progress on standard error, and when colour may be used.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/failure.h"
#include "cli/progress.h"

struct arguments;

typedef struct terminal {
    bool has_colour_out, has_colour_error;
    bool is_quiet, is_verbose;
    bool shows_progress, shows_bar;
    bool bar_is_drawn;
    double last_shown; /* monotonic seconds */
    uint64_t told[32]; /* hashes of warnings of the library: each is shown once */
    size_t told_count;
    progress_meter meter;
} terminal;

/* From the environment alone: errors can be shown before options are parsed. */
void terminal_start(terminal *screen);
/* --color, --quiet, --verbose, --no-progress; arguments without these options are fine. */
void terminal_configure(terminal *screen, const struct arguments *line);

/* "error: MESSAGE" */
void terminal_error(terminal *screen, const char *message);
/* "warning: ..." ; escaped. */
void terminal_warn(terminal *screen, const char *format, ...) FORMAT_LIKE(2, 3);
/* A plain line on standard error unless --quiet; escaped. */
void terminal_note(terminal *screen, const char *format, ...) FORMAT_LIKE(2, 3);

/* Bold on standard output where colour is on: begin, print, end. */
void terminal_bold(const terminal *screen, bool is_on);
/* A word of a result in colour ("failed" in red). */
void terminal_red(const terminal *screen, bool is_on);

/* A picture in the terminal itself, where colour is on and the program chafa is installed;
 * started without a shell. Else nothing. */
void terminal_picture(const terminal *screen, char *path);

/* Callbacks that show progress and messages and turn a signal into a cancellation. */
spur_monitor terminal_monitor(terminal *screen);
/* A step is done: outside a terminal, too, the next report is shown whenever it comes. */
void terminal_hurry(terminal *screen);
/* Removes the bar. */
void terminal_clear(terminal *screen);

/* True when nobody reads standard output any more: a pipe whose reader has ended. */
bool terminal_reader_is_gone(void);

/* Monotonic seconds. */
double terminal_clock(void);

#endif
