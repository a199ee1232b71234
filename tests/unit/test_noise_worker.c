/*
 * test_noise_worker.c - outcomes of noise with a stub network: the clean pass is what the
 * features stage sees, and nothing depends on threads, order or interruptions.
 *
 * The stub's feature j of an image is the mean of its pixel values of channel j % 3 over the
 * rows y with y % 2 = j / 3: a function of the slot alone.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/file.h"
#include "pipeline/noise_worker.h"
#include "run_maker.h"

enum {
    SIDE = 20,
    AREA = SIDE * SIDE,
    WIDTH = 6,
    CLASSES = 3,
    HEADS = 2,
    IMAGES = 21, /* two blocks of eight and one of five */
    BAD = 7      /* its digest is another file's */
};

static const double ALPHAS[] = {0, 5, 40};

static spur_status stub_worker_new(const void *context, void **out, spur_error *error)
{
    (void)context;
    return memory_new(1, 1, out, error);
}

static spur_status stub_run(const void *context, void *worker, const float *pixels,
                            size_t count, float *features, const tower_watch *watch,
                            spur_error *error)
{
    (void)context;
    (void)worker;
    (void)watch;
    (void)error;
    assert_int_equal(count, FEATURE_BLOCK_ROWS);
    for (size_t i = 0; i < count * WIDTH; i++) {
        const float *plane = pixels + (i / WIDTH * 3 + i % 3) * AREA;
        float sum = 0.0F;
        for (size_t y = i % WIDTH / 3; y < SIDE; y += 2) {
            for (size_t x = 0; x < SIDE; x++) {
                sum += plane[y * SIDE + x] * (float)(x + 1);
            }
        }
        features[i] = sum / (float)AREA;
    }
    return SPUR_OK;
}

/* ---- a task ------------------------------------------------------------------------------ */

typedef struct fixture {
    feature_row rows[IMAGES];
    const feature_row *listed[IMAGES];
    char names[IMAGES][600];
    float weight[HEADS][CLASSES * WIDTH], bias[CLASSES];
    uint32_t class_of[CLASSES];
    unsigned char absent[CLASSES];
    head own[HEADS];
    judged_head heads[HEADS];
    preprocess recipe;
    feature_network network;
    noise_plan plan;
    spur_image_options image;
    noise_task task;
    size_t row_bytes;
} fixture;

static void make_rows(fixture *out)
{
    static const char *const names[] = {"ball/ball1", "box/box2", "tree/tree3"};
    for (size_t i = 0; i < IMAGES; i++) {
        spur_error error;
        unsigned char *bytes = NULL;
        size_t size = 0;
        char name[64];
        feature_row *row = &out->rows[i];
        (void)snprintf(name, sizeof name, "photos-tiny/%s.png", names[i % 3]);
        (void)snprintf(out->names[i], sizeof out->names[i], "%s", data_path(name));
        assert_ok(file_load(out->names[i], 1 << 24, SPUR_IMAGE, &bytes, &size, &error), error);
        assert_ok(digest_of(bytes, size, row->digest, &error), error);
        memory_free(bytes);
        row->file_name = out->names[i];
        row->class_index = i % CLASSES;
        memset(row->id, (int)i + 1, sizeof row->id);
        row->box[0] = row->box[1] = (float)i;
        row->box[2] = row->box[3] = (float)i + 30.0F;
        out->listed[i] = row;
    }
    out->rows[BAD].digest[0] ^= 1;
    out->rows[3].box[0] = 5000.0F; /* outside: an empty mask */
    out->rows[4].box[0] = out->rows[4].box[1] = -9.0F;
    out->rows[4].box[2] = out->rows[4].box[3] = 9000.0F; /* a full one */
}

static void make_heads(fixture *out)
{
    random_key key = random_key_make(1, "heads");
    for (uint32_t c = 0; c < CLASSES; c++) {
        out->class_of[c] = c;
    }
    for (size_t h = 0; h < HEADS; h++) {
        for (size_t i = 0; i < CLASSES * WIDTH; i++) {
            out->weight[h][i] = (float)random_uniform(key, h, i) - 0.5F;
        }
        out->own[h] = (head){CLASSES, WIDTH, out->weight[h], out->bias};
        out->heads[h] = (judged_head){.own = &out->own[h],
                                      .class_count = CLASSES,
                                      .class_of = out->class_of,
                                      .output_of = out->class_of,
                                      .absent = out->absent};
    }
}

