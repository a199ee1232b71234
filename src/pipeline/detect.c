/*
 * detect.c - the public detector: boxes for any text, or for what another picture shows.
 *
 * A spur_detector is a detector with one worker; a spur_query is a set of embeddings. The
 * forward path is the one `score` uses: detector_look, detector_logits, detector_box.
 */
#include <string.h>

#include "base/memory.h"
#include "io/image.h"
#include "io/tensor.h"
#include "models/detector.h"
#include "models/model_folder.h"
#include "pipeline/detections.h"

struct spur_detector {
    detector *model;
    detector_worker *worker;
    char *path;
    text_buffer preprocessing;
};

struct spur_query {
    size_t count, tokens;
    float *embeds;   /* [count, D] */
    int64_t *ids;    /* [count, tokens], NULL for an image query */
    bool *truncated; /* [count] */
};

/* ---- the detector -------------------------------------------------------------------- */

spur_status spur_detector_open(const char *path, const spur_detector_options *options,
                               spur_detector **out, spur_error *error)
{
    spur_status status;
    spur_detector *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(model_folder_resolve(path, &made->path, error));
    TRY(detector_open(made->path, options, &made->model, error));
    TRY(detector_worker_new(made->model, &made->worker, error));
    TRY(preprocess_describe(detector_preprocess(made->model), &made->preprocessing, error));
    *out = made;
    made = NULL;
done:
    spur_detector_close(made);
    return status;
}

void spur_detector_close(spur_detector *handle)
{
    if (handle != NULL) {
        detector_worker_free(handle->worker);
        detector_close(handle->model);
        memory_free(handle->path);
        text_buffer_free(&handle->preprocessing);
        memory_free(handle);
    }
}

void spur_detector_describe(const spur_detector *handle, spur_detector_info *info)
{
    *info = (spur_detector_info){
        .path = handle->path,
        .model_type = detector_model_type(handle->model),
        .side = detector_side(handle->model),
        .grid = detector_grid(handle->model),
        .patches = detector_patches(handle->model),
        .embedding = detector_embedding(handle->model),
        .max_tokens = detector_max_tokens(handle->model),
        .has_objectness = detector_has_objectness(handle->model),
        .preprocessing = handle->preprocessing.data,
        .digest = detector_digest(handle->model),
        .weight_bytes = detector_weight_bytes(handle->model),
        .warnings = detector_warnings(handle->model),
    };
}

/* ---- queries ------------------------------------------------------------------------- */

static spur_status query_new(const spur_detector *handle, size_t count, bool with_ids,
                             spur_query **out, spur_error *error)
{
    spur_status status;
    spur_query *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->count = count;
    made->tokens = detector_max_tokens(handle->model);
    size_t row = detector_embedding(handle->model) * sizeof *made->embeds;
    TRY(memory_new(count, row, &made->embeds, error));
    TRY(memory_new_zeroed(count, sizeof *made->truncated, &made->truncated, error));
    if (with_ids) {
        TRY(memory_new(count, made->tokens * sizeof *made->ids, &made->ids, error));
    }
    *out = made;
    made = NULL;
done:
    spur_query_free(made);
    return status;
}

void spur_query_free(spur_query *query)
{
    if (query != NULL) {
        memory_free(query->embeds);
        memory_free(query->ids);
        memory_free(query->truncated);
        memory_free(query);
    }
}

bool spur_query_truncated(const spur_query *query, size_t i)
{
    return query->truncated[i];
}

/* Query i from one text: its embedding and its ids padded to the text tower's length. */
static spur_status query_set_text(spur_detector *handle, spur_query *query, size_t i,
                                  const char *text, spur_error *error)
{
    token_ids ids = {0};
    float *embed = query->embeds + i * detector_embedding(handle->model);
    spur_status status =
        detector_encode_text(handle->worker, text, strlen(text), embed, &ids, error);
    if (status != SPUR_OK) {
        error_prefix(error, "query '%s'", text);
        return status;
    }
    int64_t pad = tokenizer_pad(detector_tokenizer(handle->model));
    for (size_t t = 0; t < query->tokens; t++) {
        query->ids[i * query->tokens + t] = t < ids.count ? ids.ids[t] : pad;
    }
    query->truncated[i] = ids.truncated;
    token_ids_free(&ids);
    return SPUR_OK;
}

