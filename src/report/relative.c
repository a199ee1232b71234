/*
 * relative.c - the way from one folder to another, by whole components.
 */
#include "report/relative.h"

#include <string.h>

/* Bytes of the folders that both absolute paths begin with, without a slash at the end. */
static size_t common_length(const char *a, const char *b)
{
    size_t common = 0;
    for (size_t i = 0;; i++) {
        bool ends_a = a[i] == '\0' || a[i] == '/';
        bool ends_b = b[i] == '\0' || b[i] == '/';
        if (ends_a && ends_b) {
            common = i;
        }
        if (a[i] != b[i] || a[i] == '\0') {
            return common;
        }
    }
}

/* The root folder alone is an empty text here. */
spur_status relative_path(const char *from, const char *to, text_buffer *into,
                          spur_error *error)
{
    spur_status status = SPUR_OK;
    from = strcmp(from, "/") == 0 ? "" : from;
    to = strcmp(to, "/") == 0 ? "" : to;
    size_t common = common_length(from, to);
    into->length = 0;
    for (const char *at = from + common; *at != '\0'; at++) {
        TRY(*at == '/' ? text_add(into, "../", 3, error) : SPUR_OK);
    }
    if (to[common] != '\0') {
        TRY(text_format(into, error, "%s/", to + common + 1));
    }
done:
    return status;
}
