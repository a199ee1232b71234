/*
 * world_batch.h - the demo world by batches, for the training scripts (loaded by ctypes).
 *
 * Plain C structs of 4-byte numbers; no global state, every function may run in any thread.
 */
#ifndef WORLD_BATCH_H
#define WORLD_BATCH_H

#include <stddef.h>
#include <stdint.h>

#define WORLD_BATCH_API __attribute__((visibility("default")))

typedef struct world_batch_object {
    int32_t shape;
    float box[4]; /* of the whole object, cut to the picture: xmin ymin xmax ymax, 0..96 */
    float energy, visible_fraction;
} world_batch_object;

/* Scenes first .. first + count - 1 of the seed: easiness [count] in [0, 1], pixels
 * [count, 96, 96, 3], object_count [count], objects [count, 4]. 0, or -1 for a bad argument. */
WORLD_BATCH_API int world_batch_scenes(uint64_t seed, uint64_t first, size_t count,
                                       const float *easiness, uint8_t *pixels,
                                       int32_t *object_count, world_batch_object *objects);

typedef struct world_batch_options {
    uint64_t seed;
    int32_t classes;
    float favourite, couple, skew, none, wrong, clearness_low;
    int32_t out_of_distribution, balanced;
} world_batch_options;

typedef struct world_batch_truth {
    int32_t planted; /* 0 ok, 1 none, 2 wrong */
    int32_t background, minority;
    float clearness, energy, visible_fraction, box[4];
    uint32_t shown; /* bit s: shape s is somewhere in the picture */
} world_batch_truth;

/* The images a train split of this seed holds under (label, index): both [count]. */
WORLD_BATCH_API int world_batch_images(const world_batch_options *options, const int32_t *label,
                                       const uint64_t *index, size_t count, uint8_t *pixels,
                                       world_batch_truth *truth);

/* "ring", ...; NULL when there is no such shape. */
WORLD_BATCH_API const char *world_batch_shape_name(int32_t shape);

#endif
