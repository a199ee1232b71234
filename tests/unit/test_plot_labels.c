/*
 * test_plot_labels.c - labels never overlap, move no more than needed, and fit their room.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_labels.h"

static double draw(uint64_t a, uint64_t b)
{
    /* A small linear congruence: any spread of places will do. */
    uint64_t bits =
        (a * 6364136223846793005ULL + b) * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(bits >> 11) / 9007199254740992.0;
}

static void spread_labels_keep_their_distance(void **state)
{
    spur_error error = {0};
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        double places[30];
        double wanted[30];
        size_t count = (size_t)(round % 30) + 1;
        bool fits = false;
        for (size_t i = 0; i < count; i++) {
            /* Every third round all are equal. */
            places[i] = wanted[i] = round % 3 == 0 ? 50.0 : floor(draw(round, i) * 400.0);
        }
        assert_ok(plot_spread(places, count, 12.0, 0.0, 400.0, &fits, &error), error);
        assert_true(fits);
        for (size_t i = 0; i < count; i++) {
            assert_true(places[i] >= -1e-9 && places[i] <= 400.0 + 1e-9);
            for (size_t k = 0; k < i; k++) {
                assert_true(fabs(places[i] - places[k]) >= 12.0 - 1e-9);
                assert_true(wanted[i] == wanted[k] ||
                            (wanted[i] < wanted[k]) == (places[i] < places[k]));
                assert_true(wanted[i] != wanted[k] || places[k] < places[i]);
            }
        }
    }
}

static void free_labels_stay(void **state)
{
    spur_error error = {0};
    double places[3] = {90.0, 10.0, 50.0};
    bool fits = false;
    (void)state;
    assert_ok(plot_spread(places, 3, 12.0, 0.0, 100.0, &fits, &error), error);
    assert_true(fits && places[0] == 90.0 && places[1] == 10.0 && places[2] == 50.0);
    /* Two at one place: half a gap each way; at the edge: inwards. */
    double pair[2] = {50.0, 50.0};
    assert_ok(plot_spread(pair, 2, 12.0, 0.0, 100.0, &fits, &error), error);
    assert_true(pair[0] == 44.0 && pair[1] == 56.0);
    double edge[2] = {0.0, 0.0};
    assert_ok(plot_spread(edge, 2, 12.0, 0.0, 100.0, &fits, &error), error);
    assert_true(edge[0] == 0.0 && edge[1] == 12.0);
    double many[9] = {0};
    assert_ok(plot_spread(many, 9, 13.0, 0.0, 100.0, &fits, &error), error);
    assert_false(fits);
    assert_ok(plot_spread(NULL, 0, 13.0, 0.0, 100.0, &fits, &error), error);
    assert_true(fits);
}

static void names_of_points_do_not_overlap(void **state)
{
    spur_error error = {0};
    plot_taken taken = {0};
    plot_box within = {0.0, 0.0, 300.0, 200.0};
    size_t placed = 0;
    (void)state;
    for (uint64_t i = 0; i < 60; i++) {
        /* Ten at one point, the others anywhere. */
        plot_label label = {i < 10 ? 150.0 : draw(i, 1) * 300.0,
                            i < 10 ? 100.0 : draw(i, 2) * 200.0, 4.0, 40.0, 15.0};
        plot_box box;
        bool found = false;
        bool is_far = false;
        size_t before = taken.count;
        assert_ok(plot_place(&taken, &within, &label, &box, &found, &is_far, &error), error);
        assert_int_equal(taken.count, before + (found ? 1 : 0));
        placed += found ? 1 : 0;
    }
    assert_true(placed >= 30);
    for (size_t i = 0; i < taken.count; i++) {
        assert_true(taken.boxes[i].left >= 0.0 && taken.boxes[i].right <= 300.0);
        for (size_t k = 0; k < i; k++) {
            assert_false(plot_boxes_overlap(&taken.boxes[i], &taken.boxes[k]));
        }
    }
    plot_taken_free(&taken);
}

static void texts_are_cut_to_fit(void **state)
{
    static const char *const texts[] = {
        "short",
        "a much longer text than there is room for",
        "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC",
        "bad \xFF\xFE bytes \x01\x02",
        "<script>&amp;]]>",
        ""};
    char shown[128];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int step = 0; step < 43; step++) {
            double width = 7.0 * step;
            bool is_cut = plot_text_fit(texts[i], 14.0, width, shown, sizeof shown);
            double needed = plot_text_width(texts[i], 14.0);
            assert_int_equal(is_cut, needed > width);
            /* Not even the ellipsis fits in less than 15 units. */
            assert_true(plot_text_width(shown, 14.0) <= fmax(width, 15.0));
        }
    }
    assert_true(plot_text_fit("abcdefghijklmnopqrstuvwxyz", 1.0, 1000.0, shown, 20));
    assert_true(strlen(shown) < 20);
}

static void lines_break_at_blanks(void **state)
{
    (void)state;
    assert_int_equal(plot_text_break("one two three", 10.0, 1000.0), 13);
    size_t at = plot_text_break("one two three", 10.0, plot_text_width("one two th", 10.0));
    assert_int_equal(at, 7);
    assert_int_equal(plot_text_break("\xE6\x97\xA5\xE6\x9C\xAC", 10.0, 0.0), 3);
    assert_true(plot_text_break("unbreakable", 10.0, plot_text_width("unbr", 10.0)) == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_labels_keep_their_distance),
        cmocka_unit_test(free_labels_stay),
        cmocka_unit_test(names_of_points_do_not_overlap),
        cmocka_unit_test(texts_are_cut_to_fit),
        cmocka_unit_test(lines_break_at_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
