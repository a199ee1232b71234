/*
 * test_scene.c - what is measured of an object: area times contrast, what covers it, its box.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "demo/scene.h"
#include "demo/world.h"

enum {
    SQUARE = 11 /* |x|, |y| < .82 */
};

/* A black page, a white square of 20 pixels' half side in the middle. */
static scene make_scene(void)
{
    scene made = {.object_count = 1};
    made.objects[0] = (scene_object){.shape = SQUARE,
                                     .x = 48.0,
                                     .y = 48.0,
                                     .radius = 20.0 / 0.82,
                                     .opacity = 1.0f,
                                     .colour = {1.0f, 1.0f, 1.0f}};
    return made;
}

static scene_view paint_first(const scene *painted, unsigned char *pixels)
{
    scene_view views[SCENE_OBJECTS];
    scene_paint(painted, random_key_make(1, "test"), 0, 0, pixels, views);
    return views[0];
}

static void check_box(const scene_view *view, double left, double top, double right,
                      double bottom)
{
    const double expected[4] = {left, top, right, bottom};
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabs(view->box[i] - expected[i]) < 1e-9);
    }
}

static void test_free_object(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES];
    scene of = make_scene();
    scene_view view = paint_first(&of, pixels);
    assert_true(fabs(view.energy - 1600.0 / 9216.0) < 1e-12);
    assert_true(view.visible_fraction == 1.0);
    check_box(&view, 28.0, 28.0, 68.0, 68.0);
    assert_int_equal(pixels[(48 * SCENE_SIDE + 48) * 3], 255);
    assert_int_equal(pixels[(48 * SCENE_SIDE + 27) * 3], 0);
    of.objects[0].opacity = 0.25f;
    view = paint_first(&of, pixels);
    assert_true(fabs(view.energy - 400.0 / 9216.0) < 1e-9);
    assert_true(view.visible_fraction == 1.0);
    assert_int_equal(pixels[(48 * SCENE_SIDE + 48) * 3], 64);
}

/* Half outside: half of it is seen, and the box ends at the picture. */
static void test_cut_object(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES];
    scene of = make_scene();
    of.objects[0].x = 0.0;
    scene_view view = paint_first(&of, pixels);
    assert_true(fabs(view.visible_fraction - 0.5) < 1e-12);
    assert_true(fabs(view.energy - 800.0 / 9216.0) < 1e-12);
    check_box(&view, 0.0, 28.0, 20.0, 68.0);
}

static void test_occluder(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES];
    scene of = make_scene();
    of.objects[0].occluder = (scene_occluder){.x = 48.0, .y = 48.0, .radius = 10.0};
    scene_view view = paint_first(&of, pixels);
    double hidden = 3.141592653589793 * 100.0 / 1600.0;
    assert_true(fabs(view.visible_fraction - (1.0 - hidden)) < 0.005); /* seen: 0.0007 */
    check_box(&view, 28.0, 28.0, 68.0, 68.0);
    of.objects[0].occluder.radius = 40.0;
    view = paint_first(&of, pixels);
    assert_true(view.energy == 0.0 && view.visible_fraction == 0.0);
}

/* A second, half transparent object over the first takes half of its energy. */
static void test_covered_by_object(void **state)
{
    (void)state;
    unsigned char pixels[SCENE_BYTES];
    scene of = make_scene();
    of.object_count = 2;
    of.objects[1] = of.objects[0];
    of.objects[1].opacity = 0.5f;
    scene_view view = paint_first(&of, pixels);
    assert_true(fabs(view.energy - 800.0 / 9216.0) < 1e-12);
    assert_true(fabs(view.visible_fraction - 0.5) < 1e-12);
}

static double mean_difference(const unsigned char *a, const unsigned char *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < SCENE_BYTES; i++) {
        sum += fabs((double)a[i] - (double)b[i]);
    }
    return sum / (255.0 * SCENE_BYTES);
}

/* The energy is what taking the object out changes: the picture without it and with only its
 * occluder, painted as an invisible object, differs by as much. Whole pixels round and mix the
 * samples of an edge; seen: at most 0.0011. */
static void test_energy_is_counterfactual(void **state)
{
    (void)state;
    random_key key = random_key_make(3, "test");
    for (uint64_t i = 0; i < 40; i++) {
        unsigned char with[SCENE_BYTES], without[SCENE_BYTES];
        scene_view views[SCENE_OBJECTS], ignored[SCENE_OBJECTS];
        draws from = draws_begin(key, 0, i);
        scene of = {.object_count = 2};
        texture_draw(draw_below(&from, TEXTURE_COUNT), true, &from, &of.background);
        for (size_t j = 0; j < 2; j++) {
            size_t shape = draw_below(&from, SHAPE_COUNT);
            double radius = draw_between(&from, 5.0, 40.0);
            scene_draw_object(shape, radius, draw_between(&from, 0.2, 1.0), &from,
                              &of.objects[j]);
            scene_draw_occluder(0.1, 0.7, &from, &of.objects[j]);
        }
        scene_paint(&of, key, 0, i, with, views);
        of.objects[0].opacity = 0.0f;
        scene_paint(&of, key, 0, i, without, ignored);
        assert_true(fabs(mean_difference(with, without) - views[0].energy) < 0.003);
        assert_true(ignored[0].energy == 0.0);
    }
}

static void test_noise_is_seeded_and_bounded(void **state)
{
    (void)state;
    unsigned char first[SCENE_BYTES], second[SCENE_BYTES];
    scene of = {.noise = 0.06};
    memset(of.background.first, 0, sizeof of.background.first);
    of.background.first[0] = of.background.second[0] = 0.5f;
    (void)paint_first(&of, first);
    (void)paint_first(&of, second);
    assert_memory_equal(first, second, SCENE_BYTES);
    int low = 255, high = 0;
    for (size_t i = 0; i < SCENE_BYTES; i += 3) {
        low = first[i] < low ? first[i] : low;
        high = first[i] > high ? first[i] : high;
    }
    assert_in_range(low, 112, 116);  /* 255 * (.5 - .06) = 112.2 */
    assert_in_range(high, 139, 143); /* 255 * (.5 + .06) = 142.8 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_free_object),
                                       cmocka_unit_test(test_cut_object),
                                       cmocka_unit_test(test_occluder),
                                       cmocka_unit_test(test_covered_by_object),
                                       cmocka_unit_test(test_energy_is_counterfactual),
                                       cmocka_unit_test(test_noise_is_seeded_and_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
