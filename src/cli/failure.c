/*
 * failure.c - error messages of the program, escaped so that a file name cannot steer the
 * terminal they are shown on.
 */
#include "cli/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/escape.h"

spur_status failure_set(spur_error *error, spur_status code, const char *format, ...)
{
    char raw[sizeof error->message];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(raw, sizeof raw, format, values);
    va_end(values);
    if (error != NULL) {
        error->status = code;
        escape_text(raw, strlen(raw), error->message, sizeof error->message);
    }
    return code;
}

spur_status failure_of_images(uint64_t failed, uint64_t allowed, spur_error *error)
{
    if (failed <= allowed) {
        return SPUR_OK;
    }
    error->status = SPUR_IMAGE;
    error->message[0] = '\0';
    return SPUR_IMAGE;
}
