/*
 * test_auto_pool.c - which images a candidate takes, and which candidate is chosen.
 */
#include "support.h"

#include <string.h>

#include "pipeline/auto_pool.h"

enum {
    CLASSES = 2,
    IMAGES = 14 /* 8 of class 0, 6 of class 1 */
};

static uint64_t rows[IMAGES];
static uint32_t labels[IMAGES], rank[IMAGES], size[IMAGES];
static const auto_pool pool = {rows, labels, rank, size, IMAGES, CLASSES};

/* Row 2 i + 1; ranks run against the rows in class 0 and with them in class 1. */
static int fill(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < IMAGES; i++) {
        rows[i] = 2 * i + 1;
        labels[i] = i < 8 ? 0 : 1;
        rank[i] = i < 8 ? 8 - i : i - 7;
        size[i] = i < 8 ? 8 : 6;
    }
    return 0;
}

static auto_rows pick(const char *amount, double clear, const size_t *fold, size_t held_out)
{
    spur_error error;
    auto_rows made;
    auto_lists lists;
    assert_ok(auto_parse_amounts(amount, &lists, &error), error);
    assert_int_equal(lists.amount_count, 1);
    const auto_candidate candidate = {lists.amounts[0], clear};
    assert_ok(auto_pick(&pool, fold, held_out, &candidate, 7, &made, &error), error);
    for (size_t i = 1; i < made.count; i++) {
        assert_true(made.rows[i - 1] < made.rows[i]);
    }
    return made;
}

static void test_clearest(void **state)
{
    (void)state;
    static const uint64_t expected[] = {1, 3, 5, 23, 25, 27};
    static const uint32_t classes[] = {0, 0, 0, 1, 1, 1};
    auto_rows made = pick("3", 1.0, NULL, 0);
    assert_int_equal(made.count, 6);
    assert_memory_equal(made.rows, expected, sizeof expected);
    assert_memory_equal(made.labels, classes, sizeof classes);
    auto_rows_free(&made);
    made = pick("100%", 0.0, NULL, 0);
    assert_int_equal(made.count, IMAGES);
    auto_rows_free(&made);
    made = pick("7", 1.0, NULL, 0); /* class 1 has 6 */
    assert_int_equal(made.count, 13);
    auto_rows_free(&made);
}

static bool holds(const auto_rows *set, uint64_t row)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->rows[i] == row) {
            return true;
        }
    }
    return false;
}

/* A larger draw holds the smaller one; the clearest of a mix are the clearest. */
static void test_mix(void **state)
{
    (void)state;
    auto_rows few = pick("2", 0.0, NULL, 0), more = pick("4", 0.0, NULL, 0);
    for (size_t i = 0; i < few.count; i++) {
        assert_true(holds(&more, few.rows[i]));
    }
    auto_rows mixed = pick("4", 0.5, NULL, 0);
    assert_int_equal(mixed.count, 8);
    assert_true(holds(&mixed, 1) && holds(&mixed, 3));
    assert_true(holds(&mixed, 27) && holds(&mixed, 25));
    auto_rows_free(&few);
    auto_rows_free(&more);
    auto_rows_free(&mixed);
}

/* What is held out is not taken, whatever its rank; shares are of what is left. */
static void test_held_out(void **state)
{
    (void)state;
    static const uint64_t expected[] = {3, 5, 7, 9, 21, 23};
    size_t fold[IMAGES] = {0};
    fold[0] = fold[12] = fold[13] = 1;
    auto_rows made = pick("50%", 1.0, fold, 1); /* 7 and 4 are left: 4 and 2 */
    assert_int_equal(made.count, 6);
    assert_memory_equal(made.rows, expected, sizeof expected);
    auto_rows_free(&made);
}

static void test_candidates(void **state)
{
    (void)state;
    spur_error error;
    auto_lists lists;
    auto_candidate *made = NULL;
    size_t count;
    assert_ok(auto_parse_amounts("2,12.5%,8", &lists, &error), error);
    assert_ok(auto_parse_shares("0,50,100", &lists, &error), error);
    assert_ok(auto_candidates(&pool, &lists, &made, &count, &error), error);
    assert_int_equal(count, 3 + 3 + 1); /* 8 are all images */
    memory_free(made);
    assert_int_equal(auto_parse_shares("0,,1", &lists, &error), SPUR_USAGE);
    assert_int_equal(auto_parse_shares("-1", &lists, &error), SPUR_USAGE);
    assert_int_equal(auto_parse_amounts("0", &lists, &error), SPUR_USAGE);
    assert_int_equal(auto_parse_amounts("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", &lists, &error),
                     SPUR_USAGE);
}

static void test_choice(void **state)
{
    (void)state;
    static const auto_score scores[] = {
        {0.50, 0.80}, {0.60, 0.785}, {0.55, 0.795}, {0.55, 0.80}, {0.60, 0.785}};
    assert_int_equal(auto_choose(scores, 5, 0.01), 3); /* of equal worst bins the better mean */
    assert_int_equal(auto_choose(scores, 5, 0.015), 1); /* on the border; the first of equals */
    assert_int_equal(auto_choose(scores, 5, 0.0), 3);
    assert_int_equal(auto_choose(scores, 1, 0.0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clearest), cmocka_unit_test(test_mix),
        cmocka_unit_test(test_held_out), cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, fill, NULL);
}
