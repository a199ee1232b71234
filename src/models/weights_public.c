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
    spur_status status;
    unsigned char *bytes = NULL;
    unsigned char sum[DIGEST_SIZE];
    const tensor_info *info = tensor_file_at(weights->from, i);
    TRY(memory_new(info->bytes, 1, &bytes, error));
    TRY(tensor_file_read(weights->from, info, bytes, error));
    TRY(digest_of(bytes, info->bytes, sum, error));
    digest_hex(sum, sizeof sum, hex);
done:
    memory_free(bytes);
    return status;
}
