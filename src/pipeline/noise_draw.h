/*
 * noise_draw.h - noise inside or outside a mask, on pixels in [0, 1].
 *
 *     x' = clamp(x + scale * v, 0, 1),   v = n * m or n * (1 - m)
 *
 * n is N(0, 1), a pure function of (seed, image id, trial, element): the same for both regions,
 * every strength, head and network of the same input size, in any order, on every machine. The
 * scale is the plan's: noise_scale in noise_plan.h.
 */
#ifndef PIPELINE_NOISE_DRAW_H
#define PIPELINE_NOISE_DRAW_H

#include <stdbool.h>

#include "base/random.h"
#include "io/store.h"

/* Key of an image's draws. */
random_key noise_key(uint64_t seed, const unsigned char id[STORE_ID_SIZE]);

/* The first `count` elements of a trial. */
void noise_draw(random_key key, uint64_t trial, size_t count, float *out);

typedef struct noise_request {
    const float *draw;         /* [3, area] */
    const unsigned char *mask; /* [area]: 1 inside, else 0 */
    size_t area;
    bool is_inside; /* the region: m, or 1 - m */
    double scale;
    bool clamp;
} noise_request;

/* ||draw * region|| over the whole [3, area]; scale and clamp of the request are not looked at.
 */
double noise_length(const noise_request *request);

/* dst[3, area] from src; *realised = ||dst - src||. */
void noise_add(const noise_request *request, const float *src, float *dst, double *realised);

#endif
