/*
 * head_file.c - the names of last layers, their shapes, and the two-layer heads.
 *
 * A distilled model gives the mean of two layers: ((A x1 + a) + (B x2 + b)) / 2. As one matrix
 * over [x1 x2] that is [A/2 B/2] with (a + b)/2; halving and doubling lose no bits.
 */
#include "models/head_file.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "io/tensor.h"
#include "models/weights.h"

typedef struct head_names {
    const char *prefix;
    const char *weight, *bias;
    const char *second_weight, *second_bias; /* of a distilled model's other layer, or NULL */
} head_names;

/* Of two lines that fit a file the later one is meant. */
static const head_names names_known[] = {
    {"W", "W", "b", NULL, NULL},
    {"fc", "fc.weight", "fc.bias", NULL, NULL},
    {"head", "head.weight", "head.bias", NULL, NULL},
    {"head_dist", "head.weight", "head.bias", "head_dist.weight", "head_dist.bias"},
    {"classifier", "classifier.weight", "classifier.bias", NULL, NULL},
    {"heads.head", "heads.head.weight", "heads.head.bias", NULL, NULL},
    {"classifier.1", "classifier.1.weight", "classifier.1.bias", NULL, NULL},
    {"cls_classifier", "cls_classifier.weight", "cls_classifier.bias",
     "distillation_classifier.weight", "distillation_classifier.bias"},
};
enum {
    NAMES_COUNT = sizeof names_known / sizeof *names_known
};

struct head_file {
    weights *from; /* open for its metadata */
    const head_names *names;
    head own;
};

/* ---- reading ---------------------------------------------------------------------------- */

static const head_names *names_in(const weights *from)
{
    const head_names *found = NULL;
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        const head_names *names = &names_known[i];
        if (weights_has(from, names->weight) &&
            (names->second_weight == NULL || weights_has(from, names->second_weight))) {
            found = names;
        }
    }
    return found;
}

