/* test_judged_head.c - heads of a run, their outputs against its classes, judged logits. */
#include "pipeline/judged_head.h"

#include "run_maker.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "pipeline/tally.h"

enum {
    FEATURES = 2
};

static const store_backbone backbone = {
    .name = "net", .digest = "d", .features = FEATURES, .classes = 4};

static const run_row images[] = {{.file_name = "a/1.png", .class_index = 0, .logit = 1},
                                 {.file_name = "b/1.png", .class_index = 1, .logit = 2},
                                 {.file_name = "c/1.png", .class_index = 2, .logit = 3}};

/* A run of classes a, b, c in the test's folder. */
static spur_run *new_run(void **state)
{
    return make_run(temp_in(*state, "run"), 3, images, 3);
}

/* RUN/heads/net/NAME.safetensors; names: the note class_names, or NULL. */
static head_entry put_head(const spur_run *run, const char *name, size_t classes,
                           const char *names)
{
    static char path[1000];
    static const float weight[8 * FEATURES] = {0};
    static const float bias[8] = {0.0F, TALLY_ABSENT_BIAS};
    spur_error error;
    head made = {0};
    const char *const notes[] = {"subset", name, "class_names", names};
    (void)snprintf(path, sizeof path, "%s/heads/net", run->folder);
    assert_ok(file_make_folder(path, &error), error);
    (void)snprintf(path, sizeof path, "%s/heads/net/%s.safetensors", run->folder, name);
    assert_ok(head_make(classes, FEATURES, &made, &error), error);
    memcpy(made.weight, weight, classes * FEATURES * sizeof(float));
    if (names == NULL) {
        memcpy(made.bias, bias, (classes < 8 ? classes : 8) * sizeof(float));
    }
    assert_ok(head_file_write(path, &made, "fc", notes, names == NULL ? 1 : 2, &error), error);
    head_free(&made);
    return (head_entry){name, path};
}

static void lists_the_original_first(void **state)
{
    spur_error error;
    spur_run *run = new_run(state);
    head_list list;
    char path[1000];
    assert_ok(head_list_make(run, "net", &list, &error), error);
    assert_int_equal(list.count, 0); /* no folder */
    head_list_free(&list);
    (void)put_head(run, "rnd-5-s0", 3, NULL);
    (void)put_head(run, "original", 3, NULL);
    (void)put_head(run, "clear-5", 3, NULL);
    (void)snprintf(path, sizeof path, "%s/heads/net/notes.txt", run->folder);
    assert_ok(file_replace(path, "x", 1, &error), error);
    (void)snprintf(path, sizeof path, "%s/heads/net/.safetensors", run->folder);
    assert_ok(file_replace(path, "x", 1, &error), error);
    assert_ok(head_list_make(run, "net", &list, &error), error);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.heads[0].name, "original");
    assert_string_equal(list.heads[1].name, "clear-5");
    assert_string_equal(list.heads[2].name, "rnd-5-s0");
    head_list_free(&list);
    spur_run_close(run);
}

/* The model calls its outputs z, B, a, c: they win over positions, and z competes. */
static void outputs_by_name(void **state)
{
    spur_error error;
    spur_run *run = new_run(state);
    judged_head with;
    const head_entry entry = put_head(run, "original", 4, "[\"z\",\"B\",\"a\",\"c\"]");
    const float says_a[] = {1, 2, 4, 3}, says_z[] = {9, 2, 4, 3}, equal[] = {0, 5, 5, 1};
    const float broken[] = {0, 1, (float)NAN, 1}, lost[] = {HUGE_VALF, 0, 0, 0};
    assert_ok(judged_head_open(run, &backbone, &entry, &with, &error), error);
    judgement said = judge_logits(&with, says_a, 0);
    assert_int_equal(said.predicted, 0);
    assert_true(said.margin == 1.0F);
    assert_int_equal(said.flags, PREDICTION_VALID | PREDICTION_KNOWN | PREDICTION_CORRECT |
                                     PREDICTION_TOP5);
    said = judge_logits(&with, says_a, 2);
    assert_int_equal(said.predicted, 0);
    assert_int_equal(said.flags, PREDICTION_VALID | PREDICTION_KNOWN | PREDICTION_TOP5);
    said = judge_logits(&with, says_z, 0);
    assert_int_equal(said.predicted, UINT32_MAX); /* none of the run's classes */
    assert_true(said.margin == 5.0F);
    said = judge_logits(&with, equal, 1); /* of equals the first output */
    assert_int_equal(said.predicted, 1);
    assert_true(said.margin == 0.0F);
    said = judge_logits(&with, equal, 0);
    assert_int_equal(said.predicted, 1);
    said = judge_logits(&with, broken, 0); /* nothing compares with NaN */
    assert_int_equal(said.flags & (PREDICTION_CORRECT | PREDICTION_TOP5), 0);
    said = judge_logits(&with, lost, 1);
    assert_int_equal(said.predicted, UINT32_MAX);
    assert_int_equal(said.flags, PREDICTION_VALID | PREDICTION_KNOWN);
    judged_head_close(&with);
    spur_run_close(run);
}

