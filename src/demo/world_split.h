/*
 * world_split.h - the four splits of a generated world and which image is which.
 *
 * Items count through splits, then classes, then images: the order of truth.csv.
 */
#ifndef DEMO_WORLD_SPLIT_H
#define DEMO_WORLD_SPLIT_H

#include "base/error.h"
#include "demo/world.h"

enum {
    WORLD_SPLITS = 4
};

/* train: biased, with planted errors; val: the same without errors; balanced: every background
 * equally often; ood: balanced, and of any hue. */
typedef struct world_split {
    const char *name;
    size_t images; /* per class */
    world_options options;
    random_key key;
} world_split;

/* SPUR_USAGE names the option that is out of range. */
spur_status world_splits_make(const spur_world_options *options, world_split out[WORLD_SPLITS],
                              spur_error *error) SPUR_MUST_USE;

typedef struct world_item {
    const world_split *split;
    size_t label, index;
} world_item;

uint64_t world_items(const world_split splits[WORLD_SPLITS]);
world_item world_item_at(const world_split splits[WORLD_SPLITS], uint64_t item);

#endif
