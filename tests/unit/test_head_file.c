/*
 * test_head_file.c - heads under every name, two-layer heads, and what is refused.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "io/tensor.h"
#include "models/head_file.h"

static head head_example(size_t classes, size_t features)
{
    head made = {0};
    spur_error error;
    assert_ok(head_make(classes, features, &made, &error), error);
    for (size_t i = 0; i < classes * features; i++) {
        made.weight[i] = 0.125F * (float)i - 0.3F;
    }
    for (size_t k = 0; k < classes; k++) {
        made.bias[k] = k == 1 ? -1e30F : 0.7F * (float)k;
    }
    return made;
}

static void assert_same(const head *a, const head *b)
{
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(a->features, b->features);
    assert_memory_equal(a->weight, b->weight, a->classes * a->features * sizeof(float));
    assert_memory_equal(a->bias, b->bias, a->classes * sizeof(float));
}

/* What is written is read back bit for bit, the two-layer heads too. */
static void test_every_name(void **state)
{
    static const char *const prefixes[] = {"W",         "fc",         "head",
                                           "head_dist", "classifier", "cls_classifier"};
    static const char *const notes[] = {"subset", "clear-50", "backbone_digest", "aa"};
    const char *path = temp_in(*state, "h.safetensors");
    spur_error error;
    head made = head_example(3, 4);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        head_file *file = NULL;
        assert_ok(head_file_write(path, &made, prefixes[i], notes, 2, &error), error);
        assert_ok(head_file_open(path, &file, &error), error);
        assert_string_equal(head_file_prefix(file), prefixes[i]);
        assert_same(head_file_head(file), &made);
        assert_string_equal(head_file_note(file, "subset"), "clear-50");
        assert_null(head_file_note(file, "seed"));
        assert_ok(head_file_check(file, 3, 4, "aa", &error), error);
        head_file_close(file);
    }
    head_free(&made);
}

/* One layer's logits and the mean of the two that were written are the same function. */
static void test_two_layers_are_the_mean(void **state)
{
    const char *path = temp_in(*state, "h.safetensors");
    spur_error error;
    tensor_file *file = NULL;
    float first[6], second[6];
    head made = head_example(3, 4);
    assert_ok(head_file_write(path, &made, "head_dist", NULL, 0, &error), error);
    assert_ok(tensor_file_open(path, &file, &error), error);
    assert_int_equal(tensor_file_count(file), 4);
    assert_ok(
        tensor_file_read_float(file, tensor_file_find(file, "head.weight"), first, &error),
        error);
    assert_ok(tensor_file_read_float(file, tensor_file_find(file, "head_dist.weight"), second,
                                     &error),
              error);
    for (size_t k = 0; k < 3; k++) {
        assert_true(0.5F * first[2 * k] == made.weight[4 * k]);
        assert_true(0.5F * second[2 * k + 1] == made.weight[4 * k + 3]);
    }
    tensor_file_close(file);
    head_free(&made);
}

static void refuse_check(const char *path, size_t classes, size_t features,
                         const char *of_backbone, const char *message)
{
    spur_error error;
    head_file *file = NULL;
    assert_ok(head_file_open(path, &file, &error), error);
    assert_int_equal(head_file_check(file, classes, features, of_backbone, &error),
                     SPUR_DATASET);
    assert_non_null(strstr(error.message, message));
    head_file_close(file);
}

static void test_other_model(void **state)
{
    static const char *const notes[] = {"backbone", "resnet50", "backbone_digest", "aa"};
    const char *path = temp_in(*state, "h.safetensors");
    spur_error error;
    head made = head_example(3, 4);
    assert_ok(head_file_write(path, &made, "fc", notes, 2, &error), error);
    refuse_check(path, 3, 5, "aa", "takes 4 features, the backbone gives 5");
    refuse_check(path, 2, 4, "aa", "tells 3 classes apart, expected 2");
    refuse_check(path, 3, 4, "bb",
                 "backbone resnet50 (digest aa), this backbone's digest is bb");
    assert_int_equal(head_file_write(path, &made, "tail", NULL, 0, &error), SPUR_USAGE);
    assert_non_null(strstr(error.message, "'tail'"));
    head_free(&made);
    made = head_example(2, 3);
    assert_int_equal(head_file_write(path, &made, "head_dist", NULL, 0, &error), SPUR_USAGE);
    assert_non_null(strstr(error.message, "even number of features, not 3"));
    head_free(&made);
}

