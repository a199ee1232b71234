/*
 * weights_public.c - spur_weights_*: the tensors of a file or model folder for callers.
 */
#include "base/digest.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"
#include "models/model_folder.h"

struct spur_weights {
    tensor_file *from;
};

spur_status spur_weights_open(const char *path, spur_weights **out, spur_error *error)
{
    spur_status status;
    char *folder = NULL;
    spur_weights *opened = NULL;
    TRY(memory_new_zeroed(1, sizeof *opened, &opened, error));
    if (file_kind_of(path) == FILE_MISSING) {
        TRY(model_folder_resolve(path, &folder, error));
        path = folder;
    }
    TRY(tensor_file_open(path, &opened->from, error));
    *out = opened;
    opened = NULL;
done:
    spur_weights_close(opened);
    memory_free(folder);
    return status;
}

void spur_weights_close(spur_weights *weights)
{
    if (weights != NULL) {
        tensor_file_close(weights->from);
        memory_free(weights);
    }
}

const char *spur_weights_format(const spur_weights *weights)
{
    return tensor_file_format(weights->from);
}

size_t spur_weights_count(const spur_weights *weights)
{
    return tensor_file_count(weights->from);
}

size_t spur_weights_metadata_count(const spur_weights *weights)
{
    return tensor_file_metadata_count(weights->from);
}

void spur_weights_metadata(const spur_weights *weights, size_t i, const char **key,
                           const char **value)
{
    tensor_file_metadata_at(weights->from, i, key, value);
}

void spur_weights_tensor(const spur_weights *weights, size_t i, spur_tensor *tensor)
{
    const tensor_info *info = tensor_file_at(weights->from, i);
    *tensor = (spur_tensor){info->name, tensor_dtype_name(info->dtype), info->rank, info->shape,
                            info->bytes};
}

spur_status spur_weights_sha256(const spur_weights *weights, size_t i, char hex[65],
                                spur_error *error)
{
    unsigned char sum[DIGEST_SIZE];
    spur_status status =
        tensor_file_digest(weights->from, tensor_file_at(weights->from, i), sum, error);
    if (status == SPUR_OK) {
        digest_hex(sum, sizeof sum, hex);
    }
    return status;
}
