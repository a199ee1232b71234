/*
 * test_options.c - command lines against an option table: values, kinds, every refusal.
 */
#include "support.h"

#include <string.h>

#include "cli/options.h"

static const option table[] = {{"out", 'o', OPTION_PATH, "FILE", "a path", false},
                               {"query", 0, OPTION_TEXT, "TEXT", "a text", false},
                               {"threads", 'j', OPTION_COUNT, "N", "a count", false},
                               {"scale", 0, OPTION_NUMBER, "X", "a number", false},
                               {"mode", 0, OPTION_CHOICE, "one|two|three", "a choice", false},
                               {"quiet", 'q', OPTION_FLAG, NULL, "a flag", false},
                               {"verbose", 'v', OPTION_FLAG, NULL, "a flag", false},
                               {"hidden-thing", 0, OPTION_FLAG, NULL, "a flag", true},
                               {0}};
static const option_group group = {"Test", table};
static const option_group *const groups[] = {&group, NULL};
static const command test_command = {
    .name = "test", .usage = "WORD...", .groups = groups, .least = 1, .most = 2};

enum {
    MOST_WORDS = 16
};

/* Parses words up to NULL behind the command's name. */
static spur_status parse(const char *const *words, arguments **out, spur_error *error)
{
    const char *line[MOST_WORDS] = {"test"};
    int count = 1;
    for (; words[count - 1] != NULL; count++) {
        line[count] = words[count - 1];
    }
    return arguments_parse(&test_command, count, line, out, error);
}

static void test_values(void **state)
{
    const char *const words[] = {"a",     "-o",   "x",       "--query=one", "--query",
                                 "--two", "-qj4", "--scale", "-1.5e3",      "--mode",
                                 "three", "b",    NULL};
    const char *queries[2];
    arguments *line = NULL;
    spur_error error;
    (void)state;
    assert_ok(parse(words, &line, &error), error);
    assert_int_equal(argument_count(line), 2);
    assert_string_equal(argument_word(line, 0), "a");
    assert_string_equal(argument_words(line)[1], "b");
    assert_string_equal(argument_text(line, "out"), "x");
    assert_int_equal(argument_list(line, "query", queries, 2), 2);
    assert_string_equal(queries[0], "one");
    assert_string_equal(queries[1], "--two");
    assert_int_equal(argument_whole(line, "threads", 1), 4);
    assert_true(argument_number(line, "scale", 0.0) == -1500.0);
    assert_int_equal(argument_choice(line, "mode", 0), 2);
    assert_true(argument_flag(line, "quiet"));
    assert_false(argument_flag(line, "verbose"));
    arguments_free(line);
}

static void test_fallbacks(void **state)
{
    const char *const words[] = {"--", "-q", NULL};
    arguments *line = NULL;
    spur_error error;
    (void)state;
    assert_ok(parse(words, &line, &error), error);
    assert_string_equal(argument_word(line, 0), "-q");
    assert_false(argument_flag(line, "quiet"));
    assert_null(argument_text(line, "out"));
    assert_int_equal(argument_whole(line, "threads", 7), 7);
    assert_int_equal(argument_choice(line, "mode", 1), 1);
    assert_int_equal(argument_list(line, "no-such-option", NULL, 0), 0);
    arguments_free(line);
}

static void test_last_value_wins(void **state)
{
    const char *const words[] = {"-", "-j1", "-j", "2", NULL};
    arguments *line = NULL;
    spur_error error;
    (void)state;
    assert_ok(parse(words, &line, &error), error);
    assert_string_equal(argument_word(line, 0), "-");
    assert_int_equal(argument_whole(line, "threads", 0), 2);
    arguments_free(line);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *words[4];
        const char *message;
    } cases[] = {
        {{NULL}, "not enough arguments: spur test WORD..."},
        {{"a", "b", "c"}, "unexpected argument 'c': spur test WORD..."},
        {{""}, "argument 1 is empty"},
        {{"a", "--queri"}, "unknown option '--queri'; did you mean '--query'?"},
        {{"a", "--queri=x"}, "unknown option '--queri'; did you mean '--query'?"},
        {{"a", "--frobnicate"}, "unknown option '--frobnicate'; see 'spur help test'"},
        {{"a", "--hidden-thign"}, "unknown option '--hidden-thign'; see 'spur help test'"},
        {{"a", "-x"}, "unknown option '-x'; see 'spur help test'"},
        {{"a", "--out"}, "option '--out' needs a value; see 'spur help test'"},
        {{"a", "-o"}, "option '-o' needs a value; see 'spur help test'"},
        {{"a", "--quiet=1"}, "option '--quiet=1' takes no value"},
        {{"a", "--out="}, "--out: the path is empty"},
        {{"a", "--threads=-1"}, "--threads: '-1' is not a whole number"},
        {{"a", "--threads=4x"}, "--threads: '4x' is not a whole number"},
        {{"a", "--threads=99999999999999999999"},
         "--threads: '99999999999999999999' is not a whole number"},
        {{"a", "--scale=nan"}, "--scale: 'nan' is not a number"},
        {{"a", "--scale=0x1"}, "--scale: '0x1' is not a number"},
        {{"a", "--scale=1e999"}, "--scale: '1e999' is not a number"},
        {{"a", "--mode=on"}, "--mode: 'on' is not one of one|two|three"},
        {{"a", "--mode="}, "--mode: '' is not one of one|two|three"},
        {{"a", "--out=x", "-\x1b"}, "unknown option '-\\x1b'; see 'spur help test'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        arguments *line = NULL;
        spur_error error = {SPUR_OK, ""};
        assert_int_equal(parse(cases[i].words, &line, &error), SPUR_USAGE);
        assert_string_equal(error.message, cases[i].message);
        assert_null(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_fallbacks),
        cmocka_unit_test(test_last_value_wins),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
