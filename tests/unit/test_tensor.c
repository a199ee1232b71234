/*
 * test_tensor.c - dtypes and their conversion, which file is opened, what mistakes are called.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"

static char folder[200];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", temp_make());
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    temp_remove();
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const void *bytes, size_t length)
{
    spur_error error = {0};
    assert_ok(file_replace(path_of(name), bytes, length, &error), error);
}

/* One tensor `name` of these values. */
static void put_weights(const char *place, const char *name, tensor_dtype dtype,
                        const void *data, size_t elements)
{
    spur_error error = {0};
    const tensor_out tensor = {name, dtype, 1, &elements, data};
    assert_ok(safetensors_write(path_of(place), &tensor, 1, NULL, 0, &error), error);
}

static tensor_file *open_path(const char *name)
{
    spur_error error = {0};
    tensor_file *from = NULL;
    assert_ok(tensor_file_open(path_of(name), &from, &error), error);
    return from;
}

static void expect_refused(const char *name, const char *reason)
{
    spur_error error = {0};
    tensor_file *from = NULL;
    assert_int_equal(tensor_file_open(path_of(name), &from, &error), SPUR_MODEL);
    if (strstr(error.message, reason) == NULL || strstr(error.message, folder) == NULL) {
        fail_msg("'%s' does not say '%s' and where", error.message, reason);
    }
}

/* ---- dtypes ----------------------------------------------------------------------------- */

static void dtypes_have_names_and_sizes(void **state)
{
    (void)state;
    unsigned bits = 0;
    for (int dtype = TENSOR_BOOL; dtype <= TENSOR_F4; dtype++) {
        assert_non_null(tensor_dtype_name((tensor_dtype)dtype));
        bits += tensor_dtype_bits((tensor_dtype)dtype);
    }
    assert_int_equal(bits, 8 * 3 + 16 * 4 + 32 * 3 + 64 * 4 + 8 * 5 + 6 * 2 + 4);
    assert_string_equal(tensor_dtype_name(TENSOR_BF16), "BF16");
    assert_string_equal(tensor_dtype_name(TENSOR_F8_E4M3FNUZ), "F8_E4M3FNUZ");
}

/* Sign, exponent and fraction by arithmetic in double; NaN for NaN. */
static double half_value(unsigned half)
{
    double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
    int exponent = (int)(half >> 10 & 31);
    double fraction = half & 1023;
    if (exponent == 31) {
        return fraction == 0 ? sign * (double)INFINITY : (double)NAN;
    }
    return exponent == 0 ? sign * ldexp(fraction, -24)
                         : sign * ldexp(1024 + fraction, exponent - 25);
}

/* All 65,536 values of both 16-bit formats: equal, tolerance 0. */
static void sixteen_bits_widen_exactly(void **state)
{
    (void)state;
    static uint16_t all[65536];
    static float found[65536];
    spur_error error = {0};
    for (unsigned i = 0; i < 65536; i++) {
        all[i] = (uint16_t)i;
    }
    put_weights("half.safetensors", "x", TENSOR_F16, all, 65536);
    tensor_file *from = open_path("half.safetensors");
    assert_ok(tensor_file_read_float(from, tensor_file_at(from, 0), found, &error), error);
    for (unsigned i = 0; i < 65536; i++) {
        double expected = half_value(i);
        assert_true(isnan(expected) ? isnan(found[i]) : (double)found[i] == expected);
        assert_int_equal(signbit(found[i]) != 0, (i & 0x8000) != 0);
    }
    tensor_file_close(from);
    put_weights("brain.safetensors", "x", TENSOR_BF16, all, 65536);
    from = open_path("brain.safetensors");
    assert_ok(tensor_file_read_float(from, tensor_file_at(from, 0), found, &error), error);
    for (unsigned i = 0; i < 65536; i++) {
        uint32_t bits;
        memcpy(&bits, &found[i], sizeof bits);
        assert_int_equal(bits, i << 16);
    }
    tensor_file_close(from);
}

