/*
 * golden_statistics.c - every figure of the reference sets in stats/ against scipy,
 * statsmodels, scikit-learn and numpy.
 *
 * A case passes when all its figures do. Differences are relative to the larger of the
 * expected value and `floor`, so 0 means as an absolute difference and tiny tails relative
 * ones; the largest of each kind is printed beside its tolerance.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/special_functions.h"
#include "base/statistics_calibration.h"
#include "base/statistics_intervals.h"
#include "base/statistics_quantiles.h"
#include "base/statistics_ranks.h"
#include "base/statistics_tests.h"
#include "expected.h"

/* Figures are held to the expected one relative to at least this. */
#define FLOOR 1e-300

static double relative(double found, double wanted, double floor)
{
    if (isnan(wanted) || isinf(wanted)) {
        return (isnan(wanted) ? isnan(found) : found == wanted) ? 0 : (double)INFINITY;
    }
    return fabs(found - wanted) / fmax(fabs(wanted), floor);
}

/* null is NaN. */
static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static double member(const json_t *item, const char *key)
{
    return number_of(json_object_get(item, key));
}

/* A member that is an array of numbers or booleans; count may be NULL. free() it. */
static double *array_of(const json_t *item, const char *key, size_t *count)
{
    const json_t *array = json_object_get(item, key);
    assert_true(json_is_array(array));
    size_t length = json_array_size(array);
    double *values = calloc(length + 1, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < length; i++) {
        const json_t *value = json_array_get(array, i);
        values[i] = json_is_boolean(value) ? (double)json_is_true(value) : number_of(value);
    }
    if (count != NULL) {
        *count = length;
    }
    return values;
}

static bool *flags_of(const json_t *item, const char *key)
{
    size_t count;
    double *values = array_of(item, key, &count);
    bool *flags = calloc(count + 1, sizeof *flags);
    assert_non_null(flags);
    for (size_t i = 0; i < count; i++) {
        flags[i] = values[i] != 0;
    }
    free(values);
    return flags;
}

/* All of found[count] against the member; true when all are near. */
static bool near_array(observed *kind, const double *found, const json_t *item, const char *key,
                       double floor)
{
    size_t count;
    bool is_near = true;
    double *wanted = array_of(item, key, &count);
    for (size_t i = 0; i < count; i++) {
        is_near = observe(kind, relative(found[i], wanted[i], floor)) && is_near;
    }
    free(wanted);
    return is_near;
}

static bool near_member(observed *kind, double found, const json_t *item, const char *key,
                        double floor)
{
    return observe(kind, relative(found, member(item, key), floor));
}

/* Runs a check over every case of a file and prints its tally. */
typedef bool (*case_check)(const json_t *item, observed *kinds);

static void add_case(golden_tally *tally, bool is_passed)
{
    tally->cases++;
    *(is_passed ? &tally->passed : &tally->failed) += 1;
}

static void finish(const golden_tally *tally, const observed *kinds, size_t kind_count)
{
    golden_print(tally);
    observed_print(kinds, kind_count);
    assert_true(tally->cases > 0);
    assert_int_equal(tally->failed, 0);
}

static json_t *load(const char *name)
{
    char path[100];
    json_error_t cause;
    (void)snprintf(path, sizeof path, "golden/data/%s.json", name);
    json_t *root = json_load_file(shared_path(path), 0, &cause);
    assert_non_null(root);
    return root;
}

