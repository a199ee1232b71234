/*
 * test_npy.c - arrays that NumPy wrote, arrays for NumPy, and files that are none.
 *
 * tests/data/numpy was written by NumPy itself: plain, versions 2 and 3, Fortran order, half,
 * stored and deflated archives, and what must be refused.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/npy.h"

static tensor_file *open_arrays(const char *path)
{
    spur_error error;
    tensor_file *made = NULL;
    assert_ok(tensor_file_open_arrays(path, &made, &error), error);
    return made;
}

static const char *numpy_path(const char *name)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "numpy/%s", name);
    return data_path(path);
}

/* Exact: the values are quarters. */
static void check_quarters(const tensor_file *from, const tensor_info *info)
{
    spur_error error;
    float values[6];
    assert_non_null(info);
    assert_int_equal(info->rank, 2);
    assert_int_equal(info->shape[0], 2);
    assert_int_equal(info->shape[1], 3);
    assert_ok(tensor_file_read_float(from, info, values, &error), error);
    for (size_t i = 0; i < 6; i++) {
        assert_true(values[i] == (float)i / 4);
    }
}

static void reads_what_numpy_wrote(void **state)
{
    static const char *const names[] = {"c.npy", "half.npy", "version2.npy", "version3.npy"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        tensor_file *from = open_arrays(numpy_path(names[i]));
        assert_string_equal(tensor_file_format(from), "npy");
        assert_int_equal(tensor_file_count(from), 1);
        check_quarters(from, tensor_file_find(from, ""));
        tensor_file_close(from);
    }
    tensor_file *stored = open_arrays(numpy_path("stored.npz"));
    assert_string_equal(tensor_file_format(stored), "npz");
    check_quarters(stored, tensor_file_find(stored, "X"));
    assert_int_equal(tensor_file_find(stored, "image_id")->dtype, TENSOR_U8);
    tensor_file_close(stored);
}

static void turns_fortran_order(void **state)
{
    spur_error error;
    double values[24];
    int64_t deflated[12];
    (void)state;
    tensor_file *from = open_arrays(numpy_path("fortran.npy"));
    assert_ok(tensor_file_read(from, tensor_file_at(from, 0), values, &error), error);
    for (size_t i = 0; i < 24; i++) {
        assert_true(values[i] == (double)i);
    }
    tensor_file_close(from);
    from = open_arrays(numpy_path("deflated.npz"));
    assert_ok(tensor_file_read(from, tensor_file_find(from, "F"), deflated, &error), error);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(deflated[i], i);
    }
    tensor_file_close(from);
}

static void inflates(void **state)
{
    spur_error error;
    float values[400];
    (void)state;
    tensor_file *from = open_arrays(numpy_path("deflated.npz"));
    assert_ok(tensor_file_read(from, tensor_file_find(from, "X"), values, &error), error);
    for (size_t i = 0; i < 400; i++) {
        assert_true(values[i] == (float)(i % 8));
    }
    tensor_file_close(from);
}

static void expect_refusal(const char *path, const char *text)
{
    spur_error error;
    tensor_file *from = NULL;
    assert_int_equal(tensor_file_open_arrays(path, &from, &error), SPUR_MODEL);
    if (strstr(error.message, text) == NULL) {
        fail_msg("expected \"%s\" in: %s", text, error.message);
    }
}

static void refuses_by_name(void **state)
{
    (void)state;
    expect_refusal(numpy_path("object.npy"), "Python objects");
    expect_refusal(numpy_path("big.npy"), "big-endian");
    expect_refusal(numpy_path("text.npy"), "holds text");
    expect_refusal(numpy_path("record.npy"), "named fields");
    expect_refusal(numpy_path("none.npy"), "no such file");
}

static void put_array(const char *path, const char *header, size_t bytes)
{
    spur_error error;
    char block[512];
    size_t length = strlen(header);
    memset(block, 0, sizeof block);
    memcpy(block, "\x93NUMPY\1\0", 8);
    block[8] = (char)(unsigned char)length;
    memcpy(block + 10, header, length);
    assert_ok(file_replace(path, block, 10 + length + bytes, &error), error);
}

