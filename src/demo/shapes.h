/*
 * shapes.h - the 24 shapes of the demo world as tests "is this point inside?".
 *
 * Shape coordinates: the unit square -1..1, x right, y down. The first ten are the classes of
 * the demo, the others are known to the detector only.
 */
#ifndef DEMO_SHAPES_H
#define DEMO_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SHAPE_COUNT = 24,
    SHAPE_CLASS_COUNT = 10
};

/* No shape reaches farther from its centre than this. */
#define SHAPE_REACH 1.27

bool shape_contains(size_t shape, float x, float y);

/* "ring", "star", ...; shape < SHAPE_COUNT. */
const char *shape_name(size_t shape);

#endif
