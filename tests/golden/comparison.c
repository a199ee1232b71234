/*
 * comparison.c - reference files, cases and the choice of full-size runs.
 */
#include "comparison.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "jsonl.h"

const char *const tiny_pictures[TINY_PICTURES] = {"golden/net/images/tench_60x44.png",
                                                  "golden/net/images/tabby_96x96.png",
                                                  "golden/net/images/mountain_bike_50x120.png"};

void comparison_open(comparison *made, const char *name, golden_tally *tally, const char *path)
{
    spur_error error;
    *made = (comparison){name, NULL, tally};
    assert_ok(tensor_file_open(shared_path(path), &made->reference, &error), error);
}

void comparison_close(comparison *block)
{
    tensor_file_close(block->reference);
    block->reference = NULL;
}

void count_case(const comparison *with, const char *what, bool passed)
{
    with->tally->cases++;
    if (passed) {
        with->tally->passed++;
    } else {
        with->tally->failed++;
        print_message("differs: %s %s\n", with->name, what);
    }
}

bool compare_tensor(const comparison *with, const char *name, observed *kind,
                    const float *found, size_t count)
{
    expected wanted;
    if (!expected_read_best(with->reference, name, &wanted)) {
        return false;
    }
    count_case(with, name, observe(kind, largest_difference(&wanted, found, count)));
    expected_free(&wanted);
    return true;
}

bool compare_token_ids(const comparison *with, const spur_detect_result *result)
{
    expected wanted;
    if (!expected_read(with->reference, "text.input_ids", &wanted)) {
        return false;
    }
    bool passed = wanted.count == result->queries * result->tokens;
    for (size_t i = 0; passed && i < wanted.count; i++) {
        passed = (double)result->input_ids[i] == wanted.values[i];
    }
    count_case(with, "text.input_ids", passed);
    expected_free(&wanted);
    return true;
}

bool read_of_picture(const comparison *with, size_t picture, const char *name, expected *out)
{
    char full[64];
    (void)snprintf(full, sizeof full, "img%zu.%s", picture, name);
    return expected_read_best(with->reference, full, out);
}

/* ---- full size ------------------------------------------------------------------------- */

json_t *full_index_read(void)
{
    spur_error error;
    json_t *index = NULL;
    assert_ok(
        json_read_file(shared_path("golden/net/full/index.json"), SPUR_DATASET, &index, &error),
        error);
    return index;
}

const json_t *full_index_find(const json_t *index, const char *name)
{
    const json_t *facts = json_object_get(json_object_get(index, "models"), name);
    assert_non_null(facts);
    return facts;
}

void full_reference_open(comparison *made, const char *name, golden_tally *tally)
{
    char path[128];
    (void)snprintf(path, sizeof path, "golden/net/full/%s.expected.safetensors", name);
    comparison_open(made, name, tally, path);
}

static const json_t *photo(const json_t *facts, size_t picture)
{
    return json_array_get(json_object_get(facts, "images"), picture);
}

const char *full_photo_path(const json_t *facts, size_t picture)
{
    char path[128];
    (void)snprintf(path, sizeof path, "golden/net/photos/%s",
                   jsonl_text(photo(facts, picture), "file"));
    return shared_path(path);
}

bool is_pixel_digest(const json_t *facts, size_t picture, const float *pixels, size_t side)
{
    const char *wanted = jsonl_text(photo(facts, picture), "pixel_values_f32_sha256");
    return strcmp(hex_of(pixels, 3 * side * side * sizeof *pixels), wanted) == 0;
}

bool parity_is(const char *value)
{
    const char *wanted = getenv("SPUR_PARITY");
    return wanted != NULL && strcmp(wanted, value) == 0;
}

void skip_when(bool unwanted)
{
    if (unwanted) {
        print_message("skipped by SPUR_PARITY\n");
        skip();
    }
}

void golden_finish(const golden_tally *tally, size_t cases)
{
    golden_print(tally);
    assert_int_equal(tally->failed, 0);
    assert_int_equal(tally->cases, cases);
}
