/*
 * test_noise_draw.c - noise that is the same in any order, has the length asked for, and stays
 * in its region.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "pipeline/noise_draw.h"

enum {
    AREA = 24 * 24,
    FLOATS = 3 * AREA
};

static void make_id(unsigned char id[STORE_ID_SIZE])
{
    for (size_t i = 0; i < STORE_ID_SIZE; i++) {
        id[i] = (unsigned char)i;
    }
}

/* Made with a Philox and Box-Muller written apart from ours in Python's double arithmetic;
 * tolerance 1e-7 (one float32 ulp of 1.8 is 1.2e-7), observed 0. */
static void matches_an_independent_implementation(void **state)
{
    (void)state;
    static const double expected[] = {
        -1.157643437385559, 1.7145973443984985,  -0.1664111167192459, 0.7232425212860107,
        1.803127408027649,  0.06742968410253525, 0.13569004833698273, -0.846054196357727,
        1.2164020538330078, 0.6451146006584167};
    unsigned char id[STORE_ID_SIZE];
    float found[10];
    make_id(id);
    noise_draw(noise_key(7, id), 2, 10, found);
    for (size_t i = 0; i < 10; i++) {
        assert_true(fabs((double)found[i] - expected[i]) < 1e-7);
    }
}

static void every_part_of_the_key_matters(void **state)
{
    (void)state;
    unsigned char id[STORE_ID_SIZE], other[STORE_ID_SIZE];
    float base[64], found[64], part[13];
    make_id(id);
    noise_draw(noise_key(7, id), 0, 64, base);
    noise_draw(noise_key(7, id), 0, 13, part);
    assert_memory_equal(base, part, sizeof part); /* an element does not depend on the count */
    noise_draw(noise_key(8, id), 0, 64, found);
    assert_memory_not_equal(base, found, sizeof base);
    noise_draw(noise_key(7, id), 1, 64, found);
    assert_memory_not_equal(base, found, sizeof base);
    for (size_t i = 0; i < STORE_ID_SIZE; i++) {
        memcpy(other, id, sizeof other);
        other[i] ^= 0x80;
        noise_draw(noise_key(7, other), 0, 64, found);
        assert_memory_not_equal(base, found, sizeof base);
    }
}

/* 200,000 draws: standard errors of mean, variance and fourth moment 0.0022, 0.0032 and 0.022;
 * four of them are tolerated, observed 0.9, 0.4 and 0.7. */
static void is_normal(void **state)
{
    (void)state;
    enum {
        COUNT = 200000
    };
    static float found[COUNT];
    unsigned char id[STORE_ID_SIZE];
    double sum = 0, squares = 0, fourth = 0, neighbours = 0;
    make_id(id);
    noise_draw(noise_key(1, id), 0, COUNT, found);
    for (size_t i = 0; i < COUNT; i++) {
        double x = (double)found[i];
        assert_true(fabs(x) < 7);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        neighbours += i > 0 ? x * (double)found[i - 1] : 0;
    }
    assert_true(fabs(sum / COUNT) < 4 * 0.0022);
    assert_true(fabs(squares / COUNT - 1) < 4 * 0.0032);
    assert_true(fabs(fourth / COUNT - 3) < 4 * 0.022);
    assert_true(fabs(neighbours / COUNT) < 4 * 0.0022);
}

/* ---- adding it --------------------------------------------------------------------------- */

typedef struct scene {
    float draw[FLOATS], src[FLOATS], dst[FLOATS], other[FLOATS];
    unsigned char mask[AREA];
} scene;

/* Grey values over all of [0, 1] and a box of 9 x 5. */
static void make_scene(scene *out)
{
    unsigned char id[STORE_ID_SIZE];
    make_id(id);
    noise_draw(noise_key(3, id), 0, FLOATS, out->draw);
    memset(out->mask, 0, sizeof out->mask);
    for (size_t i = 0; i < FLOATS; i++) {
        out->src[i] = (float)(i % 256) / 255.0F;
    }
    for (size_t y = 4; y < 9; y++) {
        memset(out->mask + y * 24 + 3, 1, 9);
    }
}

static noise_request request_of(const scene *in, bool is_inside, double alpha, bool clamp)
{
    noise_request made = {in->draw, in->mask, AREA, is_inside, 0, clamp};
    double length = noise_length(&made);
    made.scale = length > 0 ? alpha / length : 0;
    return made;
}

/* Without the clamp the length is alpha but for rounding to float32 (tolerance 1e-6 of alpha,
 * observed 3e-8), and both regions' noise share no sample: the product is exactly 0. */
static void regions_are_orthogonal_and_of_length_alpha(void **state)
{
    (void)state;
    static scene in;
    static const double alphas[] = {0.5, 10, 100, 250};
    make_scene(&in);
    for (size_t a = 0; a < sizeof alphas / sizeof alphas[0]; a++) {
        noise_request fg = request_of(&in, true, alphas[a], false);
        noise_request bg = request_of(&in, false, alphas[a], false);
        double inside, outside, product = 0;
        noise_add(&fg, in.src, in.dst, &inside);
        noise_add(&bg, in.src, in.other, &outside);
        assert_true(fabs(inside - alphas[a]) < 1e-6 * alphas[a]);
        assert_true(fabs(outside - alphas[a]) < 1e-6 * alphas[a]);
        for (size_t i = 0; i < FLOATS; i++) {
            double f = (double)in.dst[i] - (double)in.src[i];
            double b = (double)in.other[i] - (double)in.src[i];
            product += f * b;
            assert_true(in.mask[i % AREA] != 0 ? b == 0 : f == 0);
        }
        assert_true(product == 0);
    }
}

