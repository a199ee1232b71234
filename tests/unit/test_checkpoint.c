/*
 * test_checkpoint.c - PyTorch files made here: state dicts, views, refusals, damage.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/pickle.h"
#include "io/tensor.h"
#include "torch_file.h"

static const float values[] = {0, 1, 2, 3, 4, 5};
enum {
    VALUE_COUNT = 6
};

static const tensor_view plain = {"weight", "0", VALUE_COUNT, 0, 2, 3, 3, 1};
static const tensor_view views[] = {
    {"module.all", "0", VALUE_COUNT, 0, 2, 3, 3, 1},
    {"module.transposed", "0", VALUE_COUNT, 0, 3, 2, 1, 3},
    {"module.column", "0", VALUE_COUNT, 1, 2, 1, 3, 1},
    {"module.repeated", "0", VALUE_COUNT, 4, 2, 2, 0, 1},
};
enum {
    VIEW_COUNT = sizeof views / sizeof views[0]
};

/* An archive of data.pkl and, when not NULL, data/0 with the six values. */
static byte_block archive_of(const byte_block *code)
{
    byte_block archive = {NULL, 0};
    const zip_part parts[] = {{"archive/data.pkl", code->data, code->length},
                              {"archive/byteorder", "little", 6},
                              {"archive/data/0", values, sizeof values}};
    block_zip(&archive, parts, 3);
    return archive;
}

static byte_block archive_of_views(const tensor_view *tensors, size_t count)
{
    byte_block code = {NULL, 0};
    block_state_dict(&code, tensors, count, 0);
    byte_block archive = archive_of(&code);
    free(code.data);
    return archive;
}

static spur_status open_bytes(const byte_block *bytes, tensor_file **out, spur_error *error)
{
    static char path[300];
    (void)snprintf(path, sizeof path, "%s/checkpoint.pth", temp_make());
    FILE *into = fopen(path, "wb"); /* thousands of files: without syncing them */
    assert_non_null(into);
    assert_int_equal(fwrite(bytes->data, 1, bytes->length, into), bytes->length);
    assert_int_equal(fclose(into), 0);
    spur_status status = tensor_file_open(path, out, error);
    temp_remove();
    return status;
}

static void expect_refused(byte_block *bytes, const char *reason)
{
    spur_error error = {0};
    tensor_file *from = NULL;
    assert_int_equal(open_bytes(bytes, &from, &error), SPUR_MODEL);
    if (strstr(error.message, reason) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, reason);
    }
    free(bytes->data);
}

static void expect_values(const tensor_file *from, const char *name, const float *expected,
                          size_t count)
{
    spur_error error = {0};
    float found[16];
    const tensor_info *info = tensor_file_find(from, name);
    assert_non_null(info);
    assert_int_equal(info->elements, count);
    assert_ok(tensor_file_read_float(from, info, found, &error), error);
    assert_memory_equal(found, expected, count * sizeof *found);
}

static void expect_views(const tensor_file *from)
{
    static const float transposed[] = {0, 3, 1, 4, 2, 5};
    static const float column[] = {1, 4};
    static const float repeated[] = {4, 5, 4, 5};
    assert_int_equal(tensor_file_count(from), VIEW_COUNT);
    assert_string_equal(tensor_file_at(from, 0)->name, "all");
    expect_values(from, "all", values, VALUE_COUNT);
    expect_values(from, "transposed", transposed, VALUE_COUNT);
    expect_values(from, "column", column, 2);
    expect_values(from, "repeated", repeated, 4);
}

static void reads_views_of_one_storage(void **state)
{
    (void)state;
    spur_error error = {0};
    tensor_file *from = NULL;
    byte_block bytes = archive_of_views(views, VIEW_COUNT);
    assert_ok(open_bytes(&bytes, &from, &error), error);
    assert_string_equal(tensor_file_format(from), "pytorch-zip");
    expect_views(from);
    tensor_file_close(from);
    free(bytes.data);
}

static void reads_the_stream_before_1_6(void **state)
{
    (void)state;
    spur_error error = {0};
    tensor_file *from = NULL;
    byte_block bytes = {NULL, 0};
    block_stream(&bytes, views, VIEW_COUNT, "0", values, VALUE_COUNT);
    assert_ok(open_bytes(&bytes, &from, &error), error);
    assert_string_equal(tensor_file_format(from), "pytorch-legacy");
    expect_views(from);
    tensor_file_close(from);
    free(bytes.data);
}

