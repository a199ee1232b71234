/*
 * test_model_folder.c - a small Hugging Face cache made here: resolving, listing, verifying.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"
#include "models/model_folder.h"

/* "hello\n": its SHA-256, and Git's name of it (echo hello | git hash-object --stdin). */
#define HELLO_SHA256 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define HELLO_GIT "ce013625030ba8dba906f756967f9e9ca394464a"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define ENTRY "hub/models--org--net"

static char root[200];

static const char *path_of(const char *name)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void put_text(const char *name, const char *text)
{
    spur_error error = {0};
    assert_ok(file_replace(path_of(name), text, strlen(text), &error), error);
}

static void put_folder(const char *name)
{
    spur_error error = {0};
    assert_ok(file_make_folder(path_of(name), &error), error);
}

/* A blob and the link to it in the snapshot. */
static void put_blob(const char *name, const char *blob, const char *text)
{
    char target[200], place[300];
    (void)snprintf(place, sizeof place, ENTRY "/blobs/%s", blob);
    put_text(place, text);
    (void)snprintf(target, sizeof target, "../../blobs/%s", blob);
    (void)snprintf(place, sizeof place, ENTRY "/snapshots/" COMMIT "/%s", name);
    assert_int_equal(symlink(target, path_of(place)), 0);
}

static int make_cache(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "%s", temp_make());
    assert_int_equal(setenv("HF_HUB_CACHE", path_of("hub"), 1), 0);
    put_folder(ENTRY "/blobs");
    put_folder(ENTRY "/refs");
    put_folder(ENTRY "/snapshots/" COMMIT);
    put_text(ENTRY "/refs/main", COMMIT);
    return 0;
}

static int drop_cache(void **state)
{
    (void)state;
    temp_remove();
    return unsetenv("HF_HUB_CACHE");
}

/* ---- resolving -------------------------------------------------------------------------- */

static void expect_resolved(const char *name, const char *expected)
{
    spur_error error = {0};
    char *folder = NULL;
    assert_ok(model_folder_resolve(name, &folder, &error), error);
    assert_string_equal(folder, expected);
    memory_free(folder);
}

static void expect_unresolved(const char *name, const char *reason)
{
    spur_error error = {0};
    char *folder = NULL;
    assert_int_equal(model_folder_resolve(name, &folder, &error), SPUR_MODEL);
    if (strstr(error.message, reason) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, reason);
    }
}

static void a_folder_is_itself_and_an_id_its_snapshot(void **state)
{
    (void)state;
    expect_resolved(root, root);
    expect_resolved("org/net", path_of(ENTRY "/snapshots/" COMMIT));
    put_text(ENTRY "/refs/main", COMMIT "\n");
    expect_resolved("org/net", path_of(ENTRY "/snapshots/" COMMIT));
}

static void what_is_missing_is_said_with_the_line_that_helps(void **state)
{
    (void)state;
    expect_unresolved("google/owlvit-base-patch32", "hf download google/owlvit-base-patch32");
    expect_unresolved("org/net/deeper", "no such file or folder");
    expect_unresolved("no-slash", "no such file or folder");
    expect_unresolved("../hub", "no such file or folder");
    put_text("config.json", "{}");
    expect_unresolved(path_of("config.json"), "is a file");
    put_text(ENTRY "/refs/main", "../../../etc");
    expect_unresolved("org/net", "hf download org/net");
    put_text(ENTRY "/refs/main", "");
    expect_unresolved("org/net", "hf download org/net");
    put_text(ENTRY "/refs/main", "ffff");
    expect_unresolved("org/net", "hf download org/net");
}

