/*
 * test_extremes.c - the ends of a ranking agree with the ranking, and their sheet is a picture.
 */
#include "support.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/image.h"
#include "report/sheet.h"

enum {
    CLASSES = 3,
    IMAGES = 4 /* per class of tests/data/photos-tiny */
};

static spur_run *make_run(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    spur_score_options options;
    spur_score_options_defaults(&options);
    options.threads = 1;
    assert_ok(spur_score(data_path("photos-tiny"), temp_in(*state, "run"),
                         data_path("tiny-owlvit"), &options, NULL, NULL, &error),
              error);
    assert_ok(spur_run_open(temp_in(*state, "run"), &run, &error), error);
    return run;
}

typedef struct visit {
    const spur_rank_summary *ranked;
    size_t per_end, seen, stop_after;
} visit;

/* Within a class: ranks 1 .. from below, then from above. */
static int check_extreme(void *context, const spur_extreme *found)
{
    visit *of = context;
    size_t per_class = of->per_end * 2 < IMAGES ? of->per_end * 2 : IMAGES;
    size_t place = of->seen % per_class, ends = per_class / 2;
    const spur_class_rank *class = &of->ranked->classes[of->seen / per_class];
    assert_string_equal(found->label, class->label);
    assert_int_equal(found->images, IMAGES);
    assert_int_equal(found->rank, place < ends ? place + 1 : IMAGES - (place - ends));
    assert_int_equal(file_kind_of(found->path), FILE_REGULAR);
    assert_non_null(strstr(found->path, found->file_name));
    assert_true(found->box[0] < found->box[2] && found->box[1] < found->box[3]);
    if (found->rank == 1) {
        assert_string_equal(found->file_name, class->most_hidden);
        assert_true(found->logit == class->lowest);
    } else if (found->rank == IMAGES) {
        assert_string_equal(found->file_name, class->clearest);
        assert_true(found->logit == class->highest);
    }
    of->seen++;
    return of->seen == of->stop_after;
}

static void test_agrees_with_rank(void **state)
{
    spur_error error;
    spur_rank_summary *ranked = NULL;
    spur_run *run = make_run(state);
    assert_ok(spur_rank(run, &ranked, &error), error);
    for (size_t per_end = 1; per_end <= 3; per_end++) {
        visit of = {ranked, per_end, 0, 0};
        assert_ok(spur_extremes(run, "train", per_end, check_extreme, &of, &error), error);
        assert_int_equal(of.seen, CLASSES * (per_end == 1 ? 2 : IMAGES));
    }
    visit of = {ranked, 2, 0, 5};
    assert_ok(spur_extremes(run, "train", 2, check_extreme, &of, &error), error);
    assert_int_equal(of.seen, 5);
    assert_int_equal(spur_extremes(run, "none", 1, check_extreme, &of, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "train"));
    assert_int_equal(spur_extremes(run, "train", 1, NULL, NULL, &error), SPUR_USAGE);
    spur_rank_summary_free(ranked);
    spur_run_close(run);
}

static void test_draws_a_sheet(void **state)
{
    spur_error error;
    image sheet_image = {0}, smaller = {0};
    spur_run *run = make_run(state);
    const char *path = temp_in(*state, "sheet.png");
    assert_ok(spur_extremes_draw(run, "train", 1, path, &error), error);
    assert_ok(image_load(path, NULL, &smaller, NULL, &error), error);
    assert_ok(spur_extremes_draw(run, "train", 3, path, &error), error);
    assert_ok(image_load(path, NULL, &sheet_image, NULL, &error), error);
    assert_int_equal(sheet_image.height, smaller.height);
    assert_int_equal(sheet_image.width - smaller.width, 4 * (SHEET_CELL + 4));
    assert_int_equal(spur_extremes_draw(run, "train", 0, path, &error), SPUR_USAGE);
    image_free(&sheet_image);
    image_free(&smaller);
    spur_run_close(run);
}

static void test_failed_allocations(void **state)
{
    spur_error error;
    spur_run *run = make_run(state);
    const char *path = temp_in(*state, "sheet.png");
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        (void)memory_fail_at(n, false);
        status = spur_extremes_draw(run, "train", 2, path, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        assert_true(n < 10000);
    }
    spur_run_close(run);
}

static void test_world_sheet(void **state)
{
    spur_error error;
    image drawn = {0};
    spur_world_options options;
    const char *path = temp_in(*state, "world.png");
    spur_world_options_defaults(&options);
    options.classes = 2;
    options.train_images = 40;
    assert_ok(spur_world_draw(&options, path, &error), error);
    assert_ok(image_load(path, NULL, &drawn, NULL, &error), error);
    assert_true(drawn.width > 10 * SHEET_CELL && drawn.height > 2 * SHEET_CELL);
    image_free(&drawn);
    options.classes = 99;
    assert_int_equal(spur_world_draw(&options, path, &error), SPUR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_agrees_with_rank, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_draws_a_sheet, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_failed_allocations, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_world_sheet, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