static void make_fixture(fixture *out, bool clamp)
{
    spur_error error;
    memset(out, 0, sizeof *out);
    make_rows(out);
    make_heads(out);
    preprocess_torchvision(&out->recipe);
    out->recipe.width = out->recipe.height = SIDE;
    out->recipe.short_side = SIDE + 3;
    out->network = (feature_network){NULL,        &out->recipe, SIDE, WIDTH, stub_worker_new,
                                     memory_free, stub_run};
    assert_ok(noise_plan_make(SPUR_NOISE_LENGTH, ALPHAS, 3, 2, &out->plan, &error), error);
    out->plan.clamp = clamp;
    out->plan.seed = 5;
    spur_image_options_defaults(&out->image);
    out->task = (noise_task){.plan = &out->plan,
                             .network = &out->network,
                             .heads = out->heads,
                             .head_count = HEADS,
                             .source = {NULL, "", &out->image}};
    out->row_bytes = noise_row_bytes(&out->plan, HEADS);
}

/* ---- running it -------------------------------------------------------------------------- */

typedef struct crew {
    noise_worker *workers[8];
    size_t count;
} crew;

static spur_status crew_work(void *context, size_t worker, experiment_block *block,
                             const atomic_bool *cancelled, spur_error *error)
{
    crew *all = context;
    return noise_worker_run(all->workers[worker], block, cancelled, error);
}

static void hire(fixture *of, crew *out, size_t threads)
{
    spur_error error;
    assert_ok(picture_gate_new(&of->task.source.gate, &error), error);
    out->count = threads;
    for (size_t i = 0; i < threads; i++) {
        assert_ok(noise_worker_new(&of->task, &out->workers[i], &error), error);
    }
}

static void dismiss(fixture *of, crew *block)
{
    for (size_t i = 0; i < block->count; i++) {
        noise_worker_free(block->workers[i]);
    }
    picture_gate_free(of->task.source.gate);
    of->task.source.gate = NULL;
}

static const store_experiment RECORD = {"noise", "stub", "train", "ab", "{}", IMAGES};

static store *open_run(void *state, const char *name)
{
    static const run_row rows[] = {{.file_name = "a.png", .logit = 1}};
    spur_error error;
    store *db = NULL;
    const char *folder = temp_in(state, name);
    if (!store_exists(folder)) {
        make_split(folder, "train", "max", 1, rows, 1);
    }
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &db, &error), error);
    return db;
}

static spur_status run_with(fixture *of, store *db, size_t threads, const spur_monitor *monitor,
                            spur_error *error)
{
    crew all = {.count = 0};
    const experiment_images images = {of->listed, IMAGES};
    spur_progress progress = {.stage = "noise"};
    hire(of, &all, threads);
    const experiment what = {.db = db,
                             .record = RECORD,
                             .images = &images,
                             .row_bytes = of->row_bytes,
                             .threads = threads,
                             .context = &all,
                             .work = crew_work,
                             .monitor = monitor,
                             .progress = &progress};
    spur_status status = experiment_run(&what, error);
    if (status == SPUR_OK) {
        assert_int_equal(progress.done, IMAGES);
    }
    dismiss(of, &all);
    return status;
}

static void load(fixture *of, store *db, unsigned char *outcomes)
{
    spur_error error;
    bool is_complete = false;
    assert_ok(experiment_load(db, &RECORD, of->row_bytes, outcomes, &is_complete, &error),
              error);
    assert_true(is_complete);
}

enum {
    MOST = IMAGES * 400
};

static void run_and_load(void *state, const char *name, fixture *of, size_t threads,
                         unsigned char *outcomes)
{
    spur_error error;
    store *db = open_run(state, name);
    assert_true(IMAGES * of->row_bytes <= MOST);
    assert_ok(run_with(of, db, threads, NULL, &error), error);
    load(of, db, outcomes);
    store_close(db);
}

/* ---- tests ------------------------------------------------------------------------------- */

