/*
 * test_error.c - messages: formatted, escaped, cut at a character, prefixed; TRY and FAIL.
 */
#include "support.h"

#include <string.h>

#include "base/error.h"

static void messages_are_set(void **state)
{
    (void)state;
    spur_error error = {0};
    assert_int_equal(error_set(&error, SPUR_MODEL, "tensor %d: %s", 3, "bad"), SPUR_MODEL);
    assert_int_equal(error.status, SPUR_MODEL);
    assert_string_equal(error.message, "tensor 3: bad");
    assert_int_equal(error_set(NULL, SPUR_IMAGE, "nobody listens"), SPUR_IMAGE);
    assert_int_equal(error_no_memory(&error, 77), SPUR_RESOURCE);
    assert_string_equal(error.message, "out of memory: 77 bytes could not be allocated");
}

static void messages_are_escaped(void **state)
{
    (void)state;
    spur_error error = {0};
    (void)!error_set(&error, SPUR_IMAGE, "%s: empty", "a\n\x1B[2J\xFF\xE2\x80\xAE.jpg");
    assert_string_equal(error.message, "a\\x0a\\x1b[2J\\xff\\u{202e}.jpg: empty");
}

static void long_messages_are_cut_at_a_character(void **state)
{
    (void)state;
    spur_error error = {0};
    char text[2000];
    for (size_t shift = 0; shift < 3; shift++) { /* one of them splits a character */
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 4);
        }
        (void)!error_set(&error, SPUR_IMAGE, "%s", text);
        size_t length = strlen(error.message);
        assert_true(length > sizeof error.message - 4 && length < sizeof error.message);
        assert_null(strchr(error.message, '\\'));
    }
}

static void prefixes_go_in_front(void **state)
{
    (void)state;
    spur_error error = {0};
    (void)!error_set(&error, SPUR_DATASET, "no such file");
    error_prefix(&error, "%s/%s", "folder", "na\tme");
    assert_string_equal(error.message, "folder/na\\x09me: no such file");
    assert_int_equal(error.status, SPUR_DATASET);
    error_prefix(NULL, "nobody listens");
    char text[2000];
    memset(text, 'p', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_prefix(&error, "%s", text); /* no room: the message stays as it is */
    assert_string_equal(error.message, "folder/na\\x09me: no such file");
    text[900] = '\0';
    (void)!error_set(&error, SPUR_DATASET, "%.*s", 500, text);
    error_prefix(&error, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_memory_equal(error.message + 899, "p: p", 4);
}

static spur_status try_and_fail(spur_status first, bool fails, int *reached, spur_error *error)
{
    spur_status status;
    *reached = 0;
    TRY(first);
    *reached = 1;
    if (fails) {
        FAIL(SPUR_USAGE, "number %d", 5);
    }
    *reached = 2;
done:
    return status;
}

static void try_and_fail_leave(void **state)
{
    (void)state;
    spur_error error = {0};
    int reached;
    assert_int_equal(try_and_fail(SPUR_IMAGE, true, &reached, &error), SPUR_IMAGE);
    assert_int_equal(reached, 0);
    assert_int_equal(try_and_fail(SPUR_OK, true, &reached, &error), SPUR_USAGE);
    assert_int_equal(reached, 1);
    assert_string_equal(error.message, "number 5");
    assert_int_equal(try_and_fail(SPUR_OK, false, &reached, &error), SPUR_OK);
    assert_int_equal(reached, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_set), cmocka_unit_test(messages_are_escaped),
        cmocka_unit_test(long_messages_are_cut_at_a_character),
        cmocka_unit_test(prefixes_go_in_front), cmocka_unit_test(try_and_fail_leave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