static void unwraps_a_training_checkpoint(void **state)
{
    (void)state;
    static const char *const wrappers[] = {"model", "state_dict", "model_ema",
                                           "state_dict_ema"};
    for (size_t i = 0; i < 4; i++) {
        spur_error error = {0};
        tensor_file *from = NULL;
        byte_block code = {NULL, 0};
        size_t length = strlen(wrappers[i]);
        block_put(&code, "\x80\2}X\5\0\0\0epochK\3sX");
        block_add(&code, (const unsigned char[]){(unsigned char)length, 0, 0, 0}, 4);
        block_add(&code, wrappers[i], length);
        block_put(&code, "}");
        block_tensor(&code, &plain, 0);
        block_put(&code, "ss.");
        byte_block bytes = archive_of(&code);
        assert_ok(open_bytes(&bytes, &from, &error), error);
        assert_int_equal(tensor_file_count(from), 1);
        expect_values(from, "weight", values, VALUE_COUNT);
        tensor_file_close(from);
        free(code.data);
        free(bytes.data);
    }
}

/* Python 2 wrote OrderedDict([[key, value], ...]) and byte strings. */
static void reads_an_ordered_dict_of_pairs(void **state)
{
    (void)state;
    spur_error error = {0};
    tensor_file *from = NULL;
    byte_block code = {NULL, 0};
    block_put(&code, "\x80\2ccollections\nOrderedDict\n](](");
    block_tensor(&code, &plain, 0);
    block_put(&code, "e](U\1xK\1ee\x85R.");
    byte_block bytes = archive_of(&code);
    assert_ok(open_bytes(&bytes, &from, &error), error);
    assert_int_equal(tensor_file_count(from), 1);
    expect_values(from, "weight", values, VALUE_COUNT);
    tensor_file_close(from);
    free(code.data);
    free(bytes.data);
}

#define PICKLE(literal)                                                                        \
    {                                                                                          \
        literal, sizeof(literal) - 1                                                           \
    }

