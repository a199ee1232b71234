/*
 * weights_by_name.c - the rules of weights_by_name.md (reference data), table by table.
 *
 * Element i: z = splitmix64(key + (i + 1) * golden ratio), u = (z >> 40) * 2^-23 - 1, value =
 * (float)(offset + amplitude * u) in double. The first line of a table that fits decides.
 */
#include "weights_by_name.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

uint64_t weights_key(const char *salt, const char *name)
{
    const char *const parts[] = {salt, "/", name};
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t k = 0; k < 3; k++) {
        for (const char *at = parts[k]; *at != '\0'; at++) {
            hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001B3);
        }
    }
    return hash;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), wanted = strlen(end);
    return length >= wanted && strcmp(name + length - wanted, end) == 0;
}

/* Offset and amplitude of names that end so; `part`, when given, must occur as well. */
typedef struct scale_rule {
    const char *end, *part;
    float offset, amplitude;
} scale_rule;

static const scale_rule scale_rules[] = {
    {"running_mean", NULL, 0.0f, 0.1f},
    {"running_var", NULL, 1.0f, 0.3f},
    {"owlvit.logit_scale", NULL, 2.6f, 0.1f},
    {"owlv2.logit_scale", NULL, 2.6f, 0.1f},
    {"token_embedding.weight", NULL, 0.0f, 0.3f},
    {"position_embedding.weight", "text_model.", 0.0f, 0.1f},
    {"position_embedding.weight", NULL, 0.0f, 1.0f},
    {"position_embeddings", NULL, 0.0f, 1.0f},
    {"pos_embed", NULL, 0.0f, 1.0f},
    {"class_embedding", NULL, 0.0f, 0.3f},
    {"cls_token", NULL, 0.0f, 0.3f},
    {"dist_token", NULL, 0.0f, 0.3f},
    {"class_head.logit_shift.bias", NULL, -0.5f, 0.05f},
    {"class_head.logit_scale.bias", NULL, 6.0f, 0.05f},
    {"bias", NULL, 0.0f, 0.05f},
};

/* Gain of names that hold `part`, and `other` when given. */
typedef struct gain_rule {
    const char *part, *other;
    double gain;
} gain_rule;

static const gain_rule gain_rules[] = {
    {"class_head.logit_shift.", NULL, 0.2},
    {"class_head.logit_scale.", NULL, 4.0},
    {"box_head.dense2.", NULL, 4.0},
    {"objectness_head.dense2.", NULL, 6.0},
    {"text_model.encoder.", ".q_proj.", 2.0},
    {"text_model.encoder.", ".k_proj.", 2.0},
    {"text_model.encoder.", ".v_proj.", 1.6},
    {"text_model.encoder.", ".out_proj.", 1.6},
    {"text_model.encoder.", ".mlp.fc1.", 2.0},
    {"text_model.encoder.", ".mlp.fc2.", 1.0},
    {".q_proj.", NULL, 1.6},
    {".k_proj.", NULL, 1.6},
    {".out_proj.", NULL, 0.5},
    {".attention.query.", NULL, 1.6},
    {".attention.key.", NULL, 1.6},
    {".attn.qkv.", NULL, 1.6},
    {".attn.proj.", NULL, 0.3},
    {".mlp.fc1.", NULL, 1.5},
    {".mlp.fc2.", NULL, 0.5},
    {".intermediate.dense.", NULL, 1.5},
    {".output.dense.", NULL, 0.5},
};

static double gain_of(const char *name)
{
    for (size_t k = 0; k < sizeof gain_rules / sizeof *gain_rules; k++) {
        const gain_rule *rule = &gain_rules[k];
        if (strstr(name, rule->part) != NULL &&
            (rule->other == NULL || strstr(name, rule->other) != NULL)) {
            return rule->gain;
        }
    }
    return 1.0;
}

weights_scale weights_scale_of(const char *name, const size_t *shape, size_t rank)
{
    for (size_t k = 0; k < sizeof scale_rules / sizeof *scale_rules; k++) {
        const scale_rule *rule = &scale_rules[k];
        if (ends_with(name, rule->end) &&
            (rule->part == NULL || strstr(name, rule->part) != NULL)) {
            return (weights_scale){rule->offset, rule->amplitude};
        }
    }
    if (rank < 2) {
        return (weights_scale){1.0f, 0.1f};
    }
    double fan_in = 1.0;
    for (size_t axis = 1; axis < rank; axis++) {
        fan_in *= (double)shape[axis];
    }
    return (weights_scale){0.0f, (float)(gain_of(name) * sqrt(3.0 / fan_in))};
}

void weights_fill(uint64_t key, weights_scale scale, uint64_t first, size_t count, float *dst)
{
    const double offset = (double)scale.offset, amplitude = (double)scale.amplitude;
    for (size_t i = 0; i < count; i++) {
        uint64_t z = key + (first + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        double u = (double)(z >> 40) * 0x1p-23 - 1.0;
        dst[i] = (float)(offset + amplitude * u);
    }
}
