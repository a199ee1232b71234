/*
 * backbone_comparison.h - a backbone and its last layer, from picture to logits, against a
 * reference: the tiny networks with every stage, full sizes on photographs.
 *
 * Features and logits are compared with the double run. The references' pictures were resized
 * in Pillow 13's order.
 */
#ifndef TEST_BACKBONE_COMPARISON_H
#define TEST_BACKBONE_COMPARISON_H

#include "comparison.h"

enum {
    COMPARED_PIXELS,
    COMPARED_STAGES,
    COMPARED_FEATURE,
    COMPARED_LOGITS,
    COMPARED_TRACE, /* of full sizes: the first values of a stage and its root mean square */
    COMPARED_KINDS,

    FULL_CASES = 3 * 5 /* 3 photographs x (digest, trace, feature, logits, top 10) */
};

/* What the references of one family of networks hold. */
typedef struct backbone_family {
    observed *kinds;         /* [COMPARED_KINDS] */
    const char *unknown;     /* a stage that no reference has, or NULL */
    const char *untraced;    /* a stage that the traces pass over, or NULL */
    size_t traced;           /* number of stages of a trace */
    bool has_channels_first; /* stages are [channels, pixels], not [tokens, width] */
} backbone_family;

/* Reference golden/net/FOLDER; model: NULL for that folder, or another one with its network. */
void compare_tiny_backbone(const backbone_family *family, const char *folder, const char *model,
                           const char *architecture, golden_tally *tally);

/* Reference golden/net/full/NAME, whose weights MAKE writes to a folder. */
typedef spur_status backbone_maker(const void *sizes, const char *salt, const char *folder,
                                   spur_error *error);
void compare_full_backbone(const backbone_family *family, const char *name,
                           backbone_maker *make, const void *sizes, const char *architecture,
                           golden_tally *tally);

#endif
