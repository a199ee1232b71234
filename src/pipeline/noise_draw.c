/*
 * noise_draw.c - Philox words to normal numbers (Box and Muller 1958), and adding them.
 *
 * Logarithm and sine are our own (base/plain_math.h) and every sum runs over eight partial sums
 * in a fixed order, so no number depends on the C library or the processor.
 */
#include "pipeline/noise_draw.h"

#include <math.h>
#include <string.h>

#include "base/plain_math.h"

enum {
    CHANNELS = 3,
    LANES = 8,
    WORDS = 4, /* of one counter, as many normal numbers */
    PAIRS = 32 /* made together */
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

/* PAIRS pairs of two words each: radius from the first, angle from the second. Turns are taken
 * as signed 32-bit numbers, which is what is left of them after whole turns. */
static void normal_pairs(const uint32_t words[2 * PAIRS], float out[2 * PAIRS])
{
    static const double minus_two_ln2 = -1.3862943611198906;
    double radius[PAIRS], sine[PAIRS], cosine[PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        radius[i] = ((double)words[2 * i] + 0.5) * 0x1p-32; /* never 0 or 1 */
        sine[i] = (double)(int32_t)words[2 * i + 1] * 0x1p-32;
        cosine[i] = (double)(int32_t)(words[2 * i + 1] + 0x40000000u) * 0x1p-32;
    }
    for (size_t i = 0; i < PAIRS; i++) {
        radius[i] = sqrt(minus_two_ln2 * plain_log2_normal(radius[i]));
    }
    for (size_t i = 0; i < PAIRS; i++) {
        sine[i] = radius[i] * plain_sine_near(sine[i]);
        cosine[i] = radius[i] * plain_sine_near(cosine[i]);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        out[2 * i] = (float)cosine[i];
        out[2 * i + 1] = (float)sine[i];
    }
}

void noise_draw(random_key key, uint64_t trial, size_t count, float *out)
{
    for (size_t first = 0; first < count; first += 2 * PAIRS) {
        uint32_t words[2 * PAIRS];
        float numbers[2 * PAIRS];
        size_t left = count - first;
        for (size_t i = 0; i < 2 * PAIRS; i += WORDS) {
            random_words(key, trial, (first + i) / WORDS, words + i);
        }
        normal_pairs(words, numbers);
        memcpy(out + first, numbers, (left < 2 * PAIRS ? left : 2 * PAIRS) * sizeof *numbers);
    }
}

static double lanes_sum(const double lanes[LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* The loops below go over LANES samples at a time so that the compiler can keep the partial
 * sums in registers; sample i of a plane always belongs to sum i % LANES. */

/* Adds the squares of n <= LANES samples of draw * weight; weight = mask ^ flip. */
static inline void add_squares(const float *draw, const unsigned char *mask, unsigned flip,
                               size_t n, double lanes[LANES])
{
    for (size_t j = 0; j < n; j++) {
        double v = (double)(draw[j] * (float)(mask[j] ^ flip));
        lanes[j] += v * v;
    }
}

double noise_length(const noise_request *request)
{
    double lanes[LANES] = {0.0};
    size_t area = request->area, whole = area / LANES * LANES;
    unsigned flip = request->is_inside ? 0 : 1;
    for (size_t c = 0; c < CHANNELS; c++) {
        const float *draw = request->draw + c * area;
        for (size_t i = 0; i < whole; i += LANES) {
            add_squares(draw + i, request->mask + i, flip, LANES, lanes);
        }
        add_squares(draw + whole, request->mask + whole, flip, area - whole, lanes);
    }
    return sqrt(lanes_sum(lanes));
}

/* What noise_add does with every sample. */
typedef struct adding {
    double scale, low, high;
    unsigned flip;
} adding;

static inline void add_samples(const adding *how, const float *draw, const unsigned char *mask,
                               const float *from, size_t n, float *to, double lanes[LANES])
{
    for (size_t j = 0; j < n; j++) {
        double v = (double)(draw[j] * (float)(mask[j] ^ how->flip));
        double x = (double)from[j] + how->scale * v;
        x = x < how->low ? how->low : x;
        x = x > how->high ? how->high : x;
        to[j] = (float)x;
        double moved = (double)to[j] - (double)from[j];
        lanes[j] += moved * moved;
    }
}

void noise_add(const noise_request *request, const float *src, float *dst, double *realised)
{
    double lanes[LANES] = {0.0};
    size_t area = request->area, whole = area / LANES * LANES;
    const adding how = {.scale = request->scale,
                        .low = request->clamp ? 0.0 : -HUGE_VAL,
                        .high = request->clamp ? 1.0 : HUGE_VAL,
                        .flip = request->is_inside ? 0 : 1};
    for (size_t c = 0; c < CHANNELS; c++) {
        const float *draw = request->draw + c * area, *from = src + c * area;
        float *to = dst + c * area;
        for (size_t i = 0; i < whole; i += LANES) {
            add_samples(&how, draw + i, request->mask + i, from + i, LANES, to + i, lanes);
        }
        add_samples(&how, draw + whole, request->mask + whole, from + whole, area - whole,
                    to + whole, lanes);
    }
    *realised = sqrt(lanes_sum(lanes));
}
