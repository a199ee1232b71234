/*
 * folder.h - what stands in a folder, in an order that does not depend on the file system.
 */
#ifndef IO_FOLDER_H
#define IO_FOLDER_H

#include <stddef.h>

#include "base/error.h"

typedef struct folder_list {
    char **names; /* byte-wise order, without "." and ".." */
    size_t count;
} folder_list;

/* `code` is the status of a folder that cannot be read; the message does not name it. */
spur_status folder_read(const char *path, spur_status code, folder_list *out,
                        spur_error *error) SPUR_MUST_USE;
void folder_free(folder_list *list);

#endif
