/*
 * test_run_clear.c - a run that forgets what was made of its images.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/store_results.h"
#include "run_maker.h"

static const run_row rows[] = {{.file_name = "a/1.png", .class_index = 0, .logit = 1.0F},
                               {.file_name = "a/2.png", .class_index = 0, .logit = 2.0F},
                               {.file_name = "b/1.png", .class_index = 1, .logit = NAN}};

static void put_number(const char *folder)
{
    spur_run *run = NULL;
    spur_error error;
    const store_result result = {"train/net/original/top1", 0.5};
    const store_stage stage = {"eval", "00", &result, 1, NULL, 0};
    assert_ok(run_open_writer(folder, &run, &error), error);
    assert_ok(store_begin(run->db, &error), error);
    assert_ok(store_put_stage(run->db, &stage, &error), error);
    assert_ok(store_commit(run->db, &error), error);
    spur_run_close(run);
}

static void put_file(const char *folder, const char *name)
{
    char path[600];
    spur_error error;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, "x", 1, &error), error);
}

/* Two splits, subsets, a number, and files that belong to stages or to nobody. */
static void fill(const char *folder)
{
    static const char *const folders[] = {"features", "features/net", "heads", "heads/net"};
    spur_error error;
    spur_select_options options;
    spur_run_close(make_run(folder, 2, rows, 3));
    make_split(folder, "val", "max", 2, rows, 2);
    spur_select_options_defaults(&options);
    options.amounts = "1";
    assert_ok(spur_select(folder, &options, NULL, NULL, &error), error);
    put_number(folder);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        assert_ok(file_make_folder(path, &error), error);
    }
    put_file(folder, "metrics.json");
    put_file(folder, "notes.txt");
    put_file(folder, "features/net/train.safetensors");
    put_file(folder, "features/net/val.safetensors.part");
    put_file(folder, "heads/net/original.safetensors");
    put_file(folder, "heads/net/mine.txt");
}

static bool is_there(const char *folder, const char *name)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_kind_of(path) == FILE_REGULAR;
}

static spur_status count_result(void *context, const char *stage, const store_result *result,
                                spur_error *error)
{
    (void)stage;
    (void)result;
    (void)error;
    *(size_t *)context += 1;
    return SPUR_OK;
}

static void all_is_forgotten(void **state)
{
    const char *folder = temp_in(*state, "run");
    spur_error error;
    spur_run *run = NULL;
    store *db = NULL;
    size_t results = 0;
    fill(folder);
    assert_ok(spur_run_clear(folder, &error), error);
    assert_int_equal(spur_run_open(folder, &run, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "nothing has been scored"));
    assert_ok(store_open(folder, &db, &error), error);
    assert_ok(store_each_result(db, NULL, count_result, &results, &error), error);
    assert_int_equal(results, 0);
    store_close(db);
    assert_false(is_there(folder, "metrics.json"));
    assert_false(is_there(folder, "features/net/train.safetensors"));
    assert_false(is_there(folder, "features/net/val.safetensors.part"));
    assert_false(is_there(folder, "heads/net/original.safetensors"));
    /* What no stage has made stays. */
    assert_true(is_there(folder, "notes.txt"));
    assert_true(is_there(folder, "heads/net/mine.txt"));
    assert_ok(spur_run_clear(folder, &error), error);
}

static void what_is_not_there(void **state)
{
    spur_error error;
    assert_ok(spur_run_clear(temp_in(*state, "none"), &error), error);
    assert_int_equal(file_kind_of(temp_in(*state, "none")), FILE_MISSING);
    assert_int_equal(spur_run_clear(NULL, &error), SPUR_USAGE);
}

static void failing_allocations_are_clean(void **state)
{
    const char *folder = temp_in(*state, "run");
    spur_error error;
    bool was_reached = true;
    fill(folder);
    for (size_t n = 1; was_reached; n++) {
        (void)memory_fail_at(n, false);
        spur_status status = spur_run_clear(folder, &error);
        was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
    }
    assert_false(is_there(folder, "heads/net/original.safetensors"));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(all_is_forgotten),
        WITH_FOLDER(what_is_not_there),
        WITH_FOLDER(failing_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
