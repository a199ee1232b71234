/*
 * golden_tokenizer.c - the tokenizer against the ids of the published library.
 *
 * Compared: exactly. The plain vocabulary is read by both ways in; OWL's settings as the file
 * and as flags beside vocab.json, which must agree.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "models/tokenizer.h"
#include "support.h"

/* ---- folders ------------------------------------------------------------------------- */

static void link_file(const char *folder, const char *src, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(src, path), 0);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[4096];
    spur_error error;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, text, strlen(text), &error), error);
}

static tokenizer *open_folder(const char *folder)
{
    tokenizer *opened = NULL;
    spur_error error;
    assert_ok(tokenizer_open(folder, &opened, &error), error);
    return opened;
}

/* clang-format off */
#define TOKEN_FLAGS(content, normalized)                                                       \
    "{\"content\": \"" content "\", \"lstrip\": false, \"normalized\": " normalized            \
    ", \"rstrip\": false, \"single_word\": false}"

static const char owl_names[] =
    "{\"bos_token\": " TOKEN_FLAGS("<|startoftext|>", "true") ","
    " \"eos_token\": " TOKEN_FLAGS("<|endoftext|>", "true") ","
    " \"unk_token\": " TOKEN_FLAGS("<|endoftext|>", "true") ","
    " \"pad_token\": \"!\"}";
/* clang-format on */

/* The ways to open the full vocabulary. */
enum way {
    PLAIN_FILE, /* tokenizer.json */
    PLAIN_PAIR, /* vocab.json + merges.txt */
    OWL_FILE,   /* tokenizer.json with OWL's added tokens */
    OWL_PAIR,   /* vocab.json + merges.txt + special_tokens_map.json */
    OWL_CONFIG, /* vocab.json + merges.txt; the pad token's name is all that is said */
    WAY_COUNT
};

static tokenizer *open_way(enum way way)
{
    const char *folder = temp_make();
    if (way == PLAIN_FILE || way == OWL_FILE) {
        link_file(folder,
                  shared_path(way == PLAIN_FILE ? "golden/data/tokenizer/tokenizer.json"
                                                : "golden/data/tokenizer/tokenizer_owl.json"),
                  "tokenizer.json");
    } else {
        link_file(folder, shared_path("golden/data/tokenizer/vocab.json"), "vocab.json");
        link_file(folder, shared_path("golden/data/tokenizer/merges.txt"), "merges.txt");
    }
    if (way == OWL_FILE || way == OWL_CONFIG) {
        write_file(folder, "tokenizer_config.json",
                   "{\"pad_token\": \"!\", \"model_max_length\": 16}");
    }
    if (way == OWL_PAIR) {
        write_file(folder, "special_tokens_map.json", owl_names);
    }
    tokenizer *opened = open_folder(folder);
    temp_remove();
    return opened;
}

/* ---- rows ---------------------------------------------------------------------------- */

typedef void (*visit_row)(const json_t *row, golden_tally *tally);

