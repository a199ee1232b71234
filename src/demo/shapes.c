/*
 * shapes.c - one inside test per shape, in the table's order.
 *
 * Angles are never computed: cos 5a and sin 8a come from powers of (x + iy), which is exact in
 * the sense that every machine does the same multiplications.
 */
#include "demo/shapes.h"

#include <assert.h>
#include <math.h>

#include "base/plain_math.h"

typedef bool (*shape_test)(float x, float y);

static float square_of(float x)
{
    return x * x;
}

static float distance_squared(float x, float y, float to_x, float to_y)
{
    return square_of(x - to_x) + square_of(y - to_y);
}

static bool is_between(float x, float low, float high)
{
    return low < x && x < high;
}

/* Between two circles round (to_x, to_y). */
static bool is_in_ring(float x, float y, float to_x, float to_y, float inner, float outer)
{
    return is_between(distance_squared(x, y, to_x, to_y), inner * inner, outer * outer);
}

/* Even-odd rule over a closed polygon. */
static bool is_in_polygon(const float (*corners)[2], size_t count, float x, float y)
{
    bool inside = false;
    for (size_t i = 0, j = count - 1; i < count; j = i++) {
        const float *a = corners[i], *b = corners[j];
        if ((a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]) {
            inside = !inside;
        }
    }
    return inside;
}

static bool ring(float x, float y)
{
    return is_in_ring(x, y, 0.0f, 0.0f, 0.6f, 1.0f);
}

/* Five points of radius 1, inner corners of radius .42. */
static bool star(float x, float y)
{
    static const float corners[][2] = {{0.0f, -1.0f},          {0.24687f, -0.33979f},
                                       {0.95106f, -0.30902f},  {0.39944f, 0.12979f},
                                       {0.58779f, 0.80902f},   {0.0f, 0.42f},
                                       {-0.58779f, 0.80902f},  {-0.39944f, 0.12979f},
                                       {-0.95106f, -0.30902f}, {-0.24687f, -0.33979f}};
    return is_in_polygon(corners, sizeof(corners) / sizeof(corners[0]), x, y);
}

static bool cross(float x, float y)
{
    return fabsf(x) < 1.0f && fabsf(y) < 1.0f && (fabsf(x) < 0.3f || fabsf(y) < 0.3f);
}

static bool crescent(float x, float y)
{
    return x * x + y * y < 1.0f && distance_squared(x, y, 0.45f, 0.0f) > 0.75f * 0.75f;
}

static bool arrow(float x, float y)
{
    return (is_between(x, -1.0f, 0.2f) && fabsf(y) < 0.22f) ||
           (is_between(x, 0.05f, 1.0f) && fabsf(y) < 0.8f * (1.0f - x) / 0.95f);
}

/* A thick ring with eight teeth: sin 8a > 0, from (x + iy)^8. */
static bool gear(float x, float y)
{
    float radius = x * x + y * y;
    if (radius >= 1.0f || radius <= 0.3f * 0.3f) {
        return false;
    }
    float real = x, imaginary = y;
    for (int i = 0; i < 3; i++) {
        float next = real * real - imaginary * imaginary;
        imaginary = 2.0f * real * imaginary;
        real = next;
    }
    return radius < 0.74f * 0.74f || imaginary > 0.0f;
}

static bool heart(float x, float y)
{
    float u = 1.15f * x, v = 0.1f - 1.12f * y;
    float w = u * u + v * v - 1.0f;
    return w * w * w < u * u * v * v * v;
}

static bool drop(float x, float y)
{
    return distance_squared(x, y, 0.0f, 0.38f) < 0.62f * 0.62f ||
           (y < 0.1f && fabsf(x) < 0.503f * (y + 1.0f));
}

static bool key(float x, float y)
{
    return is_in_ring(x, y, -0.6f, 0.0f, 0.2f, 0.4f) ||
           (is_between(x, -0.3f, 1.0f) && fabsf(y) < 0.12f) ||
           (is_between(x, 0.5f, 0.66f) && is_between(y, 0.0f, 0.42f)) ||
           (is_between(x, 0.82f, 1.0f) && is_between(y, 0.0f, 0.5f));
}

static bool anchor(float x, float y)
{
    bool is_arm = y > 0.3f && is_in_ring(x, y, 0.0f, 0.14f, 0.62f, 0.84f);
    bool is_fluke =
        is_between(y, -0.02f, 0.42f) && fabsf(fabsf(x) - 0.73f) < 0.6f * (y + 0.02f);
    return is_in_ring(x, y, 0.0f, -0.77f, 0.1f, 0.23f) ||
           (fabsf(x) < 0.1f && is_between(y, -0.57f, 0.9f)) ||
           (fabsf(y + 0.36f) < 0.09f && fabsf(x) < 0.42f) || is_arm || is_fluke;
}

