/*
 * test_manifest.c - datasets of every form become rows, and what is wrong is named with its
 * line.
 */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "pipeline/manifest.h"

/* Writes a file, making its folders. */
static const char *put(void *state, const char *name, const char *text)
{
    spur_error error;
    char folder[512];
    const char *path = temp_in(state, name);
    text_copy(path, folder, sizeof folder);
    *strrchr(folder, '/') = '\0';
    assert_ok(file_make_folder(folder, &error), error);
    assert_ok(file_replace(path, text, strlen(text), &error), error);
    return path;
}

static spur_data_options options_now(void)
{
    spur_data_options options;
    spur_data_options_defaults(&options);
    return options;
}

static manifest *read_all(const char *path, const spur_data_options *options)
{
    spur_error error;
    manifest *rows = NULL;
    assert_ok(manifest_read(path, options, NULL, 0, &rows, &error), error);
    return rows;
}

/* Rows as "split:index:file_name " one after the other. */
static void assert_rows(const manifest *rows, const char *expected)
{
    spur_error error;
    text_buffer found = {NULL, 0, 0};
    for (size_t s = 0; s < rows->split_count; s++) {
        for (size_t i = 0; i < rows->splits[s].count; i++) {
            const manifest_row *row = &rows->rows[rows->splits[s].first + i];
            assert_ok(text_format(&found, &error, "%s:%u:%s ", rows->splits[s].name,
                                  (unsigned)row->class_index, row->file_name),
                      error);
        }
    }
    assert_string_equal(found.data, expected);
    text_buffer_free(&found);
}

static void assert_refused(const char *path, const spur_data_options *options,
                           const char *message)
{
    spur_error error;
    manifest *rows = NULL;
    assert_int_equal(manifest_read(path, options, NULL, 0, &rows, &error), SPUR_DATASET);
    if (strstr(error.message, message) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", message, error.message);
    }
}

