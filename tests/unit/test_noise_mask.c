/*
 * test_noise_mask.c - boxes through resize and crop against a naive twin, sample by sample, and
 * against what the resize does to a painted box.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/noise_mask.h"

enum {
    MOST = 64 * 64
};

typedef struct geometry {
    const char *name;
    preprocess_geometry kind;
    size_t side, short_side;
    bool square, half_even;
} geometry;

static const geometry GEOMETRIES[] = {
    {"stretch", PREPROCESS_STRETCH, 24, 0, false, false},
    {"torchvision", PREPROCESS_SHORT_SIDE, 28, 32, false, true},
    {"floor", PREPROCESS_SHORT_SIDE, 27, 32, false, false},
    {"squash", PREPROCESS_SHORT_SIDE, 28, 32, true, true},
    {"no crop", PREPROCESS_SHORT_SIDE, 32, 32, false, true},
    {"sticks out", PREPROCESS_SHORT_SIDE, 33, 20, false, true},
    {"sticks out, floor", PREPROCESS_SHORT_SIDE, 33, 20, false, false},
};

static preprocess recipe_of(const geometry *from)
{
    preprocess recipe;
    preprocess_torchvision(&recipe);
    recipe.geometry = from->kind;
    recipe.width = recipe.height = from->side;
    recipe.short_side = from->short_side;
    recipe.resize_first_square = from->square;
    recipe.crop_round_half_even = from->half_even;
    return recipe;
}

/* Where the centre of input sample (x, y) lies on the picture, from the words of the formats:
 * resize to whole numbers of samples, crop around the middle. */
static void place(const geometry *from, size_t width, size_t height, size_t x, size_t y,
                  double at[2])
{
    double w = (double)width, h = (double)height, s = (double)from->short_side;
    double side = (double)from->side;
    double rw = side, rh = side, left = 0, top = 0;
    if (from->kind == PREPROCESS_SHORT_SIDE) {
        rw = from->square || width <= height ? s : trunc(s * w / h);
        rh = from->square || width > height ? s : trunc(s * h / w);
        left = (rw - side) / 2;
        top = (rh - side) / 2;
        left = from->half_even ? nearbyint(left) : floor(left);
        top = from->half_even ? nearbyint(top) : floor(top);
        if (from->half_even && rw < side) { /* the picture in the middle of the black */
            left = -floor((side - rw) / 2);
        }
        if (from->half_even && rh < side) {
            top = -floor((side - rh) / 2);
        }
    }
    at[0] = ((double)x + left + 0.5) * (w / rw);
    at[1] = ((double)y + top + 0.5) * (h / rh);
}

static spur_status mask_box(const preprocess *recipe, size_t width, size_t height,
                            const float box[4], unsigned char *mask, size_t *inside,
                            spur_error *error)
{
    float boxes[1][4];
    memcpy(boxes[0], box, sizeof boxes[0]);
    const noise_boxes one = {(const float(*)[4])boxes, 1};
    return noise_mask_boxes(recipe, width, height, &one, mask, inside, error);
}

static size_t compare_box(const geometry *from, size_t width, size_t height, const float box[4])
{
    spur_error error;
    unsigned char mask[MOST];
    size_t inside = 0, count = 0;
    preprocess recipe = recipe_of(from);
    memset(mask, 7, sizeof mask);
    assert_ok(mask_box(&recipe, width, height, box, mask, &inside, &error), error);
    for (size_t y = 0; y < from->side; y++) {
        for (size_t x = 0; x < from->side; x++) {
            double at[2];
            place(from, width, height, x, y, at);
            bool is_inside = at[0] >= (double)box[0] && at[0] < (double)box[2] &&
                             at[1] >= (double)box[1] && at[1] < (double)box[3] && at[0] >= 0 &&
                             at[1] >= 0 && at[0] < (double)width && at[1] < (double)height;
            assert_int_equal(mask[y * from->side + x], is_inside);
            count += is_inside;
        }
    }
    assert_int_equal(inside, count);
    return inside;
}

static void equals_the_naive_twin(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{40, 40}, {100, 37}, {37, 101}, {24, 24},
                                      {7, 90},  {1, 1},    {500, 375}};
    random_key key = random_key_make(1, "boxes");
    for (size_t g = 0; g < sizeof GEOMETRIES / sizeof GEOMETRIES[0]; g++) {
        size_t partial = 0;
        for (size_t i = 0; i < 40 * sizeof sizes / sizeof sizes[0]; i++) {
            const size_t *size = sizes[i % (sizeof sizes / sizeof sizes[0])];
            float box[4];
            for (size_t j = 0; j < 2; j++) { /* also far outside, and slivers */
                double from = random_uniform(key, j, i) * 1.6 - 0.4;
                double length = random_uniform(key, 2 + j, i);
                box[j] = (float)(from * (double)size[j]);
                box[2 + j] = (float)((from + length * length) * (double)size[j]);
            }
            size_t inside = compare_box(&GEOMETRIES[g], size[0], size[1], box);
            partial += inside > 0 && inside < GEOMETRIES[g].side * GEOMETRIES[g].side;
        }
        assert_true(partial > 20); /* the twin is not compared with nothing */
    }
}

