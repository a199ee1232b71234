/*
 * test_condition.c - conditions on the numbers of a run.
 */
#include <string.h>

#include "cli/condition.h"
#include "support.h"

static const condition_number numbers[] = {
    {"noise/resnet50/original/fg/10/top1", 0.61},
    {"train/resnet50/original/gap_at_100", 0.02},
    {"train/resnet50/original/gap_at_100_p", 0.3},
    {"train/resnet50/original/top1", 0.99},
    {"val/resnet50/clear-100/gap_at_100", 0.05},
    {"val/resnet50/clear-100/gap_at_100_p", 0.001},
    {"val/resnet50/clear-100/top1", 0.71},
    {"val/resnet50/original/gap_at_50", 0.16},
    {"val/resnet50/original/gap_at_50_p", 0.02},
    {"val/resnet50/original/gap_at_100", 0.12},
    {"val/resnet50/original/gap_at_100_p", 0.0005},
    {"val/resnet50/original/slope", -0.2},
    {"val/resnet50/original/top1", 0.76},
};

enum {
    COUNT = sizeof numbers / sizeof numbers[0]
};

/* Holds `text` against the numbers; the message goes to *message. */
static bool holds(const char *text, char message[CONDITION_MESSAGE])
{
    condition *of = NULL;
    spur_error error = {SPUR_OK, ""};
    bool result = false;
    assert_int_equal(condition_parse(text, &of, &error), SPUR_OK);
    assert_int_equal(condition_check(of, numbers, COUNT, &result, message, &error), SPUR_OK);
    condition_free(of);
    assert_int_equal(result, message[0] != '\0');
    return result;
}

static void refuses(const char *text, const char *part)
{
    condition *of = NULL;
    spur_error error = {SPUR_OK, ""};
    assert_int_equal(condition_parse(text, &of, &error), SPUR_USAGE);
    assert_null(of);
    if (strstr(error.message, part) == NULL) {
        fail_msg("%s: '%s' does not say '%s'", text, error.message, part);
    }
}

static void short_names_mean_the_worst_head(void **state)
{
    char message[CONDITION_MESSAGE];
    (void)state;
    assert_true(holds("gap>8", message));
    assert_string_equal(message, "val/resnet50/original/gap_at_50 is 16 points (> 8 points)");
    assert_true(holds("gap>15.9", message));
    assert_false(holds("gap>16.1", message));
    assert_true(holds("top1<72%", message));
    assert_string_equal(message, "val/resnet50/clear-100/top1 is 71 % (< 72 %)");
    assert_false(holds("top1 <= 0.61", message)); /* under noise */
    assert_true(holds("noise/resnet50/original/fg/10/top1<=61%", message));
    assert_true(holds("slope<-.1", message));
    assert_false(holds("slope>0", message));
}

/* The gap of one head and the p of another are no finding. */
static void terms_speak_of_one_head_and_k(void **state)
{
    char message[CONDITION_MESSAGE];
    (void)state;
    assert_true(holds("gap>8,p<.01", message));
    assert_string_equal(message, "val/resnet50/original/gap_at_100 is 12 points (> 8 points) "
                                 "and val/resnet50/original/gap_at_100_p is 0.0005 (< 0.01)");
    assert_false(holds("gap>13,p<.01", message));
    assert_false(holds("p<.0004", message));
    assert_true(holds("top1>70%, gap>4, p<.01, slope<0", message));
    assert_false(holds("top1<75%,slope<0", message));
    assert_true(holds("gap_at_100>4,top1<75%", message));
    assert_non_null(strstr(message, "clear-100/gap_at_100 is 5 points"));
}

static void whole_keys_and_stars(void **state)
{
    char message[CONDITION_MESSAGE];
    (void)state;
    assert_true(holds("val/resnet50/original/gap_at_100>=12", message));
    assert_false(holds("val/resnet50/original/gap_at_100>12.5pp", message));
    assert_true(holds("val/*/original/top1==0.76", message));
    assert_true(holds("*/*/original/top1>.9", message));
    assert_string_equal(message, "train/resnet50/original/top1 is 99 % (> 90 %)");
    assert_true(holds("val/*/original/top1<0.8,gap>15", message));
    assert_false(holds("val/*/original/top1<0.7,gap>15", message));
    assert_true(holds("val/*/original/gap>8,p<.01", message));
    assert_false(holds("train/*/original/gap>8", message));
    assert_false(holds("val/*/clear-100/gap>8,p<.01", message));
    /* Two places: each has its own numbers. */
    assert_true(holds("val/*/clear-100/gap>4,p<.01,train/*/*/gap<3,p>.1", message));
    assert_false(holds("val/*/clear-100/gap>4,p<.01,train/*/*/gap<3,p<.1", message));
    assert_true(holds("noise/*/*/fg/*/top1<70%", message));
}

static void unknown_names_are_told(void **state)
{
    static const char *const names[] = {"accuracy>0", "val/resnet50/top1>0", "top>0",
                                        "val/vit/original/top1>0", "gap_at_7>0"};
    char message[CONDITION_MESSAGE];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        condition *of = NULL;
        spur_error error = {SPUR_OK, ""};
        bool result = true;
        assert_int_equal(condition_parse(names[i], &of, &error), SPUR_OK);
        assert_int_equal(condition_check(of, numbers, COUNT, &result, message, &error),
                         SPUR_USAGE);
        assert_non_null(strstr(error.message, "gap_at_100, gap_at_100_p"));
        condition_free(of);
    }
}

static void errors_name_the_place(void **state)
{
    (void)state;
    refuses("", "at its end: expected a name");
    refuses("gap", "at its end: expected one of > >= < <= ==");
    refuses("gap=8", "at character 4, '=': expected one of");
    refuses("gap>", "at its end: expected a number");
    refuses("gap>x", "at character 5, 'x': expected a number");
    refuses("gap>inf", "expected a number");
    refuses("gap>0x10", "at character 5, '0': expected a number");
    refuses("gap>nan", "expected a number");
    refuses("gap>8;p<1", "at character 6, ';': expected ','");
    refuses("gap>8,", "at its end: expected a name");
    refuses(",gap>8", "at character 1, ',': expected a name");
    refuses("gap>0.08", "write 8 for a gap of 0.08");
    refuses("top1<90", "write 90% or 0.9");
    refuses("slope<5%", "is no share");
    refuses("p<1pp", "is no share");
    refuses("a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1",
            "no more than 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_names_mean_the_worst_head),
        cmocka_unit_test(terms_speak_of_one_head_and_k),
        cmocka_unit_test(whole_keys_and_stars),
        cmocka_unit_test(unknown_names_are_told),
        cmocka_unit_test(errors_name_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