static bool has_warning(const manifest *rows, const char *text)
{
    for (size_t i = 0; i < rows->warning_count; i++) {
        if (strstr(rows->warnings[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- image folders ------------------------------------------------------------------- */

static void folders_become_classes(void **state)
{
    (void)put(*state, "d/zebra/a.jpg", "");
    (void)put(*state, "d/zebra/sub/B.jpg", "");
    (void)put(*state, "d/zebra/sub-2.jpg", "");
    (void)put(*state, "d/zebra/.hidden", "");
    (void)put(*state, "d/.git/x.jpg", "");
    (void)put(*state, "d/great_cat/z.txt", "");
    (void)put(*state, "d/loose.jpg", "");
    assert_int_equal(mkdir(temp_in(*state, "d/nothing"), 0700), 0);
    manifest *rows = read_all(temp_in(*state, "d"), NULL);
    assert_rows(rows, "train:0:great_cat/z.txt train:2:zebra/a.jpg train:2:zebra/sub-2.jpg "
                      "train:2:zebra/sub/B.jpg ");
    assert_int_equal(rows->class_count, 3);
    assert_string_equal(rows->classes[0].name, "great cat");
    assert_string_equal(rows->classes[0].label, "great_cat");
    assert_int_equal(rows->classes[1].images, 0);
    assert_string_equal(rows->class_order, "lex");
    assert_true(has_warning(rows, "1 files are in no class folder"));
    assert_true(has_warning(rows, "class folder nothing has no images"));
    manifest_free(rows);
}

static void links_are_followed_once(void **state)
{
    (void)put(*state, "d/a/1.jpg", "");
    (void)put(*state, "d/a/deep/2.jpg", "");
    (void)put(*state, "far/3.jpg", "");
    assert_int_equal(symlink("..", temp_in(*state, "d/a/up")), 0);
    assert_int_equal(symlink("deep", temp_in(*state, "d/a/again")), 0);
    assert_int_equal(symlink("../../far", temp_in(*state, "d/a/far")), 0);
    assert_int_equal(symlink("../far", temp_in(*state, "far/loop")), 0);
    assert_int_equal(symlink("self", temp_in(*state, "d/a/self")), 0);
    assert_int_equal(symlink("nowhere", temp_in(*state, "d/a/broken.jpg")), 0);
    assert_int_equal(symlink("a", temp_in(*state, "d/b")), 0);
    manifest *rows = read_all(temp_in(*state, "d"), NULL);
    /* "up" leads to d, which is read once from within each class. */
    size_t in_a = (size_t)rows->classes[0].images;
    assert_true(in_a >= 5 && in_a <= 20);
    assert_true(has_warning(rows, "links lead to folders that were read already"));
    bool has_far = false;
    for (size_t i = 0; i < rows->count; i++) {
        has_far = has_far || strcmp(rows->rows[i].file_name, "a/far/3.jpg") == 0;
    }
    assert_true(has_far);
    assert_string_equal(rows->classes[1].label, "b");
    manifest_free(rows);
}

static void orders_of_classes(void **state)
{
    static const char *const names[] = {"10", "9", "100", "0"};
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "n/%s/x", names[i]);
        (void)put(*state, name, "");
        (void)snprintf(name, sizeof name, "m/img%s/x", names[i]);
        (void)put(*state, name, "");
    }
    spur_data_options options = options_now();
    manifest *rows = read_all(temp_in(*state, "n"), &options);
    assert_string_equal(rows->class_order, "numeric");
    assert_rows(rows, "train:0:0/x train:1:9/x train:2:10/x train:3:100/x ");
    manifest_free(rows);
    options.class_order = SPUR_CLASS_ORDER_LEX;
    rows = read_all(temp_in(*state, "n"), &options);
    assert_rows(rows, "train:0:0/x train:1:10/x train:2:100/x train:3:9/x ");
    manifest_free(rows);
    options.class_order = SPUR_CLASS_ORDER_NATURAL;
    rows = read_all(temp_in(*state, "m"), &options);
    assert_string_equal(rows->classes[1].label, "img9");
    assert_string_equal(rows->classes[3].label, "img100");
    manifest_free(rows);
    options.class_order = SPUR_CLASS_ORDER_NUMERIC;
    assert_refused(temp_in(*state, "m"), &options, "not every class is a number");
}

/* ---- tables -------------------------------------------------------------------------- */

static void csv_rows(void **state)
{
    const char *path = put(*state, "d/list.csv",
                           "\xEF\xBB\xBFimage,label,split,group,weight,colour,\"size, cm\"\r\n"
                           "./a//b.png,dog,train,sea,0.5,red,3\r\n"
                           "\"c,\"\"d\"\"\n.png\",cat,val,,,\"=1\",\r\n"
                           "e.png,dog,,land,2,,");
    spur_data_options options = options_now();
    options.split = "rest";
    manifest *rows = read_all(path, &options);
    assert_rows(rows, "train:1:a/b.png val:0:c,\"d\"\n.png rest:1:e.png ");
    assert_string_equal(rows->details[0].group, "sea");
    assert_true(rows->details[0].weight == 0.5 && rows->details[1].weight == 1.0);
    assert_null(rows->details[1].group);
    assert_string_equal(rows->details[0].extra, "{\"colour\":\"red\",\"size, cm\":\"3\"}");
    char *open_path = NULL;
    spur_error error;
    assert_ok(manifest_path(rows, rows->rows[0].file_name, &open_path, &error), error);
    assert_string_equal(open_path, temp_in(*state, "d/a/b.png"));
    memory_free(open_path);
    manifest_free(rows);
}

static void jsonl_rows(void **state)
{
    const char *path =
        put(*state, "list.jsonl",
            "{\"filepath\":\"a.png\",\"label\":7,\"weight\":0.25,\"x\":[1,{\"y\":null}],"
            "\"big\":9007199254740993}\n\n"
            "{\"file_name\":\"b\\u00e9.png\",\"label\":\"11\",\"split\":\"val\"}\n"
            "{\"file_name\":\"ignored\",\"file_name_b64\":\"/2EucG5n\",\"label\":7}");
    manifest *rows = read_all(path, NULL);
    assert_string_equal(rows->class_order, "numeric");
    assert_rows(rows, "train:0:a.png train:0:\xFF"
                      "a.png val:1:b\xC3\xA9.png ");
    assert_true(rows->details[0].weight == 0.25);
    assert_string_equal(rows->details[0].extra,
                        "{\"x\":[1,{\"y\":null}],\"big\":9007199254740993}");
    assert_null(rows->details[1].extra);
    manifest_free(rows);
}

static void bad_tables_name_the_line(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "no images"},
        {"file_name,label\n", "no images"},
        {"name,label\nx,y\n", "line 1: no column file_name"},
        {"file_name\nx\n", "line 1: no column label"},
        {"file_name,label\nx,y\nz\n", "line 3"},
        {"file_name,label\nx,y\n,y\n", "line 3: file_name is empty"},
        {"file_name,label\nx,y\n./,y\n", "line 3: file_name \"./\" names no file"},
        {"file_name,label\nx,\n", "line 2: label is empty"},
        {"file_name,label,weight\nx,y,-1\n", "line 2: weight \"-1\""},
        {"file_name,label,weight\nx,y,nan\n", "line 2: weight \"nan\""},
        {"file_name,label\na,y\nb,y\n./a,y\n", "lines 2 and 4 name the same file a"},
        {"file_name,label,split\na,y,\x01\n", "split"},
        {"file_name,label\n\"a,y\n", "line 2"},
        {"\xFF\xFE"
         "f\x01",
         "UTF-16"},
        {"{\"file_name\":\"a\",\"label\":\"x\"}\n{\"file_name\":1.5,\"label\":true}\n",
         "line 2: label must be a string or a number"},
        {"{\"file_name\":\"a\\u0000b\",\"label\":\"x\"}\n", "line 1"},
        {"{\"file_name\":\"a\",\"label\":\"x\"}\n[1]\n", "line 2: expected an object"},
        {"{\"file_name\":\"a\",\"file_name\":\"b\",\"label\":\"x\"}\n", "line 1"},
        {"{\"file_name\":\"a\",\"label\":NaN}\n", "line 1"},
        {"{\"file_name_b64\":\"YQBi\",\"label\":\"x\"}\n", "line 1: file_name_b64 holds a NUL"},
        {"{\"file_name_b64\":\"Y?Bi\",\"label\":\"x\"}\n",
         "line 1: file_name_b64 is not base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(put(*state, "list.csv", cases[i].text), NULL, cases[i].message);
    }
    spur_data_options options = options_now();
    options.allow_duplicates = true;
    manifest *rows = read_all(put(*state, "list.csv", "file_name,label\na,y\na,y\n"), &options);
    assert_int_equal(rows->count, 2);
    manifest_free(rows);
    rows = read_all(put(*state, "list.csv", "path,label,split\na,y,1\na,y,2\n"), NULL);
    assert_int_equal(rows->split_count, 2);
    manifest_free(rows);
}

static void long_lines_are_refused_early(void **state)
{
    const char *path = put(*state, "long.csv", "file_name,label\n");
    assert_int_equal(truncate(path, (off_t)1 << 30), 0);
    assert_refused(path, NULL, "line 2: is longer than 16 MiB");
}

/* ---- labels files, class lists
 * ---------------------------------------------------------------- */

static void flat_folders(void **state)
{
    (void)put(*state, "v/2.jpg", "");
    (void)put(*state, "v/1 1.jpg", "");
    (void)put(*state, "v/3.jpg", "");
    spur_data_options options = options_now();
    options.labels = put(*state, "by_name", "1 1.jpg  cat\r\n3.jpg\tbig dog\n2.jpg\tcat\n");
    manifest *rows = read_all(temp_in(*state, "v"), &options);
    assert_int_equal(rows->count, 3);
    assert_string_equal(rows->rows[0].file_name, "1 1.jpg");
    assert_string_equal(rows->classes[0].label, "big dog");
    manifest_free(rows);

    options.labels = put(*state, "by_order", "1\n0\n1\n");
    rows = read_all(temp_in(*state, "v"), &options);
    assert_rows(rows, "train:1:1 1.jpg train:0:2.jpg train:1:3.jpg ");
    manifest_free(rows);
    options.labels = put(*state, "by_order", "1\n0\n");
    assert_refused(temp_in(*state, "v"), &options, "2 labels for the 3 files");

    /* Devkit ids are positions in the devkit's list; indices follow the sorted wnids. */
    options.labels = put(*state, "ids", "1\n2\n3\n");
    options.labels_are_devkit = true;
    options.class_list = put(*state, "map",
                             "n02119789 1 kit_fox\nn02100735 2 English_setter\n"
                             "n02110185 3 Siberian_husky\n");
    rows = read_all(temp_in(*state, "v"), &options);
    assert_rows(rows, "train:2:1 1.jpg train:0:2.jpg train:1:3.jpg ");
    assert_string_equal(rows->classes[2].label, "n02119789");
    assert_string_equal(rows->classes[2].name, "kit fox");
    manifest_free(rows);
    options.labels = put(*state, "ids", "1\n2\n0\n");
    assert_refused(temp_in(*state, "v"), &options, "line 3: label 0 is out of range");
    options.class_list = put(*state, "sorted", "n02100735 English setter\nn02119789 kit fox\n");
    assert_refused(temp_in(*state, "v"), &options, "devkit's order");
    options.class_list = NULL;
    spur_error error;
    assert_int_equal(manifest_read(temp_in(*state, "v"), &options, NULL, 0, &rows, &error),
                     SPUR_USAGE);
}

static void class_lists(void **state)
{
    static const char *const lists[] = {
        "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n",
        "n01440764\ttench\nn01443537\tgoldfish\n",
        "[[\"n01440764\", \"tench\"], [\"n01443537\", \"goldfish\"]]",
        "{\"0\": [\"n01440764\", \"tench\"], \"1\": [\"n01443537\", \"goldfish\"]}",
        "{\"n01440764\": \"tench\", \"n01443537\": \"goldfish, x\"}"};
    const char *table =
        put(*state, "t.csv", "file_name,label\na,n01443537\nb,tench\nc,1\nd,0\ne,n01440764\n");
    spur_data_options options = options_now();
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        options.class_list = put(*state, "list", lists[i]);
        manifest *rows = read_all(table, &options);
        assert_rows(rows, "train:1:a train:0:b train:1:c train:0:d train:0:e ");
        assert_string_equal(rows->classes[1].name, "goldfish");
        assert_string_equal(rows->class_order, "file");
        manifest_free(rows);
    }
    /* Names alone: by position of the folders, or by index. */
    static const char *const names[] = {"great white shark\ntench\n",
                                        "[\"great_white_shark\", "
                                        "\"tench, fish\"]",
                                        "{\"id2label\": {\"0\": \"great white shark\", \"1\": "
                                        "\"tench\"}, \"x\": 1}"};
    (void)put(*state, "f/n1/x", "");
    (void)put(*state, "f/n2/y", "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        options.class_list = put(*state, "list", names[i]);
        manifest *rows = read_all(temp_in(*state, "f"), &options);
        assert_string_equal(rows->classes[0].name, "great white shark");
        assert_string_equal(rows->classes[0].label, "n1");
        assert_string_equal(rows->classes[1].name, "tench");
        manifest_free(rows);
    }
    options.class_list = put(*state, "list", "[\"a\"]");
    assert_refused(table, &options, "line 2: label \"n01443537\" is not among the 1 classes");
    options.class_list = put(*state, "list", "[\"n01443537\", \"tench\"");
    assert_refused(table, &options, "class list ");
    options.class_list = put(*state, "list", "[\"a\", [\"b\", \"c\"]]");
    assert_refused(table, &options, "some classes have a label, some do not");
    options.class_list = put(*state, "list", "{\"0\": \"a\", \"2\": \"b\"}");
    assert_refused(table, &options, "class 1 is missing");
    options.class_list = put(*state, "list", "\n \n");
    assert_refused(table, &options, "no classes");
    options.class_list = put(*state, "list", "a\xFF\n");
    assert_refused(table, &options, "line 1: not UTF-8");
}

static void names_for_prompts(void **state)
{
    (void)put(*state, "f/n01440764/x", "");
    (void)put(*state, "f/n01443537/y", "");
    spur_data_options options = options_now();
    manifest *rows = read_all(temp_in(*state, "f"), &options);
    assert_true(has_warning(rows, "2 class names look like WordNet ids"));
    manifest_free(rows);
    static const char *const forms[] = {"n01443537 fish, x\nn01440764 fish\n",
                                        "{\"n01440764\": \"fish\", \"n01443537\": \"fish\"}",
                                        "n01440764\tfish\nn01443537\tfish\n", "fish\nfish\n"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        options.class_names = put(*state, "names", forms[i]);
        rows = read_all(temp_in(*state, "f"), &options);
        assert_string_equal(rows->classes[0].name, "fish");
        assert_string_equal(rows->classes[1].name, "fish");
        assert_true(has_warning(rows, "classes 0 and 1 have the same name \"fish\""));
        manifest_free(rows);
    }
    (void)put(*state, "g/cat/x", "");
    (void)put(*state, "g/dog/x", "");
    options.class_names = put(*state, "names", "dog good dog\ncat a cat\n");
    rows = read_all(temp_in(*state, "g"), &options);
    assert_string_equal(rows->classes[1].name, "good dog");
    manifest_free(rows);
    options.class_names = put(*state, "names", "x\ny\nz\n");
    assert_refused(temp_in(*state, "g"), &options, "3 names for 2 classes");
    (void)put(*state, "h/\xFF/x", "");
    options.class_names = NULL;
    assert_refused(temp_in(*state, "h"), &options, "is not UTF-8");
}

/* ---- limit, digest, check
 * ---------------------------------------------------------------------- */

static void limits_spread_over_classes(void **state)
{
    static const char *const names[] = {"d/a/1", "d/a/2", "d/a/3", "d/a/4", "d/b/1",
                                        "d/c/1", "d/c/2", "d/c/3", "d/c/4"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)put(*state, names[i], "");
    }
    static const struct {
        uint64_t limit;
        const char *rows;
    } cases[] = {
        {1, "train:0:a/1 "},
        {3, "train:0:a/1 train:1:b/1 train:2:c/1 "},
        {6, "train:0:a/1 train:0:a/2 train:0:a/3 train:1:b/1 train:2:c/1 train:2:c/2 "},
        {7, "train:0:a/1 train:0:a/2 train:0:a/3 train:1:b/1 train:2:c/1 train:2:c/2 "
            "train:2:c/3 "}};
    spur_data_options options = options_now();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options.limit = cases[i].limit;
        manifest *rows = read_all(temp_in(*state, "d"), &options);
        assert_rows(rows, cases[i].rows);
        manifest_free(rows);
    }
    options.limit = 9;
    manifest *all = read_all(temp_in(*state, "d"), &options);
    options.limit = 100;
    manifest *same = read_all(temp_in(*state, "d"), &options);
    options.limit = 8;
    manifest *fewer = read_all(temp_in(*state, "d"), &options);
    assert_string_equal(all->splits[0].digest, same->splits[0].digest);
    assert_string_not_equal(all->splits[0].digest, fewer->splits[0].digest);
    manifest_free(all);
    manifest_free(same);
    manifest_free(fewer);
}

