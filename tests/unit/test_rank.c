/*
 * test_rank.c - rankings and exports are functions of the rows: order, ties, quantiles, areas,
 * clipped boxes, and names that are no text.
 */
#include "support.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/json.h"
#include "io/store.h"
#include "pipeline/aggregate.h"
#include "pipeline/rank.h"

/* One row of the little run below. */
typedef struct sample {
    const char *file_name;
    size_t class_index;
    float logit; /* NAN: failed */
    float levels[3];
} sample;

static const sample samples[] = {
    {"b", 0, -1.0F, {-1.0F, -5.0F, -9.0F}},
    {"a", 0, -1.0F, {-1.0F, -6.0F, -9.0F}},
    {"\xFFz", 0, -0.0F, {0.0F, -6.0F, -9.0F}},
    {"c", 0, 0.0F, {0.0F, -6.0F, -9.0F}},
    {"d", 0, NAN, {0.0F, 0.0F, 0.0F}},
    {"e", 0, 2.5F, {2.5F, -6.0F, -8.0F}},
    {"=f,\"\n", 1, -7.0F, {-2.0F, -7.0F, -9.0F}},
    {"g", 1, -5.0F, {-2.0F, -5.0F, -9.0F}},
    {"<h>", 1, NAN, {0.0F, 0.0F, 0.0F}},
};

enum {
    SAMPLES = sizeof samples / sizeof samples[0]
};

static store_row make_row(size_t i, uint16_t bins[3])
{
    store_row row;
    memset(&row, 0, sizeof row);
    row.row = i;
    memset(row.image_id, (int)i, sizeof row.image_id);
    row.file_name = samples[i].file_name;
    row.class_index = samples[i].class_index;
    row.weight = 1.0;
    if (isnan(samples[i].logit)) {
        row.reason = "too, \"bad\"";
        return row;
    }
    row.format = "PNG";
    row.width = 200;
    row.height = 100;
    row.orientation = 1;
    row.logit = samples[i].logit;
    row.box[0] = -20.0F;
    row.box[1] = 10.0F;
    row.box[2] = 100.0F;
    row.box[3] = i == 0 ? -5.0F : 400.0F; /* of the first nothing is left */
    row.has_other = true;
    row.other_class = 2;
    row.other_logit = -9.0F;
    row.bin_count = 3;
    for (size_t c = 0; c < 3; c++) {
        bins[c] = aggregate_bin(samples[i].levels[c]);
    }
    row.bins = bins;
    return row;
}

static void make_run(const char *folder)
{
    static const float query[2] = {1.0F, 2.0F};
    spur_error error;
    store *into = NULL;
    const store_class classes[] = {{"cat", "a cat", "a photo of a cat.", 7, false, query},
                                   {"=dog", "dog", "a photo of a dog.", 7, false, query},
                                   {"none", "none", "a photo of a none.", 7, false, query}};
    const store_split split = {"train", "", "d", SAMPLES};
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &into, &error), error);
    assert_ok(store_put_run(into, NULL, 0, classes, 3, 2, &error), error);
    assert_ok(store_put_split(into, &split, &error), error);
    assert_ok(store_begin(into, &error), error);
    for (size_t i = 0; i < SAMPLES; i += STORE_BATCH_ROWS) {
        store_row rows[STORE_BATCH_ROWS];
        uint16_t bins[STORE_BATCH_ROWS][3];
        size_t count = SAMPLES - i < STORE_BATCH_ROWS ? SAMPLES - i : STORE_BATCH_ROWS;
        for (size_t j = 0; j < count; j++) {
            rows[j] = make_row(i + j, bins[j]);
        }
        assert_ok(store_put_batch(into, "train", i / STORE_BATCH_ROWS, rows, count, &error),
                  error);
    }
    assert_ok(store_commit(into, &error), error);
    store_close(into);
}

static spur_run *open_run(void *state)
{
    spur_error error;
    spur_run *run = NULL;
    char folder[512];
    (void)snprintf(folder, sizeof folder, "%s/run", (const char *)state);
    make_run(folder);
    assert_ok(spur_run_open(folder, &run, &error), error);
    return run;
}

static void order_in_class(void **state)
{
    static const char *const expected[] = {"a", "b", "c", "\xFFz", "e", "=f,\"\n", "g"};
    spur_error error;
    spur_run *run = open_run(*state);
    ranking order;
    assert_ok(ranking_make(run, "train", &order, &error), error);
    assert_int_equal(order.count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(order.entries[i].file_name, expected[i]);
    }
    assert_int_equal(order.first[1], 5);
    assert_int_equal(order.first[3], 7);
    assert_int_equal(order.failed[0], 1);
    ranking_free(&order);
    spur_run_close(run);
}

