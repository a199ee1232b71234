/*
 * test_plot.c - pictures of figures: well-formed, the same bytes twice and as committed, labels
 * that do not overlap, hostile names inert; CSV, table and Vega-Lite of the same numbers.
 */
#include "support.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "report/plot.h"
#include "report/plot_labels.h"

enum {
    MOST_SERIES = 60,
    MOST_POINTS = 24
};

#define NONE ((double)NAN)

/* ---- figures ----------------------------------------------------------------------------- */

typedef struct drawn {
    plot_point points[MOST_SERIES][MOST_POINTS];
    plot_series series[MOST_SERIES];
    plot_panel panels[4];
    char names[MOST_SERIES][32];
    plot of;
} drawn;

static drawn make_lines(size_t series, size_t panels, size_t points)
{
    drawn made = {.of = {.id = "figure-3",
                         .title = "Accuracy by rank in class",
                         .finding = "Clear images are recognised better by 12 points.",
                         .x = {.label = "Rank", .key = "rank", .include = {NONE, NONE}},
                         .y = {.label = "Top-1 accuracy",
                               .key = "accuracy",
                               .form = PLOT_SHARE,
                               .include = {NONE, NONE}},
                         .panel_count = panels,
                         .columns = 2}};
    for (size_t s = 0; s < series; s++) {
        (void)snprintf(made.names[s], sizeof made.names[s], "series %zu", s);
        for (size_t i = 0; i < points; i++) {
            double y = 0.5 + 0.01 * (double)((i * 7 + s * 3) % 11);
            made.points[s][i] = plot_at((double)i + 1.0, y);
            made.points[s][i].y_low = y - 0.03;
            made.points[s][i].y_high = y + 0.03;
        }
    }
    return made;
}

/* Pointers are set where the figure stays. */
static void wire(drawn *in, size_t series, size_t points)
{
    static const char *const titles[] = {"ResNet", "ViT", "third", "fourth"};
    for (size_t s = 0; s < series; s++) {
        in->series[s] = plot_series_make(in->names[s], (plot_role)(s % (PLOT_QUIET + 1)),
                                         PLOT_LINE, in->points[s], points);
        in->series[s].mean = 0.55;
    }
    for (size_t p = 0; p < in->of.panel_count; p++) {
        in->panels[p] = (plot_panel){titles[p], in->series, series};
    }
    in->of.panels = in->panels;
}

static char *draw(const plot *of, const plot_picture *how)
{
    spur_error error = {0};
    text_buffer out = {0};
    assert_ok(plot_svg(of, how, &out, &error), error);
    return out.data;
}

/* ---- XML --------------------------------------------------------------------------------- */