spur_status spur_query_from_text(spur_detector *handle, const char *const *texts, size_t count,
                                 spur_query **out, spur_error *error)
{
    spur_status status;
    spur_query *made = NULL;
    if (count == 0) {
        FAIL(SPUR_USAGE, "no query text was given");
    }
    TRY(query_new(handle, count, true, &made, error));
    for (size_t i = 0; i < count; i++) {
        TRY(query_set_text(handle, made, i, texts[i], error));
    }
    *out = made;
    made = NULL;
done:
    spur_query_free(made);
    return status;
}

static spur_status boxes_all(spur_detector *handle, float *boxes, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t n = 0; n < detector_patches(handle->model); n++) {
        TRY(detector_box(handle->worker, n, boxes + 4 * n, error));
    }
done:
    return status;
}

static size_t largest_at(const float *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (values[i] > values[best]) {
            best = i;
        }
    }
    return best;
}

/* The patch that stands for the picture looked at: OWLv2's most object-like, OWL-ViT's by
 * overlap with the whole picture. */
static spur_status query_patch_choose(spur_detector *handle, size_t *patch, spur_error *error)
{
    spur_status status;
    float *boxes = NULL;
    size_t patches = detector_patches(handle->model);
    if (detector_has_objectness(handle->model)) {
        const float *objectness = NULL;
        TRY(detector_objectness(handle->worker, &objectness, error));
        *patch = largest_at(objectness, patches);
    } else {
        TRY(memory_new(patches, 4 * sizeof *boxes, &boxes, error));
        TRY(boxes_all(handle, boxes, error));
        TRY(detections_query_patch(boxes, detector_class_embeddings(handle->worker), patches,
                                   detector_embedding(handle->model), patch, error));
    }
done:
    memory_free(boxes);
    return status;
}

spur_status spur_query_from_image(spur_detector *handle, const char *path,
                                  const spur_image_options *options, spur_query **out,
                                  spur_error *error)
{
    spur_status status;
    image picture = {0};
    image_info info;
    spur_query *made = NULL;
    size_t patch = 0, width = detector_embedding(handle->model);
    status = image_load(path, options, &picture, &info, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        goto done;
    }
    TRY(detector_look(handle->worker, &picture, error));
    TRY(query_patch_choose(handle, &patch, error));
    TRY(query_new(handle, 1, false, &made, error));
    memcpy(made->embeds, detector_class_embeddings(handle->worker) + patch * width,
           width * sizeof *made->embeds);
    *out = made;
    made = NULL;
done:
    image_free(&picture);
    spur_query_free(made);
    return status;
}

/* ---- one picture --------------------------------------------------------------------- */

void spur_detect_options_defaults(spur_detect_options *options)
{
    *options = (spur_detect_options){.threshold = SPUR_THRESHOLD_DEFAULT};
    spur_image_options_defaults(&options->image);
}

void spur_detect_result_free(spur_detect_result *result)
{
    if (result != NULL) {
        memory_free(result->detections);
        memory_free(result->pixel_values);
        memory_free(result->logits);
        memory_free(result->boxes);
        memory_free(result->objectness);
        memory_free(result->text_embeds);
        memory_free(result->input_ids);
        memory_free(result);
    }
}

static spur_status result_new(const spur_detector *handle, const spur_query *query,
                              spur_detect_result **out, spur_error *error)
{
    spur_status status;
    spur_detect_result *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->side = detector_side(handle->model);
    made->patches = detector_patches(handle->model);
    made->embedding = detector_embedding(handle->model);
    made->queries = query->count;
    made->tokens = query->tokens;
    TRY(memory_new(made->patches, sizeof *made->detections, &made->detections, error));
    TRY(memory_new(3 * made->side * made->side, sizeof(float), &made->pixel_values, error));
    TRY(memory_new(made->patches, made->queries * sizeof(float), &made->logits, error));
    TRY(memory_new(made->patches, 4 * sizeof(float), &made->boxes, error));
    TRY(memory_new(made->queries, made->embedding * sizeof(float), &made->text_embeds, error));
    if (detector_has_objectness(handle->model)) {
        TRY(memory_new(made->patches, sizeof(float), &made->objectness, error));
    }
    if (query->ids != NULL) {
        TRY(memory_new(made->queries, made->tokens * sizeof(int64_t), &made->input_ids, error));
    }
    *out = made;
    made = NULL;
done:
    spur_detect_result_free(made);
    return status;
}

