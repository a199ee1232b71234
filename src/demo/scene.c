/*
 * scene.c - paints one line of samples after the other and keeps, for each object, how much of
 * it the picture still shows.
 *
 * Blending is linear: taking object i out changes the final colour of a sample by the colour
 * step it made there times (1 - opacity) of everything painted over it. So its energy needs no
 * second picture without it.
 */
#include "demo/scene.h"

#include <math.h>
#include <string.h>

#include "base/plain_math.h"

enum {
    SAMPLES = 2 * SCENE_SIDE /* a line of samples; sample i is at pixel (i + .5) / 2 */
};

#define NOISE_STREAM 0x80000000u

/* Sums over the lines painted so far. */
typedef struct tally {
    double energy, visible;
    size_t samples; /* of the whole shape, also outside the picture */
    int low[2], high[2];
} tally;

typedef struct canvas {
    const scene *painted;
    float colour[SAMPLES][3];
    float step[SCENE_OBJECTS][SAMPLES];  /* the colour step of object i that is still seen */
    float share[SCENE_OBJECTS][SAMPLES]; /* of object i's own colour, what is still seen */
    tally tallies[SCENE_OBJECTS];
} canvas;

static float sample_at(int i)
{
    return ((float)i + 0.5f) * 0.5f;
}

void scene_draw_object(size_t shape, double radius, double opacity, draws *from,
                       scene_object *out)
{
    *out = (scene_object){.shape = shape, .radius = radius, .opacity = (float)opacity};
    out->x = draw_between(from, 0.75 * radius, SCENE_SIDE - 0.75 * radius);
    out->y = draw_between(from, 0.75 * radius, SCENE_SIDE - 0.75 * radius);
    out->turn = draw_between(from, -0.35, 0.35) * 0.15915494309189535; /* from radians */
    out->is_flipped = draw_chance(from, 0.5);
    double hue = draw_between(from, 0.0, 1.0);
    double saturation = draw_between(from, 0.0, 0.55);
    colour_from_hsv(hue, saturation, draw_between(from, 0.85, 1.0), out->colour);
}

/* reach: how far the disc reaches into the object's circle, as a part of its diameter. */
void scene_draw_occluder(double least_reach, double most_reach, draws *from, scene_object *to)
{
    scene_occluder *disc = &to->occluder;
    disc->radius = to->radius * draw_between(from, 0.6, 1.0);
    double reach = draw_between(from, least_reach, most_reach);
    double away = fmax(0.0, to->radius + disc->radius - 2.0 * to->radius * reach);
    double direction = draw_between(from, 0.0, 1.0);
    disc->x = to->x + away * plain_cosine(direction);
    disc->y = to->y + away * plain_sine(direction);
    disc->is_textured = draw_chance(from, 0.5);
    double hue = draw_between(from, 0.0, 1.0);
    double saturation = draw_between(from, 0.2, 0.8);
    colour_from_hsv(hue, saturation, draw_between(from, 0.2, 0.5), disc->colour);
}

static void paint_background(canvas *on, float y)
{
    static const float still[2] = {0.0f, 0.0f};
    for (int i = 0; i < SAMPLES; i++) {
        texture_colour(&on->painted->background, sample_at(i), y, still, on->colour[i]);
    }
}

/* Puts `colour` over sample i; objects before `count` are seen through it. */
static void cover(canvas *on, int i, const float colour[3], float opacity, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        on->step[j][i] *= 1.0f - opacity;
        on->share[j][i] *= 1.0f - opacity;
    }
    for (size_t channel = 0; channel < 3; channel++) {
        float *under = &on->colour[i][channel];
        *under += opacity * (colour[channel] - *under);
    }
}

static void extend(tally *of, int i, int line)
{
    int at[2] = {i, line};
    for (size_t axis = 0; axis < 2; axis++) {
        of->low[axis] = of->samples == 0 || at[axis] < of->low[axis] ? at[axis] : of->low[axis];
        of->high[axis] =
            of->samples == 0 || at[axis] > of->high[axis] ? at[axis] : of->high[axis];
    }
    of->samples++;
}

static void put_object_sample(canvas *on, size_t which, int i)
{
    const scene_object *object = &on->painted->objects[which];
    float difference = 0.0f;
    for (size_t channel = 0; channel < 3; channel++) {
        difference += fabsf(object->colour[channel] - on->colour[i][channel]);
    }
    cover(on, i, object->colour, object->opacity, which);
    on->step[which][i] = object->opacity * difference / 3.0f;
    on->share[which][i] = 1.0f;
}

/* The shape's samples on this line, those left and right of the picture included. */
static void paint_object(canvas *on, size_t which, int line)
{
    const scene_object *object = &on->painted->objects[which];
    float scale = (float)(1.0 / object->radius);
    float cosine = (float)plain_cosine(object->turn) * scale;
    float sine = (float)plain_sine(object->turn) * scale;
    float y = sample_at(line) - (float)object->y;
    int first = (int)floor(2.0 * (object->x - SHAPE_REACH * object->radius));
    int last = (int)floor(2.0 * (object->x + SHAPE_REACH * object->radius)) + 1;
    for (int i = first; i <= last; i++) {
        float x = sample_at(i) - (float)object->x;
        float across = cosine * x + sine * y;
        if (!shape_contains(object->shape, object->is_flipped ? -across : across,
                            cosine * y - sine * x)) {
            continue;
        }
        extend(&on->tallies[which], i, line);
        if (i >= 0 && i < SAMPLES && line >= 0 && line < SAMPLES) {
            put_object_sample(on, which, i);
        }
    }
}