/* Class b had no image: never predicted, its images never right. */
static void absent_classes(void **state)
{
    spur_error error;
    spur_run *run = new_run(state);
    judged_head with;
    const head_entry entry = put_head(run, "clear-5", 3, NULL);
    const float logits[] = {1.5F, TALLY_ABSENT_BIAS, 1};
    assert_ok(judged_head_open(run, &backbone, &entry, &with, &error), error);
    judgement said = judge_logits(&with, logits, 1);
    assert_int_equal(said.predicted, 0);
    assert_int_equal(said.flags, PREDICTION_VALID); /* among three, but not among the five */
    assert_true(said.margin == 0.5F);
    said = judge_logits(&with, logits, 2);
    assert_int_equal(said.flags, PREDICTION_VALID | PREDICTION_KNOWN | PREDICTION_TOP5);
    judged_head_close(&with);
    spur_run_close(run);
}

/* Six outputs: the sixth place is not among the first five. */
static void fifth_and_sixth_place(void **state)
{
    spur_error error;
    spur_run *run = new_run(state);
    judged_head with;
    const head_entry entry =
        put_head(run, "original", 6, "[\"a\",\"b\",\"c\",\"x\",\"y\",\"z\"]");
    const float logits[] = {1, 2, 3, 4, 5, 6};
    assert_ok(judged_head_open(run, &backbone, &entry, &with, &error), error);
    assert_int_equal(judge_logits(&with, logits, 0).flags & PREDICTION_TOP5, 0);
    assert_int_equal(judge_logits(&with, logits, 1).flags & PREDICTION_TOP5, PREDICTION_TOP5);
    judged_head_close(&with);
    spur_run_close(run);
}

static void refuses_what_does_not_fit(void **state)
{
    static const struct {
        const char *name, *names;
        size_t classes;
        spur_status status;
        const char *message;
    } cases[] = {
        {"original", NULL, 4, SPUR_DATASET, "the run has 3 classes, the model 4 outputs"},
        {"original", "[\"a\",\"b\",\"d\",\"e\"]", 4, SPUR_DATASET, "none called"},
        {"original", "[\"a\",\"b\"]", 4, SPUR_MODEL, "not a list of 4 names"},
        {"original", "{\"a\":1}", 4, SPUR_MODEL, "not a list of 4 names"},
        {"original", "[\"a\",\"b\",\"c\",1]", 4, SPUR_MODEL, "element 3 is not text"},
        {"original", "[\"a\"", 4, SPUR_MODEL, ""},
        {"clear-5", NULL, 4, SPUR_DATASET, "expected 3"},
    };
    spur_error error;
    spur_run *run = new_run(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        judged_head with;
        const head_entry entry = put_head(run, cases[i].name, cases[i].classes, cases[i].names);
        assert_int_equal(judged_head_open(run, &backbone, &entry, &with, &error),
                         cases[i].status);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("case %zu: expected \"%s\" in \"%s\"", i, cases[i].message, error.message);
        }
    }
    spur_run_close(run);
}

static void survives_without_memory(void **state)
{
    spur_error error;
    spur_run *run = new_run(state);
    const head_entry entry = put_head(run, "original", 4, "[\"z\",\"b\",\"a\",\"c\"]");
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        judged_head with;
        memset(&with, 0, sizeof with);
        assert_true(n < 1000);
        (void)memory_fail_at(n, false);
        status = judged_head_open(run, &backbone, &entry, &with, &error);
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        judged_head_close(&with);
    }
    spur_run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_the_original_first, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(outputs_by_name, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(absent_classes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(fifth_and_sixth_place, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_does_not_fit, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(survives_without_memory, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
