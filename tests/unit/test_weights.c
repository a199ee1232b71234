/*
 * test_weights.c - tensors by name: what is missing, misshapen, left over or not finite is
 * named, with what was expected.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/weights.h"

static const size_t SHAPE[2] = {2, 3};

static void write_file(char path[256], float first)
{
    spur_error error;
    const float values[6] = {first, 1, 2, 3, 4, 5};
    const int64_t ids[2] = {0, 1};
    const size_t pair = 2;
    const tensor_out tensors[] = {
        {"a.weight", TENSOR_F32, 2, SHAPE, values},
        {"b.extra", TENSOR_F32, 2, SHAPE, values},
        {"position_ids", TENSOR_I64, 1, &pair, ids},
    };
    (void)snprintf(path, 256, "%s/model.safetensors", temp_make());
    assert_ok(safetensors_write(path, tensors, 3, NULL, 0, &error), error);
}

static void expect_refusal(spur_status status, const spur_error *error, const char *words)
{
    assert_int_equal(status, SPUR_MODEL);
    if (strstr(error->message, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, error->message);
    }
}

static void test_every_mismatch_is_named(void **state)
{
    (void)state;
    char path[256];
    spur_error error;
    weights *from = NULL;
    const size_t other[2] = {3, 2}, flat = 6, pair = 2;
    write_file(path, 0);
    assert_ok(weights_open(path, false, &from, &error), error);
    expect_refusal(weights_expect(from, "c.weight", 1, &flat, &error), &error,
                   "'c.weight' is missing");
    expect_refusal(weights_expect(from, "a.weight", 2, other, &error), &error,
                   "shape [2, 3], expected [3, 2]");
    expect_refusal(weights_expect(from, "a.weight", 1, &flat, &error), &error, "expected [6]");
    expect_refusal(weights_expect(from, "position_ids", 1, &pair, &error), &error, "holds I64");
    assert_ok(weights_expect(from, "a.weight", 2, SHAPE, &error), error);
    weights_ignore(from, "position_ids");
    weights_ignore(from, "not.there");
    expect_refusal(weights_check_complete(from, &error), &error, "'b.extra' has no place");
    weights_ignore(from, "b.extra");
    assert_ok(weights_check_complete(from, &error), error);
    assert_true(weights_has(from, "b.extra"));
    assert_false(weights_has(from, "b.extr"));
    weights_close(from);
    temp_remove();
}

static void test_values_are_taken_and_checked(void **state)
{
    (void)state;
    char path[256];
    spur_error error;
    weights *from = NULL;
    float *values = NULL;
    write_file(path, NAN);
    assert_ok(weights_open(path, false, &from, &error), error);
    expect_refusal(weights_take(from, "a.weight", &values, &error), &error,
                   "'a.weight' holds 1 non-finite values");
    assert_null(values);
    assert_int_equal(weights_take(from, "nowhere", &values, &error), SPUR_INTERNAL);
    weights_close(from);
    assert_ok(weights_open(path, true, &from, &error), error);
    assert_ok(weights_take(from, "a.weight", &values, &error), error);
    assert_true(isnan(values[0]) && values[5] == 5);
    memory_free(values);
    weights_close(from);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mismatch_is_named),
        cmocka_unit_test(test_values_are_taken_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
