/*
 * pickle_torch.c - what PyTorch's rebuild functions would make, proven to stay in bounds.
 *
 * storage: ('storage', class, key, location, numel[, view]); the location is ignored.
 * tensor:  (storage, offset, size, stride, requires_grad, hooks[, dtype (v3)[, metadata]]);
 * the oldest form ends behind stride. Offset and strides count elements.
 */
#include "io/pickle_torch.h"

#include <string.h>

#include "io/tensor_source.h"

static bool is_text(const pickle_value *value)
{
    return value->kind == PICKLE_TEXT || value->kind == PICKLE_BYTES;
}

static bool text_equals(const pickle_value *value, const char *wanted)
{
    return is_text(value) && value->length == strlen(wanted) &&
           memcmp(value->as.text, wanted, value->length) == 0;
}

/* A natural number that fits size_t. */
static bool take_size(const pickle_value *value, size_t *out)
{
    if (value->kind != PICKLE_INTEGER || value->as.integer < 0) {
        return false;
    }
    *out = (size_t)value->as.integer;
    return true;
}

/* ---- storages --------------------------------------------------------------------------- */

static spur_status take_class(const pickle_value *value, pickle_storage *storage,
                              spur_error *error)
{
    const pickle_global *global = value->kind == PICKLE_GLOBAL ? value->as.global : NULL;
    if (global != NULL && global->meaning == GLOBAL_UNTYPED_STORAGE) {
        storage->is_untyped = true;
        storage->dtype = TENSOR_U8;
        return SPUR_OK;
    }
    if (global != NULL && global->meaning == GLOBAL_STORAGE) {
        storage->is_untyped = false;
        storage->dtype = global->dtype;
        return SPUR_OK;
    }
    if (global == NULL) {
        return error_set(error, SPUR_MODEL, "persistent id names no storage class");
    }
    return error_set(error, SPUR_MODEL,
                     "refuses global '%.*s.%.*s': not a storage class Spur reads",
                     (int)(global->module_length & 0xFF), global->module,
                     (int)(global->name_length & 0xFF), global->name);
}

/* None, or (key, offset, elements): a part of the storage the id names. */
static bool take_view(const pickle_value *value, pickle_storage *storage)
{
    if (value->kind == PICKLE_NONE) {
        return true;
    }
    if (value->kind != PICKLE_TUPLE || value->as.sequence->count != 3) {
        return false;
    }
    const pickle_value *fields = value->as.sequence->items;
    return is_text(&fields[0]) && take_size(&fields[1], &storage->view_offset) &&
           take_size(&fields[2], &storage->view_elements) &&
           storage->view_offset <= storage->elements &&
           storage->view_elements <= storage->elements - storage->view_offset;
}

