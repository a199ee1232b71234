/*
 * noise_plan.c - the order of variants and the layout of an outcome.
 */
#include "pipeline/noise_plan.h"

#include <math.h>
#include <string.h>

enum {
    AT_INSIDE = 4,
    AT_LENGTHS = 8,
    LENGTH_BYTES = 4,
    CLASS_BYTES = 2
};

spur_status noise_plan_make(const double *alphas, size_t count, size_t trials, noise_plan *out,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    noise_plan made = {.trials = trials, .clamp = true};
    if (trials < 1 || trials > NOISE_TRIALS) {
        FAIL(SPUR_USAGE, "%zu trials of noise are not 1 to %d", trials, NOISE_TRIALS);
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        if (!(alphas[i] >= 0.0 && alphas[i] <= 1e6)) {
            FAIL(SPUR_USAGE, "a noise of length %g is not 0 to 1000000", alphas[i]);
        }
        while (at < made.alpha_count && made.alphas[at] < alphas[i]) {
            at++;
        }
        if (alphas[i] == 0.0 || (at < made.alpha_count && made.alphas[at] == alphas[i])) {
            continue;
        }
        if (made.alpha_count == NOISE_ALPHAS) {
            FAIL(SPUR_USAGE, "more than %d lengths of noise", NOISE_ALPHAS);
        }
        memmove(made.alphas + at + 1, made.alphas + at,
                (made.alpha_count - at) * sizeof *made.alphas);
        made.alphas[at] = alphas[i];
        made.alpha_count++;
    }
    *out = made;
done:
    return status;
}

size_t noise_variants(const noise_plan *plan)
{
    return 1 + plan->trials * NOISE_REGIONS * plan->alpha_count;
}

size_t noise_variant(const noise_plan *plan, size_t trial, enum noise_region region,
                     size_t alpha)
{
    return 1 + (trial * NOISE_REGIONS + (size_t)region) * plan->alpha_count + alpha;
}

static size_t classes_at(const noise_plan *plan)
{
    return AT_LENGTHS + LENGTH_BYTES * (noise_variants(plan) - 1);
}

size_t noise_row_bytes(const noise_plan *plan, size_t heads)
{
    return classes_at(plan) + CLASS_BYTES * heads * noise_variants(plan);
}

static void put_u32(unsigned char *dst, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        dst[i] = (unsigned char)(value >> 8 * i);
    }
}

static uint32_t get_u32(const unsigned char *src)
{
    return (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 |
           (uint32_t)src[3] << 24;
}

void noise_row_put(noise_row into, unsigned flags, uint32_t inside)
{
    into.bytes[0] = (unsigned char)flags;
    put_u32(into.bytes + AT_INSIDE, inside);
}

unsigned noise_row_flags(noise_row from)
{
    return from.bytes[0];
}

uint32_t noise_row_inside(noise_row from)
{
    return get_u32(from.bytes + AT_INSIDE);
}

void noise_row_put_length(noise_row into, size_t variant, float length)
{
    uint32_t bits;
    memcpy(&bits, &length, sizeof bits);
    put_u32(into.bytes + AT_LENGTHS + LENGTH_BYTES * (variant - 1), bits);
}

float noise_row_length(noise_row from, size_t variant)
{
    uint32_t bits = get_u32(from.bytes + AT_LENGTHS + LENGTH_BYTES * (variant - 1));
    float length;
    memcpy(&length, &bits, sizeof length);
    return length;
}

void noise_row_put_class(noise_row into, size_t head, size_t variant, uint16_t predicted)
{
    size_t index = head * noise_variants(into.plan) + variant;
    unsigned char *dst = into.bytes + classes_at(into.plan) + CLASS_BYTES * index;
    dst[0] = (unsigned char)predicted;
    dst[1] = (unsigned char)(predicted >> 8);
}

uint16_t noise_row_class(noise_row from, size_t head, size_t variant)
{
    size_t index = head * noise_variants(from.plan) + variant;
    const unsigned char *src = from.bytes + classes_at(from.plan) + CLASS_BYTES * index;
    return (uint16_t)(src[0] | src[1] << 8);
}