/* What a head says of an image without noise, the way of the features stage. */
static uint16_t clean_class(const fixture *of, size_t image_index, size_t h)
{
    spur_error error;
    picture loaded;
    float logits[CLASSES], features[FEATURE_BLOCK_ROWS * WIDTH];
    static float pixels[FEATURE_BLOCK_ROWS * 3 * AREA];
    picture_gate *gate = NULL;
    assert_ok(picture_gate_new(&gate, &error), error);
    assert_ok(picture_load(gate, of->names[image_index], &of->image, &loaded, &error), error);
    assert_ok(preprocess_run(&of->recipe, &loaded.pixels, pixels, NULL, &error), error);
    assert_ok(stub_run(NULL, NULL, pixels, FEATURE_BLOCK_ROWS, features, NULL, &error), error);
    assert_ok(head_run(&of->own[h], features, 1, 1, logits, &error), error);
    picture_free(gate, &loaded);
    picture_gate_free(gate);
    return (uint16_t)judge_logits(&of->heads[h], logits, 0).predicted;
}

static void clean_pass_is_the_features_stages(void **state)
{
    static fixture of;
    static unsigned char outcomes[MOST];
    make_fixture(&of, true);
    run_and_load(*state, "run", &of, 1, outcomes);
    size_t seen[CLASSES] = {0}, moved = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        noise_row row = {&of.plan, outcomes + i * of.row_bytes};
        assert_int_equal(noise_row_flags(row) != 0, i != BAD);
        for (size_t h = 0; h < HEADS && i != BAD; h++) {
            uint16_t clean = noise_row_class(row, h, 0);
            assert_int_equal(clean, clean_class(&of, i, h));
            seen[clean]++;
            for (size_t v = 1; v < noise_variants(&of.plan); v++) {
                moved += noise_row_class(row, h, v) != clean;
            }
        }
    }
    assert_true((seen[0] > 0) + (seen[1] > 0) + (seen[2] > 0) > 1);
    assert_true(moved > 0); /* noise does something */
}

static void masks_and_lengths_are_told(void **state)
{
    static fixture of;
    static unsigned char outcomes[MOST];
    make_fixture(&of, false);
    run_and_load(*state, "run", &of, 1, outcomes);
    for (size_t i = 0; i < IMAGES; i++) {
        noise_row row = {&of.plan, outcomes + i * of.row_bytes};
        unsigned flags = noise_row_flags(row);
        if (i == BAD) {
            continue;
        }
        assert_int_equal(flags & NOISE_EMPTY, i == 3 ? NOISE_EMPTY : 0);
        assert_int_equal(flags & NOISE_FULL, i == 4 ? NOISE_FULL : 0);
        assert_int_equal(noise_row_inside(row) == 0, i == 3);
        assert_int_equal(noise_row_inside(row) == AREA, i == 4);
        for (size_t t = 0; t < 2; t++) {
            for (size_t a = 0; a < 2; a++) {
                double inside =
                    (double)noise_row_length(row, noise_variant(&of.plan, t, NOISE_INSIDE, a));
                double outside =
                    (double)noise_row_length(row, noise_variant(&of.plan, t, NOISE_OUTSIDE, a));
                double alpha = ALPHAS[a + 1]; /* tolerance 1e-5, observed 1e-6: float32 */
                assert_true(fabs(inside - (i == 3 ? 0 : alpha)) < 1e-5);
                assert_true(fabs(outside - (i == 4 ? 0 : alpha)) < 1e-5);
                for (size_t h = 0; h < HEADS && i == 3; h++) { /* no noise: as clean */
                    assert_int_equal(
                        noise_row_class(row, h, 0),
                        noise_row_class(row, h, noise_variant(&of.plan, t, NOISE_INSIDE, a)));
                }
            }
        }
    }
}

/* Per sample both regions get the same: the lengths over the root of their samples are sigma
 * within four standard errors, 1 / sqrt(2 n), of n samples. */
static void a_sigma_is_told_by_lengths(void **state)
{
    static fixture of;
    static unsigned char outcomes[MOST];
    static const double sigma = 0.25;
    spur_error error;
    make_fixture(&of, false);
    assert_ok(noise_plan_make(SPUR_NOISE_SIGMA, &sigma, 1, 2, &of.plan, &error), error);
    of.plan.clamp = false;
    of.row_bytes = noise_row_bytes(&of.plan, HEADS);
    run_and_load(*state, "run", &of, 1, outcomes);
    for (size_t i = 0; i < IMAGES; i++) {
        noise_row row = {&of.plan, outcomes + i * of.row_bytes};
        size_t inside = noise_row_inside(row);
        for (size_t v = 1; v < noise_variants(&of.plan) && i != BAD; v++) {
            size_t n = 3 * (v % 2 == 1 ? inside : AREA - inside);
            double length = (double)noise_row_length(row, v);
            if (n == 0) {
                assert_true(length == 0);
            } else {
                double found = length / sqrt((double)n) / sigma;
                assert_true(fabs(found - 1) < 4 / sqrt(2 * (double)n));
            }
        }
    }
}

