/*
 * test_model_maker.c - weights from names: the check values of weights_by_name.md, and a tiny
 * model made here against the one that was made by another program.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"
#include "model_maker.h"
#include "owl_layout.h"
#include "support.h"
#include "weights_by_name.h"

typedef struct check_row {
    const char *name;
    size_t rank, shape[4];
    uint64_t key;
    uint32_t first[4];
    double sum;
} check_row;

/* Salt "demo". A scalar has one value. */
static const check_row rows[] = {
    {"a.weight",
     2,
     {2, 3},
     0x3f6a5f0320fbb020,
     {0x3e038460, 0x3f64f774, 0xbf189d32, 0x3dc75650},
     0.12590086460113525},
    {"a.bias",
     1,
     {4},
     0x28c74ede2f908005,
     {0x3c2cc60d, 0x3d16bd9a, 0xbad86d9a, 0xbc46018d},
     0.033610631478950381},
    {"layer1.0.bn1.weight",
     1,
     {4},
     0x140c58bb320ca312,
     {0x3f6d21d5, 0x3f68132e, 0x3f890617, 0x3f7dbd5d},
     3.8945091962814331},
    {"layer1.0.bn1.running_var",
     1,
     {4},
     0x00a567e2b10ed4df,
     {0x3f684be2, 0x3f70bb8c, 0x3fa268bb, 0x3f974470},
     4.2983667850494385},
    {"owlvit.logit_scale", 0, {0}, 0x985446ec44821412, {0x4027bb1c}, 2.6207952499389648},
    {"owlvit.vision_model.embeddings.patch_embedding.weight",
     4,
     {768, 3, 32, 32},
     0xaebb822c4450073a,
     {0x3cf4c528, 0xbc2f4fe0, 0x3cdeecec, 0xbc364424},
     -18.560652308166027},
    {"owlvit.text_model.encoder.layers.3.mlp.fc1.weight",
     2,
     {2048, 512},
     0xb94a8d0f503641df,
     {0xbdd1c043, 0xbc376f18, 0xbceafc86, 0xbd996aa9},
     86.294209003306136},
    {"class_head.logit_scale.weight",
     2,
     {1, 768},
     0x414a256310ecbaf6,
     {0xbcaffb20, 0x3c27cc20, 0xbda48eb0, 0xbe7a8ab4},
     0.20040977001190186},
    {"class_head.logit_scale.bias",
     1,
     {1},
     0xedd7ef15fe67ada3,
     {0x40be7c6a},
     5.9526872634887695},
    {"vit.encoder.layer.0.attention.attention.query.weight",
     2,
     {48, 48},
     0xf43e16f22d5d0d47,
     {0x3db505b3, 0xbcc61fe7, 0x3c2eb567, 0x3e8ef072},
     1.7026781104723341},
    {"blocks.0.attn.qkv.weight",
     2,
     {144, 48},
     0xce0449f8c4a8648e,
     {0x3c00f333, 0xbea815b3, 0x3e986278, 0xbeba9227},
     9.0639242346805986},
    {"owlvit.text_model.embeddings.position_embedding.weight",
     2,
     {16, 512},
     0x92cf1b8000b77014,
     {0x3c3558e7, 0xbcc6ca6d, 0xbd156cd7, 0x3db7f02d},
     -4.2606031106146247},
    {"owlvit.vision_model.embeddings.position_embedding.weight",
     2,
     {577, 768},
     0x8f7acdad8810f511,
     {0x3f78289e, 0xbf3883a6, 0xbde88f10, 0x3f205fec},
     -29.394822955131531},
};

static void check_values(const check_row *row)
{
    size_t count = 1;
    float *values = NULL;
    double sum = 0;
    spur_error error;
    for (size_t axis = 0; axis < row->rank; axis++) {
        count *= row->shape[axis];
    }
    assert_true(weights_key("demo", row->name) == row->key);
    assert_ok(memory_new(count, sizeof *values, &values, &error), error);
    weights_fill(row->key, weights_scale_of(row->name, row->shape, row->rank), 0, count,
                 values);
    assert_memory_equal(values, row->first, (count < 4 ? count : 4) * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
    }
    assert_true(sum == row->sum);
    /* Any stretch alone gives the same bytes. */
    float alone;
    weights_fill(row->key, weights_scale_of(row->name, row->shape, row->rank), count - 1, 1,
                 &alone);
    assert_memory_equal(&alone, &values[count - 1], sizeof alone);
    memory_free(values);
}