static void the_hub_is_found_as_the_library_finds_it(void **state)
{
    (void)state;
    spur_error error = {0};
    static const char *const variables[] = {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"};
    static const char *const expected[] = {"hub", "home/hub", "cache/huggingface/hub"};
    char *home = getenv("HF_HOME"), *hub = NULL;
    assert_true(home == NULL || home[0] == '\0'); /* tests run without one */
    assert_int_equal(setenv("HF_HOME", path_of("home"), 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", path_of("cache"), 1), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(model_folder_hub(&hub, &error), error);
        assert_string_equal(hub, path_of(expected[i]));
        memory_free(hub);
        assert_int_equal(unsetenv(variables[i]), 0);
    }
}

/* ---- weights ---------------------------------------------------------------------------- */

static void weights_open_by_file_folder_and_id(void **state)
{
    (void)state;
    static const float values[] = {1, 2};
    static const size_t shape[] = {2};
    static const char *const metadata[] = {"format", "pt"};
    const tensor_out tensor = {"w", TENSOR_F32, 1, shape, values};
    const char *snapshot = path_of(ENTRY "/snapshots/" COMMIT "/model.safetensors");
    const char *names[] = {snapshot, path_of(ENTRY "/snapshots/" COMMIT), "org/net"};
    spur_error error = {0};
    assert_ok(safetensors_write(snapshot, &tensor, 1, metadata, 1, &error), error);
    for (size_t i = 0; i < 3; i++) {
        spur_weights *weights = NULL;
        spur_tensor info;
        const char *key, *value;
        char hex[65];
        assert_ok(spur_weights_open(names[i], &weights, &error), error);
        assert_string_equal(spur_weights_format(weights), "safetensors");
        assert_int_equal(spur_weights_count(weights), 1);
        spur_weights_tensor(weights, 0, &info);
        assert_string_equal(info.name, "w");
        assert_string_equal(info.dtype, "F32");
        assert_int_equal(info.bytes, 8);
        assert_int_equal(spur_weights_metadata_count(weights), 1);
        spur_weights_metadata(weights, 0, &key, &value);
        assert_string_equal(value, "pt");
        assert_ok(spur_weights_sha256(weights, 0, hex, &error), error);
        assert_string_equal(hex, /* of 00 00 80 3f 00 00 00 40, by sha256sum */
                            "b9c80b5adeca450753a16950c3cc655d271f7bef7a485bc83f112b72fef21d37");
        spur_weights_close(weights);
    }
}

/* ---- verifying -------------------------------------------------------------------------- */

typedef struct verified {
    size_t count, matching, missing;
    char last[100];
} verified;

static int count_verified(void *context, const spur_verify_row *row)
{
    verified *seen = context;
    seen->count++;
    seen->matching += row->matches ? 1 : 0;
    seen->missing += row->found == NULL ? 1 : 0;
    (void)snprintf(seen->last, sizeof seen->last, "%s", row->path);
    return 0;
}

static void blob_names_are_digests(void **state)
{
    (void)state;
    spur_error error = {0};
    verified seen = {0, 0, 0, ""};
    put_blob("a.bin", HELLO_SHA256, "hello\n");
    put_blob("b.json", HELLO_GIT, "hello\n");
    put_folder(ENTRY "/snapshots/" COMMIT "/sub");
    assert_int_equal(
        symlink("../../../blobs/" HELLO_GIT, path_of(ENTRY "/snapshots/" COMMIT "/sub/c.json")),
        0);
    put_text(ENTRY "/snapshots/" COMMIT "/plain.txt", "no link");
    assert_ok(spur_models_verify("org/net", NULL, count_verified, &seen, &error), error);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.matching, 3);
    assert_string_equal(seen.last, "sub/c.json");
    put_text(ENTRY "/blobs/" HELLO_GIT, "hallo\n");
    assert_int_equal(remove(path_of(ENTRY "/blobs/" HELLO_SHA256)), 0);
    seen = (verified){0, 0, 0, ""};
    assert_ok(spur_models_verify("org/net", NULL, count_verified, &seen, &error), error);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.matching, 0);
    assert_int_equal(seen.missing, 1);
}

