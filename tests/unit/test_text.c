/*
 * test_text.c - UTF-8 borders, escapes, numbers in foreign locales, distances, base64, buffers.
 */
#include "support.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void copy_cuts_at_characters(void **state)
{
    (void)state;
    char dst[16];
    memset(dst, 'x', sizeof dst);
    text_copy("abc", dst, 4);
    assert_string_equal(dst, "abc");
    text_copy("abcd", dst, 4);
    assert_string_equal(dst, "abc");
    text_copy("ab\xC3\xA9", dst, 4);
    assert_string_equal(dst, "ab");
    text_copy("a\xF0\x9F\x98\x80", dst, 5);
    assert_string_equal(dst, "a");
    text_copy("a\xF0\x9F\x98\x80", dst, 6);
    assert_string_equal(dst, "a\xF0\x9F\x98\x80");
    text_copy("\x80\x80\x80\x80\x80\x80\x80\x80", dst, 6);
    assert_int_equal(strlen(dst), 2);
    text_copy("abc", dst, 1);
    assert_string_equal(dst, "");
    dst[0] = 'k';
    text_copy("abc", dst, 0);
    assert_int_equal(dst[0], 'k');
}

static void utf8_is_strict(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abc",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\xAF",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2g",
                                      "\xE0\x80\xAF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xE2\x82",
                                      "\xE2\x82g",
                                      "\xF0\x80\x80\xAF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xF0\x9F\x98",
                                      "\xFE",
                                      "\xFF",
                                      "ab\xFF"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (text_is_utf8(bad[i], strlen(bad[i]))) {
            fail_msg("bad[%zu] taken for UTF-8", i);
        }
    }
    assert_true(text_is_utf8("a\0b", 3));
}

static void next_moves_on(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xFF\xF0\x9F\x98\x80\xC3";
    const uint32_t expected[] = {'a', 0xE9, UINT32_MAX, 0x1F600, UINT32_MAX};
    const size_t behind[] = {1, 3, 4, 8, 9};
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(text_next(text, 9, &at), expected[i]);
        assert_int_equal(at, behind[i]);
    }
}

static void check_escape(const char *text, size_t length, const char *expected)
{
    char dst[128];
    text_escape(text, length, dst, sizeof dst);
    assert_string_equal(dst, expected);
}

static void escape_is_safe(void **state)
{
    (void)state;
    check_escape("plain \xC3\xA9 \xF0\x9F\x98\x80", 13, "plain \xC3\xA9 \xF0\x9F\x98\x80");
    check_escape("\x1B]0;t\x07\n\t\x7F", 9, "\\x1b]0;t\\x07\\x0a\\x09\\x7f");
    check_escape("a\0b", 3, "a\\x00b");
    check_escape("\xC2\x85\xC2\x9F\xC2\xA0", 6, "\\xc2\\x85\\xc2\\x9f\xC2\xA0");
    check_escape("\xFF\xC3", 2, "\\xff\\xc3");
    check_escape("\xE2\x80\xAE\xE2\x80\xA8\xE2\x81\xA6\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F", 17,
                 "\\u{202e}\\u{2028}\\u{2066}\\u{61c}\\u{200e}\\u{200f}");
    check_escape("\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA", 12,
                 "\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA");
    char dst[8] = "kkkkkkk";
    text_escape("abc\n", 4, dst, 7);
    assert_string_equal(dst, "abc"); /* the escape would not fit whole */
    text_escape("abc\n", 4, dst, 8);
    assert_string_equal(dst, "abc\\x0a");
    text_escape("abc", 3, dst, 1);
    assert_string_equal(dst, "");
    dst[0] = 'k';
    text_escape("abc", 3, dst, 0);
    assert_int_equal(dst[0], 'k');
}

static void distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("abc", "abc"), 0);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("--theads", "--threads"), 1);
    assert_int_equal(text_distance("socre", "score"), 1);
    assert_int_equal(text_distance("ca", "abc"), 3); /* no edit inside a swapped pair */
    char word[200];
    memset(word, 'a', sizeof word - 1);
    word[127] = '\0';
    assert_int_equal(text_distance(word, "a"), 126);
    word[127] = 'a';
    word[128] = '\0';
    assert_int_equal(text_distance(word, "a"), 128);
    assert_int_equal(text_distance("a", word), 128);
}

static void compare_is_bytewise(void **state)
{
    (void)state;
    assert_int_equal(text_compare("abc", 3, "abc", 3), 0);
    assert_true(text_compare("ab", 2, "abc", 3) < 0);
    assert_true(text_compare("abc", 3, "ab", 2) > 0);
    assert_true(text_compare("b", 1, "abc", 3) > 0);
    assert_true(text_compare("Z", 1, "a", 1) < 0);
    assert_true(text_compare("\xFF", 1, "a", 1) > 0);
    assert_true(text_compare("a\0b", 3, "a\0c", 3) < 0);
}

