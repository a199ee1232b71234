/*
 * support.h - what every test program shares: cmocka, paths, the tally of golden cases.
 */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spur.h"

/* Fails the test with the error's message unless the call returned SPUR_OK. */
#define assert_ok(call, error)                                                                 \
    do {                                                                                       \
        spur_status assert_ok_status = (call);                                                 \
        if (assert_ok_status != SPUR_OK) {                                                     \
            fail_msg("status %d: %s", (int)assert_ok_status, (error).message);                 \
        }                                                                                      \
    } while (0)

/* Path of a file below the reference data; the text lives until the next four calls. Skips
 * the test (cmocka's skip) when the reference folder is absent. */
const char *shared_path(const char *name);
/* Path of a file below tests/data. */
const char *data_path(const char *name);
/* A fresh empty folder for this test, removed by temp_remove. */
const char *temp_make(void);
void temp_remove(void);
/* Set-up and teardown of a test with such a folder, whose path is its state. */
int temp_setup(void **state);
int temp_teardown(void **state);
/* "FOLDER/name" of that state; lives until the 64th call from now. */
const char *temp_in(void *state, const char *name);

/* Counts of one golden set; prints "golden NAME: N cases, N passed, N by decision, N failed".
 * `by_decision`: differs from the reference on purpose, documented in docs/models.md. */
typedef struct golden_tally {
    const char *name;
    size_t cases, passed, by_decision, failed;
} golden_tally;
void golden_print(const golden_tally *tally);

#endif
