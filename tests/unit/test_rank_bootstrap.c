/* test_rank_bootstrap.c - draws of classes against a twin that copies the images. */
#include "pipeline/rank_bootstrap.h"

#include "support.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/statistics_intervals.h"

enum {
    MOST = 2000,
    DRAWS = 60
};

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%.17g, expected %.17g", found, expected);
    }
}

static curve_rows new_rows(size_t classes)
{
    spur_error error;
    curve_rows rows = {.class_count = classes};
    assert_ok(memory_new(MOST, sizeof(uint32_t), &rows.class_index, &error), error);
    assert_ok(memory_new(MOST, sizeof(uint32_t), &rows.rank, &error), error);
    assert_ok(memory_new(MOST, sizeof(uint32_t), &rows.size, &error), error);
    assert_ok(memory_new(MOST, 1, &rows.correct, &error), error);
    return rows;
}

static void add_class(curve_rows *rows, uint32_t class_index, uint32_t size, uint64_t seed)
{
    random_key key = random_key_make(seed, "test");
    for (uint32_t r = 1; r <= size; r++) {
        rows->class_index[rows->count] = class_index;
        rows->rank[rows->count] = r;
        rows->size[rows->count] = size;
        rows->correct[rows->count++] =
            random_uniform(key, class_index, r) < 0.4 + 0.5 * (double)r / (double)size ? 1 : 0;
    }
}

/* Class 2 of 5 has no images. */
static curve_rows make_rows(bool is_even)
{
    curve_rows rows = new_rows(5);
    add_class(&rows, 0, 16, 1);
    add_class(&rows, 1, is_even ? 16 : 9, 1);
    add_class(&rows, 3, is_even ? 16 : 30, 1);
    add_class(&rows, 4, is_even ? 16 : 21, 1);
    return rows;
}

/* The images of the classes drawn, a class drawn twice as two classes. */
static curve_rows copy_drawn(const curve_rows *from, const uint16_t *times)
{
    curve_rows out = new_rows(100);
    uint32_t next = 0;
    for (uint32_t c = 0; c < from->class_count; c++) {
        for (uint16_t t = 0; t < times[c]; t++, next++) {
            for (size_t i = 0; i < from->count; i++) {
                if (from->class_index[i] == c) {
                    out.class_index[out.count] = next;
                    out.rank[out.count] = from->rank[i];
                    out.size[out.count] = from->size[i];
                    out.correct[out.count++] = from->correct[i];
                }
            }
        }
    }
    return out;
}

/* Bins of the observed sizes: a draw may hold classes of one size only. */
static double twin_worst(const curve_rows *drawn, const curve_binning *binning)
{
    double worst = (double)NAN;
    for (size_t b = 0; b < binning->count; b++) {
        double sum = 0.0, classes = 0.0, n = 0.0, right = 0.0;
        for (uint32_t c = 0; c < drawn->class_count; c++) {
            double class_n = 0.0, class_right = 0.0;
            for (size_t i = 0; i < drawn->count; i++) {
                if (drawn->class_index[i] == c &&
                    curve_bin_of(binning, drawn->rank[i], drawn->size[i]) == b) {
                    class_n += 1.0;
                    class_right += (double)drawn->correct[i];
                }
            }
            n += class_n;
            right += class_right;
            sum += class_n > 0.0 ? class_right / class_n : 0.0;
            classes += class_n > 0.0 ? 1.0 : 0.0;
        }
        double here = binning->is_even ? right / n : sum / classes;
        worst = isnan(worst) || here < worst ? here : worst;
    }
    return worst;
}

static double twin_deviation(const curve_rows *from, const curve_rows *drawn)
{
    spur_error error;
    curve_point *observed = NULL;
    size_t count = 0;
    double largest = 0.0;
    assert_ok(curve_points(from, &observed, &count, &error), error);
    for (size_t r = 0; r < count; r++) {
        double n = 0.0, right = 0.0;
        for (size_t i = 0; i < drawn->count; i++) {
            n += drawn->rank[i] == r + 1 ? 1.0 : 0.0;
            right += drawn->rank[i] == r + 1 ? (double)drawn->correct[i] : 0.0;
        }
        statistics_interval wilson =
            statistics_wilson(observed[r].correct, observed[r].n, 0.05);
        double away = fabs(right / n - (double)observed[r].correct / (double)observed[r].n) /
                      ((wilson.high - wilson.low) / 2.0 / 1.959963984540054);
        largest = away > largest ? away : largest;
    }
    memory_free(observed);
    return largest;
}

/* Tolerance 1e-12; observed 9e-16. */
static void check_against_twin(bool is_even)
{
    static const curve_k ks[] = {{5, false}, {250000, true}};
    spur_error error;
    curve_rows rows = make_rows(is_even);
    curve_binning binning = curve_bins_of(&rows);
    bootstrap_weights weights;
    bootstrap_draws draws;
    assert_int_equal(binning.is_even, is_even);
    assert_ok(bootstrap_weights_make(&rows, 7, DRAWS, 1, &weights, &error), error);
    assert_ok(bootstrap_curve(&rows, &weights, ks, 2, 1, &draws, &error), error);
    for (size_t d = 0; d < DRAWS; d++) {
        curve_rows drawn = copy_drawn(&rows, weights.times + d * 5);
        double right = 0.0;
        for (size_t i = 0; i < drawn.count; i++) {
            right += (double)drawn.correct[i];
        }
        assert_near(draws.mean[d], right / (double)drawn.count, 1e-12);
        assert_near(draws.slope[d], curve_slope(&drawn), 1e-12);
        assert_near(draws.worst[d], twin_worst(&drawn, &binning), 1e-12);
        assert_near(draws.deviation[d], twin_deviation(&rows, &drawn), 1e-12);
        for (size_t k = 0; k < 2; k++) {
            assert_near(draws.gap[k * DRAWS + d], curve_gap_at(&drawn, ks[k]).gap, 1e-12);
        }
        curve_rows_free(&drawn);
    }
    bootstrap_draws_free(&draws);
    bootstrap_weights_free(&weights);
    curve_rows_free(&rows);
}

