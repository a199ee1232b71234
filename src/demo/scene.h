/*
 * scene.h - light shapes on a dark texture, painted to 96 x 96 pixels and measured exactly.
 *
 * Objects are painted in order, each followed by its occluder. Four samples a pixel decide by
 * hard inside tests; what is measured comes from the same samples, before the noise.
 */
#ifndef DEMO_SCENE_H
#define DEMO_SCENE_H

#include "demo/shapes.h"
#include "demo/textures.h"

enum {
    SCENE_SIDE = 96,
    SCENE_BYTES = SCENE_SIDE * SCENE_SIDE * 3,
    SCENE_OBJECTS = 4
};

/* A disc in front of an object: the background again (moved), or one dark colour. */
typedef struct scene_occluder {
    double x, y, radius; /* pixels; radius 0: no occluder */
    bool is_textured;
    float colour[3];
} scene_occluder;

typedef struct scene_object {
    size_t shape;
    double x, y, radius; /* pixels */
    double turn;         /* in full turns */
    bool is_flipped;
    float opacity, colour[3];
    scene_occluder occluder;
} scene_object;

typedef struct scene {
    texture background;
    scene_object objects[SCENE_OBJECTS];
    size_t object_count;
    double noise; /* amplitude of the triangular noise, 0..1 */
} scene;

/* What can be seen of one object. */
typedef struct scene_view {
    double energy; /* mean over the picture of |colour with the object - colour without it| */
    double visible_fraction; /* of the object's area, what lies outside the picture included */
    double box[4];           /* xmin ymin xmax ymax of the whole object, cut to the picture */
} scene_view;

/* The random parts that all pictures share; radius is in pixels. The object's centre is drawn
 * so that at most an eighth of its extent is outside. */
void scene_draw_object(size_t shape, double radius, double opacity, draws *from,
                       scene_object *out);
void scene_draw_occluder(double least_reach, double most_reach, draws *from, scene_object *to);

/* Pixels [96, 96, 3] and one view per object. The noise reads the counters of (stream, index)
 * with the highest stream bit set. */
void scene_paint(const scene *painted, random_key key, uint32_t stream, uint64_t index,
                 unsigned char *pixels, scene_view *views);

#endif