static void numbers_of_classes(void **state)
{
    spur_error error;
    spur_rank_summary *summary = NULL;
    spur_run *run = open_run(*state);
    assert_ok(spur_rank(run, &summary, &error), error);
    assert_int_equal(summary->class_count, 2); /* "none" has no images */
    const spur_class_rank *cat = &summary->classes[0];
    assert_string_equal(cat->name, "a cat");
    assert_int_equal(cat->images, 6);
    assert_int_equal(cat->scored, 5);
    assert_int_equal(cat->failed, 1);
    assert_int_equal(cat->ties, 4); /* -1 twice, 0 and -0 */
    assert_true(cat->lowest == -1.0F && cat->quantile25 == -1.0F && cat->median == 0.0F);
    assert_true(cat->quantile75 == 0.0F && cat->highest == 2.5F);
    assert_string_equal(cat->most_hidden, "a");
    assert_string_equal(cat->clearest, "e");
    assert_true(cat->auc == 1.0); /* all own logits are above -2 */
    assert_false(cat->is_invisible);
    /* Dog: own -7, -5 against -5, -6, -6, -6, -6: (0 + 4 + 1/2) / 10. */
    assert_true(fabs(summary->classes[1].auc - 0.45) < 1e-12);
    assert_true(summary->classes[1].is_invisible);
    assert_int_equal(summary->invisible, 1);
    assert_int_equal(summary->scored, 7);
    assert_int_equal(summary->failed, 2);
    assert_int_equal(summary->pending, 0);
    spur_rank_summary_free(summary);
    spur_run_close(run);
}

/* The view for users of SQL gives the same order. */
static void view_gives_the_same_ranks(void **state)
{
    spur_error error;
    char path[600];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    ranking order;
    spur_run *run = open_run(*state);
    assert_ok(ranking_make(run, "train", &order, &error), error);
    (void)snprintf(path, sizeof path, "%s/run/run.db", (const char *)*state);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT row, rank, scored FROM ranking "
                                        "ORDER BY class_index, rank",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    for (size_t i = 0; i < order.count; i++) {
        const rank_entry *entry = &order.entries[i];
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(statement, 0), entry->row);
        assert_int_equal(sqlite3_column_int64(statement, 1),
                         i - order.first[entry->class_index] + 1);
    }
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    ranking_free(&order);
    spur_run_close(run);
}

static char *load(const char *path)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    assert_ok(file_load(path, 1 << 20, SPUR_DATASET, &bytes, &size, &error), error);
    return (char *)bytes;
}

static void tables(void **state)
{
    spur_error error;
    char path[600];
    spur_run *run = open_run(*state);
    (void)snprintf(path, sizeof path, "%s/x", (const char *)*state);
    assert_ok(spur_export_csv(run, path, NULL, &error), error);
    char *text = load(path);
    assert_string_equal(
        text,
        "file_name,label,class_index,split,status,reason,logit,score,rank,rank_pct,box_xmin,"
        "box_ymin,box_xmax,box_ymax,box_area_frac,other_class,other_logit,prompt,file_name_"
        "b64\n"
        "b,cat,0,train,scored,,-1,0.268941432,2,0.3,0,10,100,0,0,none,-9,a photo of a cat.,\n"
        "a,cat,0,train,scored,,-1,0.268941432,1,0.1,0,10,100,100,0.45,none,-9,a photo of a "
        "cat.,\n"
        "\\xffz,cat,0,train,scored,,0,0.5,4,0.7,0,10,100,100,0.45,none,-9,a photo of a "
        "cat.,/3o=\n"
        "c,cat,0,train,scored,,0,0.5,3,0.5,0,10,100,100,0.45,none,-9,a photo of a cat.,\n"
        "d,cat,0,train,failed,\"too, \"\"bad\"\"\",,,,,,,,,,,,a photo of a cat.,\n"
        "e,cat,0,train,scored,,2.5,0.924141824,5,0.9,0,10,100,100,0.45,none,-9,a photo of a "
        "cat.,\n"
        "\"=f,\"\"\n\",=dog,1,train,scored,,-7,0.000911051175,1,0.25,0,10,100,100,0.45,none,-9,"
        "a "
        "photo of a dog.,\n"
        "g,=dog,1,train,scored,,-5,0.00669285096,2,0.75,0,10,100,100,0.45,none,-9,a photo of a "
        "dog.,\n"
        "<h>,=dog,1,train,failed,\"too, \"\"bad\"\"\",,,,,,,,,,,,a photo of a dog.,\n");
    memory_free(text);
    const spur_export_options safe = {.split = "train", .spreadsheet_safe = true};
    assert_ok(spur_export_csv(run, path, &safe, &error), error);
    text = load(path);
    assert_non_null(strstr(text, "\n\"'=f,\"\"\n\",'=dog,1,train,scored,,-7,"));
    memory_free(text);
    const spur_export_options other = {.split = "val"};
    assert_int_equal(spur_export_csv(run, path, &other, &error), SPUR_DATASET);
    spur_run_close(run);
}