/* Mean square of what was added per sample of a region. */
static double spread_in(const scene *in, const float *dst, unsigned char region, size_t *count)
{
    double sum = 0;
    *count = 0;
    for (size_t i = 0; i < FLOATS; i++) {
        if (in->mask[i % AREA] == region) {
            double moved = (double)dst[i] - (double)in->src[i];
            sum += moved * moved;
            (*count)++;
        }
    }
    return sqrt(sum / (double)*count);
}

/* One scale for both regions: sigma times the draw at every sample, so the deviation per sample
 * is sigma in both, within four standard errors of a deviation, 1 / sqrt(2 n) (observed 0.7 of
 * them on the object, 1.0 around it), whatever their sizes; the lengths differ by the sizes. */
static void a_sigma_is_the_same_at_every_sample(void **state)
{
    (void)state;
    static scene in;
    static const double sigmas[] = {0.05, 2};
    make_scene(&in);
    for (size_t s = 0; s < sizeof sigmas / sizeof sigmas[0]; s++) {
        const noise_request fg = {in.draw, in.mask, AREA, true, sigmas[s], false};
        const noise_request bg = {in.draw, in.mask, AREA, false, sigmas[s], false};
        double inside, outside;
        size_t n[2];
        noise_add(&fg, in.src, in.dst, &inside);
        noise_add(&bg, in.src, in.other, &outside);
        for (size_t i = 0; i < FLOATS; i++) { /* observed 2.4e-7 at sigma 2: rounding */
            const float *moved = in.mask[i % AREA] != 0 ? in.dst : in.other;
            double expected = (double)in.src[i] + sigmas[s] * (double)in.draw[i];
            assert_true(fabs((double)moved[i] - expected) < 5e-7);
        }
        double f = spread_in(&in, in.dst, 1, &n[0]) / sigmas[s];
        double b = spread_in(&in, in.other, 0, &n[1]) / sigmas[s];
        assert_true(fabs(f - 1) < 4 / sqrt(2 * (double)n[0]));
        assert_true(fabs(b - 1) < 4 / sqrt(2 * (double)n[1]));
        assert_true(outside > 3 * inside); /* 135 samples and 1593 */
    }
}

/* Noise of both regions comes from one draw: inside it is draw * alpha / ||draw * m||. */
static void is_the_draw_scaled(void **state)
{
    (void)state;
    static scene in;
    double squares = 0, realised;
    make_scene(&in);
    for (size_t i = 0; i < FLOATS; i++) {
        squares += in.mask[i % AREA] != 0 ? (double)in.draw[i] * (double)in.draw[i] : 0;
    }
    noise_request fg = request_of(&in, true, 2, false);
    noise_add(&fg, in.src, in.dst, &realised);
    for (size_t i = 0; i < FLOATS; i++) {
        double expected = (double)in.src[i];
        expected += in.mask[i % AREA] != 0 ? 2 / sqrt(squares) * (double)in.draw[i] : 0;
        assert_true(fabs((double)in.dst[i] - expected) < 1e-7); /* observed 6e-8: rounding */
    }
}

static void clamp_shortens(void **state)
{
    (void)state;
    static scene in;
    double realised, again = 0;
    make_scene(&in);
    noise_request fg = request_of(&in, true, 250, true);
    noise_add(&fg, in.src, in.dst, &realised);
    for (size_t i = 0; i < FLOATS; i++) {
        assert_true(in.dst[i] >= 0.0F && in.dst[i] <= 1.0F);
        double moved = (double)in.dst[i] - (double)in.src[i];
        again += moved * moved;
    }
    assert_true(realised > 0 && realised < 250);
    assert_true(fabs(realised - sqrt(again)) < 1e-12 * realised); /* observed below 1e-15 */
}

static void nothing_to_add_changes_nothing(void **state)
{
    (void)state;
    static scene in;
    double realised = 1;
    make_scene(&in);
    noise_request zero = request_of(&in, true, 0, true);
    noise_add(&zero, in.src, in.dst, &realised);
    assert_memory_equal(in.src, in.dst, sizeof in.src);
    assert_true(realised == 0);
    memset(in.mask, 0, sizeof in.mask);
    noise_request empty = request_of(&in, true, 100, true);
    noise_add(&empty, in.src, in.dst, &realised);
    assert_memory_equal(in.src, in.dst, sizeof in.src);
    assert_true(realised == 0);
    memset(in.mask, 1, sizeof in.mask);
    noise_request full = request_of(&in, false, 100, true);
    noise_add(&full, in.src, in.dst, &realised);
    assert_memory_equal(in.src, in.dst, sizeof in.src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_an_independent_implementation),
        cmocka_unit_test(every_part_of_the_key_matters),
        cmocka_unit_test(is_normal),
        cmocka_unit_test(regions_are_orthogonal_and_of_length_alpha),
        cmocka_unit_test(a_sigma_is_the_same_at_every_sample),
        cmocka_unit_test(is_the_draw_scaled),
        cmocka_unit_test(clamp_shortens),
        cmocka_unit_test(nothing_to_add_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
