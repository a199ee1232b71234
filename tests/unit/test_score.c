/*
 * test_score.c - scoring a dataset with a tiny model: the same bytes for any number of threads
 * and after any interruption, every image one row, and refusals that show the difference.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"

static void write_text(const char *path, const char *text)
{
    spur_error error;
    assert_ok(file_replace(path, text, strlen(text), &error), error);
}

static void copy_file(const char *from, const char *to)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    assert_ok(file_load(from, 1 << 24, SPUR_IMAGE, &bytes, &size, &error), error);
    assert_ok(file_replace(to, bytes, size, &error), error);
    memory_free(bytes);
}

/* 12 pictures of three classes, 15 times over, with damage between: 189 rows. */
static const char *make_dataset(void *state)
{
    static const char *const classes[] = {"ball", "box", "tree"};
    spur_error error;
    const char *root = temp_in(state, "data");
    for (size_t c = 0; c < 3; c++) {
        char folder[600];
        char to[700];
        (void)snprintf(folder, sizeof folder, "%s/%s/deep", root, classes[c]);
        assert_ok(file_make_folder(folder, &error), error);
        for (unsigned i = 0; i < 60; i++) {
            char name[64];
            (void)snprintf(name, sizeof name, "photos-tiny/%s/%s%u.png", classes[c], classes[c],
                           i % 4 + 1);
            (void)snprintf(to, sizeof to, "%s/%s%u.jpg", folder, i % 2 == 0 ? "" : "../", i);
            copy_file(data_path(name), to);
        }
        (void)snprintf(to, sizeof to, "%s/broken.png", folder);
        write_text(to, "<html>no picture</html>");
        (void)snprintf(to, sizeof to, "%s/empty.png", folder);
        write_text(to, "");
        (void)snprintf(to, sizeof to, "%s/\xE9t\xE9, \"x\"\n.png", folder);
        (void)snprintf(folder, sizeof folder, "photos-tiny/%s/%s1.png", classes[c], classes[c]);
        copy_file(data_path(folder), to);
    }
    return root;
}

static void load_text(const char *path, char **text)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    assert_ok(file_load(path, 1 << 26, SPUR_DATASET, &bytes, &size, &error), error);
    *text = (char *)bytes;
}

/* All three exports of a run, joined. */
static char *export_all(void *state, const char *run_path)
{
    spur_error error;
    spur_run *run = NULL;
    text_buffer all = {NULL, 0, 0};
    static const char *const names[] = {"x.csv", "x.jsonl", "x.json"};
    assert_ok(spur_run_open(run_path, &run, &error), error);
    assert_ok(spur_export_csv(run, temp_in(state, names[0]), NULL, &error), error);
    assert_ok(spur_export_jsonl(run, temp_in(state, names[1]), NULL, &error), error);
    assert_ok(spur_export_coco(run, temp_in(state, names[2]), NULL, &error), error);
    spur_run_close(run);
    for (size_t i = 0; i < 3; i++) {
        char *text;
        load_text(temp_in(state, names[i]), &text);
        assert_ok(text_add(&all, text, strlen(text), &error), error);
        memory_free(text);
    }
    return all.data;
}

static void defaults(spur_score_options *options)
{
    spur_score_options_defaults(options);
    options->threads = 2;
}

static spur_score_summary *score(const char *data, const char *run,
                                 const spur_score_options *options)
{
    spur_error error;
    spur_score_summary *summary = NULL;
    assert_ok(spur_score(data, run, data_path("tiny-owlvit"), options, NULL, &summary, &error),
              error);
    return summary;
}

static void every_image_is_one_row(void **state)
{
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *run = temp_in(*state, "run");
    defaults(&options);
    spur_score_summary *summary = score(data, run, &options);
    assert_int_equal(summary->found, 189);
    assert_int_equal(summary->failed, 6);
    assert_int_equal(summary->scored, 183);
    assert_int_equal(summary->skipped, 0);
    assert_int_equal(summary->pending, 0);
    assert_int_equal(summary->class_count, 3);
    assert_string_equal(summary->classes[1].prompt, "a photo of a box.");
    assert_int_equal(summary->classes[1].images, 63);
    assert_int_equal(summary->duplicates,
                     175); /* 12 pictures and the empty and the html file */
    assert_string_equal(summary->class_order, "lex");
    spur_score_summary_free(summary);

    summary = score(data, run, &options); /* nothing is left to do */
    assert_int_equal(summary->skipped, 189);
    spur_score_summary_free(summary);
}

