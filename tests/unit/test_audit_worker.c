/*
 * test_audit_worker.c - pictures with the box greyed out and with the box alone: where nothing
 * is greyed out the detector says what it said when the run was scored, bit for bit.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/audit_worker.h"
#include "pipeline/image_settings.h"
#include "pipeline/score_recall.h"

enum {
    MOST = 12
};

static void ranges_are_pixel_centres(void **state)
{
    (void)state;
    random_key key = random_key_make(1, "range");
    for (uint64_t i = 0; i < 2000; i++) {
        size_t n = 1 + (size_t)random_below(key, 0, i, 40);
        float low = (float)(random_uniform(key, 1, i) * 60 - 10);
        float high = low + (float)(random_uniform(key, 2, i) * 40 - 5);
        if (i % 4 == 0) { /* on centres and borders, too */
            low = floorf(2 * low) / 2;
            high = floorf(2 * high) / 2;
        }
        pixel_range found = audit_range(low, high, n);
        assert_true(found.first <= found.last && found.last <= n);
        for (size_t x = 0; x < n; x++) {
            double centre = (double)x + 0.5;
            bool is_inside = centre >= (double)low && centre < (double)high;
            assert_int_equal(x >= found.first && x < found.last, is_inside);
        }
    }
}

static void paint_is_inside_or_outside(void **state)
{
    (void)state;
    const unsigned char grey[3] = {1, 2, 3};
    unsigned char pixels[7 * 5 * 3], expected[sizeof pixels];
    image on = {7, 5, pixels};
    const pixel_range columns = {2, 6}, rows = {1, 4}, none = {0, 0};
    for (int inside = 0; inside < 2; inside++) {
        memset(pixels, 9, sizeof pixels);
        for (size_t i = 0; i < 7 * 5; i++) {
            bool is_box = i % 7 >= 2 && i % 7 < 6 && i / 7 >= 1 && i / 7 < 4;
            for (size_t c = 0; c < 3; c++) {
                expected[3 * i + c] = is_box == (inside == 1) ? grey[c] : 9;
            }
        }
        audit_paint(&on, columns, rows, inside == 1, grey);
        assert_memory_equal(pixels, expected, sizeof pixels);
    }
    memset(pixels, 9, sizeof pixels);
    memset(expected, 9, sizeof expected);
    audit_paint(&on, none, none, true, grey); /* an empty box */
    assert_memory_equal(pixels, expected, sizeof pixels);
}

static void rows_are_read_back(void **state)
{
    (void)state;
    unsigned char bytes[AUDIT_ROW_BYTES] = {0};
    audit_row_put(bytes, (audit_row){AUDIT_VALID | AUDIT_FULL, -1.5F, 0x1.fffffep3F});
    audit_row found = audit_row_of(bytes);
    assert_int_equal(found.flags, AUDIT_VALID | AUDIT_FULL);
    assert_true(found.removed == -1.5F && found.alone == 0x1.fffffep3F);
    assert_int_equal(bytes[4], 0); /* little-endian: -1.5 is 0xBFC00000 */
    assert_int_equal(bytes[7], 0xBF);
}

/* ---- with a detector --------------------------------------------------------------------- */

/* A scored run and everything a worker needs. */
typedef struct fixture {
    spur_run *run;
    feature_rows rows;
    spur_image_options image;
    score_recall scoring;
    audit_task task;
    audit_worker *worker;
} fixture;

static void open_fixture(void *state, spur_aggregate aggregate, bool margin, fixture *out)
{
    spur_error error;
    spur_score_options options;
    const char *path = temp_in(state, "run");
    memset(out, 0, sizeof *out);
    spur_score_options_defaults(&options);
    options.threads = 1;
    options.aggregate = aggregate;
    options.margin = margin;
    assert_ok(spur_score(data_path("photos-tiny"), path, data_path("tiny-owlvit"), &options,
                         NULL, NULL, &error),
              error);
    assert_ok(spur_run_open(path, &out->run, &error), error);
    assert_ok(feature_rows_read(out->run->db, out->run->splits, &out->rows, &error), error);
    assert_true(out->rows.count <= MOST);
    spur_image_options_defaults(&out->image);
    assert_ok(score_recall_open(out->run, data_path("tiny-owlvit"), &out->scoring, &error),
              error);
    assert_int_equal(out->scoring.task.aggregate, aggregate);
    assert_int_equal(out->scoring.task.margin, margin);
    out->task.score = &out->scoring.task;
    out->task.source = (row_source){NULL, out->run->splits[0].root, &out->image};
    assert_ok(picture_gate_new(&out->task.source.gate, &error), error);
    assert_ok(audit_worker_new(&out->task, &out->worker, &error), error);
}

