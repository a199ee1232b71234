/*
 * test_json_print.c - JSON written as it comes, read back by jansson.
 */
#include "support.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_print.h"

/* What `print` writes; freed by the caller. */
static char *printed(void (*print)(json_printer *))
{
    char *text = NULL;
    size_t size = 0;
    json_printer into = {.to = open_memstream(&text, &size)};
    assert_non_null(into.to);
    print(&into);
    assert_int_equal(fclose(into.to), 0);
    return text;
}

static void print_all_kinds(json_printer *into)
{
    json_put_open(into, NULL, '{');
    /* NOLINTNEXTLINE(misc-misleading-bidirectional) */
    json_put_text(into, "text", "a\"b\\c\n\x1b\xc2\x9b\xe2\x80\xae\xc3\xa9");
    json_put_text(into, "none", NULL);
    json_put_bytes(into, "nul", "a\0b", 3);
    json_put_open(into, "list", '[');
    json_put_count(into, NULL, UINT64_MAX);
    json_put_integer(into, NULL, -5);
    json_put_number(into, NULL, 0.1);
    json_put_number(into, NULL, (double)NAN);
    json_put_close(into, ']');
    json_put_open(into, "empty", '{');
    json_put_close(into, '}');
    json_put_bool(into, "yes", true);
    json_put_close(into, '}');
    json_put_end(into);
}

static void test_all_kinds(void **state)
{
    char *text = printed(print_all_kinds);
    (void)state;
    assert_string_equal(
        text, "{\"text\":\"a\\\"b\\\\c\\n\\u001b\\u009b\\u202e\xc3\xa9\",\"none\":null,"
              "\"nul\":\"a\\u0000b\",\"list\":[18446744073709551615,-5,0.1,null],"
              "\"empty\":{},\"yes\":true}\n");
    free(text);
}

static void print_names(json_printer *into)
{
    json_put_open(into, NULL, '{');
    json_put_file_name(into, "file_name", "caf\xc3\xa9.jpg");
    json_put_file_name(into, "other", "a\xff\"\\b\n");
    json_put_close(into, '}');
}

static void test_file_names(void **state)
{
    char *text = printed(print_names);
    json_t *root = json_loads(text, 0, NULL);
    (void)state;
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "file_name")),
                        "caf\xc3\xa9.jpg");
    assert_null(json_object_get(root, "file_name_b64"));
    assert_string_equal(json_string_value(json_object_get(root, "other")), "a\\xff\"\\b\\x0a");
    assert_string_equal(json_string_value(json_object_get(root, "other_b64")), "Yf8iXGIK");
    json_decref(root);
    free(text);
}

static void print_short_names(json_printer *into)
{
    json_put_open(into, NULL, '{');
    json_put_file_name(into, "a", "\xff");
    json_put_file_name(into, "b", "\xff\xfe");
    json_put_close(into, '}');
}

static void test_base64_padding(void **state)
{
    char *text = printed(print_short_names);
    (void)state;
    assert_string_equal(text, "{\"a\":\"\\\\xff\",\"a_b64\":\"/w==\",\"b\":\"\\\\xff\\\\xfe\","
                              "\"b_b64\":\"//4=\"}");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_base64_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