static void each_case(const char *name, case_check check, observed *kinds, size_t kind_count)
{
    json_t *root = load(name);
    const json_t *cases = json_object_get(root, "cases");
    golden_tally tally = {.name = name};
    for (size_t i = 0; i < json_array_size(cases); i++) {
        add_case(&tally, check(json_array_get(cases, i), kinds));
    }
    json_decref(root);
    finish(&tally, kinds, kind_count);
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- quantiles --------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static bool check_quantiles(const json_t *item, observed *kinds)
{
    static const char *const names[] = {
        [STATISTICS_QUANTILE_INVERTED_CDF] = "inverted_cdf",
        [STATISTICS_QUANTILE_AVERAGED_CDF] = "averaged_inverted_cdf",
        [STATISTICS_QUANTILE_HAZEN] = "hazen",
        [STATISTICS_QUANTILE_WEIBULL] = "weibull",
        [STATISTICS_QUANTILE_LINEAR] = "linear",
        [STATISTICS_QUANTILE_MEDIAN_UNBIASED] = "median_unbiased",
        [STATISTICS_QUANTILE_NORMAL_UNBIASED] = "normal_unbiased",
        [STATISTICS_QUANTILE_LOWER] = "lower",
        [STATISTICS_QUANTILE_HIGHER] = "higher",
        [STATISTICS_QUANTILE_MIDPOINT] = "midpoint"};
    const json_t *methods = json_object_get(item, "methods");
    size_t count, q_count;
    double *x = array_of(item, "x", &count), *q = array_of(item, "q", &q_count);
    double *found = calloc(q_count + 1, sizeof *found);
    bool is_passed = json_object_size(methods) == COUNT_OF(names);
    assert_non_null(found);
    qsort(x, count, sizeof *x, compare_doubles);
    double scale = fmax(fabs(x[0]), fabs(x[count - 1]));
    for (size_t rule = 0; rule < COUNT_OF(names); rule++) {
        for (size_t i = 0; i < q_count; i++) {
            found[i] = statistics_quantile_by((statistics_quantile_rule)rule, x, count, q[i]);
        }
        is_passed = near_array(kinds, found, methods, names[rule], scale) && is_passed;
    }
    /* The ranking's own quantiles are of floats: off by the rounding of two neighbours. */
    float *narrow = calloc(count, sizeof *narrow);
    assert_non_null(narrow);
    for (size_t i = 0; i < count; i++) {
        narrow[i] = (float)x[i];
    }
    for (size_t i = 0; i < q_count; i++) {
        found[i] = statistics_quantile(narrow, count, q[i]);
    }
    is_passed = near_array(kinds + 1, found, methods, "linear", scale) && is_passed;
    free(narrow);
    free(found);
    free(q);
    free(x);
    return is_passed;
}

static void quantiles(void **state)
{
    (void)state;
    observed kinds[] = {{"quantiles", 4e-15, 0}, {"quantiles of floats", 0x1p-24, 0}};
    each_case("stats/quantiles", check_quantiles, kinds, COUNT_OF(kinds));
}

/* ---- ROC and precision-recall ------------------------------------------------------------ */

static bool check_areas(const json_t *item, observed *kinds)
{
    spur_error error;
    size_t count;
    statistics_auc auc, weighted;
    double precision, precision_weighted;
    double *score = array_of(item, "score", &count), *weight = array_of(item, "weight", NULL);
    bool *is_positive = flags_of(item, "y");
    assert_ok(statistics_auc_of(score, is_positive, NULL, count, &auc, &error), error);
    assert_ok(statistics_auc_of(score, is_positive, weight, count, &weighted, &error), error);
    assert_ok(statistics_average_precision(score, is_positive, NULL, count, &precision, &error),
              error);
    assert_ok(statistics_average_precision(score, is_positive, weight, count,
                                           &precision_weighted, &error),
              error);
    bool is_passed = near_member(kinds, auc.area, item, "auc", 1);
    is_passed = near_member(kinds + 1, weighted.area, item, "auc_weighted", 1) && is_passed;
    is_passed = near_member(kinds + 2, precision, item, "average_precision", 1) && is_passed;
    is_passed =
        near_member(kinds + 3, precision_weighted, item, "average_precision_weighted", 1) &&
        is_passed;
    free(score);
    free(weight);
    free(is_positive);
    return is_passed;
}

static void areas(void **state)
{
    (void)state;
    observed kinds[] = {{"AUC", 4e-15, 0},
                        {"weighted AUC", 4e-15, 0},
                        {"average precision", 4e-15, 0},
                        {"weighted average precision", 4e-15, 0}};
    each_case("stats/auc_ap", check_areas, kinds, COUNT_OF(kinds));
}

/* ---- correlations of ranks --------------------------------------------------------------- */

static bool check_kendall(const json_t *item, const double *x, const double *y, size_t count,
                          observed *kinds)
{
    spur_error error;
    statistics_correlation tau;
    double exact;
    assert_ok(statistics_kendall(x, y, count, &tau, &error), error);
    bool is_passed = near_member(kinds, tau.value, item, "kendall_tau_b", 1);
    is_passed = near_member(kinds + 1, tau.p, item, "kendall_p_asymptotic", FLOOR) && is_passed;
    if (json_is_number(json_object_get(item, "kendall_p_exact"))) {
        double pairs = (double)count * (double)(count - 1) / 2;
        size_t discordant = (size_t)llround((1 - tau.value) / 2 * pairs);
        assert_ok(statistics_kendall_exact(discordant, count, &exact, &error), error);
        is_passed = near_member(kinds + 2, exact, item, "kendall_p_exact", FLOOR) && is_passed;
    }
    return is_passed;
}

static bool check_weighted_tau(const json_t *item, const double *x, const double *y,
                               size_t count, observed *kind)
{
    static const struct {
        const char *key;
        statistics_tau_rank ranks;
        bool is_product;
    } forms[] = {{"weighted_tau_default_rank_true", STATISTICS_TAU_BOTH, false},
                 {"weighted_tau_rank_none", STATISTICS_TAU_BY_X, false},
                 {"weighted_tau_rank_false", STATISTICS_TAU_INDEX, false},
                 {"weighted_tau_multiplicative", STATISTICS_TAU_BOTH, true}};
    bool is_passed = true;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        spur_error error;
        double tau;
        assert_ok(statistics_weighted_tau(x, y, count, forms[i].ranks, forms[i].is_product,
                                          &tau, &error),
                  error);
        is_passed = near_member(kind, tau, item, forms[i].key, 1) && is_passed;
    }
    return is_passed;
}