static bool is_reference(const char *at)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(at, known[i], strlen(known[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Tags nest, attributes are quoted, texts have no '<' and no bare '&', the bytes are UTF-8. */
static void is_well_formed(const char *text)
{
    char open[64][16];
    size_t depth = 0;
    assert_true(text_is_utf8(text, strlen(text)));
    for (const char *at = text; *at != '\0';) {
        if (*at == '&') {
            assert_true(is_reference(at));
        }
        if (*at != '<') {
            assert_true((unsigned char)*at >= 0x20 || *at == '\n');
            at++;
            continue;
        }
        bool is_end = at[1] == '/';
        const char *name = at + (is_end ? 2 : 1);
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        assert_true(length > 0 && length < sizeof open[0]);
        at = name + length;
        while (*at == ' ') {
            at += 1 + strspn(at + 1,
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789");
            assert_true(at[0] == '=' && at[1] == '"');
            for (at += 2; *at != '"'; at++) {
                assert_true(*at != '<' && *at != '\0' && (*at != '&' || is_reference(at)));
            }
            at++;
        }
        bool is_empty = *at == '/';
        at += is_empty ? 1 : 0;
        assert_int_equal(*at, '>');
        at++;
        if (is_end) {
            assert_true(depth > 0);
            depth--;
            assert_int_equal(strlen(open[depth]), length);
            assert_memory_equal(open[depth], name, length);
        } else if (!is_empty) {
            assert_true(depth < 64);
            (void)snprintf(open[depth], sizeof open[depth], "%.*s", (int)length, name);
            depth++;
        }
    }
    assert_int_equal(depth, 0);
}

/* ---- texts in a picture ------------------------------------------------------------------ */

static double attribute(const char *tag, const char *name, double otherwise)
{
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, " %s=\"", name);
    const char *end = strchr(tag, '>');
    const char *at = strstr(tag, wanted);
    return at == NULL || at > end ? otherwise : strtod(at + strlen(wanted), NULL);
}

/* The boxes of all texts, with the widths that the layout reckons with. */
static size_t find_texts(const char *svg, plot_box *boxes, size_t most)
{
    size_t count = 0;
    for (const char *at = strstr(svg, "<text "); at != NULL; at = strstr(at + 1, "<text ")) {
        char content[512];
        const char *begin = strchr(at, '>') + 1;
        const char *title = strstr(begin, "</title>");
        const char *end = strstr(begin, "</text>");
        begin = title != NULL && title < end ? title + strlen("</title>") : begin;
        size_t length = 0;
        for (const char *c = begin; c < end && length + 1 < sizeof content; c++) {
            content[length++] = *c;
            c = *c == '&' ? strchr(c, ';') : c;
        }
        content[length] = '\0';
        double size = attribute(at, "font-size", 14.0);
        double width = plot_text_width(content, size) - 0.2;
        double x = attribute(at, "x", NONE);
        double y = attribute(at, "y", NONE);
        const char *anchor = strstr(at, "text-anchor=\"");
        char kind = anchor != NULL && anchor < begin ? anchor[strlen("text-anchor=\"")] : 's';
        double left = x - (kind == 'e' ? width : kind == 'm' ? width / 2.0 : 0.0);
        assert_true(count < most);
        boxes[count++] = (plot_box){left, y - 0.72 * size, left + width, y + 0.2 * size};
    }
    return count;
}

static void texts_do_not_overlap(const char *svg)
{
    enum {
        MOST = 2000
    };
    plot_box *boxes = test_malloc(MOST * sizeof *boxes);
    size_t count = find_texts(svg, boxes, MOST);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(isfinite(boxes[i].left) && isfinite(boxes[i].top));
        for (size_t k = 0; k < i; k++) {
            if (plot_boxes_overlap(&boxes[i], &boxes[k])) {
                fail_msg("texts %zu and %zu overlap at (%g, %g) and (%g, %g)", k, i,
                         boxes[k].left, boxes[k].bottom, boxes[i].left, boxes[i].bottom);
            }
        }
    }
    test_free(boxes);
}

static void is_sound(const plot *of)
{
    static const plot_picture ways[] = {{0},
                                        {.is_alone = true},
                                        {.width = 400, .id_suffix = "-narrow"},
                                        {.width = 400, .is_alone = true}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *svg = draw(of, &ways[i]);
        char *again = draw(of, &ways[i]);
        assert_string_equal(svg, again);
        is_well_formed(svg);
        assert_null(strstr(svg, "nan"));
        assert_null(strstr(svg, "inf\""));
        assert_null(strstr(svg, "<script"));
        if (!ways[i].is_alone) { /* lines of a heading may be a little wider than reckoned */
            texts_do_not_overlap(svg);
        }
        memory_free(svg);
        memory_free(again);
    }
}

/* ---- tests ------------------------------------------------------------------------------- */

static drawn shown; /* too large for a stack */

static void lines_are_labelled(void **state)
{
    (void)state;
    for (size_t series = 1; series <= 12; series++) {
        for (size_t panels = 1; panels <= 4; panels++) {
            shown = make_lines(series, panels, 10);
            wire(&shown, series, 10);
            is_sound(&shown.of);
        }
    }
}

static void sixty_series_get_a_legend(void **state)
{
    (void)state;
    shown = make_lines(60, 2, MOST_POINTS);
    wire(&shown, 60, MOST_POINTS);
    is_sound(&shown.of);
    char *svg = draw(&shown.of, NULL);
    assert_non_null(strstr(svg, ">series 59<"));
    memory_free(svg);
}

static void odd_values_do_no_harm(void **state)
{
    static const double odd[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 1e300, -1e300, 0.0, 1e-300};
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        shown = make_lines(5, 1, 8);
        wire(&shown, 5, 8);
        shown.points[0][3].y = odd[i];
        shown.points[1][0].x = odd[i];
        shown.points[2][7].y_low = odd[i];
        shown.series[3].mean = odd[i];
        for (size_t k = 0; k < 8; k++) {
            shown.points[4][k] = plot_at(odd[i], odd[i]);
        }
        is_sound(&shown.of);
    }
}

static void little_data_is_drawn(void **state)
{
    (void)state;
    shown = make_lines(3, 2, 1);
    wire(&shown, 3, 1); /* one point each, all at one place */
    for (size_t s = 0; s < 3; s++) {
        shown.points[s][0].y = 0.7;
    }
    is_sound(&shown.of);
    wire(&shown, 3, 0);
    shown.series[0].mean = shown.series[1].mean = shown.series[2].mean = NONE;
    is_sound(&shown.of);
    char *svg = draw(&shown.of, NULL);
    assert_non_null(strstr(svg, ">no data<"));
    memory_free(svg);
    shown.of.panel_count = 0;
    svg = draw(&shown.of, NULL);
    is_well_formed(svg);
    memory_free(svg);
}

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "]]>",
    "\"quotes\" & 'apostrophes' &amp; &#60;",
    "a very long name that goes on and on, far beyond the room that any figure could give it",
    "bad \xFF\xC0 bytes",
    "control \x01\x1B[31m and \xE2\x80\xAE turned",
    "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E",
    "",
};

