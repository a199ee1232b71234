/*
 * noise_plan.h - what is tried on every image, and the bytes its outcome is.
 *
 * Variant 0 is the image as it is; then trial by trial both regions, the object first, with
 * every strength. An outcome of H heads, V variants, little-endian:
 *     0  u8        NOISE_VALID | NOISE_EMPTY | NOISE_FULL, then 3 bytes 0
 *     4  u32       samples of the mask
 *     8  u32       boxes whose union it is, 0: none of the detector's
 *    12  f32[V-1]  ||x' - x|| of variants 1 .. V-1
 *        u16[H, V] predicted class of the run, NOISE_NO_CLASS: none of them
 */
#ifndef PIPELINE_NOISE_PLAN_H
#define PIPELINE_NOISE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
    NOISE_STRENGTHS = 32, /* at most */
    NOISE_STRENGTH_SIZE = TEXT_NUMBER_SIZE + 24,
    NOISE_TRIALS = 100,
    NOISE_CLASSES = UINT16_MAX, /* of a run, at most */
    NOISE_NO_CLASS = UINT16_MAX
};

enum noise_flag {
    NOISE_VALID = 1, /* the image could be read as it was scored */
    NOISE_EMPTY = 2, /* no sample of the input lies in the mask */
    NOISE_FULL = 4   /* all do */
};

enum noise_region {
    NOISE_INSIDE, /* the object: "fg" */
    NOISE_OUTSIDE,
    NOISE_REGIONS
};

typedef struct noise_plan {
    spur_noise_kind kind;              /* what the strengths are */
    double strengths[NOISE_STRENGTHS]; /* above 0, rising */
    size_t strength_count, trials;
    bool clamp;
    uint64_t seed, limit;
} noise_plan;

/* Sorts the strengths (none: the usual ones of the kind), drops those that are 0 or there
 * twice. SPUR_USAGE names a bad one. */
spur_status noise_plan_make(spur_noise_kind kind, const double *strengths, size_t count,
                            size_t trials, noise_plan *out, spur_error *error) SPUR_MUST_USE;

/* What a region's draw, which has that length, is multiplied by. */
double noise_scale(const noise_plan *plan, size_t strength, double length);
/* "length" or "sigma". */
const char *noise_kind_name(spur_noise_kind kind);
/* As it stands in keys: "100", "sigma-0.05". */
void noise_strength_name(const noise_plan *plan, size_t strength,
                         char out[NOISE_STRENGTH_SIZE]);
/* In a sentence: "length 100", "standard deviation 0.05". */
void noise_strength_words(const noise_plan *plan, size_t strength,
                          char out[NOISE_STRENGTH_SIZE]);

size_t noise_variants(const noise_plan *plan);
size_t noise_variant(const noise_plan *plan, size_t trial, enum noise_region region,
                     size_t strength);
size_t noise_row_bytes(const noise_plan *plan, size_t heads);

/* One image's outcome in bytes. */
typedef struct noise_row {
    const noise_plan *plan;
    unsigned char *bytes;
} noise_row;

void noise_row_put(noise_row into, unsigned flags, uint32_t inside, uint32_t boxes);
unsigned noise_row_flags(noise_row from);
uint32_t noise_row_inside(noise_row from);
uint32_t noise_row_boxes(noise_row from);
void noise_row_put_length(noise_row into, size_t variant, float length);
float noise_row_length(noise_row from, size_t variant);
void noise_row_put_class(noise_row into, size_t head, size_t variant, uint16_t predicted);
uint16_t noise_row_class(noise_row from, size_t head, size_t variant);

#endif
