/*
 * condition.h - conditions on the numbers of a run, as "gap>8,p<.01" of --fail-if.
 *
 * A condition is one or more terms NAME OP BOUND with commas between. NAME is a key of
 * metrics.json, in which * stands for one part, as "val", any backbone, "original", "top1"; or
 * its last part alone, which keeps the place of the name before it, and at first means every
 * split, backbone and head. Terms of one place must hold for the same split, backbone and head.
 * As last part "gap" is gap_at_<k> of every k, and "p" the p-value beside it.
 */
#ifndef CLI_CONDITION_H
#define CLI_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/failure.h"

typedef struct condition condition;

/* SPUR_USAGE says at which character what was expected. */
spur_status condition_parse(const char *text, condition **out, spur_error *error) SPUR_MUST_USE;
void condition_free(condition *block);

typedef struct condition_number {
    const char *key; /* "val/resnet50/original/top1" */
    double value;    /* finite; accuracies and gaps as fractions */
} condition_number;

enum {
    CONDITION_MESSAGE = 600
};

/* *holds, and then which numbers make it hold, in words: of several the one that goes farthest
 * beyond the first bound. SPUR_USAGE when a name means none of the numbers. */
spur_status condition_check(const condition *of, const condition_number *numbers, size_t count,
                            bool *holds, char message[CONDITION_MESSAGE],
                            spur_error *error) SPUR_MUST_USE;

#endif