static void close_fixture(fixture *block)
{
    audit_worker_free(block->worker);
    picture_gate_free(block->task.source.gate);
    score_recall_close(&block->scoring);
    feature_rows_free(&block->rows);
    spur_run_close(block->run);
}

static void audit_all(fixture *of, audit_row out[MOST])
{
    spur_error error;
    atomic_bool cancelled;
    const feature_row *listed[MOST];
    unsigned char bytes[MOST * AUDIT_ROW_BYTES];
    atomic_init(&cancelled, false);
    memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < of->rows.count; i++) {
        listed[i] = &of->rows.rows[i];
    }
    for (size_t first = 0; first < of->rows.count; first += EXPERIMENT_BLOCK_IMAGES) {
        size_t left = of->rows.count - first;
        experiment_block block = {
            .images = listed + first,
            .count = left < EXPERIMENT_BLOCK_IMAGES ? left : EXPERIMENT_BLOCK_IMAGES,
            .outcomes = bytes + first * AUDIT_ROW_BYTES};
        assert_ok(audit_worker_run(of->worker, &block, &cancelled, &error), error);
    }
    for (size_t i = 0; i < of->rows.count; i++) {
        out[i] = audit_row_of(bytes + i * AUDIT_ROW_BYTES);
    }
}

static void set_boxes(fixture *of, float low, float high)
{
    for (size_t i = 0; i < of->rows.count; i++) {
        float *box = of->rows.rows[i].box;
        box[0] = box[1] = low;
        box[2] = box[3] = high;
    }
}

static void check_identities(void *state, spur_aggregate aggregate, bool margin)
{
    fixture of;
    audit_row found[MOST], other[MOST];
    size_t different = 0;
    open_fixture(state, aggregate, margin, &of);
    audit_all(&of, other); /* the true boxes */
    set_boxes(&of, -1.0F, 1e6F);
    audit_all(&of, found);
    for (size_t i = 0; i < of.rows.count; i++) {
        assert_int_equal(found[i].flags, AUDIT_VALID | AUDIT_FULL);
        assert_true(found[i].alone == of.rows.rows[i].logit);
        different += found[i].removed != found[i].alone && other[i].removed != found[i].alone;
    }
    assert_true(different > 0);
    set_boxes(&of, 1e6F, 2e6F);
    audit_all(&of, other);
    for (size_t i = 0; i < of.rows.count; i++) {
        assert_int_equal(other[i].flags, AUDIT_VALID | AUDIT_EMPTY);
        assert_true(other[i].removed == of.rows.rows[i].logit);
        assert_true(other[i].alone == found[i].removed); /* all grey both times */
    }
    close_fixture(&of);
}

static void nothing_greyed_out_is_the_runs_logit(void **state)
{
    check_identities(*state, SPUR_AGGREGATE_MAX, false);
}

static void scores_as_the_run_was_scored(void **state)
{
    check_identities(*state, SPUR_AGGREGATE_LOGSUMEXP, true);
}

static void changed_pictures_are_told(void **state)
{
    spur_error error;
    fixture of;
    atomic_bool cancelled;
    unsigned char bytes[AUDIT_ROW_BYTES] = {0};
    open_fixture(*state, SPUR_AGGREGATE_MAX, false, &of);
    const feature_row *row = &of.rows.rows[0];
    of.rows.rows[0].digest[5] ^= 1;
    experiment_block block = {.images = &row, .count = 1, .outcomes = bytes};
    atomic_init(&cancelled, false);
    assert_ok(audit_worker_run(of.worker, &block, &cancelled, &error), error);
    assert_int_equal(bytes[0], 0);
    assert_non_null(strstr(block.reasons[0], "has changed"));
    atomic_store(&cancelled, true);
    assert_int_equal(audit_worker_run(of.worker, &block, &cancelled, &error), SPUR_INTERRUPTED);
    close_fixture(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_pixel_centres),
        cmocka_unit_test(paint_is_inside_or_outside),
        cmocka_unit_test(rows_are_read_back),
        cmocka_unit_test_setup_teardown(nothing_greyed_out_is_the_runs_logit, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(scores_as_the_run_was_scored, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(changed_pictures_are_told, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
