/*
 * test_features.c - feature files with a stub network: the same bytes for any number of threads
 * and after any interruption; nothing damaged is handed out.
 *
 * The stub's feature j of an image is the mean of its pixel values of channel j % 3, times
 * j + 1: a function of the slot alone, which a wrong slot or row would show.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "io/file.h"
#include "pipeline/features_job.h"
#include "pipeline/image_settings.h"
#include "pipeline/run.h"

enum {
    SIDE = 8,
    WIDTH = 5,
    IMAGES = 45 /* five blocks of eight and one of five */
};

/* ---- the stub ---------------------------------------------------------------------------- */

static spur_status stub_worker_new(const void *context, void **out, spur_error *error)
{
    (void)context;
    return memory_new(1, 1, out, error);
}

static spur_status stub_run(const void *context, void *worker, const float *pixels,
                            size_t count, float *features, const tower_watch *watch,
                            spur_error *error)
{
    const size_t area = SIDE * SIDE;
    const bool *is_wild = context;
    (void)worker;
    (void)watch;
    (void)error;
    assert_int_equal(count, FEATURE_BLOCK_ROWS);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < WIDTH; j++) {
            float sum = 0.0F;
            for (size_t p = 0; p < area; p++) {
                sum += pixels[(i * 3 + j % 3) * area + p];
            }
            features[i * WIDTH + j] = sum / (float)area * (float)(j + 1);
        }
        if (*is_wild && i == 3) {
            features[i * WIDTH] = i % 2 == 0 ? INFINITY : NAN;
        }
    }
    return SPUR_OK;
}

/* ---- a run ------------------------------------------------------------------------------- */

static void copy_picture(const char *from, const char *to)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    assert_ok(file_load(from, 1 << 24, SPUR_IMAGE, &bytes, &size, &error), error);
    FILE *into = fopen(to, "wb"); /* hundreds of files: without syncing them */
    assert_non_null(into);
    assert_int_equal(fwrite(bytes, 1, size, into), size);
    assert_int_equal(fclose(into), 0);
    memory_free(bytes);
}

static const char *picture_name(void *state, unsigned i)
{
    char name[64];
    (void)snprintf(name, sizeof name, "data/box/%02u.png", i);
    return temp_in(state, name);
}

/* 45 images of which number 7 is none, scored into a run. */
static void make_run(void *state, const char *run)
{
    spur_error error;
    spur_score_options options;
    assert_ok(file_make_folder(temp_in(state, "data/box"), &error), error);
    for (unsigned i = 0; i < IMAGES; i++) {
        static const char *const names[] = {"ball/ball1", "box/box2", "tree/tree3"};
        char name[64];
        (void)snprintf(name, sizeof name, "photos-tiny/%s.png", names[i % 3]);
        copy_picture(data_path(name), picture_name(state, i));
    }
    assert_ok(file_replace(picture_name(state, 7), "no", 2, &error), error);
    spur_score_options_defaults(&options);
    options.threads = 1;
    assert_ok(spur_score(temp_in(state, "data"), run, data_path("tiny-owlvit"), &options, NULL,
                         NULL, &error),
              error);
}

typedef struct feeding {
    size_t threads;
    bool is_half, is_wild, strict;
    const spur_monitor *monitor;
} feeding;

static spur_status open_workers(feature_task *task, spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(task->threads, sizeof *task->workers, &task->workers, error));
    for (size_t i = 0; i < task->threads; i++) {
        TRY(stub_worker_new(NULL, &task->workers[i], error));
    }
done:
    return status;
}