static void threads_change_nothing(void **state)
{
    static const size_t threads[] = {1, 2, 3, 8};
    static fixture of;
    static unsigned char expected[MOST], outcomes[MOST];
    make_fixture(&of, true);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "run%zu", threads[i]);
        run_and_load(*state, name, &of, threads[i], i == 0 ? expected : outcomes);
        if (i > 0) {
            assert_memory_equal(expected, outcomes, IMAGES * of.row_bytes);
        }
    }
}

/* Images in another order stand in other blocks and slots. */
static void order_changes_nothing(void **state)
{
    static fixture of;
    static unsigned char expected[MOST], outcomes[MOST];
    make_fixture(&of, true);
    run_and_load(*state, "run", &of, 1, expected);
    for (size_t i = 0; i < IMAGES; i++) {
        of.listed[i] = &of.rows[(i * 5 + 2) % IMAGES];
    }
    run_and_load(*state, "other", &of, 2, outcomes);
    for (size_t i = 0; i < IMAGES; i++) {
        assert_memory_equal(outcomes + i * of.row_bytes,
                            expected + (i * 5 + 2) % IMAGES * of.row_bytes, of.row_bytes);
    }
}

static int stop_at_once(void *context, const spur_progress *progress)
{
    (void)context;
    return progress->done > 0;
}

static void goes_on_after_an_interruption(void **state)
{
    static fixture of;
    static unsigned char expected[MOST], outcomes[MOST];
    spur_error error;
    const spur_monitor monitor = {.progress = stop_at_once};
    make_fixture(&of, true);
    run_and_load(*state, "run", &of, 1, expected);
    store *db = open_run(*state, "cut");
    assert_int_equal(run_with(&of, db, 1, &monitor, &error), SPUR_INTERRUPTED);
    store_close(db);
    run_and_load(*state, "cut", &of, 2, outcomes);
    assert_memory_equal(expected, outcomes, IMAGES * of.row_bytes);
}

static void plans_are_put_in_order(void **state)
{
    (void)state;
    static const double alphas[] = {100, 0, 10, 100, 250}, negative[] = {1, -1};
    noise_plan plan;
    spur_error error;
    assert_ok(noise_plan_make(SPUR_NOISE_LENGTH, alphas, 5, 3, &plan, &error), error);
    assert_int_equal(plan.strength_count, 3);
    assert_true(plan.strengths[0] == 10 && plan.strengths[1] == 100 &&
                plan.strengths[2] == 250);
    assert_int_equal(noise_variants(&plan), 19);
    unsigned char seen[19] = {1};
    for (size_t t = 0; t < 3; t++) {
        for (size_t r = 0; r < NOISE_REGIONS; r++) {
            for (size_t a = 0; a < 3; a++) {
                seen[noise_variant(&plan, t, (enum noise_region)r, a)]++;
            }
        }
    }
    for (size_t v = 0; v < 19; v++) {
        assert_int_equal(seen[v], 1);
    }
    assert_int_equal(noise_plan_make(SPUR_NOISE_LENGTH, negative, 2, 3, &plan, &error),
                     SPUR_USAGE);
    assert_int_equal(noise_plan_make(SPUR_NOISE_LENGTH, alphas, 5, 0, &plan, &error),
                     SPUR_USAGE);
}

static void strengths_are_of_one_kind(void **state)
{
    (void)state;
    static const double sigmas[] = {0.1, 0.05};
    char text[NOISE_STRENGTH_SIZE];
    noise_plan lengths, plan;
    spur_error error;
    assert_ok(noise_plan_make(SPUR_NOISE_LENGTH, NULL, 0, 3, &lengths, &error), error);
    assert_ok(noise_plan_make(SPUR_NOISE_SIGMA, sigmas, 2, 3, &plan, &error), error);
    assert_int_equal(lengths.strength_count, 3); /* the usual ones */
    assert_true(noise_scale(&lengths, 0, 4) == 2.5 && noise_scale(&lengths, 0, 0) == 0);
    assert_true(noise_scale(&plan, 0, 4) == 0.05 && noise_scale(&plan, 1, 0) == 0.1);
    noise_strength_name(&lengths, 2, text);
    assert_string_equal(text, "250");
    noise_strength_name(&plan, 0, text);
    assert_string_equal(text, "sigma-0.05");
    noise_strength_words(&plan, 0, text);
    assert_string_equal(text, "standard deviation 0.05");
}