static void empty_and_full(void **state)
{
    (void)state;
    const float whole[4] = {-5, -5, 1000, 1000};
    const float beside[4] = {100, 0, 120, 40};
    const float edge[4] = {40, 0, 50, 40}; /* of a picture 40 wide: half open */
    for (size_t g = 0; g < 5; g++) {
        size_t area = GEOMETRIES[g].side * GEOMETRIES[g].side;
        assert_int_equal(compare_box(&GEOMETRIES[g], 40, 40, whole), area);
        assert_int_equal(compare_box(&GEOMETRIES[g], 40, 40, beside), 0);
        assert_int_equal(compare_box(&GEOMETRIES[g], 40, 40, edge), 0);
    }
    /* Where the input sticks out of the picture nothing is inside. */
    assert_int_equal(compare_box(&GEOMETRIES[5], 40, 40, whole), 20 * 20);
}

/* A white box on black, resized: a sample is brighter than half when its centre is inside.
 * Samples within 0.02 of half (a centre on the edge) say nothing, and the four corners, whose
 * brightness is a product of two, may differ (observed: two of one geometry). */
static void equals_a_painted_box(void **state)
{
    (void)state;
    static unsigned char pixels[120 * 80 * 3];
    static float values[3 * MOST];
    spur_error error;
    const size_t width = 120, height = 80;
    const float box[4] = {30, 20, 90, 60};
    const image picture = {width, height, pixels};
    for (size_t i = 0; i < width * height; i++) {
        size_t x = i % width, y = i / width;
        memset(pixels + 3 * i, x >= 30 && x < 90 && y >= 20 && y < 60 ? 255 : 0, 3);
    }
    for (size_t g = 0; g < sizeof GEOMETRIES / sizeof GEOMETRIES[0]; g++) {
        preprocess recipe = recipe_of(&GEOMETRIES[g]);
        unsigned char mask[MOST];
        size_t inside, differing = 0, decided = 0, area = recipe.width * recipe.height;
        recipe.normalise = false;
        assert_ok(preprocess_run(&recipe, &picture, values, NULL, &error), error);
        assert_ok(mask_box(&recipe, width, height, box, mask, &inside, &error), error);
        for (size_t i = 0; i < area; i++) {
            bool is_clear = fabs((double)values[i] - 0.5) > 0.02;
            decided += is_clear;
            differing += is_clear && (values[i] > 0.5F) != (mask[i] != 0);
        }
        assert_true(inside > 20 && decided > area / 2);
        assert_true(differing <= 4);
    }
}

/* The union of boxes is the OR of their masks, in whatever order they come; of one box, also
 * twice, it is the box; of none it is empty. */
static void a_union_is_all_of_its_boxes(void **state)
{
    (void)state;
    enum {
        COUNT = 7
    };
    spur_error error;
    random_key key = random_key_make(2, "union");
    size_t overlapping = 0;
    for (size_t g = 0; g < sizeof GEOMETRIES / sizeof GEOMETRIES[0]; g++) {
        preprocess recipe = recipe_of(&GEOMETRIES[g]);
        size_t area = recipe.width * recipe.height, inside, mixed_inside, most = 0, sum = 0;
        float boxes[COUNT][4], mixed[COUNT][4];
        unsigned char expected[MOST] = {0}, found[MOST], again[MOST];
        for (size_t i = 0; i < COUNT; i++) {
            for (size_t j = 0; j < 2; j++) {
                float low = (float)(random_uniform(key, g, 4 * i + j) * 80);
                boxes[i][j] = low;
                boxes[i][2 + j] = low + (float)(random_uniform(key, g, 4 * i + 2 + j) * 40);
            }
            memcpy(mixed[i * 3 % COUNT], boxes[i], sizeof boxes[i]);
            assert_ok(mask_box(&recipe, 90, 100, boxes[i], found, &inside, &error), error);
            for (size_t k = 0; k < area; k++) {
                expected[k] |= found[k];
            }
            most = inside > most ? inside : most;
            sum += inside;
        }
        const noise_boxes all = {(const float(*)[4])boxes, COUNT};
        const noise_boxes other = {(const float(*)[4])mixed, COUNT};
        assert_ok(noise_mask_boxes(&recipe, 90, 100, &all, found, &inside, &error), error);
        assert_memory_equal(found, expected, area);
        assert_true(inside >= most && inside <= sum);
        overlapping += inside > most && inside < sum; /* none holds the others, some overlap */
        assert_ok(noise_mask_boxes(&recipe, 90, 100, &other, again, &mixed_inside, &error),
                  error);
        assert_memory_equal(again, expected, area);
        assert_int_equal(mixed_inside, inside);
        memcpy(boxes[1], boxes[0], sizeof boxes[1]);
        const noise_boxes twice = {(const float(*)[4])boxes, 2}, none = {NULL, 0};
        assert_ok(mask_box(&recipe, 90, 100, boxes[0], expected, &inside, &error), error);
        assert_ok(noise_mask_boxes(&recipe, 90, 100, &twice, found, &mixed_inside, &error),
                  error);
        assert_memory_equal(found, expected, area);
        assert_int_equal(mixed_inside, inside);
        assert_ok(noise_mask_boxes(&recipe, 90, 100, &none, found, &inside, &error), error);
        assert_int_equal(inside, 0);
    }
    assert_true(overlapping >= 5);
}