static void refuses_pickles_that_do_more(void **state)
{
    (void)state;
    static const struct {
        struct {
            const char *bytes;
            size_t length;
        } pickle;
        const char *reason;
    } cases[] = {
        {PICKLE("\x80\2cos\nsystem\nX\4\0\0\0true\x85R."), "refuses global 'os.system'"},
        {PICKLE("\x80\2(X\4\0\0\0trueios\nsystem\n."), "refuses global 'os.system'"},
        {PICKLE("\x80\2(cos\nsystem\nX\4\0\0\0trueo."), "refuses global 'os.system'"},
        {PICKLE("\x80\2X\2\0\0\0osX\6\0\0\0system\x93."), "refuses global 'os.system'"},
        {PICKLE("\x80\2csubprocess\nPopen\n)\x81."), "refuses global 'subprocess.Popen'"},
        {PICKLE("\x80\2cos\nsystem\n}b."), "refuses global 'os.system'"},
        {PICKLE("\x80\2ctorch.nn.modules.linear\nLinear\n)\x81."), "whole pickled model"},
        {PICKLE("\x80\2\x82\1."), "opcode 0x82"},
        {PICKLE("\x80\2]K\1K\2s."), "SETITEM"},
        {PICKLE("\x80\2}K\1a."), "APPEND"},
        {PICKLE("\x80\2}}b."), "BUILD"},
        {PICKLE("\x80\2K\1)R."), "REDUCE"},
        {PICKLE("\x80\2}]K\1s."), "as a key"},
        {PICKLE("\x80\2}(K\1u."), "without a value"},
        {PICKLE("\x80\2}(NNu"), "ends early"},
        {PICKLE("\x80\2}X\xff\xff\xff\xffs."), "ends early"},
        {PICKLE("\x80\2}."), "bytes follow"},
        {PICKLE("\x80\2NN."), "2 values"},
        {PICKLE("\x80\2."), "0 values"},
        {PICKLE("\x80\2(N0."), "opcode 0x30"},
        {PICKLE("\x80\2t."), "without a mark"},
        {PICKLE("\x80\2N(R."), "empty stack"},
        {PICKLE("\x80\2h\7."), "value 7"},
        {PICKLE("\x80\6N."), "protocol 6"},
        {PICKLE("}."), "protocol 2"},
        {PICKLE("\x80\2N\x80\2."), "at the front"},
        {PICKLE("\x80\2X\1\0\0\0\xff."), "UTF-8"},
        {PICKLE("\x80\2ccollections\nOrderedDict\nNR."), "not a tuple"},
        {PICKLE("\x80\2ccollections\nOrderedDict\nN\x85R."), "not pairs"},
        {PICKLE("\x80\2K\1Q."), "persistent id"},
        {PICKLE("\x80\2K\1."), "not a dict of tensors"},
        {PICKLE("\x80\2}K\1K\2s."), "holds no tensors"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        byte_block code = {NULL, 0};
        block_add(&code, cases[i].pickle.bytes, cases[i].pickle.length);
        if (strcmp(cases[i].reason, "bytes follow") == 0) {
            block_put(&code, "N");
        }
        byte_block bytes = archive_of(&code);
        free(code.data);
        expect_refused(&bytes, cases[i].reason);
    }
}

static void refuses_views_outside_their_storage(void **state)
{
    (void)state;
    static const struct {
        tensor_view view;
        const char *reason;
    } cases[] = {
        {{"w", "0", 6, 1, 2, 3, 3, 1}, "reaches past its storage"},
        {{"w", "0", 6, 0, 2, 3, 4, 1}, "reaches past its storage"},
        {{"w", "0", 6, 0, 7, 1, 1, 1}, "reaches past its storage"},
        {{"w", "0", 5, 0, 1, 1, 1, 1}, "its storage needs 20"},
        {{"w", "1", 6, 0, 1, 1, 1, 1}, "'data/1' is missing"},
        {{"w", "../0", 6, 0, 1, 1, 1, 1}, "'data/../0' is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        byte_block bytes = archive_of_views(&cases[i].view, 1);
        expect_refused(&bytes, cases[i].reason);
    }
    const tensor_view twice[] = {plain, {"module.weight", "0", 6, 0, 2, 3, 3, 1}};
    byte_block bytes = archive_of_views(twice, 2);
    expect_refused(&bytes, "'weight' stands twice");
}

/* stride 0 asks for 255 * 255 copies of one value, again and again. */
static void refuses_to_expand_without_end(void **state)
{
    (void)state;
    byte_block code = {NULL, 0};
    block_put(&code, "\x80\2}(");
    for (int i = 0; i < 400; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        const tensor_view view = {name, "0", 6, 0, 255, 255, 0, 0};
        block_tensor(&code, &view, 0);
    }
    block_put(&code, "u.");
    byte_block bytes = archive_of(&code);
    free(code.data);
    expect_refused(&bytes, "not expanded that far");
}

/* Every prefix of a good file is refused; every flipped byte is refused or harmless. */
static void notices_damage(const byte_block *good, bool has_checksums)
{
    byte_block bad = {malloc(good->length), 0};
    size_t refused = 0;
    assert_non_null(bad.data);
    for (size_t i = 0; i < good->length; i++) {
        spur_error error = {0};
        tensor_file *from = NULL;
        memcpy(bad.data, good->data, good->length);
        bad.length = i;
        assert_int_equal(open_bytes(&bad, &from, &error), SPUR_MODEL);
        bad.length = good->length;
        bad.data[i] ^= 0x41;
        if (open_bytes(&bad, &from, &error) == SPUR_OK) {
            if (has_checksums) { /* only times and the like are not covered */
                expect_values(from, "weight", values, VALUE_COUNT);
            }
            tensor_file_close(from);
        } else {
            refused++;
        }
    }
    print_message("%zu of %zu flipped bytes refused\n", refused, good->length);
    assert_true(refused > good->length / 2);
    free(bad.data);
}

static void notices_damage_in_zip(void **state)
{
    (void)state;
    byte_block bytes = archive_of_views(&plain, 1);
    notices_damage(&bytes, true);
    free(bytes.data);
}

static void notices_damage_in_the_stream(void **state)
{
    (void)state;
    byte_block bytes = {NULL, 0};
    block_stream(&bytes, &plain, 1, "0", values, VALUE_COUNT);
    notices_damage(&bytes, false);
    block_put(&bytes, "x");
    expect_refused(&bytes, "1 bytes follow the last storage");
}

static void refuses_other_archives(void **state)
{
    (void)state;
    byte_block bytes = {NULL, 0};
    const zip_part script[] = {{"net/data.pkl", "x", 1}, {"net/code/net.py", "x", 1}};
    block_zip(&bytes, script, 2);
    expect_refused(&bytes, "TorchScript");
    const zip_part office[] = {{"content.xml", "x", 1}};
    bytes = (byte_block){NULL, 0};
    block_zip(&bytes, office, 1);
    expect_refused(&bytes, "no PyTorch file");
    const zip_part roots[] = {{"a/data.pkl", "x", 1}, {"b/version", "3", 1}};
    bytes = (byte_block){NULL, 0};
    block_zip(&bytes, roots, 2);
    expect_refused(&bytes, "outside the folder");
    const zip_part big[] = {{"a/data.pkl", "x", 1}, {"a/byteorder", "big", 3}};
    bytes = (byte_block){NULL, 0};
    block_zip(&bytes, big, 2);
    expect_refused(&bytes, "byte order 'big'");
    const zip_part twice[] = {{"a/data.pkl", "x", 1}, {"a/data.pkl", "x", 1}};
    bytes = (byte_block){NULL, 0};
    block_zip(&bytes, twice, 2);
    expect_refused(&bytes, "stands twice");
    bytes = archive_of_views(&plain, 1);
    block_put(&bytes, "appended");
    expect_refused(&bytes, "no zip end record");
}

/* More members than 16 bits count: read by zip64 (observed 0.2 s). */
static void reads_seventy_thousand_members(void **state)
{
    (void)state;
    enum {
        COUNT = 70000
    };
    spur_error error = {0};
    tensor_file *from = NULL;
    byte_block code = {NULL, 0}, bytes = {NULL, 0};
    static char names[COUNT][24];
    static zip_part parts[COUNT];
    block_state_dict(&code, &plain, 1, 0);
    parts[0] = (zip_part){"archive/data.pkl", code.data, code.length};
    parts[1] = (zip_part){"archive/data/0", values, sizeof values};
    for (size_t i = 2; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "archive/extra/%zu", i);
        parts[i] = (zip_part){names[i], "", 0};
    }
    block_zip(&bytes, parts, COUNT);
    clock_t begin = clock();
    assert_ok(open_bytes(&bytes, &from, &error), error);
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 5);
    expect_values(from, "weight", values, VALUE_COUNT);
    tensor_file_close(from);
    free(code.data);
    free(bytes.data);
}

