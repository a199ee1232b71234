/*
 * textures.c - patterns t(u, v) in [0, 1], u and v counted in periods.
 */
#include "demo/textures.h"

#include <assert.h>
#include <math.h>

#include "base/plain_math.h"

typedef float (*pattern)(const texture *paint, float u, float v);

/* The random value of cell (column, row); cells repeat every TEXTURE_LATTICE. */
static float lattice_at(const texture *paint, float column, float row)
{
    unsigned i = (unsigned)(int)column % TEXTURE_LATTICE;
    unsigned j = (unsigned)(int)row % TEXTURE_LATTICE;
    return paint->lattice[j * TEXTURE_LATTICE + i];
}

static float stripes(const texture *paint, float u, float v)
{
    (void)paint;
    (void)v;
    return plain_fraction(u) < 0.5f ? 1.0f : 0.0f;
}

static float checks(const texture *paint, float u, float v)
{
    (void)paint;
    return (plain_fraction(u) < 0.5f) != (plain_fraction(v) < 0.5f) ? 1.0f : 0.0f;
}

static float dots(const texture *paint, float u, float v)
{
    (void)paint;
    float x = plain_fraction(u) - 0.5f, y = plain_fraction(v) - 0.5f;
    return x * x + y * y < 0.3f * 0.3f ? 1.0f : 0.0f;
}

/* Rows of half a period, every second one moved by half a brick; 1 is mortar. */
static float bricks(const texture *paint, float u, float v)
{
    (void)paint;
    float row = plain_floor(2.0f * v);
    bool is_odd = plain_fraction(row * 0.5f) > 0.25f;
    float along = plain_fraction(is_odd ? u + 0.5f : u);
    return along < 0.1f || 2.0f * v - row < 0.2f ? 1.0f : 0.0f;
}

static float waves(const texture *paint, float u, float v)
{
    (void)paint;
    return 0.5f + 0.5f * plain_wave(v + 0.25f * plain_wave(0.6f * u));
}

/* Lattice values joined by smooth steps. */
static float value_noise(const texture *paint, float u, float v)
{
    float column = plain_floor(u), row = plain_floor(v);
    float x = u - column, y = v - row;
    x = x * x * (3.0f - 2.0f * x);
    y = y * y * (3.0f - 2.0f * y);
    float top = lattice_at(paint, column, row);
    top += x * (lattice_at(paint, column + 1.0f, row) - top);
    float bottom = lattice_at(paint, column, row + 1.0f);
    bottom += x * (lattice_at(paint, column + 1.0f, row + 1.0f) - bottom);
    return top + y * (bottom - top);
}

static float clouds(const texture *paint, float u, float v)
{
    return (4.0f * value_noise(paint, u, v) +
            2.0f * value_noise(paint, 2.0f * u + 5.0f, 2.0f * v + 3.0f) +
            value_noise(paint, 4.0f * u + 11.0f, 4.0f * v + 7.0f)) /
           7.0f;
}

/* Distance from the centre of the hexagon with corners above and below, edge 1/2 away. */
static float hexagon_distance(float x, float y)
{
    x = fabsf(x);
    float slanted = 0.5f * x + 0.8660254f * fabsf(y);
    return x > slanted ? x : slanted;
}

/* A honeycomb: the hexagons of two rectangular lattices, 1 by sqrt 3; 1 is the wall. */
static float honeycomb(const texture *paint, float u, float v)
{
    (void)paint;
    float w = v * 0.57735027f; /* rows of sqrt 3 */
    float near =
        hexagon_distance(plain_fraction(u) - 0.5f, (plain_fraction(w) - 0.5f) * 1.7320508f);
    float other = hexagon_distance(plain_fraction(u + 0.5f) - 0.5f,
                                   (plain_fraction(w + 0.5f) - 0.5f) * 1.7320508f);
    return near > 0.42f && other > 0.42f ? 1.0f : 0.0f;
}

/* Slanting blades that taper upwards, each with its own height and brightness. */
static float grass(const texture *paint, float u, float v)
{
    float along = 3.0f * u + 0.7f * v;
    float column = plain_floor(along);
    float level = 1.3f * v + 4.0f * lattice_at(paint, column, 0.0f);
    float row = plain_floor(level);
    float half_width = 0.42f * (level - row);
    if (fabsf(along - column - 0.5f) > half_width) {
        return 0.0f;
    }
    return 0.4f + 0.6f * lattice_at(paint, column, row + 1.0f);
}

