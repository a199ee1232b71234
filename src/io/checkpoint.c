/*
 * checkpoint.c - the tensors of a pickled state dict, whatever file it came from.
 *
 * Contiguous tensors are read straight into the caller's memory; other views through the span
 * of the storage they touch. A view may repeat elements (stride 0), so what all tensors hold
 * together is bounded by a multiple of the file.
 */
#include "io/checkpoint.h"

#include <string.h>

#include "base/text.h"

enum {
    EXPANSION_LIMIT = 16,             /* tensors may hold so many times the file's bytes ... */
    EXPANSION_FREE = 64 * 1024 * 1024 /* ... plus this much */
};

static void checkpoint_close(void *own)
{
    checkpoint *block = own;
    pickle_free(block->parsed);
    zip_close(block->archive);
    memory_free(block->bytes);
    memory_free(block);
}

/* ---- reading a tensor ------------------------------------------------------------------- */

static bool is_contiguous(const pickle_tensor *tensor)
{
    size_t expected = 1;
    for (size_t i = tensor->rank; i > 0; i--) {
        if (tensor->shape[i - 1] != 1 && tensor->strides[i - 1] != expected) {
            return false;
        }
        expected *= tensor->shape[i - 1]; /* divides the proven element count */
    }
    return true;
}

/* Copies elements of `width` bytes in row-major order; the tensor is not empty. */
static void gather(const pickle_tensor *tensor, const unsigned char *src, size_t width,
                   unsigned char *dst)
{
    size_t at[TENSOR_RANK_LIMIT] = {0};
    size_t position = 0;
    for (size_t done = 0; done < tensor->elements; done++) {
        memcpy(dst + done * width, src + position * width, width);
        for (size_t i = tensor->rank; i > 0; i--) {
            position += tensor->strides[i - 1];
            if (++at[i - 1] < tensor->shape[i - 1]) {
                break;
            }
            position -= tensor->strides[i - 1] * tensor->shape[i - 1];
            at[i - 1] = 0;
        }
    }
}

/* Elements from the tensor's first to its last, both counted. */
static size_t span_of(const pickle_tensor *tensor)
{
    size_t span = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        span += (tensor->shape[i] - 1) * tensor->strides[i];
    }
    return span;
}

static bool checkpoint_locate(const tensor_entry *entry, uint64_t *offset)
{
    const pickle_tensor *tensor = entry->place.record;
    size_t width = tensor_dtype_bits(tensor->dtype) / 8;
    bool is_empty = tensor->elements == 0;
    *offset = is_empty ? 0 : tensor->storage->position + (uint64_t)tensor->offset * width;
    return is_empty || is_contiguous(tensor);
}

static spur_status checkpoint_gather(const tensor_source *source, const tensor_entry *entry,
                                     void *dst, spur_error *error)
{
    spur_status status;
    unsigned char *span = NULL;
    const pickle_tensor *tensor = entry->place.record;
    size_t width = tensor_dtype_bits(tensor->dtype) / 8, length = span_of(tensor);
    uint64_t begin = tensor->storage->position + (uint64_t)tensor->offset * width;
    TRY(memory_new(length, width, &span, error));
    TRY(file_read_at(source->from, begin, span, length * width, error));
    gather(tensor, span, width, dst);
done:
    memory_free(span);
    return status;
}

/* ---- the state dict --------------------------------------------------------------------- */

static const pickle_value *unwrap(const pickle_value *dict)
{
    static const char *const wrappers[] = {"model", "state_dict", "model_ema",
                                           "state_dict_ema"};
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        const pickle_value *inner = pickle_dict_get(dict, wrappers[i]);
        if (inner != NULL && pickle_is_dict(inner)) {
            return inner;
        }
    }
    return dict;
}

/* The key as a tensor name, without the 'module.' of DataParallel. */
static spur_status take_name(tensor_source *source, const pickle_value *key, const char **out,
                             spur_error *error)
{
    static const char prefix[] = "module.";
    spur_status status;
    char *name = NULL;
    if ((key->kind != PICKLE_TEXT && key->kind != PICKLE_BYTES) ||
        !text_is_utf8(key->as.text, key->length) ||
        memchr(key->as.text, '\0', key->length) != NULL) {
        FAIL(SPUR_MODEL, "a tensor's name is not a text in UTF-8");
    }
    size_t skip = sizeof prefix - 1;
    if (key->length < skip || memcmp(key->as.text, prefix, skip) != 0) {
        skip = 0;
    }
    TRY(arena_text(source->memory, key->as.text + skip, key->length - skip, &name, error));
    *out = name;
done:
    return status;
}

static spur_status add_tensor(tensor_source *source, const pickle_value *key,
                              const pickle_tensor *tensor, uint64_t *total, spur_error *error)
{
    spur_status status;
    tensor_info info = {.dtype = tensor->dtype,
                        .rank = tensor->rank,
                        .shape = tensor->shape,
                        .elements = tensor->elements,
                        .bytes = tensor->bytes};
    TRY(take_name(source, key, &info.name, error));
    uint64_t limit = EXPANSION_FREE + EXPANSION_LIMIT * file_size(source->from);
    if (tensor->bytes > limit - *total) {
        FAIL(SPUR_MODEL,
             "tensor '%s' takes the tensors past %llu bytes, %d times what the file can hold: "
             "repeated views are not expanded that far",
             info.name, (unsigned long long)limit, EXPANSION_LIMIT);
    }
    *total += tensor->bytes;
    TRY(tensor_source_add(source, &info, (tensor_place){.record = tensor}, error));
done:
    return status;
}

static spur_status add_dict(tensor_source *source, const pickle_sequence *items,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t total = 0;
    for (size_t i = 0; i < items->count; i += 2) {
        const pickle_value *value = &items->items[i + 1];
        if (value->kind != PICKLE_TENSOR) {
            continue; /* other values beside them are left out */
        }
        TRY(add_tensor(source, &items->items[i], value->as.tensor, &total, error));
    }
done:
    return status;
}

spur_status checkpoint_add_tensors(tensor_source *source, const pickle_value *root,
                                   spur_error *error)
{
    spur_status status;
    if (!pickle_is_dict(root)) {
        FAIL(SPUR_MODEL, "the checkpoint is not a dict of tensors; re-save the state dict: "
                         "torch.save(model.state_dict(), FILE)");
    }
    const pickle_sequence *items = unwrap(root)->as.sequence;
    TRY(add_dict(source, items, error));
    if (source->count == 0 && items->count > 0) {
        FAIL(SPUR_MODEL, "the checkpoint's dict holds no tensors; expected a state dict, or "
                         "one under 'model' or 'state_dict'");
    }
    TRY(tensor_source_sort(source, error));
done:
    return status;
}

spur_status checkpoint_new(file *from, const char *format, tensor_source **out,
                           checkpoint **own, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    TRY(tensor_source_new(from, &source, error));
    TRY(memory_new_zeroed(1, sizeof **own, own, error));
    source->own = *own;
    source->close_own = checkpoint_close;
    source->format = format;
    source->locate = checkpoint_locate;
    source->gather = checkpoint_gather;
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}