static void double_rounds_once(void **state)
{
    (void)state;
    static const double values[] = {0.1, 1.0 + 0x1p-24, 1.0 + 0x1.8p-23, -1e300, 1e-50};
    float found[5];
    spur_error error = {0};
    put_weights("double.safetensors", "x", TENSOR_F64, values, 5);
    tensor_file *from = open_path("double.safetensors");
    assert_ok(tensor_file_read_float(from, tensor_file_at(from, 0), found, &error), error);
    assert_true(found[0] == 0.1F && found[1] == 1.0F && found[2] == 1.0F + 0x1p-22F);
    assert_true(isinf(found[3]) && found[3] < 0 && found[4] == 0);
    tensor_file_close(from);
}

static void integers_are_read_but_not_as_floats(void **state)
{
    (void)state;
    static const int64_t ids[] = {0, 1, 2};
    int64_t found[3];
    float floats[3];
    spur_error error = {0};
    put_weights("ids.safetensors", "position_ids", TENSOR_I64, ids, 3);
    tensor_file *from = open_path("ids.safetensors");
    const tensor_info *info = tensor_file_find(from, "position_ids");
    assert_ok(tensor_file_read(from, info, found, &error), error);
    assert_memory_equal(found, ids, sizeof ids);
    assert_int_equal(tensor_file_read_float(from, info, floats, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "I64"));
    tensor_file_close(from);
}

/* ---- which file ------------------------------------------------------------------------- */

static void a_folder_is_searched_in_order(void **state)
{
    (void)state;
    static const float one = 1;
    static const char index[] = "{\"weight_map\":{\"from index\":\"shard.safetensors\"}}";
    expect_refused("", "no weights in this folder");
    put_weights("shard.safetensors", "from index", TENSOR_F32, &one, 1);
    put_file("pytorch_model.bin.index.json", index, sizeof index - 1);
    tensor_file *from = open_path("");
    assert_string_equal(tensor_file_at(from, 0)->name, "from index");
    tensor_file_close(from);
    put_weights("pytorch_model.bin", "from bin", TENSOR_F32, &one, 1); /* content decides */
    from = open_path("");
    assert_string_equal(tensor_file_at(from, 0)->name, "from bin");
    assert_string_equal(tensor_file_format(from), "safetensors");
    tensor_file_close(from);
    put_file("model.safetensors.index.json", index, sizeof index - 1);
    from = open_path("");
    assert_string_equal(tensor_file_format(from), "safetensors-sharded");
    assert_int_equal(tensor_file_part_count(from), 1);
    assert_non_null(strstr(tensor_file_part(from, 0), "/shard.safetensors"));
    tensor_file_close(from);
    put_weights("model.safetensors", "from model", TENSOR_F32, &one, 1);
    from = open_path("");
    assert_string_equal(tensor_file_at(from, 0)->name, "from model");
    tensor_file_close(from);
}

static void an_index_maps_names_to_shards(void **state)
{
    (void)state;
    static const float one = 1, two = 2;
    static const char good[] = "{\"metadata\":{\"total_size\":99},\"weight_map\":"
                               "{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\"}}";
    static const char *const bad[] = {
        "{\"weight_map\":{\"a\":\"../1.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"/1.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"x\\\\1.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"..\"}}",
        "{\"weight_map\":{\"a\":\"\"}}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{}}",
        "{\"weight_map\":[]}",
        "{\"model_type\":\"owlvit\"}",
        "{\"weight_map\":{\"c\":\"1.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"3.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"i.json\"}}",
        "{\"weight_map\":",
    };
    spur_error error = {0};
    float found;
    put_weights("1.safetensors", "a", TENSOR_F32, &one, 1);
    put_weights("2.safetensors", "b", TENSOR_F32, &two, 1);
    put_file("i.json", good, sizeof good - 1);
    tensor_file *from = open_path("i.json");
    assert_int_equal(tensor_file_count(from), 2);
    assert_ok(tensor_file_read(from, tensor_file_find(from, "b"), &found, &error), error);
    assert_true(found == 2);
    tensor_file_close(from);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put_file("i.json", bad[i], strlen(bad[i]));
        assert_int_equal(tensor_file_open(path_of("i.json"), &from, &error), SPUR_MODEL);
    }
}

