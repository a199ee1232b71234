/*
 * noise_draw.c - Philox words to normal numbers (Box and Muller 1958), and adding them.
 *
 * Logarithm and sine are our own (base/plain_math.h) and every sum runs over eight partial sums
 * in a fixed order, so no number depends on the C library or the processor.
 */
#include "pipeline/noise_draw.h"

#include <math.h>

#include "base/plain_math.h"

enum {
    CHANNELS = 3,
    LANES = 8,
    GROUP = 4 /* normal numbers of one counter */
};

static uint64_t read_u64(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (size_t i = 8; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

random_key noise_key(uint64_t seed, const unsigned char id[STORE_ID_SIZE])
{
    uint32_t words[4];
    random_words(random_key_make(seed, "noise"), read_u64(id), read_u64(id + 8), words);
    return (random_key){{words[0], words[1]}};
}

/* Two normal numbers of two words: radius from the first, angle from the second. */
static void normal_pair(const uint32_t words[2], float out[2])
{
    static const double minus_two_ln2 = -1.3862943611198906;
    double u = ((double)words[0] + 0.5) * 0x1p-32; /* never 0 or 1 */
    double turns = (double)words[1] * 0x1p-32;
    double radius = sqrt(minus_two_ln2 * plain_log2(u));
    out[0] = (float)(radius * plain_cosine(turns));
    out[1] = (float)(radius * plain_sine(turns));
}

void noise_draw(random_key key, uint64_t trial, size_t count, float *out)
{
    for (size_t first = 0; first < count; first += GROUP) {
        uint32_t words[4];
        float group[GROUP];
        random_words(key, trial, first / GROUP, words);
        normal_pair(words, group);
        normal_pair(words + 2, group + 2);
        for (size_t i = 0; i < GROUP && first + i < count; i++) {
            out[first + i] = group[i];
        }
    }
}

static double lanes_sum(const double lanes[LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* 1 in the region, 0 elsewhere. */
static double weight_of(const noise_request *request, size_t pixel)
{
    return (request->mask[pixel] != 0) == request->is_inside ? 1.0 : 0.0;
}

static double region_length(const noise_request *request)
{
    double lanes[LANES] = {0.0};
    for (size_t c = 0; c < CHANNELS; c++) {
        const float *draw = request->draw + c * request->area;
        for (size_t i = 0; i < request->area; i++) {
            double v = (double)draw[i] * weight_of(request, i);
            lanes[i % LANES] += v * v;
        }
    }
    return sqrt(lanes_sum(lanes));
}

void noise_add(const noise_request *request, const float *src, float *dst, double *realised)
{
    double lanes[LANES] = {0.0};
    double length = region_length(request);
    double scale = length > 0.0 ? request->alpha / length : 0.0;
    for (size_t c = 0; c < CHANNELS; c++) {
        const float *draw = request->draw + c * request->area;
        const float *from = src + c * request->area;
        float *to = dst + c * request->area;
        for (size_t i = 0; i < request->area; i++) {
            double x = (double)from[i] + scale * ((double)draw[i] * weight_of(request, i));
            if (request->clamp) {
                x = x < 0.0 ? 0.0 : x;
                x = x > 1.0 ? 1.0 : x;
            }
            to[i] = (float)x;
            double moved = (double)to[i] - (double)from[i];
            lanes[i % LANES] += moved * moved;
        }
    }
    *realised = sqrt(lanes_sum(lanes));
}
