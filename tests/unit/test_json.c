/*
 * test_json.c - what is refused and where, members by type, writing that reads back.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"

static void accepts(const char *text, size_t length, bool allow_nul)
{
    spur_error error = {0};
    json_t *root = NULL;
    assert_ok(json_read(text, length, allow_nul, SPUR_MODEL, &root, &error), error);
    json_decref(root);
}

static void refuses(const char *text, size_t length, const char *expected)
{
    spur_error error = {0};
    json_t *root = NULL;
    assert_int_equal(json_read(text, length, false, SPUR_DATASET, &root, &error), SPUR_DATASET);
    assert_null(root);
    assert_int_equal(error.status, SPUR_DATASET);
    if (strncmp(error.message, expected, strlen(expected)) != 0) {
        fail_msg("message '%s', expected '%s...'", error.message, expected);
    }
}

static void valid_documents_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}", " [ ] \n", "{\"a\":[1,-2,3.5e-3,true,false,null,\"\\ud83d\\ude00\\n\xC3\xA9\"]}",
        "[9007199254740993,9223372036854775807,-9223372036854775808]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        accepts(good[i], strlen(good[i]), false);
    }
    accepts("[\"a\\u0000b\"]", 12, true);
    spur_error error = {0};
    json_t *root = NULL;
    assert_ok(json_read("[9007199254740993]", 18, false, SPUR_MODEL, &root, &error), error);
    assert_true(json_integer_value(json_array_get(root, 0)) == 9007199254740993);
    json_decref(root);
}

static void faults_are_named_with_their_place(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "line 1 column 1: JSON is empty"},
        {"\xEF\xBB\xBF{}", "line 1 column 1: JSON begins with a byte order mark"},
        {"\xFF\xFE{", "line 1 column 1: JSON is UTF-16"},
        {"\xFE\xFF{", "line 1 column 1: JSON is UTF-16"},
        {"{\n\"\xC3\xA9\xFF\"}", "line 2 column 3: JSON is not UTF-8 here"},
        {"{\"a\":\"\xED\xA0\x80\"}", "line 1 column 7: JSON is not UTF-8 here"},
        {"{\"a\":NaN}", "line 1 column 8: invalid token near 'NaN'"},
        {"{\"a\":Infinity}", "line 1 column 13: invalid token near 'Infinity'"},
        {"[-Infinity]", "line 1 column 2: invalid token near '-'"},
        {"[1e999]", "line 1 column 6: real number overflow"},
        {"[9223372036854775808]", "line 1 column 20: too big integer"},
        {"[01]", "line 1 column 2: invalid token near '0'"},
        {"{\"a\":1,\n \"a\":2}", "line 2 column 4: duplicate object key"},
        {"[\"\\ud800\"]", "line 1 column 9: invalid Unicode '\\uD800'"},
        {"[\"\\udc00\"]", "line 1 column 9: invalid Unicode '\\uDC00'"},
        {"[\"a\\u0000\"]", "line 1 column 10: the character \\u0000 is not allowed here"},
        {"[1,]", "line 1 column 4: unexpected token near ']'"},
        {"[1] x", "line 1 column 5: end of file expected near 'x'"},
        {"[1] // no", "line 1 column 5: end of file expected near '/'"},
        {"{\"a\":\n\"b\nc\"}", "line 2 column 2: unexpected newline"},
        {"{'a':1}", "line 1 column 2: string or '}' expected near '''"},
        {"5", "line 1 column 1: '[' or '{' expected near '5'"},
        {"[", "line 1 column 1: ']' expected near end of file"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuses(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    }
    refuses("[1]\0", 4, "line 1 column 4: end of file expected");
    refuses("[\"a\0b\"]", 7, "line 1 column 3: control character 0x0");
}

static void depth_and_size_are_limited(void **state)
{
    (void)state;
    char *deep = malloc(100000);
    assert_non_null(deep);
    memset(deep, '[', 100000);
    refuses(deep, 100000, "line 1 column 2049: maximum parsing depth reached");
    free(deep);
    /* The size alone decides: the text is not looked at. */
    refuses("[1]", ((size_t)512 << 20) + 1,
            "line 1 column 1: JSON of 536870913 bytes is over the limit of 536870912 bytes");
}

