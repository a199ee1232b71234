/*
 * error.c - filling a spur_error: formatted, escaped, cut at a character boundary.
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* error.h stands in for these when the analyzer reads other files. */
#undef error_set
#undef error_no_memory

static void message_store(spur_error *error, const char *raw)
{
    text_escape(raw, strlen(raw), error->message, sizeof error->message);
}

spur_status error_set(spur_error *error, spur_status code, const char *format, ...)
{
    if (error != NULL) {
        char raw[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(raw, sizeof raw, format, arguments);
        va_end(arguments);
        error->status = code;
        message_store(error, raw);
    }
    return code;
}

void error_prefix(spur_error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    char raw[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    char prefix[sizeof error->message];
    if (length < 0) {
        return;
    }
    text_escape(raw, strlen(raw), prefix, sizeof prefix);
    char message[sizeof error->message];
    memcpy(message, error->message, sizeof message);
    size_t used = strlen(prefix);
    if (used + 2 < sizeof error->message) {
        memcpy(error->message, prefix, used);
        memcpy(error->message + used, ": ", 2);
        text_copy(message, error->message + used + 2, sizeof error->message - used - 2);
    }
}

spur_status error_no_memory(spur_error *error, size_t bytes)
{
    return error_set(error, SPUR_RESOURCE, "out of memory: %zu bytes could not be allocated",
                     bytes);
}
