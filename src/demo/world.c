/*
 * world.c - what is in a picture: class, background, clearness, planted errors, distractors.
 *
 * The order of the draws is the order of the statements. A branch that draws nothing is fine:
 * an image's numbers are its own.
 */
#include "demo/world.h"

#include <assert.h>
#include <math.h>

#include "base/plain_math.h"

enum {
    SCENE_STREAM = 1u << 30, /* labels are the streams of class images */
    PLACE_ATTEMPTS = 12
};

static double clamp(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

world_options world_options_plain(size_t classes)
{
    return (world_options){.classes = classes, .favourite = 0.95, .skew = 1.0};
}

random_key world_key(uint64_t seed, const char *split)
{
    uint32_t words[4];
    random_key named = random_key_make(seed, split);
    random_words(named, 0, 0x776F726C64u, words); /* "world": apart from other users of seed */
    return (random_key){{words[0], words[1]}};
}

static size_t draw_other(draws *from, size_t not_this, size_t count)
{
    size_t other = draw_below(from, count - 1);
    return other + (other >= not_this);
}

static world_planted draw_planted(const world_options *options, draws *from)
{
    double at = draw_between(from, 0.0, 1.0);
    return at < options->none                    ? WORLD_NONE
           : at < options->none + options->wrong ? WORLD_WRONG
                                                 : WORLD_OK;
}

static size_t draw_background(const world_options *options, size_t label, double clearness,
                              draws *from)
{
    if (options->balanced) {
        return draw_below(from, options->classes);
    }
    double favourite = options->favourite + options->couple * (0.5 - clearness);
    return draw_chance(from, favourite) ? label : draw_other(from, label, options->classes);
}

/* Clearness decides size, opacity and cover together: 5 to 40 pixels of radius. */
static void draw_main_object(size_t shape, double clearness, draws *from, scene_object *out)
{
    double size = clamp(clearness + draw_between(from, -0.12, 0.12), 0.0, 1.0);
    double opacity = 0.2 + 1.1 * clearness + draw_between(from, -0.15, 0.15);
    scene_draw_object(shape, 5.0 * plain_exp2(3.0 * size), clamp(opacity, 0.12, 1.0), from,
                      out);
    if (draw_chance(from, 0.7 * (1.0 - clearness))) {
        scene_draw_occluder(0.15, 0.75, from, out);
    }
}

/* The circles of two objects, the first one's occluder counted too, keep `gap` apart. */
static bool is_apart(const scene_object *a, const scene_object *b, double gap)
{
    double x = a->x - b->x, y = a->y - b->y;
    double least = a->radius + b->radius + gap;
    return x * x + y * y > least * least;
}

static bool is_free(const scene *in, const scene_object *candidate, double gap)
{
    for (size_t i = 0; i < in->object_count; i++) {
        if (!is_apart(&in->objects[i], candidate, gap)) {
            return false;
        }
    }
    return true;
}

/* Adds the object at one of a few random places where it fits, or not at all. */
static bool place(scene *in, const scene_object *object, double gap, draws *from)
{
    scene_object candidate = *object;
    for (int attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
        if (is_free(in, &candidate, gap)) {
            in->objects[in->object_count++] = candidate;
            return true;
        }
        double margin = 0.75 * object->radius;
        candidate.x = draw_between(from, margin, SCENE_SIDE - margin);
        candidate.y = draw_between(from, margin, SCENE_SIDE - margin);
    }
    return false;
}

/* Small objects of shapes other than the label's. */
static void draw_distractors(size_t label, draws *from, scene *in)
{
    size_t count = draw_below(from, 3);
    for (size_t i = 0; i < count; i++) {
        scene_object small;
        size_t shape = draw_other(from, label, SHAPE_COUNT);
        double radius = draw_between(from, 4.0, 8.0);
        scene_draw_object(shape, radius, draw_between(from, 0.4, 1.0), from, &small);
        place(in, &small, 1.0, from);
    }
}

/* Everything that is drawn; what is seen of it is left to the painting. */
static void draw_image(const world_options *options, random_key key, size_t label,
                       uint64_t index, scene *in, world_truth *truth)
{
    assert(options->classes >= WORLD_CLASSES_LEAST && options->classes <= WORLD_CLASSES_MOST);
    assert(label < options->classes);
    draws from = draws_begin(key, (uint32_t)label, index);
    *truth = (world_truth){.planted = draw_planted(options, &from)};
    double uniform = plain_power(draw_between(&from, 0.0, 1.0), options->skew);
    truth->clearness = options->clearness_low + (1.0 - options->clearness_low) * uniform;
    size_t shape = label;
    if (truth->planted == WORLD_WRONG) {
        truth->background = shape = draw_other(&from, label, options->classes);
    } else {
        truth->background = draw_background(options, label, truth->clearness, &from);
    }
    truth->is_minority = truth->background != label;
    texture_draw(truth->background, options->out_of_distribution, &from, &in->background);
    if (truth->planted != WORLD_NONE) {
        draw_main_object(shape, truth->clearness, &from, &in->objects[in->object_count++]);
    }
    draw_distractors(label, &from, in);
    for (size_t i = 0; i < in->object_count; i++) {
        truth->shown |= UINT32_C(1) << in->objects[i].shape;
    }
    in->noise = draw_between(&from, 0.0, 0.06);
}

void world_foretell(const world_options *options, random_key key, size_t label, uint64_t index,
                    world_truth *truth)
{
    scene in = {0};
    draw_image(options, key, label, index, &in, truth);
}

void world_image(const world_options *options, random_key key, size_t label, uint64_t index,
                 unsigned char *pixels, world_truth *truth)
{
    scene in = {0};
    scene_view views[SCENE_OBJECTS];
    draw_image(options, key, label, index, &in, truth);
    scene_paint(&in, key, (uint32_t)label, index, pixels, views);
    if (truth->planted == WORLD_OK) {
        truth->view = views[0];
    }
}

static void draw_scene_object(double easiness, size_t wanted, draws *from, scene *in)
{
    double least = 5.0 + 9.0 * easiness;
    double radius = least * plain_exp2(draw_between(from, 0.0, plain_log2(40.0 / least)));
    if (radius > 20.0 && wanted >= 3) {
        radius *= 0.5;
    }
    double opacity = draw_between(from, 0.15 + 0.75 * easiness, 1.3);
    scene_object object;
    size_t shape = draw_below(from, SHAPE_COUNT);
    scene_draw_object(shape, radius, clamp(opacity, 0.0, 1.0), from, &object);
    bool is_placed = place(in, &object, -0.15 * radius, from);
    if (is_placed && draw_chance(from, 0.3 * (1.0 - easiness))) {
        scene_draw_occluder(0.1, 0.7, from, &in->objects[in->object_count - 1]);
    }
}

size_t world_scene(random_key key, uint64_t index, double easiness, unsigned char *pixels,
                   world_object objects[SCENE_OBJECTS])
{
    draws from = draws_begin(key, SCENE_STREAM, index);
    scene in = {0};
    size_t kind = draw_below(&from, TEXTURE_COUNT);
    texture_draw(kind, draw_chance(&from, 0.7), &from, &in.background);
    texture_flatten(&in.background, 1.0 - 0.95 * easiness);
    size_t wanted = 1 + draw_below(&from, SCENE_OBJECTS);
    for (size_t i = 0; i < wanted; i++) {
        draw_scene_object(easiness, wanted, &from, &in);
    }
    in.noise = draw_between(&from, 0.0, 0.06);
    scene_view views[SCENE_OBJECTS];
    scene_paint(&in, key, SCENE_STREAM, index, pixels, views);
    for (size_t i = 0; i < in.object_count; i++) {
        objects[i] = (world_object){in.objects[i].shape, views[i]};
    }
    return in.object_count;
}
