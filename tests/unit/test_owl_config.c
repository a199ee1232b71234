/*
 * test_owl_config.c - sizes and defaults of config.json, and every way it can be wrong.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "models/owl_config.h"

static spur_status read_text(const char *text, bool literal, owl_config *config,
                             spur_error *error)
{
    char path[256];
    const char *folder = temp_make();
    (void)snprintf(path, sizeof path, "%s/config.json", folder);
    assert_ok(file_replace(path, text, strlen(text), error), *error);
    spur_status status = owl_config_read(folder, literal, config, error);
    temp_remove();
    return status;
}

static void test_absent_fields_take_the_family_defaults(void **state)
{
    (void)state;
    owl_config config;
    spur_error error;
    assert_ok(read_text("{\"model_type\": \"owlvit\"}", false, &config, &error), error);
    assert_false(config.is_v2);
    assert_int_equal(config.side, 768);
    assert_int_equal(config.patch, 32);
    assert_int_equal(config.vision.mlp, 3072);
    assert_int_equal(config.text.heads, 8);
    assert_int_equal(config.vocabulary, 49408);
    assert_ok(read_text("{\"model_type\": \"owlv2\", \"vision_config\": null}", false, &config,
                        &error),
              error);
    assert_int_equal(config.patch, 16);
}

static void test_large_text_heads_are_corrected(void **state)
{
    (void)state;
    owl_config config;
    spur_error error;
    const char *text = "{\"model_type\": \"owlvit\", \"projection_dim\": 768, \"text_config\": "
                       "{\"hidden_size\": 768, \"num_attention_heads\": 16}}";
    assert_ok(read_text(text, false, &config, &error), error);
    assert_int_equal(config.text.heads, 12);
    assert_true(config.text_heads_corrected);
    assert_ok(read_text(text, true, &config, &error), error);
    assert_int_equal(config.text.heads, 16);
    assert_false(config.text_heads_corrected);
}

static void test_activations_by_name(void **state)
{
    (void)state;
    owl_config config;
    spur_error error;
    assert_ok(read_text("{\"model_type\": \"owlvit\", \"vision_config\": {\"hidden_act\": "
                        "\"gelu\"}, \"text_config\": {\"hidden_act\": \"gelu_new\"}}",
                        false, &config, &error),
              error);
    assert_int_equal(config.vision.act, ACTIVATION_GELU_ERF);
    assert_int_equal(config.text.act, ACTIVATION_GELU_TANH);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"[]", "not a JSON object"},
        {"{}", "model_type is 'missing'"},
        {"{\"model_type\": \"clip\"}", "'clip'"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": 3}",
         "vision_config is not an object"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": {\"hidden_size\": -1}}",
         "hidden_size"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": {\"hidden_size\": 1e3}}",
         "hidden_size"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": {\"hidden_size\": 770}}", "multiple"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": {\"patch_size\": 1}}", "grid of 768"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": {\"patch_size\": 1000}}",
         "grid of 0"},
        {"{\"model_type\": \"owlvit\", \"vision_config\": {\"num_channels\": 4}}",
         "num_channels"},
        {"{\"model_type\": \"owlvit\", \"text_config\": {\"hidden_act\": \"relu\"}}", "'relu'"},
        {"{\"model_type\": \"owlvit\", \"text_config\": {\"layer_norm_eps\": 0}}",
         "layer_norm_eps"},
        {"{\"model_type\": \"owlvit\", \"text_config\": {\"vocab_size\": 99999999999}}",
         "vocab_size"},
        {"{\"model_type\": \"owlvit\", \"projection_dim\": 0}", "projection_dim"},
        {"{\"model_type\": 7}", "model_type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        owl_config config;
        spur_error error;
        assert_int_equal(read_text(cases[i].text, false, &config, &error), SPUR_MODEL);
        if (strstr(error.message, cases[i].words) == NULL) {
            fail_msg("'%s' is not in: %s", cases[i].words, error.message);
        }
        assert_non_null(strstr(error.message, "config.json"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_fields_take_the_family_defaults),
        cmocka_unit_test(test_large_text_heads_are_corrected),
        cmocka_unit_test(test_activations_by_name),
        cmocka_unit_test(test_what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
