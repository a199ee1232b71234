/*
 * golden_resnet.c - ResNets against torchvision's: the tiny ones of the reference data with
 * every stage, ResNet-18 and ResNet-50 on photographs with weights made from their names.
 *
 * conv1 is not kept by a network with folded batch norm; the stem behind it is.
 */
#include <unistd.h>

#include "backbone_comparison.h"
#include "resnet_maker.h"

/* Observed with AVX2: 0 (equal to the bit), 3.4e-6, 8.9e-7, 1.3e-6, 2.2e-6. */
static observed kinds[COMPARED_KINDS] = {
    {"pixels", 0, 0},    {"stages", 1e-5, 0}, {"feature", 2e-5, 0},
    {"logits", 2e-5, 0}, {"trace", 2e-5, 0},
};

/* A trace holds the first pixels of channel 0. */
static const backbone_family resnets = {.kinds = kinds,
                                        .unknown = "conv1",
                                        .untraced = "conv1",
                                        .traced = RESNET_STAGES + 1,
                                        .has_channels_first = true};

/* The folder's config.json beside weights in a file of PyTorch's. */
static void compare_pytorch(void *state, const char *folder, const char *file,
                            const char *architecture, golden_tally *tally)
{
    char config[128], path[128];
    (void)snprintf(config, sizeof config, "golden/net/%s/config.json", folder);
    (void)snprintf(path, sizeof path, "golden/net/%s/weights.pth", file);
    (void)unlink(temp_in(state, "config.json"));
    (void)unlink(temp_in(state, "pytorch_model.bin"));
    assert_int_equal(symlink(shared_path(config), temp_in(state, "config.json")), 0);
    assert_int_equal(symlink(shared_path(path), temp_in(state, "pytorch_model.bin")), 0);
    compare_tiny_backbone(&resnets, folder, state, architecture, tally);
}

/* 3 pictures x (pixels, 5 stages, feature, logits). */
static void test_tiny(void **state)
{
    static const char basic[] = "tiny-resnet-basic", wide[] = "tiny-resnet-bottleneck";
    golden_tally tally = {.name = "tiny resnets"};
    compare_tiny_backbone(&resnets, basic, NULL, "resnet-basic-1-2-1-1", &tally);
    compare_tiny_backbone(&resnets, wide, NULL, "resnet-bottleneck-1-2-1-1", &tally);
    compare_pytorch(*state, basic, "tiny-resnet-basic-pth", "resnet-basic-1-2-1-1", &tally);
    compare_pytorch(*state, wide, "tiny-resnet-bottleneck-legacy", "resnet-bottleneck-1-2-1-1",
                    &tally);
    golden_finish(&tally, 4 * 3 * 8);
}

static spur_status make(const void *plan, const char *salt, const char *folder,
                        spur_error *error)
{
    return resnet_make(plan, salt, 224, folder, error);
}

static void test_full(void **state)
{
    (void)state;
    skip_when(parity_is("0"));
    golden_tally tally = {.name = "full resnets"};
    resnet_plan small, large;
    assert_true(resnet_plan_find("resnet18", &small));
    assert_true(resnet_plan_find("resnet50", &large));
    compare_full_backbone(&resnets, "resnet18", make, &small, "resnet18", &tally);
    compare_full_backbone(&resnets, "resnet50", make, &large, "resnet50", &tally);
    golden_finish(&tally, 2 * FULL_CASES);
}

static int print_observed(void **state)
{
    (void)state;
    observed_print(kinds, COMPARED_KINDS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tiny, temp_setup, temp_teardown),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, print_observed);
}