static void refuse(void **state, const tensor_out *tensors, size_t count, const char *message)
{
    const char *path = temp_in(*state, "bad.safetensors");
    spur_error error;
    head_file *file = NULL;
    assert_ok(safetensors_write(path, tensors, count, NULL, 0, &error), error);
    assert_int_equal(head_file_open(path, &file, &error), SPUR_MODEL);
    if (strstr(error.message, message) == NULL || strstr(error.message, path) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, message);
    }
}

static void test_hostile(void **state)
{
    static const size_t shape[] = {2, 3}, one[] = {2}, three[] = {3}, none[] = {0, 3};
    float zeros[6] = {0}, bad[6] = {0, 0, NAN, 0, INFINITY, 0};
    int64_t whole[6] = {0};
    const tensor_out weight = {"fc.weight", TENSOR_F32, 2, shape, zeros};
    const tensor_out bias = {"fc.bias", TENSOR_F32, 1, one, zeros};
    refuse(state, (tensor_out[]){weight}, 1, "'fc.bias' is missing");
    refuse(state, (tensor_out[]){bias}, 1, "holds no head");
    refuse(state, (tensor_out[]){weight, {"fc.bias", TENSOR_F32, 1, three, zeros}}, 2,
           "'fc.bias' has another shape, expected [2]");
    refuse(state, (tensor_out[]){{"fc.weight", TENSOR_F32, 1, one, zeros}, bias}, 2,
           "expected [classes, features]");
    refuse(state, (tensor_out[]){{"fc.weight", TENSOR_F32, 2, none, zeros}, bias}, 2,
           "expected [classes, features]");
    refuse(state, (tensor_out[]){{"fc.weight", TENSOR_I64, 2, shape, whole}, bias}, 2,
           "holds I64");
    refuse(state, (tensor_out[]){{"fc.weight", TENSOR_F32, 2, shape, bad}, bias}, 2,
           "'fc.weight' holds 2 non-finite values");
    refuse(state, (tensor_out[]){weight, bias, {"layer1.weight", TENSOR_F32, 1, one, zeros}}, 3,
           "'layer1.weight' is no part of a head");
    refuse(state,
           (tensor_out[]){{"head.weight", TENSOR_F32, 2, shape, zeros},
                          {"head.bias", TENSOR_F32, 1, one, zeros},
                          {"head_dist.weight", TENSOR_F32, 2, shape, zeros},
                          {"head_dist.bias", TENSOR_F32, 1, three, zeros}},
           4, "'head_dist.bias' has another shape");
}

/* Every allocation that fails is reported and leaks nothing. */
static void test_memory(void **state)
{
    const char *path = temp_in(*state, "h.safetensors");
    spur_error error;
    head made = head_example(3, 4);
    assert_ok(head_file_write(path, &made, "head_dist", NULL, 0, &error), error);
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n++) {
        head_file *file = NULL;
        (void)memory_fail_at(n, false);
        status = head_file_open(path, &file, &error);
        (void)memory_fail_at(0, false);
        head_file_close(file);
    }
    assert_int_equal(status, SPUR_OK);
    head_free(&made);
}

/* The same bits for any number of threads and rows. */
static void test_run(void **state)
{
    (void)state;
    spur_error error;
    head made = head_example(5, 37);
    made.bias[1] = 0.25F;
    float features[150 * 37], one[150 * 5], many[150 * 5], alone[5];
    for (size_t i = 0; i < 150 * 37; i++) {
        features[i] = (float)(i % 101) * 0.01F - 0.4F;
    }
    assert_ok(head_run(&made, features, 150, 1, one, &error), error);
    assert_ok(head_run(&made, features, 150, 3, many, &error), error);
    assert_memory_equal(one, many, sizeof one);
    assert_ok(head_run(&made, features + 77 * 37, 1, 2, alone, &error), error);
    assert_memory_equal(one + 77 * 5, alone, sizeof alone);
    double expected = (double)made.bias[3];
    for (size_t j = 0; j < 37; j++) {
        expected += (double)made.weight[3 * 37 + j] * (double)features[77 * 37 + j];
    }
    /* tolerance 1e-6 of a sum near 20; observed below 3e-7 */
    assert_true(fabs((double)alone[3] - expected) <= 1e-6 * fabs(expected));
    head_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_name, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_two_layers_are_the_mean, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_other_model, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_hostile, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_memory, temp_setup, temp_teardown),
        cmocka_unit_test(test_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
