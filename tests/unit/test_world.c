/*
 * test_world.c - pixels that may never change, frequencies of what is planted, and that an
 * image depends on nothing but its number.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/digest.h"
#include "demo/world.h"

enum {
    SAMPLE = 1500
};

static void hash_of(const unsigned char *pixels, char hex[DIGEST_HEX_SIZE])
{
    unsigned char sum[DIGEST_SIZE];
    spur_error error;
    assert_ok(digest_of(pixels, SCENE_BYTES, sum, &error), error);
    digest_hex(sum, sizeof sum, hex);
}

static world_options biased(void)
{
    world_options options = world_options_plain(10);
    options.none = 0.05;
    options.wrong = 0.02;
    options.skew = 1.5;
    return options;
}

static void check_hash(const char *what, const unsigned char *pixels, const char *expected)
{
    char hex[DIGEST_HEX_SIZE];
    hash_of(pixels, hex);
    if (strcmp(hex, expected) != 0) {
        fail_msg("%s: %s", what, hex);
    }
}

/* The weights of the demo's models belong to these pixels: the same on every machine. */
static void test_pixels_are_pinned(void **state)
{
    (void)state;
    static const char *const images[10] = {
        "d4235353ff5025650b65b5323cda2b6715c0ae746f65bf68d9b8b0f1dff89d58",
        "395ce136540371f94f95a6b32faa30ebd08eeed4210ebf4e8b95638d375718cb",
        "d6f5de757b5b1b21d0c419f0d1b438d75753c07d7e72ea36d724a3d762bff33b",
        "939bac67c473da50c70b22d4f1c0c1e41a0da63e2247dff0e2c39081e81f7084",
        "ff9880c4e6530cc2715bb5fde7a7c822a762127a45dc74aabb9aa073cea7dbf8",
        "08f04ee83aa57c1bf8f2edbdeab5e905f69ab353b8b98f59fd2cbd3f85af45c4",
        "2838b1ab2bbd35ba6bd40acb1f22d4c1c5ae73052ec8871772a3d6dc04ac0e6f",
        "f28b3500219fb11408674e2dc9cd4a0c308ba7112460b935d7eccdc60eece321",
        "d879c6a4c22e462c383d94af937de6550a989823a72abaa97d170c0806e6b7fd",
        "e717c7ef033363e29fa28dd01cf8adaab3b075d6da0573b7edd64e40188c37f0"};
    static const char *const scenes[3] = {
        "d3a53984b0b8856fdd98fbf8ca6859e8e33dac6df7a9ecb499e34862f21def45",
        "6677f45bb83d8d34d217e42c118ed13de573bcf75c8ca73a39eee1255ae277e4",
        "a2d933444d21ac59c3c52d435cfe5154b31dba4136c850eea1afcf4640c5f812"};
    unsigned char pixels[SCENE_BYTES];
    world_truth truth;
    world_object objects[SCENE_OBJECTS];
    world_options options = biased();
    for (size_t label = 0; label < 10; label++) {
        world_image(&options, world_key(1, "train"), label, label, pixels, &truth);
        check_hash(shape_name(label), pixels, images[label]);
    }
    for (size_t i = 0; i < 3; i++) {
        (void)world_scene(world_key(1, "scenes"), i, 0.5 * (double)i, pixels, objects);
        check_hash("scene", pixels, scenes[i]);
    }
}

static void test_image_depends_on_its_number_only(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES], again[SCENE_BYTES], other[SCENE_BYTES];
    world_truth truth, truth_again;
    world_options options = biased();
    random_key key = world_key(5, "train");
    world_image(&options, key, 3, 17, pixels, &truth);
    world_image(&options, key, 4, 17, other, &truth_again);
    assert_memory_not_equal(pixels, other, SCENE_BYTES);
    world_image(&options, world_key(5, "val"), 3, 17, other, &truth_again);
    assert_memory_not_equal(pixels, other, SCENE_BYTES);
    world_image(&options, world_key(6, "train"), 3, 17, other, &truth_again);
    assert_memory_not_equal(pixels, other, SCENE_BYTES);
    world_image(&options, key, 3, 17, again, &truth_again);
    assert_memory_equal(pixels, again, SCENE_BYTES);
    assert_true(truth.view.energy == truth_again.view.energy);
}

typedef struct tallies {
    double none, wrong, minority, clearness, background[10];
    double correlation; /* of energy and clearness, where the object is there */
} tallies;

