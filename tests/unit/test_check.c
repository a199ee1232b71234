/*
 * test_check.c - `check` reports every file once, in order, for any number of threads.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"

static void make_files(void *state)
{
    spur_error error;
    assert_ok(file_make_folder(temp_in(state, "d/deep/er"), &error), error);
    for (unsigned i = 0; i < 40; i++) {
        char name[64];
        unsigned char *bytes;
        size_t size;
        assert_ok(file_load(data_path("photos-tiny/box/box1.png"), 1 << 20, SPUR_IMAGE, &bytes,
                            &size, &error),
                  error);
        (void)snprintf(name, sizeof name, "d/%s%02u.jpg", i % 3 == 0 ? "deep/er/" : "", i);
        assert_ok(
            file_replace(temp_in(state, name), bytes, i % 5 == 4 ? size / 2 : size, &error),
            error);
        memory_free(bytes);
    }
    assert_int_equal(mkfifo(temp_in(state, "d/pipe"), 0600), 0);
    assert_int_equal(symlink("gone", temp_in(state, "d/link")), 0);
    assert_int_equal(symlink("..", temp_in(state, "d/deep/up")), 0);
}

typedef struct listing {
    text_buffer text;
    size_t rows, failed, stop_at;
} listing;

static int list_row(void *context, const spur_check_row *row)
{
    spur_error error;
    listing *into = context;
    into->rows++;
    into->failed += row->status != SPUR_OK;
    assert_ok(text_format(&into->text, &error, "%s %d %s %s %zux%zu %s\n", row->file_name,
                          (int)row->status, row->format == NULL ? "-" : row->format,
                          row->reason == NULL ? "-" : row->reason, row->width, row->height,
                          row->rgb_sha256),
              error);
    return into->rows == into->stop_at;
}

static listing check(const char *path, size_t threads)
{
    spur_error error;
    spur_check_options options;
    listing found = {{NULL, 0, 0}, 0, 0, 0};
    spur_check_options_defaults(&options);
    options.sha256 = true;
    options.threads = threads;
    assert_ok(spur_check(path, &options, NULL, list_row, &found, &error), error);
    return found;
}

static void every_file_in_order(void **state)
{
    make_files(*state);
    listing one = check(temp_in(*state, "d"), 1);
    assert_int_equal(one.rows, 42);
    assert_int_equal(one.failed, 10);
    assert_non_null(strstr(one.text.data, "\npipe 3 - "));
    assert_non_null(strstr(one.text.data, "is a FIFO"));
    assert_non_null(strstr(one.text.data, "\nlink 3 - "));
    for (size_t threads = 2; threads <= 8; threads += 3) {
        listing many = check(temp_in(*state, "d"), threads);
        assert_string_equal(many.text.data, one.text.data);
        text_buffer_free(&many.text);
    }
    text_buffer_free(&one.text);
}

static void stops_when_told(void **state)
{
    spur_error error;
    listing found = {{NULL, 0, 0}, 0, 0, 5};
    make_files(*state);
    assert_int_equal(spur_check(temp_in(*state, "d"), NULL, NULL, list_row, &found, &error),
                     SPUR_INTERRUPTED);
    assert_int_equal(found.rows, 5);
    text_buffer_free(&found.text);
    assert_int_equal(spur_check(NULL, NULL, NULL, list_row, &found, &error), SPUR_USAGE);
    assert_int_equal(spur_check(temp_in(*state, "none"), NULL, NULL, list_row, &found, &error),
                     SPUR_DATASET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_file_in_order, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(stops_when_told, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