static void sweep_allocations(const byte_block *bytes)
{
    char path[300];
    spur_error error = {0};
    size_t failures = 0;
    (void)snprintf(path, sizeof path, "%s/checkpoint.pth", temp_make());
    assert_ok(file_replace(path, bytes->data, bytes->length, &error), error);
    for (size_t n = 1;; n++) {
        float found[VALUE_COUNT];
        tensor_file *from = NULL;
        (void)memory_fail_at(n, n % 2 == 0);
        spur_status status = tensor_file_open(path, &from, &error);
        if (status == SPUR_OK) {
            const tensor_info *info = tensor_file_find(from, "transposed");
            status = tensor_file_read_float(from, info, found, &error);
        }
        (void)memory_fail_at(0, false);
        tensor_file_close(from);
        if (status == SPUR_OK) {
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
        failures++;
    }
    assert_true(failures > 10);
    temp_remove();
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    byte_block bytes = archive_of_views(views, VIEW_COUNT);
    sweep_allocations(&bytes);
    free(bytes.data);
    bytes = (byte_block){NULL, 0};
    block_stream(&bytes, views, VIEW_COUNT, "0", values, VALUE_COUNT);
    sweep_allocations(&bytes);
    free(bytes.data);
}

/* ---- the machine alone ------------------------------------------------------------------ */

static spur_status read_pickle(const byte_block *bytes, pickle **out, spur_error *error)
{
    size_t used = 0;
    return pickle_read(bytes->data, bytes->length, false, out, &used, error);
}

static void integers_and_floats(void **state)
{
    (void)state;
    static const unsigned char bytes[] =
        "\x80\2(J\xff\xff\xff\xff\x8a\0\x8a\1\x80\x8a\x08"
        "\xff\xff\xff\xff\xff\xff\xff\x7fG\xc0\4\0\0\0\0\0\0t.";
    byte_block block = {NULL, 0};
    spur_error error = {0};
    pickle *parsed = NULL;
    block_add(&block, bytes, sizeof bytes - 1);
    assert_ok(read_pickle(&block, &parsed, &error), error);
    const pickle_sequence *tuple = pickle_root(parsed)->as.sequence;
    assert_int_equal(tuple->count, 5);
    assert_int_equal(tuple->items[0].as.integer, -1);
    assert_int_equal(tuple->items[1].as.integer, 0);
    assert_int_equal(tuple->items[2].as.integer, -128);
    assert_true(tuple->items[3].as.integer == INT64_MAX);
    assert_true(tuple->items[4].as.number == -2.5);
    pickle_free(parsed);
    free(block.data);
}

/* Pickles that ask for more and more of one thing end with an error, soon. */
static void growth_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *front, *repeated, *reason;
        size_t count;
    } cases[] = {
        {"\x80\2", "N", "stack", 2000000},
        {"\x80\2", "(", "at once", 2000},
        {"\x80\2N", "\x85", "deeper", 300},
        {"\x80\2}", "NNs", "values", 9000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        byte_block block = {NULL, 0};
        spur_error error = {0};
        pickle *parsed = NULL;
        size_t step = strlen(cases[i].repeated);
        block_add(&block, cases[i].front, strlen(cases[i].front));
        size_t start = block.length;
        block.data = realloc(block.data, start + step * cases[i].count + 1);
        assert_non_null(block.data);
        for (size_t k = 0; k < cases[i].count; k++) {
            memcpy(block.data + start + k * step, cases[i].repeated, step);
        }
        block.length = start + step * cases[i].count;
        assert_int_equal(read_pickle(&block, &parsed, &error), SPUR_MODEL);
        if (strstr(error.message, cases[i].reason) == NULL) {
            fail_msg("'%s' does not say '%s'", error.message, cases[i].reason);
        }
        free(block.data);
    }
}