static void refuses_lies(void **state)
{
    static const struct {
        const char *header;
        size_t bytes;
        const char *text;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 23, "needs 24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 25, "needs 24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", 12, "a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", 12, "whole number"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,)}", 12,
         "fits 64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 12,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", 12, "True or False"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (3,)}", 12, "stands twice"},
        {"{'descr': '<f4', 'fortran_order': False}", 12, "expected descr"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x", 12, "nothing more"},
        {"{'descr': __import__('os'), 'fortran_order': False, 'shape': (3,)}", 12, "a string"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", 24, "has dtype '<c8'"},
    };
    const char *path = temp_in(*state, "lie.npy");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_array(path, cases[i].header, cases[i].bytes);
        expect_refusal(path, cases[i].text);
    }
    put_array(path, "{'shape': (3L,), 'fortran_order': False, 'descr': \"<f4\", }\n", 12);
    tensor_file_close(open_arrays(path));
}

/* Cut at any place: refused. */
static void cut_files_are_refused(void **state)
{
    static const char *const names[] = {"c.npy", "stored.npz", "deflated.npz"};
    spur_error error;
    const char *path = temp_in(*state, "damaged");
    size_t refused = 0;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        unsigned char *bytes = NULL;
        size_t size = 0;
        assert_ok(file_load(numpy_path(names[n]), 1 << 20, SPUR_MODEL, &bytes, &size, &error),
                  error);
        for (size_t cut = 0; cut < size; cut += 7) {
            tensor_file *from = NULL;
            FILE *into = fopen(path, "wb");
            assert_non_null(into);
            assert_int_equal(fwrite(bytes, 1, cut, into), cut);
            assert_int_equal(fclose(into), 0);
            assert_int_not_equal(tensor_file_open_arrays(path, &from, &error), SPUR_OK);
            refused++;
        }
        memory_free(bytes);
    }
    assert_true(refused > 100);
}

static void writes_what_it_reads(void **state)
{
    spur_error error;
    float matrix[6];
    int64_t labels[] = {3, -1};
    const size_t shape[] = {2, 3};
    for (size_t i = 0; i < 6; i++) {
        matrix[i] = (float)i / 4;
    }
    const tensor_out arrays[] = {{"X", TENSOR_F32, 2, shape, matrix},
                                 {"y", TENSOR_I64, 1, shape, labels},
                                 {"s", TENSOR_F32, 0, shape, matrix}};
    const char *path = temp_in(*state, "out.npz");
    assert_ok(npz_write(path, arrays, 3, &error), error);
    tensor_file *from = open_arrays(path);
    assert_int_equal(tensor_file_count(from), 3);
    check_quarters(from, tensor_file_find(from, "X"));
    assert_int_equal(tensor_file_find(from, "s")->rank, 0);
    tensor_file_close(from);
    path = temp_in(*state, "out.npy");
    assert_ok(npy_write(path, &arrays[0], &error), error);
    from = open_arrays(path);
    check_quarters(from, tensor_file_find(from, ""));
    tensor_file_close(from);
}

static void failing_allocations_are_clean(void **state)
{
    static const char *const names[] = {"fortran.npy", "deflated.npz"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t n = 1;; n++) {
            spur_error error;
            double values[400];
            tensor_file *from = NULL;
            (void)memory_fail_at(n, true);
            spur_status status = tensor_file_open_arrays(numpy_path(names[i]), &from, &error);
            if (status == SPUR_OK) {
                status = tensor_file_read(from, tensor_file_at(from, 0), values, &error);
            }
            (void)memory_fail_at(0, false);
            tensor_file_close(from);
            if (status == SPUR_OK) {
                assert_true(n > 5);
                break;
            }
            assert_int_equal(status, SPUR_RESOURCE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_wrote),
        cmocka_unit_test(turns_fortran_order),
        cmocka_unit_test(inflates),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test_setup_teardown(refuses_lies, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(cut_files_are_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(writes_what_it_reads, temp_setup, temp_teardown),
        cmocka_unit_test(failing_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
