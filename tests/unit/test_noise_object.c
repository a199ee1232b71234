/*
 * test_noise_object.c - the union of a detector's boxes against logits and boxes asked for one
 * by one, and its two ends: nothing but the run's box, and every box there is.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/image_settings.h"
#include "pipeline/noise_mask.h"
#include "pipeline/noise_object.h"
#include "pipeline/row_picture.h"
#include "pipeline/score_recall.h"

enum {
    SIDE = 24,
    AREA = SIDE * SIDE,
    PATCHES = 64 /* of the tiny detector, at most */
};

/* A scored run, its detector, and the run's pictures. */
typedef struct fixture {
    spur_run *run;
    feature_rows rows;
    spur_image_options image;
    score_recall scoring;
    row_source source;
    preprocess recipe;
    detector_worker *worker; /* for the naive twin */
} fixture;

static void open_fixture(void *state, const char *model, bool margin, fixture *out)
{
    spur_error error;
    spur_score_options options;
    const char *path = temp_in(state, "run");
    memset(out, 0, sizeof *out);
    spur_score_options_defaults(&options);
    options.threads = 1;
    options.margin = margin;
    options.objectness = strcmp(model, "tiny-owlv2") == 0;
    assert_ok(spur_score(data_path("photos-tiny"), path, data_path(model), &options, NULL, NULL,
                         &error),
              error);
    assert_ok(spur_run_open(path, &out->run, &error), error);
    assert_ok(feature_rows_read(out->run->db, out->run->splits, &out->rows, &error), error);
    spur_image_options_defaults(&out->image);
    assert_ok(score_recall_open(out->run, data_path(model), &out->scoring, &error), error);
    assert_true(detector_patches(out->scoring.model) <= PATCHES);
    out->source = (row_source){NULL, out->run->splits[0].root, &out->image};
    assert_ok(picture_gate_new(&out->source.gate, &error), error);
    assert_ok(detector_worker_new(out->scoring.model, &out->worker, &error), error);
    preprocess_torchvision(&out->recipe);
    out->recipe.width = out->recipe.height = SIDE;
    out->recipe.short_side = SIDE + 3;
}

static void close_fixture(fixture *block)
{
    detector_worker_free(block->worker);
    picture_gate_free(block->source.gate);
    score_recall_close(&block->scoring);
    feature_rows_free(&block->rows);
    spur_run_close(block->run);
}

/* What one way finds on one image of the run. */
typedef struct finding {
    unsigned char mask[AREA];
    noise_object object;
} finding;

static void look(const fixture *of, const noise_way *way, size_t i, finding *out)
{
    spur_error error;
    picture loaded;
    noise_finder *finder = NULL;
    const feature_row *row = &of->rows.rows[i];
    assert_ok(row_picture_load(&of->source, row->file_name, row->digest, &loaded, &error),
              error);
    assert_ok(noise_finder_new(way, &finder, &error), error);
    assert_ok(noise_finder_look(finder, &of->recipe, row, &loaded.pixels, out->mask,
                                &out->object, &error),
              error);
    noise_finder_free(finder);
    picture_free(of->source.gate, &loaded);
}

static finding look_with(const fixture *of, double probability, size_t i)
{
    const noise_way way = {NULL, probability > 0.0 ? &of->scoring.task : NULL, probability};
    finding found;
    look(of, &way, i, &found);
    return found;
}

/* Logits and boxes of all patches one by one: the OR of the masks of those with
 * 1 / (1 + exp(-x)) >= probability. */
static finding look_naively(const fixture *of, double probability, size_t i)
{
    spur_error error;
    picture loaded;
    float logits[PATCHES], box[4];
    finding made = {.object = {0, 0}};
    const feature_row *row = &of->rows.rows[i];
    const detector *model = of->scoring.model;
    assert_ok(row_picture_load(&of->source, row->file_name, row->digest, &loaded, &error),
              error);
    assert_ok(detector_look(of->worker, &loaded.pixels, &error), error);
    detector_logits(of->worker,
                    of->scoring.queries + row->class_index * detector_embedding(model), 1,
                    of->scoring.task.as_given, logits);
    if (of->scoring.task.objectness) {
        const float *objectness = NULL;
        assert_ok(detector_objectness(of->worker, &objectness, &error), error);
        for (size_t p = 0; p < detector_patches(model); p++) {
            logits[p] += objectness[p];
        }
    }
    for (size_t p = 0; p < detector_patches(model); p++) {
        unsigned char mask[AREA];
        size_t inside;
        if (1.0 / (1.0 + exp(-(double)logits[p])) < probability) {
            continue;
        }
        assert_ok(detector_box(of->worker, p, box, &error), error);
        float pixels[1][4];
        detector_box_to_pixels(model, box, loaded.pixels.width, loaded.pixels.height,
                               pixels[0]);
        const noise_boxes one = {(const float(*)[4])pixels, 1};
        assert_ok(noise_mask_boxes(&of->recipe, loaded.pixels.width, loaded.pixels.height, &one,
                                   mask, &inside, &error),
                  error);
        for (size_t k = 0; k < AREA; k++) {
            made.mask[k] |= mask[k];
        }
        made.object.boxes++;
    }
    for (size_t k = 0; k < AREA; k++) {
        made.object.inside += made.mask[k];
    }
    picture_free(of->source.gate, &loaded);
    return made;
}

