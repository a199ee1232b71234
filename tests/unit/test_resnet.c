/*
 * test_resnet.c - sizes from the weights, what is refused and with which words, folding, and
 * that an image's bits depend on neither its place nor the number of images.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "models/resnet.h"
#include "resnet_maker.h"

static const resnet_plan basic = {false, 16, {1, 2, 1, 1}, {16, 32, 64, 128}, {16, 32, 64, 128},
                                  5};
static const resnet_plan bottleneck = {
    true, 6, {1, 2, 1, 1}, {6, 12, 24, 48}, {24, 48, 96, 192}, 7};

enum {
    SIDE = 33
};

/* A plan's tensors in memory, to be changed before they are written. */
typedef struct fixture {
    arena *owner;
    tensor_out *tensors;
    size_t count;
    weights *from;
    resnet_plan plan;
} fixture;

static fixture fixture_make(const resnet_plan *plan)
{
    spur_error error;
    fixture made = {0};
    assert_ok(arena_new(&made.owner, &error), error);
    assert_ok(resnet_tensors_make(plan, "test", made.owner, &made.tensors, &made.count, &error),
              error);
    return made;
}

static void fixture_write(fixture *of, void **state)
{
    spur_error error;
    const char *path = temp_in(*state, "model.safetensors");
    assert_ok(safetensors_write(path, of->tensors, of->count, NULL, 0, &error), error);
    assert_ok(weights_open(path, false, &of->from, &error), error);
}

static void fixture_free(fixture *of)
{
    weights_close(of->from);
    arena_free(of->owner);
}

