/*
 * failure.h - the error convention of the program: as in the library, a status is returned,
 * the message is in a spur_error, and the way out is `done:`.
 */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include "spur.h"

#define TRY(call)                                                                              \
    do {                                                                                       \
        status = (call);                                                                       \
        if (status != SPUR_OK) {                                                               \
            goto done;                                                                         \
        }                                                                                      \
    } while (0)

#define FAIL(code, ...)                                                                        \
    do {                                                                                       \
        status = failure_set(error, (code), __VA_ARGS__);                                      \
        goto done;                                                                             \
    } while (0)

#if defined(__GNUC__)
#define FORMAT_LIKE(text, rest) __attribute__((format(printf, text, rest)))
#else
#define FORMAT_LIKE(text, rest)
#endif

/* Fills *error with an escaped line and returns code. */
spur_status failure_set(spur_error *error, spur_status code, const char *format, ...)
    FORMAT_LIKE(3, 4) SPUR_MUST_USE;

/* failure_set for memory that could not be had; plain to see that it never returns SPUR_OK. */
SPUR_MUST_USE static inline spur_status failure_no_memory(spur_error *error)
{
    spur_status status = failure_set(error, SPUR_RESOURCE, "out of memory");
    return status == SPUR_OK ? SPUR_INTERNAL : status;
}

/* The status of a command that has listed its failed images itself: SPUR_OK when there are at
 * most `allowed`, else SPUR_IMAGE with an empty message. */
spur_status failure_of_images(uint64_t failed, uint64_t allowed,
                              spur_error *error) SPUR_MUST_USE;

#endif