static void threads_change_no_byte(void **state)
{
    static const size_t threads[] = {1, 2, 3, 8};
    const char *data = make_dataset(*state);
    char *first = NULL;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        char name[32];
        spur_score_options options;
        defaults(&options);
        options.threads = threads[i];
        (void)snprintf(name, sizeof name, "run%zu", i);
        const char *run = temp_in(*state, name);
        spur_score_summary_free(score(data, run, &options));
        char *all = export_all(*state, run);
        if (first == NULL) {
            first = all;
            continue;
        }
        assert_string_equal(all, first);
        memory_free(all);
    }
    memory_free(first);
}

/* Cancels at the first call after something was written. */
static int stop_at_once(void *context, const spur_progress *progress)
{
    size_t *calls = context;
    (*calls)++;
    return strcmp(progress->stage, "score") == 0;
}

static void interruptions_change_no_byte(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *whole = temp_in(*state, "whole");
    const char *run = temp_in(*state, "run");
    defaults(&options);
    options.margin = true;
    options.aggregate = SPUR_AGGREGATE_MEAN_TOP5;
    spur_score_summary_free(score(data, whole, &options));
    size_t interrupted = 0;
    size_t calls = 0;
    spur_monitor monitor = {.context = &calls, .progress = stop_at_once};
    spur_status status = SPUR_INTERRUPTED;
    while (status == SPUR_INTERRUPTED && interrupted < 100) {
        options.threads = interrupted % 3 + 1;
        status =
            spur_score(data, run, data_path("tiny-owlvit"), &options, &monitor, NULL, &error);
        interrupted += status == SPUR_INTERRUPTED;
    }
    assert_int_equal(status, SPUR_OK);
    print_message("%zu interruptions\n", interrupted);
    assert_true(interrupted >= 2); /* a call keeps at most 2 windows of 8 of the 48 batches */
    assert_true(calls > interrupted);
    char *a = export_all(*state, whole);
    char *b = export_all(*state, run);
    assert_string_equal(a, b);
    memory_free(a);
    memory_free(b);
}

static void changed_settings_are_refused(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *run = temp_in(*state, "run");
    const char *model = data_path("tiny-owlvit");
    defaults(&options);
    options.data.limit = 9;
    spur_score_summary_free(score(data, run, &options));
    static const struct {
        const char *message;
        int change;
    } cases[] = {{"prompts: the run has \"a photo of a {}.\", now it would be \"{}\"", 0},
                 {"score: the run has \"max\"", 1},
                 {"images: the run has", 2},
                 {"split train: the run has 9 images, now there are 10", 3},
                 {"geometry: the run has \"hf\"", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spur_score_options other = options;
        switch (cases[i].change) {
        case 0:
            other.prompts = "{}";
            break;
        case 1:
            other.aggregate = SPUR_AGGREGATE_NOISY_OR;
            break;
        case 2:
            other.image.alpha = SPUR_ALPHA_WHITE;
            break;
        case 3:
            other.data.limit = 10;
            break;
        default:
            other.detector.geometry = SPUR_GEOMETRY_SCENIC;
            break;
        }
        assert_int_equal(spur_score(data, run, model, &other, NULL, NULL, &error),
                         SPUR_DATASET);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("expected \"%s\" in \"%s\"", cases[i].message, error.message);
        }
        other.restart = true; /* the only split: everything may change */
        spur_score_summary_free(score(data, run, &other));
        options.restart = true;
        spur_score_summary_free(score(data, run, &options));
        options.restart = false;
    }
}