/* Everything the networks say of the picture looked at. */
static spur_status result_fill(spur_detector *handle, const spur_query *query,
                               spur_detect_result *made, spur_error *error)
{
    spur_status status;
    memcpy(made->pixel_values, detector_pixel_values(handle->worker),
           3 * made->side * made->side * sizeof(float));
    memcpy(made->text_embeds, query->embeds, made->queries * made->embedding * sizeof(float));
    if (query->ids != NULL) {
        memcpy(made->input_ids, query->ids, made->queries * made->tokens * sizeof(int64_t));
    }
    detector_logits(handle->worker, query->embeds, query->count, false, made->logits);
    TRY(boxes_all(handle, made->boxes, error));
    if (made->objectness != NULL) {
        const float *objectness = NULL;
        TRY(detector_objectness(handle->worker, &objectness, error));
        memcpy(made->objectness, objectness, made->patches * sizeof(float));
    }
done:
    return status;
}

static float clip(float value, float high)
{
    return value < 0 ? 0 : value > high ? high : value;
}

/* Boxes to pixels of the picture; optionally clipped to it, empty ones dropped. */
static void detections_to_pixels(const spur_detector *handle, spur_detect_result *made,
                                 bool is_clipped)
{
    size_t kept = 0;
    for (size_t i = 0; i < made->detection_count; i++) {
        spur_detection one = made->detections[i];
        detector_box_to_pixels(handle->model, made->boxes + 4 * one.patch, made->width,
                               made->height, one.box);
        for (size_t j = 0; is_clipped && j < 4; j++) {
            one.box[j] = clip(one.box[j], (float)(j % 2 == 0 ? made->width : made->height));
        }
        if (!is_clipped || (one.box[2] > one.box[0] && one.box[3] > one.box[1])) {
            made->detections[kept++] = one;
        }
    }
    made->detection_count = kept;
}

static spur_status detections_choose(const spur_detector *handle, const spur_query *query,
                                     const spur_detect_options *options,
                                     spur_detect_result *made, spur_error *error)
{
    spur_status status = SPUR_OK;
    bool is_text = query->ids != NULL, is_default = options->threshold < 0;
    if (is_text) {
        made->detection_count =
            detections_from_text(made->logits, made->boxes, made->patches, made->queries,
                                 is_default ? 0.1F : options->threshold, made->detections);
    } else {
        TRY(detections_from_image(made->logits, made->boxes, made->patches,
                                  is_default ? 0 : options->threshold,
                                  options->nms > 0 ? options->nms : 0.3F, made->detections,
                                  &made->detection_count, error));
    }
    float nms = is_text ? options->nms : 0;
    if (nms > 0 || options->top > 0) {
        made->detection_count =
            detections_keep_best(made->detections, made->detection_count, nms, options->top);
    }
    detections_to_pixels(handle, made, options->clip);
done:
    return status;
}

spur_status spur_detect(spur_detector *handle, const char *image_path, const spur_query *query,
                        const spur_detect_options *options, spur_detect_result **out,
                        spur_error *error)
{
    spur_status status;
    image picture = {0};
    image_info info;
    spur_detect_result *made = NULL;
    spur_detect_options chosen;
    spur_detect_options_defaults(&chosen);
    if (options != NULL) {
        chosen = *options;
    }
    TRY(image_load(image_path, &chosen.image, &picture, &info, error));
    TRY(detector_look(handle->worker, &picture, error));
    TRY(result_new(handle, query, &made, error));
    made->width = picture.width;
    made->height = picture.height;
    TRY(result_fill(handle, query, made, error));
    TRY(detections_choose(handle, query, &chosen, made, error));
    *out = made;
    made = NULL;
done:
    image_free(&picture);
    spur_detect_result_free(made);
    return status;
}

spur_status spur_detect_write_raw(const spur_detect_result *result, const char *path,
                                  spur_error *error)
{
    const size_t pixels[3] = {3, result->side, result->side};
    const size_t logits[2] = {result->patches, result->queries};
    const size_t boxes[2] = {result->patches, 4};
    const size_t embeds[2] = {result->queries, result->embedding};
    const size_t ids[2] = {result->queries, result->tokens};
    tensor_out tensors[6] = {
        {"pixel_values", TENSOR_F32, 3, pixels, result->pixel_values},
        {"logits", TENSOR_F32, 2, logits, result->logits},
        {"boxes", TENSOR_F32, 2, boxes, result->boxes},
        {"text_embeds", TENSOR_F32, 2, embeds, result->text_embeds},
    };
    size_t count = 4;
    if (result->objectness != NULL) {
        tensors[count++] =
            (tensor_out){"objectness", TENSOR_F32, 1, &result->patches, result->objectness};
    }
    if (result->input_ids != NULL) {
        tensors[count++] = (tensor_out){"input_ids", TENSOR_I64, 2, ids, result->input_ids};
    }
    return safetensors_write(path, tensors, count, NULL, 0, error);
}
