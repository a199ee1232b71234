/*
 * test_subset_key.c - names of subsets: read, printed, ordered, refused.
 */
#include "support.h"

#include <string.h>

#include "pipeline/subset_key.h"

static void names_come_back(void **state)
{
    static const struct {
        const char *text, *printed;
        subset_key key;
    } cases[] = {
        {"clear-100", "clear-100", {SUBSET_CLEAR, 100, false, 0}},
        {"mid-007", "mid-7", {SUBSET_MID, 7, false, 0}},
        {"hidden-10%", "hidden-10pct", {SUBSET_HIDDEN, 100000, true, 0}},
        {"hidden-2.50pct", "hidden-2.5pct", {SUBSET_HIDDEN, 25000, true, 0}},
        {"clear-0.0001%", "clear-0.0001pct", {SUBSET_CLEAR, 1, true, 0}},
        {"clear-100%", "clear-100pct", {SUBSET_CLEAR, 1000000, true, 0}},
        {"rnd-50-s3", "rnd-50-s3", {SUBSET_RANDOM, 50, false, 3}},
        {"rnd-1.25%-s18446744073709551615",
         "rnd-1.25pct-s18446744073709551615",
         {SUBSET_RANDOM, 12500, true, UINT64_MAX}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spur_error error;
        subset_key key;
        char text[SUBSET_KEY_SIZE];
        assert_ok(subset_key_parse(cases[i].text, SPUR_NAMING_CONTENT, &key, &error), error);
        assert_int_equal(subset_key_compare(&key, &cases[i].key), 0);
        subset_key_text(&key, SPUR_NAMING_CONTENT, text);
        assert_string_equal(text, cases[i].printed);
    }
}

static void what_is_no_name_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "clear",
        "clear-",
        "clear-0",
        "clear--1",
        "clear-1x",
        "clear-1-s0",
        "clear-0%",
        "clear-100.0001%",
        "clear-1.00000%",
        "clear-1.%",
        "clear-.5%",
        "clear-%",
        "rnd-5",
        "rnd-5-",
        "rnd-5-3",
        "rnd-5-s",
        "rnd-5-s-1",
        "rnd-5-s1x",
        "top-5",
        "bot-5",
        "Clear-5",
        "clear-5pct5",
        "clear-1099511627776",
        "rnd-5-s18446744073709551616",
        "clear-5 ",
        "clear-99999999999999999999999",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spur_error error;
        subset_key key;
        if (subset_key_parse(cases[i], SPUR_NAMING_CONTENT, &key, &error) != SPUR_USAGE) {
            fail_msg("'%s' was taken", cases[i]);
        }
        assert_true(strlen(error.message) > 0);
    }
}

/* The paper uses "top" and "bot" in both senses. */
static void words_of_the_paper(void **state)
{
    static const struct {
        const char *text;
        spur_naming naming;
        subset_kind kind;
    } cases[] = {
        {"top-5", SPUR_NAMING_SPURIOSITY, SUBSET_HIDDEN},
        {"bot-5", SPUR_NAMING_SPURIOSITY, SUBSET_CLEAR},
        {"top-5", SPUR_NAMING_SCORE, SUBSET_CLEAR},
        {"bot-5", SPUR_NAMING_SCORE, SUBSET_HIDDEN},
        {"mid-5", SPUR_NAMING_SCORE, SUBSET_MID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spur_error error;
        subset_key key;
        char text[SUBSET_KEY_SIZE];
        assert_ok(subset_key_parse(cases[i].text, cases[i].naming, &key, &error), error);
        assert_int_equal(key.kind, cases[i].kind);
        subset_key_text(&key, cases[i].naming, text);
        assert_string_equal(text, cases[i].text);
        /* Our own words are understood whatever the naming. */
        subset_key_text(&key, SPUR_NAMING_CONTENT, text);
        assert_ok(subset_key_parse(text, cases[i].naming, &key, &error), error);
        assert_int_equal(key.kind, cases[i].kind);
    }
}

static void sizes(void **state)
{
    const subset_key hundred = {SUBSET_CLEAR, 100, false, 0};
    const subset_key tenth = {SUBSET_CLEAR, 100000, true, 0};
    const subset_key all = {SUBSET_CLEAR, SUBSET_PARTS, true, 0};
    (void)state;
    assert_int_equal(subset_size(&hundred, 0), 0);
    assert_int_equal(subset_size(&hundred, 99), 99);
    assert_int_equal(subset_size(&hundred, 101), 100);
    assert_int_equal(subset_size(&tenth, 0), 0);
    assert_int_equal(subset_size(&tenth, 1), 1); /* at least one */
    assert_int_equal(subset_size(&tenth, 14), 1);
    assert_int_equal(subset_size(&tenth, 15), 2); /* a half goes up */
    assert_int_equal(subset_size(&tenth, 1300), 130);
    assert_int_equal(subset_size(&tenth, 5000000005u), 500000001u);
    assert_int_equal(subset_size(&all, 12345), 12345);
}

static void order_of_names(void **state)
{
    static const subset_key sorted[] = {
        {SUBSET_CLEAR, 50, false, 0},  {SUBSET_CLEAR, 100, false, 0},
        {SUBSET_CLEAR, 1, true, 0},    {SUBSET_MID, 50, false, 0},
        {SUBSET_HIDDEN, 50, false, 0}, {SUBSET_RANDOM, 50, false, 0},
        {SUBSET_RANDOM, 50, false, 9}, {SUBSET_RANDOM, 100, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
        for (size_t j = 0; j < sizeof sorted / sizeof sorted[0]; j++) {
            int order = subset_key_compare(&sorted[i], &sorted[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_back),    cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(words_of_the_paper), cmocka_unit_test(sizes),
        cmocka_unit_test(order_of_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
