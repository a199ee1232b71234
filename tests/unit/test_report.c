/*
 * test_report.c - which images a report shows, which files it takes for its own, and that it
 * fails cleanly wherever memory ends.
 */
#include "report/report_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/relative.h"
#include "report/stale_files.h"
#include "run_maker.h"
#include "support.h"

enum {
    MOST_ROWS = 120
};

/* counts[c] images of class c with scores 0, 1, 2, ...; the last `failed` of all have none. */
static const char *make_counts(void *state, const char *name, const size_t *counts,
                               size_t classes, size_t failed)
{
    static char names[MOST_ROWS][48];
    run_row rows[MOST_ROWS];
    const char *folder = temp_in(state, name);
    size_t at = 0;
    memset(rows, 0, sizeof rows);
    for (size_t c = 0; c < classes; c++) {
        for (size_t i = 0; i < counts[c]; i++, at++) {
            bool is_bad = c + 1 == classes && i + failed >= counts[c];
            (void)snprintf(names[at], sizeof names[at], "%zu/%03zu.png", c, i);
            rows[at] = (run_row){.file_name = names[at],
                                 .class_index = c,
                                 .logit = is_bad ? (float)NAN : (float)i,
                                 .box = {10, 20, 60, 80}};
        }
    }
    make_split(folder, "train", "max", classes, rows, at);
    return folder;
}

static spur_status gather(const char *folder, const spur_report_options *options,
                          spur_run **run, report_data *out, spur_error *error)
{
    assert_ok(spur_run_open(folder, run, error), *error);
    return report_data_make(*run, options, out, error);
}

/* The picks of a role: as many as wanted, none of a rank that was picked before, each with the
 * row that has this rank. */
static void check_role(const report_data *of, report_role role, size_t wanted, size_t *ranks)
{
    const report_class *class = &of->classes[0];
    assert_int_equal(class->first_pick[role + 1] - class->first_pick[role], wanted);
    for (size_t i = class->first_pick[role]; i < class->first_pick[role + 1]; i++) {
        const report_image *image = &of->images[of->picks[i].image];
        assert_int_equal(ranks[image->rank]++, 0);
        assert_true(image->logit == (float)image->rank - 1.0F);
        assert_int_equal(image->row, image->rank - 1);
    }
}

/* Sizes of a class, and images in its galleries: hidden, mid, clear. */
static void test_galleries(void **state)
{
    static const size_t sizes[][4] = {{1, 0, 1, 0},     {2, 1, 0, 1},    {3, 1, 1, 1},
                                      {4, 1, 2, 1},     {8, 3, 2, 3},    {35, 12, 11, 12},
                                      {36, 12, 12, 12}, {90, 12, 12, 12}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        spur_error error;
        spur_run *run = NULL;
        report_data data;
        spur_report_options options;
        char name[16];
        size_t ranks[MOST_ROWS + 1] = {0}, all = 0;
        (void)snprintf(name, sizeof name, "r%zu", s);
        const char *folder = make_counts(*state, name, sizes[s], 1, 0);
        spur_report_options_defaults(&options);
        assert_ok(gather(folder, &options, &run, &data, &error), error);
        check_role(&data, REPORT_HIDDEN, sizes[s][1], ranks);
        check_role(&data, REPORT_MID, sizes[s][2], ranks);
        check_role(&data, REPORT_CLEAR, sizes[s][3], ranks);
        for (size_t i = 0; i < REPORT_BINS; i++) {
            all += data.classes[0].bins[i];
        }
        assert_int_equal(all, sizes[s][0]);
        report_data_free(&data);
        spur_run_close(run);
    }
}

static void test_failures_and_classes(void **state)
{
    static const size_t counts[] = {6, 0, 9};
    static const char *const wanted[] = {"c"}, *const unknown[] = {"zebra"};
    spur_error error;
    spur_run *run = NULL;
    report_data data;
    spur_report_options options;
    const char *folder = make_counts(*state, "r", counts, 3, 2);
    spur_report_options_defaults(&options);
    options.classes = wanted;
    options.class_count = 1;
    assert_ok(gather(folder, &options, &run, &data, &error), error);
    assert_int_equal(data.failed, 2);
    assert_int_equal(data.failure_count, 2);
    assert_string_equal(data.failures[0].file_name, "2/007.png");
    assert_null(data.classes[1].rank);
    assert_int_equal(data.named_count, 1);
    assert_int_equal(data.telling[0], 2);
    assert_int_equal(data.telling_count, 2); /* and the other class with images, at random */
    assert_int_equal(data.telling[1], 0);
    report_data_free(&data);
    options.classes = unknown;
    assert_int_equal(report_data_make(run, &options, &data, &error), SPUR_USAGE);
    spur_run_close(run);
}

static void test_stale_names(void **state)
{
    (void)state;
    assert_true(stale_is_class_page("0.html") && stale_is_class_page("123.html"));
    assert_false(stale_is_class_page(".html") || stale_is_class_page("1a.html") ||
                 stale_is_class_page("1.htm") || stale_is_class_page("1.html.bak"));
    assert_true(stale_is_thumbnail("0123456789abcdef0123456789abcdef.webp"));
    assert_false(stale_is_thumbnail("0123456789abcdef0123456789abcdeg.webp") ||
                 stale_is_thumbnail("0123456789abcdef0123456789abcdef0.webp"));
    assert_true(stale_is_figure("noise.svg") && stale_is_figure("a.vl.json"));
    assert_false(stale_is_figure(".svg") || stale_is_figure("notes.json") ||
                 stale_is_figure(".hidden.svg"));
}

static void test_relative(void **state)
{
    static const char *const cases[][3] = {
        {"/a/b", "/a/b", ""}, {"/a/b", "/a/c/d", "../c/d/"},
        {"/a", "/a/b", "b/"}, {"/a/b/c", "/", "../../../"},
        {"/", "/x", "x/"},    {"/ab", "/a", "../a/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spur_error error;
        text_buffer found = {NULL, 0, 0};
        assert_ok(relative_path(cases[i][0], cases[i][1], &found, &error), error);
        assert_int_equal(found.length, strlen(cases[i][2]));
        if (found.length > 0) {
            assert_memory_equal(found.data, cases[i][2], found.length);
        }
        text_buffer_free(&found);
    }
}

/* Every allocation of gathering fails once; of the whole report every 13th. */
static void test_no_memory(void **state)
{
    static const size_t counts[] = {5, 4};
    spur_report_options options;
    spur_error error;
    spur_run *run = NULL;
    report_data data;
    spur_status status = SPUR_RESOURCE;
    const char *folder = make_counts(*state, "r", counts, 2, 1);
    spur_report_options_defaults(&options);
    options.threads = 1;
    options.no_thumbnails = true;
    assert_ok(spur_run_open(folder, &run, &error), error);
    for (size_t n = 1; status != SPUR_OK; n++) {
        memory_fail_at(n, true);
        status = report_data_make(run, &options, &data, &error);
        memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
    report_data_free(&data);
    spur_run_close(run);
    status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n += 13) {
        memory_fail_at(n, true);
        status = spur_report(folder, &options, NULL, NULL, &error);
        memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_galleries, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_failures_and_classes, temp_setup, temp_teardown),
        cmocka_unit_test(test_stale_names),
        cmocka_unit_test(test_relative),
        cmocka_unit_test_setup_teardown(test_no_memory, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
