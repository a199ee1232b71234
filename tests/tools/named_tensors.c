/*
 * named_tensors.c - numbers from names, and the files of a model folder.
 */
#include "named_tensors.h"

#include <string.h>

#include "io/file.h"
#include "weights_by_name.h"

spur_status named_tensors_add(named_tensors *into, const char *name, size_t rank,
                              const size_t *shape, spur_error *error)
{
    spur_status status;
    size_t elements = 1, *kept_shape = NULL;
    char *kept_name = NULL;
    float *values = NULL;
    for (size_t i = 0; i < rank; i++) {
        elements *= shape[i];
    }
    TRY(arena_text(into->owner, name, strlen(name), &kept_name, error));
    TRY(arena_take(into->owner, 4, sizeof *kept_shape, &kept_shape, error));
    memcpy(kept_shape, shape, rank * sizeof *shape);
    TRY(arena_take(into->owner, elements, sizeof *values, &values, error));
    weights_fill(weights_key(into->salt, name), weights_scale_of(name, shape, rank), 0,
                 elements, values);
    into->tensors[into->count++] =
        (tensor_out){kept_name, TENSOR_F32, rank, kept_shape, values};
done:
    return status;
}

spur_status model_weights_write(const char *folder, const tensor_out *tensors, size_t count,
                                spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(file_join(folder, "model.safetensors", &path, error));
    TRY(safetensors_write(path, tensors, count, NULL, 0, error));
done:
    memory_free(path);
    return status;
}

spur_status model_text_write(const char *folder, const char *name, const text_buffer *text,
                             spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(file_join(folder, name, &path, error));
    TRY(file_replace(path, text->data, text->length, error));
done:
    memory_free(path);
    return status;
}