static void the_memo_is_sparse_and_bounded(void **state)
{
    (void)state;
    byte_block block = {NULL, 0};
    spur_error error = {0};
    pickle *parsed = NULL;
    block_put(&block, "\x80\2Nr\xff\xff\xff\xff(r\0\0\0\x80j\xff\xff\xff\xffj\0\0\0\x80t\x86.");
    assert_ok(read_pickle(&block, &parsed, &error) == SPUR_MODEL ? SPUR_OK : SPUR_INTERNAL,
              error); /* the mark is no value: BINPUT above it has nothing to keep */
    free(block.data);
    block = (byte_block){NULL, 0};
    block_put(&block, "\x80\2Nr\xff\xff\xff\xffr\0\0\0\x80j\xff\xff\xff\xff\x86.");
    assert_ok(read_pickle(&block, &parsed, &error), error);
    pickle_free(parsed);
    free(block.data);
    block = (byte_block){NULL, 0};
    block_put(&block, "\x80\2N");
    size_t count = 2200000;
    block.data = realloc(block.data, block.length + 5 * count);
    assert_non_null(block.data);
    for (size_t i = 0; i < count; i++) {
        uint32_t key = (uint32_t)i;
        block.data[block.length] = 'r';
        memcpy(block.data + block.length + 1, &key, sizeof key);
        block.length += 5;
    }
    assert_int_equal(read_pickle(&block, &parsed, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "remembers more"));
    free(block.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_views_of_one_storage),
        cmocka_unit_test(reads_the_stream_before_1_6),
        cmocka_unit_test(unwraps_a_training_checkpoint),
        cmocka_unit_test(reads_an_ordered_dict_of_pairs),
        cmocka_unit_test(refuses_pickles_that_do_more),
        cmocka_unit_test(refuses_views_outside_their_storage),
        cmocka_unit_test(refuses_to_expand_without_end),
        cmocka_unit_test(notices_damage_in_zip),
        cmocka_unit_test(notices_damage_in_the_stream),
        cmocka_unit_test(refuses_other_archives),
        cmocka_unit_test(reads_seventy_thousand_members),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(integers_and_floats),
        cmocka_unit_test(growth_is_bounded),
        cmocka_unit_test(the_memo_is_sparse_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
