/*
 * test_draw.c - boxes on a picture: where the paint goes, and that boxes outside do no harm.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/image.h"
#include "report/glyphs.h"

enum {
    SIDE = 120
};

static void paths_make(char picture[256], char drawing[256])
{
    const char *folder = temp_make();
    (void)snprintf(picture, 256, "%s/picture.png", folder);
    (void)snprintf(drawing, 256, "%s/drawing.png", folder);
}

static void draw(spur_detection *detections, size_t count, image *out)
{
    spur_error error;
    char picture[256], drawing[256];
    static unsigned char grey[3 * SIDE * SIDE];
    image_info info;
    const char *const names[] = {"cat", "dog\xc3\xa9\x01"};
    memset(grey, 100, sizeof grey);
    const image src = {SIDE, SIDE, grey};
    paths_make(picture, drawing);
    assert_ok(image_write_png(picture, &src, &error), error);
    const spur_detect_result result = {
        .width = SIDE, .height = SIDE, .detection_count = count, .detections = detections};
    assert_ok(spur_detect_draw(&result, picture, NULL, names, drawing, &error), error);
    assert_ok(image_load(drawing, NULL, out, &info, &error), error);
    temp_remove();
}

static const unsigned char *pixel_at(const image *of, size_t x, size_t y)
{
    return of->pixels + 3 * (y * of->width + x);
}

static void test_frame_and_label_are_painted(void **state)
{
    (void)state;
    static const unsigned char blue[3] = {0x00, 0x72, 0xb2}, grey[3] = {100, 100, 100};
    spur_detection one = {.query = 0, .score = 0.9F, .box = {30, 50, 90, 100}};
    image drawn = {0};
    draw(&one, 1, &drawn);
    assert_memory_equal(pixel_at(&drawn, 30, 75), blue, 3);
    assert_memory_equal(pixel_at(&drawn, 60, 50), blue, 3);
    assert_memory_equal(pixel_at(&drawn, 60, 99), blue, 3);
    assert_memory_equal(pixel_at(&drawn, 60, 75), grey, 3);
    assert_memory_equal(pixel_at(&drawn, 5, 5), grey, 3);
    size_t white = 0;
    for (size_t x = 30; x < 90; x++) {
        white += pixel_at(&drawn, x, 44)[0] == 255;
    }
    assert_true(white > 4);
    image_free(&drawn);
}

static void test_boxes_outside_do_no_harm(void **state)
{
    (void)state;
    spur_detection wild[] = {
        {.query = 1, .patch = 1, .score = 0.5F, .box = {-1e9F, -1e9F, 1e9F, 1e9F}},
        {.query = 1, .patch = 2, .score = 0.5F, .box = {500, 500, 600, 600}},
        {.query = 0, .patch = 3, .score = 0.7F, .box = {90, 90, 10, 10}},
        {.query = 0, .patch = 4, .score = 0.1F, .box = {-50, 100, 300, 119.5F}},
    };
    image drawn = {0};
    draw(wild, sizeof wild / sizeof wild[0], &drawn);
    assert_int_equal(drawn.width, SIDE);
    image_free(&drawn);
}

static void test_every_character_has_a_glyph(void **state)
{
    (void)state;
    for (int c = '!'; c <= '~'; c++) {
        const unsigned char *columns = glyph_columns((char)c);
        unsigned ink = 0;
        for (size_t i = 0; i < GLYPH_WIDTH; i++) {
            assert_true(columns[i] < 1U << GLYPH_HEIGHT);
            ink |= columns[i];
        }
        assert_true(ink != 0);
    }
    assert_ptr_equal(glyph_columns('\n'), glyph_columns((char)0xc3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_and_label_are_painted),
        cmocka_unit_test(test_boxes_outside_do_no_harm),
        cmocka_unit_test(test_every_character_has_a_glyph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
