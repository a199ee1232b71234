/*
 * test_html.c - escaping and number forms of the report's pages, and the hashes of its policy.
 */
#include "report/html.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/page.h"
#include "report/report_style.h"
#include "support.h"

/* What the calls before wrote; empties the writer. */
static void expect(markup *from, const char *wanted)
{
    assert_int_equal(markup_status(from), SPUR_OK);
    assert_string_equal(from->text.data == NULL ? "" : from->text.data, wanted);
    from->text.length = 0;
    if (from->text.data != NULL) {
        from->text.data[0] = '\0';
    }
}

static void test_hostile_texts(void **state)
{
    static const char *const cases[][2] = {
        {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"\"><img onerror=x>", "&quot;&gt;&lt;img onerror=x&gt;"},
        {"a & b's", "a &amp; b&#39;s"},
        {"]]>", "]]&gt;"},
        {"line\nline\ttab", "line\\x0aline\\x09tab"},
        {"\x1B]0;x\x07", "\\x1b]0;x\\x07"},
        {"a\xE2\x80\xAE"
         "b",
         "a\\u{202e}b"},
        {"\xFF<", "\\xff&lt;"},
        {"h\xC3\xB6her \xF0\x9F\x90\xA6", "h\xC3\xB6her \xF0\x9F\x90\xA6"},
        {"", ""},
    };
    markup into = {.error = NULL};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        markup_text(&into, cases[i][0]);
        expect(&into, cases[i][1]);
    }
    markup_text(&into, NULL);
    expect(&into, "");
    html_attribute(&into, "title", "\" onload=\"x");
    expect(&into, " title=\"&quot; onload=&quot;x\"");
    html_name(&into, "<b>");
    expect(&into, "<bdi>&lt;b&gt;</bdi>");
    html_cell_text(&into, "=1");
    expect(&into, "<td><bdi>=1</bdi></td>");
    markup_free(&into);
}

static void test_addresses(void **state)
{
    markup into = {.error = NULL};
    (void)state;
    html_encoded(&into, "javascript:x");
    expect(&into, "javascript%3Ax");
    html_encoded(&into, "../a b/\"'<#?%\xFF.png");
    expect(&into, "../a%20b/%22%27%3C%23%3F%25%FF.png");
    markup_free(&into);
}

static void test_numbers(void **state)
{
    markup into = {.error = NULL};
    (void)state;
    html_number(&into, -1.005, 1);
    expect(&into, "\xE2\x88\x92"
                  "1.0");
    html_number(&into, -0.001, 2);
    expect(&into, "0.00");
    html_number(&into, (double)NAN, 2);
    expect(&into, "\xE2\x80\x93");
    html_number(&into, 1e300, 0);
    into.text.length = 0;
    html_count(&into, 1234567);
    expect(&into, "1,234,567");
    html_count(&into, 999);
    expect(&into, "999");
    html_share(&into, 0.5);
    expect(&into, "50.0%");
    html_points(&into, 0.0312);
    expect(&into, "+3.1");
    html_cell_number(&into, (double)0.1F, 2);
    expect(&into, "<td class=n data-v=0.100000001>0.10</td>");
    html_cell_number(&into, (double)INFINITY, 2);
    expect(&into, "<td class=n>\xE2\x80\x93</td>");
    html_cell_points(&into, -0.5);
    expect(&into, "<td class=n data-v=-0.5>\xE2\x88\x92"
                  "50.0</td>");
    markup_free(&into);
}

/* RFC 4648 of the SHA-256 of "abc" (FIPS 180-2, example B.1). */
static void test_hash(void **state)
{
    char hash[PAGE_HASH_SIZE];
    (void)state;
    assert_int_equal(page_hash("abc", 3, hash, NULL), SPUR_OK);
    assert_string_equal(hash, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

/* What would end the elements that they stand in, or be no part of the policy. */
static void test_embedded_files(void **state)
{
    markup into = {.error = NULL};
    (void)state;
    into.status = text_add(&into.text, report_style, report_style_size, NULL);
    markup_raw(&into, "\n");
    assert_int_equal(markup_status(&into), SPUR_OK);
    into.status = text_add(&into.text, report_script, report_script_size, NULL);
    assert_int_equal(markup_status(&into), SPUR_OK);
    assert_null(strstr(into.text.data, "</"));
    assert_null(strstr(into.text.data, "<!--"));
    assert_null(strstr(into.text.data, "http"));
    assert_null(strstr(into.text.data, "url("));
    assert_null(strstr(into.text.data, "innerHTML"));
    assert_true(report_style_size > 1000 && report_script_size > 1000);
    markup_free(&into);
}

/* The first failure stays, and nothing is written after it. */
static void test_no_memory(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        spur_error error = {SPUR_OK, ""};
        markup into = {.error = &error};
        memory_fail_at(n, true);
        markup_text(&into, "<a name that needs room>");
        html_cell_number(&into, 2.5, 1);
        memory_fail_at(0, false);
        spur_status status = markup_status(&into);
        markup_free(&into);
        if (status == SPUR_OK) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
        assert_int_equal(error.status, SPUR_RESOURCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_texts),  cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_embedded_files), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