/* ---- which images ------------------------------------------------------------------------ */

static void choosing_is_even_and_by_id(void **state)
{
    (void)state;
    static feature_row rows[40], mixed[40];
    spur_error error;
    experiment_images all, some, again;
    for (size_t i = 0; i < 40; i++) {
        rows[i].class_index = i < 25 ? 0 : i < 38 ? 1 : 2;
        rows[i].reason = i == 4 ? "bad" : NULL;
        memset(rows[i].id, (int)i + 1, sizeof rows[i].id);
    }
    assert_ok(experiment_choose(&(feature_rows){NULL, rows, 40}, 0, 1, &all, &error), error);
    assert_int_equal(all.count, 39);
    assert_ok(experiment_choose(&(feature_rows){NULL, rows, 40}, 12, 1, &some, &error), error);
    assert_int_equal(some.count, 12);
    size_t by_class[3] = {0};
    for (size_t i = 0; i < 12; i++) {
        by_class[some.rows[i]->class_index]++;
        assert_true(i == 0 || some.rows[i] > some.rows[i - 1]);
        assert_true(some.rows[i] != &rows[4]);
    }
    assert_true(by_class[0] == 5 && by_class[1] == 5 && by_class[2] == 2);
    for (size_t i = 0; i < 40; i++) {
        mixed[i] = rows[(i * 7) % 40];
    }
    assert_ok(experiment_choose(&(feature_rows){NULL, mixed, 40}, 12, 1, &again, &error),
              error);
    for (size_t i = 0; i < 12; i++) { /* the same images, wherever they stand */
        bool is_there = false;
        for (size_t j = 0; j < 12; j++) {
            is_there = is_there || memcmp(again.rows[i]->id, some.rows[j]->id, 16) == 0;
        }
        assert_true(is_there);
    }
    memory_free(all.rows);
    memory_free(some.rows);
    memory_free(again.rows);
}

/* The worker, an image through it, the choice of images and reading outcomes back. */
static spur_status allocate_all(fixture *of, store *db, spur_error *error)
{
    spur_status status;
    noise_worker *worker = NULL;
    experiment_images chosen = {NULL, 0};
    static unsigned char outcomes[MOST];
    const feature_rows rows = {NULL, of->rows, IMAGES};
    atomic_bool cancelled;
    bool is_complete = false;
    experiment_block block = {.images = of->listed, .count = 1, .outcomes = outcomes};
    atomic_init(&cancelled, false);
    TRY(experiment_choose(&rows, 5, 1, &chosen, error));
    TRY(noise_worker_new(&of->task, &worker, error));
    TRY(noise_worker_run(worker, &block, &cancelled, error));
    TRY(experiment_load(db, &RECORD, of->row_bytes, outcomes, &is_complete, error));
    assert_true(is_complete);
done:
    memory_free(chosen.rows);
    noise_worker_free(worker);
    return status;
}

static void failing_allocations_are_clean(void **state)
{
    static fixture of;
    spur_error error;
    size_t failed = 0;
    spur_status status = SPUR_RESOURCE;
    make_fixture(&of, true);
    store *db = open_run(*state, "run");
    assert_ok(run_with(&of, db, 1, NULL, &error), error);
    assert_ok(picture_gate_new(&of.task.source.gate, &error), error);
    while (status != SPUR_OK) {
        (void)memory_fail_at(failed + 1, false);
        status = allocate_all(&of, db, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        failed += status != SPUR_OK;
    }
    assert_true(failed > 10);
    picture_gate_free(of.task.source.gate);
    store_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clean_pass_is_the_features_stages, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(masks_and_lengths_are_told, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(a_sigma_is_told_by_lengths, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(threads_change_nothing, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(order_changes_nothing, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(goes_on_after_an_interruption, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
        cmocka_unit_test(plans_are_put_in_order),
        cmocka_unit_test(strengths_are_of_one_kind),
        cmocka_unit_test(choosing_is_even_and_by_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