static float zigzag(const texture *paint, float u, float v)
{
    (void)paint;
    return plain_fraction(v + fabsf(plain_fraction(u) - 0.5f)) < 0.5f ? 1.0f : 0.0f;
}

static float plaid(const texture *paint, float u, float v)
{
    (void)paint;
    return (plain_fraction(u) < 0.4f ? 0.5f : 0.0f) + (plain_fraction(v) < 0.4f ? 0.5f : 0.0f);
}

static const struct {
    const char *name;
    pattern value;
    double period; /* pixels */
} patterns[TEXTURE_COUNT] = {{"stripes", stripes, 12.0},     {"checks", checks, 11.0},
                             {"dots", dots, 11.0},           {"bricks", bricks, 20.0},
                             {"waves", waves, 16.0},         {"clouds", clouds, 22.0},
                             {"honeycomb", honeycomb, 14.0}, {"grass", grass, 20.0},
                             {"zigzag", zigzag, 14.0},       {"plaid", plaid, 16.0}};

const char *texture_name(size_t kind)
{
    assert(kind < TEXTURE_COUNT);
    return patterns[kind].name;
}

void colour_from_hsv(double hue, double saturation, double value, float out[3])
{
    double sector = 6.0 * (hue - floor(hue));
    for (int channel = 0; channel < 3; channel++) {
        /* Distance on the circle of six from this channel's own hue: 0, 2, 4. */
        double away = fabs(sector - 2.0 * channel);
        away = away > 3.0 ? 6.0 - away : away;
        double pure = fmin(fmax(2.0 - away, 0.0), 1.0);
        out[channel] = (float)(value * (1.0 - saturation * (1.0 - pure)));
    }
}

/* Two dark to medium colours that differ little in hue and clearly in value. */
static void draw_colours(size_t kind, bool free_hue, draws *from, texture *out)
{
    double hue = draw_between(from, 0.0, 1.0);
    hue = free_hue ? hue : (double)kind / TEXTURE_COUNT + 0.2 * (hue - 0.5);
    double saturation = draw_between(from, 0.35, 0.85);
    double value = draw_between(from, 0.28, 0.52);
    colour_from_hsv(hue, saturation, value, out->first);
    hue += draw_between(from, -0.05, 0.05);
    saturation = fmin(fmax(saturation + draw_between(from, -0.2, 0.2), 0.0), 1.0);
    double step = draw_between(from, 0.08, 0.22);
    colour_from_hsv(hue, saturation, value > 0.4 ? value - step : value + step, out->second);
}

void texture_draw(size_t kind, bool free_hue, draws *from, texture *out)
{
    assert(kind < TEXTURE_COUNT);
    out->kind = kind;
    double turn = draw_between(from, -0.3, 0.3) * 0.15915494309189535; /* radians to turns */
    double period = patterns[kind].period * draw_between(from, 0.75, 1.3);
    double cosine = plain_cosine(turn) / period, sine = plain_sine(turn) / period;
    out->across[0] = (float)cosine;
    out->across[1] = (float)sine;
    out->down[0] = (float)-sine;
    out->down[1] = (float)cosine;
    /* Up to four periods away, so that the lattice is not always seen from its corner; never
     * negative inside the picture. */
    out->shift[0] = (float)draw_between(from, 4.0, 8.0);
    out->shift[1] = (float)draw_between(from, 4.0, 8.0);
    draw_colours(kind, free_hue, from, out);
    for (size_t i = 0; i < TEXTURE_LATTICE * TEXTURE_LATTICE; i++) {
        out->lattice[i] = (float)draw_between(from, 0.0, 1.0);
    }
}

void texture_flatten(texture *paint, double contrast)
{
    for (size_t i = 0; i < 3; i++) {
        paint->second[i] =
            paint->first[i] + (float)contrast * (paint->second[i] - paint->first[i]);
    }
}

void texture_colour(const texture *paint, float x, float y, const float offset[2], float out[3])
{
    float u = paint->across[0] * x + paint->across[1] * y + paint->shift[0] + offset[0];
    float v = paint->down[0] * x + paint->down[1] * y + paint->shift[1] + offset[1];
    float t = patterns[paint->kind].value(paint, u, v);
    for (size_t i = 0; i < 3; i++) {
        out[i] = paint->first[i] + t * (paint->second[i] - paint->first[i]);
    }
}
