/*
 * row_picture.c - path, decoding and the comparison with the file's digest in the run.
 */
#include "pipeline/row_picture.h"

#include <string.h>

#include "base/memory.h"
#include "io/file.h"

spur_status row_picture_load(const row_source *from, const char *file_name,
                             const unsigned char expected[STORE_DIGEST_SIZE], picture *out,
                             spur_error *error)
{
    spur_status status;
    char *path = NULL;
    memset(out, 0, sizeof *out);
    TRY(file_name[0] == '/' ? memory_copy_text(file_name, strlen(file_name), &path, error)
                            : file_join(from->root, file_name, &path, error));
    TRY(picture_load(from->gate, path, from->image, out, error));
    if (memcmp(out->digest, expected, STORE_DIGEST_SIZE) != 0) {
        FAIL(SPUR_IMAGE, "the file has changed since it was scored");
    }
done:
    memory_free(path);
    return status;
}
