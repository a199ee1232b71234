/*
 * test_manifest_map.c - class maps, the folders of published sets, and what a split keeps of
 * them.
 */
#include "support.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "pipeline/label_map.h"
#include "pipeline/manifest.h"
#include "pipeline/split_way.h"

static const manifest_known known[] = {
    {"n01440764", "tench"}, {"n01443537", "goldfish"}, {"n01484850", "great white shark"}};

static const char *put(void *state, const char *name, const char *text)
{
    spur_error error;
    const char *path = temp_in(state, name);
    assert_ok(file_replace(path, text, strlen(text), &error), error);
    return path;
}

/* Reads a manifest with the three known classes; the text of a failure goes to *error. */
static spur_status read_set(const char *path, const char *map, spur_ood_rule rule,
                            manifest **out, spur_error *error)
{
    spur_data_options options;
    spur_data_options_defaults(&options);
    options.class_map = map;
    options.ood_rule = rule;
    options.split = "ood:x";
    return manifest_read(path, &options, known, 3, out, error);
}

static void expect_rows(const char *path, const char *map, spur_ood_rule rule,
                        const uint32_t *classes, size_t count, uint64_t excluded)
{
    spur_error error;
    manifest *rows = NULL;
    assert_ok(read_set(path, map, rule, &rows, &error), error);
    assert_int_equal(rows->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows->rows[i].class_index, classes[i]);
    }
    assert_int_equal(rows->excluded_images, excluded);
    manifest_free(rows);
}

static void expect_failure(const char *path, const char *map, spur_ood_rule rule,
                           const char *text)
{
    spur_error error;
    manifest *rows = NULL;
    assert_int_equal(read_set(path, map, rule, &rows, &error), SPUR_DATASET);
    if (strstr(error.message, text) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", text, error.message);
    }
}

static void maps_several_to_one(void **state)
{
    const char *set = put(*state, "set.csv",
                          "file_name,label\na,Carp\nb,Shark\nc,Mug\nd,Tench fish\ne,Mug\n");
    const char *csv =
        put(*state, "map.csv", "theirs,ours\nCarp,goldfish\nShark,2\nTench fish,n01440764\n");
    const char *json =
        put(*state, "map.json",
            "{\"Carp\": \"n01443537\", \"Shark\": 1, \"Tench fish\": \"goldfish\"}");
    expect_rows(set, csv, SPUR_OOD_NONE, (const uint32_t[]){1, 2, 0}, 3, 2);
    expect_rows(set, json, SPUR_OOD_OBJECTNET, (const uint32_t[]){1, 1, 1}, 3, 2);
}

static void names_what_is_wrong_in_a_map(void **state)
{
    const char *set = put(*state, "set.csv", "file_name,label\na,Carp\nb,Shark\n");
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"Carp,goldfish\nShark,goldfisch\n",
         "line 2: \"goldfisch\" is not among the 3 classes of the run; did you mean "
         "\"goldfish\"?"},
        {"Carp,goldfish\nShark,3\n", "line 2: \"3\" is not among the 3 classes"},
        {"Carp,goldfish\nShark,tench\nCarp,tench\n", "lines 1 and 3 both map class \"Carp\""},
        {"theirs,ours\n", "no class in it"},
        {"", "no class in it"},
        {"Carp,\n", "line 1: a class without a name"},
        {"Carp\n", "line 1: 1 columns; expected two"},
        {"{\"Carp\": true}", "member 1, \"Carp\": expected the name or the index"},
        {"[1]", "expected an object"},
        {"Mug,tench\n", "none of the dataset's classes is in it; it maps \"Mug\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_failure(set, put(*state, "bad", cases[i].text), SPUR_OOD_NONE, cases[i].message);
    }
}