static void even_classes(void **state)
{
    (void)state;
    check_against_twin(true);
}

static void uneven_classes(void **state)
{
    (void)state;
    check_against_twin(false);
}

/* As many classes as there are, none without images, the same for other numbers of threads,
 * others for another seed. */
static void weights_are_draws(void **state)
{
    spur_error error;
    curve_rows rows = make_rows(false);
    bootstrap_weights one, three, other;
    (void)state;
    assert_ok(bootstrap_weights_make(&rows, 3, DRAWS, 1, &one, &error), error);
    assert_ok(bootstrap_weights_make(&rows, 3, DRAWS, 3, &three, &error), error);
    assert_ok(bootstrap_weights_make(&rows, 4, DRAWS, 1, &other, &error), error);
    for (size_t d = 0; d < DRAWS; d++) {
        unsigned sum = 0;
        for (size_t c = 0; c < 5; c++) {
            sum += one.times[d * 5 + c];
        }
        assert_int_equal(sum, 4);
        assert_int_equal(one.times[d * 5 + 2], 0);
    }
    assert_memory_equal(one.times, three.times, sizeof(uint16_t) * DRAWS * 5);
    assert_int_not_equal(memcmp(one.times, other.times, sizeof(uint16_t) * DRAWS * 5), 0);
    bootstrap_weights_free(&one);
    bootstrap_weights_free(&three);
    bootstrap_weights_free(&other);
    curve_rows_free(&rows);
}

static void threads_give_the_same_bits(void **state)
{
    static const curve_k ks[] = {{4, false}};
    spur_error error;
    curve_rows rows = make_rows(false);
    bootstrap_weights weights;
    bootstrap_draws one, eight;
    (void)state;
    assert_ok(bootstrap_weights_make(&rows, 3, DRAWS, 1, &weights, &error), error);
    assert_ok(bootstrap_curve(&rows, &weights, ks, 1, 1, &one, &error), error);
    assert_ok(bootstrap_curve(&rows, &weights, ks, 1, 8, &eight, &error), error);
    assert_memory_equal(one.mean, eight.mean, DRAWS * sizeof(double));
    assert_memory_equal(one.slope, eight.slope, DRAWS * sizeof(double));
    assert_memory_equal(one.worst, eight.worst, DRAWS * sizeof(double));
    assert_memory_equal(one.gap, eight.gap, DRAWS * sizeof(double));
    assert_memory_equal(one.deviation, eight.deviation, DRAWS * sizeof(double));
    bootstrap_draws_free(&one);
    bootstrap_draws_free(&eight);
    bootstrap_weights_free(&weights);
    curve_rows_free(&rows);
}

/* numpy.quantile([..], [.025, .975]) of 0..40 is 1 and 39; NaN draws are left out. */
static void intervals(void **state)
{
    spur_error error;
    double values[42], zero[42] = {0.0}, median;
    bootstrap_interval found;
    (void)state;
    for (size_t i = 0; i < 41; i++) {
        values[i] = (double)(i * 7 % 41);
    }
    values[41] = (double)NAN;
    assert_ok(bootstrap_interval_of(values, NULL, 42, &found, &error), error);
    assert_near(found.low, 1.0, 1e-12);
    assert_near(found.high, 39.0, 1e-12);
    assert_ok(bootstrap_interval_of(zero, values, 42, &found, &error), error);
    assert_near(found.low, -39.0, 1e-12);
    assert_ok(bootstrap_quantile(values, 42, 0.5, &median, &error), error);
    assert_near(median, 20.0, 1e-12);
    assert_ok(bootstrap_interval_of(values + 40, NULL, 2, &found, &error), error);
    assert_true(isnan(found.low));
}

/* Every allocation fails once. */
static void survives_without_memory(void **state)
{
    static const curve_k ks[] = {{4, false}};
    spur_error error;
    curve_rows rows = make_rows(true);
    spur_status status = SPUR_RESOURCE;
    (void)state;
    for (size_t n = 1; status != SPUR_OK; n++) {
        bootstrap_weights weights = {0, 0, NULL};
        bootstrap_draws draws = {.draws = 0};
        assert_true(n < 100);
        (void)memory_fail_at(n, false);
        status = bootstrap_weights_make(&rows, 3, 4, 1, &weights, &error);
        if (status == SPUR_OK) {
            status = bootstrap_curve(&rows, &weights, ks, 1, 1, &draws, &error);
        }
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        bootstrap_draws_free(&draws);
        bootstrap_weights_free(&weights);
    }
    curve_rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_classes),      cmocka_unit_test(uneven_classes),
        cmocka_unit_test(weights_are_draws), cmocka_unit_test(threads_give_the_same_bits),
        cmocka_unit_test(intervals),         cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
