/*
 * noise_plan.c - the order of variants and the layout of an outcome.
 */
#include "pipeline/noise_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    AT_INSIDE = 4,
    AT_BOXES = 8,
    AT_LENGTHS = 12,
    LENGTH_BYTES = 4,
    CLASS_BYTES = 2
};

enum {
    USUAL = 3
};

/* By spur_noise_kind. */
static const struct {
    const char *name, *key, *words;
    double usual[USUAL];
} KINDS[] = {[SPUR_NOISE_LENGTH] = {"length", "", "length ", {10, 100, 250}},
             [SPUR_NOISE_SIGMA] = {"sigma", "sigma-", "standard deviation ", {0.05, 0.1, 0.2}}};

/* Into its place among the rising ones; 0 and what is there already change nothing. */
static spur_status insert_strength(noise_plan *into, double strength, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t at = 0;
    if (!(strength >= 0.0 && strength <= 1e6)) {
        FAIL(SPUR_USAGE, "a noise of %s%g is not 0 to 1000000", KINDS[into->kind].words,
             strength);
    }
    while (at < into->strength_count && into->strengths[at] < strength) {
        at++;
    }
    if (strength == 0.0 || (at < into->strength_count && into->strengths[at] == strength)) {
        goto done;
    }
    if (into->strength_count == NOISE_STRENGTHS) {
        FAIL(SPUR_USAGE, "more than %d strengths of noise", NOISE_STRENGTHS);
    }
    memmove(into->strengths + at + 1, into->strengths + at,
            (into->strength_count - at) * sizeof *into->strengths);
    into->strengths[at] = strength;
    into->strength_count++;
done:
    return status;
}

spur_status noise_plan_make(spur_noise_kind kind, const double *strengths, size_t count,
                            size_t trials, noise_plan *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    noise_plan made = {.kind = kind, .trials = trials, .clamp = true};
    if (trials < 1 || trials > NOISE_TRIALS) {
        FAIL(SPUR_USAGE, "%zu trials of noise are not 1 to %d", trials, NOISE_TRIALS);
    }
    for (size_t i = 0; i < (count == 0 ? USUAL : count); i++) {
        TRY(insert_strength(&made, count == 0 ? KINDS[kind].usual[i] : strengths[i], error));
    }
    *out = made;
done:
    return status;
}

double noise_scale(const noise_plan *plan, size_t strength, double length)
{
    if (plan->kind == SPUR_NOISE_SIGMA) {
        return plan->strengths[strength];
    }
    return length > 0.0 ? plan->strengths[strength] / length : 0.0;
}

const char *noise_kind_name(spur_noise_kind kind)
{
    return KINDS[kind].name;
}

static void name_strength(const char *before, double strength, char out[NOISE_STRENGTH_SIZE])
{
    char number[TEXT_NUMBER_SIZE];
    text_from_rounded(strength, number);
    (void)snprintf(out, NOISE_STRENGTH_SIZE, "%s%s", before, number);
}

void noise_strength_name(const noise_plan *plan, size_t strength, char out[NOISE_STRENGTH_SIZE])
{
    name_strength(KINDS[plan->kind].key, plan->strengths[strength], out);
}

void noise_strength_words(const noise_plan *plan, size_t strength,
                          char out[NOISE_STRENGTH_SIZE])
{
    name_strength(KINDS[plan->kind].words, plan->strengths[strength], out);
}

size_t noise_variants(const noise_plan *plan)
{
    return 1 + plan->trials * NOISE_REGIONS * plan->strength_count;
}

size_t noise_variant(const noise_plan *plan, size_t trial, enum noise_region region,
                     size_t strength)
{
    return 1 + (trial * NOISE_REGIONS + (size_t)region) * plan->strength_count + strength;
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

void noise_row_put(noise_row into, unsigned flags, uint32_t inside, uint32_t boxes)
{
    into.bytes[0] = (unsigned char)flags;
    put_u32(into.bytes + AT_INSIDE, inside);
    put_u32(into.bytes + AT_BOXES, boxes);
}

unsigned noise_row_flags(noise_row from)
{
    return from.bytes[0];
}

uint32_t noise_row_inside(noise_row from)
{
    return get_u32(from.bytes + AT_INSIDE);
}

uint32_t noise_row_boxes(noise_row from)
{
    return get_u32(from.bytes + AT_BOXES);
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