enum {
    HOSTILE = sizeof hostile / sizeof *hostile
};

static void hostile_names_are_inert(void **state)
{
    (void)state;
    shown = make_lines(HOSTILE, 2, 8);
    wire(&shown, HOSTILE, 8);
    for (size_t i = 0; i < HOSTILE; i++) {
        shown.series[i].name = hostile[i];
        shown.points[i][1].name = hostile[i];
    }
    shown.panels[0].title = hostile[0];
    shown.panels[1].title = hostile[3];
    shown.of.title = hostile[0];
    shown.of.finding = hostile[2];
    shown.of.x.label = hostile[1];
    shown.of.y.label = hostile[5];
    is_sound(&shown.of);
    spur_error error = {0};
    text_buffer table = {0};
    assert_ok(plot_table(&shown.of, &table, &error), error);
    is_well_formed(table.data);
    assert_null(strstr(table.data, "<script"));
    text_buffer_free(&table);
}

/* Classes on the y axis, intervals across. */
static void rows_have_names(void **state)
{
    (void)state;
    shown = make_lines(1, 1, HOSTILE);
    wire(&shown, 1, HOSTILE);
    shown.series[0].mark = PLOT_POINTS;
    shown.series[0].mean = NONE;
    shown.of.x.form = PLOT_CHANGE;
    shown.of.y = (plot_axis){
        .key = "class", .include = {NONE, NONE}, .names = hostile, .name_count = HOSTILE};
    for (size_t i = 0; i < HOSTILE; i++) {
        plot_point at = plot_at(0.1 - 0.03 * (double)i, (double)i);
        at.x_low = at.x - 0.05;
        at.x_high = at.x + 0.05;
        shown.points[0][i] = at;
    }
    is_sound(&shown.of);
}

static void crowded_points_drop_names_and_say_so(void **state)
{
    (void)state;
    shown = make_lines(3, 1, MOST_POINTS);
    wire(&shown, 3, MOST_POINTS);
    for (size_t s = 0; s < 3; s++) {
        shown.series[s].mark = PLOT_POINTS;
        shown.series[s].mean = NONE;
        for (size_t i = 0; i < MOST_POINTS; i++) {
            shown.points[s][i] = plot_at(0.5, 0.5);
            shown.points[s][i].name = "a name of some length";
            shown.points[s][i].is_named_inside = true;
        }
    }
    is_sound(&shown.of);
    char *svg = draw(&shown.of, NULL);
    assert_non_null(strstr(svg, "names that would overlap are in the table only"));
    memory_free(svg);
}

