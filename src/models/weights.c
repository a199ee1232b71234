/*
 * weights.c - expected tensors against the file's, by name.
 */
#include "models/weights.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct weights {
    tensor_file *file;
    bool *known; /* by index of the file: expected or ignored */
    bool allow_nonfinite;
};

spur_status weights_open(const char *path, bool allow_nonfinite, weights **out,
                         spur_error *error)
{
    spur_status status;
    weights *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->allow_nonfinite = allow_nonfinite;
    TRY(tensor_file_open(path, &made->file, error));
    TRY(memory_new_zeroed(tensor_file_count(made->file), sizeof *made->known, &made->known,
                          error));
    *out = made;
    made = NULL;
done:
    weights_close(made);
    return status;
}

void weights_close(weights *block)
{
    if (block != NULL) {
        tensor_file_close(block->file);
        memory_free(block->known);
        memory_free(block);
    }
}

const tensor_file *weights_file(const weights *from)
{
    return from->file;
}

/* Index of a name by bisection (the file is in name order), or the count when absent. */
static size_t weights_index(const weights *from, const char *name)
{
    size_t low = 0, high = tensor_file_count(from->file);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tensor_file_at(from->file, middle)->name, name);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return tensor_file_count(from->file);
}

bool weights_has(const weights *from, const char *name)
{
    return weights_index(from, name) < tensor_file_count(from->file);
}

/* "[768, 3, 32, 32]" */
static void shape_describe(size_t rank, const size_t *shape, char *dst, size_t capacity)
{
    text_buffer text = {0};
    spur_status status = text_format(&text, NULL, "[");
    for (size_t i = 0; i < rank && status == SPUR_OK; i++) {
        status = text_format(&text, NULL, i == 0 ? "%zu" : ", %zu", shape[i]);
    }
    if (status == SPUR_OK) {
        status = text_format(&text, NULL, "]");
    }
    text_copy(status == SPUR_OK ? text.data : "[...]", dst, capacity);
    text_buffer_free(&text);
}

static bool dtype_is_float(tensor_dtype dtype)
{
    return dtype == TENSOR_F32 || dtype == TENSOR_F16 || dtype == TENSOR_BF16 ||
           dtype == TENSOR_F64;
}

spur_status weights_expect(weights *from, const char *name, size_t rank, const size_t *shape,
                           spur_error *error)
{
    size_t index = weights_index(from, name);
    if (index == tensor_file_count(from->file)) {
        return error_set(error, SPUR_MODEL,
                         "tensor '%s' is missing; the file is for another architecture or "
                         "incomplete",
                         name);
    }
    const tensor_info *info = tensor_file_at(from->file, index);
    if (info->rank != rank || memcmp(info->shape, shape, rank * sizeof *shape) != 0) {
        char expected[128], found[128];
        shape_describe(rank, shape, expected, sizeof expected);
        shape_describe(info->rank, info->shape, found, sizeof found);
        return error_set(error, SPUR_MODEL, "tensor '%s' has shape %s, expected %s", name,
                         found, expected);
    }
    if (!dtype_is_float(info->dtype)) {
        return error_set(error, SPUR_MODEL,
                         "tensor '%s' holds %s, expected F32, F16, BF16 or F64", name,
                         tensor_dtype_name(info->dtype));
    }
    from->known[index] = true;
    return SPUR_OK;
}

void weights_ignore(weights *from, const char *name)
{
    size_t index = weights_index(from, name);
    if (index < tensor_file_count(from->file)) {
        from->known[index] = true;
    }
}

spur_status weights_check_complete(const weights *from, spur_error *error)
{
    for (size_t i = 0; i < tensor_file_count(from->file); i++) {
        if (!from->known[i]) {
            return error_set(error, SPUR_MODEL,
                             "tensor '%s' has no place in this architecture; the weights are "
                             "those of another one, or do not belong to config.json",
                             tensor_file_at(from->file, i)->name);
        }
    }
    return SPUR_OK;
}

static size_t nonfinite_count(const float *values, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += isfinite(values[i]) ? 0 : 1;
    }
    return found;
}

spur_status weights_take(const weights *from, const char *name, float **out, spur_error *error)
{
    spur_status status;
    float *values = NULL;
    size_t index = weights_index(from, name);
    if (index == tensor_file_count(from->file)) {
        FAIL(SPUR_INTERNAL, "tensor '%s' was not expected", name);
    }
    const tensor_info *info = tensor_file_at(from->file, index);
    TRY(memory_new(info->elements, sizeof *values, &values, error));
    TRY(tensor_file_read_float(from->file, info, values, error));
    size_t bad = from->allow_nonfinite ? 0 : nonfinite_count(values, info->elements);
    if (bad > 0) {
        FAIL(SPUR_MODEL, "tensor '%s' holds %zu non-finite values (NaN or infinity)", name,
             bad);
    }
    *out = values;
    values = NULL;
done:
    memory_free(values);
    return status;
}
