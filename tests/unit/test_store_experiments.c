/*
 * test_store_experiments.c - experiments in run.db: what was put is read back, another one
 * replaces it whole, and a changed byte is found when the run is opened.
 */
#include "support.h"
#include "tamper.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/store_experiments.h"
#include "run_maker.h"

static const store_experiment NOISE = {"noise", "net", "train", "aa11", "{}", 10};

static void open_store(void *state, store **out)
{
    static const run_row rows[] = {{.file_name = "a.png", .logit = 1}};
    spur_error error;
    const char *folder = temp_in(state, "run");
    if (!store_exists(folder)) {
        make_split(folder, "train", "max", 1, rows, 1);
    }
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, out, &error), error);
}

static void put_blocks(store *db, const store_experiment *of, size_t count)
{
    spur_error error;
    assert_ok(store_begin(db, &error), error);
    for (size_t i = 0; i < count; i++) {
        const unsigned char bytes[3] = {(unsigned char)i, 0, 9};
        const store_experiment_block block = {i, bytes, sizeof bytes};
        assert_ok(store_put_experiment_block(db, of, &block, &error), error);
    }
    assert_ok(store_commit(db, &error), error);
}

static spur_status check_block(void *context, const store_experiment_block *block,
                               spur_error *error)
{
    size_t *count = context;
    (void)error;
    assert_int_equal(block->block, *count);
    assert_int_equal(block->length, 3);
    assert_int_equal(block->outcomes[0], *count);
    ++*count;
    return SPUR_OK;
}

static spur_status check_experiment(void *context, const store_experiment *one,
                                    spur_error *error)
{
    size_t *count = context;
    (void)error;
    assert_string_equal(one->subject, *count == 0 ? "" : "net");
    assert_string_equal(one->inputs, *count == 0 ? "bb" : "aa11");
    assert_int_equal(one->images, *count == 0 ? 1 : 10);
    ++*count;
    return SPUR_OK;
}

static void reads_back_what_was_put(void **state)
{
    spur_error error;
    store *db = NULL;
    size_t blocks = 0, experiments = 0;
    const store_experiment audit = {"audit", "", "train", "bb", "{}", 1};
    open_store(*state, &db);
    assert_ok(store_put_experiment(db, &NOISE, &error), error);
    assert_ok(store_put_experiment(db, &audit, &error), error);
    put_blocks(db, &NOISE, 2);
    store_close(db);
    open_store(*state, &db); /* verified */
    assert_ok(store_each_experiment(db, check_experiment, &experiments, &error), error);
    assert_ok(store_each_experiment_block(db, &NOISE, check_block, &blocks, &error), error);
    assert_int_equal(experiments, 2);
    assert_int_equal(blocks, 2);
    store_close(db);
}

static void another_experiment_replaces_all_blocks(void **state)
{
    spur_error error;
    store *db = NULL;
    size_t blocks = 0;
    store_experiment other = NOISE;
    open_store(*state, &db);
    assert_ok(store_put_experiment(db, &NOISE, &error), error);
    put_blocks(db, &NOISE, 2);
    other.inputs = "cc22";
    assert_ok(store_put_experiment(db, &other, &error), error);
    assert_ok(store_each_experiment_block(db, &other, check_block, &blocks, &error), error);
    assert_int_equal(blocks, 0);
    put_blocks(db, &other, 1);
    store_close(db);
    open_store(*state, &db);
    store_close(db);
}

static void goes_with_its_split(void **state)
{
    spur_error error;
    store *db = NULL;
    size_t experiments = 0;
    open_store(*state, &db);
    assert_ok(store_put_experiment(db, &NOISE, &error), error);
    put_blocks(db, &NOISE, 2);
    assert_ok(store_drop_split(db, "train", &error), error);
    assert_ok(store_each_experiment(db, check_experiment, &experiments, &error), error);
    assert_int_equal(experiments, 0);
    store_close(db);
}

/* Each of these is one change of one row; every one must be found. */
static void finds_every_change(void **state)
{
    static const char *const changes[] = {
        "UPDATE experiments SET inputs = 'dd'",
        "UPDATE experiments SET settings = '{ }'",
        "UPDATE experiments SET images = 11",
        "UPDATE experiments SET subject = 'other'",
        "UPDATE experiment_blocks SET outcomes = x'010009' WHERE block = 0",
        "UPDATE experiment_blocks SET block = 7 WHERE block = 1",
        "UPDATE experiment_blocks SET block = 0 WHERE block = 1",
        "UPDATE experiment_blocks SET outcomes = 'text' WHERE block = 1",
        "UPDATE experiment_blocks SET subject = 'other'",
        "DELETE FROM experiments",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        spur_error error;
        store *db = NULL;
        open_store(*state, &db);
        assert_ok(store_put_experiment(db, &NOISE, &error), error);
        put_blocks(db, &NOISE, 2);
        store_close(db);
        if (strstr(changes[i], "SET block = 0") != NULL) {
            tamper(temp_in(*state, "run"), "DELETE FROM experiment_blocks WHERE block = 0");
        }
        tamper(temp_in(*state, "run"), changes[i]);
        assert_int_equal(store_open(temp_in(*state, "run"), &db, &error), SPUR_DATASET);
        assert_non_null(strstr(error.message, "failed check"));
        temp_teardown(state);
        temp_setup(state);
    }
}

static spur_status write_and_read(store *db, size_t *blocks, spur_error *error)
{
    spur_status status;
    const unsigned char bytes[3] = {0, 0, 9};
    const store_experiment_block block = {0, bytes, sizeof bytes};
    *blocks = 0;
    TRY(store_put_experiment(db, &NOISE, error));
    TRY(store_begin(db, error));
    TRY(store_put_experiment_block(db, &NOISE, &block, error));
    TRY(store_commit(db, error));
    TRY(store_each_experiment_block(db, &NOISE, check_block, blocks, error));
done:
    return status;
}

static void failing_allocations_are_clean(void **state)
{
    store *db = NULL;
    spur_error error;
    size_t blocks = 0, failed = 0;
    spur_status status = SPUR_RESOURCE;
    open_store(*state, &db);
    while (status != SPUR_OK) {
        (void)memory_fail_at(failed + 1, false);
        status = write_and_read(db, &blocks, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        failed += status != SPUR_OK;
    }
    assert_int_equal(blocks, 1);
    assert_true(failed > 3);
    store_close(db);
    open_store(*state, &db); /* what is there is whole */
    store_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_back_what_was_put, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(another_experiment_replaces_all_blocks, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(goes_with_its_split, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(finds_every_change, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