static spur_status feed_run(const char *run, const feeding *how, spur_error *error)
{
    spur_status status;
    store *db = NULL;
    feature_rows rows = {NULL, NULL, 0};
    uint64_t skipped = 0;
    spur_progress progress = {.stage = "features"};
    preprocess recipe;
    spur_image_options images;
    const store_split *splits;
    const store_backbone *backbones;
    size_t count;
    preprocess_torchvision(&recipe);
    recipe.width = recipe.height = SIDE;
    recipe.short_side = SIDE + 1;
    spur_image_options_defaults(&images);
    const feature_network network = {&how->is_wild,   &recipe,     SIDE,    WIDTH,
                                     stub_worker_new, memory_free, stub_run};
    const store_backbone stub = {
        "stub", "stub", "0123", "a recipe", how->is_half ? "float16" : "float32", WIDTH, 0};
    feature_task task = {.run_folder = run,
                         .network = &network,
                         .rows = &rows,
                         .image = &images,
                         .threads = how->threads,
                         .strict = how->strict,
                         .monitor = how->monitor,
                         .progress = &progress,
                         .skipped = &skipped};
    TRY(store_open_writer(run, STORE_JOURNAL_AUTO, &db, error));
    task.db = db;
    TRY(store_get_backbones(db, &backbones, &count));
    TRY(count == 0 ? store_put_backbone(db, &stub, error) : SPUR_OK);
    TRY(store_get_backbones(db, &backbones, &count));
    TRY(store_get_splits(db, &splits, &count, error));
    task.backbone = backbones;
    task.split = splits;
    TRY(feature_rows_read(db, splits, &rows, error));
    TRY(picture_gate_new(&task.gate, error));
    TRY(open_workers(&task, error));
    status = feature_feed(&task, error);
done:
    for (size_t i = 0; task.workers != NULL && i < task.threads; i++) {
        memory_free(task.workers[i]);
    }
    memory_free(task.workers);
    picture_gate_free(task.gate);
    feature_rows_free(&rows);
    store_close(db);
    return status;
}

static void feed_ok(const char *run, const feeding *how)
{
    spur_error error;
    assert_ok(feed_run(run, how, &error), error);
}

static spur_status load(const char *run_path, feature_matrix *out, spur_error *error)
{
    spur_run *run = NULL;
    spur_status status = spur_run_open(run_path, &run, error);
    if (status == SPUR_OK) {
        status = features_load(run, "stub", "train", out, error);
    }
    spur_run_close(run);
    return status;
}

static const char *file_of(const char *run)
{
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/features/stub/train.safetensors", run);
    return path;
}

static void load_bytes(const char *path, unsigned char **bytes, size_t *size)
{
    spur_error error;
    assert_ok(file_load(path, 1 << 24, SPUR_DATASET, bytes, size, &error), error);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void every_image_is_one_row(void **state)
{
    spur_error error;
    feature_matrix found = {.rows = 0};
    const char *run = temp_in(*state, "run");
    make_run(*state, run);
    assert_int_equal(load(run, &found, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "no features of backbone stub"));
    feed_ok(run, &(feeding){.threads = 2});
    feed_ok(run, &(feeding){.threads = 2}); /* nothing is left to do */
    assert_ok(load(run, &found, &error), error);
    assert_int_equal(found.rows, IMAGES);
    assert_int_equal(found.width, WIDTH);
    assert_int_equal(found.valid_count, IMAGES - 1);
    for (size_t i = 0; i < IMAGES; i++) {
        const float *row = found.values + i * WIDTH;
        assert_int_equal(found.valid[i], i != 7);
        assert_true(i == 7 ? row[1] == 0.0F : row[1] != 0.0F);
        /* three pictures in turn: the same features, wherever the image stands */
        if (i >= 3 && i != 7 && i != 10) {
            assert_memory_equal(row, row - (ptrdiff_t)3 * WIDTH, WIDTH * sizeof *row);
        }
    }
    feature_matrix_free(&found);
}

static void threads_change_no_byte(void **state)
{
    static const size_t threads[] = {1, 2, 3, 8};
    unsigned char *first = NULL;
    size_t first_size = 0;
    const char *scored = temp_in(*state, "scored");
    make_run(*state, scored);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        char from[600];
        char name[32];
        unsigned char *bytes;
        size_t size;
        spur_error error;
        (void)snprintf(name, sizeof name, "run%zu", i);
        const char *run = temp_in(*state, name);
        assert_ok(file_make_folder(run, &error), error);
        (void)snprintf(from, sizeof from, "%s/run.db", scored);
        (void)snprintf(name, sizeof name, "run%zu/run.db", i);
        copy_picture(from, temp_in(*state, name));
        feed_ok(run, &(feeding){.threads = threads[i]});
        load_bytes(file_of(run), &bytes, &size);
        if (first == NULL) {
            first = bytes;
            first_size = size;
            continue;
        }
        assert_int_equal(size, first_size);
        assert_memory_equal(bytes, first, size);
        memory_free(bytes);
    }
    memory_free(first);
}