static void cuts_stand_on_levels(void **state)
{
    (void)state;
    shown = make_lines(2, 1, 10);
    wire(&shown, 2, 10);
    shown.series[0].mark = PLOT_BARS;
    shown.series[1].mark = PLOT_CUT;
    shown.series[0].mean = shown.series[1].mean = NONE;
    shown.of.y.form = PLOT_NUMBER;
    for (size_t i = 0; i < 10; i++) {
        shown.points[0][i] = plot_at((double)i, (double)(i * i % 17));
        shown.points[0][i].x_low = (double)i - 0.5;
        shown.points[0][i].x_high = (double)i + 0.5;
        shown.points[1][i] = plot_at(4.0 + 0.1 * (double)i, NONE);
        shown.points[1][i].name = i % 2 == 0 ? "hidden-100" : "clear-100";
    }
    is_sound(&shown.of);
}

/* The picture is what was looked at when it was committed. */
static void same_as(const char *text, const char *name)
{
    spur_error error = {0};
    unsigned char *expected = NULL;
    size_t size = 0;
    if (getenv("SPUR_WRITE_EXPECTED") != NULL) {
        assert_ok(file_replace(data_path(name), text, strlen(text), &error), error);
    }
    assert_ok(file_load(data_path(name), 1 << 20, SPUR_DATASET, &expected, &size, &error),
              error);
    assert_string_equal(text, (const char *)expected);
    memory_free(expected);
}

static void small_figures_are_as_committed(void **state)
{
    spur_error error = {0};
    text_buffer out = {0};
    (void)state;
    shown = make_lines(5, 2, 4);
    wire(&shown, 5, 4);
    char *svg = draw(&shown.of, &(plot_picture){.is_alone = true});
    same_as(svg, "plot/lines.svg");
    memory_free(svg);
    assert_ok(plot_csv(&shown.of, &out, &error), error);
    same_as(out.data, "plot/lines.csv");
    text_buffer_free(&out);
    out = (text_buffer){0};
    assert_ok(plot_vega(&shown.of, "figure-3.csv", &out, &error), error);
    same_as(out.data, "plot/lines.vl.json");
    text_buffer_free(&out);
}

static void numbers_are_in_csv_and_table(void **state)
{
    spur_error error = {0};
    text_buffer csv = {0};
    text_buffer table = {0};
    (void)state;
    shown = make_lines(1, 1, 2);
    wire(&shown, 1, 2);
    shown.panels[0].title = NULL;
    shown.points[0][0].y = 0.123456789012;
    shown.points[0][1] = plot_at(2.0, NONE);
    assert_ok(plot_csv(&shown.of, &csv, &error), error);
    assert_string_equal(csv.data, "series,name,rank,accuracy,accuracy_low,accuracy_high\n"
                                  "series 0,,1,0.123456789,0.47,0.53\n"
                                  "series 0,,2,,,\n"
                                  "series 0,mean,,0.55,,\n");
    assert_ok(plot_table(&shown.of, &table, &error), error);
    assert_non_null(strstr(table.data, "<td class=\"n\" data-v=\"0.123456789\">12.3%</td>"));
    assert_non_null(strstr(table.data, "<th scope=\"col\">Top-1 accuracy, low</th>"));
    text_buffer_free(&csv);
    text_buffer_free(&table);
}

static void templates_hold_the_word_of_dvc(void **state)
{
    spur_error error = {0};
    text_buffer out = {0};
    json_t *parsed = NULL;
    (void)state;
    shown = make_lines(3, 2, 4);
    wire(&shown, 3, 4);
    assert_ok(plot_vega(&shown.of, NULL, &out, &error), error);
    assert_ok(json_read(out.data, out.length, false, SPUR_DATASET, &parsed, &error), error);
    const json_t *values = json_object_get(json_object_get(parsed, "data"), "values");
    assert_string_equal(json_string_value(values), "<DVC_METRIC_DATA>");
    json_decref(parsed);
    text_buffer_free(&out);
}

