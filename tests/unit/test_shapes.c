/*
 * test_shapes.c - inside tests against areas known in closed form, symmetry, and distance from
 * each other.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "demo/shapes.h"

enum {
    GRID = 1000
};

static const double PI = 3.141592653589793;

static float at_grid(int i)
{
    return (float)((2.0 * (i + 0.5) / GRID - 1.0) * 1.3);
}

static double area_of(size_t shape)
{
    size_t inside = 0;
    for (int row = 0; row < GRID; row++) {
        for (int column = 0; column < GRID; column++) {
            inside += shape_contains(shape, at_grid(column), at_grid(row));
        }
    }
    return (double)inside * 2.6 * 2.6 / ((double)GRID * GRID);
}

static size_t shape_named(const char *name)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        if (strcmp(shape_name(i), name) == 0) {
            return i;
        }
    }
    fail_msg("no shape %s", name);
    return 0;
}

/* A 1000 x 1000 grid: largest difference seen 0.003. */
static void test_areas(void **state)
{
    (void)state;
    const struct {
        const char *name;
        double area;
    } known[] = {
        {"ring", PI * (1.0 - 0.36)},
        {"star", 5.0 * 0.42 * 0.5877852522924731},
        {"cross", 2.0 * 2.0 * 0.6 - 0.36},
        {"gear", PI * (0.74 * 0.74 - 0.09) + PI / 2.0 * (1.0 - 0.74 * 0.74)},
        {"chevron", 1.8 * 0.6},
        {"square", 1.64 * 1.64},
        {"triangle", 0.95 * 1.75},
        {"diamond", 2.0 * 0.75},
        {"hexagon", 1.5 * 1.7320508075688772},
        {"frame", 1.76 * 1.76 - 1.0},
        {"flower", PI * (0.64 * 0.64 + 0.36 * 0.36 / 2.0 - 0.04)},
        {"tee", 1.6 * 0.48 + 0.48 * 1.32},
        {"hourglass", 4.0 * (0.08 * 0.95 + 0.375 * 0.95 * 0.95)},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double found = area_of(shape_named(known[i].name));
        if (fabs(found - known[i].area) > 0.01) {
            fail_msg("%s: area %g, expected %g", known[i].name, found, known[i].area);
        }
    }
}

/* A ball of the stated reach holds every shape, and none is only a part of the square. */
static void test_reach(void **state)
{
    (void)state;
    for (size_t shape = 0; shape < SHAPE_COUNT; shape++) {
        double farthest = 0.0;
        for (int i = 0; i < GRID * GRID; i++) {
            double x = (double)at_grid(i % GRID), y = (double)at_grid(i / GRID);
            if (shape_contains(shape, (float)x, (float)y)) {
                farthest = fmax(farthest, x * x + y * y);
            }
        }
        assert_true(sqrt(farthest) <= SHAPE_REACH);
        assert_true(sqrt(farthest) > 0.85);
    }
}

/* Intersection over union of two shapes: seen at most 0.75 (square and hexagon: 0.79). */
static void test_shapes_differ(void **state)
{
    (void)state;
    for (size_t a = 0; a < SHAPE_COUNT; a++) {
        for (size_t b = 0; b < a; b++) {
            size_t both = 0, either = 0;
            for (int i = 0; i < GRID * GRID; i += 37) {
                float x = at_grid(i % GRID), y = at_grid(i / GRID);
                bool in_a = shape_contains(a, x, y), in_b = shape_contains(b, x, y);
                both += in_a && in_b;
                either += in_a || in_b;
            }
            if ((double)both > 0.85 * (double)either) {
                fail_msg("%s and %s are too alike", shape_name(a), shape_name(b));
            }
        }
    }
}

static void test_upright_shapes_are_symmetric(void **state)
{
    (void)state;
    static const char *const names[] = {"ring",   "star",   "cross", "heart", "drop",
                                        "anchor", "flower", "tee",   "house", "tree"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        size_t shape = shape_named(names[k]), different = 0;
        for (int i = 0; i < GRID * GRID; i += 11) {
            float x = at_grid(i % GRID), y = at_grid(i / GRID);
            different += shape_contains(shape, x, y) != shape_contains(shape, -x, y);
        }
        assert_true(different < 20); /* points on the edge */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_areas),
                                       cmocka_unit_test(test_reach),
                                       cmocka_unit_test(test_shapes_differ),
                                       cmocka_unit_test(test_upright_shapes_are_symmetric)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
