/*
 * test_permutation.c - shuffled ranks: exact chances of small classes, uniform p where ranks
 * mean nothing, a planted effect found, the same numbers for any number of threads.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/permutation.h"

enum {
    CLASSES = 16,
    SIZE = 120, /* images of a class */
    IMAGES = CLASSES * SIZE,
    ENDS = 40,
    SEEDS = 200
};

static permutation_result run(const permutation_rows *rows, uint64_t seed, size_t draws,
                              size_t threads)
{
    spur_error error;
    permutation_result out = {NULL, NULL, NULL};
    assert_ok(permutation_run(rows, seed, draws, threads, &out, &error), error);
    return out;
}

/* Of six ways to choose the clear two of four, two are as far apart as 0 0 1 1. */
static void exact_chances(void **state)
{
    const size_t first[] = {0, 4, 4};
    const uint32_t ends[] = {2, 0};
    const unsigned char correct[] = {0, 1, 0, 1, 1, 1, 1, 0}; /* two heads: 0011 and 1110 */
    const permutation_rows rows = {2, 2, first, correct, ends, ends, NULL};
    (void)state;
    permutation_result out = run(&rows, 1, 20000, 1);
    assert_true(out.heads[0].all.gap == 1 && out.heads[1].all.gap == -0.5);
    /* 1/3 and 1; five standard deviations are 0.017; seen: 0.002. */
    print_message("p of 1/3 away by %.4f\n", fabs(out.heads[0].all.p - 1.0 / 3));
    assert_true(fabs(out.heads[0].all.p - 1.0 / 3) < 0.017);
    assert_true(out.heads[1].all.p == 1);
    assert_true(out.heads[0].band == 1 && out.heads[1].band == 0.5);
    assert_true(out.classes[0].p == out.heads[0].all.p && out.holm[0] == out.classes[0].p);
    assert_true(isnan(out.classes[2].gap) && isnan(out.holm[2]));
    permutation_result_free(&out);
}

/* Right with a chance that rises by `effect` from the most hidden to the clearest image. */
static void make_answers(unsigned char *correct, uint64_t seed, double effect)
{
    random_key key = random_key_make(seed, "test answers");
    for (size_t i = 0; i < IMAGES; i++) {
        double place = ((double)(i % SIZE) + 0.5) / SIZE - 0.5;
        size_t class_index = i / SIZE;
        double chance = 0.4 + 0.02 * (double)class_index + effect * place;
        correct[i] = random_uniform(key, 0, i) < chance;
    }
}

static permutation_rows standard_rows(size_t *first, uint32_t *ends,
                                      const unsigned char *correct)
{
    for (size_t c = 0; c <= CLASSES; c++) {
        first[c] = c * SIZE;
    }
    for (size_t c = 0; c < CLASSES; c++) {
        ends[c] = ENDS;
    }
    return (permutation_rows){CLASSES, 1, first, correct, ends, ends, NULL};
}

static int compare_doubles(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Kolmogorov and Smirnov's distance from the uniform distribution. */
static double distance_from_uniform(double *p, size_t count)
{
    double distance = 0;
    qsort(p, count, sizeof *p, compare_doubles);
    for (size_t i = 0; i < count; i++) {
        distance = fmax(distance, fabs(p[i] - (double)i / (double)count));
        distance = fmax(distance, fabs(p[i] - (double)(i + 1) / (double)count));
    }
    return distance;
}

/* 1.628 / sqrt(200): the 1 % critical value. */
#define CRITICAL 0.1151

static double distance_with(double effect)
{
    static unsigned char correct[IMAGES];
    static double p[SEEDS];
    size_t first[CLASSES + 1];
    uint32_t ends[CLASSES];
    permutation_rows rows = standard_rows(first, ends, correct);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        make_answers(correct, seed, effect);
        permutation_result out = run(&rows, seed, 199, 2);
        p[seed] = out.heads[0].all.p;
        permutation_result_free(&out);
    }
    return distance_from_uniform(p, SEEDS);
}

static void no_effect_is_uniform(void **state)
{
    (void)state;
    double distance = distance_with(0);
    print_message("distance without effect %.4f, critical %.4f\n", distance, CRITICAL);
    assert_true(distance < CRITICAL); /* seen: 0.075 */
    assert_true(distance_with(0.06) > CRITICAL);
}

static void a_planted_effect_is_found(void **state)
{
    static unsigned char correct[IMAGES];
    size_t first[CLASSES + 1];
    uint32_t ends[CLASSES];
    permutation_rows rows = standard_rows(first, ends, correct);
    (void)state;
    make_answers(correct, 1, 0.3); /* a gap of 0.2 is planted */
    permutation_result out = run(&rows, 1, 2000, 1);
    assert_true(out.heads[0].all.p == 1.0 / 2001);
    assert_true(out.heads[0].all.gap > 2 * out.heads[0].band);
    assert_true(fabs(out.heads[0].all.gap - 0.2) < 0.08);
    permutation_result_free(&out);
}

/* ---- a real run ---------------------------------------------------------------------------
 */

enum {
    DEMO_CLASSES = 8,
    DEMO_SIZE = 160,
    DEMO_IMAGES = DEMO_CLASSES * DEMO_SIZE
};