static void files_name_themselves(void **state)
{
    (void)state;
    spur_error error = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/config.json", temp_make());
    json_t *root = NULL;
    assert_int_equal(json_read_file(path, SPUR_MODEL, &root, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "/config.json: no such file"));
    assert_ok(file_replace(path, "{\"a\":}", 6, &error), error);
    assert_int_equal(json_read_file(path, SPUR_MODEL, &root, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "/config.json: line 1 column 6: unexpected token"));
    assert_ok(file_replace(path, "{\"a\":1}", 7, &error), error);
    assert_ok(json_read_file(path, SPUR_MODEL, &root, &error), error);
    json_decref(root);
    assert_int_equal(truncate(path, (128 << 20) + 1), 0); /* a hole: takes no disk */
    assert_int_equal(json_read_file(path, SPUR_MODEL, &root, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "more than the limit of 134217728 bytes"));
    assert_ok(file_replace(path, "[]", 2, &error), error);
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n++) {
        (void)memory_fail_at(n, false);
        status = json_read_file(path, SPUR_MODEL, &root, &error);
    }
    (void)memory_fail_at(0, false);
    assert_ok(status, error);
    json_decref(root);
    temp_remove();
}

static void members_are_checked(void **state)
{
    (void)state;
    static const char text[] =
        "{\"size\":16,\"real\":0.5,\"flag\":true,\"name\":\"owl\",\"none\":null,"
        "\"list\":[],\"object\":{},\"less\":-1,\"nul\":\"a\\u0000b\"}";
    spur_error error = {0};
    json_t *root = NULL;
    assert_ok(json_read(text, sizeof text - 1, true, SPUR_MODEL, &root, &error), error);

    size_t size = 3;
    assert_ok(json_get_size(root, "missing", 1, 9, SPUR_MODEL, &size, &error), error);
    assert_ok(json_get_size(root, "none", 1, 9, SPUR_MODEL, &size, &error), error);
    assert_int_equal(size, 3);
    assert_ok(json_get_size(root, "size", 16, 16, SPUR_MODEL, &size, &error), error);
    assert_int_equal(size, 16);
    double real = 3;
    assert_ok(json_get_double(root, "none", SPUR_MODEL, &real, &error), error);
    assert_true(real == 3);
    assert_ok(json_get_double(root, "real", SPUR_MODEL, &real, &error), error);
    assert_true(real == 0.5);
    assert_ok(json_get_double(root, "size", SPUR_MODEL, &real, &error), error);
    assert_true(real == 16);
    bool flag = false;
    assert_ok(json_get_bool(root, "none", SPUR_MODEL, &flag, &error), error);
    assert_false(flag);
    assert_ok(json_get_bool(root, "flag", SPUR_MODEL, &flag, &error), error);
    assert_true(flag);
    const char *name = NULL;
    assert_ok(json_get_text(root, "none", SPUR_MODEL, &name, &error), error);
    assert_null(name);
    assert_ok(json_get_text(root, "name", SPUR_MODEL, &name, &error), error);
    assert_string_equal(name, "owl");

    static const char *const members[] = {"real", "flag", "name", "list", "object"};
    static const char *const found[] = {"a number", "true or false", "a string", "an array",
                                        "an object"};
    for (size_t i = 0; i < 5; i++) {
        char expected[128];
        assert_int_equal(json_get_size(root, members[i], 0, 9, SPUR_MODEL, &size, &error),
                         SPUR_MODEL);
        (void)snprintf(expected, sizeof expected,
                       "member \"%s\": expected a whole number, found %s", members[i],
                       found[i]);
        assert_string_equal(error.message, expected);
    }
    assert_int_equal(json_get_size(root, "less", 0, 9, SPUR_MODEL, &size, &error), SPUR_MODEL);
    assert_string_equal(error.message, "member \"less\" is -1, expected 0 to 9");
    assert_int_equal(json_get_size(root, "size", 0, 15, SPUR_MODEL, &size, &error), SPUR_MODEL);
    assert_int_equal(json_get_size(root, "size", 17, 99, SPUR_MODEL, &size, &error),
                     SPUR_MODEL);
    assert_int_equal(json_get_double(root, "name", SPUR_MODEL, &real, &error), SPUR_MODEL);
    assert_string_equal(error.message, "member \"name\": expected a number, found a string");
    assert_int_equal(json_get_bool(root, "size", SPUR_MODEL, &flag, &error), SPUR_MODEL);
    assert_string_equal(error.message,
                        "member \"size\": expected true or false, found a whole number");
    assert_int_equal(json_get_text(root, "size", SPUR_MODEL, &name, &error), SPUR_MODEL);
    assert_string_equal(error.message,
                        "member \"size\": expected a string, found a whole number");
    assert_int_equal(json_get_text(root, "nul", SPUR_MODEL, &name, &error), SPUR_MODEL);
    assert_string_equal(error.message, "member \"nul\" holds a NUL character");
    json_decref(root);
}