spur_status pickle_make_storage(arena *memory, const pickle_value *id, bool has_views,
                                pickle_storage **out, spur_error *error)
{
    spur_status status;
    pickle_storage *storage = NULL;
    size_t fields = has_views ? 6 : 5;
    if (id->kind != PICKLE_TUPLE || id->as.sequence->count != fields ||
        !text_equals(&id->as.sequence->items[0], "storage")) {
        FAIL(SPUR_MODEL, "persistent id is not ('storage', ... %zu fields)", fields);
    }
    const pickle_value *items = id->as.sequence->items;
    TRY(arena_take(memory, 1, sizeof *storage, &storage, error));
    memset(storage, 0, sizeof *storage);
    TRY(take_class(&items[1], storage, error));
    if (!is_text(&items[2]) || !is_text(&items[3])) {
        FAIL(SPUR_MODEL, "persistent id: key and location must be texts");
    }
    storage->key = items[2].as.text;
    storage->key_length = items[2].length;
    if (!take_size(&items[4], &storage->elements) ||
        !tensor_measure(storage->dtype, 1, &storage->elements, &storage->elements,
                        &storage->bytes)) {
        FAIL(SPUR_MODEL, "persistent id: the number of elements is not a size");
    }
    storage->view_elements = storage->elements;
    if (has_views && !take_view(&items[5], storage)) {
        FAIL(SPUR_MODEL, "persistent id: the view reaches outside its storage");
    }
    *out = storage;
done:
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------- */

/* A tuple of naturals as an array. */
static spur_status take_sizes(arena *memory, const pickle_value *value, const char *what,
                              size_t *count, const size_t **out, spur_error *error)
{
    spur_status status;
    size_t *sizes = NULL;
    if (value->kind != PICKLE_TUPLE || value->as.sequence->count > TENSOR_RANK_LIMIT) {
        FAIL(SPUR_MODEL, "tensor %s is not a tuple of at most %d integers", what,
             TENSOR_RANK_LIMIT);
    }
    *count = value->as.sequence->count;
    TRY(arena_take(memory, *count, sizeof *sizes, &sizes, error));
    for (size_t i = 0; i < *count; i++) {
        if (!take_size(&value->as.sequence->items[i], &sizes[i])) {
            FAIL(SPUR_MODEL, "tensor %s holds something that is not an integer >= 0", what);
        }
    }
    *out = sizes;
done:
    return status;
}

/* Index of the last element, in elements from the tensor's first. False on overflow. */
static bool measure_reach(const pickle_tensor *tensor, size_t *out)
{
    size_t reach = 0;
    for (size_t i = 0; i < tensor->rank; i++) {
        size_t step;
        if (!size_mul(tensor->shape[i] - 1, tensor->strides[i], &step) ||
            !size_add(reach, step, &reach)) {
            return false;
        }
    }
    *out = reach;
    return true;
}

/* Elements of the tensor's own dtype that the storage (or its view) holds. */
static size_t count_available(const pickle_tensor *tensor)
{
    const pickle_storage *storage = tensor->storage;
    return storage->is_untyped ? storage->view_elements / (tensor_dtype_bits(tensor->dtype) / 8)
                               : storage->view_elements;
}

static spur_status check_bounds(pickle_tensor *tensor, spur_error *error)
{
    size_t reach = 0, end;
    size_t available = count_available(tensor);
    if (!tensor_measure(tensor->dtype, tensor->rank, tensor->shape, &tensor->elements,
                        &tensor->bytes)) {
        return error_set(error, SPUR_MODEL, "tensor size overflows");
    }
    if (tensor->elements > 0 && (!measure_reach(tensor, &reach) ||
                                 !size_add(reach, tensor->offset, &end) || end >= available)) {
        return error_set(error, SPUR_MODEL, "tensor reaches past its storage of %zu elements",
                         available);
    }
    tensor->offset += tensor->elements > 0 ? tensor->storage->view_offset : 0;
    return SPUR_OK;
}

static spur_status take_dtype(const pickle_value *value, pickle_tensor *tensor,
                              spur_error *error)
{
    if (value->kind != PICKLE_GLOBAL || value->as.global->meaning != GLOBAL_DTYPE ||
        !tensor->storage->is_untyped) {
        return error_set(error, SPUR_MODEL,
                         "tensor's dtype is unknown or its storage has one already");
    }
    tensor->dtype = value->as.global->dtype;
    return SPUR_OK;
}

spur_status pickle_make_tensor(arena *memory, const pickle_value *arguments, bool is_v3,
                               const pickle_tensor **out, spur_error *error)
{
    spur_status status;
    pickle_tensor *tensor = NULL;
    size_t stride_count = 0;
    const pickle_value *items = arguments->as.sequence->items;
    if (arguments->as.sequence->count < (is_v3 ? 7 : 4) || items[0].kind != PICKLE_STORAGE) {
        FAIL(SPUR_MODEL, "tensor is rebuilt from something that is not a storage with offset, "
                         "size and stride");
    }
    TRY(arena_take(memory, 1, sizeof *tensor, &tensor, error));
    tensor->storage = items[0].as.storage;
    tensor->dtype = tensor->storage->dtype;
    if (is_v3) {
        TRY(take_dtype(&items[6], tensor, error));
    } else if (tensor->storage->is_untyped) {
        FAIL(SPUR_MODEL, "tensor has no dtype: its storage is untyped");
    }
    if (!take_size(&items[1], &tensor->offset)) {
        FAIL(SPUR_MODEL, "tensor offset is not an integer >= 0");
    }
    TRY(take_sizes(memory, &items[2], "size", &tensor->rank, &tensor->shape, error));
    TRY(take_sizes(memory, &items[3], "stride", &stride_count, &tensor->strides, error));
    if (stride_count != tensor->rank) {
        FAIL(SPUR_MODEL, "tensor has %zu sizes but %zu strides", tensor->rank, stride_count);
    }
    TRY(check_bounds(tensor, error));
    *out = tensor;
done:
    return status;
}