static tensor_out *find(const fixture *of, const char *name)
{
    for (size_t i = 0; i < of->count; i++) {
        if (strcmp(of->tensors[i].name, name) == 0) {
            return &of->tensors[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static void drop(fixture *of, const char *name)
{
    *find(of, name) = of->tensors[--of->count];
}

static void add(fixture *of, const char *name, size_t rank, const size_t *shape,
                const float *data)
{
    of->tensors[of->count++] = (tensor_out){name, TENSOR_F32, rank, shape, data};
}

static float *floats(size_t count)
{
    spur_error error;
    float *made = NULL;
    assert_ok(memory_new_zeroed(count, sizeof *made, &made, &error), error);
    return made;
}

/* ---- reading ----------------------------------------------------------------------------- */

static void test_sizes_from_weights(void **state)
{
    const resnet_plan *const plans[] = {&basic, &bottleneck};
    const char *const names[] = {"resnet-basic-1-2-1-1", "resnet-bottleneck-1-2-1-1"};
    for (size_t i = 0; i < 2; i++) {
        spur_error error;
        text_buffer name = {0};
        fixture of = fixture_make(plans[i]);
        fixture_write(&of, state);
        assert_true(resnet_recognise(of.from));
        assert_ok(resnet_plan_read(of.from, &of.plan, &error), error);
        assert_ok(weights_check_complete(of.from, &error), error);
        assert_memory_equal(of.plan.blocks, plans[i]->blocks, sizeof of.plan.blocks);
        assert_memory_equal(of.plan.width, plans[i]->width, sizeof of.plan.width);
        assert_memory_equal(of.plan.out, plans[i]->out, sizeof of.plan.out);
        assert_int_equal(of.plan.stem, plans[i]->stem);
        assert_int_equal(of.plan.classes, plans[i]->classes);
        assert_int_equal(of.plan.is_bottleneck, plans[i]->is_bottleneck);
        assert_ok(resnet_plan_name(&of.plan, &name, &error), error);
        assert_string_equal(name.data, names[i]);
        text_buffer_free(&name);
        fixture_free(&of);
    }
}

static void test_known_names(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet18", "resnet34", "resnet50", "resnet101",
                                        "resnet152"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        spur_error error;
        resnet_plan plan;
        text_buffer name = {0};
        assert_true(resnet_plan_find(names[i], &plan));
        assert_ok(resnet_plan_name(&plan, &name, &error), error);
        assert_string_equal(name.data, names[i]);
        text_buffer_free(&name);
    }
}

static void expect_refusal(fixture *of, void **state, const char *words)
{
    spur_error error;
    fixture_write(of, state);
    assert_true(resnet_recognise(of->from));
    spur_status status = resnet_plan_read(of->from, &of->plan, &error);
    if (status == SPUR_OK) {
        status = weights_check_complete(of->from, &error);
    }
    assert_int_equal(status, SPUR_MODEL);
    if (strstr(error.message, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, error.message);
    }
    fixture_free(of);
}

static void test_neighbours_are_refused_by_name(void **state)
{
    const float zeros[16 * 16] = {0};
    static const char *const alone[][2] = {
        {"conv1.0.weight", "'conv1.0.weight' shows a deep stem"},
        {"layer1.0.se.fc1.weight", "squeeze-and-excitation"},
        {"layer1.0.se.conv.weight", "channel attention"},
        {"attnpool.positional_embedding", "attention pooling"},
        {"resnet.embedder.embedder.convolution.weight", "names of Hugging Face"},
        {"stages.0.blocks.0.conv1.weight", "pre-activation"},
        {"layer5.0.conv1.weight", "'layer5.0.conv1.weight' has no place"}};
    const size_t shape[4] = {4, 4, 3, 3};
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
        fixture of = fixture_make(&basic);
        add(&of, alone[i][0], 4, shape, zeros);
        expect_refusal(&of, state, alone[i][1]);
    }
}

static void test_other_structures_are_refused(void **state)
{
    const float zeros[16 * 32 * 3 * 3] = {0};
    const size_t grouped[4] = {12, 3, 3, 3}, pooled[4] = {32, 16, 1, 1},
                 small[4] = {16, 3, 3, 3};
    fixture of = fixture_make(&bottleneck);
    find(&of, "layer2.1.conv2.weight")->shape = grouped;
    expect_refusal(&of, state, "'layer2.1.conv2.weight' shows grouped convolutions");
    of = fixture_make(&basic);
    *find(&of, "layer2.0.downsample.1.weight") =
        (tensor_out){"layer2.0.downsample.1.weight", TENSOR_F32, 4, pooled, zeros};
    expect_refusal(&of, state, "'layer2.0.downsample.1.weight' shows a pooled shortcut");
    of = fixture_make(&basic);
    drop(&of, "bn1.running_mean");
    expect_refusal(&of, state, "group norm");
    of = fixture_make(&basic);
    find(&of, "conv1.weight")->shape = small;
    expect_refusal(&of, state, "'conv1.weight' has shape [16, 3, 3, 3]");
}

static void test_faults_are_named(void **state)
{
    const size_t flat[4] = {32 * 32 * 9}, wrong = 8;
    fixture of = fixture_make(&basic);
    drop(&of, "layer2.1.bn2.running_var");
    expect_refusal(&of, state, "'layer2.1.bn2.running_var' is missing");
    of = fixture_make(&basic);
    drop(&of, "layer3.0.conv2.weight");
    expect_refusal(&of, state, "'layer3.0.conv2.weight' is missing");
    of = fixture_make(&basic);
    find(&of, "layer3.0.bn1.bias")->shape = &wrong;
    expect_refusal(&of, state, "'layer3.0.bn1.bias' has shape [8]");
    of = fixture_make(&basic);
    find(&of, "layer2.1.conv1.weight")->rank = 1;
    find(&of, "layer2.1.conv1.weight")->shape = flat;
    expect_refusal(&of, state, "'layer2.1.conv1.weight' has shape [9216]");
    of = fixture_make(&basic);
    find(&of, "layer4.0.conv1.weight")->rank = 0;
    expect_refusal(&of, state, "no convolution's weight");
    of = fixture_make(&basic);
    drop(&of, "fc.weight");
    expect_refusal(&of, state, "'fc.weight' is missing");
}

/* ---- folding ----------------------------------------------------------------------------- */

static spur_status open_network(fixture *of, spur_error *error)
{
    engine *on = NULL;
    resnet *body = NULL;
    assert_ok(resnet_plan_read(of->from, &of->plan, error), *error);
    assert_ok(engine_open(&on, error), *error);
    spur_status status = resnet_open(on, of->from, &of->plan, SIDE, &body, error);
    resnet_close(body);
    engine_close(on);
    return status;
}

/* A copy of the tensor's values with the second one changed. */
static float *change(tensor_out *tensor, float value)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        count *= tensor->shape[i];
    }
    float *changed = floats(count);
    memcpy(changed, tensor->data, count * sizeof *changed);
    changed[1] = value;
    tensor->data = changed;
    return changed;
}

static void test_numbers_that_do_not_fold(void **state)
{
    static const struct {
        float value;
        const char *tensor, *words;
    } faults[] = {
        {NAN, "layer1.0.conv1.weight", "non-finite"},
        {INFINITY, "layer1.0.bn1.running_mean", "non-finite"},
        {-1.0f, "layer2.0.downsample.1.running_var", "'layer2.0.downsample.1' does not fold"}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        spur_error error;
        fixture of = fixture_make(&basic);
        float *changed = change(find(&of, faults[i].tensor), faults[i].value);
        fixture_write(&of, state);
        spur_status status = open_network(&of, &error);
        assert_int_equal(status, SPUR_MODEL);
        if (strstr(error.message, faults[i].words) == NULL) {
            fail_msg("'%s' is not in: %s", faults[i].words, error.message);
        }
        memory_free(changed);
        fixture_free(&of);
    }
}

/* ---- running ----------------------------------------------------------------------------- */

enum {
    IMAGES = 11
};

