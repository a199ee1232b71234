/*
 * preprocess_images.c - the pixels exactly as a model will see them, written to a file.
 *
 * The tensors stand one behind the other in the file and an image contributes to both, so the
 * images are prepared once for each tensor: memory is one image, however many there are.
 */
#include "base/memory.h"
#include "io/image.h"
#include "io/tensor.h"
#include "models/model_folder.h"
#include "models/preprocess.h"

enum {
    CHANNELS = 3
};

/* The two tensors; pixels is left out where that stage is not 8-bit. */
enum {
    TENSOR_VALUES,
    TENSOR_PIXELS
};

typedef struct preprocess_job {
    const char *const *images;
    size_t count;
    const spur_image_options *options;
    preprocess recipe;
    text_buffer description;
    size_t value_count; /* floats of one image */
    float *values;
} preprocess_job;

static spur_status job_read_recipe(preprocess_job *job, const char *model,
                                   const spur_detector_options *options, spur_error *error)
{
    spur_status status;
    char *folder = NULL;
    TRY(model_folder_resolve(model, &folder, error));
    TRY(preprocess_read(folder, &job->recipe, error));
    if (options != NULL) {
        job->recipe.order = options->resize_order;
    }
    if (options != NULL && options->geometry == SPUR_GEOMETRY_SCENIC) {
        if (job->recipe.geometry == PREPROCESS_SHORT_SIDE) {
            FAIL(SPUR_USAGE, "scenic geometry is for OWL-ViT and OWLv2, %s is neither", model);
        }
        preprocess_use_scenic(&job->recipe, options->pad_value);
    }
    TRY(preprocess_describe(&job->recipe, &job->description, error));
done:
    memory_free(folder);
    return status;
}

static spur_status job_open(preprocess_job *job, spur_error *error)
{
    size_t count;
    if (!size_mul(job->recipe.width, job->recipe.height, &count) ||
        !size_mul(count, CHANNELS, &count)) {
        return error_no_memory(error, SIZE_MAX);
    }
    job->value_count = count;
    return memory_new(count, sizeof *job->values, &job->values, error);
}

/* Prepares one image and appends its part of one tensor. */
static spur_status append_image(preprocess_job *job, size_t i, size_t tensor,
                                safetensors_writer *writer, spur_error *error)
{
    spur_status status;
    image picture = {0};
    image stage = {0};
    TRY(image_load(job->images[i], job->options, &picture, NULL, error));
    TRY(preprocess_run(&job->recipe, &picture, job->values, &stage, error));
    if (tensor == TENSOR_PIXELS) {
        TRY(safetensors_append(writer, stage.pixels, job->value_count, error));
    } else {
        TRY(safetensors_append(writer, job->values, job->value_count * sizeof *job->values,
                               error));
    }
done:
    image_free(&picture);
    image_free(&stage);
    if (status == SPUR_IMAGE) {
        error_prefix(error, "%s", job->images[i]);
    }
    return status;
}

static spur_status append_tensor(preprocess_job *job, size_t tensor, safetensors_writer *writer,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; status == SPUR_OK && i < job->count; i++) {
        status = append_image(job, i, tensor, writer, error);
    }
    return status;
}

static spur_status job_write(preprocess_job *job, const char *path, spur_error *error)
{
    spur_status status;
    safetensors_writer *writer = NULL;
    size_t height = job->recipe.height;
    size_t width = job->recipe.width;
    const size_t planes[4] = {job->count, CHANNELS, height, width};
    const size_t rows[4] = {job->count, height, width, CHANNELS};
    const tensor_out tensors[] = {
        [TENSOR_VALUES] = {"pixel_values", TENSOR_F32, 4, planes, NULL},
        [TENSOR_PIXELS] = {"pixels", TENSOR_U8, 4, rows, NULL}};
    const char *const metadata[] = {"preprocessing", job->description.data};
    size_t tensor_count = job->recipe.geometry == PREPROCESS_PAD_ZOOM ? 1 : 2;
    TRY(safetensors_begin(path, tensors, tensor_count, metadata, 1, &writer, error));
    for (size_t t = 0; t < tensor_count; t++) {
        TRY(append_tensor(job, safetensors_order(writer, t), writer, error));
    }
    TRY(safetensors_finish(writer, error));
done:
    safetensors_writer_close(writer);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the public signature */
spur_status spur_preprocess(const char *const *images, size_t count, const char *model,
                            const spur_image_options *image_options,
                            const spur_detector_options *detector_options, const char *out_path,
                            char **description, spur_error *error)
{
    spur_status status;
    preprocess_job job = {.images = images, .count = count, .options = image_options};
    if (count == 0) {
        FAIL(SPUR_USAGE, "no image to prepare: name at least one");
    }
    TRY(job_read_recipe(&job, model, detector_options, error));
    TRY(job_open(&job, error));
    TRY(job_write(&job, out_path, error));
    if (description != NULL) {
        *description = job.description.data;
        job.description = (text_buffer){0};
    }
done:
    text_buffer_free(&job.description);
    memory_free(job.values);
    return status;
}

void spur_text_free(char *text)
{
    memory_free(text);
}