static void numbers_print(void **state)
{
    (void)state;
    char dst[TEXT_NUMBER_SIZE];
    const struct {
        float value;
        const char *text;
    } floats[] = {{0.1f, "0.100000001"}, {-0.0f, "-0"},         {1e10f, "1e+10"},
                  {3.25f, "3.25"},       {NAN, "nan"},          {INFINITY, "inf"},
                  {-INFINITY, "-inf"},   {16777216, "16777216"}};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        text_from_float(floats[i].value, dst);
        assert_string_equal(dst, floats[i].text);
    }
    text_from_double(0.1, dst);
    assert_string_equal(dst, "0.10000000000000001");
    text_from_double(-DBL_MAX, dst);
    assert_string_equal(dst, "-1.7976931348623157e+308");
    text_from_double(5e-324, dst);
    assert_string_equal(dst, "4.9406564584124654e-324");
}

static void numbers_read(void **state)
{
    (void)state;
    uint64_t whole = 7;
    assert_true(text_to_u64("0", &whole) && whole == 0);
    assert_true(text_to_u64("0012", &whole) && whole == 12);
    assert_true(text_to_u64("18446744073709551615", &whole) && whole == UINT64_MAX);
    static const char *const bad_whole[] = {"",
                                            " 1",
                                            "1 ",
                                            "+1",
                                            "-1",
                                            "0x1",
                                            "1.0",
                                            "1e3",
                                            "18446744073709551616",
                                            "99999999999999999999999"};
    whole = 7;
    for (size_t i = 0; i < sizeof bad_whole / sizeof *bad_whole; i++) {
        assert_false(text_to_u64(bad_whole[i], &whole));
        assert_true(whole == 7);
    }
    double real = 7;
    const struct {
        const char *text;
        double value;
    } good[] = {{"1", 1},       {"-1.5", -1.5},  {"+.5", 0.5},  {"5.", 5},   {"1e3", 1000},
                {"1E-2", 0.01}, {"2e+2", 200.0}, {"1e-999", 0}, {"0.1", 0.1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(text_to_double(good[i].text, &real));
        assert_true(real == good[i].value); /* exact */
    }
    static const char *const bad[] = {"",    " 1",  "1 ",   ".",     "-",
                                      "e5",  "1e",  "1e+",  "0x1",   "inf",
                                      "nan", "1,5", "1.5.", "1e999", "-1e999"};
    real = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(text_to_double(bad[i], &real));
        assert_true(real == 7);
    }
}

/* Every locale installed with a comma; at least the printing is checked against a separator of
 * several bytes where one is installed. */
static void numbers_ignore_the_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
                                        "ps_AF.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_ALL, names[i]) != NULL) {
            numbers_print(NULL);
            numbers_read(NULL);
        }
    }
    (void)setlocale(LC_ALL, "C");
}

static void base64_matches_rfc4648(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    spur_error error = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        assert_ok(text_base64(cases[i][0], strlen(cases[i][0]), &text, &error), error);
        assert_string_equal(text, cases[i][1]);
        memory_free(text);
    }
    size_t length = (3u << 20) + 1; /* one byte behind the part the library takes at once */
    unsigned char *block = NULL;
    char *text = NULL;
    assert_ok(memory_new_zeroed(length, 1, &block, &error), error);
    assert_ok(text_base64(block, length, &text, &error), error);
    assert_int_equal(strlen(text), (4u << 20) + 4);
    assert_string_equal(text + (4u << 20) - 4, "AAAAAA==");
    memory_free(text);
    (void)memory_fail_at(1, false);
    text = NULL;
    assert_int_equal(text_base64(block, length, &text, &error), SPUR_RESOURCE);
    assert_null(text);
    memory_free(block);
}

static void buffer_grows(void **state)
{
    (void)state;
    spur_error error = {0};
    text_buffer buffer = {0};
    assert_ok(text_add(&buffer, NULL, 0, &error), error);
    assert_string_equal(buffer.data, "");
    for (int i = 0; i < 100; i++) {
        assert_ok(text_add(&buffer, "ab", 2, &error), error);
        assert_ok(text_format(&buffer, &error, "%d,", i), error);
    }
    assert_int_equal(buffer.length, strlen(buffer.data));
    assert_int_equal(buffer.length, 200 + 10 * 2 + 90 * 3);
    assert_memory_equal(buffer.data, "ab0,ab1,ab2,", 12);
    assert_int_equal(text_add(&buffer, "a", SIZE_MAX, &error), SPUR_RESOURCE);
    size_t length = buffer.length;
    char big[1000];
    memset(big, 'x', sizeof big);
    (void)memory_fail_at(1, true);
    assert_int_equal(text_add(&buffer, big, sizeof big, &error), SPUR_RESOURCE);
    assert_int_equal(text_format(&buffer, &error, "%999d", 1), SPUR_RESOURCE);
    (void)memory_fail_at(0, false);
    assert_int_equal(buffer.length, length);
    text_buffer_free(&buffer);
    assert_null(buffer.data);
    text_buffer_free(&buffer);
    text_buffer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(copy_cuts_at_characters),
                                       cmocka_unit_test(utf8_is_strict),
                                       cmocka_unit_test(next_moves_on),
                                       cmocka_unit_test(escape_is_safe),
                                       cmocka_unit_test(distance_counts_edits),
                                       cmocka_unit_test(compare_is_bytewise),
                                       cmocka_unit_test(numbers_print),
                                       cmocka_unit_test(numbers_read),
                                       cmocka_unit_test(numbers_ignore_the_locale),
                                       cmocka_unit_test(base64_matches_rfc4648),
                                       cmocka_unit_test(buffer_grows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