static bool check_correlations(const json_t *item, observed *kinds)
{
    spur_error error;
    size_t count;
    statistics_correlation rho;
    double *x = array_of(item, "x", &count), *y = array_of(item, "y", NULL);
    double *ranks = calloc(count + 1, sizeof *ranks);
    assert_non_null(ranks);
    assert_ok(statistics_ranks(x, count, ranks, &error), error);
    bool is_passed = near_array(kinds, ranks, item, "average_ranks_x", 1);
    assert_ok(statistics_spearman(x, y, count, &rho, &error), error);
    is_passed = near_member(kinds + 1, rho.value, item, "spearman", 1) && is_passed;
    /* 1 - rho^2 amplifies the last bit of rho, so p is held absolutely where it is tiny. */
    is_passed = near_member(kinds + 2, rho.p, item, "spearman_p_t", 1e-4) && is_passed;
    is_passed = check_kendall(item, x, y, count, kinds + 3) && is_passed;
    is_passed = check_weighted_tau(item, x, y, count, kinds + 6) && is_passed;
    free(ranks);
    free(x);
    free(y);
    return is_passed;
}

static void correlations(void **state)
{
    (void)state;
    observed kinds[] = {{"average ranks", 0, 0},    {"Spearman's rho", 1e-14, 0},
                        {"Spearman's p", 1e-13, 0}, {"Kendall's tau-b", 1e-14, 0},
                        {"Kendall's p", 1e-12, 0},  {"Kendall's exact p", 1e-12, 0},
                        {"weighted tau", 1e-13, 0}};
    each_case("stats/rank_correlation", check_correlations, kinds, COUNT_OF(kinds));
}

/* ---- intervals, tests, adjustments ------------------------------------------------------- */