static int stop_at_once(void *context, const spur_progress *progress)
{
    (void)progress;
    ++*(size_t *)context;
    return 1;
}

static void interruptions_change_no_byte(void **state)
{
    spur_error error;
    unsigned char *whole, *pieces;
    size_t whole_size, pieces_size, calls = 0, interrupted = 0;
    const spur_monitor monitor = {.context = &calls, .progress = stop_at_once};
    const char *run = temp_in(*state, "run");
    spur_status status = SPUR_INTERRUPTED;
    make_run(*state, run);
    feed_ok(run, &(feeding){.threads = 2});
    load_bytes(file_of(run), &whole, &whole_size);
    spur_run *opened = NULL;
    assert_ok(spur_run_open(run, &opened, &error), error);
    spur_run_close(opened);
    store *db = NULL;
    assert_ok(store_open_writer(run, STORE_JOURNAL_AUTO, &db, &error), error);
    assert_ok(store_drop_features(db, "stub", "train", &error), error);
    store_close(db);
    while (status == SPUR_INTERRUPTED && interrupted < 50) {
        feature_matrix none;
        status = feed_run(run, &(feeding){.threads = 1, .monitor = &monitor}, &error);
        interrupted += status == SPUR_INTERRUPTED;
        assert_int_equal(load(run, &none, &error), status == SPUR_OK ? SPUR_OK : SPUR_DATASET);
        if (status == SPUR_OK) {
            feature_matrix_free(&none);
        }
    }
    assert_int_equal(status, SPUR_OK);
    assert_true(interrupted >= 1);
    print_message("%zu interruptions\n", interrupted);
    load_bytes(file_of(run), &pieces, &pieces_size);
    assert_int_equal(pieces_size, whole_size);
    assert_memory_equal(pieces, whole, whole_size);
    memory_free(whole);
    memory_free(pieces);
}

static spur_status count_failure(void *context, const store_feature_failure *failure,
                                 spur_error *error)
{
    text_buffer *into = context;
    return text_format(into, error, "%u %s;", (unsigned)failure->row, failure->reason);
}

static void failures_are_rows_with_reasons(void **state)
{
    spur_error error;
    store *db = NULL;
    text_buffer list = {NULL, 0, 0};
    feature_matrix found;
    const char *run = temp_in(*state, "run");
    make_run(*state, run);
    copy_picture(data_path("photos-tiny/tree/tree1.png"), picture_name(*state, 20));
    assert_int_equal(remove(picture_name(*state, 30)), 0);
    assert_int_equal(feed_run(run, &(feeding){.threads = 1, .strict = true}, &error),
                     SPUR_IMAGE);
    assert_non_null(strstr(error.message, "row 21: box/20.png: the file has changed"));
    feed_ok(run, &(feeding){.threads = 2, .is_wild = true});
    assert_ok(store_open(run, &db, &error), error);
    assert_ok(store_each_feature_failure(db, "stub", "train", count_failure, &list, &error),
              error);
    store_close(db);
    assert_non_null(strstr(list.data, "7 "));
    assert_non_null(strstr(list.data, "20 the file has changed since it was scored;"));
    assert_non_null(strstr(list.data, "30 no such file;"));
    assert_non_null(strstr(list.data, "43 non-finite features;"));
    assert_ok(load(run, &found, &error), error);
    for (size_t j = 0; j < WIDTH; j++) {
        assert_true(found.values[20 * WIDTH + j] == 0.0F);
        assert_true(found.values[43 * WIDTH + j] == 0.0F);
    }
    feature_matrix_free(&found);
    text_buffer_free(&list);
}

