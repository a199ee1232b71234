/*
 * failures.c - the images that failed, for people: the first 20, then a count.
 */
#include "cli/failures.h"

#include "cli/escape.h"

void failures_show(terminal *screen, uint64_t *seen, const char *file_name, const char *reason)
{
    *seen += 1;
    if (*seen > FAILURES_SHOWN) {
        return;
    }
    terminal_clear(screen);
    (void)fflush(stdout);
    (void)fputs("failed: ", stderr);
    escape_print(file_name, stderr);
    (void)fputs(": ", stderr);
    escape_print(reason == NULL ? "unknown reason" : reason, stderr);
    (void)fputc('\n', stderr);
}

int failures_visit(void *context, const spur_failure *failure)
{
    failure_list *list = context;
    failures_show(list->screen, &list->seen, failure->file_name, failure->reason);
    return 0;
}

void failures_end(terminal *screen, uint64_t seen)
{
    terminal_clear(screen);
    if (seen > FAILURES_SHOWN) {
        (void)fprintf(stderr, "... and %llu more failed\n",
                      (unsigned long long)(seen - FAILURES_SHOWN));
    }
}