static void knows_the_folders_of_published_sets(void **state)
{
    const char *wnids =
        put(*state, "wnids.csv", "file_name,label\na,n01484850\nb,n99999999\nc,n01440764\n");
    const char *numbers = put(*state, "numbers.csv", "file_name,label\na,2\nb,0\nc,1\n");
    expect_rows(wnids, NULL, SPUR_OOD_IMAGENET_A, (const uint32_t[]){2, 0}, 2, 1);
    expect_rows(wnids, NULL, SPUR_OOD_IMAGENET_SKETCH, (const uint32_t[]){2, 0}, 2, 1);
    expect_rows(numbers, NULL, SPUR_OOD_IMAGENET_V2, (const uint32_t[]){2, 0, 1}, 3, 0);
    expect_failure(wnids, NULL, SPUR_OOD_NONE, "\"n99999999\" is not among the 3 classes");
    expect_failure(wnids, NULL, SPUR_OOD_IMAGENET_V2, "is not a number");
    expect_failure(put(*state, "far.csv", "file_name,label\na,3\n"), NULL, SPUR_OOD_IMAGENET_V2,
                   "class index 3 is out of range");
    expect_failure(numbers, NULL, SPUR_OOD_IMAGENET_R, "give a --class-map");
}

/* Labels of a run that are numbers, in an order that is not theirs. */
static void an_index_wins_over_a_label(void **state)
{
    static const manifest_known numbered[] = {{"1", "one"}, {"0", "zero"}};
    const char *set = put(*state, "set.csv", "file_name,label\na,0\nb,1\n");
    spur_error error;
    spur_data_options options;
    manifest *rows = NULL;
    spur_data_options_defaults(&options);
    options.split = "ood:ImageNet_V2";
    assert_ok(manifest_read(set, &options, numbered, 2, &rows, &error), error);
    assert_int_equal(rows->rule, SPUR_OOD_IMAGENET_V2);
    assert_int_equal(rows->rows[0].class_index, 0);
    assert_int_equal(rows->rows[1].class_index, 1);
    manifest_free(rows);
}

static void detects_rules_by_name(void **state)
{
    (void)state;
    assert_int_equal(ood_rule_of_split("ood:imagenet-a"), SPUR_OOD_IMAGENET_A);
    assert_int_equal(ood_rule_of_split("ood:ImageNet_Sketch"), SPUR_OOD_IMAGENET_SKETCH);
    assert_int_equal(ood_rule_of_split("ood:objectnet"), SPUR_OOD_OBJECTNET);
    assert_int_equal(ood_rule_of_split("ood:imagenet-ab"), SPUR_OOD_NONE);
    assert_int_equal(ood_rule_of_split("ood:imagenet-"), SPUR_OOD_NONE);
    assert_int_equal(ood_rule_of_split("imagenet-a"), SPUR_OOD_NONE);
    assert_int_equal(ood_rule_border(SPUR_OOD_OBJECTNET), 2);
    assert_true(split_is_ood("ood") && split_is_ood("ood:x") && !split_is_ood("oodx"));
}

static void a_way_is_read_as_written(void **state)
{
    spur_error error;
    char text[SPLIT_WAY_SIZE], twice[SPLIT_WAY_SIZE];
    split_way way = {SPUR_OOD_OBJECTNET, 2, "ab12", 200, 31740}, again;
    (void)state;
    split_way_describe(&way, text);
    assert_ok(split_way_parse(text, &again, &error), error);
    split_way_describe(&again, twice);
    assert_string_equal(text, twice);
    assert_int_equal(again.excluded_images, 31740);
    assert_string_equal(again.class_map, "ab12");
    static const char *const wrong[] = {"", "rule objectnet", "rule mine, border 2",
                                        "rule none, border 2, class map none, excluded 0 "
                                        "classes with 0 images "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(split_way_parse(wrong[i], &again, &error), SPUR_DATASET);
    }
}

static void survives_lack_of_memory(void **state)
{
    const char *path = put(*state, "map.csv", "Carp,goldfish\nShark,2\n");
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE && n < 1000; n++) {
        spur_error error;
        arena *texts = NULL;
        label_map map = {.path = NULL};
        assert_ok(arena_new(&texts, &error), error);
        (void)memory_fail_at(n, false);
        status = label_map_read(path, texts, &map, &error);
        (void)memory_fail_at(0, false);
        label_map_free(&map);
        arena_free(texts);
    }
    assert_int_equal(status, SPUR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(maps_several_to_one, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(names_what_is_wrong_in_a_map, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(knows_the_folders_of_published_sets, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(an_index_wins_over_a_label, temp_setup, temp_teardown),
        cmocka_unit_test(detects_rules_by_name),
        cmocka_unit_test(a_way_is_read_as_written),
        cmocka_unit_test_setup_teardown(survives_lack_of_memory, temp_setup, temp_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