static bool check_intervals(const json_t *item, observed *kinds)
{
    uint64_t k = (uint64_t)member(item, "k"), n = (uint64_t)member(item, "n");
    double alpha = member(item, "alpha");
    statistics_interval wilson = statistics_wilson(k, n, alpha);
    statistics_interval exact = statistics_clopper_pearson(k, n, alpha);
    double found[2] = {wilson.low, wilson.high}, found_exact[2] = {exact.low, exact.high};
    bool is_passed = near_array(kinds, found, item, "wilson", 1e-4);
    return near_array(kinds + 1, found_exact, item, "clopper_pearson", FLOOR) && is_passed;
}

static void intervals(void **state)
{
    (void)state;
    /* The reference's own beta quantiles are off by up to 9.4e-11; those of k = 0, 1, 7 of 10,
     * 50, 1000 were computed with 40 digits, and ours differ from them by at most 2e-15. */
    observed kinds[] = {{"Wilson", 1e-13, 0}, {"Clopper-Pearson", 2e-10, 0}};
    each_case("stats/proportion_intervals", check_intervals, kinds, COUNT_OF(kinds));
}

static bool check_mcnemar(const json_t *item, observed *kinds)
{
    uint64_t b = (uint64_t)member(item, "b"), c = (uint64_t)member(item, "c");
    bool is_passed = near_member(kinds, statistics_mcnemar_exact(b, c), item, "p_exact", FLOOR);
    is_passed =
        near_member(kinds, statistics_mcnemar_exact(b, c), item, "statsmodels_exact", FLOOR) &&
        is_passed;
    is_passed =
        near_member(kinds + 1, statistics_mcnemar_mid(b, c), item, "p_mid", FLOOR) && is_passed;
    if (b + c > 0) {
        double chi2 = member(item, "chi2"), corrected = member(item, "chi2_cc");
        is_passed =
            near_member(kinds + 2, chi_squared_upper(chi2, 1), item, "p_chi2", FLOOR) &&
            near_member(kinds + 2, chi_squared_upper(corrected, 1), item, "p_chi2_cc", FLOOR) &&
            is_passed;
    }
    return is_passed;
}

static void mcnemar(void **state)
{
    (void)state;
    observed kinds[] = {
        {"exact p", 1e-12, 0}, {"mid-p", 1e-12, 0}, {"chi-squared p", 1e-12, 0}};
    each_case("stats/mcnemar", check_mcnemar, kinds, COUNT_OF(kinds));
}

static bool check_adjustments(const json_t *item, observed *kinds)
{
    static const struct {
        const char *adjusted, *reject;
        statistics_adjustment how;
    } forms[] = {{"holm_adjusted", "holm_reject", STATISTICS_HOLM},
                 {"bh_adjusted", "bh_reject", STATISTICS_BH},
                 {"by_adjusted", NULL, STATISTICS_BY},
                 {"bonferroni_adjusted", NULL, STATISTICS_BONFERRONI}};
    size_t count;
    double *p = array_of(item, "p", &count), *found = array_of(item, "p", NULL);
    bool is_passed = true;
    for (size_t form = 0; form < COUNT_OF(forms); form++) {
        spur_error error;
        assert_ok(statistics_adjust(forms[form].how, p, count, found, &error), error);
        is_passed = near_array(kinds, found, item, forms[form].adjusted, FLOOR) && is_passed;
        for (size_t i = 0; i < count; i++) {
            found[i] = found[i] <= member(item, "alpha") ? 1 : 0;
        }
        if (forms[form].reject != NULL) {
            is_passed = near_array(kinds + 1, found, item, forms[form].reject, 1) && is_passed;
        }
    }
    free(p);
    free(found);
    return is_passed;
}

static void adjustments(void **state)
{
    (void)state;
    observed kinds[] = {{"adjusted p", 4e-15, 0}, {"rejected or not", 0, 0}};
    each_case("stats/multiple_testing", check_adjustments, kinds, COUNT_OF(kinds));
}

/* ---- calibration and isotonic regression ------------------------------------------------- */

