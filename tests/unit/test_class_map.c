/*
 * test_class_map.c - labels, names, positions, and when none of them fits.
 */
#include "support.h"

#include <string.h>

#include "pipeline/class_map.h"

static const store_class classes[] = {{.label = "n01440764", .name = "tench"},
                                      {.label = "n01443537", .name = "goldfish"},
                                      {.label = "n01484850", .name = "great white shark"}};

/* how == NULL: nothing fits, and `text` is part of the reason. */
static void expect(const char *const *names, size_t outputs, const char *how,
                   const size_t wanted[3], const char *text)
{
    spur_error error;
    arena *texts = NULL;
    class_map map;
    assert_ok(arena_new(&texts, &error), error);
    assert_ok(class_map_make(classes, 3, names, outputs, texts, &map, &error), error);
    if (how == NULL) {
        assert_null(map.outputs);
        if (strstr(map.how, text) == NULL) {
            fail_msg("expected \"%s\" in \"%s\"", text, map.how);
        }
    } else {
        assert_string_equal(map.how, how);
        assert_memory_equal(map.outputs, wanted, 3 * sizeof *wanted);
    }
    memory_free(map.outputs);
    arena_free(texts);
}

static void finds_each_class(void **state)
{
    static const char *const synonyms[] = {"goldfish, Carassius auratus", "cock",
                                           "great_white_shark, man-eater",
                                           "Tench, Tinca tinca"};
    static const char *const wnids[] = {"n01484850", "n01440764", "n01443537", "n01518878"};
    static const char *const others[] = {"LABEL_0", "LABEL_1", "LABEL_2"};
    (void)state;
    expect(synonyms, 4, "name", (const size_t[]){3, 0, 2}, NULL);
    expect(wnids, 4, "label", (const size_t[]){1, 2, 0}, NULL);
    expect(NULL, 3, "index", (const size_t[]){0, 1, 2}, NULL);
    expect(others, 3, "index", (const size_t[]){0, 1, 2}, NULL);
}

static void says_why_nothing_fits(void **state)
{
    static const char *const few[] = {"tench", "goldfish"};
    static const char *const twice[] = {"tench", "goldfish", "great white shark", "crane",
                                        "crane"};
    (void)state;
    expect(NULL, 1000, NULL, NULL, "3 classes, the model 1000 outputs and no names");
    expect(few, 2, NULL, NULL, "2 outputs, none called \"great white shark\"");
    expect(twice, 5, NULL, NULL, "several have the same name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_each_class),
                                       cmocka_unit_test(says_why_nothing_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
