/*
 * golden_vit.c - ViT and DeiT as backbones, from PNG or photograph to logits: the tiny ones of
 * the reference data with every stage, full sizes with weights made from their names.
 */
#include "backbone_comparison.h"
#include "vit_maker.h"

/* Observed with AVX2: 0, 3.4e-6, 4.2e-6, 4.3e-6, 9.1e-6 (pixels: equal to the bit). */
static observed kinds[COMPARED_KINDS] = {
    {"pixels", 0, 0},    {"stages", 2e-5, 0}, {"feature", 2e-5, 0},
    {"logits", 2e-5, 0}, {"trace", 5e-5, 0},
};

/* A trace holds token 0 behind the positions, the 12 blocks and the last norm. */
static const backbone_family vits = {.kinds = kinds, .untraced = "patch_embed", .traced = 14};

/* 3 pictures x (pixels, 3 stages and the blocks, feature, logits). */
static void test_tiny(void **state)
{
    (void)state;
    golden_tally tally = {.name = "tiny vits"};
    compare_tiny_backbone(&vits, "tiny-vit-hf", NULL, "vit-48-3-4_patch8_32", &tally);
    compare_tiny_backbone(&vits, "tiny-vit-timm", NULL, "vit-48-3-3_patch8_32", &tally);
    compare_tiny_backbone(&vits, "tiny-deit-distilled", NULL, "deit_distilled-48-2-4_patch8_32",
                          &tally);
    golden_finish(&tally, 3 * (9 + 9 + 8));
}

static spur_status make(const void *sizes, const char *salt, const char *folder,
                        spur_error *error)
{
    return vit_make(sizes, salt, folder, error);
}

static void test_full(void **state)
{
    (void)state;
    skip_when(parity_is("0"));
    golden_tally tally = {.name = "full vits"};
    vit_sizes tiny, small, face;
    assert_true(vit_sizes_find("deit_tiny_patch16_224", &tiny));
    assert_true(vit_sizes_find("deit_small_patch16_224", &small));
    face = small;
    face.prefix = "vit";
    compare_full_backbone(&vits, "deit_tiny", make, &tiny, "deit_tiny_patch16_224", &tally);
    compare_full_backbone(&vits, "deit_small", make, &small, "deit_small_patch16_224", &tally);
    compare_full_backbone(&vits, "vit-hf-deit_small", make, &face, "vit_small_patch16_224",
                          &tally);
    golden_finish(&tally, 3 * FULL_CASES);
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
        cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, print_observed);
}
