/*
 * tokenizer_public.c - the tokenizer as libspur shows it.
 */
#include "base/memory.h"
#include "models/model_folder.h"
#include "models/tokenizer.h"

struct spur_tokenizer {
    tokenizer *inner;
};

spur_status spur_tokenizer_open(const char *model, spur_tokenizer **out, spur_error *error)
{
    spur_tokenizer *block = NULL;
    char *folder = NULL;
    spur_status status;
    TRY(model_folder_resolve(model, &folder, error));
    TRY(memory_new_zeroed(1, sizeof *block, &block, error));
    TRY(tokenizer_open(folder, &block->inner, error));
    *out = block;
    block = NULL;
done:
    memory_free(folder);
    spur_tokenizer_close(block);
    return status;
}

void spur_tokenizer_close(spur_tokenizer *block)
{
    if (block != NULL) {
        tokenizer_close(block->inner);
        memory_free(block);
    }
}

/* NOLINTNEXTLINE(readability-function-size): a text, three results, error */
spur_status spur_tokenizer_encode(const spur_tokenizer *from, const char *text, size_t length,
                                  size_t max_length, int32_t **ids, size_t *count,
                                  bool *truncated, spur_error *error)
{
    token_ids found = {NULL, 0, false};
    size_t limit = max_length == SIZE_MAX ? tokenizer_max_length(from->inner) : max_length;
    spur_status status = tokenizer_encode(from->inner, text, length, limit, &found, error);
    if (status == SPUR_OK) {
        *ids = found.ids;
        *count = found.count;
        if (truncated != NULL) {
            *truncated = found.truncated;
        }
    }
    return status;
}

void spur_ids_free(int32_t *ids)
{
    memory_free(ids);
}