static void splits_share_classes(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *run = temp_in(*state, "run");
    char manifest[600];
    defaults(&options);
    options.data.limit = 12;
    spur_score_summary_free(score(data, run, &options));
    (void)snprintf(manifest, sizeof manifest, "%s/val.csv", data);
    write_text(manifest, "path,label,split,place\n"
                         "tree/1.jpg,tree,val,\"wood, dark\"\nbox/1.jpg,1,ood:a,sea\n"
                         "./box//3.jpg,box,val,x\n");
    options.data.limit = 0;
    spur_score_summary *summary = score(manifest, run, &options);
    assert_int_equal(summary->found, 3);
    assert_int_equal(summary->class_count, 3);
    assert_string_equal(summary->class_order, "run");
    spur_score_summary_free(summary);
    char *all = export_all(*state, run);
    assert_non_null(strstr(all, "\ntree/1.jpg,tree,2,val,scored,,"));
    assert_non_null(strstr(all, "\nbox/1.jpg,box,1,ood:a,scored,,"));
    assert_non_null(strstr(all, "\nbox/3.jpg,box,1,val,scored,,"));
    memory_free(all);
    write_text(manifest, "path,label\ntree/1.jpg,cat\n");
    options.data.split = "other";
    assert_int_equal(
        spur_score(manifest, run, data_path("tiny-owlvit"), &options, NULL, NULL, &error),
        SPUR_DATASET);
    assert_non_null(strstr(error.message, "line 2: label \"cat\" is not among the 3 classes"));
}

static void strict_and_failures(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *model = data_path("tiny-owlvit");
    const char *root = temp_in(*state, "data");
    const char *run = temp_in(*state, "run");
    char path[600];
    (void)snprintf(path, sizeof path, "%s/cat", root);
    assert_ok(file_make_folder(path, &error), error);
    for (unsigned i = 0; i < 1010; i++) {
        (void)snprintf(path, sizeof path, "%s/cat/%04u.jpg", root, i);
        int made = symlink("missing", path);
        assert_int_equal(made, 0);
    }
    defaults(&options);
    options.strict = true;
    assert_int_equal(spur_score(root, run, model, &options, NULL, NULL, &error), SPUR_IMAGE);
    assert_non_null(strstr(error.message, "row 1: cat/0000.jpg: "));
    assert_int_equal(spur_score(root, run, model, &options, NULL, NULL, &error), SPUR_IMAGE);
    options.strict = false;
    assert_int_equal(spur_score(root, run, model, &options, NULL, NULL, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "1000 images in a row failed"));
    assert_int_equal(spur_score(root, run, model, &options, NULL, NULL, &error), SPUR_DATASET);
    options.keep_going = true;
    spur_score_summary *summary = score(root, run, &options);
    assert_int_equal(summary->failed, 1010);
    spur_score_summary_free(summary);
}

static void dry_run_writes_nothing(void **state)
{
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *run = temp_in(*state, "run");
    struct stat facts;
    defaults(&options);
    options.dry_run = true;
    options.prompts = "best7";
    spur_score_summary *summary = score(data, run, &options);
    assert_int_equal(summary->pending, 189);
    assert_true(summary->seconds_per_image > 0.0);
    assert_true(summary->classes[0].tokens >= 5);
    assert_int_equal(stat(run, &facts), -1);
    spur_score_summary_free(summary);
    options.dry_run = false;
    options.data.limit = 6;
    spur_score_summary_free(score(data, run, &options));
    options.dry_run = true;
    summary = score(data, run, &options);
    assert_int_equal(summary->pending, 0);
    assert_int_equal(summary->skipped, 6);
    spur_score_summary_free(summary);
}

