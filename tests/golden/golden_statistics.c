/*
 * golden_statistics.c - quantiles against numpy, AUC against scikit-learn.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/statistics.h"

/* The "cases" of a file; the caller releases the root. */
static json_t *load_cases(const char *name, json_t **root)
{
    json_error_t cause;
    *root = json_load_file(shared_path(name), 0, &cause);
    assert_non_null(*root);
    json_t *cases = json_object_get(*root, "cases");
    assert_true(json_is_array(cases));
    return cases;
}

static double number_at(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

/* The reference has doubles, we have floats: each quantile may be off by the rounding of its
 * two neighbours, half a unit in the last place of a float. */
static size_t quantile_misses(const json_t *item, double *largest)
{
    const json_t *x = json_object_get(item, "x"), *q = json_object_get(item, "q");
    const json_t *expected = json_object_get(json_object_get(item, "methods"), "linear");
    size_t count = json_array_size(x), misses = 0;
    float *sorted = calloc(count, sizeof *sorted);
    assert_non_null(sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (float)number_at(x, i);
        for (size_t j = i; j > 0 && sorted[j - 1] > sorted[j]; j--) {
            float swapped = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = swapped;
        }
    }
    double scale = fmax(fabs((double)sorted[0]), fabs((double)sorted[count - 1]));
    for (size_t i = 0; i < json_array_size(q); i++) {
        double found = statistics_quantile(sorted, count, number_at(q, i));
        double difference = fabs(found - number_at(expected, i)) / fmax(scale, 1e-300);
        *largest = fmax(*largest, difference);
        misses += !(difference <= 0x1p-24); /* 6.0e-8 of the largest value */
    }
    free(sorted);
    return misses;
}

static void quantiles(void **state)
{
    (void)state;
    json_t *root = NULL;
    const json_t *cases = load_cases("golden/data/stats/quantiles.json", &root);
    golden_tally tally = {.name = "stats/quantiles (linear)"};
    double largest = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        tally.cases++;
        if (quantile_misses(json_array_get(cases, i), &largest) == 0) {
            tally.passed++;
        } else {
            tally.failed++;
        }
    }
    golden_print(&tally);
    print_message("  largest difference %.2e of the largest value, tolerance 5.96e-08\n",
                  largest);
    assert_int_equal(tally.cases, 12);
    assert_int_equal(tally.failed, 0);
    json_decref(root);
}

/* Bins: the rank of each score among the different scores. */
static statistics_auc auc_of_case(const json_t *item)
{
    const json_t *y = json_object_get(item, "y"), *score = json_object_get(item, "score");
    size_t count = json_array_size(y);
    assert_int_equal(json_array_size(score), count);
    uint64_t *positives = calloc(count, sizeof *positives);
    uint64_t *negatives = calloc(count, sizeof *negatives);
    assert_non_null(positives);
    assert_non_null(negatives);
    for (size_t i = 0; i < count; i++) {
        size_t bin = 0;
        for (size_t j = 0; j < count; j++) {
            bin += number_at(score, j) < number_at(score, i);
        }
        (number_at(y, i) > 0 ? positives : negatives)[bin]++;
    }
    statistics_auc auc = statistics_auc_make(positives, negatives, count);
    free(positives);
    free(negatives);
    return auc;
}

static void areas(void **state)
{
    (void)state;
    json_t *root = NULL;
    const json_t *cases = load_cases("golden/data/stats/auc_ap.json", &root);
    golden_tally tally = {.name = "stats/auc_ap (auc)"};
    double largest = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *item = json_array_get(cases, i);
        statistics_auc auc = auc_of_case(item);
        double difference = fabs(auc.area - json_number_value(json_object_get(item, "auc")));
        largest = fmax(largest, difference);
        tally.cases++;
        if (difference <= 1e-15) { /* the reference adds trapezoids in double */
            tally.passed++;
        } else {
            tally.failed++;
        }
    }
    golden_print(&tally);
    print_message("  largest difference %.2e, tolerance 1e-15\n", largest);
    assert_int_equal(tally.cases, 20);
    assert_int_equal(tally.failed, 0);
    json_decref(root);
}

static void sets_of_later_stages(void **state)
{
    (void)state;
    static const char *const names[] = {
        "calibration",          "isotonic",         "mcnemar", "multiple_testing",
        "proportion_intervals", "rank_correlation", "special"};
    (void)shared_path("golden/data/stats");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        print_message("golden stats/%s: not yet used\n", names[i]);
    }
    print_message("golden stats/auc_ap: weighted AUC, average precision not yet used\n");
    print_message("golden stats/quantiles: nine other definitions not yet used\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles), cmocka_unit_test(areas),
                                       cmocka_unit_test(sets_of_later_stages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