static bool chevron(float x, float y)
{
    return fabsf(y) < 0.9f && fabsf(x + fabsf(y) - 0.4f) < 0.3f;
}

static bool square(float x, float y)
{
    return fabsf(x) < 0.82f && fabsf(y) < 0.82f;
}

static bool triangle(float x, float y)
{
    return y < 0.75f && fabsf(x) < 0.95f * (y + 1.0f) / 1.75f;
}

static bool diamond(float x, float y)
{
    return fabsf(x) / 0.75f + fabsf(y) < 1.0f;
}

static bool hexagon(float x, float y)
{
    return fabsf(y) < 0.8660254f && 0.8660254f * fabsf(x) + 0.5f * fabsf(y) < 0.8660254f;
}

static bool frame(float x, float y)
{
    return fabsf(x) < 0.88f && fabsf(y) < 0.88f && (fabsf(x) > 0.5f || fabsf(y) > 0.5f);
}

static bool bolt(float x, float y)
{
    static const float corners[][2] = {{0.15f, -1.0f}, {-0.6f, 0.15f}, {-0.05f, 0.15f},
                                       {-0.3f, 1.0f},  {0.6f, -0.25f}, {0.08f, -0.25f},
                                       {0.5f, -1.0f}};
    return is_in_polygon(corners, sizeof(corners) / sizeof(corners[0]), x, y);
}

/* r < .64 + .36 cos 5a; cos 5a = 16 c^5 - 20 c^3 + 5 c with c = cos a. */
static bool flower(float x, float y)
{
    float radius = sqrtf(x * x + y * y);
    if (radius <= 0.2f || radius >= 1.0f) {
        return false;
    }
    float c = -y / radius;
    float wave = c * (5.0f + c * c * (16.0f * c * c - 20.0f));
    return radius < 0.64f + 0.36f * wave;
}

static bool tee(float x, float y)
{
    return (fabsf(x) < 0.8f && is_between(y, -0.9f, -0.42f)) ||
           (fabsf(x) < 0.24f && is_between(y, -0.5f, 0.9f));
}

static bool fish(float x, float y)
{
    return square_of((x - 0.2f) / 0.78f) + square_of(y / 0.52f) < 1.0f ||
           (is_between(x, -0.98f, -0.3f) && fabsf(y) < 0.04f + 0.85f * (-0.3f - x));
}

static bool house(float x, float y)
{
    bool is_door = fabsf(x) < 0.17f && y > 0.35f;
    return (fabsf(x) < 0.7f && is_between(y, -0.15f, 0.88f) && !is_door) ||
           (is_between(y, -0.95f, -0.1f) && fabsf(x) < 0.97f * (y + 0.95f) / 0.85f);
}

static bool hourglass(float x, float y)
{
    return fabsf(y) < 0.95f && fabsf(x) < 0.08f + 0.75f * fabsf(y);
}

static bool mug(float x, float y)
{
    return (is_between(x, -0.75f, 0.4f) && fabsf(y) < 0.78f) ||
           (x > 0.4f && is_in_ring(x, y, 0.4f, 0.0f, 0.32f, 0.55f));
}

/* Three tiers of branches on a trunk. */
static bool tree(float x, float y)
{
    for (int tier = 0; tier < 3; tier++) {
        float top = -1.0f + 0.4f * (float)tier;
        float width = (0.65f + 0.12f * (float)tier) * (y - top);
        if (is_between(y, top, top + 0.8f) && fabsf(x) < width) {
            return true;
        }
    }
    return fabsf(x) < 0.14f && is_between(y, 0.5f, 1.0f);
}

static const struct {
    const char *name;
    shape_test contains;
} shapes[SHAPE_COUNT] = {
    {"ring", ring},         {"star", star},
    {"cross", cross},       {"crescent", crescent},
    {"arrow", arrow},       {"gear", gear},
    {"heart", heart},       {"drop", drop},
    {"key", key},           {"anchor", anchor},
    {"chevron", chevron},   {"square", square},
    {"triangle", triangle}, {"diamond", diamond},
    {"hexagon", hexagon},   {"frame", frame},
    {"bolt", bolt},         {"flower", flower},
    {"tee", tee},           {"fish", fish},
    {"house", house},       {"hourglass", hourglass},
    {"mug", mug},           {"tree", tree},
};

bool shape_contains(size_t shape, float x, float y)
{
    assert(shape < SHAPE_COUNT);
    return shapes[shape].contains(x, y);
}

const char *shape_name(size_t shape)
{
    assert(shape < SHAPE_COUNT);
    return shapes[shape].name;
}
