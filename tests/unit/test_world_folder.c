/*
 * test_world_folder.c - a world on disk: complete, the same for any number of threads, repaired
 * where it is damaged, and never mixed with another one.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "demo/world_split.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/image.h"

static spur_world_options small_world(void)
{
    spur_world_options options;
    spur_world_options_defaults(&options);
    options.classes = 3;
    options.train_images = 7;
    options.test_images = 2;
    options.threads = 1;
    return options;
}

enum {
    SMALL_IMAGES = 3 * (7 + 3 * 2)
};

static void write_world(const char *folder, const spur_world_options *options,
                        uint64_t expected)
{
    spur_error error;
    spur_world_summary summary;
    assert_ok(spur_world_write(folder, options, NULL, &summary, &error), error);
    assert_int_equal(summary.images, SMALL_IMAGES);
    assert_int_equal(summary.written, expected);
}

static void check_same_file(const char *a, const char *b)
{
    unsigned char *first = NULL, *second = NULL;
    size_t first_size = 0, second_size = 1;
    spur_error error;
    assert_ok(file_load(a, 1u << 24, SPUR_IMAGE, &first, &first_size, &error), error);
    assert_ok(file_load(b, 1u << 24, SPUR_IMAGE, &second, &second_size, &error), error);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    memory_free(first);
    memory_free(second);
}

static void test_threads_and_truth(void **state)
{
    spur_world_options options = small_world();
    write_world(temp_in(*state, "a"), &options, SMALL_IMAGES);
    options.threads = 3;
    write_world(temp_in(*state, "b"), &options, SMALL_IMAGES);
    check_same_file(temp_in(*state, "a/truth.csv"), temp_in(*state, "b/truth.csv"));
    check_same_file(temp_in(*state, "a/world.json"), temp_in(*state, "b/world.json"));
    check_same_file(temp_in(*state, "a/ood/cross/0001.png"),
                    temp_in(*state, "b/ood/cross/0001.png"));
}

/* Each row of truth.csv names a picture that holds the pixels of its image. */
static void test_pictures_are_the_images(void **state)
{
    spur_error error;
    spur_world_options options = small_world();
    world_split splits[WORLD_SPLITS];
    unsigned char *text = NULL;
    size_t size = 0;
    csv_reader *reader = NULL;
    const csv_row *row = NULL;
    write_world(temp_in(*state, "w"), &options, SMALL_IMAGES);
    assert_ok(world_splits_make(&options, splits, &error), error);
    assert_ok(
        file_load(temp_in(*state, "w/truth.csv"), 1u << 20, SPUR_DATASET, &text, &size, &error),
        error);
    assert_ok(csv_open((const char *)text, size, &reader, &error), error);
    assert_ok(csv_next(reader, &row, &error), error);
    assert_string_equal(row->fields[0], "file_name");
    assert_int_equal(row->count, 13);
    for (uint64_t i = 0; i < SMALL_IMAGES; i++) {
        unsigned char pixels[SCENE_BYTES];
        char path[256];
        world_truth truth;
        image found = {0};
        world_item item = world_item_at(splits, i);
        world_image(&item.split->options, item.split->key, item.label, item.index, pixels,
                    &truth);
        assert_ok(csv_next(reader, &row, &error), error);
        assert_string_equal(row->fields[1], item.split->name);
        assert_string_equal(row->fields[2], shape_name(item.label));
        assert_string_equal(row->fields[4], texture_name(truth.background));
        (void)snprintf(path, sizeof path, "w/%s", row->fields[0]);
        assert_ok(image_load(temp_in(*state, path), NULL, &found, NULL, &error), error);
        assert_memory_equal(found.pixels, pixels, SCENE_BYTES);
        image_free(&found);
    }
    assert_ok(csv_next(reader, &row, &error), error);
    assert_null(row);
    csv_close(reader);
    memory_free(text);
}