static void paint_occluder(canvas *on, size_t which, int line)
{
    static const float moved[2] = {0.37f, 0.41f};
    const scene_occluder *disc = &on->painted->objects[which].occluder;
    float y = sample_at(line) - (float)disc->y;
    float radius = (float)disc->radius;
    int first = (int)floor(2.0 * (disc->x - disc->radius));
    int last = (int)floor(2.0 * (disc->x + disc->radius)) + 1;
    for (int i = first < 0 ? 0 : first; i <= last && i < SAMPLES; i++) {
        float x = sample_at(i) - (float)disc->x;
        if (x * x + y * y >= radius * radius) {
            continue;
        }
        float colour[3];
        memcpy(colour, disc->colour, sizeof(colour));
        if (disc->is_textured) {
            texture_colour(&on->painted->background, sample_at(i), sample_at(line), moved,
                           colour);
        }
        cover(on, i, colour, 1.0f, which + 1);
    }
}

static bool is_near(double y, double reach, int line)
{
    return fabs(y - (double)sample_at(line)) <= reach;
}

/* Adds what this line shows of each object. */
static void tally_line(canvas *on)
{
    for (size_t which = 0; which < on->painted->object_count; which++) {
        float energy = 0.0f, visible = 0.0f;
        for (int i = 0; i < SAMPLES; i++) {
            energy += on->step[which][i];
            visible += on->share[which][i];
        }
        on->tallies[which].energy += (double)energy;
        on->tallies[which].visible += (double)visible;
    }
}

/* Lines outside the picture are gone through too: the shape's whole area counts. */
static void paint_line(canvas *on, int line)
{
    bool is_inside = line >= 0 && line < SAMPLES;
    if (is_inside) {
        paint_background(on, sample_at(line));
        memset(on->step, 0, sizeof(on->step));
        memset(on->share, 0, sizeof(on->share));
    }
    for (size_t which = 0; which < on->painted->object_count; which++) {
        const scene_object *object = &on->painted->objects[which];
        if (is_near(object->y, SHAPE_REACH * object->radius, line)) {
            paint_object(on, which, line);
        }
        if (is_inside && is_near(object->occluder.y, object->occluder.radius, line)) {
            paint_occluder(on, which, line);
        }
    }
    if (is_inside) {
        tally_line(on);
    }
}

/* Adds the line's samples to their pixels' sums, which the first line of a row begins. */
static void add_line(const canvas *on, bool is_first, float *sums)
{
    if (is_first) {
        memset(sums, 0, SCENE_SIDE * 3 * sizeof(*sums));
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t channel = 0; channel < 3; channel++) {
            sums[i / 2 * 3 + channel] += on->colour[i][channel];
        }
    }
}

/* Means of four samples, plus the difference of two uniform numbers, as bytes. */
static void put_pixels(const float *sums, const draws *noise, double amplitude, int row,
                       unsigned char *pixels)
{
    for (size_t column = 0; column < SCENE_SIDE; column++) {
        size_t pixel = (size_t)row * SCENE_SIDE + column;
        uint32_t words[4];
        random_words(noise->key, noise->high + pixel, noise->low, words);
        for (size_t channel = 0; channel < 3; channel++) {
            int difference = (int)(words[channel] >> 16) - (int)(words[channel] & 0xFFFFu);
            float value = 0.25f * sums[column * 3 + channel] +
                          (float)amplitude * ((float)difference * 0x1p-16f);
            value = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
            pixels[pixel * 3 + channel] = (unsigned char)(int)(value * 255.0f + 0.5f);
        }
    }
}

static double cut(double x)
{
    return fmin(fmax(x, 0.0), SCENE_SIDE);
}

static scene_view view_of(const tally *seen)
{
    scene_view view = {0};
    if (seen->samples > 0) {
        view.energy = seen->energy / (SAMPLES * SAMPLES);
        view.visible_fraction = seen->visible / (double)seen->samples;
        for (size_t axis = 0; axis < 2; axis++) {
            view.box[axis] = cut(0.5 * seen->low[axis]);
            view.box[axis + 2] = cut(0.5 * (seen->high[axis] + 1));
        }
    }
    return view;
}

void scene_paint(const scene *painted, random_key key, uint32_t stream, uint64_t index,
                 unsigned char *pixels, scene_view *views)
{
    /* The farthest a shape reaches out of the picture: a quarter of the largest radius and
     * what its corners stand out. */
    enum {
        MARGIN = SCENE_SIDE
    };
    canvas on = {.painted = painted};
    float sums[SCENE_SIDE * 3];
    draws noise = draws_begin(key, stream | NOISE_STREAM, index);
    for (int line = -MARGIN; line < SAMPLES + MARGIN; line++) {
        paint_line(&on, line);
        if (line < 0 || line >= SAMPLES) {
            continue;
        }
        add_line(&on, line % 2 == 0, sums);
        if (line % 2 == 1) {
            put_pixels(sums, &noise, painted->noise, line / 2, pixels);
        }
    }
    for (size_t which = 0; which < painted->object_count; which++) {
        views[which] = view_of(&on.tallies[which]);
    }
}
