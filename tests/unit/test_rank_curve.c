/* test_rank_curve.c - curves by rank against a plain twin, and their identities. */
#include "pipeline/rank_curve.h"

#include "support.h"

#include <math.h>
#include <string.h>

#include "base/random.h"

enum {
    MOST = 4000
};

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%.17g, expected %.17g", found, expected);
    }
}

/* Class c has sizes[c] images; image (c, rank) is right when a Philox number says so, more
 * often at high ranks. Every 17th image is not judged when has_holes. */
static curve_rows make_rows(const uint32_t *sizes, size_t classes, uint64_t seed,
                            bool has_holes)
{
    spur_error error;
    curve_rows rows = {.class_count = classes};
    random_key key = random_key_make(seed, "test");
    size_t serial = 0;
    assert_ok(memory_new(MOST, sizeof(uint32_t), &rows.class_index, &error), error);
    assert_ok(memory_new(MOST, sizeof(uint32_t), &rows.rank, &error), error);
    assert_ok(memory_new(MOST, sizeof(uint32_t), &rows.size, &error), error);
    assert_ok(memory_new(MOST, 1, &rows.correct, &error), error);
    for (size_t c = 0; c < classes; c++) {
        for (uint32_t r = 1; r <= sizes[c]; r++, serial++) {
            if (has_holes && serial % 17 == 5) {
                continue;
            }
            double chance = 0.3 + 0.6 * (double)r / (double)sizes[c];
            rows.class_index[rows.count] = (uint32_t)c;
            rows.rank[rows.count] = r;
            rows.size[rows.count] = sizes[c];
            rows.correct[rows.count++] = random_uniform(key, c, r) < chance ? 1 : 0;
        }
    }
    return rows;
}

static void plain_point(const curve_rows *rows, uint32_t rank, uint64_t *n, uint64_t *correct)
{
    *n = *correct = 0;
    for (size_t i = 0; i < rows->count; i++) {
        *n += rows->rank[i] == rank ? 1 : 0;
        *correct += rows->rank[i] == rank ? rows->correct[i] : 0;
    }
}

static void points_are_counts(void **state)
{
    static const uint32_t sizes[] = {9, 14, 0, 11};
    spur_error error;
    curve_rows rows = make_rows(sizes, 4, 1, true);
    curve_point *points = NULL;
    size_t count = 0;
    (void)state;
    assert_ok(curve_points(&rows, &points, &count, &error), error);
    assert_int_equal(count, 9); /* where the smallest class ends */
    for (uint32_t r = 1; r <= count; r++) {
        uint64_t n, correct;
        plain_point(&rows, r, &n, &correct);
        assert_int_equal(points[r - 1].n, n);
        assert_int_equal(points[r - 1].correct, correct);
    }
    memory_free(points);
    curve_rows_free(&rows);
}

/* Equal class sizes: the mean of the curve is the accuracy over images. Tolerance 1e-15;
 * observed 1.1e-16. */
static void mean_of_curve_is_accuracy(void **state)
{
    static const uint32_t sizes[] = {23, 23, 23, 23, 23};
    spur_error error;
    curve_rows rows = make_rows(sizes, 5, 2, false);
    curve_point *points = NULL;
    size_t count = 0, right = 0;
    (void)state;
    assert_ok(curve_points(&rows, &points, &count, &error), error);
    for (size_t i = 0; i < rows.count; i++) {
        right += rows.correct[i];
    }
    assert_near(curve_mean(points, count), (double)right / (double)rows.count, 1e-15);
    memory_free(points);
    curve_rows_free(&rows);
}

/* Bins of equal classes against counting; the last takes what is left. */
static void even_bins(void **state)
{
    static const uint32_t sizes[] = {23, 23, 23};
    static const uint32_t ends[] = {5, 10, 15, 23};
    spur_error error;
    curve_rows rows = make_rows(sizes, 3, 3, false);
    curve_bin *bins = NULL;
    size_t count = 0, worst;
    uint32_t first = 1;
    (void)state;
    assert_ok(curve_bins(&rows, &bins, &count, &error), error);
    assert_int_equal(count, 4);
    for (size_t b = 0; b < count; first = ends[b++] + 1) {
        uint64_t n = 0, correct = 0;
        for (uint32_t r = first; r <= ends[b]; r++) {
            uint64_t here, right;
            plain_point(&rows, r, &here, &right);
            n += here;
            correct += right;
        }
        assert_int_equal(bins[b].n, n);
        assert_near(bins[b].accuracy, (double)correct / (double)n, 1e-15);
        assert_near(bins[b].trials, (double)n, 1e-12);
        assert_near(bins[b].from, (double)(first - 1) / 23.0, 1e-15);
        assert_near(bins[b].to, (double)ends[b] / 23.0, 1e-15);
    }
    worst = curve_worst_bin(bins, count);
    for (size_t b = 0; b < count; b++) {
        assert_true(bins[worst].accuracy <= bins[b].accuracy);
    }
    memory_free(bins);
    curve_rows_free(&rows);
}

