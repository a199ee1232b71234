/*
 * test_csv.c - rows and their lines, every refusal, writing that reads back.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/csv.h"

/* Reads everything; fields joined by '|', rows as "line:fields;". On failure the message. */
static spur_status read_all(const char *text, size_t length, bool allow_bytes,
                            text_buffer *shown, spur_error *error)
{
    spur_status status;
    csv_reader *from = NULL;
    TRY(csv_open(text, length, &from, error));
    if (allow_bytes) {
        csv_allow_bytes(from);
    }
    for (;;) {
        const csv_row *row = NULL;
        TRY(csv_next(from, &row, error));
        if (row == NULL) {
            break;
        }
        TRY(text_format(shown, error, "%zu:", row->line));
        for (size_t i = 0; i < row->count; i++) {
            TRY(text_format(shown, error, "%s%s", i == 0 ? "" : "|", row->fields[i]));
        }
        TRY(text_add(shown, ";", 1, error));
    }
done:
    csv_close(from);
    return status;
}

static void reads(const char *text, const char *expected)
{
    spur_error error = {0};
    text_buffer shown = {0};
    assert_ok(text_add(&shown, "", 0, &error), error);
    assert_ok(read_all(text, strlen(text), false, &shown, &error), error);
    assert_string_equal(shown.data, expected);
    text_buffer_free(&shown);
}

static void refuses(const char *text, size_t length, const char *expected)
{
    spur_error error = {0};
    text_buffer shown = {0};
    assert_int_equal(read_all(text, length, false, &shown, &error), SPUR_DATASET);
    if (strncmp(error.message, expected, strlen(expected)) != 0) {
        fail_msg("message '%s', expected '%s...'", error.message, expected);
    }
    text_buffer_free(&shown);
}

static void rows_are_read(void **state)
{
    (void)state;
    reads("", "");
    reads("\n\r\n\n", "");
    reads("a", "1:a;");
    reads("a,b\nc,d\n", "1:a|b;2:c|d;");
    reads("a,b\r\nc,d\r\n", "1:a|b;2:c|d;");
    reads("a,b\nc,d", "1:a|b;2:c|d;");
    reads("\xEF\xBB\xBFpath,label\nx,y\n", "1:path|label;2:x|y;");
    reads("a,b\n\n\nc,d\n", "1:a|b;4:c|d;");
    reads(",\n,\n", "1:|;2:|;");
    reads("a,", "1:a|;");
    reads("\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d;");
    reads("\"\",\"\"\"\"\n", "1:|\";");
    reads("\"a\nb\r\nc\",d\ne,f\n", "1:a\nb\r\nc|d;4:e|f;");
    reads("\"a\rb\"\nc\n", "1:a\rb;2:c;");
    reads(" a , b\n", "1: a | b;");
    reads("\"a\"", "1:a;");
    reads("\"b\",\r\n", "1:b|;");
}

static void faults_have_a_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\xFF\xFEp\1", "line 1: is UTF-16"},
        {"\xFE\xFF\1p", "line 1: is UTF-16"},
        {"a,b\nc\n", "line 2: 1 fields, expected 2 as in line 1"},
        {"\na\n\nb,c\n", "line 4: 2 fields, expected 1 as in line 2"},
        {"a\n\xC3(\n", "line 2: is not UTF-8"},
        {"a\n\"\n\xFF\"\n", "line 2: is not UTF-8"},
        {"a,b\nc,\"d\ne,f\n", "line 2: a quote opens here and is never closed"},
        {"a,b\n\"c\n\",\"", "line 3: a quote opens here and is never closed"},
        {"a\n\"b\"c\n", "line 2: text behind a closing quote"},
        {"a\n\"b\"\rc\n", "line 2: text behind a closing quote"},
        {"a\nb\"c\"\n", "line 2: a quote inside a field"},
        {"a\rb\rc", "line 1: a carriage return without a line feed"},
        {"a\nb\r", "line 2: a carriage return without a line feed"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuses(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    }
    refuses("a\nb\0c\n", 6, "line 2: holds a NUL byte");
    refuses("a\n\"b\0c\"\n", 8, "line 2: holds a NUL byte");
    refuses("a\0,\0b\0", 6, "line 1: holds a NUL byte"); /* UTF-16 without its mark */
}

static void bytes_pass_when_allowed(void **state)
{
    (void)state;
    spur_error error = {0};
    text_buffer shown = {0};
    assert_ok(read_all("\xFF.jpg,x", 7, true, &shown, &error), error);
    assert_string_equal(shown.data, "1:\xFF.jpg|x;");
    text_buffer_free(&shown);
}

static void long_rows_are_refused(void **state)
{
    (void)state;
    const size_t limit = 16u << 20;
    char *text = malloc(limit + 100);
    assert_non_null(text);
    memset(text, 'a', limit + 100);
    text[0] = 'h';
    text[1] = '\n';
    refuses(text, limit + 100, "line 2: is longer than 16 MiB");
    text[2] = '"';
    refuses(text, limit + 100, "line 2: is longer than 16 MiB");
    refuses(text, limit + 2, "line 2: a quote opens here");
    text[2] = 'a';
    spur_error error = {0};
    text_buffer shown = {0};
    assert_ok(read_all(text, limit + 2, false, &shown, &error), error); /* exactly the limit */
    text_buffer_free(&shown);
    text[limit - 10] = ',';
    refuses(text, limit + 100, "line 2: is longer than 16 MiB");
    memset(text, ',', limit);
    refuses(text, limit, "line 1: has more than 65536 fields");
    assert_ok(read_all(text, 65535, false, &shown, &error), error);
    assert_int_equal(shown.length, 2 + 65535 + 1);
    text_buffer_free(&shown);
    free(text);
}