static void json_tables(void **state)
{
    spur_error error;
    char path[600];
    json_t *document = NULL;
    spur_run *run = open_run(*state);
    (void)snprintf(path, sizeof path, "%s/x", (const char *)*state);
    assert_ok(spur_export_jsonl(run, path, NULL, &error), error);
    char *text = load(path);
    assert_non_null(strstr(
        text, "{\"file_name\":\"\\\\xffz\",\"file_name_b64\":\"/3o=\",\"label\":\"cat\","
              "\"class_index\":0,\"split\":\"train\",\"status\":\"scored\",\"reason\":null,"
              "\"logit\":0,\"score\":0.5,\"rank\":4,\"rank_pct\":0.7,\"box_xmin\":0,"));
    assert_non_null(strstr(text, "\"reason\":\"too, \\\"bad\\\"\",\"logit\":null,"));
    memory_free(text);
    assert_ok(spur_export_coco(run, path, NULL, &error), error);
    assert_ok(json_read_file(path, SPUR_DATASET, &document, &error), error);
    assert_int_equal(json_array_size(json_object_get(document, "images")), SAMPLES);
    assert_int_equal(json_array_size(json_object_get(document, "categories")), 3);
    const json_t *boxes = json_object_get(document, "annotations");
    assert_int_equal(json_array_size(boxes), 7);
    const json_t *last = json_array_get(boxes, 6);
    assert_int_equal(json_integer_value(json_object_get(last, "image_id")), 8);
    assert_int_equal(json_integer_value(json_object_get(last, "category_id")), 2);
    assert_int_equal(json_number_value(json_array_get(json_object_get(last, "bbox"), 3)), 90);
    json_decref(document);
    spur_run_close(run);
}

typedef struct seen {
    size_t count, stop_at;
    char names[64];
} seen;

static int see_failure(void *context, const spur_failure *failure)
{
    seen *all = context;
    assert_string_equal(failure->reason, "too, \"bad\"");
    assert_string_equal(failure->split, "train");
    (void)snprintf(all->names + strlen(all->names), sizeof all->names - strlen(all->names),
                   "%s ", failure->file_name);
    return ++all->count == all->stop_at;
}

static void failures(void **state)
{
    spur_error error;
    seen all = {0, 0, ""};
    seen one = {0, 1, ""};
    spur_run *run = open_run(*state);
    assert_ok(spur_run_failures(run, see_failure, &all, &error), error);
    assert_string_equal(all.names, "d <h> ");
    assert_ok(spur_run_failures(run, see_failure, &one, &error), error);
    assert_string_equal(one.names, "d ");
    spur_run_close(run);
}

static void failing_allocations_are_clean(void **state)
{
    char path[600];
    spur_run *run = open_run(*state);
    (void)snprintf(path, sizeof path, "%s/x", (const char *)*state);
    for (size_t what = 0; what < 4; what++) {
        bool was_reached = true;
        for (size_t n = 1; was_reached; n++) {
            spur_error error;
            spur_rank_summary *summary = NULL;
            (void)memory_fail_at(n, false);
            spur_status status = what == 0   ? spur_rank(run, &summary, &error)
                                 : what == 1 ? spur_export_csv(run, path, NULL, &error)
                                 : what == 2 ? spur_export_jsonl(run, path, NULL, &error)
                                             : spur_export_coco(run, path, NULL, &error);
            was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
            assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
            spur_rank_summary_free(summary);
        }
    }
    spur_run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_in_class, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(numbers_of_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(view_gives_the_same_ranks, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(tables, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(json_tables, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failures, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
