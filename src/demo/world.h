/*
 * world.h - the generated images of the demo: pictures of a class, and scenes of many objects.
 *
 * An image is a function of (seed, split, label, index) and the options: any of them can be
 * made alone, in any order, on any machine, with the same bytes. Nothing here allocates.
 */
#ifndef DEMO_WORLD_H
#define DEMO_WORLD_H

#include "demo/scene.h"

enum {
    WORLD_CLASSES_LEAST = 2,
    WORLD_CLASSES_MOST = SHAPE_CLASS_COUNT
};

typedef enum world_planted {
    WORLD_OK,
    WORLD_NONE, /* the class's object is absent */
    WORLD_WRONG /* the label is wrong: another class, on that class's background */
} world_planted;

/* What decides the images of one split. Class c's favourite background is texture c. */
typedef struct world_options {
    size_t classes;           /* WORLD_CLASSES_LEAST .. WORLD_CLASSES_MOST */
    double favourite;         /* probability of the favourite background */
    double couple;            /* ... plus couple * (.5 - clearness) */
    double skew;              /* clearness = uniform^skew; 1 is uniform */
    double none, wrong;       /* probabilities of the planted errors */
    double clearness_low;     /* clearness is in [clearness_low, 1) */
    bool out_of_distribution; /* backgrounds of any hue */
    bool balanced;            /* all backgrounds equally often; favourite and couple unused */
} world_options;

typedef struct world_truth {
    world_planted planted;
    size_t background;
    bool is_minority; /* the background is not the label's favourite */
    double clearness; /* what was intended; energy is what came out */
    uint32_t shown;   /* bit s: shape s was painted, as the object or as a distractor */
    scene_view view;  /* of the label's own object: zeros when planted is not WORLD_OK */
} world_truth;

/* The favourites at .95, without planted errors. */
world_options world_options_plain(size_t classes);

/* The key of a split's images; the split's name is part of it. */
random_key world_key(uint64_t seed, const char *split);

/* label < options->classes; pixels [96, 96, 3]. */
void world_image(const world_options *options, random_key key, size_t label, uint64_t index,
                 unsigned char *pixels, world_truth *truth);

/* The same truth but for the view, without painting: a hundred times faster. */
void world_foretell(const world_options *options, random_key key, size_t label, uint64_t index,
                    world_truth *truth);

/* One object of a scene, as it was painted and as it is seen. */
typedef struct world_object {
    size_t shape;
    scene_view view;
} world_object;

/* A scene of 1 to SCENE_OBJECTS objects of any shape on any background, for the training of a
 * detector. easiness in [0, 1]: 1 is large, opaque, uncovered objects on flat colours. Returns
 * how many objects there are. */
size_t world_scene(random_key key, uint64_t index, double easiness, unsigned char *pixels,
                   world_object objects[SCENE_OBJECTS]);

#endif