/* Every byte flipped, every cut: refused with the file's name, never other numbers. */
static void damaged_files_are_refused(void **state)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    size_t refused = 0;
    feature_matrix found;
    spur_run *run = NULL;
    const char *path = temp_in(*state, "run");
    make_run(*state, path);
    feed_ok(path, &(feeding){.threads = 1});
    load_bytes(file_of(path), &bytes, &size);
    assert_ok(spur_run_open(path, &run, &error), error);
    for (size_t at = 0; at < size; at++) {
        FILE *into = fopen(file_of(path), "wb");
        assert_non_null(into);
        bytes[at] ^= 0x40;
        assert_int_equal(fwrite(bytes, 1, size, into), size);
        bytes[at] ^= 0x40;
        assert_int_equal(fclose(into), 0);
        assert_int_equal(features_load(run, "stub", "train", &found, &error), SPUR_DATASET);
        assert_non_null(strstr(error.message, "train.safetensors"));
        refused++;
    }
    for (size_t cut = 0; cut < size; cut += 101) {
        FILE *into = fopen(file_of(path), "wb");
        assert_non_null(into);
        assert_int_equal(fwrite(bytes, 1, cut, into), cut);
        assert_int_equal(fclose(into), 0);
        assert_int_equal(features_load(run, "stub", "train", &found, &error), SPUR_DATASET);
    }
    print_message("%zu flipped bytes refused of %zu\n", refused, size);
    assert_int_equal(remove(file_of(path)), 0);
    assert_int_equal(features_load(run, "stub", "train", &found, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "no such file"));
    spur_run_close(run);
    memory_free(bytes);
}

/* A partial file that is not what run.db says. */
static void damaged_parts_are_refused(void **state)
{
    spur_error error;
    size_t calls = 0;
    const spur_monitor monitor = {.context = &calls, .progress = stop_at_once};
    const char *run = temp_in(*state, "run");
    char part[700];
    make_run(*state, run);
    assert_int_equal(feed_run(run, &(feeding){.threads = 1, .monitor = &monitor}, &error),
                     SPUR_INTERRUPTED);
    (void)snprintf(part, sizeof part, "%s.part", file_of(run));
    unsigned char *bytes;
    size_t size;
    load_bytes(part, &bytes, &size);
    const size_t places[] = {20, size - IMAGES * (STORE_ID_SIZE + 1) - IMAGES * WIDTH * 4 + 3};
    for (size_t i = 0; i < 2; i++) {
        bytes[places[i]] ^= 1;
        assert_ok(file_replace(part, bytes, size, &error), error);
        bytes[places[i]] ^= 1;
        assert_int_equal(feed_run(run, &(feeding){.threads = 1}, &error), SPUR_DATASET);
        assert_non_null(strstr(error.message, "--restart"));
    }
    assert_ok(file_replace(part, bytes, size - 1, &error), error);
    assert_int_equal(feed_run(run, &(feeding){.threads = 1}, &error), SPUR_DATASET);
    assert_int_equal(remove(part), 0);
    assert_int_equal(feed_run(run, &(feeding){.threads = 1}, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "is missing"));
    assert_ok(file_replace(part, bytes, size, &error), error);
    feed_ok(run, &(feeding){.threads = 1});
    memory_free(bytes);
}