static tallies count_images(const world_options *options, size_t label)
{
    static unsigned char pixels[SCENE_BYTES];
    tallies sum = {0};
    double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
    for (uint64_t i = 0; i < SAMPLE; i++) {
        world_truth truth;
        world_image(options, world_key(11, "test"), label, i, pixels, &truth);
        sum.none += truth.planted == WORLD_NONE;
        sum.wrong += truth.planted == WORLD_WRONG;
        sum.minority += truth.planted == WORLD_OK && truth.is_minority;
        sum.background[truth.background] += 1.0;
        sum.clearness += truth.clearness / SAMPLE;
        assert_true((truth.view.energy > 0.0) <= (truth.planted == WORLD_OK));
        assert_true(truth.is_minority == (truth.background != label));
        if (truth.planted == WORLD_OK) {
            n += 1.0;
            x += truth.clearness;
            y += truth.view.energy;
            xx += truth.clearness * truth.clearness;
            yy += truth.view.energy * truth.view.energy;
            xy += truth.clearness * truth.view.energy;
        }
    }
    sum.correlation = (n * xy - x * y) / sqrt((n * xx - x * x) * (n * yy - y * y));
    return sum;
}

/* |found - n p| within 4.5 standard deviations of a binomial count. */
static void check_count(double found, double p)
{
    double deviation = sqrt(SAMPLE * p * (1.0 - p));
    if (fabs(found - SAMPLE * p) > 4.5 * deviation) {
        fail_msg("%g of %d, expected %g +- %g", found, SAMPLE, SAMPLE * p, deviation);
    }
}

static void test_frequencies(void **state)
{
    (void)state;
    world_options options = biased();
    tallies seen = count_images(&options, 2);
    check_count(seen.none, 0.05);
    check_count(seen.wrong, 0.02);
    check_count(seen.minority, 0.93 * 0.05);
    check_count(seen.background[2], 0.98 * 0.95);
    assert_true(fabs(seen.clearness - 0.4) < 0.04); /* the mean of u^1.5 */
    assert_true(seen.correlation > 0.6);            /* seen: 0.78 */
}

static void test_balanced_and_coupled(void **state)
{
    (void)state;
    world_options options = world_options_plain(10);
    options.balanced = true;
    tallies seen = count_images(&options, 9);
    for (size_t i = 0; i < 10; i++) {
        check_count(seen.background[i], 0.1);
    }
    assert_true(seen.none + seen.wrong == 0.0);
    options = world_options_plain(4);
    options.favourite = 0.5;
    options.couple = 1.0; /* 1 - clearness: 1/2 in the mean */
    seen = count_images(&options, 1);
    check_count(seen.background[1], 0.5);
    assert_true(seen.background[0] + seen.background[1] + seen.background[2] +
                    seen.background[3] ==
                (double)SAMPLE);
}

/* Wrong labels show another class on that class's background; the box is the label's own. */
static void test_wrong_labels(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES];
    world_options options = world_options_plain(2);
    options.wrong = 1.0;
    for (uint64_t i = 0; i < 50; i++) {
        world_truth truth;
        world_image(&options, world_key(1, "test"), 1, i, pixels, &truth);
        assert_int_equal(truth.planted, WORLD_WRONG);
        assert_int_equal(truth.background, 0);
        assert_true(truth.view.energy == 0.0 && truth.view.box[2] == 0.0);
    }
}

static void test_scenes(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES];
    size_t shapes[SHAPE_COUNT] = {0}, counts[SCENE_OBJECTS + 1] = {0};
    for (uint64_t i = 0; i < SAMPLE; i++) {
        world_object objects[SCENE_OBJECTS];
        size_t count = world_scene(world_key(2, "scenes"), i, 0.0, pixels, objects);
        counts[count]++;
        for (size_t j = 0; j < count; j++) {
            shapes[objects[j].shape]++;
            const double *box = objects[j].view.box;
            assert_true(box[0] >= 0.0 && box[1] >= 0.0 && box[2] <= 96.0 && box[3] <= 96.0);
            assert_true(box[0] < box[2] && box[1] < box[3]);
            assert_true(objects[j].view.visible_fraction <= 1.0);
        }
    }
    assert_int_equal(counts[0], 0);
    for (size_t i = 1; i <= SCENE_OBJECTS; i++) {
        assert_in_range(counts[i], SAMPLE / 10, SAMPLE / 2);
    }
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        assert_in_range(shapes[i], SAMPLE / 20, SAMPLE / 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pixels_are_pinned),
                                       cmocka_unit_test(test_image_depends_on_its_number_only),
                                       cmocka_unit_test(test_frequencies),
                                       cmocka_unit_test(test_balanced_and_coupled),
                                       cmocka_unit_test(test_wrong_labels),
                                       cmocka_unit_test(test_scenes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