static void test_published_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_values(&rows[i]);
    }
}

/* Tensor counts and parameters of the published models, as their files have them. */
static void test_published_sizes(void **state)
{
    static const struct {
        const char *name;
        size_t tensors, parameters;
    } models[] = {{"owlvit-base-patch32", 412, 153231879},
                  {"owlvit-base-patch16", 412, 152789511},
                  {"owlvit-large-patch14", 604, 433888519},
                  {"owlv2-base-patch16-ensemble", 418, 154966792}};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        arena *owner = NULL;
        tensor_out *tensors = NULL;
        size_t count = 0, parameters = 0;
        spur_error error;
        assert_ok(arena_new(&owner, &error), error);
        assert_ok(owl_layout_make(owl_size_find(models[i].name), 49408, owner, &tensors, &count,
                                  &error),
                  error);
        for (size_t k = 0; k < count; k++) {
            size_t elements = 1;
            for (size_t axis = 0; axis < tensors[k].rank; axis++) {
                elements *= tensors[k].shape[axis];
            }
            parameters += elements;
        }
        assert_int_equal(count, models[i].tensors);
        assert_int_equal(parameters, models[i].parameters);
        arena_free(owner);
    }
}

/* Every tensor: same name, shape and bytes. */
static void compare_weights(const char *made, const char *reference)
{
    tensor_file *mine = NULL, *theirs = NULL;
    spur_error error;
    assert_ok(tensor_file_open(made, &mine, &error), error);
    assert_ok(tensor_file_open(reference, &theirs, &error), error);
    assert_int_equal(tensor_file_count(mine), tensor_file_count(theirs));
    for (size_t i = 0; i < tensor_file_count(mine); i++) {
        const tensor_info *a = tensor_file_at(mine, i), *b = tensor_file_at(theirs, i);
        unsigned char *a_bytes = NULL, *b_bytes = NULL;
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->rank, b->rank);
        assert_int_equal(a->bytes, b->bytes);
        assert_ok(memory_new(a->bytes, 1, &a_bytes, &error), error);
        assert_ok(memory_new(b->bytes, 1, &b_bytes, &error), error);
        assert_ok(tensor_file_read(mine, a, a_bytes, &error), error);
        assert_ok(tensor_file_read(theirs, b, b_bytes, &error), error);
        assert_memory_equal(a_bytes, b_bytes, a->bytes);
        memory_free(a_bytes);
        memory_free(b_bytes);
    }
    tensor_file_close(mine);
    tensor_file_close(theirs);
}

static void check_tiny(const char *name, const char *salt)
{
    char *folder = NULL;
    spur_error error;
    assert_ok(file_join(temp_make(), "model", &folder, &error), error);
    const model_request request = {name, true, salt, data_path("tiny-owlvit"), folder};
    model_request made = request;
    made.tokenizer = data_path(strstr(name, "owlv2") != NULL ? "tiny-owlv2" : "tiny-owlvit");
    assert_ok(model_make(&made, &error), error);
    compare_weights(folder, made.tokenizer);
    memory_free(folder);
    temp_remove();
}

static void test_tiny_models(void **state)
{
    (void)state;
    check_tiny("owlvit-base-patch32", "open-2026-a/tiny-owlvit");
    check_tiny("owlv2-base-patch16-ensemble", "open-2026-a/tiny-owlv2");
}

static void test_unknown_name(void **state)
{
    (void)state;
    const model_request request = {"owlvit-huge", false, "x", "/nowhere", "/nowhere"};
    spur_error error;
    assert_int_equal(model_make(&request, &error), SPUR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_tiny_models),
        cmocka_unit_test(test_unknown_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
