/*
 * checkpoint_zip.c - PyTorch since 1.6: a zip archive whose NAME/data.pkl is the state dict and
 * whose members NAME/data/KEY are its storages. Every member's CRC is compared when the file is
 * opened, so that checking and loading accept the same files.
 */
#include <string.h>

#include "base/text.h"
#include "io/checkpoint.h"

/* ROOT/name in the archive, ROOT being the folder of the first member; or NULL. */
static spur_status find_below_root(const zip *archive, const char *name, size_t length,
                                   const zip_member **out, spur_error *error)
{
    spur_status status;
    text_buffer path = {NULL, 0, 0};
    const zip_member *first = zip_first(archive);
    const char *slash = memchr(first->name, '/', first->name_length);
    size_t root = slash == NULL ? 0 : (size_t)(slash - first->name) + 1;
    TRY(text_add(&path, first->name, root, error));
    TRY(text_add(&path, name, length, error));
    *out = zip_find(archive, path.data, path.length);
done:
    text_buffer_free(&path);
    return status;
}

static bool has_folder(const zip_member *member, size_t root, const char *folder)
{
    size_t length = strlen(folder);
    return member->name_length >= root + length &&
           memcmp(member->name + root, folder, length) == 0;
}

/* One folder holds everything; TorchScript's members are not there. */
static spur_status check_members(const zip *archive, spur_error *error)
{
    const zip_member *first = zip_first(archive);
    const char *slash = memchr(first->name, '/', first->name_length);
    if (slash == NULL) {
        return error_set(error, SPUR_MODEL,
                         "is a zip archive but no PyTorch file: '%.*s' is in no folder",
                         (int)(first->name_length & 0xFF), first->name);
    }
    size_t root = (size_t)(slash - first->name) + 1;
    for (size_t i = 0; i < zip_count(archive); i++) {
        const zip_member *member = zip_at(archive, i);
        if (member->name_length < root || memcmp(member->name, first->name, root) != 0) {
            return error_set(error, SPUR_MODEL,
                             "zip member '%.*s' is outside the folder of the others",
                             (int)(member->name_length & 0xFF), member->name);
        }
        if (has_folder(member, root, "code/") || has_folder(member, root, "constants.pkl")) {
            return error_set(error, SPUR_MODEL,
                             "is a TorchScript archive (code, not only weights); re-save the "
                             "weights: torch.save(torch.jit.load(FILE).state_dict(), OUT)");
        }
    }
    return SPUR_OK;
}

static spur_status check_byte_order(const zip *archive, spur_error *error)
{
    spur_status status;
    const zip_member *member = NULL;
    unsigned char *text = NULL;
    TRY(find_below_root(archive, "byteorder", 9, &member, error));
    if (member == NULL) {
        return SPUR_OK;
    }
    TRY(zip_load(archive, member, 64, &text, error));
    if (member->size != 6 || memcmp(text, "little", 6) != 0) {
        FAIL(SPUR_MODEL,
             "was written on a machine with byte order '%.*s', expected 'little'; "
             "re-save it on a usual one",
             (int)member->size, (const char *)text);
    }
done:
    memory_free(text);
    return status;
}

static spur_status parse_data(checkpoint *own, spur_error *error)
{
    spur_status status;
    const zip_member *member = NULL;
    size_t used = 0;
    TRY(find_below_root(own->archive, "data.pkl", 8, &member, error));
    if (member == NULL) {
        FAIL(SPUR_MODEL, "is a zip archive but no PyTorch file: it has no data.pkl");
    }
    TRY(zip_load(own->archive, member, CHECKPOINT_PICKLE_LIMIT, &own->bytes, error));
    TRY(pickle_read(own->bytes, (size_t)member->size, false, &own->parsed, &used, error));
    if (used != member->size) {
        FAIL(SPUR_MODEL, "data.pkl: bytes follow the end of the pickle at byte %zu", used);
    }
done:
    return status;
}

/* Finds each storage's member, whose size must be the storage's. */
static spur_status place_members(checkpoint *own, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer name = {NULL, 0, 0};
    for (pickle_storage *storage = pickle_storages(own->parsed); storage != NULL;
         storage = storage->next) {
        const zip_member *member = NULL;
        name.length = 0;
        TRY(text_add(&name, "data/", 5, error));
        TRY(text_add(&name, storage->key, storage->key_length, error));
        TRY(find_below_root(own->archive, name.data, name.length, &member, error));
        if (member == NULL) {
            FAIL(SPUR_MODEL, "zip member '%s' is missing, which a tensor needs", name.data);
        }
        if (member->size != storage->bytes) {
            FAIL(SPUR_MODEL, "zip member '%s' has %llu bytes, its storage needs %zu", name.data,
                 (unsigned long long)member->size, storage->bytes);
        }
        storage->position = member->offset;
    }
done:
    text_buffer_free(&name);
    return status;
}

spur_status checkpoint_open_zip(file *from, tensor_source **out, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    checkpoint *own = NULL;
    TRY(checkpoint_new(from, "pytorch-zip", &source, &own, error));
    TRY(zip_open(from, &own->archive, error));
    TRY(check_members(own->archive, error));
    TRY(check_byte_order(own->archive, error));
    TRY(parse_data(own, error));
    TRY(place_members(own, error));
    TRY(checkpoint_add_tensors(source, pickle_root(own->parsed), error));
    TRY(zip_check(own->archive, error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}