/* Answers of the demo's ViT (spur demo --classes 8 --images 160, split train, head original): a
 * line per class, right or wrong from rank 1 on. */
static void read_answers(unsigned char *correct)
{
    FILE *file = fopen(data_path("demo-answers.txt"), "r");
    assert_non_null(file);
    for (size_t i = 0; i < DEMO_IMAGES;) {
        int letter = fgetc(file);
        assert_true(letter == '0' || letter == '1' || letter == '\n');
        if (letter != '\n') {
            correct[i++] = letter == '1';
        }
    }
    (void)fclose(file);
}

static void shuffle_class(unsigned char *correct, uint64_t seed, size_t class_index)
{
    random_key key = random_key_make(seed, "test shuffle");
    for (size_t i = DEMO_SIZE - 1; i > 0; i--) {
        size_t j = (size_t)random_below(key, class_index, i, i + 1);
        unsigned char kept = correct[i];
        correct[i] = correct[j];
        correct[j] = kept;
    }
}

static void a_real_run_shuffled_is_uniform(void **state)
{
    static unsigned char correct[DEMO_IMAGES];
    static double p[SEEDS];
    size_t first[DEMO_CLASSES + 1];
    uint32_t ends[DEMO_CLASSES];
    const permutation_rows rows = {DEMO_CLASSES, 1, first, correct, ends, ends, NULL};
    (void)state;
    for (size_t c = 0; c <= DEMO_CLASSES; c++) {
        first[c] = c * DEMO_SIZE;
    }
    for (size_t c = 0; c < DEMO_CLASSES; c++) {
        ends[c] = ENDS;
    }
    read_answers(correct);
    permutation_result real = run(&rows, 0, 2000, 2);
    assert_true(real.heads[0].all.p == 1.0 / 2001 && real.heads[0].all.gap > 0.1);
    permutation_result_free(&real);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (size_t c = 0; c < DEMO_CLASSES; c++) {
            shuffle_class(correct + c * DEMO_SIZE, seed, c);
        }
        permutation_result out = run(&rows, seed, 199, 2);
        p[seed] = out.heads[0].all.p;
        permutation_result_free(&out);
    }
    double distance = distance_from_uniform(p, SEEDS);
    print_message("distance of shuffled real ranks %.4f, critical %.4f\n", distance, CRITICAL);
    assert_true(distance < CRITICAL); /* seen: 0.095, much of it the steps of a gap of counts */
}

/* 19 heads in lanes of three words, ends of other sizes, classes left out. */
static void threads_and_packing_change_nothing(void **state)
{
    enum {
        HEADS = 19
    };
    static unsigned char many[IMAGES * HEADS], one[IMAGES];
    size_t first[CLASSES + 1];
    uint32_t hidden[CLASSES], clear[CLASSES];
    unsigned char counted[CLASSES];
    permutation_rows rows = standard_rows(first, hidden, many);
    (void)state;
    for (size_t c = 0; c < CLASSES; c++) {
        clear[c] = (uint32_t)(ENDS + c % 3);
        counted[c] = c % 4 != 0;
    }
    for (size_t h = 0; h < HEADS; h++) {
        make_answers(one, 100 + h, 0.02 * (double)h);
        for (size_t i = 0; i < IMAGES; i++) {
            many[i * HEADS + h] = one[i];
        }
    }
    rows.head_count = HEADS;
    rows.clear = clear;
    rows.is_counted = counted;
    permutation_result a = run(&rows, 3, 200, 1);
    for (size_t threads = 2; threads <= 8; threads = threads * 2 - threads / 3) {
        permutation_result b = run(&rows, 3, 200, threads);
        assert_memory_equal(a.heads, b.heads, HEADS * sizeof *a.heads);
        assert_memory_equal(a.classes, b.classes, CLASSES * HEADS * sizeof *a.classes);
        assert_memory_equal(a.holm, b.holm, CLASSES * HEADS * sizeof *a.holm);
        permutation_result_free(&b);
    }
    /* The last head alone. */
    rows.head_count = 1;
    rows.correct = one;
    permutation_result alone = run(&rows, 3, 200, 2);
    assert_memory_equal(&alone.heads[0], &a.heads[HEADS - 1], sizeof alone.heads[0]);
    assert_true(a.heads[0].counted.gap != a.heads[0].all.gap);
    permutation_result_free(&alone);
    permutation_result_free(&a);
}

static void memory_can_fail(void **state)
{
    const size_t first[] = {0, 4};
    const uint32_t ends[] = {2};
    const unsigned char correct[] = {0, 0, 1, 1};
    const permutation_rows rows = {1, 1, first, correct, ends, ends, NULL};
    permutation_result out = {NULL, NULL, NULL};
    (void)state;
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        assert_in_range(n, 1, 100);
        memory_fail_at(n, false);
        status = permutation_run(&rows, 1, 3, 1, &out, NULL);
        memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
    permutation_result_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_chances),
        cmocka_unit_test(no_effect_is_uniform),
        cmocka_unit_test(a_planted_effect_is_found),
        cmocka_unit_test(a_real_run_shuffled_is_uniform),
        cmocka_unit_test(threads_and_packing_change_nothing),
        cmocka_unit_test(memory_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
