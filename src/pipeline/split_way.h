/*
 * split_way.h - what is special about a split out of distribution: the rule of a published set,
 * the border its pictures lose, the map of its classes. Kept in the run as one line of words;
 * every stage that reads the split's pictures asks for it here.
 */
#ifndef PIPELINE_SPLIT_WAY_H
#define PIPELINE_SPLIT_WAY_H

#include <stdbool.h>

#include "base/digest.h"
#include "io/store.h"

enum {
    SPLIT_WAY_SIZE = 400,
    SPLIT_WAY_MOST_BORDER = 1000
};

typedef struct split_way {
    spur_ood_rule rule;              /* never AUTO */
    size_t border;                   /* pixels that every side loses */
    char class_map[DIGEST_HEX_SIZE]; /* digest of the map; "": none */
    uint64_t excluded_classes, excluded_images;
} split_way;

/* True for "ood" and "ood:NAME". */
bool split_is_ood(const char *split);

const char *ood_rule_name(spur_ood_rule rule);
/* The rule of the set that the split's name names ("ood:imagenet-a", case and '_' for '-' do
 * not matter), else SPUR_OOD_NONE. */
spur_ood_rule ood_rule_of_split(const char *split);
/* The border that the set's pictures are published with. */
size_t ood_rule_border(spur_ood_rule rule);
/* True when accuracy is, unless asked otherwise, that of the best among the set's classes. */
bool ood_rule_masks(spur_ood_rule rule);

void split_way_describe(const split_way *way, char out[SPLIT_WAY_SIZE]);
/* SPUR_DATASET when the text is none that split_way_describe gives. */
spur_status split_way_parse(const char *text, split_way *out, spur_error *error) SPUR_MUST_USE;

/* True for a split that is like any other: it has no entry in the run. */
bool split_way_is_plain(const split_way *way);
spur_status split_way_save(store *into, const char *split, const split_way *way,
                           spur_error *error) SPUR_MUST_USE;
spur_status split_way_load(store *from, const char *split, split_way *out,
                           spur_error *error) SPUR_MUST_USE;

/* Sets *border to that of the split. */
spur_status split_border(store *from, const char *split, size_t *border,
                         spur_error *error) SPUR_MUST_USE;

#endif
