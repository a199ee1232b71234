/*
 * classify.c - the public classifier: one image's features and logits, now and with another
 * last layer.
 *
 * The forward path is the one `features` uses: preprocess_run, backbone_run, head_run.
 */
#include <string.h>

#include "base/memory.h"
#include "io/image.h"
#include "io/tensor.h"
#include "models/backbone.h"
#include "models/head_names.h"

struct spur_backbone {
    backbone *model;
    backbone_worker *worker;
};

struct spur_head {
    head_file *file;
    arena *texts;
    const char *const *class_names;
};

/* ---- handles ----------------------------------------------------------------------------- */

spur_status spur_backbone_open(const char *path, const spur_backbone_options *options,
                               spur_backbone **out, spur_error *error)
{
    spur_status status;
    spur_backbone *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(backbone_open(path, options, &made->model, error));
    TRY(backbone_worker_new(made->model, &made->worker, error));
    *out = made;
    made = NULL;
done:
    spur_backbone_close(made);
    return status;
}

void spur_backbone_close(spur_backbone *handle)
{
    if (handle != NULL) {
        backbone_worker_free(handle->worker);
        backbone_close(handle->model);
        memory_free(handle);
    }
}

void spur_backbone_describe(const spur_backbone *handle, spur_backbone_info *info)
{
    backbone_describe(handle->model, info);
}

spur_status spur_head_open(const char *path, const spur_backbone *of, spur_head **out,
                           spur_error *error)
{
    spur_status status;
    spur_head *made = NULL;
    spur_backbone_info info;
    backbone_describe(of->model, &info);
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(head_file_open(path, &made->file, error));
    status = head_file_check(made->file, head_file_head(made->file)->classes, info.features,
                             info.digest, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        goto done;
    }
    TRY(arena_new(&made->texts, error));
    TRY(head_names_read(made->file, made->texts, &made->class_names, error));
    *out = made;
    made = NULL;
done:
    spur_head_close(made);
    return status;
}

void spur_head_close(spur_head *handle)
{
    if (handle != NULL) {
        head_file_close(handle->file);
        arena_free(handle->texts);
        memory_free(handle);
    }
}

const char *const *spur_head_class_names(const spur_head *handle)
{
    return handle->class_names;
}

size_t spur_head_classes(const spur_head *handle)
{
    return head_file_head(handle->file)->classes;
}

/* ---- one image --------------------------------------------------------------------------- */

static spur_status result_new(const spur_backbone *of, const spur_head *other,
                              spur_classify_result **out, spur_error *error)
{
    spur_status status;
    spur_backbone_info info;
    spur_classify_result *made = NULL;
    backbone_describe(of->model, &info);
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->side = info.side;
    made->features = info.features;
    made->classes = info.classes;
    TRY(memory_new(3 * info.side * info.side, sizeof(float), &made->pixel_values, error));
    TRY(memory_new(info.features, sizeof(float), &made->feature, error));
    TRY(memory_new(info.classes, sizeof(float), &made->logits, error));
    if (other != NULL) {
        made->head_classes = spur_head_classes(other);
        TRY(memory_new(made->head_classes, sizeof(float), &made->head_logits, error));
    }
    *out = made;
    made = NULL;
done:
    spur_classify_result_free(made);
    return status;
}

void spur_classify_result_free(spur_classify_result *result)
{
    if (result != NULL) {
        memory_free(result->pixel_values);
        memory_free(result->feature);
        memory_free(result->logits);
        memory_free(result->head_logits);
        memory_free(result);
    }
}

spur_status spur_classify(spur_backbone *handle, const spur_head *other, const char *image_path,
                          const spur_image_options *image_options, spur_classify_result **out,
                          spur_error *error)
{
    spur_status status;
    image picture = {0};
    spur_classify_result *made = NULL;
    TRY(result_new(handle, other, &made, error));
    TRY(image_load(image_path, image_options, &picture, NULL, error));
    made->width = picture.width;
    made->height = picture.height;
    TRY(preprocess_run(backbone_preprocess(handle->model), &picture, made->pixel_values, NULL,
                       error));
    TRY(backbone_run(handle->model, handle->worker, made->pixel_values, 1, made->feature, NULL,
                     error));
    TRY(head_run(backbone_head(handle->model), made->feature, 1, 1, made->logits, error));
    if (other != NULL) {
        TRY(head_run(head_file_head(other->file), made->feature, 1, 1, made->head_logits,
                     error));
    }
    *out = made;
    made = NULL;
done:
    image_free(&picture);
    spur_classify_result_free(made);
    return status;
}

/* ---- raw --------------------------------------------------------------------------------- */

enum raw_part {
    RAW_PIXELS,
    RAW_FEATURES,
    RAW_LOGITS,
    RAW_ORIGINAL,
    RAW_PARTS
};

/* The part's floats and how many there are. */
static const float *raw_values(const spur_classify_result *from, enum raw_part part,
                               size_t *count)
{
    bool has_head = from->head_logits != NULL;
    switch (part) {
    case RAW_PIXELS:
        *count = 3 * from->side * from->side;
        return from->pixel_values;
    case RAW_FEATURES:
        *count = from->features;
        return from->feature;
    case RAW_LOGITS:
        *count = has_head ? from->head_classes : from->classes;
        return has_head ? from->head_logits : from->logits;
    default:
        *count = from->classes;
        return from->logits;
    }
}

static spur_status raw_append(const spur_classify_result *const *results, size_t count,
                              enum raw_part part, safetensors_writer *writer, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < count && status == SPUR_OK; i++) {
        size_t floats;
        const float *values = raw_values(results[i], part, &floats);
        status = safetensors_append(writer, values, floats * sizeof *values, error);
    }
    return status;
}

spur_status spur_classify_write_raw(const spur_classify_result *const *results, size_t count,
                                    const char *path, spur_error *error)
{
    spur_status status;
    safetensors_writer *writer = NULL;
    if (count == 0) {
        FAIL(SPUR_USAGE, "no result to write");
    }
    const spur_classify_result *one = results[0];
    bool has_head = one->head_logits != NULL;
    const size_t pixels[4] = {count, 3, one->side, one->side};
    const size_t features[2] = {count, one->features};
    const size_t logits[2] = {count, has_head ? one->head_classes : one->classes};
    const size_t original[2] = {count, one->classes};
    const tensor_out tensors[RAW_PARTS] = {
        [RAW_PIXELS] = {"pixel_values", TENSOR_F32, 4, pixels, NULL},
        [RAW_FEATURES] = {"features", TENSOR_F32, 2, features, NULL},
        [RAW_LOGITS] = {"logits", TENSOR_F32, 2, logits, NULL},
        [RAW_ORIGINAL] = {"logits_original", TENSOR_F32, 2, original, NULL}};
    size_t parts = has_head ? RAW_PARTS : RAW_ORIGINAL;
    TRY(safetensors_begin(path, tensors, parts, NULL, 0, &writer, error));
    for (size_t i = 0; i < parts; i++) {
        enum raw_part part = (enum raw_part)safetensors_order(writer, i);
        TRY(raw_append(results, count, part, writer, error));
    }
    TRY(safetensors_finish(writer, error));
done:
    safetensors_writer_close(writer);
    return status;
}