static void wrong_uses_are_refused(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *run = temp_in(*state, "run");
    const char *model = data_path("tiny-owlvit");
    defaults(&options);
    assert_int_equal(spur_score(data, run, NULL, &options, NULL, NULL, &error), SPUR_USAGE);
    options.objectness = true;
    assert_int_equal(spur_score(data, run, model, &options, NULL, NULL, &error), SPUR_USAGE);
    options.objectness = false;
    options.prompts = "no hole";
    assert_int_equal(spur_score(data, run, model, &options, NULL, NULL, &error), SPUR_USAGE);
    options.prompts = NULL;
    const char *taken = temp_in(*state, "file");
    write_text(taken, "x");
    assert_int_equal(spur_score(data, taken, model, &options, NULL, NULL, &error),
                     SPUR_RESOURCE);
    assert_int_equal(spur_score(taken, run, model, &options, NULL, NULL, &error), SPUR_DATASET);
    assert_int_equal(spur_score(data, run, data, &options, NULL, NULL, &error), SPUR_MODEL);
    struct stat facts;
    assert_int_equal(stat(run, &facts), -1);
}

/* The numbers of a row against the detector asked directly. */
static void row_equals_detect(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *data = make_dataset(*state);
    const char *run_path = temp_in(*state, "run");
    defaults(&options);
    spur_score_summary_free(score(data, run_path, &options));

    spur_detector *detector = NULL;
    spur_query *query = NULL;
    spur_detect_result *result = NULL;
    static const char *const texts[] = {"a photo of a ball.", "a photo of a box.",
                                        "a photo of a tree."};
    assert_ok(spur_detector_open(data_path("tiny-owlvit"), NULL, &detector, &error), error);
    assert_ok(spur_query_from_text(detector, texts, 3, &query, &error), error);
    spur_detect_options detect;
    spur_detect_options_defaults(&detect);
    char path[600];
    (void)snprintf(path, sizeof path, "%s/box/1.jpg", data);
    assert_ok(spur_detect(detector, path, query, &detect, &result, &error), error);
    float best = -INFINITY;
    for (size_t p = 0; p < result->patches; p++) {
        best = fmaxf(best, result->logits[p * 3 + 1]);
    }
    char number[TEXT_NUMBER_SIZE];
    char expected[100];
    text_from_float(best, number);
    (void)snprintf(expected, sizeof expected, "\nbox/1.jpg,box,1,train,scored,,%s,", number);
    char *all = export_all(*state, run_path);
    assert_non_null(strstr(all, expected)); /* equal to the last digit */
    memory_free(all);
    spur_detect_result_free(result);
    spur_query_free(query);
    spur_detector_close(detector);
}

/* Every failure of one of our allocations in the calling thread is told, and leaves a run that
 * goes on. */
static void failing_allocations_are_clean(void **state)
{
    spur_error error;
    spur_score_options options;
    const char *data = temp_in(*state, "data");
    const char *run = temp_in(*state, "run");
    const char *whole = temp_in(*state, "whole");
    char folder[600];
    (void)snprintf(folder, sizeof folder, "%s/box", data);
    assert_ok(file_make_folder(folder, &error), error);
    (void)snprintf(folder, sizeof folder, "%s/box/1.png", data);
    copy_file(data_path("photos-tiny/box/box1.png"), folder);
    defaults(&options);
    options.threads = 1;
    spur_score_summary_free(score(data, whole, &options));
    size_t tries = 0;
    size_t unharmed = 0;
    bool was_reached = true;
    for (size_t n = 1; was_reached; n += 1 + n / 16) {
        spur_score_summary *summary = NULL;
        (void)memory_fail_at(n, false);
        spur_status status =
            spur_score(data, run, data_path("tiny-owlvit"), &options, NULL, &summary, &error);
        was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
        unharmed += status == SPUR_OK;
        spur_score_summary_free(summary);
        if (status != SPUR_OK && status != SPUR_RESOURCE) {
            fail_msg("allocation %zu: status %d: %s", n, (int)status, error.message);
        }
        tries++;
    }
    print_message("%zu failed allocations tried, %zu did no harm\n", tries - 1, unharmed - 1);
    assert_true(tries > 40);
    char *a = export_all(*state, whole);
    char *b = export_all(*state, run);
    assert_string_equal(a, b);
    memory_free(a);
    memory_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_image_is_one_row, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(threads_change_no_byte, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(interruptions_change_no_byte, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(changed_settings_are_refused, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(splits_share_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(strict_and_failures, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(dry_run_writes_nothing, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(wrong_uses_are_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(row_equals_detect, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
