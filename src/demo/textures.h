/*
 * textures.h - the ten backgrounds: two dark colours mixed by a periodic pattern.
 *
 * Texture b is the favourite of class b. Hue families overlap between neighbours on purpose:
 * with hues that separate the classes a classifier never learns a shape.
 */
#ifndef DEMO_TEXTURES_H
#define DEMO_TEXTURES_H

#include "demo/draws.h"

enum {
    TEXTURE_COUNT = 10,
    TEXTURE_LATTICE = 16 /* cells of random values, each way */
};

typedef struct texture {
    size_t kind;
    float across[2], down[2]; /* pixels to periods: u = across . (x, y), v = down . (x, y) */
    float shift[2];
    float first[3], second[3]; /* colours of pattern values 0 and 1 */
    float lattice[TEXTURE_LATTICE * TEXTURE_LATTICE];
} texture;

/* Colour of hue, saturation and value, each in 0..1 (the hue wraps). */
void colour_from_hsv(double hue, double saturation, double value, float out[3]);

/* A random texture of the kind. `free_hue`: any hue instead of the kind's family. */
void texture_draw(size_t kind, bool free_hue, draws *from, texture *out);

/* "stripes", "checks", ...; kind < TEXTURE_COUNT. */
const char *texture_name(size_t kind);

/* Moves the second colour towards the first: contrast 1 leaves it, 0 makes the texture flat. */
void texture_flatten(texture *paint, double contrast);

/* The colour at pixel (x, y), the pattern moved by `offset` periods each way. */
void texture_colour(const texture *paint, float x, float y, const float offset[2],
                    float out[3]);

#endif