/* One document with everything in it. */
static spur_status write_document(text_buffer *into, spur_error *error)
{
    spur_status status;
    json_writer writer = {into, false};
    TRY(json_open_object(&writer, NULL, error));
    TRY(json_add_text(&writer, "text", "a\"\\\n\t\x1B\x7F\xC2\x85\xE2\x80\xAE\xC3\xA9", error));
    TRY(json_add_text(&writer, "nothing", NULL, error));
    TRY(json_add_span(&writer, "nul", "a\0b", 3, error));
    TRY(json_open_array(&writer, "numbers", error));
    TRY(json_add_u64(&writer, NULL, UINT64_MAX, error));
    TRY(json_add_i64(&writer, NULL, INT64_MIN, error));
    TRY(json_add_float(&writer, NULL, 0.1f, error));
    TRY(json_add_double(&writer, NULL, 0.1, error));
    TRY(json_add_float(&writer, NULL, NAN, error));
    TRY(json_add_double(&writer, NULL, -(double)INFINITY, error));
    TRY(json_add_bool(&writer, NULL, true, error));
    TRY(json_add_bool(&writer, NULL, false, error));
    TRY(json_close_array(&writer, error));
    TRY(json_open_object(&writer, "a\"b", error));
    TRY(json_close_object(&writer, error));
    TRY(json_add_name(&writer, "plain", "n\xC3\xA9.jpg", error));
    TRY(json_add_name(&writer, "file", "\xFF.jpg", error));
    TRY(json_close_object(&writer, error));
done:
    return status;
}

static void writing_is_exact(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"text\":\"a\\\"\\\\\\n\\t\\u001b\\u007f\\u0085\\u202e\xC3\xA9\",\"nothing\":null,"
        "\"nul\":\"a\\u0000b\",\"numbers\":[18446744073709551615,-9223372036854775808,"
        "0.100000001,0.10000000000000001,null,null,true,false],\"a\\\"b\":{},"
        "\"plain\":\"n\xC3\xA9.jpg\",\"file\":\"\\\\xff.jpg\",\"file_b64\":\"/y5qcGc=\"}";
    spur_error error = {0};
    text_buffer document = {0};
    assert_ok(write_document(&document, &error), error);
    assert_string_equal(document.data, expected);
    text_buffer_free(&document);
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n++) {
        (void)memory_fail_at(n, false);
        status = write_document(&document, &error);
        if (status == SPUR_OK) {
            assert_string_equal(document.data, expected);
            assert_true(n > 4);
        }
        text_buffer_free(&document);
    }
    (void)memory_fail_at(0, false);
    assert_ok(status, error);
}

static void strings_read_back(void **state)
{
    (void)state;
    char text[4 * 0x3000];
    size_t length = 0;
    for (unsigned c = 1; c < 0x3000; c++) { /* every character up to three bytes long */
        if (c < 0x80) {
            text[length++] = (char)c;
        } else if (c < 0x800) {
            text[length++] = (char)(0xC0 | (c >> 6));
            text[length++] = (char)(0x80 | (c & 0x3F));
        } else {
            text[length++] = (char)(0xE0 | (c >> 12));
            text[length++] = (char)(0x80 | ((c >> 6) & 0x3F));
            text[length++] = (char)(0x80 | (c & 0x3F));
        }
    }
    spur_error error = {0};
    text_buffer document = {0};
    json_writer writer = {&document, false};
    assert_ok(json_open_array(&writer, NULL, &error), error);
    assert_ok(json_add_span(&writer, NULL, text, length, &error), error);
    assert_ok(json_close_array(&writer, &error), error);
    json_t *root = NULL;
    assert_ok(json_read(document.data, document.length, false, SPUR_MODEL, &root, &error),
              error);
    const json_t *value = json_array_get(root, 0);
    assert_int_equal(json_string_length(value), length);
    assert_memory_equal(json_string_value(value), text, length);
    json_decref(root);
    text_buffer_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(valid_documents_are_read),
                                       cmocka_unit_test(faults_are_named_with_their_place),
                                       cmocka_unit_test(depth_and_size_are_limited),
                                       cmocka_unit_test(files_name_themselves),
                                       cmocka_unit_test(members_are_checked),
                                       cmocka_unit_test(writing_is_exact),
                                       cmocka_unit_test(strings_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
