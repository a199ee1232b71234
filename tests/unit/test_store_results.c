/* test_store_results.c - stages, results, findings and predictions in run.db. */
#include "io/store_results.h"

#include "run_maker.h"
#include "support.h"
#include "tamper.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/store_predictions.h"

static const run_row images[] = {{.file_name = "a/1.png", .class_index = 0, .logit = 1},
                                 {.file_name = "b/1.png", .class_index = 1, .logit = 2}};

static const store_result numbers[] = {{"val/b/h/top1", 0.5}, {"val/b/h/n", 2}};
static const store_finding sentences[] = {{"gap", "One."}, {"gap", "Two."}};

static store_stage stage_of(const char *name, const store_result *results, size_t count)
{
    const store_stage stage = {name, "ab", results, count, sentences, 2};
    return stage;
}

static const char *new_run(void **state, const char *name)
{
    const char *folder = temp_in(*state, name);
    make_split(folder, "train", "max", 2, images, 2);
    return folder;
}

static store *open_writer(const char *folder)
{
    spur_error error;
    store *into = NULL;
    assert_ok(store_open_writer(folder, STORE_JOURNAL_DELETE, &into, &error), error);
    return into;
}

static spur_status put(store *into, const store_stage *stage, spur_error *error)
{
    spur_status status = store_begin(into, error);
    status = status == SPUR_OK ? store_put_stage(into, stage, error) : status;
    return status == SPUR_OK ? store_commit(into, error) : status;
}

static spur_status join_result(void *context, const char *stage, const store_result *result,
                               spur_error *error)
{
    char *into = context;
    size_t used = strlen(into);
    (void)error;
    (void)snprintf(into + used, 500 - used, "%s:%s=%g ", stage, result->key, result->value);
    return SPUR_OK;
}

static spur_status join_finding(void *context, const char *stage, const store_finding *finding,
                                spur_error *error)
{
    char *into = context;
    size_t used = strlen(into);
    (void)error;
    (void)snprintf(into + used, 500 - used, "%s:%s:%s ", stage, finding->kind, finding->text);
    return SPUR_OK;
}

/* By key over all stages; a stage written again replaces its rows; unchanged others stay. */
static void stages_are_replaced(void **state)
{
    static const store_result others[] = {{"ood/b/h/top1", -1}};
    spur_error error;
    char text[500] = "", *inputs = NULL;
    const char *folder = new_run(state, "run");
    store *into = open_writer(folder);
    store_stage stage = stage_of("eval", numbers, 2), other = stage_of("ood", others, 1);
    assert_ok(put(into, &stage, &error), error);
    assert_ok(put(into, &other, &error), error);
    stage.count = 1;
    stage.finding_count = 1;
    stage.inputs = "cd";
    assert_ok(put(into, &stage, &error), error);
    store_close(into);
    into = NULL;
    assert_ok(store_open(folder, &into, &error), error);
    assert_ok(store_each_result(into, NULL, join_result, text, &error), error);
    assert_string_equal(text, "ood:ood/b/h/top1=-1 eval:val/b/h/top1=0.5 ");
    text[0] = '\0';
    assert_ok(store_each_result(into, "ood", join_result, text, &error), error);
    assert_string_equal(text, "ood:ood/b/h/top1=-1 ");
    text[0] = '\0';
    assert_ok(store_each_finding(into, NULL, join_finding, text, &error), error);
    assert_string_equal(text, "eval:gap:One. ood:gap:One. ood:gap:Two. ");
    assert_ok(store_get_stage_inputs(into, "eval", &inputs, &error), error);
    assert_string_equal(inputs, "cd");
    memory_free(inputs);
    assert_ok(store_get_stage_inputs(into, "noise", &inputs, &error), error);
    assert_null(inputs);
    store_close(into);
}

/* A key belongs to one stage, a value is a number; what was there stays. */
static void bad_stages_are_refused(void **state)
{
    static const store_result nothing[] = {{"x", (double)NAN}};
    spur_error error;
    char text[500] = "";
    store *into = open_writer(new_run(state, "run"));
    store_stage stage = stage_of("eval", numbers, 2), other = stage_of("ood", numbers, 1);
    store_stage undefined = stage_of("eval", nothing, 1);
    assert_ok(put(into, &stage, &error), error);
    assert_int_equal(put(into, &other, &error), SPUR_INTERNAL);
    assert_non_null(strstr(error.message, "val/b/h/top1 is there already, of stage eval"));
    assert_int_equal(put(into, &undefined, &error), SPUR_INTERNAL);
    assert_ok(store_each_result(into, NULL, join_result, text, &error), error);
    assert_string_equal(text, "eval:val/b/h/n=2 eval:val/b/h/top1=0.5 ");
    store_close(into);
}

