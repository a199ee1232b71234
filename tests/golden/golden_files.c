/*
 * golden_files.c - every weight file of the reference set: accepted or refused as it must be,
 * and each tensor's bytes. Hostile files must be refused within 5 s and 512 MB, and nothing in
 * them may run: they try to create files named CANARY*.
 */
#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/memory.h"
#include "io/tensor.h"
#include "jsonl.h"

#define SECONDS_LIMIT 5.0

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* True when the tensor has the dtype, shape and bytes that the row gives. */
static bool tensor_matches(const tensor_file *from, const char *name, const json_t *expected)
{
    spur_error error = {0};
    unsigned char *bytes = NULL;
    const tensor_info *info = tensor_file_find(from, name);
    const json_t *shape = json_object_get(expected, "shape");
    if (info == NULL ||
        strcmp(tensor_dtype_name(info->dtype), jsonl_text(expected, "dtype")) != 0) {
        return false;
    }
    if (info->rank != json_array_size(shape)) {
        return false;
    }
    for (size_t i = 0; i < info->rank; i++) {
        if (info->shape[i] != (size_t)json_integer_value(json_array_get(shape, i))) {
            return false;
        }
    }
    assert_ok(memory_new(info->bytes, 1, &bytes, &error), error);
    bool is_equal = tensor_file_read(from, info, bytes, &error) == SPUR_OK &&
                    strcmp(hex_of(bytes, info->bytes), jsonl_text(expected, "sha256")) == 0;
    memory_free(bytes);
    return is_equal;
}

static bool tensors_match(const tensor_file *from, const json_t *tensors)
{
    const char *name;
    json_t *expected;
    if (tensors == NULL) {
        return true;
    }
    if (json_object_size(tensors) != tensor_file_count(from)) {
        print_message("%zu tensors, expected %zu\n", tensor_file_count(from),
                      json_object_size(tensors));
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)tensors, name, expected)
    {
        if (!tensor_matches(from, name, expected)) {
            print_message("tensor %s differs\n", name);
            return false;
        }
    }
    return true;
}

static void check_case(const json_t *row, void *context)
{
    golden_tally *tally = context;
    char name[300];
    spur_error error = {0};
    tensor_file *from = NULL;
    const char *verdict = jsonl_text(row, "verdict");
    (void)snprintf(name, sizeof name, "golden/data/files/%s", jsonl_text(row, "file"));
    double begin = seconds_now();
    spur_status status = tensor_file_open(shared_path(name), &from, &error);
    bool is_accepted = status == SPUR_OK;
    bool is_right = strcmp(verdict, "any") == 0 || is_accepted == (verdict[0] == 'a');
    if (is_accepted) {
        is_right = is_right && tensors_match(from, json_object_get(row, "tensors"));
    } else {
        is_right = is_right && status == SPUR_MODEL && error.message[0] != '\0';
    }
    is_right = is_right && seconds_now() - begin < SECONDS_LIMIT;
    tensor_file_close(from);
    tally->cases++;
    if (is_right) {
        tally->passed++;
    } else {
        tally->failed++;
        print_message("%s: expected %s, status %d: %s\n", name, verdict, (int)status,
                      error.message);
    }
    if (getenv("SPUR_SHOW_MESSAGES") != NULL) {
        print_message("%-7s %s\n", verdict, is_accepted ? "accepted" : error.message);
    }
}

static void assert_no_canary(void)
{
    static const char *const places[] = {"CANARY*", "/tmp/CANARY*"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        glob_t found;
        assert_int_equal(glob(places[i], 0, NULL, &found), GLOB_NOMATCH);
    }
    glob_t beside;
    assert_int_equal(glob(shared_path("golden/data/files/CANARY*"), 0, NULL, &beside),
                     GLOB_NOMATCH);
}

static void every_file(void **state)
{
    (void)state;
    golden_tally tally = {.name = "files"};
    size_t lines = jsonl_each("golden/data/files/cases.jsonl", check_case, &tally);
    golden_print(&tally);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    print_message("peak memory %ld KiB\n", usage.ru_maxrss);
    assert_true(usage.ru_maxrss < 512L * 1024);
    assert_no_canary();
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.cases, lines);
    assert_int_equal(lines, 260);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