static void each_line(const char *name, visit_row visit, golden_tally *tally)
{
    unsigned char *bytes = NULL;
    size_t size;
    spur_error error;
    assert_ok(file_load(shared_path(name), 64u << 20, SPUR_DATASET, &bytes, &size, &error),
              error);
    for (char *line = (char *)bytes; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        json_t *row = NULL;
        assert_ok(json_read(line, length, true, SPUR_DATASET, &row, &error), error);
        visit(row, tally);
        json_decref(row);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    memory_free(bytes);
}

static bool is_same(const token_ids *found, const json_t *ids)
{
    bool same = found->count == json_array_size(ids);
    for (size_t i = 0; same && i < found->count; i++) {
        same = found->ids[i] == json_integer_value(json_array_get(ids, i));
    }
    return same;
}

static void print_difference(const json_t *row, const token_ids *found, const json_t *ids)
{
    char *shown = json_dumps(row, JSON_COMPACT);
    char *wanted = json_dumps(ids, JSON_COMPACT);
    print_message("differs: %s\n  expected %s\n  found   ", shown, wanted);
    for (size_t i = 0; i < found->count; i++) {
        print_message(" %" PRId32, found->ids[i]);
    }
    print_message("\n");
    free(shown);
    free(wanted);
}

/* True when the row's text gives the ids; padded to `length` when that is not 0. */
static bool check_ids(const tokenizer *with, const json_t *row, size_t length,
                      const json_t *ids)
{
    const json_t *text = json_object_get(row, "text");
    token_ids found;
    spur_error error;
    assert_ok(tokenizer_encode(with, json_string_value(text), json_string_length(text), length,
                               &found, &error),
              error);
    if (length > 0) {
        int32_t *padded = NULL;
        assert_true(found.count <= length);
        assert_ok(memory_new(length, sizeof *padded, &padded, &error), error);
        for (size_t i = 0; i < length; i++) {
            padded[i] = i < found.count ? found.ids[i] : tokenizer_pad(with);
        }
        memory_free(found.ids);
        found.ids = padded;
        found.count = length;
    }
    bool same = is_same(&found, ids);
    if (!same) {
        print_difference(row, &found, ids);
    }
    token_ids_free(&found);
    return same;
}

static void count_case(golden_tally *tally, bool passed)
{
    tally->cases++;
    if (passed) {
        tally->passed++;
    } else {
        tally->failed++;
    }
}

static tokenizer *ways[WAY_COUNT];

/* Ids of a case for one way in. */
static const json_t *expected_ids(const json_t *row, enum way way)
{
    const json_t *owl = json_object_get(row, "ids_owl");
    return way >= OWL_FILE && owl != NULL ? owl : json_object_get(row, "ids");
}

static void visit_case(const json_t *row, golden_tally *tally)
{
    bool passed = true;
    for (enum way way = PLAIN_FILE; way < OWL_CONFIG; way++) {
        passed = check_ids(ways[way], row, 0, expected_ids(row, way)) && passed;
    }
    count_case(tally, passed);
}

static void visit_truncation(const json_t *row, golden_tally *tally)
{
    const json_t *plain = json_object_get(row, "clip16_ids");
    const json_t *owl = json_object_get(row, "owl16_ids");
    const json_t *text = json_object_get(row, "text");
    token_ids found;
    spur_error error;
    bool passed = check_ids(ways[PLAIN_FILE], row, 16, plain) &&
                  check_ids(ways[PLAIN_PAIR], row, 16, plain) &&
                  check_ids(ways[OWL_FILE], row, 16, owl) &&
                  check_ids(ways[OWL_PAIR], row, 16, owl);
    assert_ok(tokenizer_encode(ways[PLAIN_FILE], json_string_value(text),
                               json_string_length(text), 77, &found, &error),
              error);
    long long full = json_integer_value(json_object_get(row, "full_len"));
    passed = passed &&
             (long long)found.count == json_integer_value(json_object_get(row, "clip77_len")) &&
             found.truncated == (full > 77) &&
             found.ids[found.count - 1] == tokenizer_end(ways[PLAIN_FILE]);
    token_ids_free(&found);
    count_case(tally, passed);
}

static void finish(const golden_tally *tally, size_t expected)
{
    golden_print(tally);
    assert_int_equal(tally->failed, 0);
    assert_int_equal(tally->cases, expected);
}

/* Loads a JSON file whose texts may hold U+0000. */
static json_t *load_json(const char *name)
{
    unsigned char *bytes = NULL;
    size_t size;
    json_t *root = NULL;
    spur_error error;
    assert_ok(file_load(shared_path(name), 64u << 20, SPUR_DATASET, &bytes, &size, &error),
              error);
    assert_ok(json_read((const char *)bytes, size, true, SPUR_DATASET, &root, &error), error);
    memory_free(bytes);
    return root;
}

static void open_all(void)
{
    for (enum way way = PLAIN_FILE; way < WAY_COUNT; way++) {
        ways[way] = open_way(way);
    }
}

static void close_all(void)
{
    for (enum way way = PLAIN_FILE; way < WAY_COUNT; way++) {
        tokenizer_close(ways[way]);
    }
}

/* ---- tests --------------------------------------------------------------------------- */

static void test_cases(void **state)
{
    (void)state;
    open_all();
    golden_tally tally = {.name = "tokenizer cases"};
    each_line("golden/data/tokenizer/cases.jsonl", visit_case, &tally);
    close_all();
    finish(&tally, 1868);
}

static void test_truncation(void **state)
{
    (void)state;
    open_all();
    golden_tally tally = {.name = "tokenizer truncation"};
    each_line("golden/data/tokenizer/truncation.jsonl", visit_truncation, &tally);
    close_all();
    finish(&tally, 35);
}

/* The reference's own flag variant: what normalized=true alone changes. */
static void visit_normalized(const json_t *row, golden_tally *tally)
{
    const json_t *ids = json_object_get(row, "ids_special_normalized");
    if (ids != NULL) {
        count_case(tally, check_ids(ways[OWL_FILE], row, 0, ids) &&
                              check_ids(ways[OWL_PAIR], row, 0, ids));
    }
}

static void test_normalized(void **state)
{
    (void)state;
    open_all();
    golden_tally tally = {.name = "tokenizer special_normalized"};
    each_line("golden/data/tokenizer/cases.jsonl", visit_normalized, &tally);
    close_all();
    finish(&tally, 1);
}

static void test_network_texts(void **state)
{
    (void)state;
    open_all();
    golden_tally tally = {.name = "tokenizer network texts"};
    json_t *root = load_json("golden/net/full/tokenizer_cases.json");
    const json_t *cases = json_object_get(root, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        bool passed = check_ids(ways[PLAIN_FILE], row, 0, json_object_get(row, "clip")) &&
                      check_ids(ways[PLAIN_PAIR], row, 0, json_object_get(row, "clip")) &&
                      check_ids(ways[OWL_CONFIG], row, 0, json_object_get(row, "owl")) &&
                      check_ids(ways[OWL_CONFIG], row, 16, json_object_get(row, "owl_16"));
        count_case(&tally, passed);
    }
    json_decref(root);
    close_all();
    finish(&tally, 70);
}

/* The tiny folders: tokenizer_cases of expected.json. */
static size_t check_tiny(const char *folder, const char *expected, golden_tally *tally)
{
    tokenizer *with = open_folder(shared_path(folder));
    json_t *root = load_json(expected);
    const json_t *cases = json_object_get(root, "tokenizer_cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        count_case(tally, check_ids(with, row, 0, json_object_get(row, "ids")));
    }
    size_t count = json_array_size(cases);
    json_decref(root);
    tokenizer_close(with);
    return count;
}

static void test_tiny_folders(void **state)
{
    static const char *const folders[] = {"tiny-owlvit", "tiny-owlvit-bin", "tiny-owlvit-bf16",
                                          "tiny-owlvit-f16", "tiny-owlvit-sharded"};
    (void)state;
    golden_tally tally = {.name = "tokenizer tiny folders"};
    size_t expected = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char folder[128];
        (void)snprintf(folder, sizeof folder, "golden/net/%s", folders[i]);
        expected += check_tiny(folder, "golden/net/tiny-owlvit/expected.json", &tally);
    }
    expected +=
        check_tiny("golden/net/tiny-owlv2", "golden/net/tiny-owlv2/expected.json", &tally);
    finish(&tally, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_normalized),   cmocka_unit_test(test_network_texts),
        cmocka_unit_test(test_tiny_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