static void changes_are_noticed(void **state)
{
    static const struct {
        const char *sql, *message;
    } cases[] = {
        {"UPDATE results SET value = 0.6 WHERE value = 0.5", "digest of stage eval"},
        {"UPDATE results SET key = 'y' WHERE value = 0.5", "digest of stage eval"},
        {"UPDATE results SET value = 'x' WHERE value = 0.5", "values of table results"},
        {"DELETE FROM results WHERE value = 0.5", "digest of stage eval"},
        {"INSERT INTO results VALUES ('z', 'noise', 1.0)", "every result belongs to a stage"},
        {"UPDATE findings SET text = 'Three.' WHERE position = 1", "digest of stage eval"},
        {"INSERT INTO findings VALUES ('noise', 0, 'a', 'b')",
         "every result belongs to a stage"},
        {"UPDATE stages SET inputs = 'ff'", "digest of stage eval"},
        {"DELETE FROM stages", "digest of table stages"},
        {"UPDATE predictions SET predictions = x'0102030405060708FF'",
         "digest of the predictions of h on train"},
        {"DELETE FROM predictions", "digest of table predictions"},
    };
    spur_error error;
    const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const store_predictions row = {"train", "b", "h", "ab", 1, bytes, sizeof bytes};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[32];
        store *into;
        store_stage stage = stage_of("eval", numbers, 2);
        (void)snprintf(name, sizeof name, "run%zu", i);
        const char *folder = new_run(state, name);
        into = open_writer(folder);
        assert_ok(put(into, &stage, &error), error);
        assert_ok(store_begin(into, &error), error);
        assert_ok(store_put_predictions(into, &row, &error), error);
        assert_ok(store_seal_predictions(into, &error), error);
        assert_ok(store_commit(into, &error), error);
        store_close(into);
        into = NULL;
        assert_ok(store_open(folder, &into, &error), error);
        store_close(into);
        into = NULL;
        tamper(folder, cases[i].sql);
        assert_int_equal(store_open(folder, &into, &error), SPUR_DATASET);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("%s: expected \"%s\" in \"%s\"", cases[i].sql, cases[i].message,
                     error.message);
        }
    }
}

static spur_status count_row(void *context, const store_predictions *row, spur_error *error)
{
    (void)error;
    assert_null(row->bytes);
    assert_int_equal(row->size, 3);
    ++*(size_t *)context;
    return SPUR_OK;
}

static void predictions_come_back(void **state)
{
    spur_error error;
    store *into = open_writer(new_run(state, "run"));
    const unsigned char bytes[] = {7, 0, 9};
    const store_predictions row = {"train", "b", "h", "ab", 3, bytes, sizeof bytes};
    store_prediction_bytes found;
    size_t count = 0;
    assert_ok(store_begin(into, &error), error);
    assert_ok(store_put_predictions(into, &row, &error), error);
    assert_ok(store_put_predictions(into, &row, &error), error);
    assert_ok(store_seal_predictions(into, &error), error);
    assert_ok(store_commit(into, &error), error);
    assert_ok(store_each_predictions(into, count_row, &count, &error), error);
    assert_int_equal(count, 1);
    assert_ok(store_get_predictions(into, "train", "b", "h", &found, &error), error);
    assert_string_equal(found.inputs, "ab");
    assert_int_equal(found.images, 3);
    assert_memory_equal(found.bytes, bytes, 3);
    memory_free(found.inputs);
    memory_free(found.bytes);
    assert_ok(store_get_predictions(into, "train", "b", "g", &found, &error), error);
    assert_null(found.bytes);
    /* With its split a set goes, too. */
    assert_ok(store_drop_split(into, "train", &error), error);
    count = 0;
    assert_ok(store_each_predictions(into, count_row, &count, &error), error);
    assert_int_equal(count, 0);
    store_close(into);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stages_are_replaced, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(bad_stages_are_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(changes_are_noticed, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(predictions_come_back, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
