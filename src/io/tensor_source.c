/*
 * tensor_source.c - the list of tensors every format fills: compact, sorted by name once.
 */
#include "io/tensor_source.h"

#include <stdlib.h>
#include <string.h>

spur_status tensor_source_new(file *from, tensor_source **out, spur_error *error)
{
    tensor_source *source = NULL;
    spur_status status = memory_new_zeroed(1, sizeof *source, &source, error);
    if (status != SPUR_OK) {
        file_close(from);
        return status;
    }
    source->from = from;
    status = arena_new(&source->memory, error);
    if (status != SPUR_OK) {
        tensor_source_close(source);
        return status;
    }
    *out = source;
    return SPUR_OK;
}

void tensor_source_close(tensor_source *source)
{
    if (source == NULL) {
        return;
    }
    if (source->close_own != NULL) {
        source->close_own(source->own);
    }
    file_close(source->from);
    memory_free(source->entries);
    memory_free(source->metadata);
    arena_free(source->memory);
    memory_free(source);
}

bool tensor_measure(tensor_dtype dtype, size_t rank, const size_t *shape, size_t *elements,
                    size_t *bytes)
{
    size_t product = 1;
    size_t bits;
    for (size_t i = 0; i < rank; i++) {
        if (!size_mul(product, shape[i], &product)) {
            return false;
        }
    }
    if (!size_mul(product, tensor_dtype_bits(dtype), &bits) || bits % 8 != 0) {
        return false;
    }
    *elements = product;
    *bytes = bits / 8;
    return true;
}

spur_status tensor_source_add(tensor_source *source, const tensor_info *info,
                              tensor_place place, spur_error *error)
{
    spur_status status;
    tensor_entry *entry = NULL;
    TRY(memory_grow(&source->entries, &source->capacity, source->count + 1,
                    sizeof(tensor_entry *), error));
    TRY(arena_take(source->memory, 1, sizeof *entry + info->rank * sizeof(size_t), &entry,
                   error));
    entry->info = *info;
    entry->place = place;
    entry->source = source;
    if (info->rank > 0) {
        memcpy(entry->shape, info->shape, info->rank * sizeof(size_t));
    }
    entry->info.shape = entry->shape;
    source->entries[source->count++] = entry;
done:
    return status;
}

static int compare_names(const void *left, const void *right)
{
    const tensor_entry *const *a = left;
    const tensor_entry *const *b = right;
    return strcmp((*a)->info.name, (*b)->info.name);
}

spur_status tensor_source_sort(tensor_source *source, spur_error *error)
{
    if (source->count == 0) {
        return SPUR_OK;
    }
    qsort(source->entries, source->count, sizeof(tensor_entry *), compare_names);
    for (size_t i = 1; i < source->count; i++) {
        const char *name = source->entries[i]->info.name;
        if (strcmp(source->entries[i - 1]->info.name, name) == 0) {
            return error_set(error, SPUR_MODEL,
                             "tensor '%s' stands twice; expected every name once", name);
        }
    }
    return SPUR_OK;
}

spur_status tensor_source_read(const tensor_entry *entry, void *dst, spur_error *error)
{
    const tensor_source *source = entry->source;
    uint64_t offset;
    return source->locate(entry, &offset)
               ? file_read_at(source->from, offset, dst, entry->info.bytes, error)
               : source->gather(source, entry, dst, error);
}