/* Uneven classes: a class counts once in a bin, however many images it has there. */
static void uneven_bins(void **state)
{
    static const uint32_t sizes[] = {40, 11, 200};
    spur_error error;
    curve_rows rows = make_rows(sizes, 3, 4, true);
    curve_bin *bins = NULL;
    size_t count = 0;
    (void)state;
    assert_ok(curve_bins(&rows, &bins, &count, &error), error);
    assert_int_equal(count, CURVE_MOST_BINS);
    for (size_t b = 0; b < count; b++) {
        double sum = 0.0, inverse = 0.0, classes = 0.0;
        for (uint32_t c = 0; c < 3; c++) {
            double n = 0.0, correct = 0.0;
            for (size_t i = 0; i < rows.count; i++) {
                double at = ((double)rows.rank[i] - 0.5) / (double)rows.size[i];
                bool is_here = rows.class_index[i] == c && at >= (double)b / 20.0 &&
                               at < (double)(b + 1) / 20.0;
                n += is_here ? 1.0 : 0.0;
                correct += is_here ? (double)rows.correct[i] : 0.0;
            }
            sum += n > 0.0 ? correct / n : 0.0;
            inverse += n > 0.0 ? 1.0 / n : 0.0;
            classes += n > 0.0 ? 1.0 : 0.0;
        }
        assert_int_equal(bins[b].classes, (size_t)classes);
        assert_near(bins[b].accuracy, sum / classes, 1e-15);
        assert_near(bins[b].trials, classes * classes / inverse, 1e-12);
    }
    memory_free(bins);
    curve_rows_free(&rows);
}

static void gap_takes_both_ends(void **state)
{
    static const uint32_t sizes[] = {30, 7, 1};
    spur_error error;
    curve_rows rows = make_rows(sizes, 3, 5, true);
    uint64_t n[2] = {0, 0}, correct[2] = {0, 0};
    curve_gap gap = curve_gap_at(&rows, (curve_k){10, false});
    (void)state;
    (void)error;
    for (size_t i = 0; i < rows.count; i++) {
        uint32_t end = rows.size[i] == 30 ? 10 : rows.size[i] == 7 ? 3 : 0;
        bool is_hidden = rows.rank[i] <= end, is_clear = rows.rank[i] > rows.size[i] - end;
        if (is_hidden || is_clear) {
            n[is_clear]++;
            correct[is_clear] += rows.correct[i];
        }
    }
    assert_int_equal(gap.hidden_n, n[0]);
    assert_int_equal(gap.clear_n, n[1]);
    assert_int_equal(gap.hidden_correct, correct[0]);
    assert_int_equal(gap.clear_correct, correct[1]);
    assert_near(gap.gap, (double)correct[1] / (double)n[1] - (double)correct[0] / (double)n[0],
                1e-15);
    assert_int_equal(curve_k_of((curve_k){100000, true}, 30), 3);  /* 10 % */
    assert_int_equal(curve_k_of((curve_k){100000, true}, 4), 1);   /* at least one */
    assert_int_equal(curve_k_of((curve_k){900000, true}, 30), 15); /* at most half */
    assert_int_equal(curve_k_of((curve_k){900000, true}, 1), 0);
    curve_rows_free(&rows);
}

/* Ranks turned round: the gap and the slope change their sign. Slope tolerance 1e-14; observed
 * 1.1e-16. */
static void reversed_ranks(void **state)
{
    static const uint32_t sizes[] = {12, 31};
    curve_rows rows = make_rows(sizes, 2, 6, false);
    double slope = curve_slope(&rows), gap = curve_gap_at(&rows, (curve_k){6, false}).gap;
    (void)state;
    for (size_t i = 0; i < rows.count; i++) {
        rows.rank[i] = rows.size[i] + 1 - rows.rank[i];
    }
    assert_true(slope > 0.0);
    assert_near(curve_slope(&rows), -slope, 1e-14);
    assert_near(curve_gap_at(&rows, (curve_k){6, false}).gap, -gap, 1e-15);
    curve_rows_free(&rows);
}

static void nothing_is_undefined(void **state)
{
    spur_error error;
    curve_rows rows = {.class_count = 3};
    curve_point *points = NULL;
    curve_bin *bins = NULL;
    size_t count = 7;
    (void)state;
    assert_ok(curve_points(&rows, &points, &count, &error), error);
    assert_int_equal(count, 0);
    assert_true(isnan(curve_mean(points, count)));
    assert_ok(curve_bins(&rows, &bins, &count, &error), error);
    assert_int_equal(count, 0);
    assert_int_equal(curve_worst_bin(bins, count), 0);
    assert_true(isnan(curve_gap_at(&rows, (curve_k){5, false}).gap));
    assert_true(isnan(curve_slope(&rows)));
    memory_free(points);
    memory_free(bins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_counts),
        cmocka_unit_test(mean_of_curve_is_accuracy),
        cmocka_unit_test(even_bins),
        cmocka_unit_test(uneven_bins),
        cmocka_unit_test(gap_takes_both_ends),
        cmocka_unit_test(reversed_ranks),
        cmocka_unit_test(nothing_is_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
