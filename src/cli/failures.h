/*
 * failures.h - the images that failed, for people: the first 20, then a count.
 */
#ifndef CLI_FAILURES_H
#define CLI_FAILURES_H

#include "cli/terminal.h"

enum {
    FAILURES_SHOWN = 20
};

/* One failed image on standard error; `seen` counts all calls. */
void failures_show(terminal *screen, uint64_t *seen, const char *file_name, const char *reason);
/* The same as a visitor of the library's lists: context is a failure_list. */
typedef struct failure_list {
    terminal *screen;
    uint64_t seen;
} failure_list;
int failures_visit(void *context, const spur_failure *failure);
/* "... and 12 more" when there were more than are shown. */
void failures_end(terminal *screen, uint64_t seen);

#endif