static void writes(const char *field, bool first, bool spreadsheet_safe, const char *expected)
{
    spur_error error = {0};
    text_buffer buffer = {0};
    assert_ok(csv_add(&buffer, first, field, spreadsheet_safe, &error), error);
    assert_string_equal(buffer.data, expected);
    text_buffer_free(&buffer);
}

static void fields_are_quoted_when_needed(void **state)
{
    (void)state;
    writes("plain", true, false, "plain");
    writes("plain", false, false, ",plain");
    writes("", false, false, ",");
    writes("", true, false, "\"\"");
    writes("a,b", true, false, "\"a,b\"");
    writes("a\"b\"", true, false, "\"a\"\"b\"\"\"");
    writes("a\nb", true, false, "\"a\nb\"");
    writes("a\rb", true, false, "\"a\rb\"");
    writes(" a", true, false, "\" a\"");
    writes("a ", true, false, "\"a \"");
    writes("\xFF", true, false, "\xFF");
    writes("=1+1", true, false, "=1+1");
    writes("=1+1", true, true, "'=1+1");
    writes("+1", false, true, ",'+1");
    writes("-rf", true, true, "'-rf");
    writes("@x", true, true, "'@x");
    writes("\tx", true, true, "'\tx");
    writes("\rx", true, true, "\"'\rx\"");
    writes("=a,\"b\"", true, true, "\"'=a,\"\"b\"\"\"");
    writes("a=1", true, true, "a=1");
    writes("", true, true, "\"\"");
}

/* Rows of fields made of awkward characters, written and read again; n walks over all
 * combinations of four characters out of eight. */
static void writing_reads_back(void **state)
{
    (void)state;
    static const char letters[] = "\",\r\n '=\xC3";
    spur_error error = {0};
    text_buffer buffer = {0};
    char fields[4096][5];
    for (unsigned n = 0; n < 4096; n++) {
        for (unsigned i = 0; i < 4; i++) {
            fields[n][i] = letters[(n >> (3 * i)) & 7];
        }
        fields[n][n % 5] = '\0';
        fields[n][4] = '\0';
        assert_ok(csv_add(&buffer, n % 2 == 0, fields[n], false, &error), error);
        if (n % 2 == 1) {
            assert_ok(text_format(&buffer, &error, n % 4 == 1 ? "\r\n" : "\n"), error);
        }
    }
    csv_reader *from = NULL;
    assert_ok(csv_open(buffer.data, buffer.length, &from, &error), error);
    csv_allow_bytes(from);
    for (unsigned n = 0; n < 4096; n += 2) {
        const csv_row *row = NULL;
        assert_ok(csv_next(from, &row, &error), error);
        assert_non_null(row);
        assert_int_equal(row->count, 2);
        assert_string_equal(row->fields[0], fields[n]);
        assert_string_equal(row->fields[1], fields[n + 1]);
    }
    const csv_row *row = NULL;
    assert_ok(csv_next(from, &row, &error), error);
    assert_null(row);
    csv_close(from);
    csv_close(NULL);
    text_buffer_free(&buffer);
}

static void memory_may_fail(void **state)
{
    (void)state;
    static const char text[] = "a,b,c,d,e,f,g,h,i\n\"a\nb\",\"c\"\"d\",,,,,,,x\n";
    spur_error error = {0};
    spur_status status = SPUR_RESOURCE;
    size_t n;
    for (n = 1; status == SPUR_RESOURCE; n++) {
        text_buffer shown = {0};
        (void)memory_fail_at(n, false);
        status = read_all(text, sizeof text - 1, false, &shown, &error);
        if (status == SPUR_OK) {
            assert_string_equal(shown.data, "1:a|b|c|d|e|f|g|h|i;2:a\nb|c\"d|||||||x;");
        }
        text_buffer_free(&shown);
    }
    (void)memory_fail_at(0, false);
    assert_ok(status, error);
    assert_true(n > 5);
    status = SPUR_RESOURCE;
    for (n = 1; status == SPUR_RESOURCE; n++) {
        text_buffer buffer = {0};
        (void)memory_fail_at(n, false);
        status = csv_add(&buffer, false, "=a\"bcdefgh\"ijklmnopqrstuvwxyz", true, &error);
        text_buffer_free(&buffer);
    }
    (void)memory_fail_at(0, false);
    assert_ok(status, error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_read),
                                       cmocka_unit_test(faults_have_a_line),
                                       cmocka_unit_test(bytes_pass_when_allowed),
                                       cmocka_unit_test(long_rows_are_refused),
                                       cmocka_unit_test(fields_are_quoted_when_needed),
                                       cmocka_unit_test(writing_reads_back),
                                       cmocka_unit_test(memory_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