static void lists_for_check(void **state)
{
    (void)put(*state, "d/b/2", "");
    (void)put(*state, "d/1.txt", "");
    spur_error error;
    manifest *rows = NULL;
    assert_int_equal(mkfifo(temp_in(*state, "d/fifo"), 0600), 0);
    assert_ok(manifest_list(temp_in(*state, "d"), NULL, &rows, &error), error);
    assert_int_equal(rows->count, 3);
    assert_string_equal(rows->rows[1].file_name, "b/2");
    assert_string_equal(rows->rows[2].file_name, "fifo");
    manifest_free(rows);
    const char *table = put(*state, "l.csv", "file_name\nx\ny\n"); /* no labels needed */
    assert_ok(manifest_list(table, NULL, &rows, &error), error);
    assert_int_equal(rows->count, 2);
    manifest_free(rows);
    const char *one = temp_in(*state, "d/1.txt");
    assert_ok(manifest_list(one, NULL, &rows, &error), error);
    assert_string_equal(rows->rows[0].file_name, one);
    manifest_free(rows);
    assert_int_equal(manifest_list(temp_in(*state, "none"), NULL, &rows, &error), SPUR_DATASET);
}

static void failing_allocations_are_clean(void **state)
{
    (void)put(*state, "d/a/1", "");
    (void)put(*state, "d/b/sub/2", "");
    const char *table = put(*state, "l.jsonl",
                            "{\"file_name\":\"a\",\"label\":\"x\",\"split\":\"v\",\"e\":1}\n"
                            "{\"file_name\":\"b\",\"label\":\"y\",\"group\":\"g\"}\n");
    const char *paths[] = {temp_in(*state, "d"), table,
                           put(*state, "m.csv", "file_name,label,c\nq,x,\"1\"\n")};
    spur_data_options options = options_now();
    options.class_list = put(*state, "list", "[\"x\", \"y\", \"a\", \"b\"]");
    options.class_names = put(*state, "names", "x one\ny two\n");
    for (size_t i = 0; i < 3; i++) {
        bool was_reached = true;
        size_t n = 0;
        while (was_reached) {
            spur_error error;
            manifest *rows = NULL;
            (void)memory_fail_at(++n, false);
            spur_status status = manifest_read(paths[i], &options, NULL, 0, &rows, &error);
            was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
            if (status != SPUR_OK && status != SPUR_RESOURCE) {
                fail_msg("allocation %zu of %s: status %d: %s", n, paths[i], (int)status,
                         error.message);
            }
            manifest_free(rows);
        }
        assert_true(n > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_become_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(links_are_followed_once, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(orders_of_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(csv_rows, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(jsonl_rows, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(bad_tables_name_the_line, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(long_lines_are_refused_early, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(flat_folders, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(class_lists, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(names_for_prompts, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(limits_spread_over_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(lists_for_check, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
