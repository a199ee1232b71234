/*
 * test_escape.c - hostile names on the screen, in columns and in a shell.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"

static void assert_escaped(const char *text, size_t length, const char *expected)
{
    char shown[256];
    escape_text(text, length, shown, sizeof shown);
    assert_string_equal(shown, expected);
}

static void test_escape(void **state)
{
    (void)state;
    assert_escaped("plain name.jpg", 14, "plain name.jpg");
    assert_escaped("a\x1b]0;x\x07", 7, "a\\x1b]0;x\\x07");
    assert_escaped("a\0b", 3, "a\\x00b");
    assert_escaped("\x7f\t\n", 3, "\\x7f\\x09\\x0a");
    assert_escaped("\xc2\x9b", 2, "\\x9b"); /* C1 CSI as UTF-8 */
    assert_escaped("\xff\xc3", 2, "\\xff\\xc3");
    assert_escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
    /* NOLINTNEXTLINE(misc-misleading-bidirectional) */
    assert_escaped("\xe2\x80\xae", 3, "\\u{202e}");
    /* NOLINTNEXTLINE(misc-misleading-bidirectional) */
    assert_escaped("\xe2\x81\xa6", 3, "\\u{2066}");
    assert_escaped("\xe2\x80\xa8", 3, "\\u{2028}");
    assert_escaped("\xd8\x9c", 2, "\\u{061c}");
    assert_escaped("\xc3\xa9\xf0\x9f\x98\x80", 6, "\xc3\xa9\xf0\x9f\x98\x80");
}

static void test_escape_cuts(void **state)
{
    char small[4];
    (void)state;
    escape_text("ab\xc3\xa9", 4, small, sizeof small); /* 2 + 2 bytes do not fit in 3 */
    assert_string_equal(small, "ab");
    escape_text("\x01", 1, small, sizeof small);
    assert_string_equal(small, "");
}

static void assert_fit(const char *text, size_t columns, const char *expected)
{
    char cell[256];
    escape_fit(text, columns, cell, sizeof cell);
    assert_string_equal(cell, expected);
    assert_int_equal(escape_columns(cell), columns);
}

static void test_fit(void **state)
{
    (void)state;
    assert_fit("cat", 5, "cat  ");
    assert_fit("cat", 3, "cat");
    assert_fit("category", 6, "cat...");
    assert_fit("category", 2, "..");
    assert_fit("", 3, "   ");
    assert_fit("\xe7\x8c\xab\xe7\x8c\xab", 5, "\xe7\x8c\xab\xe7\x8c\xab "); /* wide */
    assert_fit("\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab", 5, "\xe7\x8c\xab...");
    assert_fit("a\x1b", 8, "a\\x1b   ");
}

static void test_fit_stays_inside(void **state)
{
    char name[1001];
    char cell[4 * 8 + ESCAPE_SIZE];
    (void)state;
    /* A thousand combining marks take no columns: the buffer must bound them. */
    for (size_t i = 0; i < 500; i++) {
        memcpy(name + 2 * i, "\xcc\x81", 2);
    }
    name[1000] = '\0';
    escape_fit(name, 8, cell, sizeof cell);
    assert_true(strlen(cell) < sizeof cell);
}

static void assert_shell(const char *word, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    escape_shell(word, to);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void test_shell(void **state)
{
    (void)state;
    assert_shell("run-1/a.csv", "run-1/a.csv");
    assert_shell("", "''");
    assert_shell("my photos", "'my photos'");
    assert_shell("it's", "'it'\\''s'");
    assert_shell("$(rm -r x)", "'$(rm -r x)'");
    assert_shell("a\x1b'", "$'a\\033\\''");
    assert_shell("\xff", "$'\\377'");
    assert_shell("\xc3\xa9", "'\xc3\xa9'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape), cmocka_unit_test(test_escape_cuts),
        cmocka_unit_test(test_fit),    cmocka_unit_test(test_fit_stays_inside),
        cmocka_unit_test(test_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