static void failed_allocations_leak_nothing(void **state)
{
    (void)state;
    shown = make_lines(4, 2, 6);
    wire(&shown, 4, 6);
    for (size_t n = 1;; n++) {
        spur_error error = {0};
        text_buffer out = {0};
        (void)memory_fail_at(n, false);
        spur_status status = plot_svg(&shown.of, NULL, &out, &error);
        (void)memory_fail_at(0, false);
        text_buffer_free(&out);
        if (status == SPUR_OK) {
            assert_true(n > 5);
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
    }
}

/* ---- contrast (WCAG 2.1) ----------------------------------------------------------------- */

static double channel(double value)
{
    return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

/* Relative luminance of `ink` over `paper` at an opacity. */
static double luminance(const unsigned ink[3], const unsigned paper[3], double opacity)
{
    static const double parts[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0.0;
    for (size_t i = 0; i < 3; i++) {
        double mixed = opacity * ink[i] + (1.0 - opacity) * paper[i];
        sum += parts[i] * channel(mixed / 255.0);
    }
    return sum;
}

/* The colour behind `name` from `from` on: #rgb or #rrggbb. */
static const char *read_colour(const char *from, const char *name, unsigned out[3])
{
    const char *at = strstr(from, name);
    assert_non_null(at);
    at += strlen(name);
    size_t digits = strspn(at, "0123456789abcdefABCDEF");
    unsigned long value = strtoul(at, NULL, 16);
    for (size_t i = 0; i < 3; i++) {
        out[2 - i] = digits == 3 ? (unsigned)(value >> (4 * i) & 15U) * 17U
                                 : (unsigned)(value >> (8 * i) & 255U);
    }
    return at;
}

static void texts_are_readable_in_both_themes(void **state)
{
    (void)state;
    shown = make_lines(2, 1, 3);
    wire(&shown, 2, 3);
    char *svg = draw(&shown.of, &(plot_picture){.is_alone = true});
    const char *opacity = strstr(svg, "fill-opacity=\"0.7"); /* of texts in the background */
    assert_non_null(opacity);
    double faint = strtod(opacity + strlen("fill-opacity=\""), NULL);
    const char *at = svg;
    for (size_t theme = 0; theme < 3; theme++) { /* light, dark, print */
        unsigned ink[3];
        unsigned paper[3];
        at = read_colour(at, ".drawing{color:#", ink);
        (void)read_colour(at, ".paper{fill:#", paper);
        double a = luminance(ink, paper, faint) + 0.05;
        double b = luminance(paper, paper, 1.0) + 0.05;
        double contrast = a > b ? a / b : b / a;
        if (contrast < 4.5) { /* observed 8.0, 9.6, 9.7 */
            fail_msg("theme %zu: contrast %g", theme, contrast);
        }
    }
    memory_free(svg);
}

static void bytes_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    shown = make_lines(4, 2, 6);
    wire(&shown, 4, 6);
    char *plain = draw(&shown.of, NULL);
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        memory_free(plain);
        skip(); /* not installed */
    }
    char *other = draw(&shown.of, NULL);
    (void)setlocale(LC_ALL, "C");
    assert_string_equal(plain, other);
    memory_free(plain);
    memory_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_labelled),
        cmocka_unit_test(sixty_series_get_a_legend),
        cmocka_unit_test(odd_values_do_no_harm),
        cmocka_unit_test(little_data_is_drawn),
        cmocka_unit_test(hostile_names_are_inert),
        cmocka_unit_test(rows_have_names),
        cmocka_unit_test(crowded_points_drop_names_and_say_so),
        cmocka_unit_test(cuts_stand_on_levels),
        cmocka_unit_test(small_figures_are_as_committed),
        cmocka_unit_test(numbers_are_in_csv_and_table),
        cmocka_unit_test(templates_hold_the_word_of_dvc),
        cmocka_unit_test(failed_allocations_leak_nothing),
        cmocka_unit_test(texts_are_readable_in_both_themes),
        cmocka_unit_test(bytes_do_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