static bool check_calibration(const json_t *item, observed *kinds)
{
    spur_error error;
    size_t count;
    statistics_calibration found;
    uint64_t counts[15];
    double counts_found[15];
    double *confidence = array_of(item, "confidence", &count);
    bool *is_correct = flags_of(item, "correct");
    assert_ok(statistics_calibrate(confidence, is_correct, count, 15, &found, counts, &error),
              error);
    for (size_t i = 0; i < 15; i++) {
        counts_found[i] = (double)counts[i];
    }
    bool is_passed = near_array(kinds, counts_found, item, "bin_counts", 1);
    is_passed = near_member(kinds + 1, found.ece, item, "ece15", 1) && is_passed;
    is_passed = near_member(kinds + 1, found.mce, item, "mce15", 1) && is_passed;
    is_passed = near_member(kinds + 1, found.brier, item, "brier", 1) && is_passed;
    free(confidence);
    free(is_correct);
    return is_passed;
}

static void calibration(void **state)
{
    (void)state;
    observed kinds[] = {{"images per bin", 0, 0}, {"ECE, MCE, Brier score", 1e-14, 0}};
    each_case("stats/calibration", check_calibration, kinds, COUNT_OF(kinds));
}

static bool check_isotonic(const json_t *item, observed *kind)
{
    static const struct {
        const char *key;
        bool is_weighted, is_falling;
    } forms[] = {{"increasing", false, false},
                 {"increasing_weighted", true, false},
                 {"decreasing", false, true},
                 {"decreasing_weighted", true, true}};
    size_t count;
    double *y = array_of(item, "y", &count), *weight = array_of(item, "weight", NULL);
    double *fitted = array_of(item, "y", NULL);
    bool is_passed = true;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        spur_error error;
        assert_ok(statistics_isotonic(y, forms[i].is_weighted ? weight : NULL, count,
                                      forms[i].is_falling, fitted, &error),
                  error);
        is_passed = near_array(kind, fitted, item, forms[i].key, 1) && is_passed;
    }
    free(y);
    free(weight);
    free(fitted);
    return is_passed;
}

static void isotonic(void **state)
{
    (void)state;
    observed kinds[] = {{"fitted values", 1e-13, 0}};
    each_case("stats/isotonic", check_isotonic, kinds, COUNT_OF(kinds));
}

/* ---- special functions ------------------------------------------------------------------- */

static double special_value(const char *name, const double argument[3])
{
    if (strcmp(name, "norm_ppf") == 0) {
        return normal_quantile(argument[0]);
    }
    if (strcmp(name, "norm_sf") == 0) {
        return normal_upper(argument[0]);
    }
    if (strcmp(name, "beta_ppf") == 0) {
        return beta_quantile(argument[0], argument[1], argument[2]);
    }
    if (strcmp(name, "t_sf") == 0) {
        return student_upper(argument[0], argument[1]);
    }
    if (strcmp(name, "chi2_sf") == 0) {
        return chi_squared_upper(argument[0], argument[1]);
    }
    assert_string_equal(name, "binom_cdf");
    return binomial_lower((uint64_t)argument[0], (uint64_t)argument[1], 0.5);
}

static void special_functions(void **state)
{
    (void)state;
    observed kinds[] = {{"special functions", 1e-12, 0}};
    golden_tally tally = {.name = "stats/special"};
    json_t *root = load(tally.name);
    const char *name;
    json_t *rows;
    json_object_foreach(root, name, rows)
    {
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            double argument[4] = {0};
            size_t last = json_array_size(row) - 1;
            assert_in_range(last, 1, 3);
            for (size_t j = 0; j <= last; j++) {
                argument[j] = number_of(json_array_get(row, j));
            }
            double found = special_value(name, argument);
            add_case(&tally, observe(kinds, relative(found, argument[last], FLOOR)));
        }
    }
    json_decref(root);
    finish(&tally, kinds, COUNT_OF(kinds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles),        cmocka_unit_test(areas),
        cmocka_unit_test(correlations),     cmocka_unit_test(intervals),
        cmocka_unit_test(mcnemar),          cmocka_unit_test(adjustments),
        cmocka_unit_test(calibration),      cmocka_unit_test(isotonic),
        cmocka_unit_test(special_functions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