static bool names_hold(const head_names *names, const char *name)
{
    const char *const all[] = {names->weight, names->bias, names->second_weight,
                               names->second_bias};
    for (size_t i = 0; i < 4; i++) {
        if (all[i] != NULL && strcmp(all[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static spur_status check_names(const tensor_file *file, const head_names *names,
                               spur_error *error)
{
    for (size_t i = 0; i < tensor_file_count(file); i++) {
        const char *name = tensor_file_at(file, i)->name;
        if (!names_hold(names, name)) {
            return error_set(error, SPUR_MODEL,
                             "tensor '%s' is no part of a head (found '%s'); give a file that "
                             "holds a last layer alone",
                             name, names->weight);
        }
    }
    return SPUR_OK;
}

/* One layer [classes, features] with its bias; classes 0 takes what the file says. */
static spur_status layer_read(weights *from, const char *weight_name, const char *bias_name,
                              head *out, spur_error *error)
{
    spur_status status;
    const tensor_info *info = tensor_file_find(weights_file(from), weight_name);
    if (info == NULL) {
        FAIL(SPUR_MODEL, "tensor '%s' is missing", weight_name);
    }
    if (info->rank != 2 || info->shape[0] == 0 || info->shape[1] == 0) {
        FAIL(SPUR_MODEL,
             "tensor '%s' has %zu dimensions and %zu elements, expected "
             "[classes, features]",
             weight_name, info->rank, info->elements);
    }
    size_t shape[2] = {out->classes > 0 ? out->classes : info->shape[0],
                       out->features > 0 ? out->features : info->shape[1]};
    if (shape[0] != info->shape[0] || shape[1] != info->shape[1]) {
        FAIL(SPUR_MODEL, "tensor '%s' has shape [%zu, %zu], the first layer [%zu, %zu]",
             weight_name, info->shape[0], info->shape[1], shape[0], shape[1]);
    }
    info = tensor_file_find(weights_file(from), bias_name);
    if (info == NULL || info->rank != 1 || info->shape[0] != shape[0]) {
        FAIL(SPUR_MODEL, "tensor '%s' %s, expected [%zu] as '%s' has rows", bias_name,
             info == NULL ? "is missing" : "has another shape", shape[0], weight_name);
    }
    TRY(weights_expect(from, weight_name, 2, shape, error));
    TRY(weights_expect(from, bias_name, 1, shape, error));
    TRY(weights_take(from, weight_name, &out->weight, error));
    TRY(weights_take(from, bias_name, &out->bias, error));
    out->classes = shape[0];
    out->features = shape[1];
done:
    return status;
}

/* The mean of two layers as one over the concatenated features. */
static spur_status layers_join(const head *first, const head *second, head *out,
                               spur_error *error)
{
    spur_status status;
    size_t half = first->features, width;
    head made = {0};
    if (!size_mul(half, 2, &width)) {
        FAIL(SPUR_MODEL, "a head of %zu features is too wide", half);
    }
    TRY(head_make(first->classes, width, &made, error));
    for (size_t k = 0; k < made.classes; k++) {
        float *row = made.weight + k * width;
        for (size_t j = 0; j < half; j++) {
            row[j] = 0.5F * first->weight[k * half + j];
            row[half + j] = 0.5F * second->weight[k * half + j];
        }
        made.bias[k] = 0.5F * first->bias[k] + 0.5F * second->bias[k];
    }
    *out = made;
done:
    return status;
}

static spur_status head_read(head_file *into, spur_error *error)
{
    spur_status status;
    head first = {0}, second = {0};
    const head_names *names = into->names;
    TRY(layer_read(into->from, names->weight, names->bias, &first, error));
    if (names->second_weight == NULL) {
        into->own = first;
        first = (head){0};
    } else {
        second.classes = first.classes;
        second.features = first.features;
        TRY(layer_read(into->from, names->second_weight, names->second_bias, &second, error));
        TRY(layers_join(&first, &second, &into->own, error));
    }
done:
    head_free(&first);
    head_free(&second);
    return status;
}

spur_status head_file_open(const char *path, head_file **out, spur_error *error)
{
    spur_status status;
    head_file *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(weights_open(path, false, &made->from, error));
    made->names = names_in(made->from);
    if (made->names == NULL) {
        FAIL(SPUR_MODEL,
             "%s: holds no head: no tensor fc.weight, head.weight, "
             "classifier.weight, cls_classifier.weight or W",
             path);
    }
    status = check_names(weights_file(made->from), made->names, error);
    if (status == SPUR_OK) {
        status = head_read(made, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        goto done;
    }
    *out = made;
    made = NULL;
done:
    head_file_close(made);
    return status;
}

void head_file_close(head_file *block)
{
    if (block != NULL) {
        weights_close(block->from);
        head_free(&block->own);
        memory_free(block);
    }
}

const head *head_file_head(const head_file *from)
{
    return &from->own;
}

const char *head_file_prefix(const head_file *from)
{
    return from->names->prefix;
}

const char *head_file_note(const head_file *from, const char *key)
{
    const tensor_file *file = weights_file(from->from);
    for (size_t i = 0; i < tensor_file_metadata_count(file); i++) {
        const char *name = NULL, *value = NULL;
        tensor_file_metadata_at(file, i, &name, &value);
        if (strcmp(name, key) == 0) {
            return value;
        }
    }
    return NULL;
}

size_t head_file_note_count(const head_file *from)
{
    return tensor_file_metadata_count(weights_file(from->from));
}

void head_file_note_at(const head_file *from, size_t i, const char **key, const char **value)
{
    tensor_file_metadata_at(weights_file(from->from), i, key, value);
}

spur_status head_file_check(const head_file *from, size_t classes, size_t features,
                            const char *backbone_digest, spur_error *error)
{
    const head *own = &from->own;
    const char *trained_on = head_file_note(from, "backbone_digest");
    if (own->features != features) {
        return error_set(error, SPUR_DATASET,
                         "the head takes %zu features, the backbone gives %zu: it was trained "
                         "on another model's features",
                         own->features, features);
    }
    if (own->classes != classes) {
        return error_set(error, SPUR_DATASET, "the head tells %zu classes apart, expected %zu",
                         own->classes, classes);
    }
    if (trained_on != NULL && backbone_digest != NULL &&
        strcmp(trained_on, backbone_digest) != 0) {
        return error_set(error, SPUR_DATASET,
                         "the head was trained on features of backbone %s (digest %s), this "
                         "backbone's digest is %s",
                         head_file_note(from, "backbone") != NULL
                             ? head_file_note(from, "backbone")
                             : "of unknown name",
                         trained_on, backbone_digest);
    }
    return SPUR_OK;
}

/* ---- writing ---------------------------------------------------------------------------- */

static const head_names *names_find(const char *prefix)
{
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        if (strcmp(names_known[i].prefix, prefix) == 0) {
            return &names_known[i];
        }
    }
    return NULL;
}

/* Columns from .. from + half - 1, doubled. */
static void layer_take(const head *from, size_t first, size_t half, float *dst)
{
    for (size_t k = 0; k < from->classes; k++) {
        for (size_t j = 0; j < half; j++) {
            dst[k * half + j] = 2.0F * from->weight[k * from->features + first + j];
        }
    }
}

static spur_status write_two(const char *path, const head *from, const head_names *names,
                             const char *const *metadata, size_t pairs, spur_error *error)
{
    spur_status status;
    size_t half = from->features / 2;
    float *halves = NULL;
    const size_t shape[2] = {from->classes, half};
    if (from->features % 2 != 0) {
        FAIL(SPUR_USAGE, "a head of two layers needs an even number of features, not %zu",
             from->features);
    }
    TRY(memory_new(from->classes * from->features, sizeof *halves, &halves, error));
    layer_take(from, 0, half, halves);
    layer_take(from, half, half, halves + from->classes * half);
    const tensor_out tensors[] = {
        {names->weight, TENSOR_F32, 2, shape, halves},
        {names->bias, TENSOR_F32, 1, shape, from->bias},
        {names->second_weight, TENSOR_F32, 2, shape, halves + from->classes * half},
        {names->second_bias, TENSOR_F32, 1, shape, from->bias}};
    TRY(safetensors_write(path, tensors, 4, metadata, pairs, error));
done:
    memory_free(halves);
    return status;
}

spur_status head_file_write(const char *path, const head *from, const char *prefix,
                            const char *const *metadata, size_t pairs, spur_error *error)
{
    const head_names *names = names_find(prefix);
    if (names == NULL) {
        return error_set(error, SPUR_USAGE,
                         "'%s' is no name for a head: fc, head, head_dist, classifier, "
                         "cls_classifier or W",
                         prefix);
    }
    if (names->second_weight != NULL) {
        return write_two(path, from, names, metadata, pairs, error);
    }
    const size_t shape[2] = {from->classes, from->features};
    const tensor_out tensors[] = {{names->weight, TENSOR_F32, 2, shape, from->weight},
                                  {names->bias, TENSOR_F32, 1, shape, from->bias}};
    return safetensors_write(path, tensors, 2, metadata, pairs, error);
}