static void half_rounds_each_value_once(void **state)
{
    spur_error error;
    feature_matrix whole, half;
    const char *a = temp_in(*state, "a");
    make_run(*state, a);
    feed_ok(a, &(feeding){.threads = 1});
    assert_ok(load(a, &whole, &error), error);
    store *db = NULL;
    assert_ok(store_open_writer(a, STORE_JOURNAL_AUTO, &db, &error), error);
    assert_ok(store_drop_features(db, "stub", "train", &error), error);
    store_close(db);
    feed_ok(a, &(feeding){.threads = 1, .is_half = true});
    assert_ok(load(a, &half, &error), error);
    for (size_t i = 0; i < IMAGES * WIDTH; i++) {
        assert_true(half.values[i] == half_to_float(half_from_float(whole.values[i])));
    }
    feature_matrix_free(&whole);
    feature_matrix_free(&half);
}

static void failing_allocations_are_clean(void **state)
{
    spur_error error;
    spur_run *run = NULL;
    const char *path = temp_in(*state, "run");
    make_run(*state, path);
    feed_ok(path, &(feeding){.threads = 1});
    assert_ok(spur_run_open(path, &run, &error), error);
    for (size_t n = 1;; n++) {
        feature_matrix found = {.rows = 0};
        (void)memory_fail_at(n, true);
        spur_status status = features_load(run, "stub", "train", &found, &error);
        (void)memory_fail_at(0, false);
        feature_matrix_free(&found);
        if (status == SPUR_OK) {
            assert_true(n > 10);
            break;
        }
        assert_int_equal(status, SPUR_RESOURCE);
    }
    spur_run_close(run);
}

static void image_settings_survive(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        char text[IMAGE_SETTINGS_SIZE];
        spur_error error;
        spur_image_options in, out;
        spur_image_options_defaults(&in);
        in.orientation = (i & 1) != 0 ? SPUR_ORIENTATION_APPLY : SPUR_ORIENTATION_IGNORE;
        in.alpha = (i & 2) != 0 ? SPUR_ALPHA_WHITE : SPUR_ALPHA_DROP;
        in.allow_truncated = (i & 4) != 0;
        in.pillow_compat = (i & 8) != 0;
        in.max_pixels = i == 3 ? UINT64_MAX : in.max_pixels;
        image_settings_describe(&in, text);
        assert_ok(image_settings_parse(text, &out, &error), error);
        assert_int_equal(in.orientation, out.orientation);
        assert_int_equal(in.alpha, out.alpha);
        assert_int_equal(in.allow_truncated, out.allow_truncated);
        assert_int_equal(in.pillow_compat, out.pillow_compat);
        assert_true(in.max_pixels == out.max_pixels);
        text[3] = 'x';
        assert_int_equal(image_settings_parse(text, &out, &error), SPUR_DATASET);
    }
}

enum {
    CLASSES = 7
};

/* How many of the images with features have `target` in the first place and the first five. */
static void count_hits(const head *own, const feature_matrix *found, size_t target,
                       uint64_t *top1, uint64_t *top5)
{
    *top1 = *top5 = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        size_t before = 0;
        double logits[CLASSES] = {0};
        for (size_t j = 0; j < CLASSES * WIDTH; j++) {
            logits[j / WIDTH] +=
                (double)own->weight[j] * (double)found->values[i * WIDTH + j % WIDTH];
        }
        for (size_t c = 0; c < CLASSES; c++) {
            before += logits[c] > logits[target];
        }
        *top1 += found->valid[i] != 0 && before == 0;
        *top5 += found->valid[i] != 0 && before < 5;
    }
}