static void mistakes_are_named(void **state)
{
    (void)state;
    char archive[512] = "pickle";
    static const char magic[] = {'u', 's', 't', 'a', 'r'};
    memcpy(archive + 257, magic, sizeof magic);
    put_file("empty", "", 0);
    expect_refused("empty", "empty file");
    put_file("short", "{}", 2);
    expect_refused("short", "no weight index");
    put_file("page", "\n<!DOCTYPE html><html></html>", 29);
    expect_refused("page", "web page");
    put_file("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", 56);
    expect_refused("pointer", "git lfs pull");
    put_file("tar", archive, sizeof archive);
    expect_refused("tar", "tar archive");
    put_file("gzip", "\x1f\x8b\x08 and so on", 12);
    expect_refused("gzip", "gzip");
    put_file("list", "[1, 2, 3]", 9);
    expect_refused("list", "JSON list");
    put_file("text", "some notes about the model", 26);
    expect_refused("text", "not a weight file");
    put_file("pickle", "\x80\2}q\0.", 6);
    expect_refused("pickle", "no PyTorch checkpoint");
    expect_refused("absent", "no such file");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    expect_refused("fifo", "FIFO");
}

/* A length that spells a zip archive's or a pickle's first bytes is still a length. */
static void lengths_that_look_like_magic(void **state)
{
    (void)state;
    char header[136];
    memset(header, ' ', sizeof header);
    static const char front[] = {'\x80', 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    memcpy(header, front, sizeof front);
    put_file("length-128", header, sizeof header);
    tensor_file *from = open_path("length-128");
    assert_string_equal(tensor_file_format(from), "safetensors");
    tensor_file_close(from);
}

static void a_file_that_shrinks_is_noticed(void **state)
{
    (void)state;
    static const float values[1000];
    float found[1000];
    spur_error error = {0};
    put_weights("model.safetensors", "x", TENSOR_F32, values, 1000);
    tensor_file *from = open_path("model.safetensors");
    assert_int_equal(truncate(path_of("model.safetensors"), 2000), 0);
    const tensor_info *info = tensor_file_at(from, 0);
    assert_int_equal(tensor_file_read(from, info, found, &error), SPUR_MODEL);
    assert_non_null(strstr(error.message, "changed while reading"));
    assert_non_null(strstr(error.message, "tensor 'x'"));
    tensor_file_close(from);
}

static void every_allocation_of_an_index_may_fail(void **state)
{
    (void)state;
    static const float one = 1;
    static const char index[] = "{\"weight_map\":{\"a\":\"1.safetensors\"}}";
    size_t failures = 0;
    put_weights("1.safetensors", "a", TENSOR_F32, &one, 1);
    put_file("model.safetensors.index.json", index, sizeof index - 1);
    for (size_t n = 1;; n++) {
        spur_error error = {0};
        tensor_file *from = NULL;
        (void)memory_fail_at(n, false);
        spur_status status = tensor_file_open(folder, &from, &error);
        (void)memory_fail_at(0, false);
        tensor_file_close(from);
        if (status == SPUR_OK) {
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
        failures++;
    }
    assert_true(failures > 10);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtypes_have_names_and_sizes),
        IN_FOLDER(sixteen_bits_widen_exactly),
        IN_FOLDER(double_rounds_once),
        IN_FOLDER(integers_are_read_but_not_as_floats),
        IN_FOLDER(a_folder_is_searched_in_order),
        IN_FOLDER(an_index_maps_names_to_shards),
        IN_FOLDER(mistakes_are_named),
        IN_FOLDER(lengths_that_look_like_magic),
        IN_FOLDER(a_file_that_shrinks_is_noticed),
        IN_FOLDER(every_allocation_of_an_index_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