static void lists_are_as_sha256sum_prints_them(void **state)
{
    (void)state;
    spur_error error = {0};
    verified seen = {0, 0, 0, ""};
    put_folder("net");
    put_text("net/a b.bin", "hello\n");
    put_text("net/c\nd", "hello\n");
    put_text("sums",
             HELLO_SHA256 "  a b.bin\r\n\n"
                          "\\" HELLO_SHA256 "  c\\nd\n" HELLO_SHA256 " *absent\n"
                          "0000000000000000000000000000000000000000000000000000000000000000"
                          "  a b.bin");
    assert_ok(
        spur_models_verify(path_of("net"), path_of("sums"), count_verified, &seen, &error),
        error);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.matching, 2);
    assert_int_equal(seen.missing, 1);
    put_text("sums", HELLO_SHA256 "  a b.bin\nnot a digest\n");
    assert_int_equal(
        spur_models_verify(path_of("net"), path_of("sums"), count_verified, &seen, &error),
        SPUR_MODEL);
    assert_non_null(strstr(error.message, "line 2"));
    assert_int_equal(spur_models_verify(path_of("net"), NULL, count_verified, &seen, &error),
                     SPUR_MODEL);
    assert_non_null(strstr(error.message, "give a list"));
}

/* ---- listing ---------------------------------------------------------------------------- */

typedef struct listed {
    size_t count, supported;
    char text[600];
} listed;

static int note_model(void *context, const spur_model_entry *entry)
{
    listed *seen = context;
    char line[200];
    seen->count++;
    seen->supported += entry->is_supported ? 1 : 0;
    (void)snprintf(line, sizeof line, "%s:%s ", entry->id == NULL ? "-" : entry->id,
                   entry->model_type == NULL ? "-" : entry->model_type);
    (void)strncat(seen->text, line, sizeof seen->text - strlen(seen->text) - 1);
    return 0;
}

static void models_are_found_in_the_cache_and_in_folders(void **state)
{
    (void)state;
    spur_error error = {0};
    listed seen = {0, 0, ""};
    put_blob("config.json", HELLO_GIT, "{\"model_type\": \"owlvit\"}");
    put_text(ENTRY "/snapshots/" COMMIT "/model.safetensors", "");
    put_folder("hub/models--org--broken/refs");
    put_folder("hub/datasets--org--x");
    assert_ok(spur_models_list(NULL, note_model, &seen, &error), error);
    assert_string_equal(seen.text, "org/net:owlvit ");
    assert_int_equal(seen.supported, 1);
    put_folder("mine/a");
    put_folder("mine/b");
    put_text("mine/a/config.json", "{\"model_type\": \"clip\"}");
    put_text("mine/b/config.json", "not JSON");
    seen = (listed){0, 0, ""};
    assert_ok(spur_models_list(path_of("mine"), note_model, &seen, &error), error);
    assert_string_equal(seen.text, "-:clip -:- ");
    assert_int_equal(seen.supported, 0);
    seen = (listed){0, 0, ""};
    assert_ok(spur_models_list(path_of("mine/a"), note_model, &seen, &error), error);
    assert_int_equal(seen.count, 1);
    assert_int_equal(spur_models_list(path_of("absent"), note_model, &seen, &error),
                     SPUR_MODEL);
    assert_int_equal(setenv("HF_HUB_CACHE", path_of("absent"), 1), 0);
    seen = (listed){0, 0, ""};
    assert_ok(spur_models_list(NULL, note_model, &seen, &error), error);
    assert_int_equal(seen.count, 0);
}

#define IN_CACHE(test) cmocka_unit_test_setup_teardown(test, make_cache, drop_cache)

int main(void)
{
    (void)unsetenv("HF_HOME");
    const struct CMUnitTest tests[] = {
        IN_CACHE(a_folder_is_itself_and_an_id_its_snapshot),
        IN_CACHE(what_is_missing_is_said_with_the_line_that_helps),
        IN_CACHE(the_hub_is_found_as_the_library_finds_it),
        IN_CACHE(weights_open_by_file_folder_and_id),
        IN_CACHE(blob_names_are_digests),
        IN_CACHE(lists_are_as_sha256sum_prints_them),
        IN_CACHE(models_are_found_in_the_cache_and_in_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