static void assert_same(const finding *a, const finding *b)
{
    assert_memory_equal(a->mask, b->mask, AREA);
    assert_int_equal(a->object.inside, b->object.inside);
    assert_int_equal(a->object.boxes, b->object.boxes);
}

static void compare_with_twin(void *state, const char *model, const double probabilities[4])
{
    fixture of;
    size_t several = 0, partial = 0;
    open_fixture(state, model, false, &of);
    for (size_t i = 0; i < of.rows.count; i++) {
        for (size_t t = 0; t < 4; t++) {
            finding expected = look_naively(&of, probabilities[t], i);
            finding found = look_with(&of, probabilities[t], i);
            if (expected.object.boxes == 0) { /* none: the run's box alone */
                expected = look_with(&of, 0.0, i);
            }
            assert_same(&found, &expected);
            several += found.object.boxes > 1;
            partial += found.object.inside > 0 && found.object.inside < AREA;
        }
    }
    assert_true(several > 12 && partial > 12);
    close_fixture(&of);
}

static void equals_the_naive_twin(void **state)
{
    static const double probabilities[] = {0.05, 0.2, 0.3, 0.35};
    compare_with_twin(*state, "tiny-owlvit", probabilities);
}

static void objectness_belongs_to_the_probability(void **state)
{
    static const double probabilities[] = {0.05, 0.2, 0.3, 0.35};
    compare_with_twin(*state, "tiny-owlv2", probabilities);
}

/* The best box is in every union; a higher threshold leaves a part of the union; above every
 * probability there is the best box alone, and near 0 every box. */
static void ends_at_one_box_and_all(void **state)
{
    static const double rising[] = {1e-9, 0.1, 0.3, 0.5, 1 - 1e-9};
    fixture of;
    open_fixture(*state, "tiny-owlvit", true, &of); /* a margin changes no box */
    for (size_t i = 0; i < of.rows.count; i++) {
        finding best = look_with(&of, 0.0, i), last = {.object = {0, 0}};
        assert_int_equal(best.object.boxes, 1);
        for (size_t t = 0; t < sizeof rising / sizeof rising[0]; t++) {
            finding found = look_with(&of, rising[t], i);
            for (size_t k = 0; k < AREA; k++) {
                assert_true(found.mask[k] >= best.mask[k]);
                assert_true(t == 0 || found.mask[k] <= last.mask[k]);
            }
            assert_true(t > 0 || found.object.boxes == detector_patches(of.scoring.model));
            last = found;
        }
        assert_same(&last, &best);
    }
    close_fixture(&of);
}

/* The box whose logit is the image's is the one the run keeps, bit for bit. */
static void the_best_box_is_the_runs(void **state)
{
    fixture of;
    spur_error error;
    scorer *scores = NULL;
    float boxes[PATCHES][4];
    open_fixture(*state, "tiny-owlvit", false, &of);
    assert_ok(scorer_new(&of.scoring.task, &scores, &error), error);
    for (size_t i = 0; i < of.rows.count; i++) {
        picture loaded;
        size_t count = 0;
        const feature_row *row = &of.rows.rows[i];
        assert_ok(row_picture_load(&of.source, row->file_name, row->digest, &loaded, &error),
                  error);
        assert_ok(scorer_boxes(scores, &loaded.pixels, row->class_index, (double)row->logit,
                               boxes, &count, &error),
                  error);
        assert_int_equal(count, 1);
        assert_memory_equal(boxes[0], row->box, sizeof row->box);
        picture_free(of.source.gate, &loaded);
    }
    scorer_free(scores);
    close_fixture(&of);
}

static spur_status allocate_all(const fixture *of, const noise_way *way, const image *src,
                                spur_error *error)
{
    spur_status status;
    finding found;
    noise_finder *finder = NULL;
    TRY(noise_finder_new(way, &finder, error));
    TRY(noise_finder_look(finder, &of->recipe, of->rows.rows, src, found.mask, &found.object,
                          error));
done:
    noise_finder_free(finder);
    return status;
}

static void stops_and_fails_cleanly(void **state)
{
    fixture of;
    spur_error error;
    picture loaded;
    noise_finder *finder = NULL;
    finding found;
    atomic_bool cancelled;
    size_t failed = 0;
    spur_status status = SPUR_RESOURCE;
    open_fixture(*state, "tiny-owlvit", false, &of);
    const noise_way way = {NULL, &of.scoring.task, 0.3};
    const feature_row *row = of.rows.rows;
    assert_ok(row_picture_load(&of.source, row->file_name, row->digest, &loaded, &error),
              error);
    while (status != SPUR_OK) {
        (void)memory_fail_at(failed + 1, false);
        status = allocate_all(&of, &way, &loaded.pixels, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        failed += status != SPUR_OK;
    }
    assert_true(failed > 5);
    atomic_init(&cancelled, true);
    assert_ok(noise_finder_new(&way, &finder, &error), error);
    noise_finder_watch(finder, &cancelled);
    assert_int_equal(noise_finder_look(finder, &of.recipe, row, &loaded.pixels, found.mask,
                                       &found.object, &error),
                     SPUR_INTERRUPTED);
    noise_finder_free(finder);
    picture_free(of.source.gate, &loaded);
    close_fixture(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equals_the_naive_twin, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(objectness_belongs_to_the_probability, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(ends_at_one_box_and_all, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(the_best_box_is_the_runs, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(stops_and_fails_cleanly, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
