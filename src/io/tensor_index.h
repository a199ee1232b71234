/*
 * tensor_index.h - model.safetensors.index.json and pytorch_model.bin.index.json: which shard
 * holds which tensor.
 */
#ifndef IO_TENSOR_INDEX_H
#define IO_TENSOR_INDEX_H

#include <stddef.h>

#include "base/error.h"

typedef struct tensor_index_item {
    const char *name;
    size_t shard;
} tensor_index_item;

typedef struct tensor_index {
    char *folder; /* of the index; shards stand beside it */
    size_t count;
    tensor_index_item *items; /* in name order */
    size_t shard_count;
    const char **shards; /* plain file names, sorted, each once */
    void *document;      /* owns the texts */
} tensor_index;

spur_status tensor_index_read(const char *path, tensor_index **out,
                              spur_error *error) SPUR_MUST_USE;
void tensor_index_free(tensor_index *index);

#endif