static void test_again_and_repair(void **state)
{
    spur_error error;
    spur_world_options options = small_world();
    const char *folder = temp_in(*state, "w");
    write_world(folder, &options, SMALL_IMAGES);
    write_world(folder, &options, 0);
    assert_int_equal(unlink(temp_in(*state, "w/val/star/0000.png")), 0);
    assert_ok(file_replace(temp_in(*state, "w/train/ring/0003.png"), "", 0, &error), error);
    write_world(folder, &options, 2);
    assert_int_equal(unlink(temp_in(*state, "w/truth.csv")), 0);
    assert_ok(file_replace(temp_in(*state, "w/train/ring/0004.png"), "xyz", 3, &error), error);
    write_world(folder, &options, 1);
    assert_int_equal(file_kind_of(temp_in(*state, "w/truth.csv")), FILE_REGULAR);
}

static void test_refusals(void **state)
{
    spur_error error;
    spur_world_options options = small_world();
    const char *folder = temp_in(*state, "w");
    write_world(folder, &options, SMALL_IMAGES);
    options.seed = 2;
    assert_int_equal(spur_world_write(folder, &options, NULL, NULL, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "other options"));
    assert_non_null(strstr(error.message, "\"seed\":1"));
    assert_int_equal(mkdir(temp_in(*state, "photos"), 0777), 0);
    assert_ok(file_replace(temp_in(*state, "photos/mine.txt"), "x", 1, &error), error);
    assert_int_equal(spur_world_write(temp_in(*state, "photos"), &options, NULL, NULL, &error),
                     SPUR_USAGE);
    assert_non_null(strstr(error.message, "mine.txt"));
    assert_int_equal(spur_world_write(NULL, &options, NULL, NULL, &error), SPUR_USAGE);
}

static void test_options_are_checked(void **state)
{
    (void)state;
    world_split splits[WORLD_SPLITS];
    spur_error error;
    for (int what = 0; what < 10; what++) {
        spur_world_options options = small_world();
        double nan_value = 0.0 / (double)(what < 0);
        options.classes = what == 0 ? 1 : what == 1 ? 11 : 3;
        options.train_images = what == 2 ? 0 : what == 3 ? 10001 : 1;
        options.test_images = what == 4 ? 0 : 1;
        options.favourite = what == 5 ? 1.5 : 0.5;
        options.couple = what == 6 ? nan_value : 0.0;
        options.none = what == 7 ? -0.1 : 0.6;
        options.wrong = what == 8 ? 0.5 : 0.0;
        options.skew = what == 9 ? 0.0 : 1.0;
        assert_int_equal(world_splits_make(&options, splits, &error), SPUR_USAGE);
    }
}

static int cancel_after(void *context, const spur_progress *progress)
{
    (void)progress;
    size_t *left = context;
    return *left == 0 || (*left)-- == 1;
}

static void test_cancelled_and_continued(void **state)
{
    spur_error error;
    spur_world_options options = small_world();
    size_t ticks = 1;
    spur_monitor monitor = {.context = &ticks, .progress = cancel_after};
    options.threads = 2;
    spur_status status =
        spur_world_write(temp_in(*state, "w"), &options, &monitor, NULL, &error);
    assert_int_equal(status, SPUR_INTERRUPTED);
    assert_int_equal(file_kind_of(temp_in(*state, "w/truth.csv")), FILE_MISSING);
    assert_ok(spur_world_write(temp_in(*state, "w"), &options, NULL, NULL, &error), error);
    write_world(temp_in(*state, "other"), &options, SMALL_IMAGES);
    check_same_file(temp_in(*state, "w/truth.csv"), temp_in(*state, "other/truth.csv"));
}

static void test_failed_allocations(void **state)
{
    spur_error error;
    spur_world_options options = small_world();
    options.train_images = 1;
    options.test_images = 1;
    options.classes = 2;
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        char name[32];
        (void)snprintf(name, sizeof name, "w%zu", n % 2);
        const char *folder = temp_in(*state, name);
        (void)memory_fail_at(n, false);
        status = spur_world_write(folder, &options, NULL, NULL, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        assert_true(n < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_and_truth, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_pictures_are_the_images, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_again_and_repair, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_refusals, temp_setup, temp_teardown),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test_setup_teardown(test_cancelled_and_continued, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_failed_allocations, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