/* The run's one class as each output in turn, against a count by hand. */
static void own_head_is_judged(void **state)
{
    spur_error error;
    head own;
    feature_matrix found;
    feature_layout layout;
    feature_rows rows;
    store *db = NULL;
    const store_split *splits;
    size_t count;
    double sum = 0.0;
    const char *run = temp_in(*state, "run");
    make_run(*state, run);
    feed_ok(run, &(feeding){.threads = 1});
    assert_ok(load(run, &found, &error), error);
    assert_ok(head_make(CLASSES, WIDTH, &own, &error), error);
    for (size_t i = 0; i < CLASSES * WIDTH; i++) {
        own.weight[i] = (float)((int)(i * 37 % 11) - 5) / 4.0F;
    }
    assert_ok(store_open(run, &db, &error), error);
    assert_ok(store_get_splits(db, &splits, &count, &error), error);
    assert_ok(feature_rows_read(db, splits, &rows, &error), error);
    assert_ok(feature_layout_make(run, features_find(db, "stub"), splits, &layout, &error),
              error);
    for (size_t target = 0; target < CLASSES; target++) {
        uint64_t top1, top5;
        spur_feature_set set = {.judged = 0};
        const features_judging what = {.db = db,
                                       .layout = &layout,
                                       .backbone = "stub",
                                       .split = "train",
                                       .rows = &rows,
                                       .own = &own,
                                       .outputs = &target,
                                       .threads = 2};
        assert_ok(features_judge(&what, &set, &error), error);
        count_hits(&own, &found, target, &top1, &top5);
        assert_int_equal(set.judged, IMAGES - 1);
        assert_true(set.top1 == (double)top1 / (IMAGES - 1));
        assert_true(set.top5 == (double)top5 / (IMAGES - 1));
        sum += set.top1;
    }
    assert_true(fabs(sum - 1.0) < 1e-12); /* every image has one best output */
    feature_layout_free(&layout);
    feature_rows_free(&rows);
    store_close(db);
    head_free(&own);
    feature_matrix_free(&found);
}

/* Bytes of run.db flipped: noticed, or the same features and the same failures. */
static void flipped_tables_are_noticed(void **state)
{
    spur_error error;
    unsigned char *bytes;
    size_t size, noticed = 0, harmless = 0;
    feature_matrix whole = {0}, found = {0};
    const char *run = temp_in(*state, "run");
    make_run(*state, run);
    feed_ok(run, &(feeding){.threads = 1});
    assert_ok(load(run, &whole, &error), error);
    const char *path = temp_in(*state, "run/run.db");
    load_bytes(path, &bytes, &size);
    for (size_t at = 1; at < size; at += 131) {
        FILE *into = fopen(path, "wb");
        assert_non_null(into);
        bytes[at] ^= 0x10;
        assert_int_equal(fwrite(bytes, 1, size, into), size);
        bytes[at] ^= 0x10;
        assert_int_equal(fclose(into), 0);
        spur_status status = load(run, &found, &error);
        if (status != SPUR_OK) {
            assert_true(status == SPUR_DATASET || status == SPUR_RESOURCE);
            noticed++;
            continue;
        }
        assert_memory_equal(found.values, whole.values, IMAGES * WIDTH * sizeof(float));
        assert_memory_equal(found.valid, whole.valid, IMAGES);
        feature_matrix_free(&found);
        harmless++;
    }
    print_message("flipped bytes of run.db: %zu noticed, %zu harmless\n", noticed, harmless);
    assert_true(noticed > 10);
    feature_matrix_free(&whole);
    memory_free(bytes);
}

/* A block that is none of its split is refused even when its seal is right. */
static void blocks_of_no_split_are_refused(void **state)
{
    spur_error error;
    store *db = NULL;
    const char *run = temp_in(*state, "run");
    const store_feature_block block = {.block = 99, .images = 8};
    make_run(*state, run);
    feed_ok(run, &(feeding){.threads = 1});
    assert_ok(store_open_writer(run, STORE_JOURNAL_AUTO, &db, &error), error);
    assert_ok(store_begin(db, &error), error);
    assert_ok(store_put_feature_block(db, "stub", "train", &block, &error), error);
    assert_ok(store_commit(db, &error), error);
    store_close(db);
    assert_int_equal(store_open(run, &db, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "seal of feature block 99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_image_is_one_row, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(threads_change_no_byte, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(interruptions_change_no_byte, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(failures_are_rows_with_reasons, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(damaged_files_are_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(damaged_parts_are_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(half_rounds_each_value_once, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(own_head_is_judged, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(flipped_tables_are_noticed, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(blocks_of_no_split_are_refused, temp_setup,
                                        temp_teardown),
        cmocka_unit_test(image_settings_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
