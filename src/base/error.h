/*
 * error.h - the one error convention, from the lowest function to main.
 *
 * A function that can fail returns spur_status and fills *error (which may be NULL). Inside,
 * it has locals `spur_status status` and `spur_error *error`, calls with TRY, fails with FAIL
 * and leaves through the one label `done:`.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

#include "spur.h"

#if defined(__GNUC__)
#define PRINTF_LIKE(text, rest) __attribute__((format(printf, text, rest)))
#else
#define PRINTF_LIKE(text, rest)
#endif

/* Runs a call that returns spur_status; leaves through `done:` unless it is SPUR_OK. */
#define TRY(call)                                                                              \
    do {                                                                                       \
        status = (call);                                                                       \
        if (status != SPUR_OK) {                                                               \
            goto done;                                                                         \
        }                                                                                      \
    } while (0)

/* Sets status and message and leaves through `done:`. */
#define FAIL(code, ...)                                                                        \
    do {                                                                                       \
        status = error_set(error, (code), __VA_ARGS__);                                        \
        goto done;                                                                             \
    } while (0)

/* Fills *error and returns code. Control characters and bytes that are not UTF-8 are escaped
 * (\xNN) in the finished message, so file names may be passed as they are. */
spur_status error_set(spur_error *error, spur_status code, const char *format, ...)
    PRINTF_LIKE(3, 4) SPUR_MUST_USE;

/* Puts "prefix: " before the message: a caller adds what only it knows. */
void error_prefix(spur_error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* error_set for a failed allocation of `bytes` bytes. */
spur_status error_no_memory(spur_error *error, size_t bytes) SPUR_MUST_USE;

#if defined(__clang_analyzer__)
/* The analyzer cannot see into error.c: a failure never returns SPUR_OK. */
void error_seen(spur_error *error, ...);
#define error_set(error, code, ...) (error_seen((error), __VA_ARGS__), (code))
#define error_no_memory(error, bytes) (error_seen((error), (bytes)), SPUR_RESOURCE)
#endif

#endif
