/*
 * test_suggest.c - distances between words and the choice of a suggestion.
 */
#include "support.h"

#include <string.h>

#include "cli/suggest.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("", ""), 0);
    assert_int_equal(suggest_distance("", "abc"), 3);
    assert_int_equal(suggest_distance("abc", ""), 3);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
    assert_int_equal(suggest_distance("score", "scroe"), 1); /* a swap is one edit */
    assert_int_equal(suggest_distance("ca", "abc"), 3);      /* not across an insertion */
    assert_int_equal(suggest_distance("detectr", "detector"), 1);
}

static void test_distance_limits(void **state)
{
    char word[65];
    (void)state;
    memset(word, 'a', sizeof word);
    word[63] = '\0';
    assert_int_equal(suggest_distance(word, word), 0);
    word[63] = 'a';
    word[64] = '\0';
    assert_true(suggest_distance(word, "a") == SIZE_MAX);
}

static const char *nearest(const char *typed)
{
    static const char *const words[] = {"score", "rank", "export", "detect", "check", NULL};
    suggestion found = {.typed = typed};
    for (const char *const *word = words; *word != NULL; word++) {
        suggest_offer(&found, *word);
    }
    return found.best;
}

static void test_suggestion(void **state)
{
    (void)state;
    assert_string_equal(nearest("scor"), "score");
    assert_string_equal(nearest("scroe"), "score");
    assert_string_equal(nearest("det"), "detect"); /* a beginning */
    assert_string_equal(nearest("rnak"), "rank");
    assert_null(nearest("frobnicate"));
    assert_null(nearest("xy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_distance_limits),
        cmocka_unit_test(test_suggestion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