static void run_images(fixture *of, const float *pixels, size_t images, float *features)
{
    spur_error error;
    engine *on = NULL;
    resnet *body = NULL;
    engine_worker *worker = NULL;
    assert_ok(engine_open(&on, &error), error);
    assert_ok(resnet_open(on, of->from, &of->plan, SIDE, &body, &error), error);
    assert_ok(engine_worker_new(on, &worker, &error), error);
    assert_true(resnet_bytes(body) > 0);
    assert_true(resnet_gmac(body) > 0.0);
    float *scratch = floats(resnet_scratch(body));
    assert_ok(resnet_run(body, worker, scratch, pixels, images, features, NULL, &error), error);
    memory_free(scratch);
    engine_worker_free(worker);
    resnet_close(body);
    engine_close(on);
}

static void test_image_alone(void **state)
{
    const resnet_plan *const plans[] = {&basic, &bottleneck};
    const size_t floats_of_image = (size_t)3 * SIDE * SIDE;
    float *pixels = floats(IMAGES * floats_of_image);
    for (size_t i = 0; i < IMAGES * floats_of_image; i++) {
        pixels[i] = (float)(i * 2654435761U % 4096U) / 1024.0f - 2.0f;
    }
    for (size_t i = 0; i < 2; i++) {
        spur_error error;
        fixture of = fixture_make(plans[i]);
        fixture_write(&of, state);
        assert_ok(resnet_plan_read(of.from, &of.plan, &error), error);
        size_t width = of.plan.out[RESNET_STAGES - 1];
        float *together = floats(IMAGES * width), *alone = floats(width);
        run_images(&of, pixels, IMAGES, together);
        for (size_t image = 0; image < IMAGES; image++) {
            run_images(&of, pixels + image * floats_of_image, 1, alone);
            assert_memory_equal(alone, together + image * width, width * sizeof *alone);
        }
        memory_free(together);
        memory_free(alone);
        fixture_free(&of);
    }
    memory_free(pixels);
}

static void test_sides(void **state)
{
    spur_error error;
    engine *on = NULL;
    resnet *body = NULL;
    fixture of = fixture_make(&basic);
    fixture_write(&of, state);
    assert_ok(resnet_plan_read(of.from, &of.plan, &error), error);
    assert_ok(engine_open(&on, &error), error);
    assert_int_equal(resnet_open(on, of.from, &of.plan, 0, &body, &error), SPUR_MODEL);
    assert_int_equal(resnet_open(on, of.from, &of.plan, 100000, &body, &error), SPUR_MODEL);
    assert_ok(resnet_open(on, of.from, &of.plan, 1, &body, &error), error);
    resnet_close(body);
    engine_close(on);
    fixture_free(&of);
}

static void test_cancelled(void **state)
{
    spur_error error;
    engine *on = NULL;
    resnet *body = NULL;
    engine_worker *worker = NULL;
    atomic_bool stop = true;
    const tower_watch watch = {.cancelled = &stop};
    fixture of = fixture_make(&basic);
    fixture_write(&of, state);
    assert_ok(resnet_plan_read(of.from, &of.plan, &error), error);
    assert_ok(engine_open(&on, &error), error);
    assert_ok(resnet_open(on, of.from, &of.plan, SIDE, &body, &error), error);
    assert_ok(engine_worker_new(on, &worker, &error), error);
    float *scratch = floats(resnet_scratch(body)), *pixels = floats((size_t)3 * SIDE * SIDE);
    float *features = floats(resnet_features(body));
    assert_int_equal(resnet_run(body, worker, scratch, pixels, 1, features, &watch, &error),
                     SPUR_INTERRUPTED);
    memory_free(scratch);
    memory_free(pixels);
    memory_free(features);
    engine_worker_free(worker);
    resnet_close(body);
    engine_close(on);
    fixture_free(&of);
}

static void test_allocation_failures(void **state)
{
    spur_error error;
    fixture of = fixture_make(&basic);
    fixture_write(&of, state);
    assert_ok(resnet_plan_read(of.from, &of.plan, &error), error);
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status != SPUR_OK; n++) {
        engine *on = NULL;
        resnet *body = NULL;
        assert_int_equal(status, SPUR_RESOURCE);
        assert_ok(engine_open(&on, &error), error);
        (void)memory_fail_at(n, true);
        status = resnet_open(on, of.from, &of.plan, SIDE, &body, &error);
        (void)memory_fail_at(0, false);
        assert_true(status != SPUR_OK || body != NULL);
        resnet_close(body);
        engine_close(on);
    }
    fixture_free(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes_from_weights, temp_setup, temp_teardown),
        cmocka_unit_test(test_known_names),
        cmocka_unit_test_setup_teardown(test_neighbours_are_refused_by_name, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_other_structures_are_refused, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_faults_are_named, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_numbers_that_do_not_fold, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(test_image_alone, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_sides, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_allocation_failures, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
