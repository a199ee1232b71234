/*
 * world_split.c - from the options of a world to the options of its splits.
 */
#include "demo/world_split.h"

#include <math.h>
#include <string.h>

enum {
    IMAGES_MOST = 10000 /* four digits in a file name */
};

void spur_world_options_defaults(spur_world_options *options)
{
    memset(options, 0, sizeof *options);
    options->seed = 1;
    options->classes = WORLD_CLASSES_MOST;
    options->train_images = 300;
    options->test_images = 50;
    options->favourite = 0.95;
    options->skew = 1.5;
    options->none = 0.05;
    options->wrong = 0.02;
}

/* Rejects NaN, too. */
static bool is_within(double value, double low, double high)
{
    return value >= low && value <= high;
}

static spur_status check_options(const spur_world_options *options, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (options->classes < WORLD_CLASSES_LEAST || options->classes > WORLD_CLASSES_MOST) {
        FAIL(SPUR_USAGE, "a world has %d to %d classes, not %zu", WORLD_CLASSES_LEAST,
             WORLD_CLASSES_MOST, options->classes);
    }
    if (options->train_images < 1 || options->train_images > IMAGES_MOST ||
        options->test_images < 1 || options->test_images > IMAGES_MOST) {
        FAIL(SPUR_USAGE, "a world has 1 to %d images per class and split, not %zu and %zu",
             IMAGES_MOST, options->train_images, options->test_images);
    }
    if (!is_within(options->favourite, 0.0, 1.0) || !is_within(options->couple, -2.0, 2.0)) {
        FAIL(SPUR_USAGE, "a world's favourite must be in 0..1 and its couple in -2..2");
    }
    if (!is_within(options->none, 0.0, 1.0) || !is_within(options->wrong, 0.0, 1.0) ||
        options->none + options->wrong > 1.0) {
        FAIL(SPUR_USAGE,
             "a world's shares of absent and wrong objects must be in 0..1 together");
    }
    if (!is_within(options->skew, 0.1, 10.0)) {
        FAIL(SPUR_USAGE, "a world's skew must be in 0.1..10");
    }
done:
    return status;
}

spur_status world_splits_make(const spur_world_options *options, world_split out[WORLD_SPLITS],
                              spur_error *error)
{
    static const char *const names[WORLD_SPLITS] = {"train", "val", "balanced", "ood"};
    spur_status status = check_options(options, error);
    for (size_t i = 0; status == SPUR_OK && i < WORLD_SPLITS; i++) {
        bool is_train = i == 0;
        out[i] =
            (world_split){.name = names[i],
                          .images = is_train ? options->train_images : options->test_images,
                          .key = world_key(options->seed, names[i]),
                          .options = {.classes = options->classes,
                                      .favourite = options->favourite,
                                      .couple = options->couple,
                                      .skew = options->skew,
                                      .none = is_train ? options->none : 0.0,
                                      .wrong = is_train ? options->wrong : 0.0,
                                      .balanced = i >= 2,
                                      .out_of_distribution = i == 3}};
    }
    return status;
}

uint64_t world_items(const world_split splits[WORLD_SPLITS])
{
    uint64_t count = 0;
    for (size_t i = 0; i < WORLD_SPLITS; i++) {
        count += (uint64_t)splits[i].images * splits[i].options.classes;
    }
    return count;
}

world_item world_item_at(const world_split splits[WORLD_SPLITS], uint64_t item)
{
    const world_split *split = splits;
    while (item >= (uint64_t)split->images * split->options.classes) {
        item -= (uint64_t)split->images * split->options.classes;
        split++;
    }
    return (world_item){split, (size_t)(item / split->images), (size_t)(item % split->images)};
}