/* A painted box as a picture of the object is the box, in every geometry. */
static void a_picture_of_the_box_is_the_box(void **state)
{
    (void)state;
    static unsigned char pixels[120 * 80 * 3];
    spur_error error;
    const float box[4] = {31, 17, 90, 63};
    const image picture = {120, 80, pixels};
    for (size_t i = 0; i < 120 * 80; i++) { /* any channel will do */
        size_t x = i % 120, y = i / 120;
        pixels[3 * i + i % 3] = x >= 31 && x < 90 && y >= 17 && y < 63 ? 1 : 0;
    }
    for (size_t g = 0; g < sizeof GEOMETRIES / sizeof GEOMETRIES[0]; g++) {
        preprocess recipe = recipe_of(&GEOMETRIES[g]);
        unsigned char expected[MOST], found[MOST];
        size_t inside = 0, counted = 1;
        assert_ok(mask_box(&recipe, 120, 80, box, expected, &inside, &error), error);
        assert_ok(noise_mask_picture(&recipe, 120, 80, &picture, found, &counted, &error),
                  error);
        assert_memory_equal(found, expected, recipe.width * recipe.height);
        assert_int_equal(counted, inside);
        assert_int_equal(
            noise_mask_picture(&recipe, 80, 120, &picture, found, &counted, &error),
            SPUR_IMAGE);
    }
}

static void masks_are_found_by_name(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"a/b.jpeg", "m/a/b.png"}, {"a.d/b", "m/a.d/b.png"}, {"b.c.JPG", "m/b.c.png"}};
    spur_error error;
    char *path = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_ok(noise_mask_path("m", names[i][0], &path, &error), error);
        assert_string_equal(path, names[i][1]);
        memory_free(path);
    }
    assert_int_equal(noise_mask_path("m", "/a/b.png", &path, &error), SPUR_USAGE);
}

/* Normalising afterwards gives the bits of one call. */
static void normalises_in_two_steps(void **state)
{
    (void)state;
    static unsigned char pixels[40 * 30 * 3];
    static float once[3 * MOST], twice[3 * MOST];
    spur_error error;
    const image picture = {40, 30, pixels};
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (unsigned char)(i * 37);
    }
    for (size_t g = 0; g < sizeof GEOMETRIES / sizeof GEOMETRIES[0]; g++) {
        preprocess recipe = recipe_of(&GEOMETRIES[g]), unit = recipe;
        unit.normalise = false;
        assert_ok(preprocess_run(&recipe, &picture, once, NULL, &error), error);
        assert_ok(preprocess_run(&unit, &picture, twice, NULL, &error), error);
        preprocess_normalise(&recipe, twice);
        assert_memory_equal(once, twice, 3 * recipe.width * recipe.height * sizeof(float));
    }
}

static void refuses_padding_recipes(void **state)
{
    (void)state;
    spur_error error;
    unsigned char mask[MOST];
    size_t inside;
    const float box[4] = {0, 0, 1, 1};
    preprocess recipe = recipe_of(&GEOMETRIES[0]);
    preprocess_use_scenic(&recipe, 0);
    assert_int_equal(mask_box(&recipe, 10, 10, box, mask, &inside, &error), SPUR_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_naive_twin),
        cmocka_unit_test(empty_and_full),
        cmocka_unit_test(a_union_is_all_of_its_boxes),
        cmocka_unit_test(equals_a_painted_box),
        cmocka_unit_test(normalises_in_two_steps),
        cmocka_unit_test(refuses_padding_recipes),
        cmocka_unit_test(a_picture_of_the_box_is_the_box),
        cmocka_unit_test(masks_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
